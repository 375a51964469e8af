"""Half-open time windows `[start, end)` and the durations that configuration writes as '15m' or '7d'."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def parse_duration(text: str) -> timedelta:
    """'90s', '15m', '24h', '7d', '2w' or a sum like '1h30m'. Raises ValueError with the accepted forms."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"'{text}' is not a duration; write for example 90s, 15m, 24h, 7d or 1h30m")
    return timedelta(seconds=sum(float(n) * _UNITS_S[u] for n, u in parts))


def format_duration(span: timedelta) -> str:
    """The shortest exact form that `parse_duration` reads back; zero is '0s'."""
    left = round(span.total_seconds())
    out = ""
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, _UNITS_S[unit])
        out += f"{count}{unit}" if count else ""
    return out or "0s"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, aware UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive and reversed windows."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware UTC instants")
        if self.end < self.start:
            raise ValueError(f"the window ends before it starts: {self}")

    @classmethod
    def trailing(cls, end: datetime, span: timedelta) -> "Window":
        """The `span` that ends at `end`."""
        return cls(end - span, end)

    def before(self) -> "Window":
        """The window of the same length that ends where this one starts."""
        return Window(self.start - (self.end - self.start), self.start)

    def overlaps(self, other: "Window") -> bool:
        """Whether the two share any instant."""
        return self.start < other.end and other.start < self.end

    def __contains__(self, at: object) -> bool:
        """Whether an instant lies inside."""
        return isinstance(at, datetime) and self.start <= at < self.end

    def __str__(self) -> str:
        """`[2026-05-01T00:00:00Z, 2026-05-02T00:00:00Z)`."""
        return f"[{iso(self.start)}, {iso(self.end)})"


def iso(at: datetime) -> str:
    """An instant as ISO 8601 with a Z, to the second (microseconds only when there are any)."""
    return at.isoformat().replace("+00:00", "Z")
