"""A report where the loop ran: proposals, answers and cycles come from the ledger; telemetry may be missing altogether."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from llo11ypop.agents.reporter.facts import FoundBy, Period
from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import StoreError
from llo11ypop.core.goal import Goal
from llo11ypop.core.principal import Principal
from llo11ypop.core.proposal import ProposalStatus
from llo11ypop.core.vocabulary import Level
from llo11ypop.daemon.reporting import report_deps
from llo11ypop.learning.policy import RulePolicy
from llo11ypop.ledger import SqlLedger
from llo11ypop.ooda.deps import Deps
from llo11ypop.playbooks import PlaybookSet, load_goals, load_playbooks
from llo11ypop.report.build import Report, build_report
from llo11ypop.report.deps import ReportDeps
from llo11ypop.report.period import between
from llo11ypop.report.scope import Reader
from llo11ypop.settings import load_settings, packaged_config
from llo11ypop.stores.duckdb import DuckDbStore
from tests.ledger_samples import AT, LEASE, approve, evidence, proposal, reject

END = AT + timedelta(hours=6)


@pytest.fixture
async def ledger() -> AsyncIterator[SqlLedger]:
    opened = SqlLedger.in_memory()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def knowledge() -> tuple[Catalog, PlaybookSet, tuple[Goal, ...]]:
    """Read once: forty YAML files take a second."""
    catalog = load_catalog(packaged_config())
    return catalog, load_playbooks(packaged_config(), catalog), load_goals(packaged_config(), catalog)


@pytest.fixture
def ready(ledger: SqlLedger, tmp_path: Path, knowledge: tuple[Catalog, PlaybookSet, tuple[Goal, ...]]) -> ReportDeps:
    """A fleet of two nodes that exports nothing but its inventory, and an empty ledger."""
    db = duckdb.connect()
    names = "node_id VARCHAR, cluster VARCHAR, rack VARCHAR, leaf_switch VARCHAR, driver VARCHAR, gpu_count BIGINT"
    db.execute(f"CREATE TABLE inventory_nodes ({names}, valid_from TIMESTAMP, valid_to TIMESTAMP)")
    db.execute('CREATE TABLE inventory_racks (rack VARCHAR, "row" VARCHAR, cluster VARCHAR)')
    db.execute("INSERT INTO inventory_racks VALUES ('c-a-r03', 'c-a-row1', 'c-a')")
    for number in (1, 2):
        values = [f"gpu-a-{number:03d}", "c-a", "c-a-r03", "c-a-leaf01", "570.1", 8]
        db.execute("INSERT INTO inventory_nodes VALUES (?, ?, ?, ?, ?, ?, '2026-01-01', NULL)", values)
    catalog, playbooks, goals = knowledge
    loop = Deps(catalog, DuckDbStore.attach(db, catalog), playbooks, goals, ledger, RulePolicy())
    return report_deps(load_settings(None, ledger={"path": tmp_path / "ledger.sqlite"}), loop)


def span() -> Period:
    return between((AT - timedelta(hours=1)).isoformat(), END.isoformat(), END)


async def filed(ledger: SqlLedger, *numbers: int, cycles: int = 3) -> None:
    for number in range(cycles):
        await ledger.open_cycle(f"cycle-{number}", AT + number * timedelta(minutes=5), "hash")
        held = {"cause": "F14", "entity": "rack:c-a-r03", "why": "planned work: cooling CHG-1 on rack:c-a-r03"}
        await ledger.close_cycle(f"cycle-{number}", {"suppressed": [held], "errors": []}, AT)
    for number in numbers:
        await ledger.file(proposal(number), [evidence()])


async def made(ready: ReportDeps) -> Report:
    return await build_report(ready, span())


async def test_what_was_decided_is_in_the_report(ready: ReportDeps, ledger: SqlLedger) -> None:
    await filed(ledger, 1, 2)
    await ledger.record_verdict(proposal(1).id, approve(), lease=LEASE)
    await ledger.record_verdict(proposal(2).id, reject(), lease=LEASE)
    report = await made(ready)
    assert report.facts.looked.found_by is FoundBy.LEDGER
    decided = {i.id: i.decision for i in report.facts.incidents}
    assert decided[proposal(1).id].status == ProposalStatus.APPROVED.value
    assert decided[proposal(1).id].by == approve().rater
    assert decided[proposal(2).id].status == ProposalStatus.REJECTED.value
    assert decided[proposal(2).id].reason
    assert "Of 2 actions proposed, 1 was approved, 1 was rejected" in " ".join(s.text for s in report.said.headline)
    assert set(proposal(1).evidence) <= set(report.evidence)


async def test_cycles_that_did_not_run_are_a_blind_spot(ready: ReportDeps, ledger: SqlLedger) -> None:
    await filed(ledger, 1)
    looked = (await made(ready)).facts.looked
    assert (looked.cycles, looked.expected) == (3, 84)
    assert looked.planned == 1, "one condition, however many cycles held it back"


async def test_a_symptom_is_counted_with_its_cause(ready: ReportDeps, ledger: SqlLedger) -> None:
    child = {"cause": "F16", "entity": "node:gpu-a-001", "since": "2026-05-01T11:52:00Z"}
    cause = proposal(2, cause="F14", dedup_key="F14:rack:c-a-r03", entities=(Entity(Level.RACK, "c-a-r03"),), children=(child,))
    await filed(ledger, 1)
    await ledger.file(cause, [evidence()])
    await ledger.clear(proposal(1).id, AT + timedelta(minutes=5))
    (incident,) = (await made(ready)).facts.incidents
    assert (incident.cause, incident.symptoms) == ("F14", 1)
    assert incident.nodes == ("gpu-a-001", "gpu-a-002")
    assert incident.cluster == "c-a"


async def test_open_proposals_of_any_age_wait_in_the_outlook(ready: ReportDeps, ledger: SqlLedger) -> None:
    old = proposal(2, created_at=AT - timedelta(days=9), since=AT - timedelta(days=9), last_seen_at=AT - timedelta(days=8))
    await filed(ledger, 1)
    await ledger.file(old, [evidence()])
    facts = (await made(ready)).facts
    assert [i.id for i in facts.incidents] == [proposal(1).id], "not seen in this time"
    assert {w.proposal_id for w in facts.watch.waiting} == {proposal(1).id, old.id}


async def test_a_ledger_without_cycles_means_a_replay(ready: ReportDeps, ledger: SqlLedger) -> None:
    report = await build_report(ready, between("30m", None, END))
    assert report.facts.looked.found_by is FoundBy.REPLAY
    assert report.said.quiet
    assert await ledger.proposals() == [] and await ledger.last_cycle() is None, "the replay leaves no trace"


async def test_a_fleet_that_exports_almost_nothing_still_gets_a_report(ready: ReportDeps, ledger: SqlLedger) -> None:
    await filed(ledger, 1)
    report = await made(ready)
    assert "slurm_jobs" in report.facts.blind.not_exported
    assert "jobs: not exported here (slurm_jobs)" in report.facts.hit.gaps
    assert report.facts.goals.measured == 0 and len(report.facts.goals.unmeasured) == len(ready.loop.goals)
    assert report.facts.hit.baseline_failed is None


async def test_a_store_that_fails_midway_fails_the_report(
    ready: ReportDeps, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filed(ledger, 1)
    store, whole, calls = ready.loop.store, ready.loop.store.run_many, list[int]()

    async def breaking(plans: object, at: object) -> object:
        calls.append(1)
        if len(calls) > 3:
            raise StoreError("the disk went away")
        return await whole(plans, at)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "run_many", breaking)
    with pytest.raises(StoreError, match="went away"):
        await made(ready)


@pytest.mark.parametrize(
    ("principal", "seen"),
    [
        (Principal("a", clusters=frozenset({"c-a"})), 1),
        (Principal("b", clusters=frozenset({"c-b"})), 0),
        (Principal("tenant", clusters=frozenset({"c-a"}), accounts=frozenset({"acct-a"})), 0),
        (Principal("director", pseudonyms=True), 1),
    ],
)
async def test_a_reader_with_fewer_rights_gets_a_report_of_their_own(
    ready: ReportDeps, ledger: SqlLedger, principal: Principal, seen: int
) -> None:
    await filed(ledger, 1)
    theirs = replace(ready, reader=Reader(principal, b"salt"))
    report = await made(theirs)
    assert len(report.facts.incidents) == len(report.facts.watch.waiting) == seen
    assert report.id != (await made(ready)).id
    if principal.clusters == {"c-b"}:
        assert "gpu-a-001" not in str(report.said) and report.facts.looked.nodes == 0
