"""What a page says: an alert event of PagerDuty's Events API v2 about one proposal, or about a storm of them."""

from collections.abc import Sequence
from typing import Any

from llo11ypop.channels.blocks import clean, value
from llo11ypop.channels.outbox import News
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.window import iso

Json = dict[str, Any]
SUMMARY_LONGEST = 1024
"""PagerDuty's limit of a summary."""
NAMED, ROWS = 20, 5


def page(news: News, severity: str, links: Sequence[Json], console_url: str) -> Json:
    """The event about one proposal."""
    p = news.proposal
    return _event(
        {
            "summary": clean(f"{p.severity} {p.title}", SUMMARY_LONGEST),
            "source": clean(p.entities[0] if p.entities else "fleet", 200),
            "severity": severity,
            "timestamp": iso(p.since),
            "component": clean(p.cause, 100),
            "group": str(p.queue),
            "class": clean(p.cause_title, 200),
            "custom_details": details(news),
        },
        links,
        console_url,
    )


def details(news: News) -> Json:
    """What the person who is woken needs to decide."""
    p = news.proposal
    first = news.evidence[0].rows.slice(0, ROWS).to_pylist() if news.evidence else []
    return {
        "what": clean(p.summary),
        "cause": clean(f"{p.cause} {p.cause_title}, confidence {p.confidence:.0%}", 200),
        "where": [clean(e, 80) for e in p.entities[:NAMED]],
        "since": iso(p.since),
        "why": [clean(w, 300) for w in p.why[:NAMED]],
        "proposed action": str(p.action.name),
        "arguments": {clean(k, 60): value(v, 200) for k, v in p.action.arguments.items()},
        "must not be done": [str(a) for a in p.forbidden_actions],
        "blast radius": {clean(k, 60): value(v) for k, v in p.blast_radius.items()},
        "if nothing is done": clean(p.if_nothing_done),
        "evidence": [{clean(k, 60): value(v) for k, v in row.items()} for row in first],
        "to answer": "a note whose first line is '/approve', '/reject noise: why' or '/duplicate'; or in the console",
        "proposal": p.id,
    }


def storm(members: Sequence[Proposal], count: int, links: Sequence[Json], console_url: str) -> Json:
    """The event about many proposals at once; `members` are those that are still known, oldest first."""
    first = members[0]
    summary = (
        f"Storm: {count} more proposals that would page since {iso(first.created_at)}; first: {first.severity} {first.title}"
    )
    listed = [clean(f"{p.severity} {p.title} ({p.id})", 300) for p in members[:NAMED]]
    return _event(
        {
            "summary": clean(summary, SUMMARY_LONGEST),
            "source": "llo11ypop",
            "severity": "critical",
            "timestamp": iso(first.created_at),
            "class": "storm",
            "custom_details": {
                "proposals": listed,
                "more": max(0, count - len(listed)),
                "to answer": "in the console, one by one: this page stands for all of them",
            },
        },
        links,
        console_url,
    )


def _event(payload: Json, links: Sequence[Json], console_url: str) -> Json:
    event: Json = {"payload": payload, "client": "LLo11yPop"}
    if console_url:
        event["client_url"] = console_url
    return {**event, "links": list(links)} if links else event
