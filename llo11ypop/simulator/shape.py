"""The fleet that stands still: sites, clusters, rows, racks, nodes, GPUs, fabric, parts and people.

Everything is a frozen record in a list, with an index by id, so that telemetry, jobs and faults speak of the same things.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from llo11ypop.simulator.models import MODELS, GpuModel

NODES_PER_RACK = 4
RACKS_PER_ROW = 8
NODES_PER_LEAF = 8
PORTS_PER_NODE = 8
WEAK_BATCH = "HX-2438"
"""The manufacturing batch whose boards fail more often (after Titan's old and reworked batches, SC'20)."""


@dataclass(frozen=True, slots=True)
class Site:
    """A data centre of one provider."""

    site: str
    provider: str
    region: str
    continent: str
    zone: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster: one GPU generation, one scheduler, one fabric, one pair of shared filesystems."""

    cluster: str
    letter: str
    site: str
    provider: str
    region: str
    gpu_model: str
    cooling: str
    orchestrator: str
    link_layer: str
    driver: str
    nodes: tuple[str, ...]
    mounts: tuple[str, ...] = ("/scratch", "/data")
    partitions: tuple[str, ...] = ("train", "dev")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of racks with its own air handler, and a coolant unit where cooling is direct to chip."""

    row: str
    cluster: str
    site: str
    room: str
    racks: tuple[str, ...]
    crac: str
    cdu: str


@dataclass(frozen=True, slots=True)
class Rack:
    """Four nodes, fed by feeds A and B."""

    rack: str
    row: str
    room: str
    site: str
    cluster: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A server with eight GPUs. `index` is its place in `FleetShape.nodes`."""

    index: int
    node_id: str
    cluster: str
    site: str
    provider: str
    region: str
    zone: str
    room: str
    row: str
    rack: str
    rack_unit: int
    leaf_switch: str
    cooling: str
    gpu_model: str
    nvlink: int
    driver: str
    vbios: str
    bmc_fw: str
    nic_fw: str
    batch: str
    vendor: str
    partition: str
    installed_days_ago: float
    gpus: tuple[str, ...]
    gpu_count: int = 8


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. `index` is its place in `FleetShape.gpus` (node-major, then slot)."""

    index: int
    gpu_uuid: str
    serial: str
    node_id: str
    slot: int
    gpu_model: str
    batch: str
    pci: str


@dataclass(frozen=True, slots=True)
class Switch:
    """A fabric switch; `nodes` are those cabled to a leaf (empty for a spine)."""

    switch_id: str
    cluster: str
    rack: str
    role: str
    model: str
    ports: int
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Port:
    """One HCA port of a node and the cable to its leaf switch."""

    index: int
    port_id: str
    node_id: str
    switch_id: str
    switch_port: int
    cable_part_no: str
    cluster: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part number with what its supply looks like."""

    part_no: str
    part_type: str
    vendor: str
    description: str
    single_source: int
    stock: int
    lead_time_days: float
    unit_cost_usd: float
    vendor_risk: float


@dataclass(frozen=True, slots=True)
class Technician:
    """Somebody who can put hands on a node."""

    technician_id: str
    site: str
    skills: str
    certifications: str
    skill_level: int
    open_tickets: int
    travel_sites: str


@dataclass(frozen=True, slots=True)
class FleetShape:
    """The whole fleet. Lists are in id order; dicts find a record by its id."""

    sites: list[Site]
    clusters: list[Cluster]
    rows: list[Row]
    racks: list[Rack]
    nodes: list[Node]
    gpus: list[Gpu]
    switches: list[Switch]
    ports: list[Port]
    parts: list[Part]
    technicians: list[Technician]
    index: "ShapeIndex" = field(repr=False)

    def cluster(self, cluster: str) -> Cluster:
        """The cluster of that id. Raises KeyError."""
        return self.index.cluster[cluster]

    def row(self, row: str) -> Row:
        """The row of that id. Raises KeyError."""
        return self.index.row[row]

    def rack(self, rack: str) -> Rack:
        """The rack of that id. Raises KeyError."""
        return self.index.rack[rack]

    def node(self, node_id: str) -> Node:
        """The node of that id. Raises KeyError."""
        return self.index.node[node_id]

    def gpu(self, gpu_uuid: str) -> Gpu:
        """The GPU of that UUID. Raises KeyError."""
        return self.index.gpu[gpu_uuid]

    def switch(self, switch_id: str) -> Switch:
        """The switch of that id. Raises KeyError."""
        return self.index.switch[switch_id]

    def port(self, port_id: str) -> Port:
        """The port of that id. Raises KeyError."""
        return self.index.port[port_id]

    def model(self, node_id: str) -> GpuModel:
        """The ratings of a node's GPUs."""
        return MODELS[self.node(node_id).gpu_model]

    def node_gpus(self, node_id: str) -> list[Gpu]:
        """The GPUs of a node, by slot."""
        first = self.node(node_id).index * 8
        return self.gpus[first : first + 8]

    def node_ports(self, node_id: str) -> list[Port]:
        """The HCA ports of a node."""
        first = self.node(node_id).index * PORTS_PER_NODE
        return self.ports[first : first + PORTS_PER_NODE]

    def nodes_in(self, level: str, entity: str) -> list[str]:
        """Node ids inside an entity of level gpu, port, node, rack, row, switch, cluster, site or fleet."""
        match level:
            case "gpu":
                return [self.gpu(entity).node_id]
            case "port":
                return [self.port(entity).node_id]
            case "node":
                return [entity]
            case "rack":
                return list(self.rack(entity).nodes)
            case "row":
                return [node for rack in self.row(entity).racks for node in self.rack(rack).nodes]
            case "switch":
                return list(self.switch(entity).nodes)
            case "cluster":
                return list(self.cluster(entity).nodes)
            case "site":
                return [node.node_id for node in self.nodes if node.site == entity]
            case _:
                return [node.node_id for node in self.nodes]


class ShapeIndex:
    """Records by id, built on first use."""

    def __init__(self, clusters: list[Cluster], rows: list[Row], racks: list[Rack]) -> None:
        self.cluster = {c.cluster: c for c in clusters}
        self.row = {r.row: r for r in rows}
        self.rack = {r.rack: r for r in racks}
        self._nodes: list[Node] = []
        self._gpus: list[Gpu] = []
        self._switches: list[Switch] = []
        self._ports: list[Port] = []

    def attach(self, nodes: list[Node], gpus: list[Gpu], switches: list[Switch], ports: list[Port]) -> None:
        """Give the long lists, indexed only when somebody asks."""
        self._nodes, self._gpus, self._switches, self._ports = nodes, gpus, switches, ports

    @cached_property
    def node(self) -> dict[str, Node]:
        """Nodes by id."""
        return {n.node_id: n for n in self._nodes}

    @cached_property
    def gpu(self) -> dict[str, Gpu]:
        """GPUs by UUID."""
        return {g.gpu_uuid: g for g in self._gpus}

    @cached_property
    def switch(self) -> dict[str, Switch]:
        """Switches by id."""
        return {s.switch_id: s for s in self._switches}

    @cached_property
    def port(self) -> dict[str, Port]:
        """Ports by id."""
        return {p.port_id: p for p in self._ports}


def build_shape(gpus: int, rng: np.random.Generator) -> FleetShape:
    """A fleet of `gpus` GPUs, a multiple of 8: see `building`."""
    from llo11ypop.simulator import building

    return building.build_shape(gpus, rng)
