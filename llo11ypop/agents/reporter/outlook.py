"""What was decided, which goals are missed, what to watch, and what telemetry could not show."""

from datetime import timedelta

from llo11ypop.agents.reporter.facts import Blind, Facts, FoundBy, GoalState, Incident, Kind
from llo11ypop.agents.reporter.happened import most, ranked
from llo11ypop.agents.reporter.said import Section, Table, cut, named, subject
from llo11ypop.agents.reporter.saying import (
    NOTHING,
    Statement,
    count,
    listing,
    moment,
    number,
    percent,
    plural,
    quantity,
    say,
    span,
)

OPEN = ("pending", "snoozed")
YES = ("approved", "done")


def decided(facts: Facts) -> Section | None:
    """Proposals with their answers; none where nothing was proposed."""
    if not facts.incidents:
        return None
    rows = [_decision(i) for i in ranked(facts)]
    shown, note = cut(rows, most(facts, 12, 0))
    table = Table(("Sev", "Proposed action", "For", "Answer", "By", "When (UTC)"), shown, note=note)
    return Section(
        "decided", "Proposed and decided", _answers(facts), (table,) if shown else (), (), facts.period.start, facts.period.end
    )


def _decision(incident: Incident) -> tuple[str, ...]:
    decision = incident.decision
    answer = decision.status + (f" ({decision.reason})" if decision.reason else "")
    if decision.improved is not None:
        answer += ", goal improved" if decision.improved else ", goal not improved"
    what = f"{incident.title}: {subject(incident)}"
    return (
        incident.severity,
        decision.action,
        what,
        answer,
        decision.by or NOTHING,
        str(moment(decision.at)) if decision.at else NOTHING,
    )


def _answers(facts: Facts) -> tuple[Statement, ...]:
    if facts.looked.found_by is FoundBy.REPLAY:
        asked = plural(len(facts.incidents), "action", "actions")
        return (say("{n} would be proposed; this is a replay, so nobody was asked.", n=asked),)
    states = [i.decision.status for i in facts.incidents]
    parts = [
        (sum(s in YES for s in states), "approved"),
        (states.count("rejected"), "rejected"),
        (sum(s in OPEN for s in states), "waiting for an answer"),
        (states.count("expired"), "expired without one"),
        (states.count("cleared"), "cleared because the signs went away"),
    ]
    told = ", ".join(f"{count(n)} {word}" for n, word in parts if n)
    return (say("{n} proposed: {told}.", n=plural(len(states), "action was", "actions were"), told=told),)


def _unmeasured(facts: Facts) -> tuple[str, ...]:
    """One line per reason."""
    reasons: dict[str, list[str]] = {}
    for title, why in facts.goals.unmeasured:
        reasons.setdefault(why, []).append(title)
    return tuple(f"{why[:1].upper()}{why[1:]}: {'; '.join(titles)}." for why, titles in reasons.items())


def goals(facts: Facts) -> Section | None:
    """Goals that miss their target or drift; none where no goal is configured."""
    if not facts.goals.measured and not facts.goals.unmeasured:
        return None
    whole = sorted((g for g in facts.goals.misses if not g.slice), key=lambda g: (not g.breached, g.title))
    met_as_a_whole = {g.id: g for g in facts.goals.misses if g.slice and g.id not in {w.id for w in whole}}
    rows = [_goal(g, _worst_slice(g.id, facts)) for g in (*whole, *met_as_a_whole.values())]
    shown, note = cut(rows, most(facts, 16, 4))
    table = Table(("Goal", "Now", "Before", "Target", "Over", "Worst slice", "State"), shown, (1, 2, 3), note=note)
    notes = _unmeasured(facts)
    if facts.goals.since:
        notes = (
            f"Telemetry begins on {facts.goals.since:%Y-%m-%d %H:%M}Z; no value before is given where it does not reach.",
            *notes,
        )
    return Section(
        "goals", "Goals", _goal_words(facts), (table,) if rows else (), facts.goals.evidence, notes=notes, end=facts.period.end
    )


def _goal_words(facts: Facts) -> tuple[Statement, ...]:
    breached = [g for g in facts.goals.misses if g.breached and not g.slice]
    drifting = [g for g in facts.goals.misses if not g.breached and not g.slice]
    said = [
        say(
            "{met} of {measured} are met{unmeasured}.",
            facts.goals.evidence,
            met=count(facts.goals.met),
            measured=plural(facts.goals.measured, "measured goal"),
            unmeasured=f"; {plural(len(facts.goals.unmeasured), 'other')} could not be measured"
            if facts.goals.unmeasured
            else "",
        )
    ]
    for goal in breached[:3]:
        said.append(goal_sentence(goal))
    if drifting:
        said.append(say("Drifting the wrong way: {names}.", facts.goals.evidence, names=listing(g.title for g in drifting)))
    return tuple(said)


def goal_sentence(goal: GoalState) -> Statement:
    """A goal's value, its value before and its target, in one sentence."""
    before = f", before {quantity(goal.before, goal.unit)}" if goal.before is not None else ""
    return say(
        "{title} is {value}{before}; the target is {target}.",
        goal.evidence,
        title=goal.title,
        value=quantity(goal.value, goal.unit),
        before=before,
        target=quantity(goal.target, goal.unit),
    )


def _worst_slice(goal_id: str, facts: Facts) -> str:
    mine = [g for g in facts.goals.misses if g.id == goal_id and g.slice]
    if not mine:
        return NOTHING
    worst = min(mine, key=lambda g: g.value) if mine[0].higher_is_better else max(mine, key=lambda g: g.value)
    return f"{worst.slice}: {quantity(worst.value, worst.unit)}"


def _goal(goal: GoalState, worst: str) -> tuple[str, ...]:
    over = str(span(timedelta(seconds=goal.window_s)))
    if goal.slice:
        target = str(quantity(goal.target, goal.unit))
        return (goal.title, "met", NOTHING, target, over, worst, "met as a whole, missed in a slice")
    better = goal.before is not None and (goal.value > goal.before) == goal.higher_is_better and goal.value != goal.before
    trend = "" if goal.before is None else ", better than before" if better else ", not better than before"
    state = ("misses its target" if goal.breached else "drifts") + trend
    now, before, target = (str(quantity(v, goal.unit)) for v in (goal.value, goal.before, goal.target))
    return (goal.title, now, before, target, over, worst, state)


def watch(facts: Facts) -> Section | None:
    """What to keep an eye on; none where there is nothing."""
    w = facts.watch
    tables = tuple(t for t in (_waiting(facts), _repeaters(facts), _coming(facts), _parts(facts)) if t.rows)
    if not tables and not w.held_back:
        return None
    said = []
    if w.waiting:
        first = w.waiting[0]
        verb = "open" if facts.looked.found_by is FoundBy.LEDGER else "still going on"
        said.append(
            say(
                "{n} {verb}; first of all {title}.",
                n=plural(len(w.waiting), "condition is", "conditions are"),
                verb=verb,
                title=first.title,
            )
        )
    if w.repeaters:
        top = w.repeaters[0]
        text = "{node} is most likely to fail again: {chance} within {days}, {base} for any node."
        days, base = span(timedelta(days=30)), percent(w.base_rate)
        said.append(say(text, w.evidence, node=top.node, chance=percent(top.probability), days=days, base=base))
    if w.parts:
        text = "{n} below the reorder point, the worst is {part} ({kind})."
        short = plural(len(w.parts), "part is", "parts are")
        said.append(say(text, w.evidence, n=short, part=w.parts[0].part_no, kind=w.parts[0].part_type))
    if w.held_back:
        said.append(say("No room in the budget of proposals for: {names}.", names=listing(w.held_back)))
    return Section("watch", "Watch today", tuple(said), tables, w.evidence, notes=tuple(f"Not measured: {g}." for g in w.gaps))


def _waiting(facts: Facts) -> Table:
    rows = [
        (w.severity, w.title, w.action, w.status, str(span(timedelta(hours=w.waits_h))), w.if_nothing_done)
        for w in facts.watch.waiting
    ]
    shown, note = cut(rows, most(facts, 8, 3))
    columns = ("Sev", "What", "Action", "State", "Waits" if facts.looked.found_by is FoundBy.LEDGER else "Goes on")
    if facts.period.kind is Kind.WEEK:
        return Table(columns, tuple(row[:-1] for row in shown), (), "Open", note)
    return Table((*columns, "If nothing is done"), shown, (), "Open", note)


def _repeaters(facts: Facts) -> Table:
    rows = [(r.node, r.cluster, str(count(r.faults)), str(percent(r.probability))) for r in facts.watch.repeaters]
    shown, note = cut(rows, most(facts, 5, 3))
    return Table(
        ("Node", "Cluster", "Days with a fault, of 30", "Chance of another in 30 days"), shown, (2, 3), "Risk of repeat", note
    )


def _coming(facts: Facts) -> Table:
    rows = [
        (w.id, w.kind, w.cluster or NOTHING, listing([named(s) for s in w.scope], 3), f"{moment(w.start)} – {moment(w.end)}")
        for w in facts.watch.planned
    ]
    shown, note = cut(rows, most(facts, 8, 3))
    return Table(("Change", "Kind", "Cluster", "On", "When (UTC)"), shown, (), "Planned for the next 24 hours", note)


def _parts(facts: Facts) -> Table:
    rows = [
        (
            p.part_no,
            p.part_type,
            p.vendor + (" (only source)" if p.single_source else ""),
            str(count(p.stock)),
            str(count(p.on_order)),
            str(number(p.needed)),
            str(number(p.lead_days)),
        )
        for p in facts.watch.parts
    ]
    shown, note = cut(rows, most(facts, 8, 3))
    columns = ("Part", "Kind", "Vendor", "Stock", "On order", "Needed in lead time", "Lead time (d)")
    return Table(columns, shown, (3, 4, 5, 6), "Stock below the reorder point", note)


def blind(facts: Facts) -> Section | None:
    """What could not be seen; none where everything was."""
    b, said = facts.blind, []
    if b.silent:
        told = listing((f"{n} (last row {moment(at)})" if at else f"{n} (no row at all)" for n, at in b.silent), 6)
        said.append(say("Silent at the end of this time: {told}.", told=told))
    if b.silent_nodes:
        names = listing((n for _, n in b.silent_nodes), 6)
        said.append(
            say(
                "No GPU sample in the last hour from {n}: {names}.",
                b.evidence,
                n=plural(len(b.silent_nodes), "node"),
                names=names,
            )
        )
    if b.not_exported:
        said.append(say("This fleet does not export {names}.", names=listing(b.not_exported, 6)))
    if b.fields_not_exported:
        said.append(
            say(
                "{n} of the catalog not exported, so what rests on them is not evaluated.",
                n=plural(len(b.fields_not_exported), "field is", "fields are"),
            )
        )
    said += _loop_gaps(facts)
    if not said and not b.gaps:
        return None
    return Section(
        "blind",
        "Blind spots",
        tuple(said),
        _fields(b),
        b.evidence,
        facts.period.start,
        facts.period.end,
        tuple(f"Not measured: {g}." for g in b.gaps),
    )


def _fields(b: Blind) -> tuple[Table, ...]:
    if not b.fields_not_exported:
        return ()
    by_dataset: dict[str, list[str]] = {}
    for name in b.fields_not_exported:
        dataset, _, column = name.partition(".")
        by_dataset.setdefault(dataset, []).append(column)
    rows = [(dataset, ", ".join(columns)) for dataset, columns in by_dataset.items()]
    shown, note = cut(rows, 6)
    return (Table(("Dataset", "Fields not exported"), shown, (), "", note),)


def _loop_gaps(facts: Facts) -> list[Statement]:
    looked, said = facts.looked, []
    if looked.cycles < looked.expected:
        ran, due = count(looked.cycles), plural(looked.expected, "expected cycle")
        said.append(say("The loop ran {ran} of {due}; what came and went in between is not in here.", ran=ran, due=due))
    if looked.errors:
        said.append(say("{n} of the loop failed: {first}.", n=plural(len(looked.errors), "part"), first=looked.errors[0][:160]))
    return said


def method(facts: Facts) -> Section:
    """How the report was made."""
    looked = facts.looked
    every = span(timedelta(seconds=looked.every_s))
    counted = {
        "cycles": plural(looked.cycles, "cycle"),
        "playbooks": plural(looked.playbooks, "playbook"),
        "datasets": count(looked.datasets),
        "known": plural(looked.known_datasets, "dataset"),
        "gpus": plural(looked.gpus, "GPU"),
        "nodes": plural(looked.nodes, "node"),
        "clusters": plural(looked.clusters, "cluster"),
    }
    if looked.found_by is FoundBy.LEDGER:
        text = "Incidents are what the running loop proposed in {cycles}"
    else:
        text = "Incidents were found by running the loop again over the recorded telemetry, {cycles} {every} apart"
    text += "; {playbooks} over {datasets} of {known} the catalog knows, on {gpus} in {nodes} of {clusters}."
    said = [say(text, looked.evidence, **counted, **({"every": every} if "{every}" in text else {}))]
    if looked.harmless:
        said.append(
            say("{n} a harmless look-alike and nothing else.", n=plural(looked.harmless, "condition matches", "conditions match"))
        )
    said.append(say("As known at {at} UTC.", at=f"{facts.period.at:%Y-%m-%d %H:%M}"))
    return Section("method", "How this was found", tuple(said), (), looked.evidence, facts.period.start, facts.period.end)
