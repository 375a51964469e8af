"""What `doctor` says about the newest rows: what stopped, what comes from the future, and which goals cannot be measured."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from llo11ypop.cli.doctor_clock import Found
from llo11ypop.core.window import format_duration

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.core.goal import Goal
    from llo11ypop.query.store import Exports, TelemetryStore

LOOKED_AT = timedelta(days=7)
FUTURE = timedelta(minutes=5)
"""Clocks of nodes wander; this much ahead they are wrong (our assumption)."""
MISSED = 3
"""So many rows of a cadence in a row are no accident (our assumption)."""
_NAMED = 6


async def examine_freshness(store: "TelemetryStore", catalog: "Catalog", now: datetime, newest: datetime) -> list[Found]:
    """Datasets that are late against the `newest` row of all, and rows that are dated ahead. Raises StoreError."""
    seen = await store.coverage(now + timedelta(days=1), newest - LOOKED_AT)
    found: list[Found] = []
    for name, one in sorted(seen.items()):
        heartbeat = catalog.datasets[name].heartbeat
        if one.last_at is None:
            if one.exported and heartbeat:
                text = f"{name}: no row in {format_duration(LOOKED_AT)}, expected every {format_duration(heartbeat)}"
                found.append(("warn", f"{text} — check what ships it"))
        elif one.last_at > now + FUTURE:
            ahead = format_duration(timedelta(minutes=(one.last_at - now) // timedelta(minutes=1)))
            found.append(("warn", f"{name}: its newest row is {ahead} in the future — look at a node's clock or time zone"))
        elif heartbeat and newest - one.last_at > max(MISSED * heartbeat, timedelta(minutes=15)):
            late = format_duration(timedelta(minutes=(newest - one.last_at) // timedelta(minutes=1)))
            text = f"{name}: its newest row is {late} older than the newest of all, expected every {format_duration(heartbeat)}"
            found.append(("warn", f"{text} — check what ships it"))
    return found


def examine_goals(goals: "tuple[Goal, ...]", catalog: "Catalog", exports: "Exports") -> list[Found]:
    """How many goals the fleet's telemetry can measure, and what would open the most others."""
    from llo11ypop.query.check import missing

    lacking = {goal.id: missing(goal.now_plan, catalog, exports) for goal in goals}
    blind = {goal: names for goal, names in lacking.items() if names}
    if not blind:
        return [("ok", f"all {len(goals)} goals can be measured")]
    needed = sorted({name for names in blind.values() for name in names})
    counts = sorted(needed, key=lambda n: (-sum(n in names for names in blind.values()), n))
    text = f"{len(goals) - len(blind)} of {len(goals)} goals can be measured; the others need {', '.join(counts[:_NAMED])}"
    return [("ok", text + (" …" if len(counts) > _NAMED else ""))]
