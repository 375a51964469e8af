"""`llo11ypop up`: a seeded fleet, the daemon and the console in one process; no keys, no servers."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    from llo11ypop.cli.live_demo import LiveDemo
    from llo11ypop.settings import Settings

CYCLE_FLEET_MINUTES = 15
CYCLE_REAL_S = 5.0
PACE = CYCLE_FLEET_MINUTES * 60 / CYCLE_REAL_S
"""Fleet seconds per second: a cycle every five seconds looks at fifteen minutes of fleet."""
PORTS_TRIED = 50
_OURS = ("fleet.duckdb", "fleet.duckdb.wal", "fleet.truth.jsonl", "ledger.sqlite", "checkpoints.sqlite", "daemon.log")


def up(
    *,
    directory: Annotated[Path, typer.Option("--dir", help="Where the fleet, the ledger and the log are kept.")] = Path(
        ".llo11ypop"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew: forget the fleet and the ledger there.")] = False,
    gpus: Annotated[int, typer.Option(help="Size of the fleet, a multiple of 8.")] = 96,
    hours: Annotated[float, typer.Option(help="Hours of history before the start.")] = 24.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same fleet.")] = 7,
    port: Annotated[int, typer.Option(help="Of the console; the next free one is taken.")] = 8080,
    break_: Annotated[
        list[str] | None, typer.Option("--break", help="Inject MODE or MODE@entity at the start, such as F16.")
    ] = None,
    seconds: Annotated[float, typer.Option("--for", help="Stop after so many seconds; 0 never.")] = 0.0,
) -> None:
    """Start everything, and say where to look."""
    from llo11ypop.cli.live_demo import open_demo
    from llo11ypop.observability.logs import configure_logging

    directory.mkdir(parents=True, exist_ok=True)
    if fresh:
        _forget(directory)
    fleet = directory / "fleet.duckdb"
    if not fleet.exists():
        _generate(fleet, gpus, hours, seed)
    settings = _settings(directory, port)
    with (directory / "daemon.log").open("a", encoding="utf-8") as log:
        configure_logging(settings.logging.level, "json", log)
        demo = open_demo(fleet, PACE)
        try:
            asyncio.run(_run(settings, demo, break_ or [], seconds, directory))
        finally:
            demo.connection.close()
            configure_logging(settings.logging.level, "json")
    _say("Stopped. Start again to go on, or with --fresh to begin anew.")


def _say(text: str) -> None:
    print(text, flush=True)


def _forget(directory: Path) -> None:
    for name in _OURS:
        for left in (name, f"{name}-wal", f"{name}-shm"):
            (directory / left).unlink(missing_ok=True)


def _generate(path: Path, gpus: int, hours: float, seed: int) -> None:
    from llo11ypop.cli.live_demo import write_history
    from llo11ypop.simulator.spec import SimulationSpec

    if hours <= 0:
        raise ConfigError(f"--hours {hours:g} is no history", next_step="write for example --hours 24")
    _say(f"Simulating {gpus} GPUs and {hours:g} hours of their past …")
    began = time.monotonic()
    rows = write_history(SimulationSpec(seed=seed, gpus=gpus, days=hours / 24), path)
    _say(f"{rows:,} rows of telemetry in {time.monotonic() - began:.1f} s.")


def _settings(directory: Path, port: int) -> "Settings":
    from llo11ypop.settings import load_settings

    overrides: dict[str, Any] = {
        "telemetry": {"path": directory / "fleet.duckdb"},
        "ledger": {"path": directory / "ledger.sqlite", "checkpoints": directory / "checkpoints.sqlite"},
        "cycle": {"every": f"{CYCLE_FLEET_MINUTES}m"},
        "console": {"port": port},
    }
    return load_settings(None, **overrides)


async def _run(settings: "Settings", demo: "LiveDemo", breaks: list[str], seconds: float, directory: Path) -> None:
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.daemon.daemon import Daemon
    from llo11ypop.stores.duckdb import DuckDbStore

    for mode in breaks:
        _say(f"Broken on purpose: {await demo.break_something(mode)}.")
    daemon = Daemon(
        settings,
        clock=demo,
        pace=PACE,
        store=DuckDbStore.attach(demo.connection, open_catalog(settings)),
        companions={"fleet": demo.feed},
        demo=demo,
        port_search=PORTS_TRIED,
        on_ready=lambda url: _welcome(url, demo, directory),
        on_report=_tell,
        watch_clock=False,
    )
    if seconds > 0:
        asyncio.get_running_loop().call_later(seconds, daemon.stop.set)
    await daemon.run()


def _welcome(url: str, demo: "LiveDemo", directory: Path) -> None:
    _say(f"\n  Console    {url}\n  API        {url}/api/v1/openapi.json\n  Log        {directory / 'daemon.log'}\n")
    _say(demo.note)
    _say("First proposals appear within a minute. Stop with Ctrl-C.\n")


def _tell(report: Any) -> None:
    """New proposals, as they are filed."""
    for filed in report.proposals:
        _say(f"{report.at:%d %b %H:%M}  {filed['severity']}  {filed['title']}  →  {filed['action']['name']}")
