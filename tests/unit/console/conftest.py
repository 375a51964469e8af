"""A console over a real ledger in memory and a store that answers from a table."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from llo11ypop.approvals.desk import Desk, open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.console.app import build_console
from llo11ypop.console.ports import Ports
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.proposal import Alternative, Proposal, ProposedAction
from llo11ypop.core.vocabulary import Action, Area, Level, Queue, Severity
from llo11ypop.core.window import Window
from llo11ypop.ledger import SqlLedger

AT = datetime(2026, 5, 3, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


def make_evidence(number: int = 1, rows: list[dict[str, Any]] | None = None, *, digest: str = "a" * 64) -> Evidence:
    table = pa.Table.from_pylist(rows if rows is not None else [{"node_id": "gpu-a-017", "fans": 2, "low": 120.5}])
    plan = {"dataset": "node_hw", "window": "1h", "by": ["node_id"], "measures": {"fans": {"agg": "count"}}}
    sql = "SELECT node_id, count(*) AS fans FROM node_hw WHERE ts >= $1 AND ts < $2 GROUP BY node_id"
    query = Query("duckdb", "node_hw", sql, ("2026-05-03 11:00", "2026-05-03 12:00"))
    return Evidence(
        id=f"00000000-0000-4000-8000-{number:012d}",
        plan=plan,
        at=AT,
        window=Window(AT - timedelta(hours=1), AT),
        queries=(query,),
        rows=table,
        row_count=table.num_rows,
        truncated=False,
        approximate=False,
        status=EvidenceStatus.OK,
        duration_s=0.012,
        hash=digest,
    )


def make_proposal(number: int = 1, **changes: Any) -> Proposal:
    node = Entity(Level.NODE, f"gpu-a-{number:03d}")
    made = Proposal(
        id=f"10000000-0000-4000-8000-{number:012d}",
        dedup_key=f"key-{number}",
        cycle_id="20000000-0000-4000-8000-000000000001",
        goal="idle_failures",
        cause="F16",
        cause_title="Fan failure",
        title=f"Fan failure on {node.id}",
        summary=f"Two of six fans of {node.id} have stood still since 11:12; its GPUs are 14 °C above their neighbours.",
        entities=(node, Entity(Level.RACK, "c-a-r03")),
        since=AT - timedelta(minutes=48),
        confidence=0.86,
        why=("fan 3 reads 0 rpm, below its lower critical limit of 2,000 rpm", "GPU 4 throttles for heat: 12 % of the hour"),
        alternatives=(Alternative("F14", 0.11, "the neighbours in the rack are not hot"),),
        evidence=(make_evidence(number).id,),
        severity=Severity.S2,
        queue=Queue.GPU_HW,
        action=ProposedAction(Action.DRAIN, {"node": node.id, "reason": "fan failure", "deadline_min": 60}, 0.7),
        other_actions=(ProposedAction(Action.TECH, {"node": node.id, "part": "fan"}, 0.3),),
        forbidden_actions=(Action.RMA,),
        blast_radius={"nodes": 1, "gpus": 8, "running_jobs": 2, "cluster_share": 0.0625},
        if_nothing_done="The node throttles and drags every job on it; a thermal shutdown takes its jobs down.",
        success_measure="All fans above their limit for 2 h, throttled time below 1 %.",
        created_at=AT - timedelta(minutes=30),
        expires_at=AT + timedelta(days=7),
        children=({"cause": "F13", "entity": f"gpu:GPU-{number}", "since": "2026-05-03T11:20:00Z"},),
    )
    return replace(made, **changes)


def make_goal(name: str = "idle_failures", **changes: Any) -> Goal:
    made = Goal(
        id=name,
        title="GPU time lost to failures",
        definition="Share of GPU hours that were allocated but lost because hardware failed.",
        value="share",
        direction=Direction.DOWN,
        target=0.02,
        unit="ratio",
        window=timedelta(hours=24),
        cadence=timedelta(minutes=15),
        owner="fleet reliability",
        areas=(Area.GPU,),
        slices=(),
        proposals_per_day=20,
    )
    return replace(made, **changes)


def make_report(value: float, **changes: Any) -> dict[str, Any]:
    seen = {"kind": "breach", "subject": "idle_failures", "areas": ["gpu"], "value": value, "baseline": 0.015}
    seen |= {"target": 0.02, "unit": "ratio", "slice": {}, "evidence": [make_evidence().id], "note": ""}
    report = {"observations": [seen], "findings": 3, "hypotheses": [], "proposals": [], "suppressed": []}
    return {**report, "queries": 12, "duration_s": 0.4, "errors": [], **changes}


@dataclass
class FakeStore:
    """Returns what it is told to."""

    reply: Evidence | Exception = field(default_factory=make_evidence)
    query_count: int = 0

    async def run(self, plan: object, at: datetime) -> Evidence:
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@dataclass
class FakeDemo:
    """Remembers what was broken."""

    note: str = "A simulated fleet."
    broken: list[str] = field(default_factory=list)

    def faults(self) -> list[tuple[str, str]]:
        return [("F16", "fan failure"), ("F20", "flapping link")]

    async def break_something(self, mode: str) -> str:
        if mode not in dict(self.faults()):
            raise ConfigError(f"no fault '{mode}'")
        self.broken.append(mode)
        return "done"


@dataclass
class Site:
    """Everything a console test touches."""

    client: TestClient
    ledger: SqlLedger
    desk: Desk
    store: FakeStore
    demo: FakeDemo
    clock: ManualClock
    state: dict[str, Any]

    def token(self, path: str = "/") -> str:
        page = self.client.get(path).text
        return page.split('name="csrf" value="')[1].split('"')[0]


def make_state() -> dict[str, Any]:
    loop = {"state": "watching", "every": "5m", "last_error": "", "skipped": {}, "lag_s": 0.0}
    telemetry = {"fresh": 30, "expected": 31, "error": "", "datasets": {}}
    return {"loop": loop, "telemetry": telemetry, "version": "test"}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    ledger = SqlLedger.in_memory()
    store, demo, clock, state = FakeStore(), FakeDemo(), ManualClock(AT), make_state()

    async def status() -> dict[str, Any]:
        return state

    async with open_desk(ApprovalDeps(ledger, clock=clock), None) as desk:
        ports = Ports(ledger, store, clock, lambda: (make_goal(),), desk.answer, status, demo)  # type: ignore[arg-type]
        client = TestClient(build_console(ports), base_url="http://127.0.0.1:8080", follow_redirects=False)
        yield Site(client, ledger, desk, store, demo, clock, state)
    await ledger.close()


@pytest.fixture
def proposal() -> Callable[..., Proposal]:
    return make_proposal


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    return make_evidence


@pytest.fixture
def report() -> Callable[..., dict[str, Any]]:
    return make_report
