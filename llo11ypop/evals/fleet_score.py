"""Score one fleet file: run the loop over it, compare what it proposed with what was injected."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import ConfigError, StoreError
from llo11ypop.evals.baseline import StaticThresholds
from llo11ypop.evals.loop import WatchedStore, run_loop, ticks
from llo11ypop.evals.matching import Period, match
from llo11ypop.evals.places import Places, read_topology
from llo11ypop.evals.score import Scored
from llo11ypop.evals.ticket import Ticket, tickets_of
from llo11ypop.simulator.truth import Truth, read_truth, truth_path

WARM_UP = timedelta(hours=24)
"""The first day is baseline: signals compare with the past, and there is none yet."""


@dataclass(frozen=True, slots=True)
class FleetMeta:
    """What a fleet file says of itself."""

    start_at: datetime
    end_at: datetime
    profile: str
    gpus: int

    @property
    def whole(self) -> timedelta:
        """The time it covers."""
        return self.end_at - self.start_at


@dataclass(frozen=True, slots=True)
class FleetScore:
    """The loop's score and the baseline's on one fleet."""

    ours: Scored
    baseline: Scored
    cycles: int
    cycle_s: float
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to run: cadence and, where not the whole period after the first day, from when until when."""

    cadence: timedelta = timedelta(minutes=15)
    start: datetime | None = None
    until: datetime | None = None
    config: Path | None = None


def read_meta(fleet: Path) -> FleetMeta:
    """Period, profile and size of a fleet file. Raises StoreError for a file that is not one."""
    if not fleet.exists():
        raise StoreError(f"no fleet at {fleet}", next_step="write one with 'llo11ypop simulate --out FILE'")
    try:
        with duckdb.connect(str(fleet), read_only=True) as connection:
            meta = dict(connection.execute("SELECT key, value FROM fleet_meta").fetchall())
            counted = connection.execute("SELECT count(DISTINCT gpu_uuid) FROM inventory_gpus").fetchone()
        start, end = parse_instant(meta["start"]), parse_instant(meta["end"])
    except (duckdb.Error, KeyError, ValueError) as bad:
        raise StoreError(f"{fleet} is not a simulated fleet: {bad}") from bad
    return FleetMeta(start, end, meta.get("profile", "full"), int(counted[0]) if counted else 0)


def period_of(meta: FleetMeta, wanted: Wanted) -> Period:
    """The scored period. Raises ConfigError where nothing of the fleet is left."""
    start = wanted.start or meta.start_at + min(WARM_UP, meta.whole / 2)
    until = min(wanted.until or meta.end_at, meta.end_at)
    if start >= until:
        raise ConfigError(f"nothing to score between {start} and {until}", next_step="the fleet covers less than that")
    return Period(start, until, wanted.cadence, meta.profile)


def score_fleet(
    fleet: Path,
    wanted: Wanted = Wanted(),
    *,
    progress: Callable[[str], None] | None = None,
    label: str = "",
) -> FleetScore:
    """Run the loop over a fleet file and score it. Raises StoreError and ConfigError for files that are not usable."""
    truths = list(read_truth(truth_path(fleet)))
    meta = read_meta(fleet)
    period = period_of(meta, wanted)
    tickets, alerts, cycles, cycle_s, errors = asyncio.run(_run(fleet, period, wanted, progress, label or fleet.stem))
    places = Places(read_topology(fleet))
    days = meta.gpus * (period.until - period.start) / timedelta(days=1)

    def scored(found: list[Ticket]) -> Scored:
        return compare(found, truths, places, period, gpu_days=days, label=label or fleet.stem)

    return FleetScore(scored(tickets), scored(alerts), cycles, cycle_s, tuple(errors))


def compare(tickets: list[Ticket], truths: list[Truth], places: Places, period: Period, *, gpu_days: float, label: str) -> Scored:
    """Match tickets with truth; what was filed before the period began is not judged."""
    judged = [t for t in tickets if t.created_at >= period.start]
    return Scored(match(judged, truths, places, period), judged, period, places, gpu_days, label)


async def _run(
    fleet: Path, period: Period, wanted: Wanted, progress: Callable[[str], None] | None, label: str
) -> tuple[list[Ticket], list[Ticket], int, float, list[str]]:
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.playbooks import load_playbooks
    from llo11ypop.settings import load_settings
    from llo11ypop.stores.duckdb import DuckDbStore

    settings = load_settings(wanted.config)
    catalog = open_catalog(settings)
    static = StaticThresholds()
    static.use(load_playbooks(settings.config_dir, catalog))
    instants = ticks(period.start, period.until, period.cadence)

    def say(at: datetime, count: int) -> None:
        if progress is not None and (count % 100 == 0 or count == len(instants)):
            progress(f"{label}: {count}/{len(instants)} cycles, {at:%Y-%m-%d %H:%M}Z")

    store = DuckDbStore.open(fleet, catalog, threads=1)
    try:
        run = await run_loop(settings, WatchedStore(store, static.see), instants, progress=say)
    finally:
        store.close()
    return list(tickets_of(run.proposals, run.renewed)), static.alerts, run.cycles, run.cycle_s, list(run.errors)


def to_stderr(line: str) -> None:
    """Progress goes where it does not disturb JSON."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def simulate_fleet(
    out: Path, *, seed: int, gpus: int, days: float, profile: str, quiet: bool, scenario: Path | None = None
) -> None:
    """Write a simulated fleet and its truth to `out`."""
    from llo11ypop.simulator.simulate import simulate
    from llo11ypop.simulator.spec import SimulationSpec
    from llo11ypop.simulator.truth import write_truth
    from llo11ypop.simulator.writer import write_fleet

    spec = SimulationSpec(seed=seed, gpus=gpus, days=days, profile=profile, quiet=quiet)
    world, truths = simulate(replace(spec, scenario=scenario))
    write_fleet(world, out)
    write_truth(truth_path(out), truths)


def score_scenario(
    scenario: Path, folder: Path, *, gpus: int = 64, days: float = 3.0, seed: int = 1, wanted: Wanted = Wanted()
) -> FleetScore:
    """Simulate one scenario file in `folder` and score it: for tests and for tuning a playbook."""
    fleet = folder / f"{scenario.stem}.duckdb"
    simulate_fleet(fleet, seed=seed, gpus=gpus, days=days, profile="full", quiet=False, scenario=scenario)
    return score_fleet(fleet, wanted)
