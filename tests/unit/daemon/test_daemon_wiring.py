"""What the composition root decides: the time of an answer, the inventory behind an edit, what retention takes along."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llo11ypop.approvals.arguments import InventoryAt
from llo11ypop.core.clock import ManualClock, SystemClock
from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import StoreError
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action, Level
from llo11ypop.daemon.chores import Chores
from llo11ypop.daemon.compose import answer_instant, composed
from llo11ypop.ledger import SqlLedger
from llo11ypop.settings import Settings, load_settings
from llo11ypop.stores.duckdb import DuckDbStore
from tests.ledger_samples import AT, evidence, proposal


@pytest.fixture
async def ledger() -> AsyncIterator[SqlLedger]:
    opened = SqlLedger.open(":memory:", upgrade=True)
    yield opened
    await opened.close()


def settings(root: Path) -> Settings:
    return load_settings(None, ledger={"path": root / "ledger.sqlite", "checkpoints": root / "checkpoints.sqlite"})


async def test_an_answer_is_given_now(ledger: SqlLedger) -> None:
    before = SystemClock().now()
    assert await answer_instant(ledger) >= before
    await ledger.open_cycle("cycle", before - timedelta(hours=2), "hash")
    assert await answer_instant(ledger) >= before


@pytest.mark.parametrize("away", [timedelta(days=-200), timedelta(days=3)])
async def test_an_answer_to_a_fleet_with_its_own_time_is_given_at_its_last_cycle(ledger: SqlLedger, away: timedelta) -> None:
    at = SystemClock().now() + away
    await ledger.open_cycle("cycle", at, "hash")
    assert await answer_instant(ledger) == at


async def test_an_edit_may_name_what_the_inventory_has() -> None:
    node = Entity(Level.NODE, "gpu-a-017")

    async def read() -> Topology:
        return Topology.of([(node, Entity(Level.RACK, "c-a-r03"))])

    check = InventoryAt(read)
    assert await check.problem(Action.DRAIN, {"node": "gpu-a-017"}) == ""
    assert "no node 'gpu-a-999'" in await check.problem(Action.DRAIN, {"node": "gpu-a-999"})


async def test_an_edit_waits_while_the_inventory_cannot_be_read() -> None:
    async def read() -> Topology:
        raise StoreError("telemetry is locked")

    check = InventoryAt(read)
    assert "telemetry is locked" in await check.problem(Action.DRAIN, {"node": "gpu-a-017"})
    assert await check.problem(Action.DRAIN, {"deadline_min": 5}) == ""


async def test_retention_takes_the_threads_of_closed_proposals_along(tmp_path: Path) -> None:
    import duckdb

    from llo11ypop.daemon.compose import open_catalog

    chosen = settings(tmp_path)
    clock = ManualClock(AT)
    store = DuckDbStore.attach(duckdb.connect(), open_catalog(chosen))
    async with composed(chosen, store, clock) as built:
        for number in (1, 2):
            await built.ledger.file(proposal(number), [evidence()])
            await built.desk.start(proposal(number).id)
        rejected = Verdict(VerdictKind.REJECT, "ana", AT, reason_code=ReasonCode.OTHER)
        await built.desk.answer(proposal(1).id, rejected)
        clock.at = datetime(2027, 5, 1, tzinfo=UTC)
        await Chores(built, clock, lambda: built.deps).retain()
        assert await built.ledger.proposal(proposal(1).id) is None
        saver = built.desk.graph.checkpointer
        kept = {one.config["configurable"]["thread_id"] async for one in saver.alist(None)}  # type: ignore[union-attr]
        assert kept == {proposal(2).id}
