"""Orient: from findings to hypotheses. Symptoms go to their cause; planned work, user error, sensor fault and unknown compete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.reasoning import Finding, Hypothesis, Observation, ObservationKind
from llo11ypop.core.vocabulary import Level
from llo11ypop.ooda.deps import Limits
from llo11ypop.ooda.planned import WIDE, Maintenance, accounting_for
from llo11ypop.ooda.symptoms import attach
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.playbooks.reach import rivals

UNKNOWN_FLOOR = 0.05
"""Confidence that 'unknown' always keeps (our assumption: the catalogue of causes is never complete)."""
RIVAL_SHARE = 0.5
"""How much a ranked-lower rival takes from the named cause, as a share of its own strength (our assumption)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What orient looks at beside the findings."""

    at: datetime
    book: PlaybookSet
    topology: Topology
    windows: list[Maintenance]
    observations: Sequence[Observation]
    limits: Limits
    open: Sequence[Proposal] = ()
    """What is being seen already: a condition that no signal dates began when it was first seen."""


Key = tuple[str, Entity]
"""A finding by its playbook and its entity."""


@dataclass(frozen=True, slots=True)
class Weighing:
    """What somebody who weighed the causes of a place thinks otherwise than the rules; by default nothing."""

    first: Mapping[Key, Key] = field(default_factory=dict)
    """The cause that the rules put first → the rival that comes first instead."""
    doubted: frozenset[Key] = frozenset()
    """Causes that are less likely than one outside the playbooks."""


AS_THE_RULES = Weighing()


@dataclass(frozen=True, slots=True)
class Roots:
    """The findings that are nobody's symptom, with the symptoms of each."""

    findings: tuple[Finding, ...]
    symptoms: tuple[tuple[Finding, ...], ...]


def hypothesise(findings: Sequence[Finding], scene: Scene, weighing: Weighing = AS_THE_RULES) -> list[Hypothesis]:
    """Every cause with what it explains, most severe and most confident first; those that must not be ticketed say why."""
    roots = rooted(findings, scene)
    losers = compete(roots.findings, scene, weighing.first)
    found = []
    for root, symptoms in zip(roots.findings, roots.symptoms, strict=True):
        found.append(_hypothesis(root, symptoms, losers, roots.findings, scene, key_of(root) in weighing.doubted))
    return sorted(found, key=lambda h: (bool(h.suppressed), scene.book[h.cause].severity, -h.confidence, str(h.entity)))


def key_of(finding: Finding) -> Key:
    """What names a finding within a cycle."""
    return finding.playbook, finding.entity


def rooted(findings: Sequence[Finding], scene: Scene) -> Roots:
    """Symptoms with their cause; one finding per playbook and entity."""
    merged = [_dated(f, scene) for f in _one_per_entity(findings)]
    tree = attach(merged, scene.book, scene.topology)
    symptoms: dict[int, list[Finding]] = {}
    for symptom, cause in tree.parent.items():
        symptoms.setdefault(cause, []).append(merged[symptom])
    return Roots(tuple(merged[i] for i in tree.roots), tuple(tuple(symptoms.get(i, ())) for i in tree.roots))


def _one_per_entity(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one playbook on one entity (from several analysts) become one."""
    kept: dict[tuple[str, object], Finding] = {}
    for finding in findings:
        key = (finding.playbook, finding.entity)
        other = kept.get(key)
        if other is None:
            kept[key] = finding
            continue
        kept[key] = replace(
            other,
            since=min(other.since, finding.since),
            strength=max(other.strength, finding.strength),
            hits=(*other.hits, *(h for h in finding.hits if h not in other.hits)),
            related=tuple(dict.fromkeys((*other.related, *finding.related))),
        )
    return list(kept.values())


def _dated(finding: Finding, scene: Scene) -> Finding:
    """With the onset of the open proposal on it, or on a part or the whole of it, where its signals tell none."""
    if finding.since < scene.at:
        return finding
    known = [p.since for p in scene.open if p.cause == finding.playbook and _one_place(p.entities[0], finding.entity, scene)]
    return replace(finding, since=min([*known, finding.since]))


def _one_place(one: Entity, other: Entity, scene: Scene) -> bool:
    return scene.topology.contains(one, other) or scene.topology.contains(other, one)


def compete(roots: Sequence[Finding], scene: Scene, first: Mapping[Key, Key] = AS_THE_RULES.first) -> dict[int, Finding]:
    """Loser's index → winner, among rival playbooks on the same thing. `first` puts rivals before the stronger one."""
    lost: dict[int, Finding] = {}
    order = sorted(range(len(roots)), key=lambda i: (-roots[i].strength, scene.book[roots[i].playbook].severity, i))
    place = {key_of(root): i for i, root in enumerate(roots)} if first else {}
    for stronger, instead in first.items():
        if stronger in place and instead in place:
            order.remove(place[instead])
            order.insert(order.index(place[stronger]), place[instead])
    for rank, winner in enumerate(order):
        if winner in lost:
            continue
        for loser in order[rank + 1 :]:
            if loser not in lost and rivals(roots[winner], roots[loser], scene.book, scene.topology):
                lost[loser] = roots[winner]
    return lost


def planned_for(root: Finding, scene: Scene) -> Maintenance | None:
    """The planned work that accounts for a finding; none where there is none."""
    local = scene.book[root.playbook].local_work_only
    windows = [w for w in scene.windows if not (local and w.scope.level in WIDE)]
    grace = max(scene.limits.planned_grace, scene.book[root.playbook].planned_grace)
    nodes = [e for e in root.related if e.level is Level.NODE]
    return accounting_for(root.entity, nodes, root.since, scene.at, windows, scene.topology, grace)


def _hypothesis(
    root: Finding, symptoms: Sequence[Finding], losers: dict[int, Finding], roots: Sequence[Finding], scene: Scene, doubted: bool
) -> Hypothesis:
    rivals = [
        (other.playbook, other.strength * RIVAL_SHARE, _WEAKER if other.strength <= root.strength else _SECOND)
        for index, other in enumerate(roots)
        if losers.get(index) is root
    ]
    planned = planned_for(root, scene)
    rivals += _standing_rivals(root, scene, planned, doubted)
    total = root.strength + sum(p for _, p, _ in rivals)
    ranked = sorted(((c, p / total, w) for c, p, w in rivals), key=lambda r: -r[1])
    index = next(i for i, r in enumerate(roots) if r is root)
    return Hypothesis(
        cause=root.playbook,
        entity=root.entity,
        since=min([root.since, *(s.since for s in symptoms if s.since >= root.since)]),
        confidence=root.strength / total,
        findings=(root,),
        explains=tuple(sorted(symptoms, key=lambda f: (f.since, str(f.entity)))),
        rivals=tuple(ranked),
        suppressed=_suppressed(root, planned, losers.get(index), scene),
    )


def _suppressed(root: Finding, planned: Maintenance | None, winner: Finding | None, scene: Scene) -> str:
    playbook = scene.book[root.playbook]
    if playbook.benign:
        return f"harmless: {playbook.title}"
    if planned and not playbook.despite_planned_work:
        return f"planned work: {planned.kind} {planned.id} on {planned.scope}"
    if winner:
        return f"better explained by {winner.playbook} on {winner.entity}"
    return ""


_WEAKER = "matches too, with weaker evidence"
_SECOND = "matches too; the model that weighed the causes put it second"


def _standing_rivals(root: Finding, scene: Scene, planned: Maintenance | None, doubted: bool) -> list[tuple[str, float, str]]:
    """Planned work, user error, sensor fault and unknown: always considered, each with the reason for its weight."""
    window = f"{planned.kind} {planned.id} covers it" if planned else "no maintenance window covers this place and time"
    silent = [o.subject for o in scene.observations if o.kind is ObservationKind.SILENCE and root.area in o.areas]
    sensor = f"telemetry is incomplete: {', '.join(silent)}" if silent else "the telemetry it rests on arrives as expected"
    personal = root.entity.level in (Level.USER, Level.RUN)
    user = (
        "the condition belongs to one user or run"
        if personal
        else "the condition stays with the hardware, not with a user's jobs"
    )
    unknown, outside = max(UNKNOWN_FLOOR, (1 - root.strength) / 2), "no further evidence speaks for a cause outside the playbooks"
    if doubted:
        unknown, outside = (
            max(unknown, root.strength + UNKNOWN_FLOOR),
            "the model that weighed the causes doubts that this is the one",
        )
    return [
        ("planned work", 0.6 if planned else 0.01, window),
        ("user error", 0.1 if personal else 0.02, user),
        ("sensor or exporter fault", 0.15 if silent else 0.03, sensor),
        ("unknown", unknown, outside),
    ]
