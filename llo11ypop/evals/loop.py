"""Run the real loop over recorded telemetry at past instants, with nobody answering, and collect what it proposes."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from llo11ypop.core.clock import ManualClock
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Proposal
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import Coverage, Exports, TelemetryStore

if TYPE_CHECKING:
    from llo11ypop.playbooks import PlaybookSet
    from llo11ypop.settings import Settings

Watch = Callable[[Mapping[str, Evidence], datetime], None]
"""Sees the evidence of every fused run, by plan."""


@dataclass(frozen=True, slots=True)
class LoopRun:
    """What came of a run. `errors` are those of single analysts; the loop went on."""

    proposals: Sequence[Proposal]
    cycles: int
    seconds: float
    errors: Sequence[str]
    playbooks: "PlaybookSet"
    renewed: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    """Proposal id → when its condition was seen again, or came back."""

    @property
    def cycle_s(self) -> float:
        """Mean seconds per cycle; 0 without cycles."""
        return self.seconds / self.cycles if self.cycles else 0.0


class WatchedStore:
    """A telemetry store that lets a watcher see every result; the baseline reads the loop's own evidence."""

    def __init__(self, store: TelemetryStore, watch: Watch) -> None:
        self._store = store
        self._watch = watch

    @property
    def query_count(self) -> int:
        """Native queries sent so far."""
        return self._store.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """See `TelemetryStore.run`."""
        return await self._store.run(plan, at)

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """See `TelemetryStore.run_many`."""
        found = await self._store.run_many(plans, at)
        self._watch(found, at)
        return found

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """See `TelemetryStore.coverage`."""
        return await self._store.coverage(at, since, entities=entities)

    async def exports(self) -> Exports:
        """See `TelemetryStore.exports`."""
        return await self._store.exports()


def ticks(start: datetime, until: datetime, cadence: timedelta) -> list[datetime]:
    """Instants from `start` to `until`, both included where the cadence meets them."""
    return [start + cadence * n for n in range(int((until - start) / cadence) + 1)]


async def run_loop(
    settings: "Settings",
    store: TelemetryStore,
    instants: Iterable[datetime],
    *,
    before: Callable[[datetime], None] | None = None,
    goals_every: timedelta | None = None,
    progress: Callable[[datetime, int], None] | None = None,
) -> LoopRun:
    """One cycle per instant, in order, with a fresh ledger in memory and a clock that stands at the instant.

    `before` is called with each instant first (a replay moves its telemetry there); `goals_every` measures goals
    no more often than that. Raises what a cycle raises.
    """
    from llo11ypop.daemon.compose import deps
    from llo11ypop.evals.noting import NotingLedger
    from llo11ypop.ooda.cycle import Cycle

    ledger = NotingLedger.noting()
    clock = ManualClock(datetime.fromtimestamp(0, UTC))
    try:
        built = await deps(settings, store, ledger)
        if goals_every is not None:
            rare = tuple(replace(g, cadence=max(g.cadence, goals_every)) for g in built.goals)
            built = replace(built, goals=rare)
        cycle = Cycle(built)
        count, seconds, errors = 0, 0.0, list[str]()
        for instant in instants:
            clock.at = instant
            if before is not None:
                before(instant)
            began = time.perf_counter()
            report = await cycle.run(clock.now())
            seconds += time.perf_counter() - began
            count += 1
            errors += [f"{instant:%Y-%m-%d %H:%M}: {e}" for e in report.errors]
            if progress is not None:
                progress(instant, count)
        return LoopRun(await ledger.proposals(), count, seconds, errors, built.playbooks, ledger.renewed)
    finally:
        await ledger.close()
