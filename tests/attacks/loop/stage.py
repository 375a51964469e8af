"""A small fleet with nine open faults, cycles over it with any mind, and what they filed."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llo11ypop.agents.writer.facts import Names
from llo11ypop.catalog import Catalog
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.ids import content_hash
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.daemon import compose
from llo11ypop.evals.fleet_score import simulate_fleet
from llo11ypop.evals.suite.fleets import makers
from llo11ypop.ledger import SqlLedger
from llo11ypop.models.client import Endpoints
from llo11ypop.models.config import Budgets, Circuit, Endpoint, MindLimits, Models
from llo11ypop.models.fake import FakeModelServer
from llo11ypop.models.port import NO_MODELS, Model
from llo11ypop.models.record import Record
from llo11ypop.ooda.cycle import run_cycle
from llo11ypop.ooda.deps import Deps, Memory
from llo11ypop.ooda.state import CycleReport, from_json
from llo11ypop.ooda.wording import closed_words
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import Coverage, Exports, TelemetryStore
from llo11ypop.settings import load_settings
from llo11ypop.simulator.truth import truth_path
from llo11ypop.stores.duckdb import DuckDbStore

AT = datetime(2026, 5, 2, 13, 30, tzinfo=UTC)
STORY = Path(__file__).with_name("story.yaml")
ROLES = ("director", "causes", "writer")


def fleet(folder: Path) -> Path:
    """The file of the fleet, simulated where the folder does not hold it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"loop-{content_hash(STORY.read_text(encoding='utf-8'))[:6]}-{makers()}.duckdb"
    if not path.exists():
        draft = path.with_name(f".{os.getpid()}-{path.name}")
        simulate_fleet(draft, seed=7, gpus=128, days=1.6, profile="full", quiet=False, scenario=STORY)
        truth_path(draft).unlink(missing_ok=True)
        draft.replace(path)
    return path


class KeptStore:
    """Telemetry that is read once: what is asked again is answered from memory."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store
        self._kept: dict[str, Any] = {}

    @property
    def query_count(self) -> int:
        return self._store.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        return (await self.run_many({"one": plan}, at))["one"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        keys = {name: content_hash(plan.model_dump(mode="json"), at) for name, plan in plans.items()}
        left = {name: plan for name, plan in plans.items() if keys[name] not in self._kept}
        if left:
            found = await self._store.run_many(left, at)
            self._kept |= {keys[name]: one for name, one in found.items()}
        return {name: self._kept[key] for name, key in keys.items()}

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        key = f"coverage {at} {since} {entities}"
        if key not in self._kept:
            self._kept[key] = await self._store.coverage(at, since, entities=entities)
        found: dict[str, Coverage] = self._kept[key]
        return found

    async def exports(self) -> Exports:
        return await self._store.exports()


@dataclass(frozen=True)
class Run:
    """One cycle and what stands in the ledger after it."""

    report: CycleReport
    proposals: dict[str, Proposal]
    """By the entity they are about."""
    topology: Any = None

    def acts(self) -> dict[str, tuple[Any, ...]]:
        """What an SRE would do because of it: cause, severity, queue, action, arguments, and everything else that acts."""
        return {
            thing: (p.cause, p.severity, p.queue, p.action, p.other_actions, p.forbidden_actions, p.blast_radius, p.confidence)
            for thing, p in self.proposals.items()
        }

    def texts(self) -> dict[str, tuple[str, str]]:
        """Title and summary."""
        return {thing: (p.title, p.summary) for thing, p in self.proposals.items()}


@dataclass
class Stage:
    """Everything but models and ledger, built once."""

    base: Deps

    def over(self, path: Path, catalog: Catalog) -> "Stage":
        """The same playbooks over another fleet and catalog."""
        store = KeptStore(DuckDbStore.open(path, catalog, read_only=True))
        return Stage(replace(self.base, store=store, catalog=catalog))

    async def cycle(self, models: Model = NO_MODELS, *, ledger: SqlLedger | None = None, most: MindLimits | None = None) -> Run:
        ledger = ledger or SqlLedger.in_memory()
        deps = replace(self.base, ledger=ledger, models=models, minds=most or MindLimits(), memory=Memory())
        await deps.policy.learn_from(ledger)
        report = await run_cycle(deps, AT)
        filed = [p for p in await ledger.proposals() if p.created_at == AT]
        kept = deps.memory.topology
        return Run(report, {str(p.entities[0]): p for p in filed}, kept[1] if kept else None)

    def case(self, run: Run, thing: str) -> tuple[Proposal, Hypothesis, Names]:
        """A proposal, what it was made from, and its names."""
        proposal = run.proposals[thing]
        made = [from_json(Hypothesis, h) for h in run.report.hypotheses]
        hypothesis = next(h for h in made if h.cause == proposal.cause and str(h.entity) == thing)
        return proposal, hypothesis, Names.of(hypothesis, run.topology, closed_words(self.base.catalog))


async def staged(path: Path) -> Stage:
    """A stage over a fleet file, with the configuration that is shipped."""
    settings = await asyncio.to_thread(load_settings)
    catalog = await asyncio.to_thread(compose.open_catalog, settings)
    store = KeptStore(DuckDbStore.open(path, catalog, read_only=True))
    return Stage(await compose.deps(settings, store, SqlLedger.in_memory()))


def minds(
    fake: FakeModelServer, roles: Iterable[str] = ROLES, *, budgets: Budgets | None = None, timeouts: Mapping[str, float] = {},
    record: Record | None = None,
) -> Endpoints:  # fmt: skip
    """The loop's roles at a fake endpoint; each role asks for a model of its own, so that rules can tell them apart."""
    ends = {
        role: Endpoint(base_url=fake.base_url, model=f"fake-{role}", timeout_s=timeouts.get(role, 30), retries=0)
        for role in roles
    }
    open_late = Circuit(failures=10_000)
    made = Models(endpoints=ends, budgets=budgets or Budgets(), circuit_breaker=open_late, cache=0)
    return Endpoints(made, record=record, pause_s=0.01)
