"""Blast radius: how much of the fleet an action on an entity touches."""

from dataclasses import asdict, dataclass
from typing import Any

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Action, Level

DISRUPTIVE = frozenset({Action.DRAIN, Action.REBOOT, Action.RESET_GPU})
"""Actions that take capacity away from users as soon as they run."""

_WHOLE_NODE = frozenset({Action.DRAIN, Action.REBOOT, Action.TECH, Action.DIAG})


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What an action would touch. `cluster_share` is the part of its cluster's nodes; None where no cluster is known."""

    nodes: int
    gpus: int
    cluster: str
    cluster_share: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON for the proposal."""
        return asdict(self)


def blast_radius(action: Action, entity: Entity, topology: Topology) -> BlastRadius:
    """Count nodes and GPUs in reach: the whole node for node-wide actions on a GPU or port, else what lies in the entity."""
    reach = entity
    if action in _WHOLE_NODE and entity.level in (Level.GPU, Level.PORT):
        reach = next(iter(topology.at_level(entity, Level.NODE)), entity)
    inside = topology.descendants(reach)
    nodes = sum(1 for e in inside if e.level is Level.NODE)
    gpus = sum(1 for e in inside if e.level is Level.GPU)
    cluster = next(iter(topology.at_level(entity, Level.CLUSTER)), None)
    total = topology.count(cluster, Level.NODE) if cluster else 0
    return BlastRadius(nodes, gpus, cluster.id if cluster else "", nodes / total if total else None)
