"""What a span of time cost: jobs that failed, the work they lost, and GPUs that stood still, by place and time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from llo11ypop.agents.investigators.inquiry import HOUR, Inquiry
from llo11ypop.agents.investigators.tables import Row
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window

FAILED = "state in ('FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY', 'BOOT_FAIL', 'DEADLINE', 'TIMEOUT')"
"""Failed jobs as the catalog defines them."""
TERMINAL = "state not in ('CANCELLED', 'PREEMPTED', 'REQUEUED', 'REVOKED')"
LOST_WITH_NODE = frozenset({"NODE_FAIL", "BOOT_FAIL"})
"""States of jobs that their node took with it."""
UNAVAILABLE = "state in ('down', 'drained', 'draining', 'fail', 'failing', 'inval', 'reboot', 'unknown')"
"""Node states in which GPUs stand still without being planned to, as the availability goal defines them."""
BEFORE_END = timedelta(minutes=10)
AFTER_END = timedelta(minutes=5)
"""A sign from ten minutes before a job's end to five after it may belong to it (Kokolis et al. 2024, RSC)."""


@dataclass(frozen=True, slots=True)
class Lost:
    """One failed job."""

    job_id: int
    nodes: tuple[str, ...]
    user: str
    run_id: str
    state: str
    end_at: datetime
    gpu_hours: float
    """GPUs × time since the last good checkpoint of the job, or since its start where it wrote none."""
    io_error: bool = False
    """Whether Slurm gives an I/O error as the reason."""


@dataclass(frozen=True)
class Losses:
    """Everything that was lost in a window."""

    window: Window
    jobs: tuple[Lost, ...]
    ended: tuple[Row, ...]
    """Node, hour, and jobs (a job on n nodes counts 1/n on each) that ended with a result."""
    idle: tuple[Row, ...]
    """Node, hour and GPUs that were unavailable."""

    @cached_property
    def terminal(self) -> float:
        """Jobs that ended with a result."""
        return float(sum(row["jobs"] or 0.0 for row in self.ended))

    @property
    def failure_share(self) -> float:
        """Failed jobs over jobs with a result; 0 without any."""
        return min(1.0, len(self.jobs) / self.terminal) if self.terminal else 0.0

    def at(self, nodes: frozenset[str], since: datetime, until: datetime, *, user: str = "", run: str = "") -> list[Lost]:
        """Failed jobs that touched nodes (or are a user's or a run's) while something lasted."""
        return [
            job
            for job in self.jobs
            if since - BEFORE_END <= job.end_at < until + max(AFTER_END, BEFORE_END)
            and (job.run_id == run if run else job.user == user if user else not nodes.isdisjoint(job.nodes))
        ]

    def expected(self, nodes: frozenset[str], since: datetime, until: datetime) -> float:
        """Jobs that would have failed on nodes in a span had they failed as often as jobs elsewhere in the fleet."""
        here = sum(
            r["jobs"] or 0.0 for r in self.ended if r["node_id"] in nodes and since - HOUR < r["bucket"] < until + AFTER_END
        )
        elsewhere = [job for job in self.jobs if nodes.isdisjoint(job.nodes)]
        volume = sum(r["jobs"] or 0.0 for r in self.ended if r["node_id"] not in nodes)
        return here * min(1.0, len(elsewhere) / volume) if volume else 0.0

    def idle_hours(self, nodes: frozenset[str], since: datetime, until: datetime) -> float:
        """GPU-hours in which nodes were unavailable."""
        return float(sum(r["gpus"] or 0 for r in self.idle if r["node_id"] in nodes and since - HOUR < r["bucket"] < until))


async def losses(inquiry: Inquiry, window: Window) -> Losses:
    """Read what was lost in a window, within the question's filters. Raises StoreError."""
    span = inquiry.span(window)
    rows = await inquiry.ask(
        {
            "failed jobs": _failed(inquiry, span),
            "ended jobs": _ended(inquiry, span),
            "idle": idle_plan(inquiry, span),
            "saves": _saves(span),
            "I/O errors": _io_errors(span),
        }
    )
    saved = {row["job_id"]: row["saved_at"] for row in rows["saves"]}
    by_job: dict[int, list[Row]] = {}
    for row in rows["failed jobs"]:
        by_job.setdefault(row["job_id"], []).append(row)
    io_errors = {row["job_id"] for row in rows["I/O errors"]}
    lost = tuple(_lost(parts, saved, io_errors) for parts in by_job.values())
    return Losses(window, lost, tuple(rows["ended jobs"]), tuple(rows["idle"]))


def _failed(inquiry: Inquiry, span: Any) -> dict[str, Any]:
    return {
        "dataset": "slurm_job_nodes", "window": span, "where": inquiry.where("slurm_job_nodes", FAILED),
        "by": ["job_id", "node_id", "user", "run_id", "state"],
        "measures": {
            "end_at": {"agg": "max", "field": "end_at"}, "start_at": {"agg": "min", "field": "start_at"},
            "gpus": {"agg": "max", "field": "gpus_on_node"},
        },
    }  # fmt: skip


def _ended(inquiry: Inquiry, span: Any) -> dict[str, Any]:
    return {
        "dataset": "slurm_job_nodes", "window": span, "where": inquiry.where("slurm_job_nodes", TERMINAL),
        "by": ["node_id"], "bucket": {"every": "1h"}, "measures": {"jobs": {"agg": "sum", "field": "1.0 / job_nodes"}},
    }  # fmt: skip


def idle_plan(inquiry: Inquiry, span: Any) -> dict[str, Any]:
    """GPUs of nodes that were unavailable, one row per node and hour."""
    return {
        "dataset": "slurm_nodes", "window": span, "where": inquiry.where("slurm_nodes"), "by": ["node_id"],
        "bucket": {"every": "1h"},
        "measures": {"state": {"agg": "last", "field": "state"}, "gpus": {"agg": "last", "field": "gpus"}}, "having": UNAVAILABLE,
    }  # fmt: skip


def _saves(span: Any) -> dict[str, Any]:
    return {
        "dataset": "checkpoints", "window": span, "where": "kind = 'save' and outcome = 'ok'", "by": ["job_id"],
        "measures": {"saved_at": {"agg": "max", "field": "ts"}},
    }  # fmt: skip


def _io_errors(span: Any) -> dict[str, Any]:
    return {
        "dataset": "slurm_jobs", "window": span, "where": "contains(reason, 'I/O error')", "by": ["job_id"],
        "measures": {"n": {"agg": "count"}},
    }  # fmt: skip


def _lost(parts: list[Row], saved: dict[int, datetime], io_errors: Collection[int]) -> Lost:
    first = parts[0]
    end = max(p["end_at"] for p in parts)
    start = min((p["start_at"] for p in parts if p["start_at"]), default=end)
    kept = saved.get(first["job_id"])
    since = max(start, kept) if kept and kept <= end else start
    hours = sum(p["gpus"] or 0 for p in parts) * (end - since).total_seconds() / 3600
    return Lost(
        first["job_id"], tuple(sorted({p["node_id"] for p in parts})), first["user"] or "", first["run_id"] or "",
        first["state"], end, max(0.0, hours), first["job_id"] in io_errors,
    )  # fmt: skip


def nodes_of(entity: Entity, topology: Topology) -> frozenset[str]:
    """The nodes that something holds, or that hold it; those of its cluster for what belongs to no node."""
    inside = {e.id for e in topology.descendants(entity) if e.level is Level.NODE}
    if inside:
        return frozenset(inside)
    around = topology.ancestors(entity)
    nodes = {e.id for e in around if e.level is Level.NODE}
    if nodes:
        return frozenset(nodes)
    clusters: Iterable[Entity] = (e for e in around if e.level is Level.CLUSTER)
    return frozenset(e.id for c in clusters for e in topology.descendants(c) if e.level is Level.NODE)
