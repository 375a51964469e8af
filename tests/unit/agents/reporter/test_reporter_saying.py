"""Sentences hold words; their figures come from values, rounded by one rule."""

from datetime import UTC, datetime, timedelta

import pytest

from llo11ypop.agents.reporter import saying
from llo11ypop.agents.reporter.saying import listing, plural, say


def test_a_template_with_a_figure_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="instead of a value"):
        say("3 jobs of {account}", account="acct-a")


def test_a_sentence_keeps_what_it_rests_on_and_its_figures_in_order() -> None:
    said = say("{jobs} of {account}: {lost}.", ["e-1", "e-2", "e-1"], lost=saying.hours(12.345), jobs=4, account="acct-7")
    assert said.text == "4 of acct-7: 12.3 GPU-hours."
    assert said.evidence == ("e-1", "e-2")
    assert said.figures == ("4", "acct-7", "12.3 GPU-hours")


@pytest.mark.parametrize("nothing", [None, True])
def test_nothing_cannot_be_said(nothing: object) -> None:
    with pytest.raises(ValueError, match="a sentence can show"):
        say("{it}", it=nothing)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0512, "0.051"),
        (0.999, "1"),
        (1.04, "1"),
        (12.34, "12.3"),
        (99.96, "100"),
        (100.4, "100"),
        (1204.6, "1,205"),
        (-3.21, "-3.2"),
    ],
)
def test_numbers_are_rounded_to_what_matters(value: float, text: str) -> None:
    assert saying.number(value) == text


@pytest.mark.parametrize(("share", "text"), [(0, "0 %"), (0.034, "3.4 %"), (0.42, "42 %"), (1.0, "100 %")])
def test_shares_are_per_cent(share: float, text: str) -> None:
    assert saying.percent(share) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "%", "–"), (97.72, "%", "97.7 %"), (6.5, "1", "6.5"), (7260.0, "s", "2 h 1 min"), (24.0, "h", "24 h")],
)
def test_a_goals_value_has_its_unit(value: float | None, unit: str, text: str) -> None:
    assert saying.quantity(value, unit) == text


def test_spans_have_two_units_at_most() -> None:
    assert saying.span(timedelta(days=3, hours=4, minutes=5)) == "3 d 4 h"
    assert saying.span(timedelta(seconds=40)) == "40 s"


def test_moments_are_to_the_minute() -> None:
    assert saying.moment(datetime(2026, 5, 4, 9, 1, 59, tzinfo=UTC)) == "4 May 09:01"


def test_counts_agree_with_their_words() -> None:
    assert [plural(n, "job was", "jobs were") for n in (0, 1, 1200)] == ["no jobs were", "1 job was", "1,200 jobs were"]


def test_long_lists_are_cut() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "a"]) == "a and b"
    assert listing("abcdef") == "a, b, c and 3 more"
