"""What cannot be read is not gone: no outcome counts as cleared and no proposal is withdrawn while a sign of it is unread."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llo11ypop.approvals.ledger import Due
from llo11ypop.cli.once import summary
from llo11ypop.core.access import Access
from llo11ypop.core.proposal import Proposal, ProposalStatus
from llo11ypop.daemon.compose import deps
from llo11ypop.ledger import SqlLedger
from llo11ypop.ooda.cycle import Cycle
from llo11ypop.ooda.deps import Deps
from llo11ypop.ooda.outcomes import measure
from llo11ypop.query.store import TelemetryStore
from llo11ypop.stores import retrying
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.joining import JoiningStore, joined_within
from llo11ypop.stores.prometheus import Place, PrometheusStore
from llo11ypop.stores.spanning import SpanningStore
from tests.ask_fleet import broken_fleet, settings_for
from tests.conformance.store_tables import catalog

SCENARIO = '- {mode: F16, entity: any, start: "+3h", duration: "2h"}'
SEEN, OVER, END = (datetime(2026, 5, 1, hour, tzinfo=UTC) for hour in (4, 5, 10))
DEAD = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return broken_fleet(tmp_path_factory.mktemp("fleet"), SCENARIO, hours=10)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.001)


def whole(fleet: Path) -> TelemetryStore:
    return DuckDbStore.open(fleet, catalog(), read_only=True)


def without(fleet: Path, dataset: str) -> TelemetryStore:
    """The same fleet, one dataset of which lies in a Prometheus that does not answer."""
    dead = PrometheusStore(Access(DEAD), catalog(), {dataset: Place()})
    spanning = SpanningStore(whole(fleet), {"prometheus": dead}, {dataset: "prometheus"}, catalog())
    return JoiningStore(spanning, catalog(), joined_within(catalog(), frozenset({dataset})))


async def filed(folder: Path, fleet: Path) -> tuple[Deps, Proposal]:
    built = await deps(settings_for(folder, fleet), whole(fleet), SqlLedger.in_memory())
    await Cycle(built).run(SEEN)
    (proposal,) = [p for p in await built.ledger.proposals() if p.cause == "F16"]
    return built, proposal


def due(proposal: Proposal, at: datetime) -> Due:
    return Due(proposal, at, proposal.action.name, proposal.action.arguments)


async def test_a_symptom_is_cleared_only_where_each_of_its_signs_was_read_and_is_quiet(fleet: Path, tmp_path: Path) -> None:
    built, proposal = await filed(tmp_path, fleet)

    assert "fan_stopped" in proposal.state["signals"]
    read = await measure(built, due(proposal, OVER), END)
    assert (read.symptom_cleared, read.note) == (True, "")
    still = await measure(built, due(proposal, SEEN - timedelta(minutes=30)), SEEN)
    assert still.symptom_cleared is False
    blind = await measure(replace(built, store=without(fleet, "node_hw")), due(proposal, OVER), END)
    assert blind.symptom_cleared is None
    assert "'fan_stopped' was not read" in blind.note and "cannot be reached" in blind.note
    gone = replace(proposal, state={**proposal.state, "signals": ["fan_stopped", "renamed_since"]})
    assert (await measure(built, due(gone, OVER), END)).note == "'renamed_since' is no signal any more"


async def test_a_proposal_is_not_withdrawn_while_its_signs_cannot_be_read(fleet: Path, tmp_path: Path) -> None:
    built, proposal = await filed(tmp_path, fleet)
    report = await Cycle(replace(built, store=without(fleet, "node_hw"))).run(END - timedelta(hours=1))
    assert [n for names in report.unread.values() for n in names if n == "F16.fan_stopped"]
    assert "Not read: " in summary(asdict(report))
    kept = await built.ledger.proposal(proposal.id)
    assert kept is not None and kept.status is ProposalStatus.PENDING
    later = await Cycle(built).run(END)
    assert later.unread == {}
    kept = await built.ledger.proposal(proposal.id)
    assert kept is not None and kept.status is ProposalStatus.CLEARED
