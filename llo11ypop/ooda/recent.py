"""The proposals that decide must know: open ones, and ended ones that a recurrence may still reopen."""

from datetime import datetime, timedelta

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus
from llo11ypop.ooda.deps import Limits

REMEMBERED = timedelta(days=60)
"""How long ago a proposal may have been filed that a recurrence still reopens: one that lasts is reopened whenever it
expires, and its age says nothing of when it was last seen (our assumption)."""
_ENDED = frozenset(ProposalStatus) - OPEN_STATUSES


async def recent_proposals(ledger: Ledger, at: datetime, limits: Limits) -> list[Proposal]:
    """Open proposals, then those that a recurrence may reopen: at once, or as never repaired while an answer is waited for."""
    ended = await ledger.proposals(_ENDED, since=at - max(REMEMBERED, limits.expires_after + limits.reopen_within))
    kept = max(limits.reopen_within, limits.expires_after) + timedelta(days=1)
    fresh = [p for p in ended if (p.last_seen_at or p.created_at) >= at - kept]
    return [*await ledger.proposals(OPEN_STATUSES), *fresh]


async def filed_since(ledger: Ledger, since: datetime) -> int:
    """How many proposals were filed since an instant."""
    return len(await ledger.proposals(since=since))
