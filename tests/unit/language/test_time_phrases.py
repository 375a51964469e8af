"""Time phrases as spans."""

from datetime import UTC, datetime

import pytest

from llo11ypop.language.times import read_times
from llo11ypop.language.words import normalise

AT = datetime(2026, 5, 21, 18, tzinfo=UTC)


def _said(text: str) -> list[tuple[str, str]]:
    found = read_times(normalise(text), AT)
    return [(f"{p.start_at:%m-%dT%H:%M}", f"{p.end_at:%m-%dT%H:%M}") for _, _, p in found.periods]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("failed jobs today", "05-21T00:00", "05-21T18:00"),
        ("yesterday's failures", "05-20T00:00", "05-21T00:00"),
        ("what happened last night", "05-20T20:00", "05-21T08:00"),
        ("overnight", "05-20T20:00", "05-21T08:00"),
        ("last week", "05-11T00:00", "05-18T00:00"),
        ("this week", "05-18T00:00", "05-21T18:00"),
        ("past week", "05-14T18:00", "05-21T18:00"),
        ("last month", "04-01T00:00", "05-01T00:00"),
        ("in May", "05-01T00:00", "05-21T18:00"),
        ("since May 10", "05-10T00:00", "05-21T18:00"),
        ("since 10 May", "05-10T00:00", "05-21T18:00"),
        ("since Monday", "05-18T00:00", "05-21T18:00"),
        ("between 5 May and 9 May", "05-05T00:00", "05-10T00:00"),
        ("from May 3 to May 7", "05-03T00:00", "05-08T00:00"),
        ("1-7 May", "05-01T00:00", "05-08T00:00"),
        ("between 02:00 and 04:00 yesterday", "05-20T02:00", "05-20T04:00"),
        ("between 02:00 and 04:00 on 12 May", "05-12T02:00", "05-12T04:00"),
        ("last 24 hours", "05-20T18:00", "05-21T18:00"),
        ("past two weeks", "05-07T18:00", "05-21T18:00"),
        ("in the last thirty days", "04-21T18:00", "05-21T18:00"),
        ("in 12 h", "05-21T06:00", "05-21T18:00"),
        ("last 7d", "05-14T18:00", "05-21T18:00"),
        ("on Tuesday", "05-19T00:00", "05-20T00:00"),
        ("on 12 May at 14:05", "05-12T13:35", "05-12T14:35"),
        ("2026-05-12", "05-12T00:00", "05-13T00:00"),
        ("Q2", "04-01T00:00", "05-21T18:00"),
        ("3 days ago", "05-18T00:00", "05-19T00:00"),
        ("week of 4 May", "05-04T00:00", "05-11T00:00"),
        ("first week of May", "05-01T00:00", "05-08T00:00"),
        ("the day before yesterday", "05-19T00:00", "05-20T00:00"),
    ],
)
def test_a_phrase_is_one_span(text: str, start: str, end: str) -> None:
    assert _said(text) == [(start, end)]


def test_two_periods_are_both_kept_for_a_comparison() -> None:
    assert len(_said("this week vs last week")) == 2


def test_the_current_period_is_marked_as_not_over() -> None:
    assert read_times("today", AT).periods[0][2].partial
    assert not read_times("yesterday", AT).periods[0][2].partial


@pytest.mark.parametrize("text", ["on 30 February", "31 June", "2026-02-30"])
def test_a_date_that_does_not_exist_is_told(text: str) -> None:
    assert read_times(normalise(text), AT).impossible


@pytest.mark.parametrize("text", ["tomorrow", "next week", "on 2026-06-30", "in the coming days"])
def test_what_is_to_come_is_told(text: str) -> None:
    assert read_times(normalise(text), AT).future


def test_longer_than_two_hours_is_no_window() -> None:
    assert _said("jobs that waited over 2 hours") == []


def test_a_day_that_has_just_begun_is_not_a_word_nobody_knows() -> None:
    found = read_times(normalise("failed jobs today"), datetime(2026, 5, 21, tzinfo=UTC))
    assert (found.begun, found.periods) == ("today", [])
