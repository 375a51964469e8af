"""The CMDB's view: sites to parts, who works when, what is in stock, and what was replaced before the world began."""

from typing import Any

import numpy as np

from llo11ypop.simulator.world import World

SCHEMA_VERSION = "1"
PLANNED_SHIFT_DAYS = 60
WEEK_S = 7 * 86400.0
_REASONS = {
    "fan": "bearing", "psu": "input stage", "optic": "dirty end face", "cable": "link errors", "dimm": "correctable errors",
    "gpu": "row remap failure", "hca": "port lost", "nvme": "media errors", "baseboard": "nvlink",
}  # fmt: skip


def write_inventory(world: World) -> None:
    """Add every dimension table, technician shifts, weekly supply and the history of parts."""
    shape = world.shape
    gpus = {c.cluster: 8 * len(c.nodes) for c in shape.clusters}
    _records(world, "inventory_sites", shape.sites, ("site", "provider", "region", "continent", "zone"))
    _records(world, "inventory_clusters", shape.clusters,
             ("cluster", "site", "provider", "region", "gpu_model", "cooling", "orchestrator"),
             gpus=[gpus[c.cluster] for c in shape.clusters], nodes=[len(c.nodes) for c in shape.clusters])  # fmt: skip
    _records(world, "inventory_racks", shape.racks, ("rack", "row", "room", "site", "cluster"))
    _records(world, "inventory_switches", shape.switches, ("switch_id", "cluster", "rack", "role", "model", "ports"))
    _records(
        world, "inventory_links", shape.ports, ("port_id", "node_id", "switch_id", "switch_port", "cable_part_no", "cluster")
    )
    _records(world, "inventory_parts", shape.parts, ("part_no", "part_type", "vendor", "description"))
    _records(world, "technicians", shape.technicians,
             ("technician_id", "site", "skills", "certifications", "skill_level", "open_tickets", "travel_sites"))  # fmt: skip
    _nodes(world)
    _gpus(world)
    _shifts(world)
    _supply(world)
    _past_replacements(world)


def _records(world: World, dataset: str, records: list[Any], names: tuple[str, ...], **more: list[Any]) -> None:
    """One row per record."""
    columns = {name: [getattr(r, name) for r in records] for name in names} | more
    world.add(dataset, **{k: np.array(v, dtype=object if isinstance(v[0], str) else None) for k, v in columns.items()})


def _nodes(world: World) -> None:
    """Nodes, with one interval per driver."""
    names = ("node_id", "cluster", "site", "provider", "region", "zone", "room", "row", "rack", "rack_unit", "leaf_switch",
             "cooling", "gpu_model", "gpu_count", "nvlink", "vbios", "bmc_fw", "nic_fw", "batch", "vendor")  # fmt: skip
    rows = []
    for node in world.shape.nodes:
        begin, driver = -node.installed_days_ago * 86400.0, node.driver
        for at, version in [*sorted(world.drivers.get(node.node_id, [])), (np.nan, "")]:
            rows.append((node, driver, begin, at))
            begin, driver = at, version
    columns: dict[str, Any] = {name: [getattr(r[0], name) for r in rows] for name in names}
    install = np.array([-r[0].installed_days_ago * 86400.0 for r in rows])
    world.add(
        "inventory_nodes", **{k: np.array(v, dtype=object if isinstance(v[0], str) else None) for k, v in columns.items()},
        driver=np.array([r[1] for r in rows], dtype=object), install_date=install, warranty_end=install + 3 * 365 * 86400.0,
        valid_from=np.array([r[2] for r in rows], dtype=float), valid_to=np.array([r[3] for r in rows], dtype=float),
    )  # fmt: skip


def _gpus(world: World) -> None:
    """GPUs where they are, and a few that came from another node before the world began."""
    gpus, nodes = world.shape.gpus, world.shape.nodes
    names = ("gpu_uuid", "serial", "node_id", "slot", "gpu_model", "batch")
    columns = {name: [getattr(g, name) for g in gpus] for name in names}
    begin = [-nodes[g.index // 8].installed_days_ago * 86400.0 for g in gpus]
    rng = world.rng("moved")
    for i in rng.choice(len(gpus), size=min(len(gpus) // 128, 40), replace=False).tolist():
        gpu = gpus[i]
        others = [n for n in world.shape.cluster(nodes[i // 8].cluster).nodes if n != gpu.node_id]
        if not others or -begin[i] < 80 * 86400:
            continue
        moved = -float(rng.uniform(15, 70)) * 86400.0
        for name in names:
            columns[name].append(getattr(gpu, name))
        columns["node_id"][-1], old_begin, begin[i] = others[int(rng.integers(len(others)))], begin[i], moved
        begin.append(old_begin)
    ends = np.full(len(begin), np.nan)
    for j in range(len(gpus), len(begin)):
        ends[j] = begin[columns["gpu_uuid"].index(columns["gpu_uuid"][j])]
    world.add(
        "inventory_gpus", **{k: np.array(v, dtype=object if isinstance(v[0], str) else None) for k, v in columns.items()},
        valid_from=np.array(begin), valid_to=ends,
    )  # fmt: skip


def _shifts(world: World) -> None:
    """Eight-hour shifts in rotation; at night the one who works is on call."""
    start, people, shift, call = [], [], [], []
    words = ("day", "evening", "night")
    for day in range(-1, int(world.days) + PLANNED_SHIFT_DAYS):
        for i, who in enumerate(world.shape.technicians):
            kind = (i + day // 7) % 3
            if (day + i) % 7 < 5:
                start.append(day * 86400.0 + (7 + 8 * kind) * 3600)
                people.append(who)
                shift.append(words[kind])
                call.append(int(kind == 2))
    begin = np.array(start)
    world.add(
        "technician_shifts", start_at=begin, end_at=begin + 8 * 3600,
        technician_id=np.array([p.technician_id for p in people], dtype=object),
        site=np.array([p.site for p in people], dtype=object), shift=np.array(shift, dtype=object), on_call=np.array(call),
    )  # fmt: skip


def _supply(world: World) -> None:
    """Stock, orders and lead times, weekly from four weeks back; the last spare stays on the shelf unless a shortage takes it."""
    rng = world.rng("supply")
    weeks = np.arange(-4, int(world.days // 7) + 1)
    for part in world.shape.parts:
        used = rng.poisson(max(part.stock, 1) * 0.08, len(weeks))
        stock = np.maximum(part.stock - np.cumsum(used) + np.roll(np.cumsum(used), 4) * (np.arange(len(weeks)) >= 4), 1)
        lead = part.lead_time_days * (1 + 0.05 * rng.standard_normal(len(weeks)))
        world.add(
            "supply_chain", ts=weeks * WEEK_S, part_no=part.part_no, part_type=part.part_type, vendor=part.vendor,
            single_source=part.single_source, stock_on_hand=stock, on_order=np.cumsum(used) % 9, lead_time_days=np.round(lead, 1),
            lead_time_sd_days=round(part.lead_time_days * 0.18, 1), unit_cost_usd=part.unit_cost_usd, eol_at=np.nan,
            open_rma=rng.poisson(0.6, len(weeks)), vendor_risk=part.vendor_risk,
        )  # fmt: skip


def _past_replacements(world: World) -> None:
    """Parts replaced in the 90 days before, none in the last ten."""
    rng, nodes = world.rng("past"), world.shape.nodes
    kinds = [
        p for p in world.shape.parts for _ in range({"fan": 6, "optic": 5, "psu": 3, "cable": 3, "gpu": 1}.get(p.part_type, 1))
    ]
    count = int(rng.poisson(0.35 * len(nodes)))
    if not count:
        return
    parts = [kinds[int(i)] for i in rng.integers(0, len(kinds), count)]
    where = [nodes[int(i)] for i in rng.integers(0, len(nodes), count)]
    near = [[t.technician_id for t in world.shape.technicians if t.site == n.site] or [""] for n in where]
    world.add(
        "parts_replacements", ts=np.sort(-rng.uniform(10, 90, count) * 86400.0),
        node_id=np.array([n.node_id for n in where], dtype=object),
        site=np.array([n.site for n in where], dtype=object), part_type=np.array([p.part_type for p in parts], dtype=object),
        part_no=np.array([p.part_no for p in parts], dtype=object), old_serial=_serials(rng, count),
        new_serial=_serials(rng, count),
        reason_code=np.array([_REASONS[p.part_type] for p in parts], dtype=object), ticket_id="",
        technician_id=np.array([t[i % len(t)] for i, t in enumerate(near)], dtype=object), rma_id="",
        vendor_verdict=rng.choice(np.array(["confirmed", "NTF", "pending"], dtype=object), count, p=[0.7, 0.2, 0.1]),
    )  # fmt: skip


def _serials(rng: np.random.Generator, count: int) -> Any:
    return np.array([f"SN{v:010d}" for v in rng.integers(0, 10**10, count).tolist()], dtype=object)
