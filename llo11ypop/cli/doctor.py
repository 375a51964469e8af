"""`llo11ypop doctor`: probes everything that is configured and says what is wrong and what to do."""

import asyncio
import json
import shutil
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llo11ypop.core.errors import Llo11yPopError

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.core.goal import Goal
    from llo11ypop.settings import Settings

FREE_BYTES = 1_000_000_000
"""Less free space than this is worth a warning: a ledger grows by some 20 kB per cycle. Our assumption."""
STALE = timedelta(hours=1)
MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one probe."""

    probe: str
    state: str
    """ok, warn or fail."""
    text: str
    """What is so, and what to do where something is wrong."""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Probe settings, catalog, telemetry, ledger, channels, models, disk and clock. Exit 1 when something must be done."""
    found = asyncio.run(examine())
    if as_json:
        print(json.dumps([asdict(f) for f in found], indent=2, ensure_ascii=False))
    else:
        for finding in found:
            print(f"{MARKS[finding.state]}  {finding.probe:<13} {finding.text}")
    if any(f.state == "fail" for f in found):
        raise typer.Exit(1)


async def examine() -> list[Finding]:
    """All findings, in the order in which things depend on each other."""
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import load_settings

    configure_logging("error", "text")
    try:
        settings = load_settings()
    except Llo11yPopError as bad:
        return [Finding("settings", "fail", bad.line())]
    found = [Finding("settings", "ok", f"{settings.config_dir} (configuration {settings.config_hash})")]
    knowledge: list[Knowledge] = []
    found += await _probed("catalog", _knowledge(settings, knowledge))
    for known in knowledge:
        found += await _probed("elasticsearch", _elasticsearch(settings, known))
        found += await _probed("prometheus", _prometheus(settings, known))
        found += await _probed("telemetry", _telemetry(settings, known))
    for name, probe in {
        "grafana": _grafana,
        "ledger": _ledger,
        "channels": _channels,
        "models": _models,
        "disk": _disk,
        "clock": _clock,
    }.items():
        found += await _probed(name, probe(settings))
    return found


async def _probed(name: str, probe: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await probe
    except Llo11yPopError as bad:
        return [Finding(name, "fail", bad.line())]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the configuration directory holds, read once."""

    catalog: "Catalog"
    goals: "tuple[Goal, ...]"


async def _knowledge(settings: "Settings", into: list[Knowledge]) -> list[Finding]:
    """Read it. A catalog with a mistake leaves the stores unprobed: nothing would say what to look for."""
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.playbooks import load_goals, load_playbooks

    catalog = open_catalog(settings)
    goals = load_goals(settings.config_dir, catalog)
    into.append(Knowledge(catalog, goals))
    load_playbooks(settings.config_dir, catalog)
    return [Finding("catalog", "ok", f"{len(catalog.datasets)} datasets, {len(goals)} goals, playbooks read")]


async def _elasticsearch(settings: "Settings", known: Knowledge) -> list[Finding]:
    from llo11ypop.cli.doctor_elasticsearch import examine_elasticsearch

    found = await examine_elasticsearch(settings, known.catalog)
    return [Finding("elasticsearch", state, text) for state, text in found]


async def _prometheus(settings: "Settings", known: Knowledge) -> list[Finding]:
    from llo11ypop.cli.doctor_prometheus import examine_prometheus

    found = await examine_prometheus(settings, known.catalog)
    return [Finding("prometheus", state, text) for state, text in found]


async def _telemetry(settings: "Settings", known: Knowledge) -> list[Finding]:
    from llo11ypop.cli.doctor_freshness import examine_freshness, examine_goals
    from llo11ypop.core.clock import SystemClock
    from llo11ypop.daemon.compose import latest_instant, open_store

    catalog, now = known.catalog, SystemClock().now()
    store = open_store(settings, catalog)
    exports = await store.exports()
    absent = sorted(name for name in catalog.datasets if not exports.has(name))
    unknown = sorted(name for name in exports.datasets if name not in catalog.datasets)
    last = await latest_instant(store)
    where = str(settings.telemetry.path) if settings.telemetry.store == "duckdb" else settings.telemetry.store
    found = [Finding("telemetry", "ok", f"{where}: {len(exports.datasets)} datasets, the newest row of {last:%Y-%m-%d %H:%M}Z")]
    if absent:
        text = f"{len(absent)} datasets of the catalog are not exported here: {', '.join(absent[:6])}"
        found.append(Finding("telemetry", "ok", f"{text}{' …' if len(absent) > 6 else ''}"))  # noqa: PLR2004
    if unknown:
        text = f"the catalog does not describe {', '.join(unknown[:6])} — add them to config/catalog to use them"
        found.append(Finding("telemetry", "warn", text))
    if now - last > STALE:
        text = f"the last row is of {last:%Y-%m-%d %H:%M}Z — check what loads telemetry (a recorded fleet is fine)"
        found.append(Finding("telemetry", "warn", text))
    said = await examine_freshness(store, catalog, now, last)
    said += examine_goals(known.goals, catalog, exports)
    return found + [Finding("telemetry", state, text) for state, text in said]


async def _grafana(settings: "Settings") -> list[Finding]:
    from llo11ypop.cli.doctor_grafana import examine_grafana

    return [Finding("grafana", state, text) for state, text in await examine_grafana(settings)]


async def _ledger(settings: "Settings") -> list[Finding]:
    from llo11ypop.core.proposal import OPEN_STATUSES
    from llo11ypop.daemon.compose import open_ledger

    if settings.ledger.url is None and not settings.ledger.path.exists():
        text = f"no ledger at {settings.ledger.path} yet — it is created at the first run"
        return [Finding("ledger", "ok", text)]
    ledger = open_ledger(settings)
    try:
        waiting = await ledger.proposals(OPEN_STATUSES)
        last = await ledger.last_cycle()
    finally:
        await ledger.close()
    when = f"last cycle {last.at:%Y-%m-%d %H:%M}Z, {last.status}" if last else "no cycle yet"
    return [Finding("ledger", "ok", f"{len(waiting)} open proposals, {when}")]


async def _channels(settings: "Settings") -> list[Finding]:
    from llo11ypop.cli.doctor_channels import examine_channels

    return [Finding("channels", state, text) for state, text in await examine_channels(settings)]


async def _models(settings: "Settings") -> list[Finding]:
    from llo11ypop.cli.doctor_models import examine_models

    return [Finding("models", state, text) for state, text in await examine_models(settings)]


async def _disk(settings: "Settings") -> list[Finding]:
    place = _existing(settings.ledger.path.parent)
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:,.1f} GB free where the ledger is ({place})"
    if free < FREE_BYTES:
        return [Finding("disk", "fail", f"only {text} — make room, or the ledger will refuse to write")]
    return [Finding("disk", "ok", text)]


async def _clock(settings: "Settings") -> list[Finding]:
    """A clock that is behind what was already written is wrong: cycles would look at the past."""
    from llo11ypop.core.clock import SystemClock

    now = SystemClock().now()
    if settings.ledger.path.exists():
        written = settings.ledger.path.stat().st_mtime
        if written - now.timestamp() > 60:  # noqa: PLR2004
            ahead = f"the ledger was written {(written - now.timestamp()) / 60:.0f} min in the future"
            return [Finding("clock", "fail", f"{ahead} — set this machine's clock (NTP)")]
    return [Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S}Z")]


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
