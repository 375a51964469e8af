"""Whether two readings came to the same rows, whatever their columns are called: what agreement of two minds means."""

import math
from collections import Counter
from datetime import datetime
from typing import Any

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.question import Column

DIGITS = 6
"""Significant digits in which figures are the same: both come from the same store (our choice)."""


def same_rows(one: Evidence, other: Evidence, columns: tuple[Column, ...], others: tuple[Column, ...]) -> bool | None:
    """Whether the described columns hold the same rows in any order; further columns of either are left aside.

    None where both are empty and were asked differently: that says nothing about the readings.
    """
    if not one.row_count and not other.row_count:
        return True if one.plan == other.plan else None
    shared = min(len(_names(one, columns)), len(_names(other, others)))
    return _rows(one, columns, shared) == _rows(other, others, shared)


def _names(evidence: Evidence, columns: tuple[Column, ...]) -> list[str]:
    known = [c.name for c in columns if c.name in evidence.rows.column_names]
    return known or list(evidence.rows.column_names)


def _rows(evidence: Evidence, columns: tuple[Column, ...], most: int) -> Counter[tuple[str, ...]]:
    names = _names(evidence, columns)[:most]
    return Counter(tuple(sorted(_cell(row[n]) for n in names)) for row in evidence.rows.select(names).to_pylist())


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, (int, float)):
        return "nan" if math.isnan(value) else f"{float(value):.{DIGITS}g}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
