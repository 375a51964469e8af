"""Where an incident reaches: its nodes, its cluster, site and region, as the inventory knows them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.query.plan import Plan
from llo11ypop.report.deps import Notebook, rows

CLUSTERS = Plan.model_validate(
    {
        "dataset": "inventory_clusters",
        "by": ["cluster", "site", "provider", "region"],
        "measures": {"entries": {"agg": "count"}},
    }
)
NODES = Plan.model_validate(
    {
        "dataset": "inventory_nodes",
        "by": ["node_id", "cluster"],
        "measures": {"gpus": {"agg": "max", "field": "gpu_count"}},
    }
)
CONTAINERS = frozenset({Level.RACK, Level.ROW, Level.SWITCH})
"""Levels small enough that everything in them is hit together."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cluster stands; empty where the inventory does not say."""

    cluster: str = ""
    site: str = ""
    provider: str = ""
    region: str = ""


@dataclass(frozen=True)
class Places:
    """The fleet's geography as of the report's instant."""

    topology: Topology
    clusters: Mapping[str, Place] = field(default_factory=dict)
    node_cluster: Mapping[str, str] = field(default_factory=dict)
    node_gpus: Mapping[str, int] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()

    def of_cluster(self, cluster: str) -> Place:
        """The cluster's place; only its name where the inventory does not list it."""
        return self.clusters.get(cluster, Place(cluster))

    def of_node(self, node: str) -> Place:
        """The place of the node's cluster."""
        return self.of_cluster(self.node_cluster.get(node, ""))

    def of(self, entities: Iterable[Entity]) -> Place:
        """The place of the first entity that stands in a cluster or site."""
        for entity in entities:
            for cluster in self.topology.at_level(entity, Level.CLUSTER):
                return self.of_cluster(cluster.id)
            for site in self.topology.at_level(entity, Level.SITE):
                return next((p for p in self.clusters.values() if p.site == site.id), Place(site=site.id))
        return Place()

    def nodes_of(self, entities: Iterable[Entity]) -> tuple[str, ...]:
        """The nodes that the entities are, lie in or hold; whole clusters and wider things hold none in this sense."""
        found: set[str] = set()
        for entity in entities:
            found.update(n.id for n in self.topology.at_level(entity, Level.NODE))
            if entity.level in CONTAINERS:
                found.update(n.id for n in self.topology.descendants(entity) if n.level is Level.NODE)
        return tuple(sorted(found))


async def read_places(book: Notebook) -> Places:
    """Read the inventory. Raises StoreError."""
    found = await book.read({"clusters": CLUSTERS, "nodes": NODES})
    clusters = {
        str(r["cluster"]): Place(*(str(r[k] or "") for k in ("cluster", "site", "provider", "region")))
        for r in rows(found["clusters"])
    }
    nodes = rows(found["nodes"])
    return Places(
        topology=book.topology,
        clusters=clusters,
        node_cluster={str(r["node_id"]): str(r["cluster"] or "") for r in nodes},
        node_gpus={str(r["node_id"]): int(str(r["gpus"] or 0)) for r in nodes},
        evidence=tuple(e.id for e in found.values()),
    )
