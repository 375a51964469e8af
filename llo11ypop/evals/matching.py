"""Which ticket found which injected incident: one to one, nearest first; the rest are duplicates or false.

Children of a cascade are explained by their parent: a ticket about a child counts for the parent's incident.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from llo11ypop.evals.places import Nearness, Places
from llo11ypop.evals.ticket import Ticket
from llo11ypop.simulator.truth import Truth

GRACE = timedelta(hours=2)
"""How long after an incident's end a ticket still counts for it (our assumption: signals trail)."""

Cost = tuple[int, int, int, float]
"""Child of a cascade?, nearness, wrong cause?, seconds from the first observable; smaller is better."""


LEMON = "F37"
"""The mode whose incident consists of many small failures of one node."""
BEFORE = {"F32": "F33", "F36": "F7"}
"""Mode → what its first signs are, rightly, until more is seen: a loss spike of a run, until a step does not replay on one
node; a GPU whose GSP does not answer, until it happens on the third node with the new driver."""


@dataclass(frozen=True, slots=True)
class Period:
    """What is scored: incidents first observable in `[start, until)`; the loop ticks every `cadence`."""

    start: datetime
    until: datetime
    cadence: timedelta
    profile: str = "full"

    @property
    def in_time(self) -> timedelta:
        """How late a ticket may be and still count as in time: two ticks, at least a quarter of an hour."""
        return max(2 * self.cadence, timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Incident:
    """One injected cause that should have been ticketed, with the children its ticket covers."""

    truth: Truth
    children: tuple[Truth, ...] = ()

    @property
    def causes(self) -> frozenset[str]:
        """Modes that are right for a ticket about it."""
        return frozenset({self.truth.mode, *self.truth.acceptable_causes})

    @property
    def related_causes(self) -> frozenset[str]:
        """Those, and the modes of its children."""
        return self.causes | {c.mode for c in self.children}


@dataclass(slots=True)
class Matching:
    """The outcome. Every ticket is in one of `found`, `duplicates`, `excused`, `quiet` and `false`."""

    incidents: list[Incident] = field(default_factory=list)
    found: dict[str, Ticket] = field(default_factory=dict)
    """Incident id → the ticket that found it."""
    duplicates: list[tuple[Ticket, Truth]] = field(default_factory=list)
    excused: list[tuple[Ticket, Truth]] = field(default_factory=list)
    """About an injected incident that is not scored: evidence not exported, or outside the period."""
    quiet: list[tuple[Ticket, Truth]] = field(default_factory=list)
    """During planned work or about another decoy: false, and counted apart too."""
    false: list[Ticket] = field(default_factory=list)
    not_exported: list[Truth] = field(default_factory=list)

    @property
    def missed(self) -> list[Incident]:
        """Incidents that no ticket found."""
        return [i for i in self.incidents if i.truth.incident_id not in self.found]


def match(tickets: Sequence[Ticket], truths: Iterable[Truth], places: Places, period: Period) -> Matching:
    """Compare tickets with the truth. No tickets and no truths give an empty matching."""
    families, decoys = _families(list(truths))
    result = Matching()
    unscored: list[Incident] = []
    for family in families:
        truth = family.truth
        if _in_period(truth, period):
            if truth.exported_evidence(period.profile):
                result.incidents.append(family)
                continue
            result.not_exported.append(truth)
        unscored.append(family)
    edges = {t.id: _edges(t, result.incidents, places, period) for t in tickets}
    result.found = assign(tickets, [i.truth.incident_id for i in result.incidents], edges)
    result.found |= _renewed(tickets, result.missed, places, period)
    taken = {t.id for t in result.found.values()}
    by_id = {i.truth.incident_id: i for i in result.incidents}
    for ticket in tickets:
        if ticket.id not in taken:
            nearest = min(edges[ticket.id].items(), key=lambda e: e[1], default=None)
            covered = by_id[nearest[0]] if nearest else None
            lemon = _of_a_lemon(ticket, families, places)
            if covered is not None and lemon is not None and ticket.cause not in covered.related_causes:
                covered = None
            _place(
                ticket,
                covered.truth if covered else None,
                result,
                _about(ticket, unscored, places, period) or lemon or _first_sign_of(ticket, families, places),
                _decoy(ticket, decoys, places, period),
            )
    return result


def _renewed(tickets: Sequence[Ticket], missed: Sequence[Incident], places: Places, period: Period) -> dict[str, Ticket]:
    """Incident id → a ticket of an earlier recurrence that was confirmed or reopened for this one: not to be filed twice."""
    found = {}
    for incident in missed:
        start, end = span_of(incident.truth, period)
        again = [
            replace(ticket, created_at=at)
            for ticket in tickets
            if ticket.cause in incident.causes and places.nearness(ticket, incident.truth, incident.causes) is Nearness.SAME
            for at in ticket.renewed_at
            if start <= at <= end
        ]
        if again:
            found[incident.truth.incident_id] = min(again, key=lambda t: t.created_at)
    return found


def _place(ticket: Ticket, covered: Truth | None, result: Matching, unscored: Truth | None, decoy: Truth | None) -> None:
    if covered is not None:
        result.duplicates.append((ticket, covered))
    elif unscored is not None:
        result.excused.append((ticket, unscored))
    elif decoy is not None:
        result.quiet.append((ticket, decoy))
    else:
        result.false.append(ticket)


def _families(truths: list[Truth]) -> tuple[list[Incident], list[Truth]]:
    """Expected tickets with everything below them, and the records that expect none."""
    by_id = {t.incident_id: t for t in truths}
    below: dict[str, list[Truth]] = {}
    for truth in truths:
        root = _root(truth, by_id)
        if root is not truth:
            below.setdefault(root.incident_id, []).append(truth)
    covered = {c.incident_id for children in below.values() for c in children}
    roots = [t for t in truths if t.expected_ticket and t.incident_id not in covered]
    families = [Incident(t, tuple(below.get(t.incident_id, ()))) for t in roots]
    return families, [t for t in truths if not t.expected_ticket and t.incident_id not in covered]


def _root(truth: Truth, by_id: Mapping[str, Truth]) -> Truth:
    """The topmost ticketed ancestor; the record itself when nothing above it is ticketed."""
    root, above, seen = truth, truth, {truth.incident_id}
    while above.parent_id in by_id and above.parent_id not in seen:
        above = by_id[above.parent_id]
        seen.add(above.incident_id)
        if above.expected_ticket:
            root = above
    return root


def _in_period(truth: Truth, period: Period) -> bool:
    first = truth.first_seen_at
    return first is not None and period.start <= first < period.until - period.in_time


def span_of(truth: Truth, period: Period) -> tuple[datetime, datetime]:
    """When a ticket may be created to count for a record: a cadence before it begins until end + grace.

    Seeing it before its mode is established (the third flap, the fourth failure of a lemon) is early, not wrong.
    """
    first = min(truth.first_seen_at or truth.start_at, truth.start_at)
    last = max([truth.end_at, *truth.reopened_at])
    return first - period.cadence, last + GRACE


def _edges(ticket: Ticket, incidents: Iterable[Incident], places: Places, period: Period) -> dict[str, Cost]:
    out = {}
    for incident in incidents:
        cost = _cost(ticket, incident, places, period)
        if cost is not None:
            out[incident.truth.incident_id] = cost
    return out


def _cost(ticket: Ticket, incident: Incident, places: Places, period: Period) -> Cost | None:
    """How well a ticket fits an incident or a child of it; None when it does not. Only its own cause fits a lemon."""
    options = []
    if incident.truth.mode == LEMON and ticket.cause not in incident.causes:
        return None
    if _is_first_sign(ticket, incident.truth):
        return None
    for depth, truth in ((0, incident.truth), *((1, child) for child in incident.children)):
        start, end = span_of(truth, period)
        if start <= ticket.created_at <= end:
            near = places.nearness(ticket, truth, incident.related_causes)
            if near is not None:
                away = abs((ticket.created_at - (truth.first_seen_at or truth.start_at)).total_seconds())
                options.append((depth, int(near), int(ticket.cause not in incident.causes), away))
    return min(options, default=None)


def assign(tickets: Sequence[Ticket], incident_ids: Sequence[str], edges: Mapping[str, Mapping[str, Cost]]) -> dict[str, Ticket]:
    """Incident id → ticket, one to one: as many found as possible, best pairs first.

    `edges` gives for each ticket id the incidents it fits and at what cost (augmenting paths, in order of cost).
    """
    by_id = {t.id: t for t in tickets}
    choices: dict[str, list[str]] = {i: [] for i in incident_ids}
    for ticket_id, fits in edges.items():
        for incident_id in fits:
            choices[incident_id].append(ticket_id)
    for incident_id, options in choices.items():
        options.sort(key=lambda t, i=incident_id: (edges[t][i], by_id[t].created_at, t))  # type: ignore[misc]
    holder: dict[str, str] = {}

    def settle(incident_id: str, tried: set[str]) -> bool:
        for ticket_id in choices[incident_id]:
            if ticket_id not in tried:
                tried.add(ticket_id)
                if ticket_id not in holder or settle(holder[ticket_id], tried):
                    holder[ticket_id] = incident_id
                    return True
        return False

    for incident_id in sorted((i for i in choices if choices[i]), key=lambda i: (edges[choices[i][0]][i], i)):
        settle(incident_id, set())
    return {incident_id: by_id[ticket_id] for ticket_id, incident_id in holder.items()}


def _about(ticket: Ticket, incidents: Iterable[Incident], places: Places, period: Period) -> Truth | None:
    costs = [(cost, i.truth.incident_id, i.truth) for i in incidents if (cost := _cost(ticket, i, places, period))]
    return min(costs)[2] if costs else None


def _of_a_lemon(ticket: Ticket, families: Iterable[Incident], places: Places) -> Truth | None:
    """The lemon whose small failure a ticket is about: each of them is real, though none has a record of its own."""
    for family in families:
        truth = family.truth
        if truth.mode == LEMON and truth.start_at <= ticket.created_at <= truth.end_at + GRACE:
            if places.nearness(ticket, truth, frozenset({ticket.cause})) is not None:
                return truth
    return None


def _is_first_sign(ticket: Ticket, truth: Truth) -> bool:
    first = truth.first_seen_at
    return ticket.cause == BEFORE.get(truth.mode) and first is not None and ticket.created_at < first


def _first_sign_of(ticket: Ticket, families: Iterable[Incident], places: Places) -> Truth | None:
    """The corrupt node or bad driver whose first sign was ticketed as what it looked like while nothing told more."""
    for truth in (f.truth for f in families):
        if _is_first_sign(ticket, truth) and truth.start_at <= ticket.created_at:
            if places.nearness(ticket, truth, frozenset({ticket.cause})) is not None:
                return truth
    return None


def _decoy(ticket: Ticket, decoys: Iterable[Truth], places: Places, period: Period) -> Truth | None:
    """The decoy or planned work a ticket fell for: the nearest one going on where the ticket points."""
    near = []
    for truth in decoys:
        start, end = span_of(truth, period)
        if start <= ticket.created_at <= end:
            how = places.nearness(ticket, truth, frozenset({ticket.cause}))
            if how is not None:
                near.append((int(how), truth.incident_id, truth))
    return min(near)[2] if near else None
