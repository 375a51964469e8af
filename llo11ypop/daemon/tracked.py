"""Background tasks that nobody awaits: one of each name, errors logged and counted, drained at a stop."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)


class Tracked:
    """The jobs that run now."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, job: Callable[[], Awaitable[object]]) -> bool:
        """Run `job` as a task; False when the one before of the same name still runs."""
        before = self._running.get(name)
        if before is not None and not before.done():
            metrics.JOBS.labels(name, "overlap").inc()
            return False
        task = asyncio.get_running_loop().create_task(self._guarded(name, job), name=name)
        self._running[name] = task
        return True

    async def drain(self, wait: timedelta) -> None:
        """Wait for what runs; cancel what takes longer."""
        running = {task for task in self._running.values() if not task.done()}
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=wait.total_seconds())
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=5)

    async def _guarded(self, name: str, job: Callable[[], Awaitable[object]]) -> None:
        outcome = "failed"
        try:
            await job()
            outcome = "done"
        except Llo11yPopError as bad:
            log.warning(Event.JOB_FAILED, job=name, why=bad.line())
        except Exception as bad:
            log.error(Event.JOB_FAILED, job=name, why=f"{type(bad).__name__}: {bad}", exc_info=True)
        metrics.JOBS.labels(name, outcome).inc()
