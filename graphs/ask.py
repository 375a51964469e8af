"""A turn of the conversation for LangGraph Studio and server; the wiring is llo11ypop/ask/graph.py.

Start a run with `{"question": "Which clusters have the worst fan failures?"}`; the next run on the same thread is a follow-up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from llo11ypop.ask.graph import build_ask
from llo11ypop.daemon.conversing import conversing
from llo11ypop.settings import load_settings


@asynccontextmanager
async def make() -> AsyncIterator[CompiledStateGraph[Any, Any, Any, Any]]:
    """A compiled turn over the configured fleet. Raises StoreError where there is no telemetry."""
    async with conversing(await asyncio.to_thread(load_settings), forget=True) as deps:
        yield build_ask(deps).compile(name="ask")
