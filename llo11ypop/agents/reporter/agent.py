"""The reporter: decides what a director must hear first, and puts measured facts into sentences. A rule mind, no model."""

from llo11ypop.agents.reporter.damage import by_account, damage
from llo11ypop.agents.reporter.facts import Facts, FoundBy, Kind
from llo11ypop.agents.reporter.happened import causes, happened, planned, ranked
from llo11ypop.agents.reporter.outlook import blind, decided, goal_sentence, goals, method, watch
from llo11ypop.agents.reporter.said import Said, Section, about, losses, subject, where
from llo11ypop.agents.reporter.saying import Statement, count, hours, listing, money, percent, plural, say

UNKNOWN = "UNKNOWN"
TITLES = {Kind.NIGHT: "Morning report", Kind.WEEK: "Weekly report", Kind.SPAN: "Report"}


def report_on(facts: Facts) -> Said:
    """The whole report in words. Sections that have nothing to say are left out; the method is always there."""
    quiet = nothing_happened(facts)
    sections: list[Section | None] = []
    if not quiet:
        sections += [happened(facts), causes(facts) if facts.incidents else None, damage(facts)]
    sections += [planned(facts), decided(facts), goals(facts), watch(facts), blind(facts), method(facts)]
    title = f"{TITLES[facts.period.kind]}: {facts.period.label}"
    headline = (quiet_line(facts),) if quiet else tuple(headlines(facts))
    return Said(title, headline, tuple(s for s in sections if s is not None), quiet)


def nothing_happened(facts: Facts) -> bool:
    """No incident, no lost job, no node newly out of use without a plan."""
    return not facts.incidents and not facts.hit.jobs and all(o.began_before for o in facts.hit.outages)


def quiet_line(facts: Facts) -> Statement:
    """One line that says so, with what was checked."""
    looked = facts.looked
    how = "by the running loop" if looked.found_by is FoundBy.LEDGER else "in a replay"
    return say(
        "Nothing happened {when}: {playbooks} over {datasets} checked {cycles} {how} on {gpus} in {clusters} found no incident, "
        "and no job and no GPU-hours of work were lost to infrastructure.",
        (*looked.evidence, *facts.hit.evidence),
        when=about(facts.period),
        playbooks=plural(looked.playbooks, "playbook"),
        datasets=plural(looked.datasets, "dataset"),
        cycles=plural(looked.cycles, "time"),
        how=how,
        gpus=plural(looked.gpus, "GPU"),
        clusters=plural(looked.clusters, "cluster"),
    )


def headlines(facts: Facts) -> list[Statement]:
    """What the director must know, most important first; four sentences or so."""
    said = [_incidents(facts), _losses(facts), _answers(facts)]
    breached = [g for g in facts.goals.misses if g.breached and not g.slice]
    if breached:
        said.append(goal_sentence(breached[0]))
        if len(breached) > 1:
            said.append(say("{n} missed as well.", n=plural(len(breached) - 1, "other goal is", "other goals are")))
    if facts.blind.silent_nodes or facts.looked.cycles < facts.looked.expected:
        said.append(say("Not everything was seen: read the blind spots before trusting a zero."))
    return [s for s in said if s is not None]


def _incidents(facts: Facts) -> Statement:
    if not facts.incidents:
        return say("No incident was found {when}.", when=about(facts.period))
    worst = ranked(facts)[0]
    lost = losses(facts).get(worst.id)
    cost = f", {hours(lost.lost_h)} lost" if lost and lost.lost_h else ""
    old = sum(1 for i in facts.incidents if i.before)
    text = "{n} {when}{old}; the most serious is {what}: {entity}, {where} ({sure}{cost})."
    if len(facts.incidents) == 1:
        text = "{n} {when}{old}: {what}, {entity}, {where} ({sure}{cost})."
    return say(
        text,
        worst.evidence,
        n=plural(len(facts.incidents), "incident"),
        when=about(facts.period),
        old=f", {plural(old, 'of them', 'of them')} begun before" if old else "",
        what=worst.title,
        entity=subject(worst),
        where=where(worst),
        sure="cause unknown" if worst.cause == UNKNOWN else f"{percent(worst.confidence)} sure",
        cost=cost,
    )


def _losses(facts: Facts) -> Statement:
    hit = facts.hit
    if not hit.lost_h:
        return say("Nobody lost work or capacity that could be measured.", hit.evidence)
    cost = f" ({money(hit.cost, hit.currency)})" if hit.cost is not None else ""
    accounts = [name for name, _ in by_account(hit)]
    who = f"hit: {listing(accounts, 3)}" if accounts else "no customer lost a job"
    parts = [f"{hours(hit.job_h)} of work in {plural(len(hit.jobs), 'job')}"] if hit.jobs else []
    parts += [f"{hours(hit.outage_h)} of nodes out of use"] if hit.outages else []
    text = "{lost} were lost{cost}: {parts}; {who}."
    return say(text, hit.evidence, lost=hours(hit.lost_h), cost=cost, parts=listing(parts), who=who)


def _answers(facts: Facts) -> Statement | None:
    if not facts.incidents:
        return None
    if facts.looked.found_by is FoundBy.REPLAY:
        running = sum(1 for i in facts.incidents if not i.over)
        return say(
            "Nobody was asked yet: this is a replay; {n} at its end.", n=plural(running, "incident goes on", "incidents go on")
        )
    states = [i.decision.status for i in facts.incidents]
    waiting = sum(s in ("pending", "snoozed") for s in states)
    yes = sum(s in ("approved", "done") for s in states)
    return say(
        "Of {n} proposed, {yes} approved, {no} rejected, {waiting} for an answer.",
        n=plural(len(states), "action"),
        yes=_were(yes),
        no=_were(states.count("rejected")),
        waiting=f"{count(waiting)} wait" if waiting != 1 else f"{count(waiting)} waits",
    )


def _were(many: int) -> str:
    return f"{count(many)} was" if many == 1 else f"{count(many)} were"
