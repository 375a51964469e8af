"""Decide whether a verdict may be stored, and store it. The ledger lets exactly one of several racing verdicts win."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from llo11ypop.approvals.arguments import ArgumentCheck, SameEntities, shape_problem, template_of
from llo11ypop.approvals.ledger import Ledger, Stored
from llo11ypop.approvals.render import to_markdown
from llo11ypop.core.proposal import Proposal, ReasonCode, Verdict, VerdictKind

LEASE = timedelta(seconds=30)
"""How long a process may take to carry out an answer before another one takes over. Our assumption."""


class Reply(StrEnum):
    """What became of an answer."""

    NOW = "now"
    """Stored; this call carried it out."""
    ALREADY = "already"
    """Somebody, or the clock, was first; `reason` says who."""
    REFUSED = "refused"
    """Not accepted, for `reason`; the proposal still waits."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of one answer."""

    reply: Reply
    reason: str = ""
    receipt: Mapping[str, Any] = field(default_factory=dict)


async def settle(
    ledger: Ledger,
    proposal_id: str,
    verdict: Verdict,
    *,
    check: ArgumentCheck | None = None,
    seen_hash: str = "",
) -> Answered:
    """Check a verdict and store it with its feedback. Nothing is carried out yet. Raises LedgerError.

    `seen_hash` is the evidence hash of the page the rater saw; a verdict on other evidence is refused.
    """
    proposal = await ledger.proposal(proposal_id)
    thread = await ledger.thread(proposal_id)
    if proposal is None or thread is None:
        return Answered(Reply.REFUSED, f"there is no proposal {proposal_id}")
    verdict = _complete(verdict)
    wrong = await _wrong(proposal, verdict, check)
    if wrong:
        return Answered(Reply.REFUSED, wrong)
    if seen_hash and seen_hash != thread.evidence_hash:
        return Answered(Reply.REFUSED, _CHANGED)
    shown = await to_markdown(proposal, ledger)
    stored = await ledger.record_verdict(proposal_id, verdict, shown=shown, lease=LEASE)
    match stored:
        case Stored.NOW:
            return Answered(Reply.NOW)
        case Stored.ALREADY:
            return Answered(Reply.ALREADY, await _who(ledger, proposal_id))
        case Stored.CHANGED:
            return Answered(Reply.REFUSED, _CHANGED)
        case Stored.UNKNOWN:
            return Answered(Reply.REFUSED, f"there is no proposal {proposal_id}")


_CHANGED = "the evidence changed since the proposal was filed; look at it again"


def _complete(verdict: Verdict) -> Verdict:
    if verdict.kind is VerdictKind.REJECT and verdict.reason_code is None:
        return replace(verdict, reason_code=ReasonCode.OTHER)
    return verdict


async def _wrong(proposal: Proposal, verdict: Verdict, check: ArgumentCheck | None) -> str:
    if verdict.kind is VerdictKind.SNOOZE:
        later = verdict.snooze_until is not None and verdict.snooze_until > verdict.at
        return "" if later else "a snooze needs an instant in the future"
    if verdict.kind is not VerdictKind.EDIT:
        return ""
    if verdict.action is None and verdict.arguments is None:
        return "an edit needs other arguments or another action"
    action = verdict.action or proposal.action.name
    if action in proposal.forbidden_actions:
        return f"{action} is forbidden for {proposal.cause}"
    template = template_of(proposal, action)
    if verdict.arguments is None:
        return "" if action in {a.name for a in proposal.other_actions} else f"{action} needs arguments"
    problem = shape_problem(template, verdict.arguments)
    return problem or await (check or SameEntities(proposal)).problem(action, verdict.arguments)


async def _who(ledger: Ledger, proposal_id: str) -> str:
    proposal = await ledger.proposal(proposal_id)
    verdict = await ledger.final_verdict(proposal_id)
    status = proposal.status if proposal else "gone"
    return f"already {status}" + (f" by {verdict.rater} at {verdict.at:%Y-%m-%d %H:%M}Z" if verdict else "")
