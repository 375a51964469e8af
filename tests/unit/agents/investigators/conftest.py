"""Small simulated fleets with known truth, and an investigation over one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.agents.investigators import Ground, Investigated, investigate
from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.core.goal import Goal
from llo11ypop.language.intent import Intent
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Period, Scope
from llo11ypop.playbooks import PlaybookSet, load_goals, load_playbooks
from llo11ypop.query.store import TelemetryStore
from llo11ypop.query.topology import read_topology
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet
from llo11ypop.stores.duckdb import DuckDbStore
from tests.remembering import RememberingStore

CONFIG = Path(__file__).resolve().parents[4] / "config"
START = datetime(2026, 5, 1, tzinfo=UTC)

SCENARIOS: dict[str, tuple[int, str, str]] = {
    "cooling": (64, "full", "- {mode: F14, entity: any, start: '+50h', duration: '5h', strength: 0.8}"),
    "training": (
        128,
        "full",
        "- {mode: F31, entity: any, start: '+28h', duration: '8h', strength: 0.6}\n"
        "- {mode: F33, entity: any, start: '+44h', strength: 0.9}\n"
        "- {mode: D13, entity: any, start: '+56h', duration: '10h'}",
    ),
    "driver": (128, "full", "- {mode: F36, entity: any, start: '+26h'}"),
    "pcie": (64, "full", "- {mode: F10, entity: any, start: '+50h', duration: '20h', strength: 0.8}"),
    "scheduler": (64, "full", "- {mode: F29, entity: any, start: '+60h', duration: '8h'}"),
    "fans": (64, "full", "- {mode: F16, entity: any, start: '+60h', duration: '10h'}"),
    "lemon": (64, "full", "- {mode: F37, entity: any, start: '+2h'}"),
    "default": (64, "default", "- {mode: F16, entity: any, start: '+60h', duration: '10h'}"),
}
"""Name → (GPUs, exporter profile, incidents)."""
DAYS = 3.0


@cache
def configured() -> tuple[Catalog, PlaybookSet, tuple[Goal, ...]]:
    """The shipped configuration, read once."""
    catalog = load_catalog(CONFIG)
    return catalog, load_playbooks(CONFIG, catalog), load_goals(CONFIG, catalog)


@dataclass
class Case:
    """A fleet and what was really injected."""

    store: TelemetryStore
    truths: list[Any]

    def truth(self, mode: str) -> Any:
        return next(t for t in self.truths if t.mode == mode)


@dataclass
class Bench:
    """Asks investigators about a fleet."""

    case: Case

    async def ask(
        self, intent: Intent, hours: float, question: str = "", *, start: float | None = None, **scope: Any
    ) -> Investigated:
        """An investigation `hours` after the fleet's start; its window begins at hour `start` where that is given."""
        at = START + timedelta(hours=hours)
        if start is not None:
            scope["window"] = Period(START + timedelta(hours=start), at, "window")
        catalog, playbooks, goals = configured()
        topology = await read_topology(self.case.store, at)
        ground = Ground(self.case.store, catalog, playbooks, goals, topology, at)
        return await investigate(Reading(question, intent, Scope(intent, **scope), None, question), ground)


@pytest.fixture(scope="session")
def fleet_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Fleets by name, each simulated once."""
    made: dict[str, Case] = {}

    def build(name: str) -> Case:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            gpus, profile, text = SCENARIOS.get(name, (64, "full", ""))
            scenario = folder / "scenario.yaml"
            scenario.write_text(text)
            spec = SimulationSpec(
                seed=7, gpus=gpus, days=DAYS, start_at=START, profile=profile, quiet=not text, scenario=scenario if text else None
            )
            world, truths = simulate(spec)
            write_fleet(world, folder / "fleet.duckdb")
            made[name] = Case(RememberingStore(DuckDbStore.open(folder / "fleet.duckdb", configured()[0])), list(truths))
        return made[name]

    return build


@pytest.fixture
def bench(fleet_of: Callable[[str], Case], request: pytest.FixtureRequest) -> Bench:
    """The fleet that the test's `fleet` marker or parameter names."""
    return Bench(fleet_of(request.param))
