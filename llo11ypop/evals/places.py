"""Where things stand in a fleet file, and how near a ticket is to an injected incident."""

from enum import IntEnum
from pathlib import Path

import duckdb

from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import StoreError
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.evals.ticket import Ticket
from llo11ypop.simulator.truth import Truth

WIDE = frozenset({Level.CLUSTER, Level.SITE, Level.FLEET, Level.DRIVER, Level.USER})
"""Incidents on entities so large that containment says nothing: the cause must agree too (our rule)."""
WIDE_TICKET = WIDE | {Level.ROW, Level.SWITCH}
"""The same for tickets: one on a whole row does not find a GPU in it unless it names the GPU's cause."""

_EDGES = (
    ("inventory_gpus", "gpu", "gpu_uuid", "node", "node_id"),
    ("inventory_links", "port", "port_id", "node", "node_id"),
    ("inventory_links", "port", "port_id", "switch", "switch_id"),
    ("inventory_nodes", "node", "node_id", "rack", "rack"),
    ("inventory_nodes", "node", "node_id", "switch", "leaf_switch"),
    ("inventory_nodes", "node", "node_id", "driver", "driver"),
    ("inventory_racks", "rack", "rack", "row", "row"),
    ("inventory_racks", "row", "row", "cluster", "cluster"),
    ("inventory_switches", "switch", "switch_id", "cluster", "cluster"),
    ("inventory_clusters", "cluster", "cluster", "site", "site"),
)


class Nearness(IntEnum):
    """How near a ticket is to an incident; smaller is nearer."""

    SAME = 0
    """The ticket is about the incident's entity, or one the truth accepts as well."""
    KIN = 1
    """It is about something the incident's entity lies in, or something that lies in it."""
    LISTED = 2
    """Ticket and truth share another entity."""


def read_topology(fleet: Path) -> Topology:
    """Containment over all inventory intervals. Raises StoreError when the file cannot be read."""
    edges: set[tuple[Entity, Entity]] = set()
    try:
        with duckdb.connect(str(fleet), read_only=True) as connection:
            present = {str(r[0]) for r in connection.execute("SHOW TABLES").fetchall()}
            for table, child_level, child, parent_level, parent in _EDGES:
                if table not in present:
                    continue
                rows = connection.execute(
                    f"SELECT DISTINCT {child}, {parent} FROM {table} WHERE {child} <> '' AND {parent} <> ''"  # noqa: S608 - names are constants above
                ).fetchall()
                edges |= {(Entity(Level(child_level), c), Entity(Level(parent_level), p)) for c, p in rows}
    except duckdb.Error as error:
        raise StoreError(f"{fleet}: inventory cannot be read: {error}") from error
    return Topology.of(sorted(edges))


class Places:
    """Containment questions with the text ids that carry their own container (`c-a//scratch`)."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._known: dict[Entity, frozenset[Entity]] = {}

    def kin(self, one: Entity, other: Entity) -> bool:
        """Whether one of the two is or contains the other."""
        return one in self._around(other) or other in self._around(one)

    def _around(self, entity: Entity) -> frozenset[Entity]:
        """The entity with all it lies in, looked up once; a plain dictionary, as workers send places to their parent."""
        if entity not in self._known:
            self._known[entity] = self.topology.around(entity)
        return self._known[entity]

    def nearness(self, ticket: Ticket, truth: Truth, causes: frozenset[str]) -> Nearness | None:
        """How near a ticket is to an incident; None when it is not about it at all.

        `causes` are those that would be right for the incident or its children: they decide where an entity
        is too large (`WIDE`) for containment to mean anything.
        """
        own = truth_entity(truth)
        if ticket.entity == own or str(ticket.entity) in truth.acceptable_entities:
            return Nearness.SAME
        right_cause = ticket.cause in causes
        if self.kin(ticket.entity, own):
            wide = ticket.entity.level in WIDE_TICKET or own.level in WIDE
            return Nearness.KIN if right_cause or not wide else None
        if own.level in WIDE and not right_cause:
            return None
        touched = self.touched(truth)
        if any(e in touched for e in ticket.entities):
            return Nearness.LISTED
        wide = ticket.entity.level in WIDE_TICKET and not right_cause
        return Nearness.LISTED if not wide and any(self.kin(ticket.entity, e) for e in touched) else None

    def touched(self, truth: Truth) -> frozenset[Entity]:
        """What the truth lists, its own entity included, without where that stands (rack, row, cluster)."""
        location = self._around(truth_entity(truth)) - {truth_entity(truth)}
        return frozenset(e for e in listed_entities(truth) if e.level not in WIDE and e not in location)


def truth_entity(truth: Truth) -> Entity:
    """The entity the right ticket names."""
    return Entity(Level(truth.entity_level), truth.entity_id)


def listed_entities(truth: Truth) -> frozenset[Entity]:
    """Everything the truth says was touched; unknown kinds of entity are left out."""
    known = {str(level) for level in Level}
    return frozenset(
        Entity(Level(level), name) for level, names in truth.entities.items() if level in known for name in names if name
    )
