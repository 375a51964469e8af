"""Which clusters need work this week: parts that are broken now, by cluster, beside the work that is planned already."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.lemon import WINDOW as LEMON_WINDOW
from llo11ypop.agents.investigators.lemon import lemons, read_counts
from llo11ypop.agents.investigators.planned import Calendar, planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, dimension, listed, measure
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window

NOW = "24h"
LATELY = "2h"
"""What was bad within the day and is not any more was repaired, or came back by itself."""
NO_INPUT_V = 100
"""Input voltage below which a supply has no feed (our assumption; the playbooks use the same)."""
OF_A_FEED = 3
"""Supplies of one rack without input voltage that are one feed, not so many broken supplies (our assumption)."""
LEMON = "node that fails again and again"
KINDS: Mapping[str, tuple[str, str, int]] = {
    "feeds": ("power feed lost", "power feeds lost", 4), "fans": ("fan", "fans", 2),
    "supplies": ("power supply", "power supplies", 2),
    "memory": ("GPU with a row to activate", "GPUs with rows to activate", 1), "links": ("degraded link", "degraded links", 2),
    "disks": ("disk with media errors", "disks with media errors", 2),
    "cooling": ("rack or unit out of range", "racks or units out of range", 3), "leaks": ("leak", "leaks", 5),
    "nodes": ("node down", "nodes down", 3), "lemons": (LEMON, "nodes that fail again and again", 2),
}  # fmt: skip
"""Kind of work → (one of it, several, how urgent: our assumption, people and machines in danger first)."""
COLUMNS = (
    measure("rank"), dimension("cluster"), dimension("needs", "needs maintenance"), measure("urgency", better="lower"),
    *(measure(kind, better="lower") for kind in KINDS), dimension("planned", "planned already"), dimension("evidence"),
)  # fmt: skip


async def maintenance(inquiry: Inquiry) -> Investigated:
    """Rank clusters by what is broken in them now."""
    rows = await inquiry.ask(_plans(inquiry))
    calendar = await planned_work(inquiry, Window(inquiry.at - timedelta(days=1), inquiry.at))
    broken = _by_cluster(rows, calendar, inquiry)
    await _add_lemons(broken, [r["cluster"] for r in rows["clusters"]], calendar, inquiry)
    table: list[Row] = []
    for cluster in sorted({r["cluster"] for r in rows["clusters"]} | set(broken)):
        kinds = broken.get(cluster, {})
        counts = {kind: len(kinds.get(kind, ())) for kind in KINDS}
        urgency = sum(KINDS[kind][2] * n for kind, n in counts.items())
        inside = inquiry.ground.topology.descendants(Entity(Level.CLUSTER, cluster))
        work = [str(w) for w in calendar.works if w.scope in inside]
        table.append(
            {
                "cluster": cluster,
                "needs": "yes" if urgency else "no",
                "urgency": urgency,
                **counts,
                "planned": "; ".join(work[:3]),
                "evidence": "; ".join(f"{kind}: {listed(sorted(kinds[kind]), 5)}" for kind in KINDS if kinds.get(kind)),
            }
        )
    table.sort(key=lambda r: (-r["urgency"], r["cluster"]))
    ranked = [{"rank": n, **r} for n, r in enumerate(table, start=1)]
    inquiry.note(
        "broken within the last 24 hours and still so, or a lemon by its last 28 days, and not accounted for by planned work; "
        "ranked by urgency, most urgent first"
    )
    causes = [Cause(str(r["cluster"]), min(1.0, r["urgency"] / 20), (str(r["evidence"]),)) for r in ranked if r["urgency"]]
    return inquiry.found(_sentence(ranked), COLUMNS, ranked, causes, confident=True)


def _plans(inquiry: Inquiry) -> dict[str, Any]:
    count = {"n": {"agg": "count"}}
    still: dict[str, Any] = count | {"lately": {"agg": "count", "over": {"start": LATELY}}}
    volts = {"volts": {"agg": "last", "field": "input_voltage_v"}}
    sensor: dict[str, Any] = {
        "dataset": "node_hw",
        "window": NOW,
        "by": ["cluster", "node_id", "sensor_id"],
        "measures": still,
        "having": "n >= 2 and lately >= 1",
    }
    unit = {
        "dataset": "facility_env",
        "window": NOW,
        "by": ["cluster", "unit_id"],
        "measures": still,
        "having": "n >= 6 and lately >= 1",
    }
    bad = "inlet_c > 32 or humidity_pct < 20 or humidity_pct > 80"
    port = {
        "downs": {"agg": "increase", "field": "link_downed_total"}, "rate": {"agg": "last", "field": "rate_gbps"},
        "usual": {"agg": "max", "field": "rate_gbps"}, "state": {"agg": "last", "field": "port_state"},
    }  # fmt: skip
    where = inquiry.where
    row = {
        "dataset": "gpu_metrics", "window": "2h", "where": where("gpu_metrics"), "by": ["cluster", "gpu_uuid", "node_id"],
        "having": "flag = 1",
    }  # fmt: skip
    return {
        "clusters": {"dataset": "inventory_clusters", "where": where("inventory_clusters"), "by": ["cluster"], "measures": count},
        "fans": sensor | {"where": where("node_hw", "sensor_type = 'fan' and state = 'Enabled' and reading < lower_critical")},
        "supplies": sensor
        | {
            "where": where("node_hw", "sensor_type = 'psu'", f"health = 'Critical' or input_voltage_v < {NO_INPUT_V}"),
            "measures": still | volts,
        },
        "memory": row | {"measures": {"flag": {"agg": "last", "field": "remap_failed"}}},
        "memory pending": row | {"measures": {"flag": {"agg": "last", "field": "remap_pending"}}},
        "links": {
            "dataset": "fabric_ports", "window": NOW, "where": where("fabric_ports"), "by": ["cluster", "port_id", "node_id"],
            "measures": port, "having": "downs >= 3 or rate < usual or state = 'DOWN'",
        },
        "disks": {
            "dataset": "fs_metrics", "window": NOW, "where": where("fs_metrics", "role = 'local'"), "by": ["cluster", "node_id"],
            "measures": {"errors": {"agg": "increase", "field": "smart_media_errors_total"}}, "having": "errors > 0",
        },
        "cooling": unit | {"where": where("facility_env", bad)},
        "leaks": unit | {"where": where("facility_env", "leak_state in ('Warning', 'Critical')"), "having": "n >= 2"},
        "nodes": {
            "dataset": "slurm_nodes", "window": "3h", "where": where("slurm_nodes"), "by": ["cluster", "node_id"],
            "measures": {"state": {"agg": "last", "field": "state"}},
            "having": "state in ('down', 'drained', 'fail', 'failing', 'inval')",
        },
    }  # fmt: skip


def _by_cluster(rows: Mapping[str, Sequence[Row]], calendar: Calendar, inquiry: Inquiry) -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    supplies, feeds = without_feed(rows["supplies"], inquiry.ground.topology)
    rows = {**rows, "supplies": supplies, "feeds": feeds}
    for kind in KINDS:
        for row in (*rows.get(kind, ()), *rows.get(f"{kind} pending", ())):
            node = row.get("node_id")
            if node and calendar.on_nodes([node], inquiry.at) is not None:
                continue
            name = (
                f"{row['sensor_id']} of {node}"
                if "sensor_id" in row
                else str(row.get("port_id") or row.get("unit_id") or row.get("gpu_uuid") or node)
            )
            found.setdefault(row["cluster"], {}).setdefault(kind, set()).add(name)
    return found


def without_feed(supplies: Sequence[Row], topology: Topology) -> tuple[list[Row], list[Row]]:
    """(broken supplies, lost feeds): several supplies of a rack without input voltage lack their feed and are not broken."""
    by_rack: dict[str, list[Row]] = {}
    for row in supplies:
        rack = next((r.id for r in topology.at_level(Entity(Level.NODE, row["node_id"]), Level.RACK)), "")
        if rack and row["volts"] is not None and row["volts"] < NO_INPUT_V:
            by_rack.setdefault(rack, []).append(row)
    dark = {rack: mine for rack, mine in by_rack.items() if len(mine) >= OF_A_FEED and len({r["node_id"] for r in mine}) > 1}
    lost = [{"cluster": mine[0]["cluster"], "unit_id": f"feed of {rack}"} for rack, mine in sorted(dark.items())]
    unfed = [id(r) for mine in dark.values() for r in mine]
    return [r for r in supplies if id(r) not in unfed], lost


async def _add_lemons(
    broken: dict[str, dict[str, set[str]]], clusters: Sequence[str], calendar: Calendar, inquiry: Inquiry
) -> None:
    """Nodes of some clusters that fail again and again need a look even while they are up."""
    counts, nodes = await read_counts(inquiry, Window.trailing(inquiry.at, LEMON_WINDOW))
    for node in lemons(counts, nodes):
        home = next((c.id for c in inquiry.ground.topology.at_level(Entity(Level.NODE, node), Level.CLUSTER)), "")
        if home in clusters and calendar.on_nodes([node], inquiry.at) is None:
            broken.setdefault(home, {}).setdefault("lemons", set()).add(node)


def _counted(row: Row, kind: str) -> str:
    one, several, _ = KINDS[kind]
    return f"{row[kind]} {one if row[kind] == 1 else several}"


def _sentence(rows: Sequence[Row]) -> str:
    needing = [r for r in rows if r["urgency"]]
    if not needing:
        return "No cluster needs maintenance: nothing is broken that planned work does not account for."
    parts = [f"{row['cluster']} ({', '.join(_counted(row, kind) for kind in KINDS if row[kind])})" for row in needing]
    rest = [str(r["cluster"]) for r in rows if not r["urgency"]]
    return f"Most urgent first: {'; '.join(parts)}." + (f" Nothing is due in {listed(rest)}." if rest else "")
