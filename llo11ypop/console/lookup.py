"""Finds what an address names, or says that it is not there."""

from fastapi import HTTPException

from llo11ypop.approvals.ledger import Cycle
from llo11ypop.console.ports import Ports
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Proposal
from llo11ypop.query.plan import Plan
from llo11ypop.query.pseudonyms import PSEUDONYMS


async def proposal_or_404(ports: Ports, proposal_id: str) -> Proposal:
    """The proposal. Raises HTTPException 404."""
    found = await ports.ledger.proposal(proposal_id)
    if found is None:
        raise HTTPException(404, f"There is no proposal '{proposal_id}'.")
    return found


async def evidence_or_404(ports: Ports, evidence_id: str) -> Evidence:
    """The evidence as it was stored. Raises HTTPException 404."""
    found = await ports.ledger.evidence(evidence_id)
    if found is None:
        raise HTTPException(404, f"There is no evidence '{evidence_id}'; evidence that nothing cites is not kept.")
    return found


async def cycle_or_404(ports: Ports, cycle_id: str, among: int) -> Cycle:
    """One of the latest cycles. Raises HTTPException 404."""
    for cycle in await ports.ledger.cycles(among):
        if cycle.id == cycle_id:
            return cycle
    raise HTTPException(404, f"There is no cycle '{cycle_id}' among the latest {among}.")


async def rerun(ports: Ports, kept: Evidence) -> Evidence:
    """The same plan as of the same instant, asked again. Raises StoreError or PlanError.

    Evidence that names people by stand-ins is refused with 409: this page would show their names.
    """
    if kept.note == PSEUDONYMS:
        raise HTTPException(409, f"People are pseudonyms in this evidence; run 'llo11ypop evidence {kept.id} --rerun' instead.")
    return await ports.store.run(Plan.model_validate(kept.plan), kept.at)
