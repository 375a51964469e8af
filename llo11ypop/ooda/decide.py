"""Decide: which hypotheses become a proposal, which only confirm one that is open, and which must wait."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.agents.action.arguments import known
from llo11ypop.agents.action.blast import DISRUPTIVE
from llo11ypop.agents.action.compose import Occasion, child, compose, dedup_key
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus, ProposedAction
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.core.vocabulary import Action, Level
from llo11ypop.learning.policy import Policy
from llo11ypop.ooda.bursts import SEEN_AT, Case, arguments_of, confirmed, gather, is_part, own_parts, parts_of, places_of, reach
from llo11ypop.ooda.deps import Limits
from llo11ypop.ooda.signs import signs_of
from llo11ypop.playbooks import Playbook, PlaybookSet
from llo11ypop.playbooks.model import Explains
from llo11ypop.playbooks.reach import places_of as lying_in
from llo11ypop.playbooks.reach import within_reach

BEGAN_WITH = timedelta(hours=1)
"""A condition that an open proposal explains begins this soon after it, or was there when the proposal was last seen; later
it is an incident of its own (our assumption, the usual lag of `explains`)."""


@dataclass
class Decisions:
    """What `act` is to do."""

    file: list[Proposal] = field(default_factory=list)
    about: dict[str, Hypothesis] = field(default_factory=dict)
    """New proposal → the hypothesis it was made from."""
    touch: dict[str, Hypothesis] = field(default_factory=dict)
    """Open proposal → the hypothesis that confirms it."""
    reopen: dict[str, Hypothesis] = field(default_factory=dict)
    """Ended proposal → the hypothesis that is its recurrence."""
    clear: dict[str, str] = field(default_factory=dict)
    """Open proposal → why nobody needs to answer it any more."""
    suppressed: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Desk:
    """What decide looks at beside the hypotheses."""

    book: PlaybookSet
    topology: Topology
    policy: Policy
    limits: Limits
    recent: Sequence[Proposal]
    """Open proposals and those that ended within the reopening time."""
    occasion: Occasion
    filed_today: int
    unrepaired: frozenset[str] = frozenset()
    """Ended proposals whose hardware fault is back and was not repaired since (see `ooda.recurrence`)."""
    blind: frozenset[str] = frozenset()
    """Plans that could not be read, or found no telemetry: what rests on them is not known to be gone."""


def decide(hypotheses: Sequence[Hypothesis], desk: Desk) -> Decisions:
    """Sort hypotheses into file, confirm, reopen and suppress; then clear what is no longer seen."""
    out = Decisions()
    budget = _Budget(desk)
    for hypothesis in hypotheses:
        if hypothesis.suppressed:
            _confirm_symptom(hypothesis, desk, out)
            out.suppressed.append(_said(hypothesis, hypothesis.suppressed))
    alone = [_same(h, desk) for h in hypotheses if not h.suppressed]
    for case in gather(alone, desk.book, desk.topology, desk.occasion.at):
        hypothesis, mine = case.hypothesis, case.proposal
        if mine is None:
            _propose(hypothesis, desk, budget, out)
        elif mine.status is ProposalStatus.REJECTED:
            out.suppressed.append(_said(hypothesis, f"rejected as proposal {mine.id}"))
        else:
            _confirm(case, mine, desk, out.touch if mine.status in OPEN_STATUSES else out.reopen)
        _absorb_symptoms(hypothesis, desk, out)
    _clear_unseen(desk, out)
    return out


def _confirm(case: Case, mine: Proposal, desk: Desk, seen: dict[str, Hypothesis]) -> None:
    seen[mine.id] = confirmed(seen.get(mine.id), case, desk.occasion.at, desk.limits.reopen_within)


def _said(hypothesis: Hypothesis, why: str) -> dict[str, Any]:
    return {"cause": hypothesis.cause, "entity": str(hypothesis.entity), "why": why}


def _same(hypothesis: Hypothesis, desk: Desk) -> Case:
    """With its proposal: same cause and entity, a burst it is part of, or a rival cause on the same thing at the same time."""
    key = dedup_key(hypothesis.cause, hypothesis.entity)
    exact = [p for p in desk.recent if p.dedup_key == key and _continues(p, hypothesis, desk)]
    exact += [p for p in desk.recent if p.dedup_key != key and is_part(p, hypothesis, desk.limits.reopen_within)]
    if exact:
        mine = max(exact, key=lambda p: (p.status in OPEN_STATUSES, p.created_at))
        return Case(hypothesis, mine, part=mine.dedup_key != key)
    near = [p for p in desk.recent if p.status in OPEN_STATUSES and _related(p, hypothesis, desk)]
    return Case(hypothesis, max(near, key=lambda p: p.created_at, default=None))


def _continues(proposal: Proposal, hypothesis: Hypothesis, desk: Desk) -> bool:
    """Whether the condition is the proposal's own: still open, back within the reopening time, or never repaired."""
    if proposal.id in desk.unrepaired:
        return True
    last = proposal.last_seen_at or proposal.created_at
    return proposal.status in OPEN_STATUSES or hypothesis.since <= last + desk.limits.reopen_within


def _related(proposal: Proposal, hypothesis: Hypothesis, desk: Desk) -> bool:
    """A rival reading of an open proposal: causes that compete, or one cause at two levels of the same place."""
    mine, theirs = desk.book[hypothesis.cause], desk.book.get(proposal.cause)
    if theirs is None:
        return False
    if proposal.cause == hypothesis.cause and _of_one_mount(proposal, hypothesis):
        return True
    places = places_of(proposal, desk.topology)
    if proposal.cause == hypothesis.cause and proposal.entities[0] not in places:
        return False
    compete = proposal.cause in mine.competing or hypothesis.cause in theirs.competing or proposal.cause == hypothesis.cause
    rules = [rule for rule in theirs.explains if hypothesis.cause in rule.modes and _began_with(proposal, hypothesis)]
    touching = any(_touching(place, hypothesis.entity, desk.topology) for place in places)
    return (touching and (compete or bool(rules))) or any(_reached(r, proposal, hypothesis, places, desk) for r in rules)


def _reached(rule: Explains, proposal: Proposal, hypothesis: Hypothesis, places: list[Entity], desk: Desk) -> bool:
    """As orient attaches symptoms: in the same thing of the rule's level, and not begun long before the cause."""
    one, other = (lying_in(entities, desk.topology) for entities in (places, [hypothesis.entity]))
    return within_reach(rule.within, one, other) and hypothesis.since >= proposal.since - rule.lag


def _of_one_mount(proposal: Proposal, hypothesis: Hypothesis) -> bool:
    """Whether one of the two is about a mount that the other one names: it lies in no place, so nothing contains it."""
    named = {e for f in hypothesis.findings for e in f.related}
    mounts = {proposal.entities[0]} & named | {hypothesis.entity} & set(proposal.entities[1:])
    return any(e.level is Level.MOUNT for e in mounts)


def _began_with(proposal: Proposal, hypothesis: Hypothesis) -> bool:
    last = proposal.last_seen_at or proposal.created_at
    return hypothesis.since <= max(last, proposal.since + BEGAN_WITH)


def _touching(one: Entity, other: Entity, topology: Topology) -> bool:
    return topology.contains(one, other) or topology.contains(other, one)


def _propose(hypothesis: Hypothesis, desk: Desk, budget: "_Budget", out: Decisions) -> None:
    if not known(hypothesis.entity, desk.topology):
        out.suppressed.append(_said(hypothesis, "the inventory does not list this entity"))
        return
    playbook = desk.book[hypothesis.cause]
    actions = budget.allowed(_candidates(hypothesis, playbook, desk), hypothesis)
    if not actions:
        out.suppressed.append(_said(hypothesis, "no action of the playbook can be filled from the inventory"))
    elif budget.spent(out):
        out.suppressed.append(_said(hypothesis, "held back: the budget of proposals is used up"))
    else:
        proposal = compose(hypothesis, playbook, actions, desk.topology, desk.occasion)
        if parts_of(hypothesis):
            proposal = replace(proposal, blast_radius=reach(proposal.action.name, hypothesis, desk.topology).as_json())
        budget.count(proposal)
        out.about[proposal.id] = hypothesis
        out.file.append(proposal)


def _candidates(hypothesis: Hypothesis, playbook: Playbook, desk: Desk) -> list[ProposedAction]:
    offered = [option for option in playbook.actions_for(hypothesis) if option.name not in playbook.forbidden]
    arguments = [arguments_of(option.arguments, hypothesis, desk.topology) for option in offered]
    filled = [ProposedAction(o.name, a, o.prior) for o, a in zip(offered, arguments, strict=True) if a is not None]
    return desk.policy.rank(hypothesis, filled)


def _confirm_symptom(hypothesis: Hypothesis, desk: Desk, out: Decisions) -> None:
    """An open proposal whose own reading is suppressed by a rival in this cycle is still being seen."""
    key = dedup_key(hypothesis.cause, hypothesis.entity)
    for proposal in desk.recent:
        part = is_part(proposal, hypothesis, desk.limits.reopen_within)
        if proposal.status in OPEN_STATUSES and (part or proposal.dedup_key == key):
            _confirm(Case(hypothesis, proposal, part=part), proposal, desk, out.touch)


def _absorb_symptoms(hypothesis: Hypothesis, desk: Desk, out: Decisions) -> None:
    """Open proposals on symptoms of this hypothesis are cleared in its favour, unless a human already answered."""
    keys = {dedup_key(f.playbook, f.entity) for f in hypothesis.explains}
    for proposal in desk.recent:
        if proposal.dedup_key in keys and proposal.status is ProposalStatus.PENDING:
            out.clear[proposal.id] = f"symptom of {hypothesis.cause} on {hypothesis.entity}"


def _clear_unseen(desk: Desk, out: Decisions) -> None:
    seen = {*out.touch, *out.clear}
    for proposal in desk.recent:
        playbook = desk.book.get(proposal.cause)
        if proposal.id in seen or proposal.status is not ProposalStatus.PENDING or playbook is None:
            continue
        last = proposal.last_seen_at or proposal.created_at
        if desk.occasion.at - last >= playbook.clears_after and desk.blind.isdisjoint(signs_of(proposal, desk.book).values()):
            out.clear[proposal.id] = f"no sign of it since {last:%Y-%m-%d %H:%M}Z"


class _Budget:
    """Counts what this cycle and the open proposals may ask for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._taken: dict[str, set[str]] = {}
        for proposal in desk.recent:
            if proposal.status in OPEN_STATUSES:
                self.count(proposal)

    def count(self, proposal: Proposal) -> None:
        """Add the nodes that a proposal would take out of service."""
        if proposal.action.name in DISRUPTIVE:
            cluster = str(proposal.blast_radius.get("cluster", ""))
            nodes = self._desk.topology.at_level(proposal.entities[0], Level.NODE)
            listed = [e for e in proposal.entities if e.level is Level.NODE] if own_parts(proposal) else []
            self._taken.setdefault(cluster, set()).update(n.id for n in nodes or listed or proposal.entities[:1])

    def allowed(self, actions: list[ProposedAction], hypothesis: Hypothesis) -> list[ProposedAction]:
        """The actions that stay within the blast radius, in rank order, then the others.

        Where none stays within it, a senior engineer is asked instead of the remedy: a fault is never kept silent for it.
        """
        within = [a for a in actions if self._fits(a.name, hypothesis)]
        over = [a for a in actions if a not in within]
        if over and not within:
            return [ProposedAction(Action.ESCALATE, {"entity": hypothesis.entity.id, "instead_of": over[0].name.value}), *over]
        return [*within, *over]

    def _fits(self, action: Action, hypothesis: Hypothesis) -> bool:
        if action not in DISRUPTIVE:
            return True
        radius = reach(action, hypothesis, self._desk.topology)
        total = round(radius.nodes / radius.cluster_share) if radius.cluster_share else 0
        ceiling = max(1, int(total * self._desk.limits.disruptive_share))
        return len(self._taken.get(radius.cluster, set())) + max(1, radius.nodes) <= ceiling

    def spent(self, out: Decisions) -> bool:
        """Whether the cycle's or the day's number of proposals is used up."""
        limits = self._desk.limits
        return len(out.file) >= limits.proposals_per_cycle or self._desk.filed_today + len(out.file) >= limits.proposals_per_day


def confirmed_children(hypothesis: Hypothesis) -> tuple[dict[str, str], ...]:
    """The symptoms as a touched proposal lists them."""
    return tuple(child(f) | {k: f.facts[k] for k in (SEEN_AT,) if k in f.facts} for f in hypothesis.explains)


def look_back(limits: Limits) -> timedelta:
    """How far back an ended proposal may still be reopened."""
    return limits.reopen_within + timedelta(days=1)


def since_when(at: datetime, limits: Limits) -> datetime:
    """The earliest end of a proposal that decide must see."""
    return at - look_back(limits)
