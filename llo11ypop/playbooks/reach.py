"""When one finding bears on another: rivals that read the same signs differently, and how far a cause reaches.

The loop and the investigators both ask this; what they do with the answer is theirs.
"""

from collections.abc import Iterable, Mapping

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Level
from llo11ypop.playbooks.book import PlaybookSet

Places = Mapping[Level, frozenset[Entity]]
"""Everything that something lies in, by level."""


def places_of(entities: Iterable[Entity], topology: Topology) -> Places:
    """What a finding lies in; what it merely names (a run, its nodes) counts as its place too."""
    found: dict[Level, set[Entity]] = {}
    for entity in entities:
        for place in topology.around(entity):
            found.setdefault(place.level, set()).add(place)
    return {level: frozenset(places) for level, places in found.items()}


def within_reach(within: Level, cause: Places, symptom: Places) -> bool:
    """Whether both lie in the same thing of the level that a playbook names as its reach; the whole fleet holds all."""
    return within is Level.FLEET or bool(cause.get(within, frozenset()) & symptom.get(within, frozenset()))


def rivals(one: Finding, other: Finding, book: PlaybookSet, topology: Topology) -> bool:
    """Whether two playbooks compete by declaration and are about the same thing, or one about a part of the other's."""
    if other.playbook not in book[one.playbook].competing and one.playbook not in book[other.playbook].competing:
        return False
    if {one.entity, *one.related} & {other.entity, *other.related}:
        return True
    return topology.contains(one.entity, other.entity) or topology.contains(other.entity, one.entity)
