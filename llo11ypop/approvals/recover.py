"""What the clock and a restart bring about: expiry, the end of snoozes, lost threads, answers without a receipt."""

from dataclasses import dataclass, replace
from datetime import datetime

from llo11ypop.approvals.answer import answer
from llo11ypop.approvals.ledger import Ledger, ThreadState
from llo11ypop.approvals.locks import lock_of
from llo11ypop.approvals.settle import LEASE, Reply
from llo11ypop.approvals.threads import ApprovalGraph, carry_on, start
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.proposal import Verdict, VerdictKind

CLOCK = "clock"
"""The rater of an expiry."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What `reconcile` repaired: ids of proposals."""

    started: tuple[str, ...] = ()
    """Waited for an answer without a paused thread."""
    resumed: tuple[str, ...] = ()
    """Were answered but not recorded."""
    failed: tuple[tuple[str, str], ...] = ()
    """(id, why): tried again next time."""


async def expire_due(ledger: Ledger, graph: ApprovalGraph, at: datetime) -> list[str]:
    """Expire pending proposals whose time is over; an answer that comes first wins. Ids of those expired."""
    expired = []
    for proposal_id in await ledger.overdue(at):
        verdict = Verdict(VerdictKind.EXPIRED, CLOCK, at, comment="nobody answered in time")
        if (await answer(ledger, graph, proposal_id, verdict)).reply is Reply.NOW:
            expired.append(proposal_id)
    return expired


async def unsnooze_due(ledger: Ledger, at: datetime) -> list[str]:
    """Snoozed proposals whose time has come are pending again; their ids."""
    return await ledger.unsnooze(at)


async def reconcile(ledger: Ledger, graph: ApprovalGraph, at: datetime) -> Reconciled:
    """Make threads agree with rows. Safe to run in several processes and at any time; run it at each start.

    An answer whose process may still be working on it (its lease runs) is left for the next call.
    """
    started = []
    for thread in await ledger.threads(ThreadState.WAITING):
        if await start(ledger, graph, thread.proposal_id):
            started.append(thread.proposal_id)
    return replace(await resume_answered(ledger, graph, at), started=tuple(started))


async def resume_answered(ledger: Ledger, graph: ApprovalGraph, at: datetime) -> Reconciled:
    """Carry out what was answered but is not recorded: another process died, or the database was away. Run it often."""
    resumed, failed = [], []
    for thread in await ledger.threads(ThreadState.ANSWERED):
        try:
            if await _resume(ledger, graph, thread.proposal_id, at):
                resumed.append(thread.proposal_id)
        except Llo11yPopError as bad:
            failed.append((thread.proposal_id, bad.line()))
    return Reconciled((), tuple(resumed), tuple(failed))


async def _resume(ledger: Ledger, graph: ApprovalGraph, proposal_id: str, at: datetime) -> bool:
    lock = lock_of(proposal_id)
    if lock.locked():
        return False
    async with lock, ledger.holding(proposal_id) as mine:
        thread = await ledger.thread(proposal_id) if mine and await ledger.lease(proposal_id, at, LEASE) else None
        if thread is None:
            return False
        await carry_on(graph, thread)
        return True
