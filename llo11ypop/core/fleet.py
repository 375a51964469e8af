"""The fleet as the loop knows it at one instant: which thing stands in which, and how many siblings it has."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Level


@dataclass(frozen=True)
class Topology:
    """Containment, read once per cycle from the inventory.

    `parents` maps an entity to everything it directly lies in: a GPU in its node, a port in its node and its leaf switch, a
    node in its rack, leaf switch and driver, a rack in its row, a row in its cluster, a cluster in its site.
    """

    parents: dict[Entity, tuple[Entity, ...]] = field(default_factory=dict)
    children: dict[Entity, tuple[Entity, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, edges: Iterable[tuple[Entity, Entity]]) -> "Topology":
        """Build from (child, parent) pairs."""
        up: dict[Entity, list[Entity]] = {}
        down: dict[Entity, list[Entity]] = {}
        for child, parent in edges:
            up.setdefault(child, []).append(parent)
            down.setdefault(parent, []).append(child)
        return cls({k: tuple(v) for k, v in up.items()}, {k: tuple(v) for k, v in down.items()})

    def ancestors(self, entity: Entity) -> frozenset[Entity]:
        """Everything the entity lies in, itself included."""
        return self._closure(entity, self.parents)

    def around(self, entity: Entity) -> frozenset[Entity]:
        """The same, and the cluster of what carries it in its id and stands in no inventory: `c-a//scratch`, `c-a/train`."""
        found = self.ancestors(entity)
        if entity.level in (Level.MOUNT, Level.PARTITION) and entity not in self:
            found |= self.ancestors(Entity(Level.CLUSTER, entity.id.partition("/")[0]))
        return found

    def descendants(self, entity: Entity) -> frozenset[Entity]:
        """Everything that lies in the entity, itself included."""
        return self._closure(entity, self.children)

    def contains(self, outer: Entity, inner: Entity) -> bool:
        """Whether `inner` is `outer` or lies in it."""
        return outer in self.ancestors(inner)

    def at_level(self, entity: Entity, level: Level) -> tuple[Entity, ...]:
        """The ancestors of an entity (itself included) at one level, sorted."""
        return tuple(sorted(a for a in self.ancestors(entity) if a.level == level))

    def count(self, outer: Entity, level: Level) -> int:
        """How many entities of a level lie in `outer`; 0 when the inventory lists none."""
        return sum(1 for d in self.descendants(outer) if d.level == level)

    def __contains__(self, entity: object) -> bool:
        """Whether the inventory knows the entity."""
        return entity in self.parents or entity in self.children

    @staticmethod
    def _closure(entity: Entity, step: dict[Entity, tuple[Entity, ...]]) -> frozenset[Entity]:
        seen = {entity}
        todo = [entity]
        while todo:
            for nxt in step.get(todo.pop(), ()):
                if nxt not in seen:
                    seen.add(nxt)
                    todo.append(nxt)
        return frozenset(seen)
