"""Where the time comes from. Everything that needs 'now' takes a Clock, so a replay runs the same code at a past instant."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can say what time it is, in aware UTC."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.now(UTC)


@dataclass
class ManualClock:
    """A clock that stands still until told otherwise: replays, tests and `once --at`."""

    at: datetime

    def now(self) -> datetime:
        """The instant it was last set to."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move on by a duration (negative durations are how a test makes the clock jump back)."""
        self.at += by


@dataclass
class AcceleratedClock:
    """Fleet time that runs `factor` times as fast as another clock, starting at `origin`."""

    origin: datetime
    factor: float
    base: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        """Remember when the acceleration began."""
        self._started = self.base.now()

    def now(self) -> datetime:
        """The accelerated instant."""
        return self.origin + (self.base.now() - self._started) * self.factor


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant as aware UTC; a text without an offset is read as UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
