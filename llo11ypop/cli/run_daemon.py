"""`llo11ypop run`: the daemon."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer


def run(
    fleet: Annotated[Path | None, typer.Option(help="Telemetry file instead of telemetry.path.")] = None,
    host: Annotated[str | None, typer.Option(help="Instead of console.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Instead of console.port; 0 takes a free one.")] = None,
) -> None:
    """Run cycles on a schedule until SIGTERM or Ctrl-C, with console, probes and metrics."""
    from llo11ypop.daemon.daemon import Daemon
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import load_settings

    console = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    overrides: dict[str, Any] = {"console": console, "telemetry": {"path": fleet} if fleet else {}}
    settings = load_settings(None, **overrides)
    configure_logging(settings.logging.level, settings.logging.format)
    asyncio.run(Daemon(settings).run())
