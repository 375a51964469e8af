"""The fault history of nodes and GPUs: what counts as a fault, when it happened, and whether it was planned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.agents.investigators.inquiry import DAY, Inquiry
from llo11ypop.agents.investigators.planned import Calendar, planned_work
from llo11ypop.agents.investigators.records import Ground
from llo11ypop.agents.investigators.tables import Row
from llo11ypop.core.window import Window

LONGEST = timedelta(days=120)
"""As far back as a history is read; the risk forgets within weeks."""
REMAPS = timedelta(days=14)
"""How far back remapped rows are counted: a counter of every GPU is much to read, and the risk forgets in as long a time."""
SAME_FAULT = timedelta(hours=12)
"""Signs on one thing closer than this are one fault (our assumption; refailures within a day reopen an incident)."""
_FALLBACK_FATAL = "kind = 'xid' and code in (46, 48, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158)"
"""Codes that a device reset, a reboot or support follows in the NVIDIA XID catalogue 2025-10-29."""
REPAIRS = "action in ('RESET_GPU', 'REBOOT', 'TECH', 'RMA', 'DIAG')"


@dataclass(frozen=True)
class History:
    """Faults by thing, in days since the history began."""

    begins: datetime
    at: datetime
    events: Mapping[str, list[float]]
    """Node or GPU → days of its faults, ascending; things without faults are listed with none."""
    signs: Mapping[str, Mapping[str, int]]
    """Thing → kind of sign → how many hours showed it."""
    place: Mapping[str, Row]
    """Thing → its inventory row."""

    @property
    def day(self) -> float:
        """The instant of the question in days since the beginning."""
        return (self.at - self.begins) / DAY


def fatal_where(ground: Ground) -> str:
    """Which GPU events are fatal, as the goal on interrupting faults defines it."""
    for goal in ground.goals:
        select = goal.now_plan.selects.get("events") if goal.id == "interruptions" else None
        if select is not None and select.where is not None:
            return str(select.where)
    return _FALLBACK_FATAL


async def node_history(inquiry: Inquiry) -> History:
    """Faults of every node that the question's filters leave: fatal GPU events, lost jobs, critical checks, repairs."""
    begins = await begin_of(inquiry)
    span = inquiry.span(Window(begins, inquiry.at))
    hour = {"window": span, "bucket": {"every": "1h"}, "measures": {"n": {"agg": "count"}}}
    lost = "state in ('NODE_FAIL', 'BOOT_FAIL') and job_nodes = 1"
    plans: dict[str, Any] = {
        "fatal events": hour | {"dataset": "gpu_events", "where": fatal_where(inquiry.ground), "by": ["node_id"]},
        "jobs lost": hour | {"dataset": "slurm_job_nodes", "where": lost, "by": ["node_id"]},
        "critical checks": hour | {"dataset": "health_checks", "where": "result = 2", "by": ["node_id", "check_name"]},
        "repairs": hour | {"dataset": "remediations", "where": REPAIRS, "by": ["node_id", "action"]},
        "nodes": nodes_plan(inquiry),
    }
    rows = await inquiry.ask(plans)
    calendar = await planned_work(inquiry, Window(begins, inquiry.at))
    place = {r["node_id"]: r for r in rows["nodes"]}
    named = {"fatal events": "gpu", "jobs lost": "jobs"}
    signs: list[tuple[str, str, datetime]] = []
    for name in ("fatal events", "jobs lost", "critical checks", "repairs"):
        for row in rows[name]:
            kind = named.get(name) or str(row.get("check_name") or row.get("action"))
            signs.append((str(row["node_id"]), kind, row["bucket"]))
    return _history(signs, place, calendar, begins, inquiry.at)


async def gpu_history(inquiry: Inquiry) -> History:
    """Faults of every GPU: fatal events, rows remapped, repairs of the GPU."""
    begins = await begin_of(inquiry)
    span = inquiry.span(Window(begins, inquiry.at))
    hour = {"window": span, "bucket": {"every": "1h"}, "measures": {"n": {"agg": "count"}}}
    growth = {
        "n": {"agg": "increase", "field": "remap_uncorrectable_total"},
        "m": {"agg": "increase", "field": "remap_correctable_total"},
    }
    lately = inquiry.span(Window(max(begins, inquiry.at - REMAPS), inquiry.at))
    days = {"window": lately, "bucket": {"every": "1d"}, "measures": growth, "having": "n > 0 or m >= 8"}
    plans: dict[str, Any] = {
        "fatal events": hour
        | {
            "dataset": "gpu_events",
            "where": f"({fatal_where(inquiry.ground)}) and gpu_uuid != ''",
            "by": ["gpu_uuid", "node_id"],
        },
        "remapped rows": days | {"dataset": "gpu_metrics", "where": inquiry.where("gpu_metrics"), "by": ["gpu_uuid", "node_id"]},
        "repairs": hour | {"dataset": "remediations", "where": f"{REPAIRS} and gpu_uuid != ''", "by": ["gpu_uuid", "node_id"]},
        "gpus": gpus_plan(inquiry),
    }
    rows = await inquiry.ask(plans)
    calendar = await planned_work(inquiry, Window(begins, inquiry.at))
    place = {r["gpu_uuid"]: r for r in rows["gpus"]}
    named = {"fatal events": "gpu", "remapped rows": "memory", "repairs": "repair"}
    signs = [(str(r["gpu_uuid"]), kind, r["bucket"]) for name, kind in named.items() for r in rows[name]]
    return _history(signs, place, calendar, begins, inquiry.at)


def nodes_plan(inquiry: Inquiry, *, leave_out: Iterable[str] = ("part_type",)) -> dict[str, Any]:
    """Every node in service with its place; within the question's filters but those left out."""
    by = ["node_id", "cluster", "site", "rack", "gpu_model", "gpu_count", "cooling", "driver"]
    where = inquiry.where("inventory_nodes", leave_out=leave_out)
    return {"dataset": "inventory_nodes", "where": where, "by": by, "measures": {"n": {"agg": "count"}}}


def gpus_plan(inquiry: Inquiry) -> dict[str, Any]:
    """Every GPU in service with its place."""
    by = ["gpu_uuid", "node_id", "slot", "cluster", "site", "gpu_model"]
    return {"dataset": "inventory_gpus", "where": inquiry.where("inventory_gpus"), "by": by, "measures": {"n": {"agg": "count"}}}


async def begin_of(inquiry: Inquiry) -> datetime:
    """When node states began to be recorded, not longer ago than a history is read."""
    plan = {"dataset": "slurm_nodes", "window": LONGEST, "measures": {"first_at": {"agg": "min", "field": "ts"}}}
    rows = await inquiry.ask({"history begins": plan})
    first = next((r["first_at"] for r in rows["history begins"] if r["first_at"]), None)
    return first or inquiry.at - timedelta(days=30)


def _history(
    signs: Sequence[tuple[str, str, datetime]], place: Mapping[str, Row], calendar: Calendar, begins: datetime, at: datetime
) -> History:
    events: dict[str, list[float]] = {name: [] for name in sorted(place)}
    kinds: dict[str, dict[str, int]] = {name: {} for name in events}
    latest: dict[str, datetime] = {}
    for name, kind, when in sorted(signs, key=lambda s: s[2]):
        node = place[name]["node_id"] if name in place else ""
        if not node or calendar.on_nodes([node], when) is not None:
            continue
        kinds[name][kind] = kinds[name].get(kind, 0) + 1
        if name not in latest or when - latest[name] >= SAME_FAULT:
            events[name].append((when - begins) / DAY)
        latest[name] = when
    return History(begins, at, events, kinds, place)
