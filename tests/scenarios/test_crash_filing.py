"""A process that dies at any step of filing or answering loses nothing and does nothing twice."""

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from shutil import copytree

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

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(300)]
ONE = proposal(1).id
MANY = 60


def folders(base: Path, first: Path) -> Iterator[tuple[int, Path]]:
    """A copy of the first folder per step."""
    for step in count(1):
        assert step < MANY, "the child never finishes"
        yield step, copytree(first, base / str(step))


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A folder with an empty ledger that nobody has open."""
    folder = tmp_path / "first"
    folder.mkdir()
    asyncio.run(ledger_at(folder).close())
    return folder


async def filed(folder: Path) -> None:
    """The proposal waits in the folder's ledger and checkpoints."""
    ledger = ledger_at(folder)
    await ledger.file(proposal(1), [evidence()])
    async with desk_at(folder, ledger) as desk:
        await desk.start(ONE)
    await ledger.close()


def rows(ledger: SqlLedger, table: str) -> int:
    with ledger._engine.connect() as db:
        return int(db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


async def test_dying_at_any_step_of_filing(tmp_path: Path, first: Path) -> None:
    for step, folder in folders(tmp_path, first):
        code = run(file_and_die, folder, step)
        ledger = ledger_at(folder)
        stored = {t: rows(ledger, t) for t in ("proposals", "approval_threads", "outbox", "proposal_evidence")}
        assert len(set(stored.values())) == 1, f"half-written at step {step}: {stored}"
        refiled = await ledger.file(proposal(1), [evidence()])
        assert refiled is (Filed.EXISTING if stored["proposals"] else Filed.NEW)
        async with desk_at(folder, ledger) as desk:
            await desk.reconcile(AT)
            state = await desk.graph.aget_state(run_config(ONE))
            assert len(state.interrupts) == 1
            assert (await desk.answer(ONE, approve())).reply is Reply.NOW
        assert (rows(ledger, "proposals"), rows(ledger, "outbox"), effects(folder)) == (1, 1, 1)
        await ledger.close()
        if code == FINISHED:
            break
        assert code == DIED
    assert step > 8


@pytest.mark.parametrize("approving", [True, False])
async def test_dying_at_any_step_of_an_answer(tmp_path: Path, first: Path, approving: bool) -> None:
    decided = ProposalStatus.APPROVED if approving else ProposalStatus.REJECTED
    await filed(first)
    for step, folder in folders(tmp_path, first):
        code = run(answer_and_die, folder, step, approving)
        ledger = ledger_at(folder)
        after = await ledger.proposal(ONE)
        assert after is not None
        assert after.status in (ProposalStatus.PENDING, decided)
        async with desk_at(folder, ledger) as desk:
            found = await desk.reconcile(approve().at + LEASE)
            assert found.failed == ()
            if after.status is ProposalStatus.PENDING:
                assert (effects(folder), await ledger.verdicts(ONE)) == (0, [])
                assert (await desk.answer(ONE, approve())).reply is Reply.NOW
            assert await ledger.threads(ThreadState.ANSWERED) == []
            assert (await desk.answer(ONE, approve())).reply is Reply.ALREADY
        approved = approving or after.status is ProposalStatus.PENDING
        assert effects(folder) == approved
        assert len(await ledger.feedback()) == 1
        await ledger.close()
        if code == FINISHED:
            break
        assert code == DIED
    assert step > 8


def test_of_several_processes_that_answer_at_once_one_wins(tmp_path: Path) -> None:
    asyncio.run(filed(tmp_path))
    context = processes()
    barrier, results = context.Barrier(4), context.Queue()
    children = [context.Process(target=answer_at_once, args=(tmp_path, barrier, results, f"rater-{n}", n < 3)) for n in range(4)]
    for child in children:
        child.start()
    replies = dict(results.get(timeout=50) for _ in children)
    for child in children:
        child.join(50)
    assert sorted(replies.values()) == ["already"] * 3 + ["now"]
    winner = next(rater for rater, reply in replies.items() if reply == "now")
    assert attempts(tmp_path) == effects(tmp_path) == (winner != "rater-3")


def test_of_several_processes_that_file_the_same_one_wins_each(tmp_path: Path) -> None:
    context = processes()
    barrier, results = context.Barrier(4), context.Queue()
    children = [context.Process(target=file_at_once, args=(tmp_path, barrier, results, worker, 15)) for worker in range(4)]
    for child in children:
        child.start()
    new = [results.get(timeout=50) for _ in children]
    for child in children:
        child.join(50)
    assert sum(new) == 15
    ledger = SqlLedger.open(tmp_path / "ledger.sqlite")
    assert (rows(ledger, "proposals"), rows(ledger, "outbox"), rows(ledger, "approval_threads")) == (15, 15, 15)
    ledger._engine.dispose()
