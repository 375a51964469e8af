"""What child processes do in crash and race tests: work on a ledger, and die at the n-th step."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from llo11ypop.approvals.desk import Desk, open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.approvals.ledger import Order
from llo11ypop.core.clock import ManualClock
from llo11ypop.ledger import SqlLedger
from tests.forked import processes
from tests.ledger_samples import AT, approve, evidence, proposal, reject

DIED = 9
FINISHED = 0


def run(work: Callable[..., None], *args: Any) -> int | None:
    """Run one child to its end; its exit code."""
    child = processes().Process(target=work, args=args)
    child.start()
    child.join(50)
    return child.exitcode


class Countdown:
    """Ends the process, without any clean-up, at the n-th tick."""

    def __init__(self, ticks: int) -> None:
        self.left = ticks

    def tick(self, *_: Any, **__: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(DIED)


class Effects:
    """An executor whose effect is a file: it looks before it acts, as an executor must. Attempts are counted."""

    def __init__(self, folder: Path, countdown: Countdown | None = None) -> None:
        self.folder = folder
        self.countdown = countdown or Countdown(0)

    async def execute(self, order: Order) -> dict[str, Any]:
        self.countdown.tick()
        with (self.folder / "attempts").open("a") as attempts:
            attempts.write(order.key + "\n")
        done = self.folder / f"effect-{order.key}"
        if not done.exists():
            done.touch(exist_ok=False)
        self.countdown.tick()
        return {"effect": order.key}


def effects(folder: Path) -> int:
    return len(list(folder.glob("effect-*")))


def attempts(folder: Path) -> int:
    path = folder / "attempts"
    return len(path.read_text().splitlines()) if path.exists() else 0


def shared(folder: Path) -> str | None:
    """The PostgreSQL that a test named in a file `url`; without one, ledger and threads are SQLite files of the folder."""
    named = folder / "url"
    return named.read_text() if named.exists() else None


def ledger_at(folder: Path) -> SqlLedger:
    url = shared(folder)
    return SqlLedger.open(url) if url else SqlLedger.open(folder / "ledger.sqlite", upgrade=True)


def desk_at(folder: Path, ledger: SqlLedger, countdown: Countdown | None = None) -> Any:
    deps = ApprovalDeps(ledger, Effects(folder, countdown), None, ManualClock(AT))
    return open_desk(deps, shared(folder) or folder / "checkpoints.sqlite")


def file_and_die(folder: Path, ticks: int) -> None:
    """File one proposal and start its thread; die at the n-th statement, commit or checkpoint."""

    async def work() -> None:
        ledger = ledger_at(folder)
        async with desk_at(folder, ledger) as desk:
            countdown = Countdown(ticks)
            _count_statements(ledger, countdown)
            _count_checkpoints(desk, countdown)
            await ledger.file(proposal(1), [evidence()])
            await desk.start(proposal(1).id)

    asyncio.run(work())
    os._exit(FINISHED)


def answer_and_die(folder: Path, ticks: int, approving: bool) -> None:
    """Answer the filed proposal; die at the n-th statement, commit, checkpoint or step of the executor."""

    async def work() -> None:
        ledger = ledger_at(folder)
        countdown = Countdown(ticks)
        async with desk_at(folder, ledger, countdown) as desk:
            _count_statements(ledger, countdown)
            _count_checkpoints(desk, countdown)
            await desk.answer(proposal(1).id, approve() if approving else reject())

    asyncio.run(work())
    os._exit(FINISHED)


def _count_statements(ledger: SqlLedger, countdown: Countdown) -> None:
    def wrote(_db: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("SELECT"):
            countdown.tick()

    event.listen(ledger._engine, "before_cursor_execute", wrote)
    event.listen(ledger._engine, "commit", countdown.tick)


def _count_checkpoints(desk: Desk, countdown: Countdown) -> None:
    saver: Any = desk.graph.checkpointer
    for name in ("aput", "aput_writes"):
        setattr(saver, name, _ticking(getattr(saver, name), countdown))


def _ticking(call: Callable[..., Any], countdown: Countdown) -> Callable[..., Any]:
    async def ticking(*args: Any, **kwargs: Any) -> Any:
        countdown.tick()
        out = await call(*args, **kwargs)
        countdown.tick()
        return out

    return ticking


def answer_at_once(folder: Path, barrier: Any, results: Any, rater: str, approving: bool) -> None:
    """One of several processes that answer the same proposal."""

    async def work() -> None:
        ledger = ledger_at(folder)
        async with desk_at(folder, ledger) as desk:
            barrier.wait(30)
            verdict = approve(rater) if approving else reject(rater=rater)
            results.put((rater, (await desk.answer(proposal(1).id, verdict)).reply.value))
        await ledger.close()

    asyncio.run(work())


def file_at_once(folder: Path, barrier: Any, results: Any, worker: int, count: int) -> None:
    """One of several processes that make the same proposals under ids of their own, on a ledger nobody made yet."""

    async def work() -> None:
        barrier.wait(30)
        ledger = ledger_at(folder)
        new = 0
        for number in range(count):
            mine = replace(proposal(number), id=f"{worker}-{number}")
            new += await ledger.file(mine, [evidence()]) == "new"
        results.put(new)
        await ledger.close()

    asyncio.run(work())
