"""Periods of the calendar: a week, the month before, the last seven days; all in UTC."""

from datetime import datetime, timedelta

from llo11ypop.language.scope import Period

EVERYTHING_D = 400
"""All telemetry: the longest window that a plan may have."""


def floor(at: datetime, unit: str) -> datetime:
    """Start of the calendar unit that holds an instant."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "hour":
            return at.replace(minute=0, second=0, microsecond=0)
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(day=1, month=3 * ((day.month - 1) // 3) + 1)
        case "year":
            return day.replace(day=1, month=1)
    return day


def shifted(start: datetime, unit: str, count: int = 1) -> datetime:
    """The start of the calendar unit `count` further on (or back)."""
    match unit:
        case "month" | "quarter" | "year":
            months = start.month - 1 + count * {"month": 1, "quarter": 3, "year": 12}[unit]
            return start.replace(year=start.year + months // 12, month=months % 12 + 1)
        case "week":
            return start + timedelta(weeks=count)
        case "hour":
            return start + timedelta(hours=count)
    return start + timedelta(days=count)


_ROUNDED_S = 600
"""From ten minutes on a span that is no whole number of minutes is told in round ones."""


class JustBegunError(ValueError):
    """A period begins at the very instant of the question; the message is its name."""


def calendar(at: datetime, unit: str, back: int, label: str) -> Period:
    """The calendar unit `back` units ago; the current one ends at the instant and is partial.

    Raises JustBegunError for a current one of which nothing is over yet.
    """
    start = shifted(floor(at, unit), unit, -back)
    if start >= at:
        raise JustBegunError(label)
    end = shifted(start, unit)
    return clipped(start, end, label, at)


def trailing(at: datetime, span: timedelta, label: str, *, defaulted: bool = False) -> Period:
    """The span that ends at the instant."""
    return Period(at - span, at, label, defaulted=defaulted)


def before(period: Period, at: datetime) -> Period:
    """The period just before, as long as this one: a calendar month before a calendar month."""
    for unit in ("day", "week", "month", "quarter", "year"):
        if period.start_at == floor(period.start_at, unit) and shifted(period.start_at, unit) in (period.end_at,):
            start = shifted(period.start_at, unit, -1)
            return Period(start, period.start_at, f"the {unit} before")
    span = period.end_at - period.start_at
    return Period(period.start_at - span, period.start_at, f"the {describe(span)} before")


def describe(span: timedelta) -> str:
    """'7 days', '24 hours', '90 minutes'."""
    seconds = round(span.total_seconds())
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0 and seconds >= size and not (name == "day" and seconds == size):
            count = seconds // size
            return f"{count} {name}{'s' if count != 1 else ''}"
    if seconds < _ROUNDED_S:
        return f"{seconds} seconds"
    size, name = next((s, n) for s, n in ((86400, "day"), (3600, "hour"), (60, "minute")) if seconds >= 2 * s)
    return f"about {round(seconds / size)} {name}s"


def clipped(start: datetime, end: datetime, label: str, at: datetime) -> Period:
    """A span that ends at the instant at the latest. Raises ValueError for one that is still to come."""
    if start >= at:
        raise ValueError("future")
    return Period(start, min(end, at), label, partial=end > at)
