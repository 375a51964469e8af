"""Read which thing stands in which from the inventory, as of one instant: the fleet's topology, once per cycle.

Where there is no inventory at all, what the last day's telemetry names stands in for it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import TelemetryStore

Row = dict[str, Any]


def _pairs(dataset: str, *by: str, **more: Any) -> Plan:
    return Plan.model_validate({"dataset": dataset, "by": by, "measures": {"n": {"agg": "count"}}, **more})


PLANS = {
    "gpus": _pairs("inventory_gpus", "gpu_uuid", "node_id"),
    "nodes": _pairs("inventory_nodes", "node_id", "rack", "leaf_switch", "driver"),
    "links": _pairs("inventory_links", "port_id", "node_id", "switch_id"),
    "switches": _pairs("inventory_switches", "switch_id", "cluster"),
    "racks": _pairs("inventory_racks", "rack", "row", "cluster"),
    "clusters": _pairs("inventory_clusters", "cluster", "site"),
    "mounts": _pairs("fs_metrics", "cluster", "mount", window="24h", where="role = 'server'"),
    "partitions": _pairs("slurm_nodes", "cluster", "partition", window="24h"),
}
"""Mounts and partitions have no inventory: they are what the last day's telemetry names."""

EDGES: dict[str, tuple[tuple[Level, str, Level, str], ...]] = {
    "gpus": ((Level.GPU, "gpu_uuid", Level.NODE, "node_id"),),
    "nodes": (
        (Level.NODE, "node_id", Level.RACK, "rack"),
        (Level.NODE, "node_id", Level.SWITCH, "leaf_switch"),
        (Level.NODE, "node_id", Level.DRIVER, "driver"),
    ),
    "links": (
        (Level.PORT, "port_id", Level.NODE, "node_id"),
        (Level.PORT, "port_id", Level.SWITCH, "switch_id"),
    ),
    "switches": ((Level.SWITCH, "switch_id", Level.CLUSTER, "cluster"),),
    "racks": ((Level.RACK, "rack", Level.ROW, "row"), (Level.ROW, "row", Level.CLUSTER, "cluster")),
    "clusters": ((Level.CLUSTER, "cluster", Level.SITE, "site"),),
    "mounts": ((Level.MOUNT, "mount", Level.CLUSTER, "cluster"),),
    "partitions": ((Level.PARTITION, "partition", Level.CLUSTER, "cluster"),),
}
"""Per plan: (child level, its column, parent level, its column)."""

SEEN = {
    "gpus": _pairs("gpu_metrics", "gpu_uuid", "node_id", window="24h"),
    "nodes": _pairs("gpu_metrics", "node_id", "cluster", window="24h"),
    "racks": _pairs("node_hw", "node_id", "rack", window="24h"),
    "hosts": _pairs("node_hw", "node_id", "cluster", window="24h"),
}
"""In place of an inventory. A node stands in its cluster then, since nobody says where its rack stands."""
SEEN_EDGES: dict[str, tuple[Level, str, Level, str]] = {
    "gpus": (Level.GPU, "gpu_uuid", Level.NODE, "node_id"),
    "nodes": (Level.NODE, "node_id", Level.CLUSTER, "cluster"),
    "racks": (Level.NODE, "node_id", Level.RACK, "rack"),
    "hosts": (Level.NODE, "node_id", Level.CLUSTER, "cluster"),
}

WITHIN_CLUSTER = (Level.MOUNT, Level.PARTITION)
"""Levels whose names are only unique within a cluster: their id is `<cluster>/<name>`."""


async def read_topology(store: TelemetryStore, at: datetime) -> Topology:
    """Containment as of an instant; parts that this fleet does not export are left out.

    Raises StoreError; a retry helps when it is transient.
    """
    evidence = await store.run_many(PLANS, at)
    edges: dict[tuple[Entity, Entity], None] = {}
    for name, kinds in EDGES.items():
        for row in evidence[name].rows.to_pylist():
            edges.update(dict.fromkeys(_edges(row, kinds)))
    if all(evidence[name].status is EvidenceStatus.NOT_EXPORTED for name in ("gpus", "nodes")):
        seen = await store.run_many(SEEN, at)
        for name, kind in SEEN_EDGES.items():
            for row in seen[name].rows.to_pylist():
                edges.update(dict.fromkeys(_edges(row, (kind,))))
    return Topology.of(edges)


def _edges(row: Row, kinds: tuple[tuple[Level, str, Level, str], ...]) -> Iterator[tuple[Entity, Entity]]:
    for child, own, parent, other in kinds:
        if row[own] and row[other]:
            prefix = f"{row['cluster']}/" if child in WITHIN_CLUSTER else ""
            yield Entity(child, prefix + str(row[own])), Entity(parent, str(row[other]))
