"""Where and when one incident is put, and what stands around that place."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from llo11ypop.core.entity import Entity
from llo11ypop.simulator.shape import FleetShape


@dataclass(frozen=True, slots=True)
class Placement:
    """One incident to be written: `entity` as `level:id`, times in seconds since the world's start.

    `strength` places it inside the range its signature may have (0 mild, 1 severe). `out_s` is how long the node
    is out of service at the end of `duration_s` (0 = the mode's own habit). `nodes` narrows or widens the nodes
    that are struck, where the entity alone does not say (a burst, a cascade). Strokes on metric grids go to `later` when
    there is one: jobs must have met their fate everywhere first, because a failed job redraws its GPUs.
    """

    entity: str
    start_s: float
    duration_s: float
    strength: float
    rng: np.random.Generator = field(compare=False)
    out_s: float = 0.0
    nodes: tuple[str, ...] = ()
    later: list[Callable[[], None]] | None = field(default=None, compare=False)

    @property
    def end_s(self) -> float:
        """End of the symptoms."""
        return self.start_s + self.duration_s

    @property
    def level(self) -> str:
        """The entity's level."""
        return Entity.parse(self.entity).level.value

    @property
    def name(self) -> str:
        """The entity's id."""
        return Entity.parse(self.entity).id


@dataclass(frozen=True, slots=True)
class Place:
    """The ids round an entity, small to large; empty where they do not apply."""

    cluster: str
    row: str = ""
    rack: str = ""
    node: str = ""
    gpu: str = ""
    port: str = ""
    switch: str = ""
    nodes: tuple[str, ...] = ()

    def as_entities(self) -> dict[str, tuple[str, ...]]:
        """What the truth lists: every level that is known, with its ids."""
        known = {k: (v,) for k in ("cluster", "row", "rack", "gpu", "port", "switch") if (v := getattr(self, k))}
        return {**known, "node": self.nodes or ((self.node,) if self.node else ())}


def locate(shape: FleetShape, entity: str) -> Place:
    """The surroundings of `level:id`. Raises ValueError for a level, KeyError for an id that the fleet has not."""
    parsed = Entity.parse(entity)
    level, name = parsed.level.value, parsed.id
    match level:
        case "gpu" | "port" | "node":
            node_id = shape.nodes_in(level, name)[0]
            node = shape.node(node_id)
            gpu, port = (name if level == "gpu" else ""), (name if level == "port" else "")
            return Place(node.cluster, node.row, node.rack, node_id, gpu, port, nodes=(node_id,))
        case "rack":
            rack = shape.rack(name)
            return Place(rack.cluster, rack.row, rack.rack, nodes=rack.nodes)
        case "row":
            row = shape.row(name)
            return Place(row.cluster, row.row, nodes=tuple(shape.nodes_in("row", name)))
        case "switch":
            switch = shape.switch(name)
            return Place(switch.cluster, switch=name, nodes=switch.nodes)
        case "cluster":
            return Place(name, nodes=tuple(shape.cluster(name).nodes))
        case "mount" | "partition":
            cluster = shape.cluster(name.partition("/")[0])
            return Place(cluster.cluster, nodes=tuple(cluster.nodes))
        case _:
            return Place("")
