"""When things happen: APScheduler with its memory store, only as a clock that calls plain functions.

After a jump of the wall clock its stored times mean nothing any more, so `restart` lays them anew.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from llo11ypop.core.clock import SystemClock
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Trigger:
    """One thing that happens again and again. Times are real seconds."""

    call: Callable[[], object]
    """Returns at once: starts a task, or decides not to."""
    every_s: float
    first_s: Callable[[], float] = lambda: 0.0
    """Seconds until the first call, asked at every start and restart."""


@dataclass
class Schedule:
    """The triggers of one process. Start it inside a running loop."""

    triggers: Mapping[str, Trigger]
    misfire_grace: timedelta
    _scheduler: Any = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the scheduler; nothing runs yet."""
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.add_listener(_missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR)

    def start(self, *, lay: bool = True) -> None:
        """Lay all triggers, unless that is left to `restart`, and begin."""
        if lay:
            self.restart()
        self._scheduler.start()

    def clear(self) -> None:
        """Take all triggers away until the next `restart`. What was started goes on."""
        self._scheduler.remove_all_jobs()

    def restart(self) -> None:
        """Lay all triggers anew, from the present reading of the clock."""
        now = SystemClock().now()
        for name, trigger in self.triggers.items():
            first = now + timedelta(seconds=trigger.first_s())
            self._scheduler.add_job(
                _in_loop(trigger.call),
                IntervalTrigger(seconds=trigger.every_s, start_date=first, timezone=UTC),
                id=name,
                replace_existing=True,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=max(1, int(self.misfire_grace.total_seconds())),
                next_run_time=first,
            )

    def stop(self) -> None:
        """Call nothing any more. What was started goes on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _in_loop(call: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    """APScheduler runs plain functions in threads and coroutines in the loop; this one ends at once."""

    async def turn() -> None:
        call()

    return turn


def _missed(event: Any) -> None:
    metrics.JOBS.labels(event.job_id, "missed").inc()
    log.warning(Event.JOB_MISSED, job=event.job_id, code=event.code)
