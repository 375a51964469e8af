"""Instants of a case: relative to the fleet's start or end, since a fleet is made per seed."""

import re
from datetime import datetime, timedelta

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.window import Window, parse_duration

_RELATIVE = re.compile(r"(start|end|at)(?:([+-])(\d[\w.]*))?")
_DAY = re.compile(r"day:(\d+(?:\.\d+)?)")


def resolve_instant(text: str, fleet: Window, at: datetime | None = None) -> datetime:
    """The instant meant by `end-8h`, `start+3d`, `at-7d`, `day:10.5` or an ISO instant. Raises ValueError with the forms."""
    if found := _DAY.fullmatch(text):
        return fleet.start + timedelta(days=float(found[1]))
    if found := _RELATIVE.fullmatch(text):
        anchors = {"start": fleet.start, "end": fleet.end, "at": at or fleet.end}
        by = parse_duration(found[3]) if found[3] else timedelta(0)
        return anchors[found[1]] + (by if found[2] != "-" else -by)
    try:
        return parse_instant(text)
    except ValueError as bad:
        raise ValueError(
            f"'{text}' is not an instant; write end, end-8h, start+3d, at-7d, day:10.5 or 2026-05-20T12:00:00Z"
        ) from bad


def check_instant(text: str) -> None:
    """Raise ValueError for what `resolve_instant` would not read."""
    some = parse_instant("2026-01-01T00:00:00Z")
    resolve_instant(text, Window(some, some + timedelta(days=1)))
