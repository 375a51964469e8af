"""What happened: incidents with their likely causes, what else was considered, and planned work apart from them."""

from dataclasses import replace
from datetime import timedelta

from llo11ypop.agents.reporter.facts import Facts, FoundBy, Incident, Kind
from llo11ypop.agents.reporter.said import Loss, Section, Table, cut, losses, named, subject, where
from llo11ypop.agents.reporter.saying import NOTHING, Statement, count, listing, moment, number, percent, plural, say, span

CERTAIN_ENOUGH = 0.5
"""Below this a cause is only called the best guess (our choice)."""
WORTH_A_LINE = 0.1
"""The same for a report of one page."""
ROUNDING = 0.02
WORTH_SAYING = 0.03
"""Rivals with less weight than this are counted, not named (our choice)."""


def most(facts: Facts, night: int, week: int) -> int:
    """How many rows: a weekly report is one page."""
    return week if facts.period.kind is Kind.WEEK else night


def ranked(facts: Facts) -> list[Incident]:
    """Most severe first, then what is new, then by what was lost."""
    lost = losses(facts)
    return sorted(facts.incidents, key=lambda i: (i.severity, i.before, -lost.get(i.id, Loss()).lost_h, i.since))


def happened(facts: Facts) -> Section:
    """The incidents as a table."""
    lost, rows = losses(facts), []
    for incident in ranked(facts):
        loss = lost.get(incident.id, Loss())
        rows.append(
            (
                incident.severity,
                f"{'by ' if _older(incident, facts) else ''}{moment(incident.since)}",
                f"{incident.title}: {subject(incident)}",
                where(incident),
                _state(incident, facts),
                str(count(loss.jobs)) if loss.jobs else NOTHING,
                str(number(loss.lost_h)) if loss.lost_h else NOTHING,
            )
        )
    shown, note = cut(rows, most(facts, 15, 5))
    columns = ("Sev", "Began (UTC)", "What", "Where", "State", "Jobs lost", "GPU-hours lost")
    table = Table(columns, shown, (5, 6), note=note)
    evidence = tuple(dict.fromkeys(e for i in facts.incidents for e in i.evidence))
    return _section(facts, "happened", "What happened", _counted(facts), (table,) if rows else (), evidence)


def _older(incident: Incident, facts: Facts) -> bool:
    """Whether a replay found it already there, so that it began at the time given or before."""
    return incident.before and facts.looked.found_by is FoundBy.REPLAY


def _state(incident: Incident, facts: Facts) -> str:
    """How long it lasted. Signs look back some hours, so the last time they still matched is an upper bound of its end."""
    if not incident.over:
        length = facts.period.end - incident.since
        return f"goes on, {span(length)}{' or more' if _older(incident, facts) else ''}"
    length = max(timedelta(0), incident.last_seen - incident.since)
    if not length:
        return "over"
    return f"over, {span(length)} at most" if not _older(incident, facts) else f"over by {moment(incident.last_seen)}"


def _counted(facts: Facts) -> tuple[Statement, ...]:
    if not facts.incidents:
        return (say("No incident was found in this time."),)
    fresh = [i for i in facts.incidents if not i.before]
    old = len(facts.incidents) - len(fresh)
    running = sum(1 for i in facts.incidents if not i.over)
    said = [
        say("{n} in this time, {m} still going on at its end.", n=plural(len(facts.incidents), "incident"), m=number(running))
    ]
    if old:
        said.append(say("{n} had begun before.", n=plural(old, "of them", "of them")))
    symptoms = sum(i.symptoms for i in facts.incidents)
    if symptoms:
        said.append(
            say("{n} counted with the cause that explains them.", n=plural(symptoms, "further sign was", "further signs were"))
        )
    return tuple(said)


def causes(facts: Facts) -> Section:
    """The likely cause of each of the worst incidents, and what else was weighed."""
    said: list[Statement] = []
    for incident in ranked(facts)[: most(facts, 6, 3)]:
        said += cause_of(incident, WORTH_A_LINE if facts.period.kind is Kind.WEEK else WORTH_SAYING)
    evidence = tuple(dict.fromkeys(e for s in said for e in s.evidence))
    return _section(facts, "causes", "Likely causes", tuple(said), (), evidence)


def cause_of(incident: Incident, least: float = WORTH_SAYING) -> list[Statement]:
    """Two or three sentences about one incident; rivals from `least` on. The signs are quoted as the playbooks measured them."""
    about = {"what": incident.title, "entity": subject(incident), "sure": percent(incident.confidence)}
    if incident.cause == "UNKNOWN":
        said = [
            say("{entity}: the cause is unknown; no playbook explains what was seen.", incident.evidence, entity=about["entity"])
        ]
    elif incident.confidence >= CERTAIN_ENOUGH:
        said = [say("{entity}: {what}, confidence {sure}.", incident.evidence, **about)]
    else:
        said = [say("{entity}: best guess {what}, confidence only {sure}.", incident.evidence, **about)]
    more: list[Statement] = []
    if incident.why:
        more.append(say("Seen: {why}.", incident.evidence, why="; ".join(w.rstrip(".") for w in incident.why[:3])))
    rivals = [c for c in incident.considered if c.confidence >= least]
    if rivals:
        # The confidence may have moved since the rivals were weighed; shares that no longer add up are not shown.
        adds_up = incident.confidence + sum(c.confidence for c in incident.considered) <= 1 + ROUNDING
        weighed = "; ".join(
            f"{c.cause} ({percent(c.confidence)}: {c.why})" if adds_up else f"{c.cause} ({c.why})" for c in rivals[:3]
        )
        more.append(say("Also considered: {rivals}.", incident.evidence, rivals=weighed))
    return [*said, *(replace(s, detail=True) for s in more)]


def planned(facts: Facts) -> Section | None:
    """Planned work, apart from incidents; none where there was none."""
    if not facts.planned:
        return None
    rows = [
        (w.id, w.kind, listing([named(s) for s in w.scope], 3), f"{moment(w.start)} – {moment(w.end)}", str(count(w.explained)))
        for w in facts.planned
    ]
    shown, note = cut(rows, most(facts, 8, 0))
    held = sum(w.explained for w in facts.planned)
    said = [say("{n} lay in this time.", n=plural(len(facts.planned), "window of planned work", "windows of planned work"))]
    if held:
        said.append(
            say("{n} by it and therefore no incident.", n=plural(held, "condition is explained", "conditions are explained"))
        )
    table = Table(("Change", "Kind", "On", "When (UTC)", "Explains"), shown, (4,), note=note)
    return _section(facts, "planned", "Planned work", tuple(said), (table,) if shown else (), facts.looked.evidence[-1:])


def _section(
    facts: Facts, id_: str, title: str, said: tuple[Statement, ...], tables: tuple[Table, ...], evidence: tuple[str, ...]
) -> Section:
    return Section(id_, title, said, tables, evidence, facts.period.start, facts.period.end)
