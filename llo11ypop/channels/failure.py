"""Why a channel was not told: the channel does not work (everything waits), or it refuses this one thing (the rest goes on)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from llo11ypop.core.errors import Llo11yPopError


class ChannelDown(Llo11yPopError):
    """The channel cannot be told anything now: not reached, overloaded, or not set up right. Nothing is given up for it."""

    reason = "channel_down"
    transient = True

    def __init__(self, message: str, *, next_step: str = "", wait: timedelta = timedelta(0), answered: bool = False) -> None:
        super().__init__(message, next_step=next_step)
        self.wait = wait
        """Not to be tried again before this long: what the channel asked for, or how long a write may take to show."""
        self.answered = answered
        """Whether a server error was all that came, which what was sent may have caused."""


class ChannelRefused(Llo11yPopError):
    """The channel works, but does not take this one thing."""

    reason = "channel_refused"


def wait_asked(value: str | None, now: datetime) -> timedelta:
    """How long a `Retry-After` (RFC 9110: seconds, or a date) asks to wait; zero for none or nonsense."""
    text = (value or "").strip()
    if text.replace(".", "", 1).isdigit():
        return timedelta(seconds=min(float(text), 86_400.0))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return timedelta(0)
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(timedelta(0), aware - now), timedelta(days=1))
