"""Where an incident may go: which entity suits a mode at a time, and keeping incidents out of each other's way."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from llo11ypop.simulator.incidents.runs import lived
from llo11ypop.simulator.world import World

APART_S = 2 * 3600.0
"""Clear time before and after a fault on one node, so that neither hides the other (our assumption)."""


class Calendar:
    """Which nodes are taken by which spans; a new incident on a taken node must wait or go elsewhere."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def free(self, nodes: Iterable[str], start_s: float, end_s: float, *, apart_s: float = APART_S) -> bool:
        """Whether none of the nodes is taken in the span or close to it."""
        return not any(a < end_s + apart_s and start_s - apart_s < b for n in nodes for a, b in self._spans[n])

    def take(self, nodes: Iterable[str], start_s: float, end_s: float) -> None:
        """Reserve nodes for a span."""
        for node in nodes:
            self._spans[node].append((start_s, end_s))


def entity_for(world: World, level: str, at_s: float, rng: np.random.Generator, *, mode: str = "") -> str:
    """An entity of a level that suits a mode at an instant, as `level:id`; empty when there is none."""
    shape = world.shape
    match level:
        case "gpu" | "port" | "node":
            node = node_for(world, mode, at_s, rng)
            return inside(world, level, node, int(rng.integers(8))) if node else ""
        case "rack":
            racks = [r.rack for r in shape.racks if len(r.nodes) > 1 or len(shape.racks) < 4] or [r.rack for r in shape.racks]
            return _pick("rack", racks, rng)
        case "row":
            return _pick("row", [r.row for r in shape.rows], rng)
        case "switch":
            return _pick("switch", [s.switch_id for s in shape.switches if len(s.nodes) > 1], rng)
        case "cluster":
            wanted = [c.cluster for c in shape.clusters if len(c.nodes) > 1 and (mode != "F23" or c.link_layer == "roce")]
            return _pick("cluster", wanted, rng)
        case "mount":
            return _pick("mount", [f"{c.cluster}/{m}" for c in shape.clusters for m in c.mounts], rng)
        case "partition":
            return _pick("partition", [f"{c.cluster}/{p}" for c in shape.clusters for p in c.partitions], rng)
        case "run":
            runs = [r for r in world.runs if r.nodes_at(at_s) and (mode != "D13" or r.pipeline_stages > 1)]
            return _pick("run", [r.run_id for r in runs], rng)
        case "user":
            return _pick("user", _busy_users(world, at_s), rng)
        case "driver":
            return f"driver:570.{rng.integers(80, 200)}.{rng.integers(1, 30):02d}"
        case _:
            return ""


def inside(world: World, level: str, node: str, slot: int) -> str:
    """A node, or one of its GPUs or ports, as `level:id`."""
    if level == "gpu":
        return f"gpu:{world.shape.node(node).gpus[slot]}"
    return f"port:{world.shape.node_ports(node)[slot].port_id}" if level == "port" else f"node:{node}"


def by_slot(world: World, entity: str) -> str:
    """`gpu:<node>/<slot>` with the UUID of the GPU that is there; any other entity as it is."""
    level, _, name = entity.partition(":")
    node, _, slot = name.partition("/")
    known = level == "gpu" and node in world.shape.index.node and slot.isdigit() and int(slot) < len(world.shape.node(node).gpus)
    return inside(world, level, node, int(slot)) if known else entity


def suits(world: World, mode: str, node: str, at_s: float) -> bool:
    """Whether a mode can show itself on a node at that time."""
    spec = world.shape.node(node)
    if mode in ("F8", "F9") and not spec.nvlink:
        return False
    if mode in ("F31", "F32", "C6"):
        return any(node in a.nodes and a.start_s <= at_s < a.end_s - 4 * 3600 for r in world.runs for a in lived(world, r))
    if mode == "D2":
        return bool((world.jobs.column["run"][world.jobs.on_node(node, at_s)] < 0).any())
    if mode in ("D3", "D4", "D14", "D18"):
        return bool(len(world.jobs.on_node(node, at_s)))
    if mode == "D15":
        return not len(world.jobs.overlapping(node, at_s, at_s + 3600))
    return True


def node_for(world: World, mode: str, at_s: float, rng: np.random.Generator) -> str:
    """A node on which a mode can show itself, the first that suits in random order; empty when none does."""
    nodes = world.shape.nodes
    for i in rng.permutation(len(nodes))[:600].tolist():
        if suits(world, mode, nodes[i].node_id, at_s):
            return str(nodes[i].node_id)
    return ""


def _busy_users(world: World, at_s: float) -> list[str]:
    """Users with several jobs now, most first; any who has one when none has."""
    live = [j for j in world.jobs.active(at_s) if world.jobs.column["run"][j] < 0]
    users, counts = (
        np.unique(world.jobs.column["user"][live], return_counts=True) if live else (np.empty(0, int), np.empty(0, int))
    )
    order = np.argsort(-counts, kind="stable")[:3]
    return [world.jobs.users[int(users[i])] for i in order]


def _pick(level: str, names: list[str], rng: np.random.Generator) -> str:
    """One of the names, as `level:id`; empty when there are none."""
    return f"{level}:{names[int(rng.integers(len(names)))]}" if names else ""
