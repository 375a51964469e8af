"""A small simulated fleet in a file, made once per process, and conversations over it."""

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from llo11ypop.ask.deps import AskDeps
from llo11ypop.catalog import load_catalog
from llo11ypop.core.evidence import Evidence
from llo11ypop.daemon.conversing import conversing
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import Coverage, Exports, TelemetryStore
from llo11ypop.settings import Settings, load_settings
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet
from llo11ypop.stores.duckdb import DuckDbStore
from tests.remembering import RememberingStore

CONFIG = Path(__file__).parents[1] / "config"
END = datetime(2026, 5, 4, tzinfo=UTC)
"""Just after the last row of the small fleet: it begins on 1 May 2026 and lasts three days."""


@cache
def fleet_file() -> Path:
    """The file; read-only by agreement."""
    folder = Path(tempfile.mkdtemp(prefix="llo11ypop-ask-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    world, _ = simulate(SimulationSpec(seed=5, gpus=64, days=3.0))
    write_fleet(world, folder / "fleet.duckdb")
    return folder / "fleet.duckdb"


@cache
def fleet_store() -> TelemetryStore:
    """The store over it, for every conversation of the process."""
    return RememberingStore(DuckDbStore.open(fleet_file(), load_catalog(CONFIG)))


def settings_for(folder: Path, fleet: Path | None = None, **ask: Any) -> Settings:
    """Settings whose files lie in a folder of the test's own."""
    return load_settings(
        CONFIG,
        telemetry={"path": fleet or fleet_file()},
        ledger={"path": folder / "ledger.sqlite", "checkpoints": folder / "checkpoints.sqlite"},
        ask={"threads": folder / "threads.sqlite", "charts": folder / "charts", **ask},
    )


@asynccontextmanager
async def conversation(folder: Path, store: TelemetryStore | None = None, **options: Any) -> AsyncIterator[AskDeps]:
    """An opened conversation; without a ledger unless `keep`."""
    ask = options.pop("ask", {})
    async with conversing(settings_for(folder, **ask), store=store or fleet_store(), **{"keep": False, **options}) as deps:
        yield deps


@dataclass
class BrittleStore:
    """A store that raises what it is told to, as often as it is told, then works."""

    store: TelemetryStore
    error: Exception
    times: int = 10**6
    after: int = 0
    """Calls that work before the first failure."""
    calls: int = field(default=0, init=False)

    @property
    def query_count(self) -> int:
        return self.store.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        return (await self.run_many({"plan": plan}, at))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        self.calls += 1
        if self.after < self.calls <= self.after + self.times:
            raise self.error
        return await self.store.run_many(plans, at)

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        return await self.store.coverage(at, since, entities=entities)

    async def exports(self) -> Exports:
        return await self.store.exports()


def broken_fleet(folder: Path, scenario: str, hours: int) -> Path:
    """A fleet of 16 GPUs in which what the scenario says breaks; its file in the folder."""
    (folder / "scenario.yaml").write_text(scenario, encoding="utf-8")
    spec = SimulationSpec(seed=5, gpus=16, days=hours / 24, scenario=folder / "scenario.yaml")
    write_fleet(simulate(spec)[0], folder / "fleet.duckdb")
    return folder / "fleet.duckdb"
