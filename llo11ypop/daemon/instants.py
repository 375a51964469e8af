"""Which instants cycles stand for: whole multiples of the cadence since midnight 1970 UTC, in fleet time.

The instant is the identity of a cycle, so a late, repeated or doubled trigger finds that its cycle was run.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor_instant(now: datetime, every: timedelta) -> datetime:
    """The latest instant at or before `now`."""
    return _EPOCH + ((now - _EPOCH) // every) * every


def wait_s(now: datetime, every: timedelta, last: datetime | None, pace: float = 1.0) -> float:
    """Real seconds until the first cycle: 0 when the current instant was not run yet, else to the next.

    `last` is the instant of the last cycle in the ledger; `pace` is fleet seconds per real second.
    """
    current = floor_instant(now, every)
    if last is None or last < current:
        return 0.0
    return max(0.0, (current + every - now).total_seconds() / pace)
