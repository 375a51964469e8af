"""The circuit breaker of the schedule: after some failed cycles in a row it rests, then lets one try."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass
class Breaker:
    """Counts failures; times are monotonic seconds, so a jumping wall clock cannot hold it open."""

    failures: int
    rest: timedelta
    failed: int = 0
    open_until_s: float | None = None

    def allows(self, now_s: float) -> bool:
        """Whether a cycle may be tried now."""
        return self.open_until_s is None or now_s >= self.open_until_s

    def succeeded(self) -> bool:
        """Forget the failures; True when this closes an open circuit."""
        was_open = self.open_until_s is not None
        self.failed, self.open_until_s = 0, None
        return was_open

    def broke(self, now_s: float) -> bool:
        """Count a failure; True when the circuit is open after it."""
        self.failed += 1
        if self.failed >= self.failures:
            self.open_until_s = now_s + self.rest.total_seconds()
        return self.open_until_s is not None
