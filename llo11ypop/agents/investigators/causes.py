"""The most likely causes of what happened in a window: playbook hypotheses over all areas, by cost and by strength of signs."""

from collections.abc import Sequence
from datetime import timedelta

from llo11ypop.agents.investigators.hypotheses import SUSPECT_COLUMNS, Scene, Suspect, hypotheses, row_of
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.losses import nodes_of
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, minute, said
from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Level

DEFAULT_WINDOW = timedelta(hours=12)
DEFAULT_TOP = 5
PLACES = (
    ("site", Level.SITE), ("cluster", Level.CLUSTER), ("row", Level.ROW), ("rack", Level.RACK), ("node_id", Level.NODE),
)  # fmt: skip
"""Fields of a filter that name a place."""
SURE = 0.6
"""Strength of signs from which a cause is stated with confidence (our assumption)."""


async def causes(inquiry: Inquiry) -> Investigated:
    """Rank the causes of a window. Unknown when no known signature matched."""
    window = inquiry.window(DEFAULT_WINDOW)
    scene = await hypotheses(inquiry, window, within=places(inquiry))
    explain_exclusions(inquiry, scene)
    inquiry.note(
        "ranked by GPU-hours lost beyond what would have been lost anyway, by how many nodes it touches, by how serious such a "
        "thing is, and by the strength of the signs; "
        "a loss at the same place and time is a correlation"
    )
    top = scene.suspects[: inquiry.reading.scope.top or DEFAULT_TOP]
    rows = [row_of(s, rank, inquiry.ground.topology) for rank, s in enumerate(top, start=1)]
    if not top:
        return inquiry.found(unknown(inquiry, scene), SUSPECT_COLUMNS, [])
    sure = top[0].strength >= SURE and not all(s.older for s in top)
    return inquiry.found(sentence(rows), SUSPECT_COLUMNS, rows, [cause_of(s) for s in top], confident=sure)


def places(inquiry: Inquiry) -> frozenset[str] | None:
    """The nodes of the places that the question names, as filters or as what it is about; None for the whole fleet."""
    scope, found = inquiry.reading.scope, None
    for name, level in PLACES:
        about = scope.entity(name)
        values = {*scope.values(name), *([about] if about else [])}
        if values:
            mine = frozenset(n for v in values for n in nodes_of(Entity(level, v), inquiry.ground.topology))
            found = mine if found is None else found & mine
    return found


def sentence(rows: Sequence[Row]) -> str:
    """The first cause in full, and the others that were asked for by name."""
    first = rows[0]
    if all(row["new"] == "no" for row in rows):
        there = "; ".join(
            f"{lowered(row['cause'])} on {row['entity']} (since {minute(row['since'])})" for row in rows[:DEFAULT_TOP]
        )
        return f"Nothing known began in this window; what was there already: {there}."
    more = [lowered(f"{row['cause']} on {row['entity']}") for row in rows[1:DEFAULT_TOP]]
    since = f", there already since {minute(first['since'])}" if first["new"] == "no" else ""
    lead = f"Most likely: {lowered(first['cause'])} on {first['entity']}{since}"
    return lead + cost_of(first) + (f"; then {'; '.join(more)}." if more else ".")


def cost_of(row: Row) -> str:
    """What was lost there, beside what would have failed there anyway."""
    hours = f"{said(row['gpu_hours'])} GPU-hours lost"
    expected = f"({said(row['expected_failed_jobs'])} expected)"
    if row["lost_jobs"] == row["failed_jobs"] > 0:
        return f", with {count_of(row['failed_jobs'], 'failed job')} there {expected} and {hours}"
    if row["lost_jobs"]:
        return f", with {row['lost_jobs']} of {count_of(row['failed_jobs'], 'failed job')} there put down to it and {hours}"
    few = "without any job lost there"
    if row["failed_jobs"]:
        few = f"with no more failed jobs there than by chance, {row['failed_jobs']} {expected}"
    return f", {few} but with {hours}" if row["gpu_hours"] else f", {few}"


def lowered(title: str) -> str:
    """A title inside a sentence: small first letter unless it is an abbreviation."""
    return title if title[1:2].isupper() or not title else title[0].lower() + title[1:]


def unknown(inquiry: Inquiry, scene: Scene) -> str:
    """What is said when no signature matched."""
    count = len(scene.lost.jobs)
    inquiry.note(f"{count} failed jobs in the window, at no place more often than elsewhere by a known signature")
    return "Cause unknown: no known failure signature matched in this window, and nothing stands out."


def explain_exclusions(inquiry: Inquiry, scene: Scene) -> None:
    """Say what planned work accounts for, and how often the window was looked at."""
    for suspect in scene.excluded[:5]:
        inquiry.note(f"left out, planned work: {suspect.title.lower()} on {suspect.entity} ({suspect.planned})")
    inquiry.note(
        f"playbooks matched at {len(scene.instants)} instants of the window; what came and went between them may be missed"
    )


def cause_of(suspect: Suspect) -> Cause:
    """A hypothesis with what speaks for and against it."""
    for_ = list(suspect.lines)
    against = []
    if suspect.symptoms:
        for_.append(f"explains {len(suspect.symptoms)} other findings: {', '.join(suspect.symptoms[:4])}")
    if suspect.lost_jobs and suspect.failed_jobs > suspect.expected_jobs + 1:
        for_.append(f"{suspect.failed_jobs} jobs failed there, {suspect.expected_jobs:.1f} were to be expected")
    elif suspect.lost_jobs:
        for_.append(f"{count_of(suspect.lost_jobs, 'job')} failed there as it began or with the node")
    elif suspect.failed_jobs:
        against.append(
            f"the {suspect.failed_jobs} jobs that failed there are no more than elsewhere ({suspect.expected_jobs:.1f} expected)"
        )
    else:
        against.append("no job failed there while it lasted")
    return Cause(f"{suspect.title} on {suspect.entity}", round(suspect.score, 3), tuple(for_), tuple(against), suspect.evidence)
