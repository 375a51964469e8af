"""Missed incidents and false tickets, written so that the playbook at fault can be found without opening the fleet."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from llo11ypop.core.window import iso
from llo11ypop.evals.matching import Incident
from llo11ypop.evals.score import Judged, Scored, forbidden, judge
from llo11ypop.evals.ticket import Ticket
from llo11ypop.simulator.truth import Truth


def missed_json(runs: Sequence[Scored]) -> list[dict[str, Any]]:
    """One record per missed incident."""
    return [
        {
            "fleet": run.label, "incident": i.truth.incident_id, "mode": i.truth.mode, "entity": i.truth.entity,
            "first_observable": _iso(i.truth.first_seen_at), "end": iso(i.truth.end_at),
            "tables": sorted(i.truth.first_observable), "cause": i.truth.root_cause_text,
        }
        for run in runs
        for i in run.matching.missed
    ]  # fmt: skip


def false_json(runs: Sequence[Scored]) -> list[dict[str, Any]]:
    """One record per false ticket, with the decoy or planned work it fell for, if any."""
    return [
        {
            "fleet": run.label, "proposal": t.id, "cause": t.cause, "entity": str(t.entity),
            "created_at": iso(t.created_at), "title": t.title, "why": list(t.why), "decoy": decoy,
        }
        for run in runs
        for t, decoy in [*((t, "") for t in run.matching.false), *((t, d.incident_id) for t, d in run.matching.quiet)]
    ]  # fmt: skip


def explain(run: Scored) -> Iterator[str]:
    """Lines for a person: missed, false, duplicate and wrongly described, each with what is needed to tune."""
    judged = judge(run)
    yield from _section(f"{run.label}: missed", [_missed(i, run) for i in run.matching.missed])
    yield from _section("false", [_false(t, run) for t in run.matching.false])
    quiet = [[*_ticket(t), f"    fell for {_truth(d)}"] for t, d in run.matching.quiet]
    yield from _section("false: planned work or decoy", quiet)
    again = [[*_ticket(t), f"    repeats {_truth(d)}"] for t, d in run.matching.duplicates]
    yield from _section("duplicates", again)
    yield from _section("found, but", [lines for j in judged if (lines := _wrong(j))])
    banned = [[*_ticket(t), f"    proposes {t.action}, forbidden by {name}"] for t, name in forbidden(run)]
    yield from _section("forbidden actions", banned)
    other = [[*_ticket(t), f"    about {_truth(d)}, which is not scored"] for t, d in run.matching.excused]
    yield from _section("excused", other)


def _section(title: str, items: Sequence[Sequence[str]]) -> Iterator[str]:
    if items:
        yield f"== {title} ({len(items)})"
        for lines in items:
            yield from lines


def _missed(incident: Incident, run: Scored) -> list[str]:
    truth = incident.truth
    lines = [_truth(truth), f"    {truth.root_cause_text}"]
    lines.append(f"    wants {truth.queue}, {truth.expected_action}; shows in:")
    lines += [
        f"      {_iso(truth.first_observable.get(e.table))}  {e.table}.{e.field} where {e.where}"
        f" [{_short(e.start_at)} … {_short(e.end_at)}]{'' if e.decisive else ' (supporting)'}"
        for e in truth.evidence
    ]
    around = [t for t in run.tickets if run.places.kin(t.entity, _entity(truth))]
    near = sorted(around, key=lambda t: abs(t.created_at - truth.start_at))[:3]
    lines += [f"    nearest ticket there: {t.cause} on {t.entity} at {_short(t.created_at)}" for t in near]
    return lines


def _false(ticket: Ticket, run: Scored) -> list[str]:
    truths = [i.truth for i in run.matching.incidents]
    near = [t for t in truths if run.places.kin(ticket.entity, _entity(t))]
    closest = sorted(near, key=lambda t: abs(t.start_at - ticket.created_at))[:1]
    return [*_ticket(ticket), *(f"    nearest incident there: {_truth(t)}" for t in closest)]


def _wrong(judged: Judged) -> list[str]:
    truth, ticket = judged.incident.truth, judged.ticket
    right = {"entity": judged.level, "cause": judged.cause, "queue": judged.queue, "action": judged.action}
    if all(right.values()) and judged.in_time:
        return []
    said = {
        "entity": f"{ticket.entity} instead of {truth.entity}",
        "cause": f"{ticket.cause} instead of {truth.mode}",
        "queue": f"{ticket.queue} instead of {truth.queue}",
        "action": f"{ticket.action} instead of {', '.join(dict.fromkeys([truth.expected_action, *truth.acceptable_actions]))}",
    }
    lines = [_truth(truth), *(f"    wrong {name}: {said[name]}" for name, ok in right.items() if not ok)]
    if not judged.in_time:
        lines.append(f"    late: {judged.delay_cycles:.1f} cycles after it could be seen")
    return lines


def _truth(truth: Truth) -> str:
    when = f"{_iso(truth.first_seen_at)} … {_short(truth.end_at)}"
    return f"  {truth.incident_id} {truth.mode} {truth.entity} {when}"


def _ticket(ticket: Ticket) -> list[str]:
    head = f"  {ticket.cause} {ticket.entity} at {_short(ticket.created_at)} → {ticket.queue} {ticket.action}: {ticket.title}"
    return [head, *(f"    - {why}" for why in ticket.why)]


def _entity(truth: Truth) -> Any:
    from llo11ypop.evals.places import truth_entity

    return truth_entity(truth)


def _iso(at: datetime | None) -> str:
    return _short(at) if at else "never"


def _short(at: datetime) -> str:
    return f"{at:%m-%d %H:%M}"
