"""Goals at the end of a period: which miss their target or drift, beside the window before."""

from collections.abc import Mapping

from llo11ypop.agents.reporter.facts import Goals, GoalState, Period
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.reasoning import Observation, ObservationKind
from llo11ypop.ooda.observe import judge
from llo11ypop.query.plan import Plan
from llo11ypop.report.deps import Notebook


async def measure_goals(book: Notebook, goals: tuple[Goal, ...], period: Period) -> Goals:
    """Every goal over its own window, ending with the period. Raises what the store raises."""
    plans: dict[str, Plan] = {}
    for goal in goals:
        plans |= goal.plans()
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
    return Goals(measured, met, tuple(misses), tuple(unmeasured), ids)


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
