"""Notices when the wall clock jumps (NTP step, suspended machine) by comparing it with the monotonic one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from llo11ypop.core.clock import Clock

TOLERANCE = timedelta(seconds=5)
"""Drift between two looks that counts as a jump (our assumption). A busy loop causes none."""


@dataclass
class ClockWatch:
    """Asked about once a second."""

    clock: Clock
    monotonic_s: Callable[[], float]
    pace: float = 1.0
    """Fleet seconds per real second."""
    _seen: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        """Take the first look."""
        self._seen = (self.clock.now(), self.monotonic_s())

    def jump(self) -> timedelta | None:
        """How far the clock jumped since the last look, negative for backwards; none when it did not."""
        before, before_s = self._seen
        self._seen = (self.clock.now(), self.monotonic_s())
        expected = timedelta(seconds=(self._seen[1] - before_s) * self.pace)
        drift = self._seen[0] - before - expected
        return drift if abs(drift) > TOLERANCE * self.pace else None
