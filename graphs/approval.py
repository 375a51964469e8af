"""The approval graph for LangGraph Studio and server: the same wiring as the daemon's, on the configured ledger.

The server brings its own checkpointer. A thread's input is `{"proposal_id": …, "round": 0}`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph.graph.state import CompiledStateGraph

from llo11ypop.approvals.graph import ApprovalDeps, ApprovalState, build_approval
from llo11ypop.daemon import compose
from llo11ypop.settings import load_settings


@asynccontextmanager
async def make() -> "AsyncIterator[CompiledStateGraph[ApprovalState, None, ApprovalState, ApprovalState]]":
    """The compiled graph, for as long as the server runs."""
    settings = await asyncio.to_thread(load_settings)
    ledger = await asyncio.to_thread(compose.open_ledger, settings)
    try:
        yield build_approval(ApprovalDeps(ledger)).compile(name="approval")
    finally:
        await ledger.close()
