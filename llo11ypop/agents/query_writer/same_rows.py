"""Whether two readings came to the same rows, whatever their columns are called: what agreement of two minds means."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import combinations, islice
from typing import Any

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.question import Column

DIGITS = 6
"""Significant digits in which figures are the same: both come from the same store (our choice)."""

CHOICES = 60
"""Choices of columns that are compared where one of the two has more (our choice: all of 3 out of 8)."""


def same_rows(
    one: Evidence, other: Evidence, columns: tuple[Column, ...], others: tuple[Column, ...], *, loose: bool = False
) -> bool | None:
    """Whether the described columns hold the same rows in any order; further columns of either are left aside.

    The first columns of the longer one are compared; with `loose` any of them, for two readings by the same mind.

    None where both are empty and were asked differently: that says nothing about the readings.
    """
    if not one.row_count and not other.row_count:
        return True if one.plan == other.plan else None
    sides = ((_names(one, columns), one), (_names(other, others), other))
    few, many = sorted(sides, key=lambda side: len(side[0]))
    wanted = _rows(few[1], few[0])
    return any(_rows(many[1], names) == wanted for names in islice(combinations(many[0], len(few[0])), CHOICES if loose else 1))


def _names(evidence: Evidence, columns: tuple[Column, ...]) -> list[str]:
    known = [c.name for c in columns if c.name in evidence.rows.column_names]
    return known or list(evidence.rows.column_names)


def _rows(evidence: Evidence, names: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(sorted(_cell(row[n]) for n in names)) for row in evidence.rows.select(list(names)).to_pylist())


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, (int, float)):
        return "nan" if math.isnan(value) else f"{float(value):.{DIGITS}g}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
