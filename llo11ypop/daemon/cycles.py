"""Starts cycles: decides at each trigger whether one may run, runs it as a task, and ends it on a stop.

A trigger only calls `trigger()`. Overlap, repetition, draining and circuit breaker are decided here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from llo11ypop.core.breaker import Breaker
from llo11ypop.core.clock import Clock
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.daemon.instants import floor_instant
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)


class Report(Protocol):
    """What a cycle returns, as far as the daemon looks at it."""

    cycle_id: str
    proposals: list[dict[str, Any]]
    queries: int
    errors: list[str]


RunCycle = Callable[[datetime], Awaitable[Any]]
"""Runs one cycle for an instant and returns a `Report`."""


@dataclass
class Cycles:
    """The cycles of one process."""

    run: RunCycle
    clock: Clock
    every: timedelta
    timeout: timedelta
    breaker: Breaker
    before: Callable[[], None] = lambda: None
    """Called at the border before each cycle: where a new configuration is taken over."""
    after: Callable[[Any], Awaitable[None]] | None = None
    """Called with the report of each cycle that was done."""
    request_drain: Callable[[], None] = lambda: None
    """Asks the running cycle to end at its next border."""
    monotonic_s: Callable[[], float] = time.monotonic
    last_at: datetime | None = None
    """Instant of the last cycle that was started."""
    last_report: Any = None
    last_error: str = ""
    draining: bool = False
    skipped: dict[str, int] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    @property
    def running(self) -> bool:
        """Whether a cycle runs now."""
        return self._task is not None and not self._task.done()

    def trigger(self) -> bool:
        """Start the cycle of the current instant if it may run; False when it was skipped."""
        at = floor_instant(self.clock.now(), self.every)
        if why := self._obstacle(at):
            self.skipped[why] = self.skipped.get(why, 0) + 1
            metrics.CYCLES.labels("skipped").inc()
            log.info(Event.CYCLE_SKIPPED, why=why, at=at.isoformat())
            return False
        self.before()
        self.last_at = at
        self._task = asyncio.get_running_loop().create_task(self._run(at), name=f"cycle {at:%H:%M}")
        return True

    def clock_jumped(self) -> None:
        """Forget which instant was run: after a jump the same reading of the clock is another moment."""
        self.last_at = None

    async def drain(self, wait: timedelta) -> bool:
        """Start no more cycles and let the running one end at its border; False when it had to be cut off."""
        self.draining = True
        task = self._task
        if task is None or task.done():
            return True
        self.request_drain()
        _, pending = await asyncio.wait({task}, timeout=wait.total_seconds())
        if not pending:
            return True
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        return False

    async def settled(self) -> None:
        """Wait for the running cycle, if there is one."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def _obstacle(self, at: datetime) -> str:
        if self.draining:
            return "draining"
        if self.running:
            return "overlap"
        if at == self.last_at:
            return "repeated"
        if not self.breaker.allows(self.monotonic_s()):
            return "circuit_open"
        return ""

    async def _run(self, at: datetime) -> None:
        started_s = self.monotonic_s()
        log.info(Event.CYCLE_STARTED, at=at.isoformat())
        outcome = "failed"
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                report = await self.run(at)
            outcome = "done"
        except TimeoutError:
            outcome = "timed_out"
            self._broke(Event.CYCLE_TIMED_OUT, f"the cycle took longer than {self.timeout}")
        except asyncio.CancelledError:
            outcome = "cut_off"
            log.warning(Event.CYCLE_CUT_OFF, at=at.isoformat())
        except Llo11yPopError as bad:
            self._broke(Event.CYCLE_FAILED, bad.line())
        except Exception as bad:  # noqa: BLE001 - task supervisor: a failed cycle must not end the daemon
            self._broke(Event.CYCLE_FAILED, f"{type(bad).__name__}: {bad}", trace=True)
        finally:
            took_s = self.monotonic_s() - started_s
            metrics.CYCLES.labels(outcome).inc()
            metrics.CYCLE_DURATION.labels(outcome).observe(took_s)
        if outcome == "done":
            await self._done(report, at, took_s)

    async def _done(self, report: Any, at: datetime, took_s: float) -> None:
        self.last_report, self.last_error = report, ""
        if self.breaker.succeeded():
            metrics.CIRCUIT_OPEN.set(0)
            log.info(Event.CIRCUIT_CLOSED)
        metrics.LAST_CYCLE.set(at.timestamp())
        metrics.CYCLE_ERRORS.set(len(report.errors))
        metrics.QUERIES.inc(report.queries)
        log.info(
            Event.CYCLE_DONE,
            cycle_id=report.cycle_id,
            at=at.isoformat(),
            duration_s=round(took_s, 3),
            proposals=len(report.proposals),
            queries=report.queries,
            errors=report.errors,
        )
        if self.after is not None:
            await self.after(report)

    def _broke(self, event: Event, why: str, *, trace: bool = False) -> None:
        self.last_error = why
        log.error(event, why=why, exc_info=trace)
        if self.breaker.broke(self.monotonic_s()):
            metrics.CIRCUIT_OPEN.set(1)
            log.error(Event.CIRCUIT_OPENED, failures=self.breaker.failed, rest=str(self.breaker.rest))
