"""From a verdict to an executor's order, with the key that makes carrying it out twice harmless."""

from llo11ypop.approvals.arguments import template_of
from llo11ypop.approvals.ledger import Order
from llo11ypop.core.proposal import Proposal, Verdict, VerdictKind

APPROVING = frozenset({VerdictKind.APPROVE, VerdictKind.EDIT})


def order_key(proposal_id: str, round_: int) -> str:
    """The proposal's id, with the round after a reopening: an order per approval, never two."""
    return f"{proposal_id}#{round_}" if round_ else proposal_id


def order_of(proposal: Proposal, verdict: Verdict, round_: int) -> Order:
    """What was approved: the proposed action unless the verdict edits it."""
    edited = verdict.kind is VerdictKind.EDIT
    action = verdict.action if edited and verdict.action else proposal.action.name
    given = verdict.arguments if edited else None
    arguments = template_of(proposal, action) if given is None else given
    return Order(order_key(proposal.id, round_), proposal.id, action, dict(arguments))
