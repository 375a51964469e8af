"""Half-open windows and the durations that configuration writes."""

from datetime import UTC, datetime, timedelta

import pytest

from llo11ypop.core.window import Window, format_duration, parse_duration

T0 = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("24h", 86400),
        ("7d", 604800),
        ("2w", 1209600),
        ("1h30m", 5400),
        ("0.5h", 1800),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "15", "m15", "15 m", "-1h", "1y", "1h 30m", "h"])
def test_what_is_no_duration_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_duration(text)


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 3600, 5400, 86400, 90061, 1209600])
def test_a_written_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window(T0, T0 + HOUR)
    assert T0 in window
    assert T0 + HOUR not in window


def test_adjacent_windows_do_not_overlap() -> None:
    first = Window(T0, T0 + HOUR)
    assert not first.overlaps(Window(T0 + HOUR, T0 + 2 * HOUR))
    assert first.overlaps(Window(T0 + HOUR / 2, T0 + 2 * HOUR))


def test_the_window_before_has_the_same_length_and_ends_where_this_starts() -> None:
    window = Window.trailing(T0, 3 * HOUR)
    assert window.before() == Window(T0 - 6 * HOUR, T0 - 3 * HOUR)


def test_naive_and_reversed_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Window(datetime(2026, 5, 1), T0)  # noqa: DTZ001
    with pytest.raises(ValueError, match="ends before"):
        Window(T0, T0 - HOUR)


def test_a_window_is_written_half_open_in_utc() -> None:
    assert str(Window(T0, T0 + HOUR)) == "[2026-05-01T00:00:00Z, 2026-05-01T01:00:00Z)"
