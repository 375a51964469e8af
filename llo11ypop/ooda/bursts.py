"""Bursts: one cause on several nodes that begins within minutes is one proposal, however the nodes are scattered.

A playbook opts in with `burst`. Nodes are judged one by one up to here (planned work, symptoms, rivals), and only what has
just begun counts: conditions that were there before the loop looked say nothing about when they began. A proposal
remembers its nodes as children with the instant each was last seen, so that a node which fails anew is a new incident.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.agents.action.arguments import fill
from llo11ypop.agents.action.blast import BlastRadius, blast_radius
from llo11ypop.core.clock import parse_instant
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus
from llo11ypop.core.reasoning import Finding, Hypothesis
from llo11ypop.core.vocabulary import Action, Area, Level
from llo11ypop.core.window import iso
from llo11ypop.playbooks import Playbook
from llo11ypop.playbooks.merging import common_place, merged
from llo11ypop.playbooks.model import Burst

FRESH = timedelta(hours=1)
"""What began longer ago is no news: its onset may only be the start of a signal's window (our assumption)."""
SEEN_AT = "seen_at"


@dataclass(frozen=True, slots=True)
class Case:
    """A hypothesis and the proposal it belongs to, if there is one. `part`: as one of several nodes of a burst."""

    hypothesis: Hypothesis
    proposal: Proposal | None = None
    part: bool = False


def gather(cases: Sequence[Case], book: Mapping[str, Playbook], topology: Topology, at: datetime) -> list[Case]:
    """Let nodes that failed together share a proposal: that of the first of them, or a new one on what they all lie in."""
    out = list(cases)
    for cause in dict.fromkeys(c.hypothesis.cause for c in cases):
        playbook = book[cause]
        if playbook.burst is None:
            continue
        fresh = [c for c in out if c.hypothesis.cause == cause and _fresh(c.hypothesis, at)]
        for burst in _bursts(fresh, playbook.burst, topology):
            shared = _shared(burst, playbook, topology)
            out = [shared.get(id(c), c) for c in out if shared.get(id(c), c) is not None]  # type: ignore[misc]
    return out


def _fresh(hypothesis: Hypothesis, at: datetime) -> bool:
    """Whether its onset was measured, and just now."""
    measured = any(hit.since == finding.since for finding in hypothesis.findings for hit in finding.hits)
    return measured and timedelta(0) <= at - hypothesis.since <= FRESH


def _bursts(cases: Sequence[Case], rule: Burst, topology: Topology) -> list[list[Case]]:
    by_place: dict[Entity, list[Case]] = {}
    for case in cases:
        for place in topology.at_level(case.hypothesis.entity, rule.into)[:1]:
            by_place.setdefault(place, []).append(case)
    found: list[list[Case]] = []
    for parts in by_place.values():
        found += _runs(sorted(parts, key=lambda c: c.hypothesis.since), rule, topology)
    return found


def _runs(parts: Sequence[Case], rule: Burst, topology: Topology) -> Iterator[list[Case]]:
    """Parts in order of onset, cut into bursts; what is left over is in none."""
    back = [c for c in parts if _came_back(c)]
    left = [c for c in parts if c not in back]
    while left:
        until = left[0].hypothesis.since + rule.within
        first = [c for c in left if c.hypothesis.since <= until]
        run = [*first, *(c for c in back if c.hypothesis.since <= until)]
        if len(run) > 1 and len({n for c in run for n in _nodes(c.hypothesis, topology)}) >= rule.min_count:
            yield run
            back = [c for c in back if c not in run]
        left = left[len(first) :]


def _came_back(case: Case) -> bool:
    """Whether it was gone in between: its onset is then the last good sample, up to an hour before it failed again."""
    if case.proposal is None:
        return False
    last = case.proposal.last_seen_at or case.proposal.created_at
    mine = [c for c in own_parts(case.proposal) if c["entity"] == str(case.hypothesis.entity)]
    return case.hypothesis.since > max([_seen_at(c, last) for c in mine], default=last)


def _nodes(hypothesis: Hypothesis, topology: Topology) -> set[Entity]:
    own = topology.at_level(hypothesis.entity, Level.NODE)
    return set(own) or {e for f in hypothesis.findings for e in f.related if e.level is Level.NODE}


def _shared(burst: Sequence[Case], playbook: Playbook, topology: Topology) -> dict[int, Case | None]:
    """By identity of a case: what becomes of it. The new ones join the oldest proposal, or make one together."""
    homes = [c.proposal for c in burst if c.proposal is not None and c.proposal.status is not ProposalStatus.REJECTED]
    new = [c for c in burst if c.proposal is None]
    if homes:
        home = min(homes, key=lambda p: p.created_at)
        return {id(c): Case(c.hypothesis, home, part=True) for c in new}
    place = common_place([c.hypothesis.entity for c in new], topology)
    if len(new) < 2 or place is None:  # noqa: PLR2004 - one is no burst
        return {}
    return {id(c): None for c in new[1:]} | {id(new[0]): Case(_as_one([c.hypothesis for c in new], place, playbook))}


def _as_one(parts: Sequence[Hypothesis], place: Entity, playbook: Playbook) -> Hypothesis:
    findings = [f for h in parts for f in h.findings]
    surest = max(parts, key=lambda h: h.confidence)
    return replace(
        surest,
        entity=place,
        since=min(h.since for h in parts),
        findings=(merged(findings, place, playbook),),
        explains=(*findings, *(f for h in parts for f in h.explains)),
    )


def parts_of(hypothesis: Hypothesis) -> list[Finding]:
    """The findings that a burst is made of, one per node, GPU or port; none for any other hypothesis."""
    out = []
    for finding in hypothesis.explains:
        if finding.playbook == hypothesis.cause:
            merged_before = finding.entity.level in (Level.RACK, Level.ROW)
            nodes = [e for e in finding.related if e.level is Level.NODE] if merged_before else []
            out += [replace(finding, entity=n) for n in nodes] or [finding]
    return out


def arguments_of(template: dict[str, Any], hypothesis: Hypothesis, topology: Topology) -> dict[str, Any] | None:
    """As `fill`; for a burst an argument that differs from part to part becomes the list of all, under its plural."""
    parts = parts_of(hypothesis)
    if not parts:
        return fill(template, hypothesis, topology)
    each = [fill(template, replace(hypothesis, entity=f.entity, findings=(f,)), topology) for f in parts]
    filled = [e for e in each if e is not None]
    if len(filled) < len(each):
        return None
    out: dict[str, Any] = {}
    for name in template:
        values = sorted({str(e[name]) for e in filled})
        out |= {name: filled[0][name]} if len(values) == 1 else {f"{name}s": values}
    return out


def reach(action: Action, hypothesis: Hypothesis, topology: Topology) -> BlastRadius:
    """The blast radius; of a burst it is that of its parts, not of everything around them."""
    parts = parts_of(hypothesis)
    if not parts:
        return blast_radius(action, hypothesis.entity, topology)
    one = [blast_radius(action, f.entity, topology) for f in parts]
    shares = [r.cluster_share for r in one if r.cluster_share is not None]
    return BlastRadius(sum(r.nodes for r in one), sum(r.gpus for r in one), one[0].cluster, sum(shares) if shares else None)


# ------------------------------------------------------------ what a proposal remembers


def own_parts(proposal: Proposal) -> list[dict[str, Any]]:
    """The children that are parts of the same burst, not symptoms."""
    return [c for c in proposal.children if c.get("cause") == proposal.cause]


def places_of(proposal: Proposal, topology: Topology) -> list[Entity]:
    """What a proposal speaks for: its entity; of a burst its parts and not what lies between them."""
    own = [Entity.parse(c["entity"]) for c in own_parts(proposal)]
    main = proposal.entities[0]
    return own if own and all(topology.contains(main, o) for o in own) else [main, *own]


def is_part(proposal: Proposal, hypothesis: Hypothesis, reopen_within: timedelta) -> bool:
    """Whether the condition is one of a proposal's parts: seen with it last time, or back within the reopening time."""
    last_time = proposal.last_seen_at or proposal.created_at
    for child in own_parts(proposal) if proposal.cause == hypothesis.cause else ():
        if child["entity"] == str(hypothesis.entity):
            seen = _seen_at(child, last_time)
            standing = proposal.status in OPEN_STATUSES and seen >= last_time
            return standing or hypothesis.since <= seen + reopen_within
    return False


def _seen_at(child: Mapping[str, Any], otherwise: datetime) -> datetime:
    return parse_instant(child[SEEN_AT]) if SEEN_AT in child else otherwise


def confirmed(before: Hypothesis | None, case: Case, at: datetime, reopen_within: timedelta) -> Hypothesis:
    """What a proposal's touch carries: the hypothesis, the parts seen in this cycle, and those seen not long ago."""
    mine, proposal = case.hypothesis, case.proposal
    joined = before is not None and bool(parts_of(before))
    if proposal is None or not (case.part or joined or own_parts(proposal)):
        return mine
    known = before.explains if before else tuple(_remembered(proposal, at - reopen_within, mine.findings[0].area))
    now = [replace(f, facts={**f.facts, SEEN_AT: iso(at)}) for f in mine.findings] if case.part else []
    current = {(f.playbook, f.entity): f for f in (*known, *mine.explains, *now)}
    return replace(before if before and case.part else mine, explains=tuple(current.values()))


def _remembered(proposal: Proposal, since: datetime, area: Area) -> Iterable[Finding]:
    """Parts that were seen at or after an instant, as findings without signals."""
    last_time = proposal.last_seen_at or proposal.created_at
    for child in own_parts(proposal):
        seen = _seen_at(child, last_time)
        if seen >= since:
            entity, began = Entity.parse(child["entity"]), parse_instant(child["since"])
            yield Finding(proposal.cause, area, entity, began, 0.0, (), facts={SEEN_AT: iso(seen)})
