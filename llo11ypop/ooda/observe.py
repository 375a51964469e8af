"""Observe: every due goal now, against its target and its own past; telemetry that fell silent; data that is new."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from llo11ypop.agents.analysts import analysts
from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.reasoning import Observation, ObservationKind
from llo11ypop.core.vocabulary import Area
from llo11ypop.ooda.deps import Deps
from llo11ypop.ooda.state import from_json, to_json
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import Coverage

DRIFT_RATIO = 0.2
"""A change against the previous window that counts as drift (our assumption; a goal may be noisier than this)."""


async def observe(deps: Deps, at: datetime, goal_ids: Iterable[str] = ()) -> list[Observation]:
    """All observations of a cycle, goals first. A goal that cannot be measured is observed as unknown, with the reason."""
    since = deps.memory.last_at or at - timedelta(hours=1)
    wanted = set(goal_ids)
    try:
        coverage = await deps.store.coverage(at, min(since, at))
        deps.memory.shelf.note([name for name, seen in coverage.items() if seen.rows], at)
        return [*await _goals(deps, at, wanted), *_silences(coverage, at), *_activity(coverage)]
    except StoreError as bad:
        if bad.transient:
            raise
        return [_blind(goal, bad) for goal in deps.goals if not wanted or goal.id in wanted]


def _blind(goal: Goal, bad: StoreError) -> Observation:
    """A goal whose telemetry cannot be read: unknown, with the reason; never zero and never met."""
    return Observation(ObservationKind.UNKNOWN, goal.id, tuple(goal.areas), target=goal.target, unit=goal.unit, note=bad.line())


async def _goals(deps: Deps, at: datetime, wanted: set[str]) -> list[Observation]:
    chosen = [g for g in deps.goals if not wanted or g.id in wanted]
    due = [g for g in chosen if wanted or _due(deps, g, at)]
    plans: dict[str, Plan] = {}
    for goal in due:
        plans |= goal.plans()
    evidence = await deps.store.run_many(plans, at) if plans else {}
    deps.memory.scratch.update({f"goal:{k}": v for k, v in evidence.items()})
    seen: list[Observation] = []
    for goal in chosen:
        if goal in due:
            measured = judge(goal, evidence)
            deps.memory.goals[goal.id] = (at, [to_json(o) for o in measured])
        seen += [from_json(Observation, o) for o in deps.memory.goals.get(goal.id, (at, []))[1]]
    return seen


def _due(deps: Deps, goal: Goal, at: datetime) -> bool:
    last = deps.memory.goals.get(goal.id)
    return last is None or at - last[0] >= goal.cadence or at < last[0]


def judge(goal: Goal, evidence: Mapping[str, Evidence]) -> list[Observation]:
    """A goal's observations: the whole, then each slice that misses the target."""
    now = evidence[goal.now_key]
    if now.status.tells_nothing:
        return [_observation(goal, ObservationKind.UNKNOWN, None, None, now, _why_unknown(now))]
    value = goal.value_of(now)
    before = goal.value_of(evidence[goal.before_key]) if goal.before_key in evidence else None
    whole = _observation(goal, _kind(goal, value, before), value, before, now, "")
    return [whole, *_slices(goal, evidence)]


def _why_unknown(now: Evidence) -> str:
    if now.status is EvidenceStatus.UNREAD:
        return f"not read: {now.note}"
    return f"not exported here: {', '.join(now.missing)}" if now.missing else "no telemetry arrived in the window"


def _slices(goal: Goal, evidence: Mapping[str, Evidence]) -> list[Observation]:
    found = []
    for key, dimension in goal.slice_keys():
        sliced = evidence.get(key)
        if sliced is None or sliced.status is not EvidenceStatus.OK or goal.target is None:
            continue
        for row in sliced.rows.to_pylist():
            value = row.get(goal.value)
            if value is not None and _misses(goal, value):
                slice_ = {dimension: str(row[dimension])}
                found.append(_observation(goal, ObservationKind.BREACH, value, None, sliced, "", slice_))
    return found


def _kind(goal: Goal, value: float | None, before: float | None) -> ObservationKind:
    if value is None:
        return ObservationKind.OK
    if _misses(goal, value):
        return ObservationKind.BREACH
    if before:
        worse = (value - before) / abs(before) * (1 if goal.direction is Direction.DOWN else -1)
        return ObservationKind.DRIFT if worse > DRIFT_RATIO else ObservationKind.OK
    return ObservationKind.OK


def _misses(goal: Goal, value: float) -> bool:
    if goal.target is None:
        return False
    return value > goal.target if goal.direction is Direction.DOWN else value < goal.target


def _observation(
    goal: Goal,
    kind: ObservationKind,
    value: float | None,
    before: float | None,
    evidence: Evidence,
    note: str,
    slice_: dict[str, str] | None = None,
) -> Observation:
    return Observation(
        kind=kind,
        subject=goal.id,
        areas=tuple(goal.areas),
        value=value,
        baseline=before,
        target=goal.target,
        unit=goal.unit,
        slice=slice_ or {},
        evidence=(evidence.id,),
        note=note,
    )


def _areas_of(dataset: str) -> tuple[Area, ...]:
    return tuple(area for area, analyst in analysts().items() if dataset in analyst.datasets)


def _silences(coverage: Mapping[str, Coverage], at: datetime) -> list[Observation]:
    """Datasets with a cadence from which nothing came for three steps."""
    silent = []
    for name, seen in coverage.items():
        if seen.exported and seen.cadence and seen.last_at and at - seen.last_at > 3 * seen.cadence:
            note = f"nothing since {seen.last_at:%Y-%m-%d %H:%M}Z"
            silent.append(Observation(ObservationKind.SILENCE, name, _areas_of(name), note=note))
    return silent


def _activity(coverage: Mapping[str, Coverage]) -> list[Observation]:
    return [
        Observation(ObservationKind.ACTIVITY, name, _areas_of(name), value=float(seen.rows), unit="rows")
        for name, seen in coverage.items()
        if seen.rows and _areas_of(name)
    ]
