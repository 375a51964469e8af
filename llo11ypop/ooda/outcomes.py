"""After an approved action: is the symptom gone, and did the goal move? Measured with the same plans that found it."""

from datetime import datetime

from llo11ypop.approvals.ledger import Due
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.proposal import Outcome
from llo11ypop.ooda.bursts import places_of
from llo11ypop.ooda.deps import Deps
from llo11ypop.ooda.graph import topology_at
from llo11ypop.ooda.signs import fire_still, plans_after, required, signs_of


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
    """One outcome. `symptom_cleared` is None where telemetry that showed the symptom no longer arrives, or cannot be read."""
    cleared, unread = await _cleared(deps, due, at)
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
        note="; ".join([*unread, *([] if goal else [f"the goal '{due.proposal.goal}' is not configured any more"])]),
    )


async def _cleared(deps: Deps, due: Due, at: datetime) -> tuple[bool | None, list[str]]:
    """Whether every sign that the proposal rests on was read and is quiet; else None, and why it is not known."""
    cause, book = due.proposal.cause, deps.playbooks
    if cause not in book:
        return None, [f"there is no playbook '{cause}' any more"]
    area, signs = book[cause].area, signs_of(due.proposal, book)
    plans = {**book.plans([area], at=at), **plans_after(signs, book, deps.catalog, at - due.approved_at)}
    evidence = await deps.store.run_many(plans, at)
    topology = await topology_at(deps, at)
    about = {due.proposal.entities[0], *places_of(due.proposal, topology)}
    found = book.match([area], evidence, topology, at)
    deciding = [key for name, key in signs.items() if key and name in required(due.proposal, book)]
    again = any(f.playbook == cause and f.entity in about and f.since > due.approved_at for f in found)
    if again or fire_still(deciding, book, evidence, topology, about):
        return False, []
    unread = [
        _why(name, evidence.get(key)) for name, key in signs.items() if key not in evidence or evidence[key].status.tells_nothing
    ]
    return (None, unread) if unread else (True, [])


def _why(name: str, evidence: Evidence | None) -> str:
    """Why a sign says nothing."""
    if evidence is None:
        return f"'{name}' is no signal any more"
    return f"'{name}' was not read: {evidence.note or evidence.status}"


async def _goal_value(deps: Deps, goal: Goal | None, at: datetime) -> float | None:
    if goal is None:
        return None
    evidence = await deps.store.run_many({"goal": goal.plans()[goal.now_key]}, at)
    return goal.value_of(evidence["goal"])


def _improved(goal: Goal | None, before: float | None, after: float | None) -> bool | None:
    if goal is None or before is None or after is None:
        return None
    return after < before if goal.direction is Direction.DOWN else after > before
