"""The approval of one proposal as a graph: ask, execute, record. One thread per proposal; its id is the thread's id.

The node names are a storage contract: threads paused by an older version wait at `ask`. The rows of the ledger are the
truth; the thread is a cursor that `reconcile` starts again when it is lost.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from llo11ypop.approvals.arguments import ArgumentCheck
from llo11ypop.approvals.executor import Executor, RecordingExecutor
from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.orders import APPROVING, order_of
from llo11ypop.approvals.render import to_markdown
from llo11ypop.approvals.reply import UnreadableReplyError, parse_reply
from llo11ypop.approvals.request import hitl_request
from llo11ypop.approvals.settle import Reply, settle
from llo11ypop.core.clock import Clock, SystemClock
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.proposal import Proposal, VerdictKind

NODES = ("ask", "execute", "record")
STUDIO = "studio"
"""The rater of answers that arrive through the graph itself instead of through `answer`."""

Next = Literal["ask", "execute", "record", "stop"]


class ApprovalState(TypedDict, total=False):
    """Plain JSON; everything else is read from the ledger."""

    proposal_id: str
    round: int
    carry_on: bool
    """Whether whoever runs the graph holds the lease of a stored verdict, so that there is nothing to ask."""
    next: Next
    refused: str
    """Why the last reply was not accepted; the thread waits again."""
    receipt: dict[str, Any]


@dataclass(frozen=True)
class ApprovalDeps:
    """What the nodes close over."""

    ledger: Ledger
    executor: Executor = field(default_factory=RecordingExecutor)
    check: ArgumentCheck | None = None
    clock: Clock = field(default_factory=SystemClock)


def build_approval(deps: ApprovalDeps) -> "StateGraph[ApprovalState]":
    """The graph, not compiled: the caller chooses where threads are kept."""

    async def ask(state: ApprovalState) -> ApprovalState:
        proposal = await _proposal(deps, state)
        if state.get("carry_on"):
            return {"next": await _after_verdict(deps, proposal)}
        shown = await to_markdown(proposal, deps.ledger)
        reply = interrupt(hitl_request(proposal, shown))
        return await _heard(deps, proposal, reply)

    async def execute(state: ApprovalState) -> ApprovalState:
        proposal = await _proposal(deps, state)
        verdict = await deps.ledger.final_verdict(proposal.id)
        if verdict is None or verdict.kind not in APPROVING:
            raise LedgerError(f"proposal {proposal.id} is not approved", next_step="nothing was executed")
        order = order_of(proposal, verdict, state.get("round", 0))
        receipt = await deps.ledger.begin_order(order, deps.clock.now())
        if receipt is None:
            receipt = await deps.executor.execute(order)
            await deps.ledger.finish_order(order.key, receipt, deps.clock.now())
        return {"receipt": receipt}

    async def record(state: ApprovalState) -> ApprovalState:
        await deps.ledger.close_thread(state["proposal_id"], state.get("round", 0))
        return {"carry_on": False}

    def after_ask(state: ApprovalState) -> Next:
        return state["next"]

    graph = StateGraph(ApprovalState)
    graph.add_node("ask", ask)
    graph.add_node("execute", execute)
    graph.add_node("record", record)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", after_ask, {"ask": "ask", "execute": "execute", "record": "record", "stop": END})
    graph.add_edge("execute", "record")
    graph.add_edge("record", END)
    return graph


async def _heard(deps: ApprovalDeps, proposal: Proposal, reply: Any) -> ApprovalState:
    """A reply is either the signal that `answer` stored a verdict, or an answer given through the graph itself."""
    if isinstance(reply, dict) and reply.get("stored"):
        return {"next": await _after_verdict(deps, proposal), "refused": ""}
    try:
        verdict = parse_reply(reply, proposal, rater=STUDIO, at=deps.clock.now())
    except UnreadableReplyError as bad:
        return {"next": "ask", "refused": str(bad)}
    answered = await settle(deps.ledger, proposal.id, verdict, check=deps.check)
    if answered.reply is Reply.ALREADY:
        return {"next": "stop", "refused": answered.reason}
    if answered.reply is Reply.REFUSED or verdict.kind is VerdictKind.SNOOZE:
        return {"next": "ask", "refused": answered.reason}
    return {"next": await _after_verdict(deps, proposal), "refused": ""}


async def _after_verdict(deps: ApprovalDeps, proposal: Proposal) -> Next:
    verdict = await deps.ledger.final_verdict(proposal.id)
    if verdict is None:
        return "ask"
    return "execute" if verdict.kind in APPROVING else "record"


async def _proposal(deps: ApprovalDeps, state: ApprovalState) -> Proposal:
    proposal = await deps.ledger.proposal(state["proposal_id"])
    if proposal is None:
        raise LedgerError(f"there is no proposal {state['proposal_id']}", next_step="it was pruned, or never filed")
    return proposal
