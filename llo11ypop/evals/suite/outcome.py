"""What the system said to one question, in the suite's words, and the port through which it is asked."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from llo11ypop.core.question import Answer, Status
from llo11ypop.evals.suite.grounded import Grounded, grounded
from llo11ypop.evals.suite.rows import Table, table

NOTHING = Table((), ())


class System(Protocol):
    """The system under test: `llo11ypop.ask` behind a fleet file, or a fake."""

    async def ask(self, question: str, at: datetime, thread: str) -> Answer:
        """Answer one question of a thread."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer as far as the suite judges it."""

    question: str
    status: Status
    text: str
    told: str
    """Sentence, reading, definition and notes: where a mention may stand."""
    rows: Table = NOTHING
    chart: str = ""
    datasets: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    followups: int = 0
    seconds: float = 0.0
    grounded: Grounded = field(default_factory=lambda: Grounded(0, ()))
    plans: str = ""
    """The plans of the evidence, to compare two readings of the same question."""


def outcome(answer: Answer, question: str) -> Outcome:
    """An answer in the suite's words."""
    rows = NOTHING
    if answer.result is not None and answer.status is not Status.NO_DATA:
        columns = answer.result.columns
        names = answer.result.rows.column_names
        rows = table(
            [tuple(row[n] for n in names) for row in answer.result.rows.to_pylist()],
            columns if len(columns) == len(names) else (),
        )
        rows = Table(rows.rows, rows.units or ("",) * len(names))
    told = "\n".join([answer.text, answer.reading, answer.definition, *answer.notes])
    checked = grounded(answer, question) if answer.status is Status.ANSWERED else Grounded(0, ())
    return Outcome(
        question, answer.status, answer.text, told, rows, answer.chart.kind if answer.chart else "",
        frozenset(d for e in answer.evidence for d in datasets_of(e.plan)), frozenset(a.value for a in answer.areas),
        len(answer.followups), answer.seconds, checked, str([e.plan for e in answer.evidence]),
    )  # fmt: skip


def datasets_of(plan: Any) -> set[str]:
    """The datasets that a plan's JSON reads."""
    found: set[str] = set()
    if isinstance(plan, dict):
        if isinstance(plan.get("dataset"), str):
            found.add(plan["dataset"])
        for value in plan.values():
            found |= datasets_of(value)
    elif isinstance(plan, (list, tuple)):
        for value in plan:
            found |= datasets_of(value)
    return found
