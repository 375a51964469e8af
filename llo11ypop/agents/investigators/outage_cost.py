"""What an outage cost in GPU-hours: work that jobs lost to infrastructure, and GPUs that stood still unplanned."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.agents.investigators.causes import places
from llo11ypop.agents.investigators.faults import fatal_where, nodes_plan
from llo11ypop.agents.investigators.hypotheses import hypotheses
from llo11ypop.agents.investigators.inquiry import HOUR, Inquiry
from llo11ypop.agents.investigators.losses import AFTER_END, BEFORE_END, LOST_WITH_NODE, Losses, Lost, idle_plan, losses, nodes_of
from llo11ypop.agents.investigators.planned import planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, measure, minute, said
from llo11ypop.core.window import Window

DEFAULT_WINDOW = timedelta(hours=12)
COLUMNS = (
    dimension("cluster"),
    measure("failed_jobs", "jobs lost to infrastructure", better="lower"),
    measure("lost_gpu_hours", "GPU-hours of work lost", "h", "lower"),
    measure("idle_gpu_hours", "GPU-hours stood still", "h", "lower"),
    measure("gpu_hours", "GPU-hours in all", "h", "lower"),
    measure("nodes", "nodes out of service", better="lower"),
    measure("older_nodes", "of them out already before", better="lower"),
    measure("older_gpu_hours", "GPU-hours of those", "h", "lower"),
    measure("other_failed_jobs", "jobs failed for other reasons"),
)
MAY_BE_INFRA = frozenset({"FAILED"})
"""Ends of a job that are infrastructure's only where a sign says so."""
DEFINITION = (
    "lost work: GPUs × time since the last good checkpoint (or the start) of jobs that ended NODE_FAIL or BOOT_FAIL, or FAILED "
    "with a fatal GPU event, a critical check or a link down on one of their nodes from 10 minutes before to 5 after; stood "
    "still: GPUs of nodes that were down, drained or failing, by the hour, outside maintenance windows"
)
"""After Kokolis et al. 2024 (RSC)."""


async def outage_cost(inquiry: Inquiry) -> Investigated:
    """Add up what infrastructure cost in the window, by cluster."""
    window = inquiry.window(DEFAULT_WINDOW)
    lost = await losses(inquiry, window)
    calendar = await planned_work(inquiry, window)
    earlier = idle_plan(inquiry, inquiry.span(Window(window.start - HOUR, window.start)))
    rows = await inquiry.ask({**_signs(inquiry, inquiry.span(window)), "nodes": nodes_plan(inquiry), "out before": earlier})
    signs: dict[str, list[datetime]] = {}
    for name in ("fatal events", "critical checks", "links down"):
        for row in rows[name]:
            signs.setdefault(row["node_id"], []).append(row["bucket"])
    cluster = {r["node_id"]: r["cluster"] for r in rows["nodes"]}
    table: dict[str, Row] = {c: _empty(c) for c in sorted(set(cluster.values()))}
    counted: set[int] = set()
    for job in lost.jobs:
        home = table.setdefault(cluster.get(job.nodes[0], "unknown"), _empty(cluster.get(job.nodes[0], "unknown")))
        planned = calendar.on_nodes(job.nodes, job.end_at) is not None
        if is_infra(job, signs) and not planned:
            counted.add(job.job_id)
            home["failed_jobs"] += 1
            home["lost_gpu_hours"] += job.gpu_hours
        else:
            home["other_failed_jobs"] += 1
    before = {row["node_id"] for row in rows["out before"]}
    for row in lost.idle:
        if calendar.on_nodes([row["node_id"]], row["bucket"]) is None and row["node_id"] in cluster:
            home = table[cluster[row["node_id"]]]
            home["idle_gpu_hours"] += row["gpus"] or 0
            home["names"].add(row["node_id"])
            if row["node_id"] in before:
                home["older"].add(row["node_id"])
                home["older_gpu_hours"] += row["gpus"] or 0
    done = [_finished(r) for r in table.values()]
    total = _finished(_sum(list(table.values())))
    ranked = [total, *sorted(done, key=lambda r: (-r["gpu_hours"], r["cluster"]))]
    await _besides(inquiry, window, lost, counted)
    inquiry.note(DEFINITION)
    inquiry.note(f"from {minute(window.start)} to {minute(window.end)}")
    causes = [Cause(str(r["cluster"]), r["gpu_hours"] / total["gpu_hours"]) for r in ranked[1:4] if r["gpu_hours"]]
    return inquiry.found(_sentence(ranked), COLUMNS, ranked, causes, confident=True)


async def _besides(inquiry: Inquiry, window: Window, lost: Losses, counted: Collection[int]) -> None:
    """Say where jobs failed too often for chance while something was wrong, though no sign stands at their end."""
    scene = await hypotheses(inquiry, window, within=places(inquiry))
    for suspect in (s for s in scene.suspects if s.costly):
        nodes = nodes_of(suspect.entity, inquiry.ground.topology)
        jobs = [j for j in lost.at(nodes, suspect.since, suspect.last) if j.job_id not in counted and j.state in MAY_BE_INFRA]
        hours = sum(job.gpu_hours for job in jobs)
        if jobs:
            inquiry.note(
                f"not in the sum, for no sign stands at their end: {count_of(len(jobs), 'failed job')} "
                f"({said(figure(hours))} GPU-hours) at {suspect.title.lower()} on {suspect.entity}, where "
                f"{said(figure(suspect.expected_jobs))} were to be expected"
            )


def _signs(inquiry: Inquiry, span: Any) -> dict[str, Any]:
    step = {"window": span, "bucket": {"every": "5m"}, "by": ["node_id"]}
    count = {"measures": {"n": {"agg": "count"}}}
    downs = {"n": {"agg": "count", "where": "port_state = 'DOWN'"}}
    return {
        "fatal events": step | count | {"dataset": "gpu_events", "where": fatal_where(inquiry.ground)},
        "critical checks": step | count | {"dataset": "health_checks", "where": "result = 2"},
        "links down": step | {"dataset": "fabric_ports", "where": "port_state = 'DOWN'", "measures": downs},
    }


def is_infra(job: Lost, signs: Mapping[str, Sequence[datetime]]) -> bool:
    """Whether a failed job counts as lost to infrastructure."""
    if job.state in LOST_WITH_NODE:
        return True
    if job.state not in MAY_BE_INFRA:
        return False
    first, last = job.end_at - BEFORE_END - timedelta(minutes=5), job.end_at + AFTER_END
    return any(first < at <= last for node in job.nodes for at in signs.get(node, ()))


def _empty(cluster: str) -> Row:
    return {
        "cluster": cluster,
        "failed_jobs": 0,
        "lost_gpu_hours": 0.0,
        "idle_gpu_hours": 0.0,
        "older_gpu_hours": 0.0,
        "other_failed_jobs": 0,
        "names": set(),
        "older": set(),
    }


def _sum(rows: Sequence[Row]) -> Row:
    whole = _empty("all")
    for row in rows:
        for name in ("failed_jobs", "lost_gpu_hours", "idle_gpu_hours", "older_gpu_hours", "other_failed_jobs"):
            whole[name] += row[name]
        whole["names"] |= row["names"]
        whole["older"] |= row["older"]
    return whole


def _finished(row: Row) -> Row:
    hours = figure(row["lost_gpu_hours"] + row["idle_gpu_hours"])
    shown = {name: figure(row[name]) for name in ("lost_gpu_hours", "idle_gpu_hours", "older_gpu_hours")}
    return {**row, **shown, "gpu_hours": hours, "nodes": len(row["names"]), "older_nodes": len(row["older"])}


def _sentence(rows: Sequence[Row]) -> str:
    total = rows[0]
    if not total["gpu_hours"] and not total["failed_jobs"]:
        return (
            "No outage: 0 GPU-hours, no job was lost to infrastructure and no node was out of service unplanned in this window."
        )
    worst = rows[1]
    work = f"{said(total['lost_gpu_hours'])} of work lost in {count_of(total['failed_jobs'], 'job')}"
    still = f"{said(total['idle_gpu_hours'])} of GPUs that stood still on {count_of(total['nodes'], 'node')}"
    parts = [text for text, there in ((work, total["failed_jobs"]), (still, total["nodes"])) if there]
    if len(parts) == 1:
        parts = [parts[0].partition(" of ")[2]]
    most = "" if worst["gpu_hours"] == total["gpu_hours"] else f" ({said(worst['gpu_hours'])})"
    older = ""
    if total["older_nodes"]:
        older = (
            f", {said(total['older_gpu_hours'])} of them on {count_of(total['older_nodes'], 'node')} that were out already before"
        )
    where = f"{'most' if most else 'all'} of it in {worst['cluster']}{most}"
    return f"It cost {said(total['gpu_hours'])} GPU-hours: {' and '.join(parts)}{older}; {where}."
