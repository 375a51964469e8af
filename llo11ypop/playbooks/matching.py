"""Test one playbook on evidence: which entities carry the signals it requires, and how strongly they speak."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding, SignalHit
from llo11ypop.core.vocabulary import Level
from llo11ypop.playbooks.model import Playbook
from llo11ypop.playbooks.signals import Signal
from llo11ypop.playbooks.text import render

MAX_STRENGTH = 0.99
"""No signature is certain."""

_LEVELS = frozenset(level.value for level in Level)

SAME_TIME = timedelta(minutes=10)
"""Clocks of calendars, nodes and metrics differ by minutes (our assumption)."""

HITS_SHOWN = 12
"""Most hits of one signal that a finding carries; a merged rack would otherwise list every fan (our assumption)."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What a signal said. `evaluable` is false where its data is not there."""

    signal: Signal
    evaluable: bool
    found: tuple[tuple[SignalHit, tuple[Entity, ...], datetime | None], ...] = ()
    """(hit, related entities, latest sign)."""


@dataclass
class Places:
    """What entities lie in, remembered."""

    topology: Topology
    _around: dict[Entity, frozenset[Entity]] = field(default_factory=dict)

    def around(self, entity: Entity) -> frozenset[Entity]:
        """The entity and everything it lies in."""
        if entity not in self._around:
            self._around[entity] = self.topology.around(entity)
        return self._around[entity]

    def bears_on(self, sign: Entity, entity: Entity) -> bool:
        """Whether a sign on one entity says something of the other: the same, around it, or in it."""
        return sign in self.around(entity) or entity in self.around(sign)


def hits_of(key: str, signal: Signal, evidence: Evidence | None) -> Hits:
    """The rows of a signal's evidence as hits, sentences included. Rows without an entity are left out."""
    if evidence is None or evidence.status.tells_nothing:
        return Hits(signal, evaluable=False)
    name = key if key.startswith("common.") else key.partition(".")[2]
    found = []
    for row in evidence.rows.to_pylist():
        entity = _entity(signal.entity, row)
        if entity is not None:
            since = _instant(row.get(signal.onset)) if signal.onset else None
            last = _instant(row.get(signal.last)) if signal.last else None
            hit = SignalHit(name, entity, since, evidence.id, row, render(signal.text, row))
            found.append((hit, _related(signal.related, row), last))
    return Hits(signal, evaluable=True, found=tuple(found))


def find(playbook: Playbook, hits: Mapping[str, Hits], places: Places, at: datetime) -> list[Finding]:
    """One finding per entity of the playbook's level on which the required signals fire."""
    match = playbook.match
    current = {name: _still_valid(hits[name], [hits[e] for e in match.ended_by], places) for name in (*match.all, *match.any)}
    levels = set(playbook.entity)
    candidates = {hit.entity for h in current.values() for hit, _, _ in h.found if hit.entity.level in levels}
    found = []
    for entity in sorted(candidates):
        required = _required(playbook, current, entity, places)
        if required is None or _excluded(entity, [hits[n] for n in match.excluded_by], places):
            continue
        supporting = {n: fired for n in match.supporting if (fired := _on(entity, hits[n], places))}
        finding = _finding(playbook, entity, required, supporting, hits, at)
        if finding.since + match.lasts <= at:
            found.append(finding)
    return found


def _required(
    playbook: Playbook, hits: Mapping[str, Hits], entity: Entity, places: Places
) -> dict[str, list[tuple[SignalHit, tuple[Entity, ...]]]] | None:
    """Signal → hits on the entity when the rule is met; None when it is not, or cannot be evaluated."""
    match = playbook.match
    fired = {name: on for name, h in hits.items() if (on := _on(entity, h, places))}
    if any(name not in fired for name in match.all):
        return None
    if match.any and sum(name in fired for name in match.any) < match.at_least:
        return None
    return fired if _ordered(match.in_order, fired) else None


def _ordered(names: Sequence[str], fired: Mapping[str, list[tuple[SignalHit, tuple[Entity, ...]]]]) -> bool:
    """Whether the first onsets follow each other; a signal without an onset stands anywhere."""
    onsets = [min(since) for name in names if (since := [h.since for h, _ in fired.get(name, ()) if h.since is not None])]
    return all(earlier <= later + SAME_TIME for earlier, later in pairwise(onsets))


def _on(entity: Entity, hits: Hits, places: Places) -> list[tuple[SignalHit, tuple[Entity, ...]]]:
    return [(h, r) for h, r, _ in hits.found if entity in r or places.bears_on(h.entity, entity)]


def _excluded(entity: Entity, vetoes: Iterable[Hits], places: Places) -> bool:
    around = places.around(entity)
    return any(hit.entity in around for veto in vetoes for hit, _, _ in veto.found)


def _still_valid(hits: Hits, repairs: Sequence[Hits], places: Places) -> Hits:
    """Without the signs that a later repair of the same thing has answered."""
    if not repairs or hits.signal.last is None:
        return hits
    kept = []
    for hit, related, last in hits.found:
        around = places.around(hit.entity)
        answered = last is not None and any(
            r.entity in around and r.since is not None and r.since >= last for repair in repairs for r, _, _ in repair.found
        )
        if not answered:
            kept.append((hit, related, last))
    return Hits(hits.signal, hits.evaluable, tuple(kept))


def _finding(
    playbook: Playbook,
    entity: Entity,
    required: Mapping[str, list[tuple[SignalHit, tuple[Entity, ...]]]],
    supporting: Mapping[str, list[tuple[SignalHit, tuple[Entity, ...]]]],
    hits: Mapping[str, Hits],
    at: datetime,
) -> Finding:
    fired = {**required, **supporting}
    shown = [h for on in fired.values() for h, _ in on[:HITS_SHOWN]]
    related = [e for on in fired.values() for h, r in on for e in (h.entity, *r) if e != entity]
    onsets = [h.since for on in required.values() for h, _ in on if h.since is not None]
    blind = sorted(name for name, h in hits.items() if not h.evaluable)
    return Finding(
        playbook=playbook.id,
        area=playbook.area,
        entity=entity,
        since=min([*onsets, at]),
        strength=strength_of(hits[name].signal.weight for name in fired),
        hits=tuple(shown),
        related=tuple(dict.fromkeys(related)),
        facts={"signals": sorted(fired), "not_evaluable": blind},
    )


def strength_of(weights: Iterable[float]) -> float:
    """Independent signs add up: 1 − Π(1 − weight), capped below certainty."""
    return min(MAX_STRENGTH, 1 - math.prod(1 - w for w in weights))


def _entity(templates: Mapping[str, str], row: Mapping[str, Any]) -> Entity | None:
    for level, template in templates.items():
        name = render(template, row) if "{" in template else row.get(template)
        if name not in (None, ""):
            return _as_entity(render(level, row), str(name))
    return None


def _as_entity(level: str, name: str) -> Entity | None:
    """The entity, or None for a level from a row that is none of ours."""
    return Entity(Level(level), name) if level in _LEVELS else None


def _related(templates: Mapping[str, str], row: Mapping[str, Any]) -> tuple[Entity, ...]:
    found: list[Entity] = []
    for level, template in templates.items():
        text = render(template, row) if "{" in template else row.get(template)
        if text not in (None, ""):
            names = str(text).split(",") if "{" not in template else [str(text)]
            found += [Entity(Level(level), name.strip()) for name in names if name.strip()]
    return tuple(dict.fromkeys(found))


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value
