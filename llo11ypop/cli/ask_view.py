"""An answer on a terminal: the sentence, the table, where the chart is, how it was read, and what to ask next."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llo11ypop.core.question import AgentStep, Answer, Column, Status
from llo11ypop.language.figures import figure, moment, period

ROWS = 20
WIDEST = 60
QUERY = 700
"""Characters of a native query that are shown."""
_STYLE = {Status.ANSWERED: "bold", Status.NO_DATA: "bold yellow", Status.CLARIFY: "bold cyan"}
_DIRECTION = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def show(answer: Answer, console: Console, *, explain: bool = False) -> None:
    """Print it."""
    console.print(Group(*_parts(answer, explain)), soft_wrap=False)


def _parts(answer: Answer, explain: bool) -> Iterable[RenderableType]:
    yield Text(safe(answer.text), style=_STYLE.get(answer.status, "bold red"))
    if answer.result is not None and answer.result.rows.num_rows and answer.result.rows.num_columns:
        yield Padding(rows_table(answer), (1, 0, 0, 2))
        more = answer.result.rows.num_rows - ROWS
        if more > 0:
            yield Text(f"  … and {more:,} more rows (--csv prints all)", style="dim")
    yield Text("")
    yield facts(answer)
    if answer.followups:
        yield Text("\nAsk next", style="dim")
        yield from (Text(f"  {i}. {safe(f)}") for i, f in enumerate(answer.followups, 1))
    if explain:
        yield Text("")
        yield steps_table(answer.steps, answer.seconds)


def rows_table(answer: Answer) -> Table:
    """The first rows, figures as the text writes them."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    if answer.result is None:
        return table
    known = {c.name: c for c in answer.result.columns}
    columns = [known.get(n, Column(n, n.replace("_", " "), "dimension")) for n in answer.result.rows.column_names]
    for column in columns:
        table.add_column(safe(column.label), justify="right" if column.role == "measure" else "left", overflow="fold")
    for row in answer.result.rows.slice(0, ROWS).to_pylist():
        table.add_row(*(Text(_cell(row[c.name], c)) for c in columns))
    return table


def _cell(value: Any, column: Column) -> str:
    text = moment(value) if isinstance(value, datetime) else figure(value, column.unit)
    return clipped(safe(text), WIDEST)


def facts(answer: Answer) -> Table:
    """How it was read, over what, from where."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _facts(answer):
        if text:
            table.add_row(name, Text(safe(text)))
    return table


def _facts(answer: Answer) -> Iterable[tuple[str, str]]:
    yield "read as", answer.reading
    yield "window", f"{period(answer.window)} (UTC)" if answer.window else ""
    yield "means", answer.definition
    for note in answer.notes:
        yield "note", note
    yield "data", answer.freshness
    yield "chart", answer.chart.path if answer.chart else ""
    for query in answer.queries[:1]:
        values = ", ".join(map(str, query.params))
        yield "query", clipped(f"{query.engine}: {query.text}" + (f"  [{values}]" if values else ""), QUERY)
    if len(answer.queries) > 1:
        left = len(answer.queries) - 1
        yield "", f"and {left:,} more {'query' if left == 1 else 'queries'} (--json has them)"
    if answer.evidence:
        more = f" and {len(answer.evidence) - 1} more" if len(answer.evidence) > 1 else ""
        yield "evidence", f"{answer.evidence[0].id}{more}"
    yield "thread", answer.thread


def steps_table(steps: Iterable[AgentStep], seconds: float) -> Table:
    """Every agent's step with its time."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("agent")
    table.add_column("did", overflow="fold")
    table.add_column("ms", justify="right")
    for step in steps:
        table.add_row(step.agent, Text(safe(step.did)), f"{step.seconds * 1000:.1f}")
    table.add_row("whole turn", "", f"{seconds * 1000:.1f}")
    return table


def clipped(text: str, most: int) -> str:
    """Cut with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def safe(text: str) -> str:
    """Text from telemetry without what would steer a terminal: control characters and overrides of the writing direction."""
    return "".join(
        c
        if c == "\n" or (unicodedata.category(c) not in ("Cc", "Cs") and unicodedata.bidirectional(c) not in _DIRECTION)
        else "�"
        for c in text
    )
