"""What one simulated fleet is asked to be. Two equal specifications give the same rows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from llo11ypop.core.errors import ConfigError

DEFAULT_START = datetime(2026, 5, 1, tzinfo=UTC)
PROFILES = ("full", "default")


@dataclass(frozen=True, slots=True)
class SimulationSpec:
    """Seed, size, length and kind of a simulated fleet.

    `acceleration` multiplies the published fault rates (10-20 gives a demo something to see); rates of an
    accelerated fleet are never fleet rates. `profile` full exports every counter, default what dcgm-exporter
    exports by default. Raises ConfigError on values that make no fleet.
    """

    seed: int = 1
    gpus: int = 512
    days: float = 21.0
    start_at: datetime = DEFAULT_START
    profile: str = "full"
    acceleration: float = 15.0
    quiet: bool = False
    events_only: bool = False
    scenario: Path | None = None
    chapter: int = 0
    """Continuation of a live fleet: minutes from the fleet's start to this part's; 0 is the fleet itself."""

    def __post_init__(self) -> None:
        """Refuse what makes no fleet."""
        if self.gpus < 8 or self.gpus % 8:
            raise ConfigError(f"--gpus {self.gpus} is not a multiple of 8", next_step="nodes have eight GPUs")
        if not 0 < self.days <= 3660:
            raise ConfigError(f"--days {self.days:g} is not between 0 and 3660", next_step="write for example --days 21")
        if self.profile not in PROFILES:
            raise ConfigError(f"no exporter profile named '{self.profile}'", next_step="write full or default")
        if self.start_at.tzinfo is None:
            raise ConfigError("--start needs an offset", next_step="write for example 2026-05-01T00:00:00Z")
        if self.acceleration < 0:
            raise ConfigError("--acceleration is negative", next_step="1 means published rates")
