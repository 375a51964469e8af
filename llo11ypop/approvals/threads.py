"""The paused graph threads: started after filing, resumed after an answer, found missing by `reconcile`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from llo11ypop.approvals.checkpoints import threads_older_than
from llo11ypop.approvals.graph import ApprovalState
from llo11ypop.approvals.ledger import ApprovalThread, Ledger, ThreadState
from llo11ypop.approvals.locks import lock_of

ApprovalGraph = CompiledStateGraph[Any, Any, Any, Any]
STORED = {"stored": True}
"""Resumes a thread whose verdict is in the ledger."""


def run_config(proposal_id: str) -> Any:
    """The thread of a proposal as LangGraph's `RunnableConfig`. Its own recursion limit would be 10,007."""
    return {
        "configurable": {"thread_id": proposal_id},
        "recursion_limit": 25,
        "metadata": {"kind": "proposal", "proposal_id": proposal_id},
    }


async def start(ledger: Ledger, graph: ApprovalGraph, proposal_id: str) -> bool:
    """Pause a thread at the question, unless one is paused already or nobody needs to answer; whether it was started."""
    async with lock_of(proposal_id):
        thread = await ledger.thread(proposal_id)
        if thread is None or thread.state is not ThreadState.WAITING or await is_paused(graph, thread):
            return False
        begin = _input(thread, carry_on=False)
        await graph.ainvoke(begin, run_config(proposal_id), durability="sync", version="v2")
        return True


async def forget(graph: ApprovalGraph, proposal_ids: Iterable[str]) -> None:
    """Delete the threads of proposals that retention removed."""
    if isinstance(graph.checkpointer, BaseCheckpointSaver):
        await delete_threads(graph.checkpointer, proposal_ids)


async def delete_threads(saver: "BaseCheckpointSaver[str]", proposal_ids: Iterable[str]) -> None:
    """Delete threads; one that is gone already does no harm."""
    for proposal_id in proposal_ids:
        await saver.adelete_thread(proposal_id)


async def forget_lost(ledger: Ledger, graph: ApprovalGraph, before: datetime) -> int:
    """Delete old threads whose proposal is gone: retention died between the two. How many; only where a database can say."""
    if not isinstance(graph.checkpointer, BaseCheckpointSaver) or not hasattr(graph.checkpointer, "older_than"):
        return 0
    lost = [i for i in await threads_older_than(graph.checkpointer, before) if await ledger.proposal(i) is None]
    await delete_threads(graph.checkpointer, lost)
    return len(lost)


async def is_paused(graph: ApprovalGraph, thread: ApprovalThread) -> bool:
    """Whether the thread waits for the answer of this round. A lost thread and a renamed node look the same: not paused."""
    state = await graph.aget_state(run_config(thread.proposal_id))
    return bool(state.interrupts) and state.values.get("round") == thread.round


async def carry_on(graph: ApprovalGraph, thread: ApprovalThread) -> None:
    """Take an answered thread to its end, from wherever it stands. The caller holds the lease."""
    config = run_config(thread.proposal_id)
    state = await graph.aget_state(config)
    mine = state.values.get("round") == thread.round
    todo: Any = _input(thread, carry_on=True)
    if mine and state.interrupts:
        todo = Command(resume={one.id: STORED for one in state.interrupts})
    elif mine and state.next and state.next != ("ask",):
        todo = None
    await graph.ainvoke(todo, config, durability="sync", version="v2")


def _input(thread: ApprovalThread, *, carry_on: bool) -> ApprovalState:
    return {"proposal_id": thread.proposal_id, "round": thread.round, "carry_on": carry_on, "refused": ""}
