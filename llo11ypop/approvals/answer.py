"""`answer`: the one way in for verdicts, whether they come from the command line, a page, a webhook or the clock.

Check, store (exactly one racing answer wins in the ledger), resume the thread, record. Whoever crashes in between leaves
a verdict without a receipt, which `reconcile` carries on once the lease is over.
"""

from dataclasses import replace

from llo11ypop.approvals.arguments import ArgumentCheck
from llo11ypop.approvals.ledger import Ledger, ThreadState
from llo11ypop.approvals.locks import lock_of
from llo11ypop.approvals.orders import order_key
from llo11ypop.approvals.settle import Answered, Reply, settle
from llo11ypop.approvals.threads import ApprovalGraph, carry_on
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.proposal import Verdict, VerdictKind


async def answer(
    ledger: Ledger,
    graph: ApprovalGraph,
    proposal_id: str,
    verdict: Verdict,
    *,
    check: ArgumentCheck | None = None,
    seen_hash: str = "",
) -> Answered:
    """Answer a proposal. Raises LedgerError when nothing could be stored; then the answer was not given.

    An executor that fails does not undo the verdict: the result is NOW with the reason, and `reconcile` tries again.
    """
    async with lock_of(proposal_id):
        answered = await settle(ledger, proposal_id, verdict, check=check, seen_hash=seen_hash)
        if answered.reply is not Reply.NOW or verdict.kind is VerdictKind.SNOOZE:
            return answered
        try:
            return await _carried_out(ledger, graph, proposal_id, answered)
        except Llo11yPopError as bad:
            return replace(answered, reason=f"stored; carrying it out failed and will be tried again: {bad.line()}")


async def _carried_out(ledger: Ledger, graph: ApprovalGraph, proposal_id: str, answered: Answered) -> Answered:
    async with ledger.holding(proposal_id) as mine:
        if not mine:
            return replace(answered, reason="stored; another replica is carrying it out")
        thread = await ledger.thread(proposal_id)
        if thread is None:
            return answered
        if thread.state is ThreadState.ANSWERED:
            await carry_on(graph, thread)
        return replace(answered, receipt=await ledger.receipt(order_key(proposal_id, thread.round)) or {})
