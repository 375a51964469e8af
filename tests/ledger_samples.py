"""Proposals and evidence to file in tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.ids import content_hash, derived_id
from llo11ypop.core.proposal import Alternative, Proposal, ProposedAction, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action, Level, Queue, Severity
from llo11ypop.core.window import Window

AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def evidence(name: str = "fan", rows: list[dict[str, Any]] | None = None, at: datetime = AT) -> Evidence:
    """One select's result: two fans of one node."""
    found = [{"sensor": "FAN3", "rpm": 0.0}, {"sensor": "FAN4", "rpm": 7920.0}] if rows is None else rows
    return Evidence(
        id=derived_id("evidence", name, at),
        plan={"steps": {"result": {"op": "select", "dataset": "bmc_sensors", "by": ["sensor"]}}},
        at=at,
        window=Window(at - timedelta(minutes=15), at),
        queries=(
            Query(
                "duckdb",
                "bmc_sensors",
                "SELECT sensor, min(reading) AS rpm FROM bmc_sensors WHERE ts < ?",
                (str(at),),
            ),
        ),
        rows=pa.Table.from_pylist(found, schema=pa.schema([("sensor", pa.string()), ("rpm", pa.float64())])),
        row_count=len(found),
        truncated=False,
        approximate=False,
        status=EvidenceStatus.OK,
        duration_s=0.004,
        hash=content_hash(found),
    )


def proposal(number: int = 1, **changes: Any) -> Proposal:
    """A stopped fan on node `gpu-a-00<number>`."""
    node = f"gpu-a-{number:03d}"
    base = Proposal(
        id=derived_id("proposal", number),
        dedup_key=f"F16:node:{node}",
        cycle_id="cycle-1",
        goal="hw-interruptions",
        cause="F16",
        cause_title="Fan stopped",
        title=f"{node}: fan FAN3 stopped",
        summary=f"Fan FAN3 of {node} has read 0 rpm since 11:52.",
        entities=(Entity(Level.NODE, node), Entity(Level.RACK, "c-a-r03")),
        since=AT - timedelta(minutes=8),
        confidence=0.86,
        why=("FAN3 reads 0 rpm, its siblings 7,920 rpm",),
        alternatives=(Alternative("sensor fault", 0.08, "GPU inlet temperature rose with it"),),
        evidence=(evidence().id,),
        severity=Severity.S2,
        queue=Queue.GPU_HW,
        action=ProposedAction(Action.TECH, {"node": node, "part": "fan", "slot": 3}, 0.8),
        other_actions=(ProposedAction(Action.DRAIN, {"node": node}, 0.4),),
        forbidden_actions=(Action.REBOOT,),
        blast_radius={"nodes": 1, "gpus": 8, "running_jobs": 1, "cluster_share": 0.004},
        if_nothing_done="GPUs 4 and 5 throttle within the hour.",
        success_measure="FAN3 above 3,000 rpm one hour after the visit.",
        created_at=AT,
        expires_at=AT + timedelta(hours=24),
        state={"severity": 2, "repeats_24h": 0},
        policy_version="rule-1",
    )
    return replace(base, **changes)


def approve(rater: str = "ana", at: datetime = AT + timedelta(minutes=5)) -> Verdict:
    """Yes."""
    return Verdict(VerdictKind.APPROVE, rater, at)


def reject(code: ReasonCode = ReasonCode.WRONG_ACTION, rater: str = "ana", at: datetime = AT + timedelta(minutes=5)) -> Verdict:
    """No, because."""
    return Verdict(VerdictKind.REJECT, rater, at, reason_code=code)
