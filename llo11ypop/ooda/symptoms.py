"""Merge upwards in the topology and backwards in time: which finding is a symptom of which other one.

A playbook says which modes it explains and how far its reach goes (`within` a node, rack, switch, cluster …). A finding is a
symptom when a broader or declared cause reaches its place and did not begin later than the symptom, lag allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Level
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.playbooks.reach import places_of, within_reach

_BREADTH = {level: rank for rank, level in enumerate(Level)}
"""Levels from small to large, in the order the vocabulary lists them."""


@dataclass(frozen=True, slots=True)
class Attached:
    """Findings sorted into causes and what each explains; indexes into the list that was given."""

    roots: tuple[int, ...]
    parent: dict[int, int]


def attach(findings: Sequence[Finding], book: PlaybookSet, topology: Topology) -> Attached:
    """Give each finding its best cause among the others; what has none is a root. Never a cycle."""
    places = [places_of((f.entity, *f.related), topology) for f in findings]
    by_mode: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        by_mode.setdefault(finding.playbook, []).append(index)
    parent: dict[int, int] = {}
    for cause, finding in enumerate(findings):
        for rule in book[finding.playbook].explains:
            for mode in rule.modes:
                for symptom in by_mode.get(mode, ()):
                    early = findings[symptom].since < finding.since - rule.lag
                    if symptom != cause and not early and within_reach(rule.within, places[cause], places[symptom]):
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


def _weight(finding: Finding) -> tuple[int, float]:
    return _BREADTH[finding.entity.level], finding.strength
