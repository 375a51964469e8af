"""Which stretch of time a report is about: last night, last week, or any other, as it was known at an instant. All UTC."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from llo11ypop.agents.reporter.facts import Kind, Period
from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.window import Window, iso, parse_duration
from llo11ypop.query.plan import Span

HALF = 0.5
"""A night is 'last night' once half of it is over; before that the one before is meant (our assumption)."""
LONGEST = timedelta(days=92)
"""A report over more than a quarter is refused: nobody reads it, and it would be replayed for hours (our assumption)."""


@dataclass(frozen=True, slots=True)
class Night:
    """From when to when a night lasts, UTC; it may pass midnight."""

    begins: time = time(20)
    ends: time = time(8)

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        day = timedelta(days=1)
        span = _since_midnight(self.ends) - _since_midnight(self.begins)
        return span if span > timedelta(0) else span + day


def last_night(at: datetime, night: Night | None = None) -> Period:
    """The latest night of which half is over at `at`, cut off there."""
    rule = night or Night()
    start = at.replace(hour=0, minute=0, second=0, microsecond=0) + _since_midnight(rule.begins)
    while at - start < rule.length * HALF:
        start -= timedelta(days=1)
    return _cut(Kind.NIGHT, start, start + rule.length, at, f"night of {start:%Y-%m-%d}")


def last_week(at: datetime) -> Period:
    """The calendar week before the one that `at` lies in, Monday to Monday (ISO 8601)."""
    today = at.replace(hour=0, minute=0, second=0, microsecond=0)
    end = today - timedelta(days=today.weekday())
    start = end - timedelta(weeks=1)
    return _cut(Kind.WEEK, start, end, at, f"week of {start:%-d %B %Y}")


def between(since: str | None, until: str | None, at: datetime) -> Period:
    """From `since` to `until`, each an instant or a duration ago; `until` defaults to `at`. Raises ConfigError."""
    end = min(at, _instant("--until", until, at)) if until else at
    start = _instant("--since", since, at) if since else end - timedelta(days=1)
    if start >= end:
        raise ConfigError(
            f"the report would begin at {iso(start)} and end at {iso(end)}", next_step="give --since before --until"
        )
    if end - start > LONGEST:
        raise ConfigError(f"the report would cover {(end - start).days} days", next_step=f"ask for at most {LONGEST.days}")
    return Period(Kind.SPAN, start, end, at, f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}")


def span_of(window: Window, at: datetime) -> Span:
    """The window as a plan writes it: relative to the instant of the run."""
    return Span(start=at - window.start, end=max(timedelta(0), at - window.end))


def _cut(kind: Kind, start: datetime, end: datetime, at: datetime, label: str) -> Period:
    return Period(kind, start, min(end, at), at, label, partial=at < end)


def _since_midnight(of_day: time) -> timedelta:
    return timedelta(hours=of_day.hour, minutes=of_day.minute)


def _instant(option: str, text: str, at: datetime) -> datetime:
    try:
        return at - parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_instant(text)
    except ValueError as bad:
        raise ConfigError(
            f"{option} '{text}' is neither an instant nor a duration", next_step="write 2026-05-20T20:00:00Z or 36h"
        ) from bad
