"""Which stretch of time is meant."""

from datetime import UTC, datetime, time, timedelta

import pytest

from llo11ypop.agents.reporter.facts import Kind
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.window import Window
from llo11ypop.report.build import report_id
from llo11ypop.report.found import ticks
from llo11ypop.report.period import Night, between, last_night, last_week, span_of
from tests.report_samples import END, HOUR, START, period


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "start", "end", "partial"),
    [
        ("2026-05-21T07:30", "2026-05-20T20:00", "2026-05-21T07:30", True),
        ("2026-05-21T08:00", "2026-05-20T20:00", "2026-05-21T08:00", False),
        ("2026-05-21T14:00", "2026-05-20T20:00", "2026-05-21T08:00", False),
        ("2026-05-21T23:00", "2026-05-20T20:00", "2026-05-21T08:00", False),
        ("2026-05-22T01:59", "2026-05-20T20:00", "2026-05-21T08:00", False),
        ("2026-05-22T02:00", "2026-05-21T20:00", "2026-05-22T02:00", True),
    ],
)
def test_last_night_is_the_latest_of_which_half_is_over(at: str, start: str, end: str, partial: bool) -> None:
    found = last_night(utc(at))
    assert (found.start, found.end, found.partial) == (utc(start), utc(end), partial)


def test_a_night_may_lie_within_one_day() -> None:
    found = last_night(utc("2026-05-21T07:30"), Night(time(1), time(6)))
    assert (found.start, found.end) == (utc("2026-05-21T01:00"), utc("2026-05-21T06:00"))


@pytest.mark.parametrize("at", ["2026-05-18T00:00", "2026-05-20T12:00", "2026-05-24T23:59"])
def test_last_week_is_the_calendar_week_before(at: str) -> None:
    found = last_week(utc(at))
    assert (found.start, found.end, found.label) == (utc("2026-05-11T00:00"), utc("2026-05-18T00:00"), "week of 11 May 2026")


def test_a_span_takes_instants_and_durations() -> None:
    found = between("36h", "2026-05-15T06:00:00Z", END)
    assert (found.kind, found.start, found.end) == (Kind.SPAN, END - 36 * HOUR, END - 2 * HOUR)
    assert between("2026-05-14T20:00:00Z", None, END).end == END
    assert between("6h", "2027-01-01T00:00:00Z", END).end == END, "nothing is known of the future"


@pytest.mark.parametrize(("since", "until"), [("1h", "2h"), ("400d", None), ("yesterday", None), ("2h", "2h")])
def test_a_span_that_cannot_be_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(ConfigError):
        between(since, until, END)


def test_a_window_is_written_relative_to_the_instant() -> None:
    span = span_of(Window(START, END), END + HOUR)
    assert (span.start, span.end) == (13 * HOUR, HOUR)


def test_the_id_is_that_of_the_night_whenever_it_is_made() -> None:
    early, late = period(end=END - HOUR, at=END - HOUR, partial=True), period(at=END + 5 * HOUR)
    assert report_id(early) == report_id(late)
    assert (
        len(
            {
                report_id(period()),
                report_id(period(start=START - 24 * HOUR)),
                report_id(period(kind=Kind.WEEK)),
                report_id(period(), "b"),
            }
        )
        == 4
    )


def test_a_replay_ends_at_the_end_and_widens_when_it_would_take_too_long() -> None:
    instants, every = ticks(period(), timedelta(minutes=15), 96)
    assert (len(instants), every, instants[-1]) == (48, timedelta(minutes=15), END)
    assert START < instants[0] <= START + every
    instants, every = ticks(period(start=START - timedelta(days=27)), timedelta(minutes=15), 96)
    assert len(instants) <= 96
    assert every >= timedelta(hours=6)
