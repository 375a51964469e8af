"""A proposal as Markdown that a site-reliability engineer reads in 30 seconds; console, tickets and threads use it.

Data from telemetry is only ever shown in code spans, code blocks and table cells, escaped.
"""

from collections.abc import Sequence
from typing import Any

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Proposal, ProposalStatus, ProposedAction
from llo11ypop.core.window import iso

ROWS = 5
COLUMNS = 8
QUERY_CHARACTERS = 1_200


async def to_markdown(proposal: Proposal, ledger: Ledger) -> str:
    """The whole proposal with its evidence, read from the ledger."""
    found = [await ledger.evidence(i) for i in proposal.evidence]
    return markdown(proposal, [e for e in found if e is not None])


def markdown(proposal: Proposal, evidence: Sequence[Evidence]) -> str:
    """The whole proposal; evidence that is not given any more is named as such."""
    p = proposal
    given = {e.id for e in evidence}
    gone = [f"- `{i}`: no longer kept" for i in p.evidence if i not in given]
    parts = [
        f"# {p.severity} · {line(p.title)}",
        f"{line(p.summary)}",
        _facts(p),
        _section("Why", [f"- {line(w)}" for w in p.why]),
        _section("Also considered", [f"- {line(a.cause)} ({a.confidence:.0%}): {line(a.why)}" for a in p.alternatives]),
        _section("Proposed action", _action(p.action)),
        _section("Other actions", [_action_line(a) for a in p.other_actions]),
        _section("Not to do", [f"- {a}" for a in p.forbidden_actions]),
        _section("Blast radius", [_radius(p.blast_radius)]),
        _section("If nothing is done", [line(p.if_nothing_done)]),
        _section("Success is measured by", [line(p.success_measure)]),
        _section("Symptoms attached", [_child(c) for c in p.children]),
        _section("Evidence", [evidence_markdown(e) for e in evidence] + gone),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def evidence_markdown(one: Evidence) -> str:
    """One piece of evidence: what was asked, what came back."""
    window = f", {one.window}" if one.window else ""
    cut = ", cut off by its limit" if one.truncated else ""
    estimate = ", estimated" if one.approximate else ""
    lines = [f"`{one.id}`: {one.status}, {one.row_count} row(s){cut}{estimate}{window}", ""]
    for query in one.queries:
        text = query.text if len(query.text) <= QUERY_CHARACTERS else query.text[:QUERY_CHARACTERS] + " …"
        lines += [f"```sql\n-- {query.engine}\n{text.replace('```', '')}\n```"]
        if query.params:
            lines += [f"with {', '.join(f'`{cell(v)}`' for v in query.params)}"]
        lines += [""]
    return "\n".join(lines + table(one))


def table(one: Evidence) -> list[str]:
    """The first rows as a Markdown table; nothing for no rows."""
    rows = one.rows.slice(0, ROWS).to_pylist()
    if not rows:
        return []
    names = list(rows[0])[:COLUMNS]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(cell(row[name]) for name in names)} |" for row in rows]
    left = one.row_count - len(rows)
    return lines + ([f"\n… and {left} more row(s)"] if left > 0 else [])


def line(text: str) -> str:
    """Text on one line, without what Markdown or HTML would act on."""
    flat = " ".join(text.split())
    return flat.replace("<", "&lt;").replace("`", "'").replace("[", "\\[").replace("|", "\\|")


def cell(value: Any) -> str:
    """One value of a table."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"  # noqa: PLR2004
    return line(str(value))[:80]


def _facts(p: Proposal) -> str:
    where = ", ".join(f"`{line(str(e))}`" for e in p.entities[:6])
    more = f" and {len(p.entities) - 6} more" if len(p.entities) > 6 else ""  # noqa: PLR2004
    seen = f", last seen {iso(p.last_seen_at)}" if p.last_seen_at else ""
    again = f", reopened {p.reopened}×" if p.reopened else ""
    return "\n".join(
        [
            f"- **Cause** {line(p.cause)} {line(p.cause_title)}, confidence {p.confidence:.0%}",
            f"- **Where** {where}{more}",
            f"- **Since** {iso(p.since)}{seen}{again}",
            f"- **Queue** {p.queue}, goal `{line(p.goal)}`, {_stands(p)}",
        ]
    )


def _stands(p: Proposal) -> str:
    if p.status is ProposalStatus.PENDING:
        return f"waits for an answer until {iso(p.expires_at)}"
    if p.status is ProposalStatus.SNOOZED and p.snoozed_until:
        return f"snoozed until {iso(p.snoozed_until)}"
    return p.status.value


def _section(title: str, lines: Sequence[str]) -> str:
    kept = [text for text in lines if text]
    return f"## {title}\n\n" + "\n".join(kept) if kept else ""


def _action(action: ProposedAction) -> list[str]:
    return [f"**{action.name}**", *(f"- {line(k)}: `{line(str(v))}`" for k, v in action.arguments.items())]


def _action_line(action: ProposedAction) -> str:
    arguments = ", ".join(f"{line(k)}={line(str(v))}" for k, v in action.arguments.items())
    return f"- {action.name} `{arguments}` (score {action.score:.2f})"


def _radius(radius: dict[str, Any]) -> str:
    return ", ".join(f"{line(k).replace('_', ' ')} {cell(v)}" for k, v in radius.items())


def _child(child: dict[str, Any]) -> str:
    return f"- {line(str(child.get('cause', '')))} on `{line(str(child.get('entity', '')))}`"
