"""What is true of a fleet: each case's hand-written SQL over the file, on a plain connection that the system never sees.

All truths of a fleet are read first and the connection is closed again: DuckDB locks an opened file's settings for the whole
process, and the system's own lock-down must not depend on ours.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from llo11ypop.core.errors import ConfigError
from llo11ypop.core.window import Window
from llo11ypop.evals.fleet_score import read_meta
from llo11ypop.evals.suite.case import Case, ComponentCase, Expect, Match
from llo11ypop.evals.suite.instants import resolve_instant
from llo11ypop.evals.suite.loading import AnyCase, fill
from llo11ypop.evals.suite.rows import Table, same_rows, table
from llo11ypop.simulator.truth import truth_path

MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Truth:
    """One expectation's truth."""

    accepted: tuple[Table, ...] = ()
    """Rows of `sql`, then of every accepted reading."""
    fact: str = ""
    """What the sentence must mean."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing: no rows, or only zeros."""
        return bool(self.accepted) and all(t.empty for t in self.accepted)

    def holds(self, got: Table, match: Match, *, ordered: bool) -> bool:
        """Whether rows are those of the expectation or of another accepted reading.

        Where there is something to find, a reading under which nothing is found makes no answer right, nor does an answer
        without rows pass as a reading's zero.
        """
        readings = self.accepted
        if readings and not readings[0].empty:
            readings = tuple(t for t in readings if t.rows) if got.rows else readings[:1]
        return any(same_rows(t, got, match, ordered=ordered) for t in readings)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case on one fleet: values known, instant fixed, truth read."""

    case: AnyCase
    at: datetime
    fleet: Window
    values: Mapping[str, str] = field(default_factory=dict)
    truths: tuple[Truth, ...] = ()
    """One per turn."""
    missing: str = ""
    """Why the case does not apply to this fleet; empty when it does."""
    error: str = ""
    """What is wrong with the case's SQL here: a harness error, not the system's."""

    def said(self, text: str) -> str:
        """A text of the case with its values in place."""
        return fill(text, dict(self.values))


def prepare(cases: Iterable[AnyCase], fleet: Path) -> tuple[Prepared, ...]:
    """Read the truth of every case from a fleet file. Raises StoreError for a file that is not a fleet."""
    meta = read_meta(fleet)
    span = Window(meta.start_at, meta.end_at)
    with duckdb.connect(str(fleet), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _attach_truth(connection, fleet)
        return tuple(_prepared(case, connection, span) for case in cases)


def _attach_truth(connection: duckdb.DuckDBPyConnection, fleet: Path) -> None:
    path = truth_path(fleet)
    if path.exists():
        connection.execute("CREATE TEMP TABLE truth AS SELECT * FROM read_json(?, format='newline_delimited')", [str(path)])


def _prepared(case: AnyCase, connection: duckdb.DuckDBPyConnection, fleet: Window) -> Prepared:
    at = _whole(resolve_instant(case.at, fleet))
    times = {"at": at, "start": fleet.start, "end": fleet.end}
    literals = {name: f"TIMESTAMP '{moment.replace(tzinfo=None)}'" for name, moment in times.items()}
    values: dict[str, str] = {}
    try:
        for name, sql in case.values.items():
            row = connection.execute(fill(sql, literals | _quoted(values))).fetchone()
            if row is None or row[0] is None:
                return Prepared(case, at, fleet, values, missing=f"this fleet has no {name}")
            values[name] = _shown(row[0])
        truths = tuple(_truth(e, connection, literals, values) for e in _expectations(case))
    except duckdb.Error as bad:
        return Prepared(case, at, fleet, values, error=f"truth: {str(bad).splitlines()[0]}")
    return Prepared(case, at, fleet, values, truths)


def _whole(at: datetime) -> datetime:
    """Whole seconds: an instant as people say it."""
    return at.replace(microsecond=0) + (timedelta(seconds=1) if at.microsecond else timedelta(0))


def _expectations(case: AnyCase) -> tuple[Expect, ...]:
    if isinstance(case, Case):
        return tuple(turn.expect for turn in case.asked)
    known = {k: v for k, v in case.expect.items() if k in ("sql", "accept", "match", "ordered", "fact")}
    return (Expect.model_validate(known),) if "sql" in known or "fact" in known else (Expect(),)


def _truth(
    expect: Expect, connection: duckdb.DuckDBPyConnection, literals: Mapping[str, str], values: Mapping[str, str]
) -> Truth:
    def rows(sql: str) -> Table:
        return table(connection.execute(fill(sql, {**literals, **_quoted(values)})).fetchmany(MOST_ROWS))

    accepted = tuple(rows(sql) for sql in ((expect.sql, *expect.accept) if expect.sql else ()))
    fact = fill(expect.fact.answer, dict(values)) if expect.fact else ""
    if expect.fact and expect.fact.sql:
        found = rows(expect.fact.sql).rows
        fact = _shown(found[0][0]) if found and found[0][0] is not None else ""
    return Truth(accepted, fact)


def _quoted(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value.replace("'", "''") for name, value in values.items()}


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        at = value if value.tzinfo else value.replace(tzinfo=UTC)
        return at.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return repr(round(value, 3))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def check_sql(cases: Iterable[AnyCase], fleet: Path) -> list[str]:
    """One line per case whose SQL fails on a fleet, does not apply to it, or gives nothing although an answer is expected."""
    lines = []
    for prepared in prepare(cases, fleet):
        case = prepared.case
        if prepared.error:
            lines.append(f"{case.id}: {prepared.error}")
        elif prepared.missing:
            lines.append(f"{case.id}: left out, {prepared.missing}")
        elif isinstance(case, Case):
            for number, (turn, truth) in enumerate(zip(case.asked, prepared.truths, strict=True), 1):
                if turn.expect.sql and truth.accepted and not truth.accepted[0].rows and turn.expect.answerable:
                    lines.append(f"{case.id}: turn {number}: the truth has no rows")
                if turn.expect.fact and turn.expect.fact.sql and not truth.fact:
                    lines.append(f"{case.id}: turn {number}: the fact has no value")
    return lines


def only(cases: Iterable[AnyCase], wanted: Iterable[str]) -> tuple[AnyCase, ...]:
    """The cases with one of these tags, ids, levels, analysts or agents. Raises ConfigError when none is left."""
    keys = set(wanted)
    kept = tuple(c for c in cases if not keys or keys & _keys(c))
    if not kept:
        raise ConfigError(f"no case is tagged {', '.join(sorted(keys))}", next_step="give a tag, an id, a level or an analyst")
    return kept


def _keys(case: AnyCase) -> set[str]:
    named = {case.level, case.analyst} if isinstance(case, Case) else {"component", case.agent, case.analyst or ""}
    return {case.id, *case.tags, *named, re.sub(r"-.*", "", case.id)}


__all__ = ["ComponentCase", "Prepared", "Truth", "check_sql", "only", "prepare"]
