"""Behind a PgBouncer: sessions are pooled and everything works, or transactions are pooled and the ledger is refused."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from llo11ypop import cli
from llo11ypop.approvals.desk import open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.approvals.settle import Reply
from llo11ypop.cli.doctor import examine
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.proposal import ProposalStatus
from llo11ypop.daemon.leader import Leadership
from llo11ypop.ledger import SqlLedger
from tests import pgbouncer_server
from tests.ledger_samples import AT, approve, evidence, proposal
from tests.postgres_server import Server
from tests.server_process import UnavailableError

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(120)]
ONE = proposal(1).id


def behind(port: int, url: str) -> str:
    """The same database by way of the pooler."""
    return f"postgresql://llo11ypop@127.0.0.1:{port}/{url.rpartition('/')[2]}"


@pytest.fixture
def pooler(request: pytest.FixtureRequest, postgres: Server, postgres_url: str) -> Iterator[str]:
    """A database behind a pooler of the mode, and with the settings, that the test names."""
    mode, more = request.param
    try:
        with pgbouncer_server.running(postgres, mode, more) as port:
            yield behind(port, postgres_url)
    except UnavailableError as why:
        pytest.skip(f"no PgBouncer here: {why}")


def transactions() -> pytest.MarkDecorator:
    each = [("transaction", ""), ("transaction", "server_round_robin = 1")]
    return pytest.mark.parametrize("pooler", each, indirect=True, ids=["last in first out", "round robin"])


sessions = pytest.mark.parametrize("pooler", [("session", "")], indirect=True, ids=["sessions"])


@transactions()
async def test_a_pooler_of_transactions_is_refused_and_the_doctor_says_what_to_do(
    pooler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(LedgerError, match="pools transactions") as bad:
        SqlLedger.open(pooler)
    assert "pool_mode = session" in bad.value.line() and not bad.value.transient
    monkeypatch.setenv("LLO11YPOP__LEDGER__URL", pooler)
    monkeypatch.chdir(tmp_path)
    said = {f.probe: f for f in await examine()}["ledger"]
    assert (said.state, "pool_mode = session" in said.text) == ("fail", True)


@transactions()
def test_nothing_is_made_through_a_pooler_of_transactions(
    pooler: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLO11YPOP__LEDGER__URL", pooler)
    assert cli.run(["db", "upgrade"]) != 0
    assert "pools transactions" in capsys.readouterr().err


@sessions
async def test_through_a_pooler_of_sessions_one_files_answers_and_leads(pooler: str) -> None:
    ledger = SqlLedger.open(pooler)
    async with open_desk(ApprovalDeps(ledger, clock=ManualClock(AT)), pooler) as desk:
        await ledger.file(proposal(1), [evidence()])
        await desk.start(ONE)
        assert (await desk.answer(ONE, approve())).reply is Reply.NOW
    assert [p.status for p in await ledger.proposals()] == [ProposalStatus.APPROVED]
    await ledger.close()
    gained: list[str] = []

    def seat(name: str) -> Leadership:
        async def led() -> None:
            gained.append(name)

        return Leadership(pooler, led, lambda: None, seek_s=0.05)

    tasks = [asyncio.create_task(seat(name).keep()) for name in ("a", "b")]
    await asyncio.sleep(timedelta(seconds=1).total_seconds())
    assert len(gained) == 1
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
