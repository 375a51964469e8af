"""The fleet a trace is replayed on: as many eight-GPU nodes as the trace's fleet had, placed in the order of their names.

A trace says nothing about racks or switches, so the placement is ours and knows nothing of which nodes failed together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

CLUSTER = "trace"
SITE = "trace-site"
GPU_MODEL = "H100 SXM"
DRIVER = "550.90.07"
GPUS_PER_NODE = 8
PORTS_PER_NODE = 8
NODES_PER_RACK = 4
NODES_PER_ROW = 32
NODES_PER_LEAF = 8
FANS = ("fan1", "fan2", "fan3", "fan4")
PSUS = ("psu1", "psu2")
INLET = "inlet"


@dataclass(frozen=True)
class ReplayFleet:
    """Nodes in order of place; everything else follows from a node's number."""

    nodes: tuple[str, ...]

    @classmethod
    def of(cls, named: Iterable[str], size: int) -> "ReplayFleet":
        """The nodes a trace names, filled up to `size` with nodes that never fail."""
        known = sorted(set(named))
        spare = [f"spare-{number:04d}" for number in range(max(0, size - len(known)))]
        return cls(tuple(sorted([*known, *spare])))

    @cached_property
    def index(self) -> dict[str, int]:
        """Node → its number."""
        return {node: number for number, node in enumerate(self.nodes)}

    def rack(self, number: int) -> str:
        """Rack of a node."""
        return f"{CLUSTER}-r{number // NODES_PER_RACK:03d}"

    def row(self, number: int) -> str:
        """Row of a node."""
        return f"{CLUSTER}-row{number // NODES_PER_ROW:02d}"

    def leaf(self, number: int) -> str:
        """Leaf switch of a node."""
        return f"{CLUSTER}-leaf{number // NODES_PER_LEAF:02d}"

    def gpu(self, node: str, slot: int) -> str:
        """UUID of a GPU."""
        return f"GPU-{node}-{slot}"

    def port(self, node: str, number: int) -> str:
        """A compute-fabric port."""
        return f"{node}/mlx5_{number}"

    @cached_property
    def node_column(self) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
        """Node ids as an array."""
        return np.array(self.nodes, dtype=object)

    @cached_property
    def gpus(self) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
        """GPU ids, node by node."""
        return np.array([self.gpu(n, s) for n in self.nodes for s in range(GPUS_PER_NODE)], dtype=object)

    @cached_property
    def ports(self) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
        """Port ids, node by node."""
        return np.array([self.port(n, p) for n in self.nodes for p in range(PORTS_PER_NODE)], dtype=object)


def inventory(fleet: ReplayFleet) -> dict[str, list[dict[str, object]]]:
    """Rows of the inventory tables; everything is valid from long before the trace."""
    racks = {fleet.rack(i): fleet.row(i) for i in range(len(fleet.nodes))}
    leaves = {fleet.leaf(i): fleet.rack(i) for i in range(len(fleet.nodes) - 1, -1, -1)}
    place = {"site": SITE, "cluster": CLUSTER}
    cluster = {
        **place, "provider": CLUSTER, "region": CLUSTER, "gpu_model": GPU_MODEL, "nodes": len(fleet.nodes),
        "gpus": len(fleet.nodes) * GPUS_PER_NODE, "cooling": "air", "orchestrator": "slurm+kubernetes",
    }  # fmt: skip
    site: dict[str, object] = {"site": SITE, "provider": CLUSTER, "region": CLUSTER, "continent": "", "zone": ""}
    return {
        "inventory_sites": [site],
        "inventory_clusters": [cluster],
        "inventory_racks": [{**place, "rack": r, "row": row, "room": "room1"} for r, row in racks.items()],
        "inventory_switches": [
            {"switch_id": s, "cluster": CLUSTER, "rack": r, "role": "leaf", "ports": 64}
            for s, r in sorted(leaves.items())
        ],
        "inventory_nodes": [_node(fleet, i) for i in range(len(fleet.nodes))],
        "inventory_gpus": [_gpu(fleet, node, s) for node in fleet.nodes for s in range(GPUS_PER_NODE)],
        "inventory_links": [
            {"port_id": fleet.port(n, p), "node_id": n, "switch_id": fleet.leaf(i), "cluster": CLUSTER,
             "switch_port": i % NODES_PER_LEAF * PORTS_PER_NODE + p}
            for i, n in enumerate(fleet.nodes)
            for p in range(PORTS_PER_NODE)
        ],
    }  # fmt: skip


def _node(fleet: ReplayFleet, number: int) -> dict[str, object]:
    return {
        "node_id": fleet.nodes[number], "cluster": CLUSTER, "site": SITE, "provider": CLUSTER, "region": CLUSTER,
        "zone": "", "room": "room1", "row": fleet.row(number), "rack": fleet.rack(number),
        "rack_unit": 1 + 8 * (number % NODES_PER_RACK), "leaf_switch": fleet.leaf(number), "cooling": "air",
        "gpu_model": GPU_MODEL, "gpu_count": GPUS_PER_NODE, "nvlink": 1, "driver": DRIVER,
    }  # fmt: skip


def _gpu(fleet: ReplayFleet, node: str, slot: int) -> dict[str, object]:
    uuid = fleet.gpu(node, slot)
    return {"gpu_uuid": uuid, "serial": uuid, "node_id": node, "slot": slot, "gpu_model": GPU_MODEL}
