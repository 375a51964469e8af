"""Goals at the end of a period: which miss their target or drift, beside the window before."""

from collections.abc import Mapping
from datetime import datetime

from llo11ypop.agents.reporter.facts import Goals, GoalState, Period
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.reasoning import Observation, ObservationKind
from llo11ypop.ooda.observe import judge
from llo11ypop.query.plan import Plan
from llo11ypop.report.deps import Notebook, rows


async def measure_goals(book: Notebook, goals: tuple[Goal, ...], period: Period) -> Goals:
    """Every goal over its own window, ending with the period. Raises what the store raises."""
    first = await telemetry_since(book, period)
    plans: dict[str, Plan] = {}
    reaching = {g.id for g in goals if first is None or period.end - 2 * g.window >= first}
    for goal in goals:
        plans |= {k: p for k, p in goal.plans().items() if k != goal.before_key or goal.id in reaching}
    found = await book.read(plans, period.end)
    misses: list[GoalState] = []
    unmeasured: list[tuple[str, str]] = []
    met = 0
    for goal in goals:
        whole, *slices = judge(goal, found)
        if whole.kind is ObservationKind.UNKNOWN or whole.value is None:
            unmeasured.append((goal.title, whole.note or "nothing to measure in its window"))
            continue
        if whole.kind is ObservationKind.OK:
            met += 1
        else:
            misses.append(_state(goal, whole, found))
        misses += [_state(goal, s, found) for s in slices if s.value is not None]
    measured = len(goals) - len(unmeasured)
    ids = tuple(dict.fromkeys(e.id for key, e in found.items() if not key.endswith(":before")))
    return Goals(measured, met, tuple(misses), tuple(unmeasured), ids, first if len(reaching) < len(goals) else None)


async def telemetry_since(book: Notebook, period: Period) -> datetime | None:
    """When node states were first recorded: a window before that holds nothing, which is not zero. None where unknown."""
    seen = rows((await book.read({"first": FIRST}, period.end))["first"])
    first = seen[0]["first_at"] if seen else None
    return first if isinstance(first, datetime) else None


FIRST = Plan.model_validate({"dataset": "slurm_nodes", "measures": {"first_at": {"agg": "min", "field": "ts"}}})


def _state(goal: Goal, seen: Observation, found: Mapping[str, Evidence]) -> GoalState:
    before = (found[goal.before_key].id,) if not seen.slice and goal.before_key in found else ()
    return GoalState(
        id=goal.id,
        title=goal.title,
        slice=", ".join(f"{k}={v}" for k, v in seen.slice.items()),
        value=seen.value or 0.0,
        before=seen.baseline,
        target=seen.target,
        unit=goal.unit,
        higher_is_better=goal.direction is Direction.UP,
        breached=seen.kind is ObservationKind.BREACH,
        window_s=goal.window.total_seconds(),
        definition=goal.definition,
        evidence=(*seen.evidence, *before),
    )
