"""The minutes of training runs, where their ranks are, and what their GPUs, files and fabric did meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.agents.investigators.inquiry import MINUTE, Inquiry, any_of
from llo11ypop.agents.investigators.tables import Row
from llo11ypop.core.window import Window

Series = NDArray[np.float64]
MOST_BUCKETS = 1440
"""Minutes of a run that are looked at one by one; longer windows are read in larger steps."""
PLACED = timedelta(days=60)
"""How long ago an attempt may have started whose ranks still run (our assumption; the playbooks use the same)."""
BUSY_PCT = 50
"""Utilisation from which a GPU's clock and temperature say something."""


@dataclass(frozen=True)
class Minutes:
    """One run's minutes as columns, in time order."""

    run_id: str
    cluster: str
    at: tuple[datetime, ...]
    columns: Mapping[str, Series]

    def __getitem__(self, name: str) -> Series:
        """A column; NaN where there is no value."""
        return self.columns[name]

    def inside(self, start: datetime, end: datetime) -> "Minutes":
        """The minutes of a span."""
        keep = np.array([start <= t < end for t in self.at], dtype=bool)
        times = tuple(t for t, k in zip(self.at, keep, strict=True) if k)
        return Minutes(self.run_id, self.cluster, times, {n: c[keep] for n, c in self.columns.items()})

    def mean(self, name: str) -> float:
        """Mean of a column; NaN without any value."""
        known = self.columns[name][np.isfinite(self.columns[name])]
        return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a rank runs."""

    node_id: str
    gpu_uuid: str
    stage: int


_MEASURES: dict[str, tuple[str, str]] = {
    "loss": ("avg", "loss"), "grad_norm": ("max", "grad_norm"), "lr": ("avg", "lr"), "nan_count": ("sum", "nan_count"),
    "step_time_s": ("avg", "step_time_s"), "tokens_per_s": ("avg", "tokens_per_s"), "mfu": ("avg", "mfu"),
    "slowest_s": ("avg", "rank_max_step_s"), "fastest_s": ("avg", "rank_min_step_s"), "rank": ("last", "slowest_rank"),
    "stage": ("last", "slowest_stage"), "length": ("avg", "mean_seq_len"), "step": ("max", "step"),
}  # fmt: skip


async def read_minutes(inquiry: Inquiry, window: Window, run_ids: Sequence[str] = ()) -> list[Minutes]:
    """The minutes of the named runs, or of all that the question's filters leave, in the order of their names."""
    step_s = max(60, 60 * int(-(-((window.end - window.start) / MINUTE) // MOST_BUCKETS)))
    plan = {
        "dataset": "training_steps", "window": inquiry.span(window), "by": ["run_id", "cluster"],
        "where": inquiry.where("training_steps", any_of("run_id", run_ids) if run_ids else "", leave_out=("run_id",)),
        "bucket": {"every": timedelta(seconds=step_s)},
        "measures": {name: {"agg": agg, "field": field} for name, (agg, field) in _MEASURES.items()},
    }  # fmt: skip
    rows = (await inquiry.ask({"minutes of runs": plan}))["minutes of runs"]
    by_run: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda r: (r["run_id"], r["bucket"])):
        by_run.setdefault(row["run_id"], []).append(row)
    return [_minutes(run, mine) for run, mine in by_run.items()]


def _minutes(run_id: str, rows: Sequence[Row]) -> Minutes:
    columns = {
        name: np.array([float("nan") if r[name] is None else float(r[name]) for r in rows], dtype=np.float64)
        for name in _MEASURES
    }
    return Minutes(run_id, rows[0]["cluster"], tuple(r["bucket"] for r in rows), columns)


async def read_ranks(inquiry: Inquiry, run_ids: Sequence[str], at: datetime) -> dict[str, dict[int, Rank]]:
    """Run → rank → where it ran in the attempt that was the latest at an instant."""
    plan = {
        "dataset": "training_ranks", "window": inquiry.span(Window(at - PLACED, at)), "where": any_of("run_id", run_ids),
        "by": ["run_id", "rank"],
        "measures": {
            "node_id": {"agg": "last", "field": "node_id"}, "gpu_uuid": {"agg": "last", "field": "gpu_uuid"},
            "stage": {"agg": "last", "field": "pipeline_stage"},
        },
    }  # fmt: skip
    found: dict[str, dict[int, Rank]] = {}
    for row in (await inquiry.ask({"ranks": plan}))["ranks"]:
        found.setdefault(row["run_id"], {})[row["rank"]] = Rank(row["node_id"], row["gpu_uuid"], row["stage"] or 0)
    return found


async def read_nodes(inquiry: Inquiry, run_id: str, since: datetime, at: datetime) -> list[str]:
    """Every node that a run used between two instants, also one that it has left since."""
    plan = {
        "dataset": "training_ranks", "window": inquiry.span(Window(since - PLACED, at)), "where": any_of("run_id", [run_id]),
        "by": ["started_at", "node_id"], "measures": {"ranks": {"agg": "count"}},
    }  # fmt: skip
    rows = (await inquiry.ask({"nodes of its attempts": plan}))["nodes of its attempts"]
    running = max((r["started_at"] for r in rows if r["started_at"] <= since), default=since)
    return sorted({r["node_id"] for r in rows if r["started_at"] >= running})


def gpu_plan(inquiry: Inquiry, nodes: Sequence[str], now: Window, before: Window) -> dict[str, Any]:
    """Clock, temperature, power and activity of the busy GPUs of some nodes, later against earlier, one row per GPU."""
    measures: dict[str, Any] = {}
    for when, window in (("now", now), ("before", before)):
        over = inquiry.span(window)
        for name, field in (
            ("mhz", "sm_clock_mhz"),
            ("temp", "gpu_temp_c"),
            ("watt", "power_w"),
            ("tensor", "tensor_active_ratio"),
        ):
            measures[f"{name}_{when}"] = {"agg": "avg", "field": field, "over": over}
        measures[f"n_{when}"] = {"agg": "count", "over": over}
    measures["temp_max"] = {"agg": "max", "field": "gpu_temp_c", "over": inquiry.span(now)}
    outer = Window(min(now.start, before.start), max(now.end, before.end))
    return {
        "dataset": "gpu_metrics", "window": inquiry.span(outer), "by": ["node_id", "gpu_uuid", "gpu_index"],
        "where": f"{any_of('node_id', nodes)} and gpu_util_pct > {BUSY_PCT}", "measures": measures,
    }  # fmt: skip


def storage_plan(inquiry: Inquiry, cluster: str, now: Window, before: Window) -> dict[str, Any]:
    """Queueing and latency of the cluster's file servers, later against earlier, one row per mount."""
    measures = {
        f"{name}_{when}": {"agg": "avg", "field": field, "over": inquiry.span(window)}
        for name, field in (("queue_ms", "rpc_queue_ms"), ("latency_ms", "op_latency_ms"), ("write_bps", "write_bps"))
        for when, window in (("now", now), ("before", before))
    }
    outer = Window(min(now.start, before.start), max(now.end, before.end))
    where = f"role = 'server' and {any_of('cluster', [cluster])}"
    return {"dataset": "fs_metrics", "window": inquiry.span(outer), "where": where, "by": ["mount"], "measures": measures}


def saves_plan(inquiry: Inquiry, run_ids: Sequence[str], now: Window, before: Window) -> dict[str, Any]:
    """Checkpoint saves, later against earlier, one row per run."""
    measures: dict[str, Any] = {}
    for when, window in (("now", now), ("before", before)):
        over = inquiry.span(window)
        measures[f"saves_{when}"] = {"agg": "count", "over": over}
        measures[f"duration_s_{when}"] = {"agg": "percentile", "q": 0.5, "field": "duration_s", "over": over}
        measures[f"longest_s_{when}"] = {"agg": "max", "field": "duration_s", "over": over}
        measures[f"blocking_s_{when}"] = {"agg": "sum", "field": "blocking_s", "over": over}
        measures[f"failed_{when}"] = {"agg": "count", "where": "outcome != 'ok'", "over": over}
    outer = Window(min(now.start, before.start), max(now.end, before.end))
    return {
        "dataset": "checkpoints", "window": inquiry.span(outer), "where": f"kind = 'save' and {any_of('run_id', run_ids)}",
        "by": ["run_id"], "measures": measures,
    }  # fmt: skip


def probe_plan(inquiry: Inquiry, cluster: str, now: Window, before: Window) -> dict[str, Any]:
    """Round trips in a cluster's fabric, later against earlier, one row."""
    measures = {
        f"{name}_{when}": {"agg": "avg", "field": field, "over": inquiry.span(window)}
        for name, field in (("rtt_us", "rtt_p99_us"), ("loss", "loss_ratio"))
        for when, window in (("now", now), ("before", before))
    }
    outer = Window(min(now.start, before.start), max(now.end, before.end))
    return {"dataset": "net_probe", "window": inquiry.span(outer), "where": any_of("cluster", [cluster]), "measures": measures}


def errors_plan(inquiry: Inquiry, nodes: Sequence[str], window: Window) -> dict[str, Any]:
    """XIDs on some nodes, one row per node and code."""
    return {
        "dataset": "gpu_events", "window": inquiry.span(window), "where": any_of("node_id", nodes),
        "by": ["node_id", "kind", "code"],
        "measures": {"lines": {"agg": "count"}, "first_at": {"agg": "min", "field": "ts"}},
    }  # fmt: skip


def ratio(now: float | None, before: float | None) -> float | None:
    """Later over earlier; None where either is missing or the earlier is zero."""
    return now / before if now is not None and before else None
