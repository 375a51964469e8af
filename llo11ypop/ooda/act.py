"""Act: write what was decided to the ledger, exactly once, and start approvals."""

from collections.abc import Mapping
from datetime import datetime

from llo11ypop.approvals.ledger import Filed, Touch
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Proposal
from llo11ypop.ooda.decide import Decisions, confirmed_children
from llo11ypop.ooda.deps import Deps


async def act(deps: Deps, decisions: Decisions, evidence: Mapping[str, Evidence], at: datetime, cycle_id: str) -> list[Proposal]:
    """Carry out decisions; returns the proposals that are new in the ledger.

    Filing is one transaction per proposal and does nothing when an open one has the same key, so a crash or a second daemon
    neither loses nor doubles a proposal.
    """
    new: list[Proposal] = []
    for proposal_id in decisions.clear:
        await deps.ledger.clear(proposal_id, at)
    for proposal in decisions.file:
        cited = [evidence[i] for i in proposal.evidence if i in evidence]
        if await deps.ledger.file(proposal, cited) is Filed.NEW:
            new.append(proposal)
            await _start_approval(deps, proposal.id)
    for proposal_id in decisions.reopen:
        if await deps.ledger.reopen(proposal_id, at, cycle_id):
            await _start_approval(deps, proposal_id)
    seen = {**decisions.touch, **decisions.reopen}
    if seen:
        await deps.ledger.touch_many(
            [Touch(i, at, hypothesis.confidence, confirmed_children(hypothesis)) for i, hypothesis in seen.items()]
        )
    return new


async def _start_approval(deps: Deps, proposal_id: str) -> None:
    if deps.on_filed is not None:
        await deps.on_filed(proposal_id)
