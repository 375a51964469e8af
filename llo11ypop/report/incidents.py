"""From proposals to incidents: symptoms go to the incident that explains them, planned work goes to a list of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import Considered, Decision, FoundBy, Incident, Period, PlannedWork
from llo11ypop.core.entity import Entity
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window
from llo11ypop.query.plan import Plan
from llo11ypop.report.deps import Notebook, gap, rows
from llo11ypop.report.found import Found
from llo11ypop.report.places import Places

PLANNED_WHY = "planned work: "
NOT_ASKED = "not asked"
WINDOWS = Plan.model_validate(
    {
        "dataset": "maintenance_windows",
        "by": ["window_id", "cluster", "scope_level", "scope_id", "kind", "start_at", "end_at"],
        "measures": {"entries": {"agg": "count"}},
    }
)
"""Every window that was announced by the instant of the report."""


def incidents_of(found: Found, period: Period, places: Places, titles: Mapping[str, str]) -> tuple[Incident, ...]:
    """One per cause, most severe first. A proposal that another one lists as its symptom is counted there.

    `titles`: mode → what it is called, for rivals that are named by their mode.
    """
    symptom_of = {(c["cause"], c["entity"]): p.id for p in found.proposals for c in p.children}
    out = []
    for proposal in found.proposals:
        home = symptom_of.get((proposal.cause, str(proposal.entities[0])))
        if home is None or home == proposal.id or proposal.status in OPEN_STATUSES:
            out.append(_incident(proposal, found, period, places, titles))
    return tuple(sorted(out, key=lambda i: (i.severity, i.since, i.entity)))


def _incident(proposal: Proposal, found: Found, period: Period, places: Places, titles: Mapping[str, str]) -> Incident:
    children = tuple(Entity.parse(c["entity"]) for c in proposal.children)
    own, *others = proposal.entities
    last = proposal.last_seen_at or proposal.created_at
    place = places.of((own, *others, *children))
    over = proposal.status is ProposalStatus.CLEARED or period.end - last > found.every * 2
    return Incident(
        id=proposal.id,
        cause=proposal.cause,
        title=proposal.cause_title,
        entity=str(own),
        others=tuple(str(e) for e in others),
        nodes=places.nodes_of((own, *others, *children)),
        cluster=place.cluster,
        site=place.site,
        region=place.region,
        since=proposal.since,
        first_seen=proposal.created_at,
        last_seen=last,
        before=proposal.since < period.start,
        over=over,
        severity=proposal.severity.value,
        queue=proposal.queue.value,
        confidence=proposal.confidence,
        why=proposal.why,
        considered=tuple(Considered(titles.get(a.cause, a.cause), a.confidence, a.why) for a in proposal.alternatives),
        symptoms=len(proposal.children),
        decision=_decision(proposal, found),
        evidence=proposal.evidence,
        if_nothing_done=proposal.if_nothing_done,
        reopened=proposal.reopened,
    )


def _decision(proposal: Proposal, found: Found) -> Decision:
    verdict, outcome = found.verdicts.get(proposal.id), found.outcomes.get(proposal.id)
    if found.by is FoundBy.REPLAY:
        return Decision(proposal.id, proposal.action.name.value, NOT_ASKED)
    action = verdict.action if verdict and verdict.action else proposal.action.name
    return Decision(
        proposal_id=proposal.id,
        action=action.value,
        status=proposal.status.value,
        by=verdict.rater if verdict else "",
        at=verdict.at if verdict else None,
        reason=verdict.reason_code.value if verdict and verdict.reason_code else "",
        improved=outcome.improved if outcome else None,
    )


async def planned_work(book: Notebook, found: Found, start: datetime, end: datetime) -> tuple[tuple[PlannedWork, ...], str, str]:
    """Windows that overlap `[start, end)` with what they account for, the evidence id, and why it may be incomplete."""
    evidence = (await book.read({"windows": WINDOWS}))["windows"]
    span, grouped = Window(start, end), dict[str, PlannedWork]()
    for row in rows(evidence):
        began, ended = row["start_at"], row["end_at"]
        if not (isinstance(began, datetime) and isinstance(ended, datetime) and began < ended):
            continue
        if not span.overlaps(Window(began, ended)):
            continue
        scope = f"{row['scope_level']}:{row['scope_id']}"
        known = grouped.get(str(row["window_id"]))
        if known is None:
            known = PlannedWork(str(row["window_id"]), str(row["kind"]), (), str(row["cluster"] or ""), began, ended)
        grouped[known.id] = replace(known, scope=(*known.scope, scope), start=min(known.start, began), end=max(known.end, ended))
    for held in found.held_back:
        for window_id in [w for w in grouped if held["why"].startswith(PLANNED_WHY) and w in held["why"].split()]:
            grouped[window_id] = replace(grouped[window_id], explained=grouped[window_id].explained + 1)
    listed = sorted(grouped.values(), key=lambda w: (w.start, w.id))
    return tuple(listed), evidence.id, gap(evidence, "planned work")


def covers(work: PlannedWork, node: str, places: Places) -> bool:
    """Whether the work is on the node or on something that holds it."""
    around = {str(e) for e in places.topology.ancestors(Entity(Level.NODE, node))}
    return any(scope in around for scope in work.scope)


def overlap_h(work: Sequence[PlannedWork], start: datetime, end: datetime) -> float:
    """Hours of `[start, end)` that lie in any of the windows."""
    total, reached = timedelta(0), start
    for window in sorted(work, key=lambda w: w.start):
        begins, ends = max(reached, window.start), min(end, window.end)
        if ends > begins:
            total += ends - begins
            reached = ends
    return total.total_seconds() / 3600
