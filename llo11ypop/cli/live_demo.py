"""The simulated fleet behind `llo11ypop up`: history in seconds, then telemetry that goes on, and things to break."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llo11ypop.core.clock import Clock, SystemClock

if TYPE_CHECKING:
    import duckdb

    from llo11ypop.simulator.live import LiveFleet
    from llo11ypop.simulator.spec import SimulationSpec

FEED_S = 1.0
"""Real seconds between two appends."""
CHAPTER_DAYS = 1.0
"""Fleet days generated at a time; a break generates them anew."""
FAULTS = {
    "F16": "a fan stops",
    "F1": "a GPU falls off the bus",
    "F3": "uncontained memory errors",
    "F14": "cooling fails in a row of racks",
    "F17": "a power supply fails",
    "F20": "a network link flaps",
    "F24": "a file system turns slow",
    "F28": "a node's scheduler daemon dies",
    "F31": "one GPU drags a training run",
    "F38": "an exporter falls silent",
}
"""What the button offers; `--break` takes every mode."""


@dataclass
class LiveDemo:
    """A live fleet as the daemon's clock, companion task and thing to break."""

    fleet: "LiveFleet"
    connection: "duckdb.DuckDBPyConnection"
    pace: float
    base: Clock = field(default_factory=SystemClock)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def note(self) -> str:
        """What the visitor looks at."""
        return (
            f"Simulated fleet of {self.fleet.spec.gpus} GPUs. A second here is {self.pace / 60:g} minutes there. "
            "An approval is recorded; nothing is executed."
        )

    def now(self) -> datetime:
        """Fleet time: what is released is what there is, so the loop never waits for rows that are still to come."""
        return self.fleet.released_at

    def faults(self) -> Sequence[tuple[str, str]]:
        """What can be broken by button."""
        return list(FAULTS.items())

    async def break_something(self, mode: str) -> str:
        """Inject a mode, or `mode@entity`. Raises ConfigError for an unknown one."""
        name, _, entity = mode.partition("@")
        async with self._turn:
            truth = await asyncio.to_thread(self.fleet.inject, name, entity or None)
        return f"{name} begins at {truth.start_at:%H:%M} fleet time"

    async def feed(self) -> None:
        """Append what has come to pass, for ever. Time stands still while a chapter is generated."""
        while True:
            began = self.base.now()
            await asyncio.sleep(FEED_S)
            passed = min(self.base.now() - began, timedelta(seconds=2 * FEED_S)) * self.pace
            async with self._turn:
                await asyncio.to_thread(self.fleet.advance, self.fleet.released_at + passed, self.connection)


def write_history(spec: "SimulationSpec", path: Path) -> int:
    """Write the fleet's past to a file; how many rows. Takes seconds."""
    from llo11ypop.simulator.simulate import simulate
    from llo11ypop.simulator.truth import truth_path, write_truth
    from llo11ypop.simulator.writer import write_fleet

    world, truths = simulate(spec)
    rows = write_fleet(world, path)
    write_truth(truth_path(path), truths)
    return sum(rows.values())


def open_demo(path: Path, pace: float) -> LiveDemo:
    """Go on where the file ends. Raises StoreError where it is no simulated fleet or another process has it open."""
    import duckdb

    from llo11ypop.core.errors import StoreError
    from llo11ypop.simulator.live import open_live

    try:
        connection: Any = duckdb.connect(str(path))
    except duckdb.Error as bad:
        raise StoreError(
            f"{path} cannot be opened: {' '.join(str(bad).split())[:160]}",
            next_step="stop the other 'llo11ypop up', or use --dir with another directory",
        ) from bad
    return LiveDemo(open_live(path, connection, chapter_days=CHAPTER_DAYS), connection, pace)
