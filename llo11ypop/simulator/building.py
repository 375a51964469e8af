"""Raises the fleet that stands still from a number of GPUs: which clusters, where, how cabled."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from llo11ypop.simulator.models import A100, A100_PCIE, B200, H100, GpuModel
from llo11ypop.simulator.people import build_parts, build_technicians
from llo11ypop.simulator.shape import (
    NODES_PER_LEAF,
    NODES_PER_RACK,
    PORTS_PER_NODE,
    RACKS_PER_ROW,
    WEAK_BATCH,
    Cluster,
    FleetShape,
    Gpu,
    Node,
    Port,
    Rack,
    Row,
    ShapeIndex,
    Site,
    Switch,
)

SITES = [
    Site("iad1", "northstar", "us-east", "North America", "us-east-1a"),
    Site("sjc2", "northstar", "us-west", "North America", "us-west-2b"),
    Site("fra2", "helion", "eu-central", "Europe", "eu-central-1"),
    Site("osl1", "own", "eu-north", "Europe", "eu-north-a"),
]
"""Providers are invented names; a fleet on three providers and four sites (our assumption)."""

_CLUSTERS: list[tuple[str, str, float, GpuModel, str, str, str, str]] = [
    ("a", "iad1", 0.3125, H100, "air", "slurm+kubernetes", "ib", "550.90.07"),
    ("b", "sjc2", 0.25, H100, "air", "slurm", "roce", "550.90.07"),
    ("c", "fra2", 0.1875, H100, "air", "slurm+kubernetes", "roce", "550.127.05"),
    ("d", "osl1", 0.125, A100, "air", "slurm", "ib", "535.183.06"),
    ("e", "fra2", 0.125, B200, "dlc", "slurm+kubernetes", "ib", "570.124.06"),
]
_PCI = ("0000:1b:00", "0000:43:00", "0000:52:00", "0000:61:00", "0000:9d:00", "0000:c3:00", "0000:d1:00", "0000:df:00")


def build_shape(gpus: int, rng: np.random.Generator) -> FleetShape:
    """A fleet of `gpus` GPUs (a multiple of 8). The same generator state gives the same fleet.

    The default of 512 GPUs stands in three providers and five clusters: H100 ×3, A100 and liquid-cooled B200.
    """
    counts = _split(gpus // 8, [c[2] for c in _CLUSTERS])
    clusters: list[Cluster] = []
    rows: list[Row] = []
    racks: list[Rack] = []
    nodes: list[Node] = []
    switches: list[Switch] = []
    for spec, count in zip(_CLUSTERS, counts, strict=True):
        if count:
            _build_cluster(spec, count, clusters, rows, racks, nodes, switches, rng)
    gpu_list = _build_gpus(nodes, rng)
    nodes = [_with_gpus(node, gpu_list) for node in nodes]
    ports = _build_ports(nodes, clusters)
    used = {c.site for c in clusters}
    sites = [s for s in SITES if s.site in used]
    index = ShapeIndex(clusters, rows, racks)
    index.attach(nodes, gpu_list, switches, ports)
    technicians = build_technicians(sites, len(nodes), rng)
    parts = build_parts(len(nodes), rng)
    return FleetShape(sites, clusters, rows, racks, nodes, gpu_list, switches, ports, parts, technicians, index)


def _split(nodes: int, weights: Iterable[float]) -> list[int]:
    """Whole nodes per cluster by largest remainder."""
    exact = np.array(list(weights)) * nodes
    counts = np.floor(exact).astype(int)
    for i in np.argsort(counts - exact, kind="stable")[: nodes - int(counts.sum())]:
        counts[i] += 1
    return [int(c) for c in counts]


def _build_cluster(  # noqa: PLR0917 - the lists it appends to
    spec: tuple[str, str, float, GpuModel, str, str, str, str],
    count: int,
    clusters: list[Cluster],
    rows: list[Row],
    racks: list[Rack],
    nodes: list[Node],
    switches: list[Switch],
    rng: np.random.Generator,
) -> None:
    """Append one cluster with all it holds; the dev partition takes the last nodes."""
    letter, site_id, _, model, cooling, orchestrator, link_layer, driver = spec
    site = next(s for s in SITES if s.site == site_id)
    name = f"c-{letter}"
    width = max(3, len(str(count)))
    ids = [f"gpu-{letter}-{i + 1:0{width}d}" for i in range(count)]
    dev = dev_nodes(count)
    pcie = 2 if letter == "d" and count >= 6 else 0
    for i, node_id in enumerate(ids):
        rack_no, row_no = i // NODES_PER_RACK, i // (NODES_PER_RACK * RACKS_PER_ROW)
        plain = i >= count - pcie
        nodes.append(
            Node(
                index=len(nodes),
                node_id=node_id,
                cluster=name,
                site=site.site,
                provider=site.provider,
                region=site.region,
                zone=site.zone,
                room=f"{site.site}-hall{1 if letter != 'e' else 2}",
                row=f"{name}-row{row_no + 1}",
                rack=f"{name}-r{rack_no + 1:02d}",
                rack_unit=2 + 10 * (i % NODES_PER_RACK),
                leaf_switch=f"{name}-leaf{i // NODES_PER_LEAF + 1:02d}",
                cooling=cooling,
                gpu_model=A100_PCIE.name if plain else model.name,
                nvlink=0 if plain else 1,
                driver=driver,
                vbios="96.00.89.00.01" if model is H100 else "92.00.9e.00.10" if model is A100 else "97.00.82.00.04",
                bmc_fw="24.09.17",
                nic_fw="28.39.3560",
                batch=_batch(letter, rack_no),
                vendor={"a": "Supermicro", "b": "Dell", "c": "Supermicro", "d": "HPE", "e": "Lenovo"}[letter],
                partition="dev" if i >= count - dev else "train",
                installed_days_ago=float({"a": 420, "b": 360, "c": 300, "d": 1100, "e": 120}[letter] + rack_no % 7),
                gpus=(),
            )
        )
    own = nodes[-count:]
    _group(own, name, cooling, rows, racks, switches)
    clusters.append(
        Cluster(
            name, letter, site.site, site.provider, site.region, model.name, cooling, orchestrator, link_layer, driver, tuple(ids)
        )
    )


def dev_nodes(count: int) -> int:
    """Nodes of a cluster that serve jobs below one node (our assumption: one in eight)."""
    return max(1, round(count * 0.125)) if count > 1 else count


def _batch(letter: str, rack_no: int) -> str:
    """The batch a rack was delivered from; every fifth rack of a and b is of the weak one."""
    if letter in "ab" and rack_no % 5 == 2:
        return WEAK_BATCH
    return {"a": "HX-2451", "b": "HX-2447", "c": "HX-2510", "d": "AX-2209", "e": "BX-2533"}[letter]


def _group(own: list[Node], name: str, cooling: str, rows: list[Row], racks: list[Rack], switches: list[Switch]) -> None:
    """Racks, rows and switches around the nodes of one cluster."""
    by_rack: dict[str, list[Node]] = {}
    by_leaf: dict[str, list[Node]] = {}
    for node in own:
        by_rack.setdefault(node.rack, []).append(node)
        by_leaf.setdefault(node.leaf_switch, []).append(node)
    by_row: dict[str, list[Rack]] = {}
    for rack, members in by_rack.items():
        first = members[0]
        record = Rack(rack, first.row, first.room, first.site, name, tuple(n.node_id for n in members))
        racks.append(record)
        by_row.setdefault(first.row, []).append(record)
    for row, members_of_row in by_row.items():
        tail = row.rsplit("row", 1)[1]
        first_rack = members_of_row[0]
        cdu = f"{name}-cdu{tail}" if cooling == "dlc" else ""
        ids = tuple(r.rack for r in members_of_row)
        rows.append(Row(row, name, first_rack.site, first_rack.room, ids, f"{name}-crac{tail}", cdu))
    for leaf, members in by_leaf.items():
        switches.append(Switch(leaf, name, members[0].rack, "leaf", "QM9700", 64, tuple(n.node_id for n in members)))
    for i in range(max(2, len(by_leaf) // 2)):
        switches.append(Switch(f"{name}-spine{i + 1:02d}", name, own[0].rack, "spine", "QM9700", 64, ()))


def _build_gpus(nodes: list[Node], rng: np.random.Generator) -> list[Gpu]:
    """Eight GPUs per node with random but reproducible UUIDs and serials."""
    words = rng.integers(0, 2**32, size=(len(nodes) * 8, 4), dtype=np.uint64).tolist()
    out = []
    for node in nodes:
        for slot in range(8):
            i = node.index * 8 + slot
            a, b, c, d = words[i]
            text = f"{a:08x}{b:08x}{c:08x}{d:08x}"
            uuid = f"GPU-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
            serial = f"16{a % 10**11:011d}"
            out.append(Gpu(i, uuid, serial, node.node_id, slot, node.gpu_model, node.batch, _PCI[slot]))
    return out


def _with_gpus(node: Node, gpus: list[Gpu]) -> Node:
    """The node, knowing its GPUs."""
    return replace(node, gpus=tuple(g.gpu_uuid for g in gpus[node.index * 8 : node.index * 8 + 8]))


def _build_ports(nodes: list[Node], clusters: list[Cluster]) -> list[Port]:
    """Eight compute ports per node, cabled to the node's leaf."""
    place: dict[str, int] = {}
    out: list[Port] = []
    for node in nodes:
        for k in range(PORTS_PER_NODE):
            at = place.get(node.leaf_switch, 0) + 1
            place[node.leaf_switch] = at
            part = "MCP7Y00-N002" if k % 2 else "MMA4Z00-NS400"
            port_id = f"{node.node_id}/mlx5_{k}"
            out.append(Port(len(out), port_id, node.node_id, node.leaf_switch, at, part, node.cluster))
    return out
