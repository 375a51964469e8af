"""The figures of a scored run, from the matching of tickets with the truth (defined in docs/scoring.md)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from llo11ypop.evals.matching import Incident, Matching, Period
from llo11ypop.evals.places import Nearness, Places
from llo11ypop.evals.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Scored:
    """One run of one fleet: the matching, with what is needed to judge it."""

    matching: Matching
    tickets: Sequence[Ticket]
    period: Period
    places: Places
    gpu_days: float = 0.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A found incident and what is right about its ticket."""

    incident: Incident
    ticket: Ticket
    level: bool
    cause: bool
    queue: bool
    action: bool
    delay_cycles: float
    in_time: bool


def ratio(part: float, whole: float, *, empty: float = 1.0) -> float:
    """A share rounded to four digits; `empty` where there is nothing to be wrong about."""
    return round(part / whole, 4) if whole else empty


def judge(scored: Scored) -> list[Judged]:
    """Every found incident with its verdicts, in the order of the incidents."""
    found = scored.matching.found
    return [_judge(i, found[i.truth.incident_id], scored) for i in scored.matching.incidents if i.truth.incident_id in found]


def _judge(incident: Incident, ticket: Ticket, scored: Scored) -> Judged:
    truth = incident.truth
    first = truth.first_seen_at or truth.start_at
    late = ticket.created_at - first
    near = scored.places.nearness(ticket, truth, incident.related_causes)
    return Judged(
        incident=incident,
        ticket=ticket,
        level=near is Nearness.SAME,
        cause=ticket.cause in incident.causes,
        queue=ticket.queue == truth.queue,
        action=ticket.action in {truth.expected_action, *truth.acceptable_actions},
        delay_cycles=max(0.0, late / scored.period.cadence),
        in_time=late <= scored.period.in_time,
    )


def forbidden(scored: Scored) -> list[tuple[Ticket, str]]:
    """Tickets whose first action the truth forbids, with the id of the record that forbids it."""
    m = scored.matching
    pairs = [(m.found[i.truth.incident_id], i.truth) for i in m.incidents if i.truth.incident_id in m.found]
    return [(t, truth.incident_id) for t, truth in [*pairs, *m.duplicates, *m.quiet] if t.action in truth.forbidden_actions]


def figures(runs: Sequence[Scored]) -> dict[str, Any]:
    """The totals over one or more runs, as `score --json` prints them."""
    judged = [j for run in runs for j in judge(run)]
    incidents = sum(len(r.matching.incidents) for r in runs)
    tickets = sum(len(r.tickets) for r in runs)
    wrong = sum(len(r.matching.false) + len(r.matching.quiet) for r in runs)
    duplicates = sum(len(r.matching.duplicates) for r in runs)
    days = sum(r.gpu_days for r in runs)

    def share(of: Callable[[Judged], bool]) -> float:
        return ratio(sum(of(j) for j in judged), len(judged))

    return {
        "incidents": incidents,
        "proposals": tickets,
        "found": len(judged),
        "recall": ratio(len(judged), incidents),
        "found_in_time": ratio(sum(j.in_time for j in judged), incidents),
        "precision": ratio(tickets - wrong, tickets),
        "unique_precision": ratio(len(judged), tickets),
        "entity_level": share(lambda j: j.level),
        "cause_top1": share(lambda j: j.cause),
        "queue": share(lambda j: j.queue),
        "action_acceptable": share(lambda j: j.action),
        "forbidden": sum(len(forbidden(r)) for r in runs),
        "duplicates": ratio(duplicates, tickets, empty=0.0),
        "duplicate_proposals": duplicates,
        "false_proposals": wrong,
        "false_per_1000_gpu_days": round(1000 * wrong / days, 3) if days else 0.0,
        "median_delay_cycles": round(median([j.delay_cycles for j in judged]), 2) if judged else 0.0,
        "planned_or_quiet_proposals": sum(quiet_count(r) for r in runs),
        "not_exported_incidents": sum(len(r.matching.not_exported) for r in runs),
        "excused_proposals": sum(len(r.matching.excused) for r in runs),
    }


def quiet_count(run: Scored) -> int:
    """False tickets about planned work or decoys; on a fleet without any incident every false ticket."""
    m = run.matching
    return len(m.quiet) + (0 if m.incidents or m.excused or m.not_exported else len(m.false))


def per_mode(runs: Sequence[Scored]) -> dict[str, dict[str, Any]]:
    """The same figures for each mode, with the false tickets that named it; sorted as F1, F2, … F10."""
    judged = [j for run in runs for j in judge(run)]
    incidents = [i for run in runs for i in run.matching.incidents]
    false = [t for run in runs for t in [*run.matching.false, *(t for t, _ in run.matching.quiet)]]
    repeats = [truth.mode for run in runs for _, truth in run.matching.duplicates]
    modes = {i.truth.mode for i in incidents} | {t.cause for t in false}
    return {
        mode: _mode_figures(
            [i for i in incidents if i.truth.mode == mode],
            [j for j in judged if j.incident.truth.mode == mode],
            false=sum(t.cause == mode for t in false),
            duplicates=repeats.count(mode),
        )
        for mode in sorted(modes, key=mode_order)
    }


def _mode_figures(incidents: Sequence[Incident], judged: Sequence[Judged], *, false: int, duplicates: int) -> dict[str, Any]:
    def share(values: Iterable[bool]) -> float:
        return ratio(sum(values), len(judged))

    return {
        "incidents": len(incidents),
        "found": len(judged),
        "recall": ratio(len(judged), len(incidents)),
        "found_in_time": ratio(sum(j.in_time for j in judged), len(incidents)),
        "entity_level": share(j.level for j in judged),
        "cause_top1": share(j.cause for j in judged),
        "queue": share(j.queue for j in judged),
        "action_acceptable": share(j.action for j in judged),
        "median_delay_cycles": round(median([j.delay_cycles for j in judged]), 2) if judged else None,
        "duplicates": duplicates,
        "false": false,
    }


def mode_order(mode: str) -> tuple[str, int, str]:
    """Sort key that puts F2 before F10."""
    letters = mode.rstrip("0123456789")
    number = mode[len(letters) :]
    return (letters, int(number) if number else 0, mode)
