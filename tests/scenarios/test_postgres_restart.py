"""PostgreSQL is restarted in the middle of a cycle and of an approval, or stays away: said to be transient, made good later."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from llo11ypop.approvals import postgres_threads
from llo11ypop.approvals.desk import open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.approvals.ledger import Order, ThreadState
from llo11ypop.approvals.settle import LEASE, Reply
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.proposal import ProposalStatus
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import AT, approve, evidence, proposal
from tests.postgres_server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(200)]
ONE = proposal(1).id
START = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Interrupted:
    """An executor during whose first order something happens to the server. It looks before it acts, as it must."""

    happens: Any
    done: list[str] = field(default_factory=list)
    asked: int = 0

    async def execute(self, order: Order) -> dict[str, Any]:
        self.asked += 1
        if order.key not in self.done:
            self.done.append(order.key)
        if self.asked == 1:
            await asyncio.to_thread(self.happens)
        return {"done": order.key}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_threads, "WAIT_S", 1.0)


@pytest.fixture
async def ledger(postgres: Server, postgres_url: str) -> AsyncIterator[SqlLedger]:
    opened = SqlLedger.open(postgres_url)
    yield opened
    await opened.close()


async def test_a_restart_in_the_middle_of_an_approval_is_not_noticed(
    postgres: Server, postgres_url: str, ledger: SqlLedger
) -> None:
    executor = Interrupted(postgres.restart)
    async with open_desk(ApprovalDeps(ledger, executor, None, ManualClock(AT)), postgres_url) as desk:
        await ledger.file(proposal(1), [evidence()])
        await desk.start(ONE)
        answered = await desk.answer(ONE, approve())
        assert (answered.reply, answered.receipt, answered.reason) == (Reply.NOW, {"done": ONE}, "")
    thread = await ledger.thread(ONE)
    assert thread is not None
    assert (thread.state, executor.done) == (ThreadState.RECORDED, [ONE])


@pytest.mark.usefixtures("impatient")
async def test_an_approval_during_which_the_server_goes_away_is_carried_out_when_it_is_back(
    postgres: Server, postgres_url: str, ledger: SqlLedger
) -> None:
    executor = Interrupted(postgres.crash)
    async with open_desk(ApprovalDeps(ledger, executor, None, ManualClock(AT)), postgres_url) as desk:
        await ledger.file(proposal(1), [evidence()])
        await desk.start(ONE)
        answered = await desk.answer(ONE, approve())
        assert answered.reply is Reply.NOW
        assert "will be tried again" in answered.reason
        with pytest.raises(LedgerError, match="cannot be reached") as down:
            await desk.answer(ONE, approve("bo"))
        assert down.value.transient
        postgres.start()
        assert (await desk.answer(ONE, approve("bo"))).reply is Reply.ALREADY
        assert (await desk.resume_answered(approve().at + LEASE)).resumed == (ONE,)
    assert await ledger.receipt(ONE) == {"done": ONE}
    assert (executor.done, executor.asked, len(await ledger.feedback())) == ([ONE], 2, 1)


@pytest.mark.usefixtures("impatient")
async def test_filing_goes_on_after_a_restart_without_a_new_connection_being_asked_for(
    postgres: Server, postgres_url: str, ledger: SqlLedger
) -> None:
    await ledger.file(proposal(1), [evidence()])
    async with open_desk(ApprovalDeps(ledger), postgres_url) as desk:
        await asyncio.to_thread(postgres.restart)
        await desk.start(ONE)
        await ledger.file(proposal(2), [evidence()])
        await desk.start(proposal(2).id)
        assert (await desk.answer(ONE, approve())).reply is Reply.NOW
    assert [p.status for p in await ledger.proposals()] == [ProposalStatus.APPROVED, ProposalStatus.PENDING]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight nodes for 32 hours; one fan fails after 30."""
    from llo11ypop.simulator.simulate import simulate
    from llo11ypop.simulator.spec import SimulationSpec
    from llo11ypop.simulator.writer import write_fleet

    folder = tmp_path_factory.mktemp("fleet")
    scenario = folder / "fan.yaml"
    scenario.write_text('- {mode: F16, entity: any, start: "+30h", duration: "12h", strength: 0.8}\n')
    world, _ = simulate(SimulationSpec(seed=5, gpus=64, days=32 / 24, scenario=scenario))
    write_fleet(world, folder / "fleet.duckdb")
    return folder / "fleet.duckdb"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("when", ["INSERT INTO cycles", "INSERT INTO evidence", "commit of filing"])
async def test_a_cycle_that_a_restart_breaks_off_is_made_good_by_the_next(
    fleet: Path, postgres: Server, postgres_url: str, when: str
) -> None:
    from llo11ypop.daemon.compose import composed
    from llo11ypop.ooda.cycle import run_cycle
    from llo11ypop.settings import load_settings

    settings = load_settings(telemetry={"path": str(fleet)}, ledger={"url": postgres_url})
    async with composed(settings) as built:
        assert isinstance(built.ledger, SqlLedger)
        restart = _once(built.ledger, when, postgres.restart)
        for minute in (0, 5):
            at = START + timedelta(hours=31, minutes=minute)
            try:
                await run_cycle(built.deps, at, ["fan_failures"])
            except LedgerError as bad:
                assert bad.transient
                assert minute == 0
        assert restart == ["restarted"]
        await built.desk.reconcile(at)
        filed = await built.ledger.proposals()
        assert [p.cause for p in filed].count("F16") == 1
        assert len({p.dedup_key for p in filed}) == len(filed)
        ours = next(p.id for p in filed if p.cause == "F16")
        assert len(await built.ledger.threads(ThreadState.WAITING)) == len(filed)
        assert (await built.desk.answer(ours, approve(at=at))).reply is Reply.NOW


def _once(ledger: SqlLedger, when: str, happens: Any) -> list[str]:
    """Something happens to the server just before the first statement that begins so, or before the commit of a filing."""
    done: list[str] = []
    filing: list[bool] = []

    def now() -> None:
        if not done:
            done.append("restarted")
            happens()

    def stating(_db: Any, _cursor: Any, statement: str, *_: Any) -> None:
        filing.append(statement.startswith("INSERT INTO outbox"))
        if statement.startswith(when):
            now()

    def committing(_db: Any) -> None:
        if when.startswith("commit") and any(filing):
            now()

    event.listen(ledger._engine, "before_cursor_execute", stating)
    event.listen(ledger._engine, "commit", committing)
    return done
