"""A circuit breaker: after some failures in a row it rests, then lets one try. Of cycles, and of model endpoints."""

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
        """Whether a try may be made now."""
        return self.open_until_s is None or now_s >= self.open_until_s

    def enter(self, now_s: float) -> bool:
        """As `allows`, where many try at once: after the rest one is let through, the others wait for how it ends."""
        if not self.allows(now_s):
            return False
        if self.open_until_s is not None:
            self.open_until_s = now_s + self.rest.total_seconds()
        return True

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
