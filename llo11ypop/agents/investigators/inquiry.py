"""One investigation under way: the question's scope, plans run against the store, and everything that was read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from llo11ypop.agents.investigators.records import Cause, Ground, Investigated
from llo11ypop.agents.investigators.tables import Row, table
from llo11ypop.core.errors import UnknownNameError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.question import Column, Result
from llo11ypop.core.window import Window
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Condition
from llo11ypop.query.plan import Plan

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Inquiry:
    """What one investigator works with. Not shared between questions."""

    reading: Reading
    ground: Ground
    evidence: dict[str, Evidence] = field(default_factory=dict)
    """Everything read so far, by evidence id."""
    notes: list[str] = field(default_factory=list)
    last: dict[str, Evidence] = field(default_factory=dict)
    """The latest evidence by the plan's name."""

    @property
    def at(self) -> datetime:
        """The instant of the question."""
        return self.ground.at

    def window(self, default: timedelta, *, recent: bool = False) -> Window:
        """The window of the question, cut off at its instant; the given length up to it where there is none.

        `recent` looks at the given length also where the question named no time, and says so: what is slow or idle is so now.
        """
        asked = self.reading.scope.window
        if asked is None or asked.start_at >= self.at or (recent and asked.defaulted):
            chosen = Window.trailing(self.at, default)
            if asked is not None:
                self.note(f"looked at {chosen.start:%Y-%m-%d %H:%MZ} to {chosen.end:%Y-%m-%d %H:%MZ}")
            return chosen
        return Window(asked.start_at, min(asked.end_at, self.at))

    def span(self, window: Window) -> dict[str, timedelta]:
        """A window as a plan's span before the instant of the question."""
        return {"start": self.at - window.start, "end": max(timedelta(0), self.at - window.end)}

    def where(self, dataset: str, *more: str, leave_out: Iterable[str] = ()) -> str | None:
        """The question's filters that a dataset knows, and further conditions, as one expression; None without any.

        A filter that the dataset cannot apply is said in the notes, never dropped in silence.
        """
        parts = [m for m in more if m]
        for condition in self.reading.scope.filters:
            if condition.field in leave_out:
                continue
            if not self.knows(dataset, condition.field):
                self.note(
                    f"{dataset} knows no {condition.field}: its rows are not limited to {condition.words or condition.field}"
                )
                continue
            parts.append(expression(condition))
        return " and ".join(f"({p})" for p in parts) or None

    def knows(self, dataset: str, name: str) -> bool:
        """Whether a dataset can be filtered by a field or dimension."""
        try:
            self.ground.catalog.route(dataset, name)
        except UnknownNameError:
            return False
        return True

    def note(self, text: str) -> None:
        """Say something beside the answer, once."""
        if text not in self.notes:
            self.notes.append(text)

    async def ask(self, plans: Mapping[str, Mapping[str, Any] | Plan], at: datetime | None = None) -> dict[str, list[Row]]:
        """Rows of each plan by its name; instants in them are aware. Raises StoreError; a retry helps when it is transient.

        What this fleet does not export, or its store cannot say, gives no rows and a note.
        """
        typed = {name: p if isinstance(p, Plan) else Plan.model_validate(without_none(p)) for name, p in plans.items()}
        found = await self.ground.store.run_many(typed, at or self.at)
        self.last |= found
        for evidence in found.values():
            self.evidence[evidence.id] = evidence
            if evidence.status is EvidenceStatus.NOT_EXPORTED:
                self.note(f"not exported here: {', '.join(evidence.missing)}")
            if evidence.status is EvidenceStatus.UNREAD:
                self.note(f"not read: {evidence.note}")
        return {name: rows_of(evidence) for name, evidence in found.items()}

    def missing(self, name: str) -> bool:
        """Whether a plan's data is not there at all: not exported, not read, or nothing arrived."""
        return self.last[name].status.tells_nothing

    def ids(self, *names: str) -> tuple[str, ...]:
        """Evidence ids of plans by name."""
        return tuple(self.last[name].id for name in names if name in self.last)

    def found(
        self,
        sentence: str,
        columns: Sequence[Column],
        rows: Sequence[Mapping[str, Any]],
        causes: Sequence[Cause] = (),
        *,
        confident: bool = False,
        truncated: bool = False,
    ) -> Investigated:
        """The finding with everything that was read."""
        notes = tuple(self.notes)
        result = Result(tuple(columns), table(columns, rows), tuple(self.evidence.values()), truncated, notes)
        return Investigated(sentence, result, tuple(causes), confident, notes)


def rows_of(evidence: Evidence) -> list[Row]:
    """Rows with aware instants."""
    rows: list[Row] = evidence.rows.to_pylist()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, datetime) and value.tzinfo is None:
                row[name] = value.replace(tzinfo=UTC)
    return rows


def without_none(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan's JSON without keys that are None, so that an absent filter may be written."""
    return {k: without_none(v) if isinstance(v, Mapping) else v for k, v in plan.items() if v is not None}


def expression(condition: Condition) -> str:
    """A filter as an expression over the catalog's fields."""
    name, values = condition.field, condition.values
    match condition.op:
        case "in" | "not in":
            return f"{name} {condition.op} ({', '.join(literal(v) for v in values)})"
        case "between":
            return f"{name} >= {literal(values[0])} and {name} <= {literal(values[1])}"
        case "outside":
            return f"{name} < {literal(values[0])} or {name} > {literal(values[1])}"
        case "contains":
            return " or ".join(f"contains({name}, {literal(v)})" for v in values)
        case "expr":
            return str(values[0])
        case op:
            return f"{name} {op} {literal(values[0])}"


def literal(value: str | float) -> str:
    """A value as an expression writes it; the compiler makes it a parameter."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"{value:g}"


def any_of(field_name: str, values: Iterable[str]) -> str:
    """A condition that a field is one of some names; never true for none."""
    names = sorted(set(values))
    return (
        f"{field_name} in ({', '.join(literal(v) for v in names)})"
        if names
        else f"{field_name} is null and {field_name} is not null"
    )
