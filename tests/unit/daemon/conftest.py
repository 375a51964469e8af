"""Cycles with a loop that does what the test says."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llo11ypop.core.breaker import Breaker
from llo11ypop.core.clock import ManualClock
from llo11ypop.daemon.cycles import Cycles

AT = datetime(2026, 5, 3, 12, 2, tzinfo=UTC)


@dataclass
class FakeReport:
    """A report as far as the daemon reads it."""

    at: datetime
    cycle_id: str = "cycle"
    proposals: list[dict[str, Any]] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)
    queries: int = 1
    errors: list[str] = field(default_factory=list)


@dataclass
class FakeLoop:
    """Remembers its instants; waits while `gate` is closed; raises `fails`."""

    seen: list[datetime] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fails: BaseException | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def __call__(self, at: datetime) -> FakeReport:
        self.seen.append(at)
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        return FakeReport(at)


@dataclass
class Bench:
    """A `Cycles` with its clock and loop."""

    cycles: Cycles
    clock: ManualClock
    loop: FakeLoop
    seconds: list[float]

    async def turn(self, minutes: float = 0) -> bool:
        self.clock.advance(timedelta(minutes=minutes))
        self.seconds[0] += abs(minutes) * 60
        started = self.cycles.trigger()
        await self.cycles.settled()
        return started


@pytest.fixture
def bench() -> Bench:
    clock, loop, seconds = ManualClock(AT), FakeLoop(), [0.0]
    cycles = Cycles(
        run=loop,
        clock=clock,
        every=timedelta(minutes=5),
        timeout=timedelta(seconds=5),
        breaker=Breaker(3, timedelta(minutes=15)),
        monotonic_s=lambda: seconds[0],
    )
    return Bench(cycles, clock, loop, seconds)
