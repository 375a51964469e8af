"""Run one cycle at an instant and report what it did."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl

from llo11ypop.approvals.records import proposal_json
from llo11ypop.core.errors import ConflictError
from llo11ypop.core.ids import new_id
from llo11ypop.models.spending import Scope, spending
from llo11ypop.ooda.deps import Deps
from llo11ypop.ooda.graph import build_cycle
from llo11ypop.ooda.state import CycleReport, CycleState

RECURSION_LIMIT = 25
"""LangGraph's own default is 10,007 and lets a loop run silently."""
ANALYSTS_AT_ONCE = 8


class Cycle:
    """A compiled cycle graph, reused from one run to the next."""

    def __init__(self, deps: Deps, checkpointer: Any = None) -> None:
        self.deps = deps
        self._graph: CompiledStateGraph[CycleState, Any, Any, Any] = build_cycle(deps).compile(checkpointer=checkpointer)
        self._durability: Literal["async"] | None = "async" if checkpointer is not None else None
        self._control: RunControl | None = None

    def request_drain(self) -> None:
        """Ask the running cycle to end at its next border; without a running cycle nothing happens."""
        if self._control is not None:
            self._control.request_drain("stopping")

    async def run(self, at: datetime, goal_ids: Sequence[str] = ()) -> CycleReport:
        """One cycle at `at`.

        Raises what observe or act raise, and ConflictError when it was asked to end; its ledger row then stays open and is
        marked abandoned at the next start. What was filed before stays filed.
        """
        deps, cycle_id, started = self.deps, new_id(), time.monotonic()
        before = deps.store.query_count
        deps.memory.scratch.clear()
        await deps.ledger.open_cycle(cycle_id, at, deps.config_hash)
        config = RunnableConfig(
            configurable={"thread_id": cycle_id},
            metadata={"kind": "cycle", "cycle_id": cycle_id, "config_hash": deps.config_hash},
            recursion_limit=RECURSION_LIMIT,
            max_concurrency=ANALYSTS_AT_ONCE,
        )
        state = CycleState(cycle_id=cycle_id, at=at.isoformat(), goal_ids=list(goal_ids))
        self._control = RunControl()
        try:
            with spending(Scope.CYCLE, cycle_id) as spent:
                ended = await self._graph.ainvoke(state, config, durability=self._durability, control=self._control, version="v2")
        except GraphDrained as drained:
            raise ConflictError("the cycle ended at a border because it was asked to stop") from drained
        finally:
            self._control = None
        out: dict[str, Any] = ended.value
        report = CycleReport(
            cycle_id=cycle_id,
            at=at,
            observations=out.get("observations", []),
            findings=out.get("findings", []),
            hypotheses=out.get("hypotheses", []),
            proposals=await self._filed(out.get("filed", [])),
            suppressed=out.get("suppressed", []),
            queries=deps.store.query_count - before,
            duration_s=round(time.monotonic() - started, 4),
            errors=out.get("errors", []),
            unread=out.get("unread", {}),
            minds=out.get("minds", {}),
            spent=spent.summary(),
        )
        deps.memory.last_at = at
        await deps.ledger.close_cycle(cycle_id, summary(report), at)
        return report

    async def _filed(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        found = [await self.deps.ledger.proposal(i) for i in ids]
        return [proposal_json(p) for p in found if p is not None]


async def run_cycle(deps: Deps, at: datetime, goal_ids: Sequence[str] = ()) -> CycleReport:
    """One cycle at an instant; for many cycles keep a `Cycle`, which compiles its graph once."""
    return await Cycle(deps).run(at, goal_ids)


def summary(report: CycleReport) -> dict[str, Any]:
    """What the ledger keeps of a cycle: everything but the full findings and activity counts."""
    return {
        "observations": [o for o in report.observations if o["kind"] != "activity"],
        "findings": len(report.findings),
        "hypotheses": [{k: h[k] for k in ("cause", "entity", "since", "confidence", "suppressed")} for h in report.hypotheses],
        "proposals": [p["id"] for p in report.proposals],
        "suppressed": report.suppressed,
        "queries": report.queries,
        "duration_s": report.duration_s,
        "errors": report.errors,
        "unread": report.unread,
        "minds": report.minds,
        "spent": report.spent,
    }
