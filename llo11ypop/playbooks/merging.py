"""Merge findings upwards: enough parts of one thing within a short time are one finding on that thing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding, SignalHit
from llo11ypop.core.vocabulary import Level
from llo11ypop.playbooks.matching import HITS_SHOWN, Places, strength_of
from llo11ypop.playbooks.model import Merge, Playbook

MERGE_GAIN = 0.3
"""Weight of 'several parts at once' as a sign of a common cause (our assumption)."""


PLACES = (Level.RACK, Level.ROW, Level.CLUSTER)
"""Where nodes stand, small to large."""


def merge_all(findings: Sequence[Finding], playbooks: Mapping[str, Playbook], topology: Topology) -> list[Finding]:
    """Apply every playbook's merge rules in their order; then findings of one mode on one entity become one."""
    found = list(findings)
    for playbook in playbooks.values():
        for rule in playbook.merge:
            mine = [f for f in found if f.playbook == playbook.id]
            if mine:
                found = [f for f in found if f.playbook != playbook.id] + merge(mine, rule, playbooks, topology)
    return _one_each(found)


def merge(findings: Sequence[Finding], rule: Merge, playbooks: Mapping[str, Playbook], topology: Topology) -> list[Finding]:
    """Replace groups that satisfy the rule by one finding on their common ancestor; the others stay as they are."""
    groups: dict[Entity, list[Finding]] = {}
    for finding in findings:
        for parent in topology.at_level(finding.entity, rule.into):
            if parent != finding.entity:
                groups.setdefault(parent, []).append(finding)
    left = list(findings)
    made: list[Finding] = []
    for parent, parts in sorted(groups.items()):
        burst = _burst([p for p in parts if p in left], rule)
        if burst and _enough(burst, parent, rule, topology):
            made.append(merged(burst, parent, playbooks[rule.mode or burst[0].playbook]))
            left = [f for f in left if f not in burst]
    return left + made


def _burst(parts: Sequence[Finding], rule: Merge) -> list[Finding]:
    """The largest set of findings whose onsets lie within the rule's time."""
    ordered = sorted(parts, key=lambda f: f.since)
    best: list[Finding] = []
    for start, first in enumerate(ordered):
        run = [f for f in ordered[start:] if f.since - first.since <= rule.within]
        if len(run) > len(best):
            best = run
    return best


def _enough(burst: Sequence[Finding], parent: Entity, rule: Merge, topology: Topology) -> bool:
    distinct = {f.entity for f in burst}
    listed = topology.count(parent, burst[0].entity.level)
    share = len(distinct) / listed if listed else 1.0
    return len(distinct) >= rule.min_count and share >= rule.min_share


def merged(burst: Sequence[Finding], parent: Entity, playbook: Playbook) -> Finding:
    """Findings on several parts as one of a playbook on what they lie in. `burst` is not empty."""
    first = min(burst, key=lambda f: f.since)
    return replace(
        first,
        playbook=playbook.id,
        area=playbook.area,
        entity=parent,
        strength=strength_of([max(f.strength for f in burst), MERGE_GAIN]),
        hits=_shown(burst),
        related=tuple(dict.fromkeys(e for f in burst for e in (f.entity, *f.related) if e != parent)),
        facts={**first.facts, "merged": len({f.entity for f in burst})},
    )


def common_place(entities: Sequence[Entity], topology: Topology) -> Entity | None:
    """The smallest rack, row or cluster that holds all of them; None where there is none."""
    around = [topology.ancestors(e) for e in entities]
    shared = frozenset.intersection(*around) if around else frozenset()
    return next((place for level in PLACES for place in sorted(shared) if place.level is level), None)


def _shown(findings: Iterable[Finding]) -> tuple[SignalHit, ...]:
    """The hits of several findings, each once, at most HITS_SHOWN of a signal."""
    distinct = {(h.signal, h.entity, h.text): h for f in findings for h in f.hits}
    by_signal: dict[str, list[SignalHit]] = {}
    for hit in distinct.values():
        by_signal.setdefault(hit.signal, []).append(hit)
    return tuple(hit for hits in by_signal.values() for hit in hits[:HITS_SHOWN])


def _one_each(findings: Sequence[Finding]) -> list[Finding]:
    kept: dict[tuple[str, Entity], Finding] = {}
    for finding in findings:
        key = (finding.playbook, finding.entity)
        other = kept.get(key)
        kept[key] = finding if other is None else _joined(other, finding)
    return list(kept.values())


def _joined(one: Finding, other: Finding) -> Finding:
    return replace(
        one,
        since=min(one.since, other.since),
        strength=max(one.strength, other.strength),
        hits=_shown([one, other]),
        related=tuple(dict.fromkeys(e for f in (one, other) for e in f.related if e != one.entity)),
        facts={**other.facts, **one.facts},
    )


def absorb(findings: Sequence[Finding], playbooks: Mapping[str, Playbook], places: Places) -> list[Finding]:
    """Drop a finding that lies in, or is named by, a finding of the same mode on a larger thing."""
    by_mode: dict[str, list[Finding]] = {}
    for finding in findings:
        by_mode.setdefault(finding.playbook, []).append(finding)
    return [f for f in findings if not any(_larger(o, f, playbooks[f.playbook], places) for o in by_mode[f.playbook])]


def _larger(other: Finding, finding: Finding, playbook: Playbook, places: Places) -> bool:
    if other.entity == finding.entity:
        return False
    if other.entity in places.around(finding.entity):
        return True
    order = list(playbook.entity)
    if other.entity.level not in order or finding.entity.level not in order or finding.entity not in other.related:
        return False
    return order.index(other.entity.level) > order.index(finding.entity.level)
