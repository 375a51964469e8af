"""`llo11ypop once`: one cycle, now or as of a past instant, and what came of it."""

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError, UnknownNameError


def once(
    goal: Annotated[list[str] | None, typer.Option(help="Only this goal (repeatable).")] = None,
    at: Annotated[
        str | None, typer.Option(help="Instant, such as 2026-05-03T12:00:00Z. Default: the end of the telemetry.")
    ] = None,
    fleet: Annotated[Path | None, typer.Option(help="Telemetry file instead of telemetry.path.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as JSON.")] = False,
) -> None:
    """Run one cycle of observe, orient, decide and act; file what it proposes."""
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import load_settings

    overrides: dict[str, Any] = {"telemetry": {"path": fleet}} if fleet else {}
    settings = load_settings(None, **overrides)
    configure_logging("warning", settings.logging.format)
    report = asyncio.run(_run(settings, _instant(at), goal or []))
    print(json.dumps(report, default=str, ensure_ascii=False, indent=2) if as_json else summary(report))


def _instant(text: str | None) -> datetime | None:
    from llo11ypop.core.clock import parse_instant

    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as bad:
        raise ConfigError(f"--at '{text}' is not an instant", next_step="write 2026-05-03T12:00:00Z") from bad


async def _run(settings: Any, at: datetime | None, goals: list[str]) -> dict[str, Any]:
    from llo11ypop.daemon.compose import composed, latest_instant
    from llo11ypop.ooda.cycle import run_cycle

    async with composed(settings) as built:
        known = [g.id for g in built.deps.goals]
        for name in goals:
            if name not in known:
                raise UnknownNameError("goal", name, known)
        instant = at or await latest_instant(built.store)
        return asdict(await run_cycle(built.deps, instant, goals))


TOLD = ("breach", "silence", "drift", "unknown")
"""What is worth a line, most urgent first: a fleet that exports little has many goals that nobody can measure."""


def summary(report: dict[str, Any]) -> str:
    """What a person wants to know of a cycle, in a few lines."""
    from llo11ypop.ooda.minds import told

    seen = sorted((o for o in report["observations"] if o["kind"] in TOLD), key=lambda o: TOLD.index(o["kind"]))
    lines = [
        f"Cycle {report['cycle_id'][:8]} as of {report['at']:%Y-%m-%d %H:%M}Z: "
        f"{len(report['findings'])} findings, {len(report['hypotheses'])} hypotheses, "
        f"{report['queries']} queries, {report['duration_s']:.1f} s"
    ]
    lines += [f"  {o['kind']:<8} {o['subject']} {_slice(o)}{_value(o)}".rstrip() for o in seen[:20]]
    lines += [f"  … and {len(seen) - 20} more observations"] if len(seen) > 20 else []  # noqa: PLR2004
    lines.append(f"Filed {len(report['proposals'])} proposals" + (":" if report["proposals"] else "."))
    lines += [f"  {p['severity']} {p['id'][:8]} {p['title']} → {p['action']['name']}" for p in report["proposals"]]
    if report["suppressed"]:
        lines.append(f"Held back {len(report['suppressed'])} (see --json).")
    if unread := report["unread"]:
        some = [f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}: {why}" for why, names in unread.items()]  # noqa: PLR2004
        lines.append(f"Not read: {sum(map(len, unread.values()))} signals, whose causes are not ruled out:")
        lines += [f"  {line}" for line in some[:5]]
        lines += [f"  … and {len(some) - 5} more reasons (see --json)"] if len(some) > 5 else []  # noqa: PLR2004
    lines += [line] if (line := told(report["minds"].values())) else []
    lines += [f"  error: {e}" for e in report["errors"]]
    return "\n".join(lines)


def _slice(seen: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in seen["slice"].items()) + " " if seen["slice"] else ""


def _value(seen: dict[str, Any]) -> str:
    if seen["value"] is None:
        return str(seen["note"])
    target = "" if seen["target"] is None else f" (target {seen['target']:g})"
    return f"{seen['value']:.4g} {seen['unit']}{target}"
