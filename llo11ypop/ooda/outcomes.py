"""After an approved action: is the symptom gone, and did the goal move? Measured with the same plans that found it."""

from datetime import datetime

from llo11ypop.approvals.ledger import Due
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.proposal import Outcome
from llo11ypop.ooda.bursts import places_of
from llo11ypop.ooda.deps import Deps
from llo11ypop.ooda.graph import topology_at


async def measure_outcomes(deps: Deps, at: datetime) -> list[Outcome]:
    """Measure every approved proposal that is due, record the outcomes and return them; empty when none is due."""
    done = []
    for due in await deps.ledger.due_outcomes(at):
        outcome = await measure(deps, due, at)
        playbook = deps.playbooks.get(due.proposal.cause)
        wait = playbook.success.signal_gone_for if playbook and playbook.success else None
        final = wait is None or at - due.approved_at >= wait
        if await deps.ledger.record_outcome(outcome, final=final):
            done.append(outcome)
    return done


async def measure(deps: Deps, due: Due, at: datetime) -> Outcome:
    """One outcome. `symptom_cleared` is None where the telemetry that showed the symptom no longer arrives."""
    cleared = await _cleared(deps, due, at)
    goal = next((g for g in deps.goals if g.id == due.proposal.goal), None)
    before = await _goal_value(deps, goal, due.approved_at)
    after = await _goal_value(deps, goal, at)
    return Outcome(
        proposal_id=due.proposal.id,
        measured_at=at,
        symptom_cleared=cleared,
        goal_before=before,
        goal_after=after,
        improved=_improved(goal, before, after),
        note="" if goal else f"the goal '{due.proposal.goal}' is not configured any more",
    )


async def _cleared(deps: Deps, due: Due, at: datetime) -> bool | None:
    cause, entity = due.proposal.cause, due.proposal.entities[0]
    if cause not in deps.playbooks:
        return None
    area = deps.playbooks[cause].area
    evidence = await deps.store.run_many(deps.playbooks.plans([area], at=at), at)
    own = [e for name, e in evidence.items() if name.startswith(f"{cause}.")]
    if own and all(e.status.tells_nothing for e in own):
        return None
    topology = await topology_at(deps, at)
    found = deps.playbooks.match([area], evidence, topology, at)
    about = {entity, *places_of(due.proposal, topology)}
    return not any(f.playbook == cause and f.entity in about and f.since > due.approved_at for f in found)


async def _goal_value(deps: Deps, goal: Goal | None, at: datetime) -> float | None:
    if goal is None:
        return None
    plans = goal.plans()
    evidence = await deps.store.run(plans[goal.now_key], at)
    return goal.value_of(evidence)


def _improved(goal: Goal | None, before: float | None, after: float | None) -> bool | None:
    if goal is None or before is None or after is None:
        return None
    return after < before if goal.direction is Direction.DOWN else after > before
