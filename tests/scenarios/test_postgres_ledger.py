"""What is particular to a ledger in PostgreSQL: how it is made, what is said when it fails, what it forgets."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from llo11ypop.approvals.checkpoints import open_checkpoints, threads_older_than
from llo11ypop.approvals.desk import Desk, open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.approvals.postgres import CONVERSATIONS
from llo11ypop.approvals.postgres_threads import upgrade
from llo11ypop.approvals.threads import run_config
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.errors import ConfigError, LedgerError
from llo11ypop.core.proposal import ReasonCode
from llo11ypop.ledger import SqlLedger, schema
from llo11ypop.ledger.connection import connect
from tests.ledger_samples import AT, evidence, proposal, reject
from tests.postgres_server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]


@pytest.fixture
def empty_url(postgres: Server) -> Iterator[str]:
    url = postgres.database()
    yield url
    postgres.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


def test_replicas_that_upgrade_at_once_take_turns(empty_url: str) -> None:
    """LangGraph's own set-up fails when it is raced on an empty database; a session lock makes them take turns."""
    made: list[Any] = []

    def replica() -> None:
        engine = connect(empty_url)
        made.append(schema.upgrade(engine, lambda: asyncio.run(upgrade(empty_url))))
        engine.dispose()

    replicas = [threading.Thread(target=replica) for _ in range(4)]
    for one in replicas:
        one.start()
    for one in replicas:
        one.join(60)
    assert sorted(made, key=str) == [(schema.HEAD, schema.HEAD)] * 3 + [(None, schema.HEAD)]


def test_the_upgrade_command_makes_ledger_and_threads(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from llo11ypop.cli import db

    monkeypatch.setenv("LLO11YPOP__LEDGER__URL", empty_url.replace("llo11ypop@", "llo11ypop:hunter2@"))
    db.upgrade()
    db.upgrade()
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(f"on 127.0.0.1: empty → {schema.HEAD}")
    assert second.endswith(f"already at {schema.HEAD}")
    assert "hunter2" not in first

    async def use() -> None:
        ledger = SqlLedger.open(empty_url)
        async with open_desk(ApprovalDeps(ledger), empty_url) as desk:
            await ledger.file(proposal(1), [evidence()])
            await desk.start(proposal(1).id)
        await ledger.close()

    asyncio.run(use())


def elsewhere(url: str) -> str:
    return url.replace("/test_", "/none_")


def closed(url: str) -> str:
    return url.replace(url.rpartition(":")[2].partition("/")[0], "1")


@pytest.mark.parametrize(
    ("address", "says", "do", "transient"),
    [
        (elsewhere, "does not exist", "create the database", False),
        (closed, "cannot be reached", "check that the server runs", True),
        (str, "there is no ledger", "db upgrade", False),
    ],
)
def test_what_is_wrong_is_said_in_one_line_without_the_password(
    empty_url: str, address: Callable[[str], str], says: str, do: str, transient: bool
) -> None:
    with pytest.raises(LedgerError, match=says) as bad:
        SqlLedger.open(address(empty_url.replace("llo11ypop@", "llo11ypop:hunter2@")))
    assert do in bad.value.line()
    assert "hunter2" not in bad.value.line()
    assert bad.value.transient is transient


def test_an_address_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as bad:
        SqlLedger.open("postgresql://u:hunter2@[h/db")
    assert "hunter2" not in bad.value.line()


async def test_threads_that_nobody_made_name_the_command(empty_url: str) -> None:
    with pytest.raises(LedgerError) as bad:
        async with open_checkpoints(empty_url):
            pass
    assert "db upgrade" in bad.value.line()


async def test_a_row_that_another_holds_is_a_transient_error(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    from llo11ypop.approvals import postgres as limits
    from llo11ypop.ledger import postgres as pooled

    monkeypatch.setattr(pooled, "LIMITS", (*limits.LIMITS, "SET lock_timeout = '100ms'"))
    ledger = SqlLedger.open(postgres_url)
    await ledger.file(proposal(1), [evidence()])
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT 1 FROM proposals FOR UPDATE")
        with pytest.raises(LedgerError, match="locked by another process") as bad:
            await ledger.record_verdict(proposal(1).id, reject(), lease=timedelta(seconds=30))
    assert bad.value.transient
    await ledger.close()


async def test_figures_and_text_that_postgresql_cannot_keep_are_kept_as_nearly_as_possible(postgres_url: str) -> None:
    from dataclasses import replace

    ledger = SqlLedger.open(postgres_url)
    odd = replace(evidence(), note="a\x00b", plan={"above": float("nan"), "below": float("-inf"), "name": "c\x00d"})
    await ledger.save_evidence([odd])
    found = await ledger.evidence(odd.id)
    assert found is not None
    assert (found.note, found.plan) == ("ab", {"above": None, "below": None, "name": "c\x00d"})
    await ledger.close()


async def thread_ids(desk: Desk) -> set[str]:
    return set(await threads_older_than(desk.graph.checkpointer, SystemClock().now() + timedelta(days=1)))  # type: ignore[arg-type]


async def test_retention_forgets_what_is_closed_and_keeps_what_waits(postgres_url: str) -> None:
    ledger = SqlLedger.open(postgres_url)
    async with open_desk(ApprovalDeps(ledger), postgres_url) as desk, open_checkpoints(postgres_url, CONVERSATIONS) as talks:
        for number in (1, 2, 3):
            await ledger.file(proposal(number), [evidence()])
            await desk.start(proposal(number).id)
        await desk.answer(proposal(1).id, reject(ReasonCode.WRONG_ACTION))
        await desk.answer(proposal(2).id, reject(ReasonCode.WRONG_ACTION))
        gone = await ledger.prune(AT + timedelta(days=100))
        assert set(gone.proposals) == {proposal(1).id, proposal(2).id}
        await desk.forget([proposal(1).id])
        assert await thread_ids(desk) == {proposal(2).id, proposal(3).id}
        assert await desk.forget_lost(SystemClock().now() + timedelta(days=1)) == 1
        assert await thread_ids(desk) == {proposal(3).id}
        assert await threads_older_than(talks, SystemClock().now() + timedelta(days=1)) == []
        assert (await desk.graph.aget_state(run_config(proposal(3).id))).interrupts
        assert (await desk.threads_bytes() or 0) > 0
    await ledger.close()
