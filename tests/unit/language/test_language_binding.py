"""Every number and every entity of an answer is proved from rows, window, question or definition."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llo11ypop.core.question import Column, Result
from llo11ypop.core.window import Window
from llo11ypop.language.binding import Derived, Sentence, grounds, kept, unbound
from llo11ypop.language.figures import figure, percent, plain

WEEK = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 8, tzinfo=UTC))
COLUMNS = (
    Column("cluster", "cluster", "dimension"),
    Column("jobs", "failed jobs", "measure", "1", "lower"),
    Column("wait", "queue wait", "measure", "s", "lower"),
    Column("ratio", "share", "measure", "1"),
)
ROWS = [
    {"cluster": "c-a", "jobs": 1204, "wait": 4000.0, "ratio": 0.71},
    {"cluster": "c-b", "jobs": 30, "wait": 61.5, "ratio": 0.29},
]


def result(rows: list[dict[str, Any]] | None = None, columns: tuple[Column, ...] = COLUMNS) -> Result:
    return Result(columns, pa.Table.from_pylist(rows or ROWS), ())


def loose(text: str, *derived: Derived, question: str = "failed jobs per cluster", said: tuple[str, ...] = ()) -> tuple[str, ...]:
    table = result()
    return kept([Sentence(text, derived)], table, grounds(table, question=question, said=said, window=WEEK))[1]


@pytest.mark.parametrize(
    "text",
    [
        "c-a has the highest failed jobs: 1,204, 2026-05-01 to 2026-05-07; then c-b 30.",
        "The queue wait of c-a is 1.11 h, of c-b 61.5 s.",
        "c-a has 71 % of it, or 0.71.",
        "Failed jobs went up on 1 May and until 7 May 2026.",
        "The half-life of nothing is nothing.",
    ],
)
def test_what_stands_in_rows_and_window_is_bound(text: str) -> None:
    assert loose(text, said=("The half-life of",)) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("c-a has 1,205 failed jobs.", "1,205"),
        ("c-a waited 1.12 h.", "1.12"),
        ("c-a waited 66 h.", "66"),
        ("c-z has 30 failed jobs.", "c-z"),
        ("gpu-a-017 has 30 failed jobs.", "gpu-a-017"),
        ("72 % of it is c-a's.", "72"),
        ("It began on 2026-04-30.", "2026-04-30"),
        ("It began at 14:05.", "14:05"),
        ("Seven clusters failed.", "Seven"),
        ("XID79 did it.", "XID79"),
        ("c-a has 3 times as many.", "3"),
        ("c-a has 1.2e3 failed jobs and 5e9 more.", "5e9"),
    ],
)
def test_what_nothing_stands_behind_is_found(text: str, what: str) -> None:
    assert loose(text) == (what,)


def test_a_figure_made_from_rows_needs_its_recipe() -> None:
    assert loose("1,234 in all.") == ("1,234",)
    assert loose("1,234 in all.", Derived("sum", "jobs")) == ()
    assert loose("1,235 in all.", Derived("sum", "jobs")) == ("1,235",)
    assert loose(f"c-a is {percent(1204 / 1234)} of it.", Derived("share", "jobs", (0,))) == ()
    assert loose(f"{percent(1 - 30 / 1204)} less.", Derived("change", "jobs", (0, 1))) == ()
    assert loose("1,174 fewer.", Derived("difference", "jobs", (0, 1))) == ()
    assert loose("2 clusters.", Derived("distinct", "cluster")) == ()
    assert loose("1 above 100.", Derived("over", "jobs", value=100), question="jobs above 100") == ()
    assert loose("617 on average.", Derived("mean", "jobs")) == ()


def test_the_question_and_the_definition_are_grounds() -> None:
    assert loose("No GPU was over 85 °C.", said=("core temperature over 85 °C",)) == ()
    assert loose("Nothing about XID 79.", question="Count XID 79 by node") == ()


def test_an_unbound_sentence_is_taken_out_and_the_others_stay() -> None:
    table = result()
    known = grounds(table, question="q", window=WEEK)
    good, what = kept([Sentence("c-a has 1,204."), Sentence("c-a has 9,999."), Sentence("c-b has 30.")], table, known)
    assert [s.text for s in good] == ["c-a has 1,204.", "c-b has 30."]
    assert what == ("9,999",)


def test_figures_whose_unit_is_a_column_take_any_unit() -> None:
    columns = (Column("goal", "goal", "dimension"), Column("now", "now", "measure", "1"), Column("unit", "unit", "dimension"))
    table = result([{"goal": "availability", "now": 98.16, "unit": "%"}, {"goal": "repair", "now": 20.0, "unit": "h"}], columns)
    known = grounds(table, question="q")
    assert unbound("availability 98.16 %, repair 20 h", known) == ()
    assert unbound("availability 98.17 %", known) == ("98.17",)


def test_the_unit_of_a_column_is_a_known_word() -> None:
    table = result([{"tokens": 41.5}], (Column("tokens", "tokens", "measure", "1/s"),))
    assert unbound("41.5 1/s", grounds(table, question="q")) == ()


def test_an_entity_with_blanks_in_it_is_bound_as_a_whole() -> None:
    rows = [{"reason": "NHC: check_hw_ib 4 ports", "n": 12}]
    table = result(rows, (Column("reason", "reason", "dimension"), Column("n", "nodes", "measure", "1")))
    known = grounds(table, question="drain reasons", window=WEEK)
    assert unbound("NHC: check_hw_ib 4 ports has 12 nodes", known) == ()
    assert unbound("NHC: check_hw_ib 5 ports has 12 nodes", known) == ("5",)


NUMBERS = st.floats(min_value=1e-3, max_value=1e15, allow_nan=False) | st.integers(min_value=0, max_value=10**12)
UNITS = st.sampled_from(["1", "s", "ms", "us", "ns", "By", "By/s", "W", "mJ", "Cel", "%", "V", "d", "h", "USD", "MiBy"])


@given(value=NUMBERS, unit=UNITS)
@settings(max_examples=300)
def test_any_value_is_bound_as_it_is_written(value: float, unit: str) -> None:
    table = result([{"node": "n-1", "x": value}], (Column("node", "node", "dimension"), Column("x", "x", "measure", unit)))
    text = f"n-1 has {figure(value, unit)} of it."
    assert unbound(text, grounds(table, question="q")) == ()


@given(value=st.integers(min_value=0, max_value=10**9), other=st.integers(min_value=0, max_value=10**9), unit=UNITS)
@settings(max_examples=300)
def test_another_whole_number_is_never_bound(value: int, other: int, unit: str) -> None:
    table = result([{"x": value}], (Column("x", "x", "measure", unit),))
    known = grounds(table, question="q")
    text, wrong = figure(value, unit), figure(other, unit)
    if text != wrong and other != table.rows.num_rows:
        assert unbound(f"It is {wrong} now.", known) != ()


@given(cells=st.lists(st.integers(min_value=0, max_value=10**6), min_size=2, max_size=20))
def test_totals_and_shares_are_computed_again(cells: list[int]) -> None:
    table = result([{"x": v} for v in cells], (Column("x", "x", "measure", "1"),))
    known = grounds(table, question="q")
    total = sum(cells)
    share = max(cells) / total if total else 0.0
    best = cells.index(max(cells))
    made = (Derived("sum", "x"), Derived("share", "x", (best,)))
    right = Sentence(f"{plain(total)} in all, {percent(share)} of it in one.", made if total else ())
    if total:
        assert kept([right], table, known)[1] == ()
    wrong = total + 1 + max(cells)
    if wrong not in cells and wrong != len(cells):
        assert kept([Sentence(f"{plain(wrong)} in all.", made[:1])], table, known)[0] == ()


@given(text=st.text(max_size=300))
def test_any_text_can_be_checked(text: str) -> None:
    table = result()
    assert isinstance(unbound(text, grounds(table, question=text)), tuple)
    assert isinstance(unbound(text, grounds(table, question="q")), tuple)
