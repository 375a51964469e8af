"""Compare what the loop proposed during a replay with the faults of the trace (definitions: docs/scoring.md)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import iso
from llo11ypop.evals.matching import assign
from llo11ypop.evals.places import WIDE_TICKET
from llo11ypop.evals.score import ratio
from llo11ypop.evals.ticket import Ticket
from llo11ypop.simulator.trace_format import Trace, TraceFault
from llo11ypop.simulator.trace_kinds import MODES, Symptom
from llo11ypop.simulator.trace_merge import Episode, episodes, split

GRACE = timedelta(hours=2)
"""How long after a fault's end a ticket still counts for it: the longest trailing window of a signal that fires at
once (our assumption)."""
PLANNED_GRACE = timedelta(minutes=30)
"""How long after planned work its effects may linger (the loop's own default)."""
HISTORY_CAUSES = frozenset({"F37", "C10"})
"""Tickets about a node's past (lemon, repeated remediation), not about one fault."""
HISTORY = timedelta(days=28)
NOT_SHOWN = frozenset({Symptom.SILENT_CORRUPTION})
"""What only training telemetry shows, which a trace has none of."""


@dataclass(frozen=True, slots=True)
class Clockwork:
    """When the trace happened and how often the loop looked."""

    trace: Trace
    cadence: timedelta
    from_day: float = 0.0

    def at(self, day: float) -> datetime:
        """A day of the trace as an instant."""
        return self.trace.origin + timedelta(days=day)

    def end_of(self, fault: TraceFault) -> datetime:
        """When a fault ended; the end of the trace while it is open."""
        return self.at(self.trace.end_day if fault.end_day is None else fault.end_day)


@dataclass(slots=True)
class ReplayMatching:
    """The outcome. Every ticket filed at or after the first scored day is in one place."""

    eligible: list[Episode] = field(default_factory=list)
    faults: int = 0
    found: dict[int, Ticket] = field(default_factory=dict)
    """Episode number → the ticket that found it."""
    duplicates: list[tuple[Ticket, Episode]] = field(default_factory=list)
    excused: list[tuple[Ticket, Episode]] = field(default_factory=list)
    """About a fault that is not scored: shorter than the cadence, or begun before the first scored day."""
    history: list[Ticket] = field(default_factory=list)
    """Lemon tickets on nodes that did fail repeatedly."""
    planned: list[Ticket] = field(default_factory=list)
    silent: list[Ticket] = field(default_factory=list)
    wrongly_named: list[tuple[Ticket, Episode]] = field(default_factory=list)
    """Faults of unknown cause that were given one."""

    @property
    def missed(self) -> list[Episode]:
        """Eligible episodes without a ticket."""
        return [e for e in self.eligible if e.number not in self.found]


def match_replay(tickets: Sequence[Ticket], clockwork: Clockwork, topology: Topology) -> ReplayMatching:
    """Match tickets and the episodes of a trace. Tickets before the first scored day are left out."""
    unplanned, planned = split(clockwork.trace)
    merged = episodes(unplanned)
    longest = {e.number: timedelta(seconds=e.longest_s(clockwork.trace.end_day)) for e in merged}
    scored = [e for e in merged if e.start_day >= clockwork.from_day and e.symptom not in NOT_SHOWN]
    out = ReplayMatching(
        eligible=[e for e in scored if longest[e.number] > clockwork.cadence],
        faults=sum(f.start_day >= clockwork.from_day for f in unplanned),
    )
    judged = [t for t in tickets if t.created_at >= clockwork.at(clockwork.from_day)]
    about = {t.id: nodes_of(t, topology) for t in judged}
    of_node = _by_node(merged)
    edges = {t.id: {} if t.cause in HISTORY_CAUSES else _edges(t, about[t.id], of_node, clockwork) for t in judged}
    wanted = {e.number for e in out.eligible}
    fits = {t: {str(n): cost for n, cost in on.items() if n in wanted} for t, on in edges.items()}
    by_incident = assign(judged, [str(n) for n in sorted(wanted)], fits)
    out.found = {int(n): t for n, t in by_incident.items()}
    taken = {t.id for t in out.found.values()}
    numbered = {e.number: e for e in merged}
    works = _by_node_work(planned)
    for ticket in judged:
        if ticket.id not in taken:
            _place(ticket, edges[ticket.id], numbered, out, wanted, about[ticket.id], works, unplanned, clockwork)
    pairs = [*((t, numbered[n]) for n, t in out.found.items()), *out.duplicates, *out.excused]
    out.wrongly_named = [(t, e) for t, e in pairs if e.symptom is Symptom.UNKNOWN and t.cause != "UNKNOWN"]
    return out


def nodes_of(ticket: Ticket, topology: Topology) -> frozenset[str]:
    """The nodes a ticket is about: those it lists, else the one its entity is or lies in, else all in its entity."""
    own = topology.at_level(ticket.entity, Level.NODE)
    if own:
        return frozenset(n.id for n in own)
    listed = {n.id for e in ticket.entities[1:] for n in topology.at_level(e, Level.NODE)}
    inside = {d.id for d in topology.descendants(ticket.entity) if d.level is Level.NODE}
    return frozenset(listed & inside or listed or inside)


def _by_node(merged: Iterable[Episode]) -> dict[str, list[tuple[TraceFault, Episode]]]:
    out: dict[str, list[tuple[TraceFault, Episode]]] = {}
    for episode in merged:
        for fault in episode.faults:
            out.setdefault(fault.node_id, []).append((fault, episode))
    return out


def _by_node_work(planned: Iterable[TraceFault]) -> dict[str, list[TraceFault]]:
    out: dict[str, list[TraceFault]] = {}
    for work in planned:
        out.setdefault(work.node_id, []).append(work)
    return out


def _edges(
    ticket: Ticket,
    nodes: frozenset[str],
    of_node: Mapping[str, Sequence[tuple[TraceFault, Episode]]],
    clockwork: Clockwork,
) -> dict[int, tuple[int, int, int, float]]:
    """Episode number → cost, for every episode whose fault on one of the nodes was going on."""
    out: dict[int, tuple[int, int, int, float]] = {}
    for node in nodes:
        for fault, episode in of_node.get(node, ()):
            start, end = clockwork.at(fault.start_day), clockwork.end_of(fault)
            if not start - clockwork.cadence <= ticket.created_at <= end + GRACE:
                continue
            right = ticket.cause in MODES[episode.symptom]
            if ticket.entity.level in WIDE_TICKET and not right:
                continue
            late = abs((ticket.created_at - start).total_seconds())
            cost = (0, 0 if ticket.entity.level not in WIDE_TICKET else 1, int(not right), late)
            out[episode.number] = min(cost, out.get(episode.number, cost))
    return out


def _place(  # noqa: PLR0917 - one call, from the loop above
    ticket: Ticket,
    on: Mapping[int, tuple[int, int, int, float]],
    numbered: Mapping[int, Episode],
    out: ReplayMatching,
    wanted: set[int],
    nodes: frozenset[str],
    works: Mapping[str, Sequence[TraceFault]],
    unplanned: Sequence[TraceFault],
    clockwork: Clockwork,
) -> None:
    scored = {n: cost for n, cost in on.items() if n in wanted}
    if scored:
        out.duplicates.append((ticket, numbered[min(scored, key=lambda n: scored[n])]))
    elif on:
        out.excused.append((ticket, numbered[min(on, key=lambda n: on[n])]))
    elif any(_working(w, ticket.created_at, clockwork) for n in nodes for w in works.get(n, ())):
        out.planned.append(ticket)
    elif ticket.cause in HISTORY_CAUSES and _failed_often(ticket, nodes, unplanned, clockwork):
        out.history.append(ticket)
    else:
        out.silent.append(ticket)


def _working(work: TraceFault, at: datetime, clockwork: Clockwork) -> bool:
    return clockwork.at(work.start_day) <= at <= clockwork.end_of(work) + PLANNED_GRACE


def _failed_often(ticket: Ticket, nodes: frozenset[str], unplanned: Sequence[TraceFault], clockwork: Clockwork) -> bool:
    at = ticket.created_at
    recent = [f for f in unplanned if f.node_id in nodes and at - HISTORY <= clockwork.at(f.start_day) <= at]
    return len(recent) >= 2  # noqa: PLR2004 - twice is repeatedly


def replay_figures(matching: ReplayMatching, clockwork: Clockwork) -> dict[str, Any]:
    """The figures of `replay --json` that compare proposals with faults."""
    m = matching
    proposals = len(m.found) + len(m.duplicates) + len(m.excused) + len(m.history) + len(m.planned) + len(m.silent)
    by_number = {e.number: e for e in m.eligible}
    right = sum(t.cause in MODES[by_number[n].symptom] for n, t in m.found.items())
    return {
        "faults": m.faults,
        "eligible": len(m.eligible),
        "found": len(m.found),
        "recall": ratio(len(m.found), len(m.eligible)),
        "proposals": proposals,
        "planned_proposals": len(m.planned),
        "silent_proposals": len(m.silent),
        "duplicates": ratio(len(m.duplicates), proposals, empty=0.0),
        "duplicate_proposals": len(m.duplicates),
        "unknown_given_cause": len(m.wrongly_named),
        "cause_top1": ratio(right, len(m.found)),
        "short_or_earlier": len(m.excused),
        "lemon_proposals": len(m.history),
        "by_symptom": _by_symptom(m),
        "missed": [_episode(e, clockwork) for e in m.missed],
        "false": [_ticket(t) for t in [*m.planned, *m.silent]],
        "duplicate_list": [{**_ticket(t), "of": _episode(e, clockwork)} for t, e in m.duplicates],
        "unknown_given_cause_list": [{**_ticket(t), "of": _episode(e, clockwork)} for t, e in m.wrongly_named],
    }


def _by_symptom(m: ReplayMatching) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for episode in m.eligible:
        row = out.setdefault(episode.symptom.value, {"eligible": 0, "found": 0, "right_cause": 0})
        ticket = m.found.get(episode.number)
        row["eligible"] += 1
        row["found"] += ticket is not None
        row["right_cause"] += ticket is not None and ticket.cause in MODES[episode.symptom]
    return dict(sorted(out.items()))


def _episode(episode: Episode, clockwork: Clockwork) -> dict[str, Any]:
    first = episode.faults[0]
    return {
        "symptom": episode.symptom.value, "kind": str(first.kind), "nodes": list(episode.nodes),
        "day": first.start_day, "at": iso(clockwork.at(first.start_day)), "faults": len(episode.faults),
        "hours": round(episode.longest_s(clockwork.trace.end_day) / 3600, 2),
    }  # fmt: skip


def _ticket(ticket: Ticket) -> dict[str, Any]:
    return {"cause": ticket.cause, "entity": str(ticket.entity), "created_at": iso(ticket.created_at),
            "title": ticket.title, "why": list(ticket.why)}  # fmt: skip
