"""Whether an answer's rows are the expected ones: any column names, extra columns allowed, counts exact, measured values nearly.

Strict where a mistake hides: an integer of the truth is a count and must be equal; a row too many is wrong unless all its counts
are zero, since a group without rows and a group that counts zero are the same statement.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from llo11ypop.core.question import Column
from llo11ypop.evals.suite.case import Match

TOLERANCE = 0.006
"""Relative; of values that are not counts (the tolerance the prototype was scored with)."""
MOST_MAPPINGS = 2000
Row = tuple[Any, ...]

_SCALES: dict[str, tuple[float, ...]] = {
    "%": (0.01,), "1": (100.0,), "s": (1 / 60, 1 / 3600, 1 / 86400, 1000.0), "ms": (0.001,), "us": (0.001, 1e-6),
    "min": (60.0, 1 / 60), "h": (3600.0, 60.0, 1 / 24), "d": (24.0, 86400.0),
    "By": (1e-3, 1e-6, 1e-9, 1e-12, 2**-30, 2**-40), "By/s": (1e-3, 1e-6, 1e-9, 1e-12, 2**-30),
    "GBy": (1e9, 1e-3), "MBy": (1e6, 1e-3), "W": (1e-3,), "kW": (1e3,), "Wh": (1e-3,), "kWh": (1e3,),
}  # fmt: skip
"""Unit of an answer's column → factors to units that a truth may be written in."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with what is known of their columns."""

    rows: tuple[Row, ...]
    units: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether it says nothing: no rows, or only zeros and blanks where there are numbers at all."""
        return not self.rows or all(_blank(row) for row in self.rows)


def table(rows: Sequence[Sequence[Any]], columns: Sequence[Column] = ()) -> Table:
    """Rows made comparable: instants naive UTC, blanks None, decimals floats."""
    plain = tuple(tuple(_plain(v) for v in row) for row in rows)
    width = len(plain[0]) if plain else 0
    return Table(plain, tuple(c.unit for c in columns) if len(columns) == width else ("",) * width)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None, microsecond=0) if value.tzinfo else value.replace(microsecond=0)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - telemetry is naive UTC
    if isinstance(value, float) and math.isnan(value):
        return None
    if hasattr(value, "total_seconds"):
        return float(value.total_seconds())
    if isinstance(value, str):
        return _text(value)
    return value


_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|\+00:00)?")


def _text(value: str) -> Any:
    text = value.strip()
    if _INSTANT.fullmatch(text):
        return _plain(datetime.fromisoformat(text.replace("Z", "+00:00")))
    return text or None


def same_cell(expected: Any, got: Any, unit: str = "") -> bool:
    """Whether two cells mean the same; `unit` is that of the answer's column."""
    if expected is None or got is None:
        return expected is got
    if isinstance(expected, bool) or isinstance(got, bool):
        return bool(_truth(expected) == _truth(got))
    if isinstance(expected, (int, float)) and isinstance(got, (int, float)):
        return any(_same_number(expected, got * scale) for scale in (1.0, *_SCALES.get(unit, ())))
    if isinstance(expected, str) and isinstance(got, str):
        return expected.casefold() == got.casefold()
    if isinstance(expected, (int, float)) != isinstance(got, (int, float)):
        return str(expected) == str(got)
    return bool(expected == got)


def _truth(value: Any) -> Any:
    return {"yes": True, "true": True, "no": False, "false": False, 1: True, 0: False}.get(
        value.casefold() if isinstance(value, str) else value, value
    )


def _same_number(expected: float, got: float) -> bool:
    if isinstance(expected, int):
        return math.isclose(expected, got, rel_tol=1e-9, abs_tol=1e-9)
    return math.isclose(expected, got, rel_tol=TOLERANCE, abs_tol=1e-9)


def _blank(row: Row) -> bool:
    numbers = [v for v in row if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return all(v is None for v in row) or (bool(numbers) and all(v == 0 for v in numbers))


def same_rows(expected: Table, got: Table, match: Match, *, ordered: bool = False) -> bool:
    """Whether the answer's rows are the expected ones in the sense of `match`.

    rows: the same rows; value: one of the answer's rows holds the expected row and there is only one that could be meant;
    set: the same members of the first column; contains: the expected rows are among them; top1: the first row is the expected.
    """
    if not expected.rows:
        return not got.rows or got.empty
    if match == "set":
        expected = Table(tuple(dict.fromkeys((r[0],) for r in expected.rows)), expected.units[:1])
        return any(_same_set(expected, got, column) for column in range(len(got.units)))
    if match == "top1":
        first = Table(got.rows[:1], got.units)
        return any(_matched(Table((row,), expected.units), first, exact=True, ordered=False) for row in expected.rows)
    if match == "value":
        return len(got.rows) == 1 and _matched(Table(expected.rows[:1], expected.units), got, exact=True, ordered=False)
    if match == "contains":
        return _matched(expected, got, exact=False, ordered=ordered)
    if not got.rows and expected.empty:
        return True
    return _matched(expected, got, exact=True, ordered=ordered) or _matched(
        _solid(expected), got, exact=True, ordered=ordered, zeros=False
    )


def _solid(given: Table) -> Table:
    """Without the rows that only count zero."""
    return Table(tuple(r for r in given.rows if not _counts_nothing(r)), given.units)


def _counts_nothing(row: Sequence[Any]) -> bool:
    return _blank(tuple(row)) and any(v == 0 and isinstance(v, (int, float)) for v in row)


def _same_set(expected: Table, got: Table, column: int) -> bool:
    values = list(dict.fromkeys(r[column] for r in got.rows))
    return len(values) == len(expected.rows) and all(
        any(same_cell(e[0], v, got.units[column]) for v in values) for e in expected.rows
    )


def _matched(expected: Table, got: Table, *, exact: bool, ordered: bool, zeros: bool = True) -> bool:
    """Whether some assignment of the answer's columns to the expected ones makes the rows agree.

    Without `zeros`, rows of the answer in which those columns count nothing do not matter.
    """
    if not expected.rows or not got.rows:
        return not expected.rows and (not (got.rows if zeros else _solid(got).rows) or not exact)
    if len(expected.rows) > len(got.rows) or (exact and zeros and len(expected.rows) != len(got.rows)):
        return False
    width, columns = len(expected.rows[0]), range(len(got.units))
    candidates = [[c for c in columns if _column_fits(expected, i, got, c)] for i in range(width)]
    tried = 0
    for mapping in _assignments(candidates):
        tried += 1
        if tried > MOST_MAPPINGS:
            return False
        rows = got.rows if zeros else tuple(r for r in got.rows if not _counts_nothing([r[c] for c in mapping]))
        if (zeros or len(rows) == len(expected.rows)) and _rows_fit(expected, Table(rows, got.units), mapping, ordered):
            return True
    return False


def _column_fits(expected: Table, index: int, got: Table, column: int) -> bool:
    values = {r[column] for r in got.rows}
    wanted = {r[index] for r in expected.rows}
    unit = got.units[column]
    return all(w in values or any(same_cell(w, v, unit) for v in values) for w in wanted)


def _assignments(candidates: list[list[int]], taken: tuple[int, ...] = ()) -> Any:
    if len(taken) == len(candidates):
        yield taken
        return
    for column in candidates[len(taken)]:
        if column not in taken:
            yield from _assignments(candidates, (*taken, column))


def _rows_fit(expected: Table, got: Table, mapping: tuple[int, ...], ordered: bool) -> bool:
    units = [got.units[c] for c in mapping]
    left = [tuple(row[c] for c in mapping) for row in got.rows]
    if ordered and len(left) == len(expected.rows):
        return all(_row_fits(e, g, units) for e, g in zip(expected.rows, left, strict=True))
    index: dict[Any, list[int]] = {}
    for number, row in enumerate(left):
        index.setdefault(_key(row), []).append(number)
    used: set[int] = set()
    last = -1
    for row in expected.rows:
        near = index.get(_key(row), range(len(left)))
        found = next((n for n in near if n not in used and (not ordered or n > last) and _row_fits(row, left[n], units)), None)
        if found is None:
            found = next(
                (n for n, g in enumerate(left) if n not in used and n > last * ordered and _row_fits(row, g, units)), None
            )
        if found is None:
            return False
        used.add(found)
        last = found
    return True


def _key(row: Row) -> Any:
    """The texts of a row: rows that agree have the same, so that most pairs need not be compared."""
    return tuple(v.casefold() if isinstance(v, str) else None for v in row)


def _row_fits(expected: Row, got: Row, units: Sequence[str]) -> bool:
    return all(same_cell(e, g, u) for e, g, u in zip(expected, got, units, strict=True))
