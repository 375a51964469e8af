"""The daemon: one loop with the schedule, the HTTP server, a heartbeat and the configuration watcher.

The first task that crashes ends the process, so that whatever started it can start it again; a failed cycle
does not.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llo11ypop.core.breaker import Breaker
from llo11ypop.core.clock import Clock, SystemClock
from llo11ypop.core.ids import new_id
from llo11ypop.daemon.chores import Chores
from llo11ypop.daemon.clock_watch import ClockWatch
from llo11ypop.daemon.compose import Composed, composed, deps
from llo11ypop.daemon.cycles import Cycles
from llo11ypop.daemon.dashboards import Boards
from llo11ypop.daemon.delivering import Delivering
from llo11ypop.daemon.instants import wait_s
from llo11ypop.daemon.lock import single_instance
from llo11ypop.daemon.probes import Vitals, build_app
from llo11ypop.daemon.questions import DaemonQuestions
from llo11ypop.daemon.reload import Reload, Swap
from llo11ypop.daemon.reporting import EVERY as REPORTS_EVERY
from llo11ypop.daemon.reporting import Reporting
from llo11ypop.daemon.schedule import Schedule, Trigger
from llo11ypop.daemon.serve import Server, listen, url_of
from llo11ypop.daemon.tracked import Tracked
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import bound, logger
from llo11ypop.settings import Settings, load_settings

if TYPE_CHECKING:
    from llo11ypop.console.ports import Demo
    from llo11ypop.daemon.leader import Leadership
    from llo11ypop.ooda.deps import Deps
    from llo11ypop.query.store import TelemetryStore

log = logger(__name__)

Compose = Callable[[Settings, "TelemetryStore | None", Clock], AbstractAsyncContextManager[Composed]]
HEARTBEAT_S = 1.0
SHORTEST_JOB_S = 1.0
"""Jobs of an accelerated fleet run no more often than this."""
DRAIN_JOBS = timedelta(seconds=5)


@dataclass
class Daemon:
    """One process that runs the loop until it is told to stop."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    pace: float = 1.0
    """Fleet seconds per real second."""
    store: "TelemetryStore | None" = None
    """Instead of the configured one."""
    companions: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    """More tasks that live and die with the process (a live fleet)."""
    demo: "Demo | None" = None
    port_search: int = 0
    """How many ports after the configured one may be taken instead."""
    on_ready: Callable[[str], None] = lambda url: None
    """Called with the address once everything runs."""
    on_report: Callable[[Any], None] = lambda report: None
    """Called with the report of each cycle."""
    watch_clock: bool = True
    """Whether a jump of the clock is looked for; a simulated clock goes in leaps."""
    compose: Compose = composed
    run_cycle: "Callable[[Deps, datetime], Awaitable[Any]] | None" = None
    """Instead of the real loop (tests)."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run until `stop` is set or a signal arrives, then drain.

        Raises ConflictError where another daemon works on the ledger's file, ConfigError for a taken port, and what a
        supervised task raised. Over a PostgreSQL several may run: one schedules, all serve.
        """
        with ExitStack() as held:
            if self.settings.shared_url is None:
                held.enter_context(single_instance(self.settings.ledger.path.with_suffix(".lock")))
            bound_socket = held.enter_context(
                listen(self.settings.console.host, self.settings.console.port, search=self.port_search)
            )
            async with self.compose(self.settings, self.store, self.clock) as built:
                process = _Process(self, built)
                if process.leadership is None:
                    await process.recover()
                server = Server(process.app())
                with _signals(self.stop):
                    metrics.LEADER.set(process.leadership is None)
                    log.info(Event.DAEMON_STARTED, url=url_of(bound_socket), config_hash=self.settings.config_hash)
                    try:
                        await process.live(server, bound_socket)
                    finally:
                        metrics.LEADER.set(0)
                        log.info(Event.DAEMON_STOPPED)


class _Process:
    """The parts of one running daemon, wired."""

    def __init__(self, daemon: Daemon, built: Composed) -> None:
        self.daemon, self.built = daemon, built
        settings = daemon.settings
        self.swap: Swap[Deps] = Swap(built.deps)
        self.tracked = Tracked()
        self.runner = _Runner(self.swap, daemon.run_cycle)
        self.cycles = Cycles(
            run=self.runner.run,
            clock=daemon.clock,
            every=settings.cycle.every,
            timeout=settings.cycle.timeout,
            breaker=Breaker(settings.circuit_breaker.failures, settings.circuit_breaker.rest),
            before=self._border,
            after=self._after,
            request_drain=self.runner.request_drain,
        )
        self.delivering = Delivering(
            settings.channels, built.ledger, built.desk.answer, daemon.clock, Boards(settings, built.deps.catalog)
        )
        self.chores = Chores(built, daemon.clock, lambda: self.swap.current, self.delivering.forget)
        self.reporting = Reporting(settings, daemon.clock, lambda: self.swap.current)
        self.vitals = Vitals()
        self.questions = DaemonQuestions(settings, lambda: self.swap.current, daemon.clock)
        self.reload: Reload[Deps] = Reload(load_settings, self._rebuild, self.swap, settings)
        self.schedule = Schedule(self._triggers(), settings.cycle.misfire_grace)
        self.leadership = self._leadership(settings.shared_url)

    def _leadership(self, url: str | None) -> "Leadership | None":
        if url is None:
            return None
        from llo11ypop.daemon.leader import Leadership

        return Leadership(url, self._gained, self._lost, self.daemon.clock if self.daemon.watch_clock else None)

    @property
    def leading(self) -> bool:
        return self.leadership is None or self.leadership.leading

    async def _gained(self) -> None:
        await self.recover()
        await self.swap.current.policy.learn_from(self.built.ledger)
        self.schedule.restart()

    def _lost(self) -> None:
        self.schedule.clear()
        self.runner.request_drain()

    async def recover(self) -> None:
        await self.chores.recover()
        last = await self.built.ledger.last_cycle()
        self.cycles.last_at = last.at if last else None

    def app(self) -> Any:
        return build_app(
            built=self.built,
            deps=lambda: self.swap.current,
            cycles=self.cycles,
            vitals=self.vitals,
            reload_error=lambda: self.reload.last_error,
            clock=self.daemon.clock,
            leading=lambda: self.leading,
            demo=self.daemon.demo,
            questions=self.questions,
            webhooks=self.delivering.listeners(),
        )

    async def live(self, server: Server, listening: Any) -> None:
        """Until the stop, or the first crash; then drain."""
        tasks = {
            "http": lambda: server.serve(sockets=[listening]),
            "heartbeat": self._heartbeat,
            "config": self._watch,
            **({"leader": self.leadership.keep} if self.leadership else {}),
            **self.daemon.companions,
        }
        running: dict[asyncio.Task[Any], str] = {asyncio.create_task(start(), name=name): name for name, start in tasks.items()}
        stopping = asyncio.create_task(self.daemon.stop.wait(), name="stop")
        self.schedule.start(lay=self.leadership is None)
        self.daemon.on_ready(url_of(listening))
        try:
            done, _ = await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                why = task.exception() if not task.cancelled() else None
                log.error(Event.DAEMON_CRASHED, task=running[task], why=str(why or "it ended by itself"))
        finally:
            await self._drain(server, running)
            stopping.cancel()
        for task in done - {stopping}:
            task.result()

    async def _drain(self, server: Server, running: Mapping["asyncio.Task[Any]", str]) -> None:
        self.vitals.draining = True
        self.daemon.stop.set()
        log.info(Event.DAEMON_DRAINING, cycle_running=self.cycles.running)
        self.schedule.stop()
        await self.cycles.drain(self.daemon.settings.cycle.drain)
        await self.tracked.drain(DRAIN_JOBS)
        server.should_exit = True
        for task, name in running.items():
            if name != "http":
                task.cancel()
        await asyncio.wait(running, timeout=5)
        await self.questions.close()
        await self.delivering.close()

    def _triggers(self) -> dict[str, Trigger]:
        settings, pace = self.daemon.settings, self.daemon.pace

        def job(name: str, work: Callable[[], Awaitable[None]], every: timedelta) -> Trigger:
            every_s = max(SHORTEST_JOB_S, every.total_seconds() / pace)
            return Trigger(lambda: self.tracked.start(name, work), every_s, lambda: every_s)

        reports = {"reports": job("reports", self.reporting.turn, REPORTS_EVERY)} if self.reporting.wanted else {}
        polls = {name: job(name, poll, every) for name, (poll, every) in self.delivering.polls().items()}
        return {
            **reports,
            **polls,
            "deliver": job("deliver", self.delivering.deliver, settings.channels.every),
            "cycle": Trigger(self.cycles.trigger, settings.cycle.every.total_seconds() / pace, self._first_cycle_s),
            "expiry": job("expiry", self.chores.expire, settings.jobs.expiry),
            "outcomes": job("outcomes", self.chores.outcomes, settings.jobs.outcomes),
            "retention": job("retention", self.chores.retain, settings.jobs.retention),
        }

    def _first_cycle_s(self) -> float:
        return wait_s(self.daemon.clock.now(), self.daemon.settings.cycle.every, self.cycles.last_at, self.daemon.pace)

    def _border(self) -> None:
        self.swap.take()

    async def _after(self, report: Any) -> None:
        for seen in report.observations:
            if seen.get("value") is not None and not seen.get("slice") and seen["kind"] != "activity":
                metrics.GOAL_VALUE.labels(seen["subject"]).set(seen["value"])
        for filed in report.proposals:
            metrics.PROPOSALS_FILED.labels(filed["action"]["name"]).inc()
            log.info(Event.PROPOSAL_FILED, proposal_id=filed["id"], cause=filed["cause"], title=filed["title"])
        self.tracked.start("count_open", self.chores.count_open)
        self.daemon.on_report(report)

    async def _rebuild(self, settings: Settings) -> "Deps":
        return await deps(settings, self.built.store, self.built.ledger, self.built.desk.start)

    async def _watch(self) -> None:
        directory: Path = self.daemon.settings.config_dir
        await self.reload.watch(directory, self.daemon.stop)
        await self.daemon.stop.wait()

    async def _heartbeat(self) -> None:
        watch = ClockWatch(self.daemon.clock, time.monotonic, self.daemon.pace)
        while not self.daemon.stop.is_set():
            before_s = time.monotonic()
            await asyncio.sleep(HEARTBEAT_S)
            self.vitals.beat(time.monotonic(), time.monotonic() - before_s - HEARTBEAT_S)
            if self.daemon.watch_clock and (jump := watch.jump()):
                metrics.CLOCK_JUMPS.inc()
                log.warning(Event.CLOCK_JUMPED, seconds=round(jump.total_seconds(), 1))
                self.cycles.clock_jumped()
                if self.leading:
                    self.schedule.restart()


class _Runner:
    """Runs the loop with the configuration in force; compiles its graph once per configuration."""

    def __init__(self, swap: "Swap[Deps]", instead: "Callable[[Deps, datetime], Awaitable[Any]] | None") -> None:
        self._swap, self._instead = swap, instead
        self._compiled: Any = None

    async def run(self, at: datetime) -> Any:
        with bound(cycle_at=at.isoformat(), run_id=new_id()[:8]):
            current = self._swap.current
            if self._instead is not None:
                return await self._instead(current, at)
            if self._compiled is None or self._compiled.deps is not current:
                from llo11ypop.ooda.cycle import Cycle

                self._compiled = Cycle(current)
            return await self._compiled.run(at)

    def request_drain(self) -> None:
        drain = getattr(self._compiled, "request_drain", None)
        if drain is not None:
            drain()


class _signals:
    """Set `stop` at SIGTERM or SIGINT while inside; a loop outside the main thread gets none."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
            except (RuntimeError, ValueError):
                return

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
