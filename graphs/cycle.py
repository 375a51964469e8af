"""The OODA cycle for LangGraph Studio and server; the wiring is llo11ypop/ooda/graph.py.

`make` opens store and ledger of the configuration it finds and yields the compiled graph. No checkpointer: the server brings one.
Start a run with `{"cycle_id": "<uuid>", "at": "2026-05-04T09:00:00+00:00"}`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from llo11ypop.daemon.compose import composed
from llo11ypop.ooda.graph import build_cycle
from llo11ypop.settings import load_settings


@asynccontextmanager
async def make() -> AsyncIterator[CompiledStateGraph[Any, Any, Any, Any]]:
    """A compiled cycle over the configured fleet. Raises StoreError where there is no telemetry."""
    async with composed(await asyncio.to_thread(load_settings)) as built:
        yield build_cycle(built.deps).compile()
