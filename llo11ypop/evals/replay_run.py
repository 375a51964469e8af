"""Run the loop over a replayed trace, at the instants where something can have changed.

A replayed fleet is constant between the edges of its faults: between two edges every row of regular telemetry says
the same as the one before it. So the loop is run at the ticks after an edge, at the last tick before a fault ends
(the proposal is seen again), and 20 hours after the last; `every_tick` runs it at all of them.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from llo11ypop.core.fleet import Topology
from llo11ypop.evals.loop import run_loop
from llo11ypop.evals.ticket import Ticket, tickets_of
from llo11ypop.evals.workers import workers
from llo11ypop.simulator.replay import ReplayedFleet
from llo11ypop.simulator.trace_format import Trace
from llo11ypop.simulator.trace_merge import split

AFTER_START = (1, 3)
"""Ticks run after a fault starts: the first sees it, the third (45 minutes at most) what needs several readings."""
IDLE = timedelta(hours=20)
"""Longest time without a cycle: less than the day by which a recurrence is told from a new incident."""
DAY = timedelta(days=1)
RUN_IN = timedelta(days=3)
"""How much earlier than its part a worker begins, so that what is open when its part begins is open there too."""
GOALS_EVERY = timedelta(days=1)
"""Goals do not decide what is proposed about a fault; measuring all of them costs as much as the playbooks."""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """How to run a replay."""

    trace: Trace
    cadence: timedelta
    nodes: int
    config: Path | None = None
    every_tick: bool = False
    start_day: float = 0.0
    until_day: float | None = None


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """What came of it."""

    tickets: tuple[Ticket, ...]
    cycles: int
    cycle_s: float
    errors: tuple[str, ...]
    topology: Topology


def interesting(plan: ReplayPlan) -> list[datetime]:
    """The instants to run at, in order, on the cadence's grid from the trace's origin."""
    trace, step = plan.trace, plan.cadence
    last = int(trace.end_day * DAY / step) + 1
    if plan.every_tick:
        return [trace.origin + n * step for n in range(1, last + 1)]
    wanted: set[int] = set()
    for fault in trace.faults:
        started = int(fault.start_day * DAY / step)
        wanted |= {started + n for n in AFTER_START}
        if fault.end_day is not None:
            over = int(fault.end_day * DAY / step)
            wanted |= {over, over + 1}
    ordered = [0, *sorted(n for n in wanted if 0 < n <= last), last]
    idle = max(1, int(IDLE / step))
    for before, after in pairwise(ordered):
        wanted |= set(range(before + idle, after, idle))
    return [trace.origin + n * step for n in sorted(n for n in wanted if 0 < n <= last)]


def parts(instants: list[datetime], jobs: int) -> list[tuple[list[datetime], datetime]]:
    """The instants cut into one piece per worker: (what it runs, from when its proposals count)."""
    jobs = max(1, min(jobs, len(instants)))
    cuts = [instants[len(instants) * n // jobs] for n in range(jobs)] if instants else []
    out = []
    for number, start in enumerate(cuts):
        end = cuts[number + 1] if number + 1 < len(cuts) else None
        piece = [i for i in instants if i >= start - RUN_IN * (number > 0) and (end is None or i < end)]
        out.append((piece, start))
    return out


def run_replay(plan: ReplayPlan, jobs: int = 2, progress: Callable[[str], None] | None = None) -> ReplayRun:
    """Run the whole trace, in `jobs` processes. Raises what the loop raises."""
    pieces = parts([i for i in interesting(plan) if _within(i, plan)], jobs)
    work = [(plan, piece, start, f"replay {n + 1}/{len(pieces)}") for n, (piece, start) in enumerate(pieces)]
    if len(work) > 1:
        with workers(len(work)) as pool:
            runs = list(pool.map(_piece, *zip(*work, strict=True), [progress] * len(work)))
    else:
        runs = [_piece(*w, progress) for w in work]
    return _together(runs)


def _within(at: datetime, plan: ReplayPlan) -> bool:
    day = (at - plan.trace.origin) / DAY
    return plan.start_day <= day and (plan.until_day is None or day <= plan.until_day)


def _piece(
    plan: ReplayPlan, instants: list[datetime], counts_from: datetime, label: str, progress: Callable[[str], None] | None
) -> ReplayRun:
    return asyncio.run(_run(plan, instants, counts_from, label, progress))


async def _run(
    plan: ReplayPlan, instants: list[datetime], counts_from: datetime, label: str, progress: Callable[[str], None] | None
) -> ReplayRun:
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.query.topology import read_topology
    from llo11ypop.settings import load_settings
    from llo11ypop.stores.duckdb import DuckDbStore

    settings = load_settings(plan.config)
    catalog = open_catalog(settings)
    fleet = ReplayedFleet(plan.trace, catalog, plan.nodes)
    store = DuckDbStore.attach(fleet.connection, catalog)

    def say(at: datetime, count: int) -> None:
        if progress is not None and (count % 100 == 0 or count == len(instants)):
            progress(f"{label}: {count}/{len(instants)} cycles, day {(at - plan.trace.origin).days}")

    try:
        run = await run_loop(settings, store, instants, before=fleet.advance, goals_every=GOALS_EVERY, progress=say)
        topology = await read_topology(store, instants[-1])
    finally:
        store.close()
        fleet.close()
    kept = tuple(t for t in tickets_of(run.proposals) if t.created_at >= counts_from)
    return ReplayRun(kept, run.cycles, run.cycle_s, tuple(run.errors), topology)


def _together(runs: Iterable[ReplayRun]) -> ReplayRun:
    every = list(runs)
    cycles = sum(r.cycles for r in every)
    return ReplayRun(
        tickets=tuple(sorted((t for r in every for t in r.tickets), key=lambda t: (t.created_at, t.id))),
        cycles=cycles,
        cycle_s=sum(r.cycle_s * r.cycles for r in every) / cycles if cycles else 0.0,
        errors=tuple(e for r in every for e in r.errors),
        topology=every[0].topology if every else Topology(),
    )


def starts_by_node(trace: Trace) -> dict[str, list[float]]:
    """Node → days on which an unplanned fault of it began: what the repeat-offender ranking learns from."""
    out: dict[str, list[float]] = {}
    for fault in split(trace)[0]:
        out.setdefault(fault.node_id, []).append(fault.start_day)
    return out
