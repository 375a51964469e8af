"""On PostgreSQL too: a process that dies at any step loses nothing and does nothing twice, and of several that race one wins."""

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from llo11ypop.approvals.ledger import Filed, ThreadState
from llo11ypop.approvals.settle import LEASE, Reply
from llo11ypop.approvals.threads import run_config
from llo11ypop.core.proposal import ProposalStatus
from llo11ypop.ledger import SqlLedger
from tests.crashing import (
    DIED,
    FINISHED,
    answer_and_die,
    answer_at_once,
    attempts,
    desk_at,
    effects,
    file_and_die,
    file_at_once,
    ledger_at,
    run,
)
from tests.forked import processes
from tests.ledger_samples import AT, approve, evidence, proposal
from tests.postgres_server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(300)]
ONE = proposal(1).id
MANY = 60


def folders(base: Path, server: Server, url: str) -> Iterator[tuple[int, Path]]:
    """One folder, and an emptied database, per step."""
    for step in count(1):
        assert step < MANY, "the child never finishes"
        yield step, folder_of(base / str(step), server, url)


def folder_of(folder: Path, server: Server, url: str) -> Path:
    server.empty(url)
    folder.mkdir(exist_ok=True)
    (folder / "url").write_text(url)
    return folder


def rows(ledger: SqlLedger, table: str) -> int:
    with ledger._engine.connect() as db:
        return int(db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


async def test_dying_at_any_step_of_filing(tmp_path: Path, postgres: Server, postgres_url: str) -> None:
    for step, folder in folders(tmp_path, postgres, postgres_url):
        code = run(file_and_die, folder, step)
        postgres.quiet(postgres_url)
        ledger = ledger_at(folder)
        stored = {t: rows(ledger, t) for t in ("proposals", "approval_threads", "outbox", "proposal_evidence")}
        assert len(set(stored.values())) == 1, f"half-written at step {step}: {stored}"
        refiled = await ledger.file(proposal(1), [evidence()])
        assert refiled is (Filed.EXISTING if stored["proposals"] else Filed.NEW)
        async with desk_at(folder, ledger) as desk:
            await desk.reconcile(AT)
            assert len((await desk.graph.aget_state(run_config(ONE))).interrupts) == 1
            assert (await desk.answer(ONE, approve())).reply is Reply.NOW
        assert (rows(ledger, "proposals"), rows(ledger, "outbox"), effects(folder)) == (1, 1, 1)
        await ledger.close()
        if code == FINISHED:
            break
        assert code == DIED
    assert step > 8


async def test_dying_at_any_step_of_an_approval(tmp_path: Path, postgres: Server, postgres_url: str) -> None:
    for step, folder in folders(tmp_path, postgres, postgres_url):
        await filed(folder)
        code = run(answer_and_die, folder, step, True)
        postgres.quiet(postgres_url)
        ledger = ledger_at(folder)
        after = await ledger.proposal(ONE)
        assert after is not None
        async with desk_at(folder, ledger) as desk:
            assert (await desk.reconcile(approve().at + LEASE)).failed == ()
            if after.status is ProposalStatus.PENDING:
                assert (effects(folder), await ledger.verdicts(ONE)) == (0, [])
                assert (await desk.answer(ONE, approve())).reply is Reply.NOW
            assert await ledger.threads(ThreadState.ANSWERED) == []
        assert effects(folder) == 1
        assert len(await ledger.feedback()) == 1
        await ledger.close()
        if code == FINISHED:
            break
        assert code == DIED
    assert step > 8


async def filed(folder: Path) -> None:
    ledger = ledger_at(folder)
    await ledger.file(proposal(1), [evidence()])
    async with desk_at(folder, ledger) as desk:
        await desk.start(ONE)
    await ledger.close()


def test_of_two_replicas_that_answer_at_once_one_executes(tmp_path: Path, postgres: Server, postgres_url: str) -> None:
    folder = folder_of(tmp_path, postgres, postgres_url)
    asyncio.run(filed(folder))
    context = processes()
    barrier, results = context.Barrier(2), context.Queue()
    replicas = [context.Process(target=answer_at_once, args=(folder, barrier, results, name, True)) for name in ("ana", "bo")]
    for replica in replicas:
        replica.start()
    replies = dict(results.get(timeout=50) for _ in replicas)
    for replica in replicas:
        replica.join(50)
    assert sorted(replies.values()) == ["already", "now"]
    assert attempts(folder) == effects(folder) == 1


def test_of_several_replicas_that_file_the_same_one_wins_each(tmp_path: Path, postgres: Server, postgres_url: str) -> None:
    folder = folder_of(tmp_path, postgres, postgres_url)
    context = processes()
    barrier, results = context.Barrier(3), context.Queue()
    replicas = [context.Process(target=file_at_once, args=(folder, barrier, results, number, 10)) for number in range(3)]
    for replica in replicas:
        replica.start()
    new = [results.get(timeout=50) for _ in replicas]
    for replica in replicas:
        replica.join(50)
    assert sum(new) == 10
    ledger = ledger_at(folder)
    assert (rows(ledger, "proposals"), rows(ledger, "outbox"), rows(ledger, "approval_threads")) == (10, 10, 10)
    ledger._engine.dispose()
