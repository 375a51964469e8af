"""What a ticket says about a proposal, and what is said later: in the order in which an SRE asks."""

from collections.abc import Callable, Sequence

from llo11ypop.channels.blocks import Block, Bullets, Code, Grid, Heading, Link, Paragraph, clean, facts, value
from llo11ypop.channels.outbox import News
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.proposal import Proposal, ProposedAction
from llo11ypop.core.window import iso

SUMMARY_LONGEST = 255
"""Jira's limit of a summary."""
BODY_LONGEST = 30_000
"""Below Jira's default limit of 32,767 characters per text field."""
COLUMNS = 8
NAMED = 8
_DETAIL = ((4, 5, 600), (4, 5, 0), (3, 3, 0), (1, 2, 0), (0, 0, 0))
"""(evidence shown with rows, rows each, characters of its query), from much to little."""


def summary(proposal: Proposal) -> str:
    """The title line of a ticket."""
    return clean(f"[{proposal.severity}] {proposal.title}", SUMMARY_LONGEST)


def fitting(news: News, console_url: str, size: Callable[[Sequence[Block]], int]) -> list[Block]:
    """The body with as much of the evidence as fits; `size` is the length it has when rendered."""
    for tables, rows, query in _DETAIL:
        found = body(news, console_url, tables=tables, rows=rows, query=query)
        if size(found) <= BODY_LONGEST:
            break
    return found


def body(news: News, console_url: str, *, tables: int, rows: int, query: int) -> list[Block]:
    """The whole body."""
    p = news.proposal
    found: list[Block] = [Paragraph(clean(p.summary)), _facts(p)]
    found += _listed("Why", [clean(w, 300) for w in p.why])
    found += [Heading("Proposed action"), Paragraph(str(p.action.name)), *_arguments(p.action)]
    found += _listed("Must not be done", [str(a) for a in p.forbidden_actions])
    found += _listed(
        "Also considered", [f"{clean(a.cause, 60)} ({a.confidence:.0%}): {clean(a.why, 200)}" for a in p.alternatives]
    )
    found += [Heading("If nothing is done"), Paragraph(clean(p.if_nothing_done))] if p.if_nothing_done else []
    found += [Heading("Success is measured by"), Paragraph(clean(p.success_measure))] if p.success_measure else []
    found += [Heading("Evidence")]
    for number, one in enumerate(news.evidence):
        found += evidence(one, rows=rows if number < tables else 0, query=query if number < tables else 0)
    found += [Paragraph(how_to_answer(p))]
    if console_url:
        found.append(Link("Open in LLo11yPop", f"{console_url.rstrip('/')}/proposals/{p.id}"))
    found += [Link(clean(one.title, 80), one.url) for one in news.links]
    return [*found, Paragraph(f"Proposal {p.id}")]


def _facts(p: Proposal) -> Grid:
    named = ", ".join(clean(e, 80) for e in p.entities[:NAMED])
    more = f" and {len(p.entities) - NAMED} more" if len(p.entities) > NAMED else ""
    radius = ", ".join(f"{clean(k, 40).replace('_', ' ')} {value(v)}" for k, v in p.blast_radius.items())
    return facts(
        [
            ("Cause", clean(f"{p.cause} {p.cause_title}, confidence {p.confidence:.0%}", 200)),
            ("Where", named + more),
            ("Since", iso(p.since)),
            ("Severity", str(p.severity)),
            ("Queue", str(p.queue)),
            ("Blast radius", radius),
            ("Answer until", iso(p.expires_at)),
        ]
    )


def _listed(title: str, items: Sequence[str]) -> list[Block]:
    return [Heading(title), Bullets(tuple(items[:20]))] if items else []


def _arguments(action: ProposedAction) -> list[Block]:
    pairs = [(clean(name, 60), value(said, 200)) for name, said in action.arguments.items()]
    return [facts(pairs)] if pairs else []


def evidence(one: Evidence, *, rows: int, query: int) -> list[Block]:
    """One piece of evidence: what came back, the first rows, and what was asked."""
    state = "" if one.status is EvidenceStatus.OK else f" ({one.status.value.replace('_', ' ')})"
    window = f", {one.window}" if one.window else ""
    found: list[Block] = [Paragraph(f"{one.id}: {one.row_count} row(s){state}{window}")]
    shown = one.rows.slice(0, rows).to_pylist()
    if shown:
        names = list(shown[0])[:COLUMNS]
        found.append(Grid(tuple(clean(n, 60) for n in names), tuple(tuple(value(r[n]) for n in names) for r in shown)))
    if query and one.queries:
        text = " ".join(one.queries[0].text.split())
        found.append(Code(clean(f"-- {one.queries[0].engine}: {text}", query)))
    return found


def how_to_answer(p: Proposal) -> str:
    """What a reader can do from where they are. Arguments can be changed in the console only."""
    return (
        f"To answer here: a comment whose first line is '/approve' records your approval of {p.action.name} with exactly these "
        "arguments; '/reject noise: why' rejects it (wrong_target, wrong_action, wrong_cause, stale, already_known, too_risky, "
        "noise or other); '/duplicate OPS-1' says it is known. Nothing else in a comment is acted upon."
    )


def later(news: News) -> list[Block]:
    """The comment about what happened after the ticket was opened."""
    p, said, event = news.proposal, news.delivery.detail, news.delivery.event
    word = event.partition("-")[0]
    if word == "reopened":
        found: list[Block] = [Paragraph(f"Seen again ({iso(news.delivery.at)}): {clean(p.summary)}"), _facts(p)]
        found += _listed("Why", [clean(w, 300) for w in p.why])
    elif word == "approved":
        how = "with changes " if said.get("status") == "edit" else ""
        found = [Paragraph(f"Approved {how}by {_who(said.get('by'))}, {iso(news.delivery.at)}.")]
    else:
        found = [Paragraph(_end(news))]
    comment = clean(said.get("comment") or "", 1_000)
    if comment and word != "reopened":
        found.append(Paragraph(f"“{comment}”"))
    return [*found, Paragraph(marker(news))]


def _end(news: News) -> str:
    said, at = news.delivery.detail, iso(news.delivery.at)
    match said.get("status"):
        case "cleared":
            return f"The symptom went away by itself ({at}); nothing is left to do."
        case "reject":
            reason = str(said.get("reason_code") or "other").replace("_", " ")
            return f"Rejected by {_who(said.get('by'))}, {at}: {reason}."
        case "expired":
            return f"Nobody answered in time; the proposal expired ({at})."
        case "done":
            gone = {True: "the symptom is gone", False: "the symptom is still there"}.get(said.get("symptom_cleared"))  # type: ignore[arg-type]
            return f"Measured after the action ({at}): {gone or 'whether the symptom is gone cannot be told'}."
        case _:
            return f"Closed ({at})."


def _who(rater: object) -> str:
    return clean(rater or "somebody", 100)


def marker(news: News) -> str:
    """The last line of a comment of ours: by it we know that it was made."""
    return f"LLo11yPop {news.proposal.id} {news.delivery.event}"
