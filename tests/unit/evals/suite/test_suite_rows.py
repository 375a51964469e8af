"""When an answer's rows are the expected ones, and when they are not."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from llo11ypop.core.question import Column
from llo11ypop.evals.suite.rows import same_cell, same_rows, table

NAIVE = datetime.fromisoformat("2026-05-03")
A, B, C = ("c-a", 12), ("c-b", 9), ("c-c", 0)
Rows = list[tuple[Any, ...]]


@pytest.mark.parametrize(
    ("expected", "got", "match", "ordered", "same"),
    [
        ([A, B], [B, A], "rows", False, True),
        ([A, B], [B, A], "rows", True, False),
        ([A, B], [A, B], "rows", True, True),
        ([A, B], [(12, "x", "c-a"), (9, "y", "c-b")], "rows", False, True),
        ([A, B], [("c-a", 9), ("c-b", 12)], "rows", False, False),
        ([A, B], [A, ("c-b", 10)], "rows", False, False),
        ([A, B], [A, B, ("c-d", 1)], "rows", False, False),
        ([A, B], [A, B, C], "rows", False, True),
        ([A, B, C], [A, B], "rows", False, True),
        ([A, B], [("c-a", 12, 24), ("c-b", 9, 16), ("c-c", 0, 24)], "rows", False, True),
        ([A, B], [("c-a", 12, 24), ("c-b", 9, 16), ("c-c", 2, 0)], "rows", False, False),
        ([A, B], [A], "rows", False, False),
        ([A, A], [A, B], "rows", False, False),
        ([A, B], [A, B, ("c-d", 1)], "contains", False, True),
        ([B, A], [A, B, ("c-d", 1)], "contains", True, False),
        ([A], [B], "contains", False, False),
        ([("c-a",), ("c-b",)], [("c-b", 1), ("c-a", 2)], "set", False, True),
        ([("c-a",), ("c-b",)], [("c-b", 1), ("c-a", 2), ("c-c", 3)], "set", False, False),
        ([A, B], [A, ("c-b", 1)], "top1", False, True),
        ([A, B], [("c-c", 50), A], "top1", False, False),
        ([(12,)], [(12,)], "value", False, True),
        ([(12,)], [("jobs", 12, 3)], "value", False, True),
        ([(12,)], [(12,), (13,)], "value", False, False),
        ([(12,)], [(13,)], "value", False, False),
        ([(0,)], [], "value", False, False),
        ([], [], "rows", False, True),
        ([], [("c-a", 0)], "rows", False, True),
        ([], [A], "rows", False, False),
    ],
)  # fmt: skip
def test_rows_are_compared_as_the_case_says(expected: Rows, got: Rows, match: Any, ordered: bool, same: bool) -> None:
    assert same_rows(table(expected), table(got), match, ordered=ordered) is same


@pytest.mark.parametrize(
    ("expected", "got", "unit", "same"),
    [
        (309, 310, "", False),
        (3, 3.0, "", True),
        (1000, 1001, "", False),
        (0.2333, 0.2334, "", True),
        (0.2333, 0.25, "", False),
        (0.2333, 23.33, "%", True),
        (23.33, 0.2333, "1", True),
        (23.33, 0.2333, "", False),
        (1.5, 5400.0, "s", True),
        (5400.0, 1.5, "h", True),
        (5400.0, 1.5, "min", False),
        (Decimal("3"), 3, "", True),
        (Decimal("2.50"), 2.5, "", True),
        (None, None, "", True),
        (None, 0, "", False),
        (float("nan"), None, "", True),
        ("C-A", "c-a", "", True),
        ("c-a ", "c-a", "", True),
        (True, "yes", "", True),
        (True, False, "", False),
        (NAIVE, datetime(2026, 5, 3, tzinfo=UTC), "", True),
        (date(2026, 5, 3), "2026-05-03", "", True),
        (NAIVE, datetime(2026, 5, 4, tzinfo=UTC), "", False),
        ("79", 79, "", True),
    ],
)
def test_cells_are_exact_for_counts_and_near_for_measures(expected: Any, got: Any, unit: str, same: bool) -> None:
    one = table([(expected,)]).rows[0][0]
    other = table([(got,)], [Column("x", "x", "measure", unit)])
    assert same_cell(one, other.rows[0][0], other.units[0]) is same


def test_a_table_of_zeros_and_blanks_says_nothing() -> None:
    assert table([]).empty and table([(0,)]).empty and table([("c-a", 0), ("c-b", 0.0)]).empty and table([(None,)]).empty
    assert not table([("c-a", 1)]).empty and not table([("c-a",)]).empty


def test_many_rows_are_compared_quickly() -> None:
    rows = [(f"gpu-{i}", i % 7, i / 3) for i in range(4000)]
    assert same_rows(table(rows), table([(c, a, b) for a, b, c in reversed(rows)]), "rows")
