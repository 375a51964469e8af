"""Whether another machine's clock agrees with ours: windows end now, so a clock that is off hides the newest rows."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

Found = tuple[str, str]
"""(state, text): ok, warn or fail, and what to do."""

NOTABLE = timedelta(seconds=5)
"""Less is the second that a Date header leaves out, and the way there (our assumption)."""
WRONG = timedelta(seconds=60)
"""A cycle every five minutes misses a fifth of what is new (our assumption)."""


def said(name: str, theirs: datetime | None, ours: datetime) -> list[Found]:
    """A line about another clock that is off; none where it is right or not told."""
    if theirs is None or abs(theirs - ours) <= NOTABLE:
        return []
    off = (theirs - ours).total_seconds()
    which = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} this machine"
    return [("fail" if abs(theirs - ours) > WRONG else "warn", f"{name}: its clock is {which} — set both by NTP")]


def dated(header: str | None) -> datetime | None:
    """The instant of a Date header; none without one."""
    try:
        found = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found else None
