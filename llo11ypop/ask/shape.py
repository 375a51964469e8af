"""What a result looks like: which columns are dimensions, time and measures, and how its rows are ordered."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from llo11ypop.core.question import Column, Result
from llo11ypop.language.scope import Scope

_ADDITIVE = frozenset({"count", "sum", "increase"})


@dataclass(frozen=True)
class Shape:
    """A result by the roles of its columns."""

    result: Result

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The described columns that the rows really have."""
        return tuple(c for c in self.result.columns if c.name in self.result.rows.column_names)

    @cached_property
    def dimensions(self) -> tuple[Column, ...]:
        """What rows are about; figures of a single row that name nothing are measures."""
        named = tuple(c for c in self.columns if c.role == "dimension" and not self._fractions(c))
        return () if self.count == 1 and all(self._figures(c) for c in named) else named

    @cached_property
    def time(self) -> Column | None:
        """When; none when rows are not over time."""
        return next((c for c in self.columns if c.role == "time"), None)

    @cached_property
    def measures(self) -> tuple[Column, ...]:
        """The figures, those that are called so first; text that stands in a measure column is none."""
        found = [c for c in self.columns if c.role != "time" and c not in self.dimensions and self._figures(c)]
        return tuple(sorted(found, key=lambda c: c.role != "measure"))

    def _fractions(self, column: Column) -> bool:
        """Nothing is named by a number with a fraction."""
        return bool(pa.types.is_floating(self.result.rows.column(column.name).type))

    def _figures(self, column: Column) -> bool:
        return is_number(self.result.rows.column(column.name).type)

    @property
    def count(self) -> int:
        """Rows."""
        return int(self.result.rows.num_rows)

    def values(self, column: Column) -> list[Any]:
        """A column's cells."""
        return list(self.result.rows.column(column.name).to_pylist())

    def distinct(self, column: Column) -> int:
        """How many different values a column has."""
        return len([v for v in self.result.rows.column(column.name).unique().to_pylist() if v is not None])

    def ordered(self, column: Column) -> str:
        """'desc', 'asc' or '' as a measure's known cells run."""
        known = [v for v in self.values(column) if v is not None]
        if len(known) < 2 or known[0] == known[-1]:  # noqa: PLR2004 - one has no order
            return ""
        pairs = list(pairwise(known))
        return "desc" if all(a >= b for a, b in pairs) else "asc" if all(a <= b for a, b in pairs) else ""

    def empty_measures(self) -> bool:
        """Whether there are rows, yet no measure has a value: nothing was read, which is not zero."""
        return bool(self.count and self.measures) and all(
            self.result.rows.column(c.name).null_count == self.count for c in self.measures
        )

    def thing(self, row: int, most: int = 3) -> str:
        """What a row is about, in words."""
        cells = [(c, v) for c in self.dimensions if (v := self.values(c)[row]) is not None][:most]
        words = [f"{c.label} {v}" if isinstance(v, (int, float)) else str(v) for c, v in cells]
        return f"{words[0]} ({', '.join(words[1:])})" if len(words) > 1 else words[0] if words else "(none)"


def is_number(kind: pa.DataType) -> bool:
    """Whether cells of this type are figures."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def additive(scope: Scope, column: Column) -> bool:
    """Whether the cells of a measure may be added up: counts and sums, never distinct counts, rates or means."""
    if scope.per or scope.share:
        return False
    known = next((m for m in scope.measures if m.name == column.name), None)
    return known is not None and not known.recipe and known.agg in _ADDITIVE


def biggest(table: pa.Table, column: str, most: int) -> pa.Table:
    """The rows with the largest values, in their own order."""
    if table.num_rows <= most:
        return table
    top = pc.sort_indices(table, sort_keys=[(column, "descending")]).slice(0, most)
    return table.take(top.take(pc.sort_indices(top)))
