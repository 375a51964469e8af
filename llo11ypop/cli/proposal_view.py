"""Proposals on a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Proposal, Verdict
from llo11ypop.core.vocabulary import Severity

_STYLE = {Severity.S1: "bold red", Severity.S2: "red", Severity.S3: "yellow", Severity.S4: "dim"}


def print_list(proposals: Sequence[Proposal]) -> None:
    """One line per proposal; says so when there is none."""
    console = Console()
    if not proposals:
        console.print("no proposals")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "sev", "status", "cause", "sure", "queue", "action", "since", "title"):
        table.add_column(name, no_wrap=name not in ("title",), overflow="fold")
    for p in proposals:
        table.add_row(
            p.id[:8],
            Text(p.severity, style=_STYLE[p.severity]),
            p.status.value,
            Text(p.cause),
            f"{p.confidence:.0%}",
            p.queue.value,
            p.action.name.value,
            f"{p.since:%m-%d %H:%M}Z",
            Text(p.title),
        )
    console.print(table)


def print_proposal(
    proposal: Proposal, evidence: Sequence[Evidence], verdicts: Sequence[Verdict], receipt: dict[str, Any] | None
) -> None:
    """The whole proposal, then what was answered and how to answer."""
    from llo11ypop.approvals.render import markdown

    console = Console()
    console.print(Markdown(markdown(proposal, evidence)))
    for v in verdicts:
        reason = f" ({v.reason_code})" if v.reason_code else ""
        console.print(Text(f"{v.at:%Y-%m-%d %H:%M}Z {v.rater}: {v.kind}{reason} {v.comment}".rstrip()))
    if receipt:
        console.print(Text(f"receipt: {receipt}"))
    if not verdicts:
        short = proposal.id[:8]
        console.print(Text(f"\nanswer: llo11ypop proposals approve {short}", style="bold"))
        console.print(Text(f"        llo11ypop proposals reject {short} --reason wrong_action", style="bold"))
