"""`llo11ypop report`: what happened last night, last week or at any time, ready for a person who must brief others.

Exit codes: 0 made, and delivered where that was asked for; 1 a delivery failed or is uncertain; 2 wrong usage.
"""

import asyncio
import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    from llo11ypop.agents.reporter.facts import Period
    from llo11ypop.report.delivery import Handed, Letter
    from llo11ypop.settings import Settings


class Format(StrEnum):
    """How a report is written."""

    MD = "md"
    HTML = "html"
    JSON = "json"


class Found(StrEnum):
    """Where incidents come from."""

    AUTO = "auto"
    LEDGER = "ledger"
    REPLAY = "replay"


def report(
    *,
    last_night: Annotated[
        bool, typer.Option("--last-night", help="The latest night of which half is over (the default).")
    ] = False,
    last_week: Annotated[bool, typer.Option("--last-week", help="The calendar week before, on one page.")] = False,
    since: Annotated[str | None, typer.Option(help="From: an instant, or a duration ago such as 36h.")] = None,
    until: Annotated[str | None, typer.Option(help="To: an instant, or a duration ago. Default: --at.")] = None,
    at: Annotated[
        str | None,
        typer.Option(help="As known at this instant, such as 2026-05-03T07:30:00Z. Default: the end of the telemetry."),
    ] = None,
    fleet: Annotated[Path | None, typer.Option(help="Telemetry file instead of telemetry.path; incidents by replay.")] = None,
    found_by: Annotated[
        Found, typer.Option(help="ledger: what the loop proposed; replay: run it again; auto: the ledger where it ran.")
    ] = Found.AUTO,
    format_: Annotated[
        Format | None, typer.Option("--format", help="On the screen md by default, in a folder all three.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write into this folder instead of on the screen.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Deliver to the configured folder, mail and webhook, once.")] = False,
    again: Annotated[bool, typer.Option("--again", help="With --send: also what was delivered or is uncertain.")] = False,
) -> None:
    """Say what happened, who was hit, why, what was decided and what to watch."""
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import load_settings

    if sum((last_night, last_week, bool(since or until))) > 1:
        raise ConfigError("--last-night, --last-week and --since exclude each other", next_step="choose one")
    if again and not send:
        raise ConfigError("--again only goes with --send", next_step="add --send")
    overrides: dict[str, Any] = {"telemetry": {"path": fleet}} if fleet else {}
    settings = load_settings(None, **overrides)
    configure_logging("warning", settings.logging.format)
    source = Found.REPLAY if fleet is not None and found_by is Found.AUTO else found_by
    handed = asyncio.run(_run(settings, _Asked(last_week, since, until, _instant(at), source, format_, out, send, again)))
    if any(h.state not in ("delivered", "sending") for h in handed):
        raise typer.Exit(1)


class _Asked:
    """The options, read."""

    def __init__(
        self,
        week: bool,
        since: str | None,
        until: str | None,
        at: datetime | None,
        source: Found,
        format_: Format | None,
        out: Path | None,
        *delivery: bool,
    ) -> None:
        self.week, self.since, self.until, self.at = week, since, until, at
        self.source, self.format, self.out = source, format_, out
        self.send, self.again = delivery

    def period(self, settings: "Settings", end: datetime) -> "Period":
        """The stretch that is asked for."""
        from llo11ypop.daemon.reporting import night_of
        from llo11ypop.report.period import between, last_night, last_week

        if self.week:
            return last_week(end)
        return between(self.since, self.until, end) if self.since or self.until else last_night(end, night_of(settings))


def _instant(text: str | None) -> datetime | None:
    from llo11ypop.core.clock import parse_instant

    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as bad:
        raise ConfigError(f"--at '{text}' is not an instant", next_step="write 2026-05-03T07:30:00Z") from bad


async def _run(settings: "Settings", asked: _Asked) -> "list[Handed]":
    from llo11ypop.core.clock import SystemClock
    from llo11ypop.daemon.reporting import reporting
    from llo11ypop.report.build import build_report
    from llo11ypop.report.letter import letter_of

    found_by = None if asked.source is Found.AUTO else asked.source.value
    async with reporting(settings, found_by, keep=asked.send or found_by != "replay") as (deps, end):
        instant = asked.at or await end()
        made = await build_report(deps, asked.period(settings, instant))
        await deps.loop.ledger.save_evidence(list(made.evidence.values()))
        letter = letter_of(made, SystemClock().now())
    if asked.out is not None:
        await _write(letter, asked.out, asked.format)
    handed = await _send(settings, letter, again=asked.again) if asked.send else []
    if asked.out is None and (asked.format or not asked.send):
        print(_text(letter, asked.format or Format.MD), end="")
    return handed


def _text(letter: "Letter", format_: Format) -> str:
    if format_ is Format.JSON:
        return json.dumps(json.loads(letter.json), ensure_ascii=False, indent=2) + "\n"
    return letter.html if format_ is Format.HTML else letter.markdown


async def _write(letter: "Letter", folder: Path, format_: Format | None) -> None:
    from llo11ypop.report.letter import file_name
    from llo11ypop.report.outlets.folder import Folder

    endings = (format_.value,) if format_ else ("html", "md", "json")
    await Folder(folder, endings).deliver(letter)
    for ending in endings:
        print(folder / f"{file_name(letter)}.{ending}")


async def _send(settings: "Settings", letter: "Letter", *, again: bool) -> "list[Handed]":
    from llo11ypop.core.clock import SystemClock
    from llo11ypop.daemon.reporting import outlets, shelf
    from llo11ypop.report.delivery import hand_out

    configured = outlets(settings)
    if not configured:
        raise ConfigError("no outlet is configured", next_step="set report.folder, report.mail or report.webhook")
    async with shelf(settings) as kept:
        before = {h.outlet for h in await kept.deliveries(letter.id) if h.state == "delivered"}
        handed = await hand_out(kept, configured, letter, SystemClock().now(), again=again)
    for one in handed:
        told = "was delivered before" if one.outlet in before and not again else one.state.value
        print(f"{one.outlet}: {told}" + (f" — {one.reference or one.why}" if one.reference or one.why else ""))
    return handed
