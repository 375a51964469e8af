"""Fill an action's argument template from the entity and the inventory; never from free text.

A template value `$node` becomes the node that the hypothesis is about or lies in; `$entity` its id; other values are constants.
"""

from typing import Any

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.core.vocabulary import Level


def fill(template: dict[str, Any], hypothesis: Hypothesis, topology: Topology) -> dict[str, Any] | None:
    """The exact arguments, or None when one of them names something the inventory does not have."""
    filled = {name: _value(value, hypothesis, topology) for name, value in template.items()}
    return None if any(value is None for value in filled.values()) else filled


def _value(value: Any, hypothesis: Hypothesis, topology: Topology) -> Any:
    if not (isinstance(value, str) and value.startswith("$")):
        return value
    word = value[1:]
    if word == "entity":
        return hypothesis.entity.id
    if word == "nodes":
        return sorted(e.id for e in topology.descendants(hypothesis.entity) if e.level is Level.NODE)
    return _lookup(Level(word), hypothesis, topology)


def _lookup(level: Level, hypothesis: Hypothesis, topology: Topology) -> str | None:
    related = [e for finding in hypothesis.findings for e in (finding.entity, *finding.related)]
    for start in (hypothesis.entity, *related):
        found = [start] if start.level is level else topology.at_level(start, level)
        if found:
            return found[0].id
    return None


def known(entity: Entity, topology: Topology) -> bool:
    """Whether an entity may be acted on: the inventory lists it, or it is of a kind that no inventory lists (run, user, part)."""
    return entity in topology or entity.level in (
        Level.RUN,
        Level.USER,
        Level.PART,
        Level.FLEET,
        Level.PARTITION,
        Level.MOUNT,
    )
