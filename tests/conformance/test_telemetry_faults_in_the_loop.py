"""The loop while a store fails: cycles end or go on, nothing is filed twice, nothing is lost, nothing counts as cleared."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from llo11ypop.core.access import Access
from llo11ypop.core.errors import StoreError
from llo11ypop.core.proposal import Proposal, ProposalStatus
from llo11ypop.daemon.compose import deps
from llo11ypop.evals.parity_plans import said
from llo11ypop.ledger import SqlLedger
from llo11ypop.ooda.cycle import Cycle
from llo11ypop.ooda.state import CycleReport
from llo11ypop.query.store import TelemetryStore
from llo11ypop.stores import retrying
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.joining import JoiningStore, joined_within
from llo11ypop.stores.prometheus import Place, PrometheusStore
from llo11ypop.stores.spanning import SpanningStore
from tests import prometheus_server
from tests.ask_fleet import broken_fleet, settings_for
from tests.conformance.store_tables import catalog
from tests.fakes.elasticsearch import FakeElasticsearch, Fault, serving
from tests.prometheus_fleet import exported

END = datetime(2026, 5, 1, 9, tzinfo=UTC)
BEFORE = END - timedelta(hours=1)
SCENARIO = """
- {mode: F16, entity: any, start: "+4h", duration: "5h"}
"""
GOALS = ("fan_failures", "gpus_over_temperature", "job_failure_rate")
"""What breaks is a fan. Three goals over three datasets, and the playbooks of their areas, are enough to see a loop go on; that
every goal and playbook reads the same from each store is shown in test_es_parity.py."""


@dataclass
class Loop:
    """Cycles over one store with a ledger of their own."""

    cycle: Cycle
    ledger: SqlLedger

    async def run(self, at: datetime) -> CycleReport:
        return await self.cycle.run(at, GOALS)

    async def proposals(self) -> list[Proposal]:
        return list(await self.ledger.proposals())

    async def said(self) -> list[tuple[str, str, str, str]]:
        return sorted(said(p) for p in await self.proposals())


async def loop(folder: Path, fleet: Path, store: TelemetryStore) -> Loop:
    ledger = SqlLedger.in_memory()
    return Loop(Cycle(await deps(settings_for(folder, fleet), store, ledger)), ledger)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return broken_fleet(tmp_path_factory.mktemp("fleet"), SCENARIO, hours=9)


@pytest.fixture
def fake(fleet: Path) -> Iterator[FakeElasticsearch]:
    made = FakeElasticsearch()
    made.hold(fleet, catalog())
    with serving(made):
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.01)


async def undisturbed(folder: Path, fleet: Path) -> list[tuple[str, str, str, str]]:
    made = await loop(folder, fleet, DuckDbStore.open(fleet, catalog(), read_only=True))
    for at in (BEFORE, END):
        await made.run(at)
    return await made.said()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_cluster_that_fails_and_comes_back_loses_nothing_and_files_nothing_twice(
    fleet: Path, fake: FakeElasticsearch, tmp_path: Path
) -> None:
    expected = await undisturbed(tmp_path, fleet)
    assert expected
    made = await loop(tmp_path, fleet, JoiningStore(ElasticsearchStore(Access(fake.url), catalog()), catalog()))
    await made.run(BEFORE)
    filed = await made.said()
    down = Fault(status=503, kind="search_phase_execution_exception", reason="Partial shards failure", times=10**6)
    fake.faults.append(down)
    with pytest.raises(StoreError, match="busy or incomplete") as failed:
        await made.run(BEFORE + timedelta(minutes=30))
    assert failed.value.transient
    assert (await made.said(), {p.status for p in await made.proposals()}) == (filed, {ProposalStatus.PENDING})
    down.times = 0
    fake.faults.append(Fault(status=429, times=3))
    report = await made.run(END)
    assert (report.errors, await made.said()) == ([], expected)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_mapping_that_changes_between_two_cycles_is_read_anew(
    fleet: Path, fake: FakeElasticsearch, tmp_path: Path
) -> None:
    made = await loop(tmp_path, fleet, JoiningStore(ElasticsearchStore(Access(fake.url), catalog()), catalog()))
    await made.run(BEFORE)
    filed = await made.said()
    shown = 'SELECT * EXCLUDE (gpu_temp_c), ts AS "@timestamp" FROM fleet.main.gpu_metrics'
    fake.connection.execute(f'CREATE OR REPLACE VIEW "llo11ypop-gpu_metrics" AS {shown}')
    fake.forget()
    report = await made.run(END)
    unknown = [o for o in report.observations if o["kind"] == "unknown" and "gpu_metrics.gpu_temp_c" in o["note"]]
    assert unknown and all("not exported" in o["note"] for o in unknown)
    assert set(filed) <= set(await made.said())
    assert {p.status for p in await made.proposals()} == {ProposalStatus.PENDING}


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_loop_goes_on_while_prometheus_is_down(fleet: Path, tmp_path: Path) -> None:
    main, there = DuckDbStore.open(fleet, catalog(), read_only=True), frozenset({"gpu_metrics"})
    with duckdb.connect(str(fleet), read_only=True) as connection:
        samples = exported(connection, catalog(), there)
    try:
        with prometheus_server.running(samples) as url:
            prometheus = PrometheusStore(Access(url), catalog(), {"gpu_metrics": Place(rows="power_w")})
            spanning = SpanningStore(main, {"prometheus": prometheus}, {"gpu_metrics": "prometheus"}, catalog())
            made = await loop(tmp_path, fleet, JoiningStore(spanning, catalog(), joined_within(catalog(), there)))
            await made.run(BEFORE)
            filed = await made.said()
    except prometheus_server.UnavailableError as reason:
        pytest.skip(f"no Prometheus here: {reason}")
    assert filed
    report = await made.run(END)
    assert set(filed) <= set(await made.said())
    assert {p.status for p in await made.proposals()} == {ProposalStatus.PENDING}
    blind = [o for o in report.observations if o["kind"] == "unknown"]
    assert any(o["note"].startswith("not read: ") and "cannot be reached" in o["note"] for o in blind)
    assert any(o["kind"] in ("ok", "breach") for o in report.observations), "goals over other datasets are still measured"
