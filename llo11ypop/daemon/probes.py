"""What others ask of the process: /livez, /readyz, /metrics, /statusz, and behind them the console."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from llo11ypop import __version__
from llo11ypop.core.clock import Clock
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.proposal import OPEN_STATUSES
from llo11ypop.core.window import format_duration, iso
from llo11ypop.daemon.compose import Composed
from llo11ypop.daemon.cycles import Cycles
from llo11ypop.observability import metrics

if TYPE_CHECKING:
    from llo11ypop.console.ask_ports import Questions
    from llo11ypop.console.ports import Demo
    from llo11ypop.console.webhooks import Listener
    from llo11ypop.ooda.deps import Deps

LAG_LIMIT_S = 30.0
"""Without a heartbeat for this long the event loop is stuck; a restart may help. Our assumption."""
COVERAGE_SPAN = timedelta(hours=1)
COVERAGE_AGE_S = 10.0
"""How long a look at telemetry coverage is kept."""


@dataclass
class Vitals:
    """Signs of life."""

    draining: bool = False
    beat_s: float = field(default_factory=time.monotonic)
    lag_s: float = 0.0

    def beat(self, now_s: float, lag_s: float) -> None:
        """Note a heartbeat that came `lag_s` late."""
        self.beat_s, self.lag_s = now_s, lag_s
        metrics.LOOP_LAG.set(max(0.0, lag_s))

    def alive(self, now_s: float) -> bool:
        """Whether the loop turned lately."""
        return now_s - self.beat_s < LAG_LIMIT_S


@dataclass
class Status:
    """Gathers /statusz."""

    built: Composed
    deps: "Callable[[], Deps]"
    cycles: Cycles
    vitals: Vitals
    reload_error: Callable[[], str]
    clock: Clock
    leading: Callable[[], bool] = lambda: True
    """Whether this process schedules; another replica does where it does not."""
    _coverage: tuple[float, dict[str, Any]] | None = None

    async def gather(self) -> dict[str, Any]:
        """Everything that says how the process is; parts that cannot be read say why."""
        deps = self.deps()
        last = await self.built.ledger.last_cycle()
        open_ones = await self.built.ledger.proposals(OPEN_STATUSES)
        return {
            "version": __version__,
            "config_hash": deps.config_hash,
            "config_error": self.reload_error(),
            "now": iso(self.clock.now()),
            "leader": self.leading(),
            "loop": {
                "state": self.state(),
                "every": format_duration(self.cycles.every),
                "last_error": self.cycles.last_error,
                "skipped": dict(self.cycles.skipped),
                "lag_s": round(self.vitals.lag_s, 3),
            },
            "last_cycle": {"id": last.id, "at": iso(last.at), "status": last.status} if last else None,
            "goals": [goal.id for goal in deps.goals],
            "open_proposals": len(open_ones),
            "telemetry": await self._telemetry(),
        }

    def state(self) -> str:
        """The loop in a word: draining, standby (another schedules), resting (circuit open), running, failing or watching."""
        if self.vitals.draining:
            return "draining"
        if not self.leading():
            return "standby"
        if not self.cycles.breaker.allows(self.cycles.monotonic_s()):
            return "resting"
        if self.cycles.last_error:
            return "failing"
        return "running" if self.cycles.running else "watching"

    async def _telemetry(self) -> dict[str, Any]:
        now_s = time.monotonic()
        if self._coverage is None or now_s - self._coverage[0] > COVERAGE_AGE_S:
            self._coverage = (now_s, await self._look())
        return self._coverage[1]

    async def _look(self) -> dict[str, Any]:
        now = self.clock.now()
        try:
            seen = await self.built.store.coverage(now, now - COVERAGE_SPAN)
        except Llo11yPopError as bad:
            return {"error": bad.line(), "fresh": 0, "expected": 0, "datasets": {}}
        timed = {n: c for n, c in seen.items() if c.exported and c.cadence}
        return {
            "error": "",
            "fresh": sum(1 for c in timed.values() if c.rows),
            "expected": len(timed),
            "datasets": {
                name: {
                    "exported": c.exported,
                    "rows": c.rows,
                    "entities": c.entities,
                    "last_at": iso(c.last_at) if c.last_at else None,
                }
                for name, c in sorted(seen.items())
            },
        }

    async def unready(self) -> str:
        """Why no work should be sent here; empty when ready."""
        if self.vitals.draining:
            return "draining"
        try:
            await self.built.ledger.last_cycle()
            await self.built.store.exports()
        except Llo11yPopError as bad:
            return bad.line()
        return ""


def build_app(
    built: Composed,
    deps: "Callable[[], Deps]",
    cycles: Cycles,
    vitals: Vitals,
    reload_error: Callable[[], str],
    clock: Clock,
    *,
    leading: Callable[[], bool] = lambda: True,
    demo: "Demo | None" = None,
    questions: "Questions | None" = None,
    webhooks: "Mapping[str, Listener] | None" = None,
) -> FastAPI:
    """The whole HTTP surface of a daemon."""
    from llo11ypop.console.app import build_console
    from llo11ypop.console.ports import Ports
    from llo11ypop.console.webhooks import webhook_router

    status = Status(built, deps, cycles, vitals, reload_error, clock, leading)
    if not built.settings.console.enabled:
        bare = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        bare.include_router(webhook_router(webhooks or {}))
        return add_probes(bare, status)
    ports = Ports(
        ledger=built.ledger,
        store=built.store,
        clock=clock,
        goals=lambda: deps().goals,
        answer=built.desk.answer,
        status=status.gather,
        demo=demo,
        snooze=built.settings.proposals.snooze,
        hosts=(*built.settings.console.hosts, built.settings.console.host),
        questions=questions,
        webhooks=webhooks or {},
    )
    return add_probes(build_console(ports), status)


def add_probes(app: FastAPI, status: Status) -> FastAPI:
    """Add the four addresses to an application."""

    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        alive = status.vitals.alive(time.monotonic())
        return PlainTextResponse("ok" if alive else "the loop is stuck", 200 if alive else 503)

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        why = await status.unready()
        return PlainTextResponse(why or "ok", 503 if why else 200)

    @app.get("/metrics", include_in_schema=False)
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/statusz", include_in_schema=False)
    async def statusz() -> Response:
        return JSONResponse(await status.gather())

    return app
