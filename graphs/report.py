"""The report for LangGraph Studio and server; the wiring is llo11ypop/report/graph.py.

`make` opens store and ledger of the configuration it finds and yields the compiled graph for one report as of the end of the
telemetry. Start a run with a period: `{"period": {"kind": "night", "start": "2026-05-20T20:00:00+00:00", "end":
"2026-05-21T08:00:00+00:00", "at": "2026-05-21T08:00:00+00:00", "label": "night of 2026-05-20", "partial": false}}`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from llo11ypop.daemon.reporting import reporting
from llo11ypop.report.deps import Notebook
from llo11ypop.report.graph import build_report_graph
from llo11ypop.settings import load_settings


@asynccontextmanager
async def make() -> AsyncIterator[CompiledStateGraph[Any, Any, Any, Any]]:
    """A compiled report over the configured fleet. Raises StoreError where there is no telemetry."""
    async with reporting(await asyncio.to_thread(load_settings), None, keep=True) as (deps, _):
        catalog, store = deps.loop.catalog, deps.loop.store
        yield build_report_graph(deps, Notebook(deps.reader.store(store, catalog))).compile()
