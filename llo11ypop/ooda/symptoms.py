"""Merge upwards in the topology and backwards in time: which finding is a symptom of which other one.

A playbook says which modes it explains and how far its reach goes (`within` a node, rack, switch, cluster …). A finding is a
symptom when a broader or declared cause reaches its place and did not begin later than the symptom, lag allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Level
from llo11ypop.playbooks import PlaybookSet

_BREADTH = {level: rank for rank, level in enumerate(Level)}
"""Levels from small to large, in the order the vocabulary lists them."""


@dataclass(frozen=True, slots=True)
class Attached:
    """Findings sorted into causes and what each explains; indexes into the list that was given."""

    roots: tuple[int, ...]
    parent: dict[int, int]


def attach(findings: Sequence[Finding], book: PlaybookSet, topology: Topology) -> Attached:
    """Give each finding its best cause among the others; what has none is a root. Never a cycle."""
    places = [_places(f, topology) for f in findings]
    by_mode: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        by_mode.setdefault(finding.playbook, []).append(index)
    parent: dict[int, int] = {}
    for cause, finding in enumerate(findings):
        for rule in book[finding.playbook].explains:
            for mode in rule.modes:
                for symptom in by_mode.get(mode, ()):
                    if symptom != cause and _reaches(
                        finding, findings[symptom], places[cause], places[symptom], rule.within, rule.lag
                    ):
                        best = parent.get(symptom)
                        if best is None or _weight(finding) > _weight(findings[best]):
                            parent[symptom] = cause
    parent = {s: _root(s, parent) for s in parent}
    parent = {s: c for s, c in parent.items() if s != c}
    roots = tuple(i for i in range(len(findings)) if i not in parent)
    return Attached(roots, parent)


def _root(start: int, parent: dict[int, int]) -> int:
    """The topmost cause; in a ring of mutual explanations the member with the smallest index wins."""
    seen = [start]
    at = start
    while at in parent:
        at = parent[at]
        if at in seen:
            return min(seen[seen.index(at) :])
        seen.append(at)
    return at


def _reaches(
    cause: Finding,
    symptom: Finding,
    of_cause: dict[Level, frozenset[Entity]],
    of_symptom: dict[Level, frozenset[Entity]],
    within: Level,
    lag: timedelta,
) -> bool:
    if symptom.since < cause.since - lag:
        return False
    if within is Level.FLEET:
        return True
    return bool(of_cause.get(within, frozenset()) & of_symptom.get(within, frozenset()))


def _weight(finding: Finding) -> tuple[int, float]:
    return _BREADTH[finding.entity.level], finding.strength


def _places(finding: Finding, topology: Topology) -> dict[Level, frozenset[Entity]]:
    """Everything the finding lies in, by level; what it merely names (a run, its nodes) counts as its place too."""
    found: dict[Level, set[Entity]] = {}
    for entity in (finding.entity, *finding.related):
        for place in topology.ancestors(entity):
            found.setdefault(place.level, set()).add(place)
    return {level: frozenset(places) for level, places in found.items()}
