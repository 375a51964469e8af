"""Two replicas on one PostgreSQL: one schedules, both serve, the other takes over, and clocks that differ do no harm."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import text

from llo11ypop.approvals.desk import open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.approvals.ledger import Order
from llo11ypop.approvals.settle import Reply
from llo11ypop.core.clock import ManualClock, SystemClock
from llo11ypop.daemon.leader import Leadership
from llo11ypop.ledger import SqlLedger
from tests.forked import processes
from tests.ledger_samples import AT, approve, evidence, proposal
from tests.postgres_server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(240)]
ONE = proposal(1).id


def _until(what: Callable[[], Any], seconds: float = 90) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


async def _soon(what: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not happen in time"
        await asyncio.sleep(0.01)


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own loopback address
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as bad:
        with bad:
            return bad.code, bad.read().decode()


def _state(url: str) -> tuple[str, bool]:
    found = json.loads(_get(f"{url}/statusz")[1])
    return found["loop"]["state"], found["leader"]


def _approve(url: str, proposal_id: str) -> dict[str, Any]:
    body = json.dumps({"verdict": "approve", "rater": "ana"}).encode()
    sent = urllib.request.Request(  # noqa: S310
        f"{url}/api/v1/proposals/{proposal_id}/answer", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=20) as reply:  # noqa: S310
        return dict(json.loads(reply.read()))


def _address(folder: Path, name: str) -> str:
    path = folder / f"{name}.url"
    _until(path.exists)
    return path.read_text()


@pytest.mark.crash
@pytest.mark.parametrize("dies_at", ["INSERT INTO approval_threads", "commit", "after"])
def test_a_leader_killed_while_filing_is_followed_and_one_ticket_is_filed(
    tmp_path: Path, postgres: Server, postgres_url: str, dies_at: str
) -> None:
    from tests.replicas import replica

    duckdb.connect(str(tmp_path / "fleet.duckdb")).close()
    asyncio.run(_file(postgres_url))
    context = processes()
    leader = context.Process(target=replica, args=(tmp_path, postgres_url, "a", dies_at))
    standby = context.Process(target=replica, args=(tmp_path, postgres_url, "b", ""))
    try:
        leader.start()
        _until((tmp_path / "a.cycles").exists)
        standby.start()
        first, second = _address(tmp_path, "a"), _address(tmp_path, "b")
        assert _until(lambda: _state(first)[1])
        assert _state(second) == ("standby", False)
        assert _get(f"{second}/livez")[0] == 200
        assert _approve(second, ONE)["status"] == "approved"
        assert not (tmp_path / "b.cycles").exists()
        (tmp_path / "go").touch()
        leader.join(60)
        assert leader.exitcode == -9
        _until((tmp_path / "b.cycles").exists)
        assert _until(lambda: _state(second)[1])
        tickets = _until(lambda: _tickets(postgres_url))
        assert _until(lambda: _approve(second, tickets[0])["status"]) == "approved"
        assert _tickets(postgres_url) == tickets
        assert len(tickets) == 1
    finally:
        for child in (leader, standby):
            if child.pid is not None:
                child.terminate()
                child.join(20)
                child.kill()
                child.join(5)
    assert standby.exitcode == 0


async def _file(url: str) -> None:
    ledger = SqlLedger.open(url)
    async with open_desk(ApprovalDeps(ledger), url) as desk:
        now = SystemClock().now()
        await ledger.file(proposal(1, created_at=now, expires_at=now + timedelta(hours=1)), [evidence()])
        await desk.start(ONE)
    await ledger.close()


def _tickets(url: str) -> list[str]:
    """What the inbox is told about the proposal that the loop files."""
    ledger = SqlLedger.open(url)
    with ledger._engine.connect() as db:
        found = list(db.execute(text("SELECT proposal_id FROM outbox WHERE event = 'filed' ORDER BY seq")).scalars())
    ledger._engine.dispose()
    return [str(one) for one in found if one != ONE]


@dataclass
class Led:
    """A seat that notes who sat when."""

    url: str
    clock: Any = None
    handicap_s: float = 0.3
    log: list[str] = field(default_factory=list)
    recovers: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.seat = Leadership(self.url, self._gained, self._lost, self.clock, seek_s=0.05, handicap_s=self.handicap_s)
        self.task = asyncio.create_task(self.seat.keep())

    async def _gained(self) -> None:
        if self.recovers is not None:
            await self.recovers()
        self.log.append("gained")

    def _lost(self) -> None:
        self.log.append("lost")

    @property
    def leads(self) -> bool:
        return self.seat.leading

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def test_one_leads_and_the_other_follows_when_its_session_ends(postgres: Server, postgres_url: str) -> None:
    one = Led(postgres_url)
    await _soon(lambda: one.leads)
    other = Led(postgres_url)
    await asyncio.sleep(0.3)
    assert (one.leads, other.leads) == (True, False)
    await one.leave()
    await _soon(lambda: other.leads)
    assert (one.log, other.log) == (["gained", "lost"], ["gained"])
    await other.leave()


async def test_after_a_restart_of_the_server_one_leads_again(postgres: Server, postgres_url: str) -> None:
    seats = [Led(postgres_url), Led(postgres_url)]
    await _soon(lambda: any(s.leads for s in seats))
    first = next(s for s in seats if s.leads)
    await asyncio.to_thread(postgres.crash)
    await _soon(lambda: not any(s.leads for s in seats))
    assert first.log == ["gained", "lost"]
    await _soon(lambda: all("cannot be reached" in s.seat.problem for s in seats))
    await asyncio.to_thread(postgres.start)
    await _soon(lambda: sum(s.leads for s in seats) == 1)
    await asyncio.sleep(0.2)
    assert sum(s.leads for s in seats) == 1
    for seat in seats:
        await seat.leave()


async def test_who_cannot_recover_does_not_lead(postgres_url: str) -> None:
    from llo11ypop.core.errors import LedgerError

    tries: list[int] = []

    async def fails_twice() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise LedgerError("it is away", transient=True)

    one = Led(postgres_url, recovers=fails_twice)
    await _soon(lambda: "gained" in one.log)
    assert one.log == ["lost", "lost", "gained"]
    await one.leave()


async def test_a_replica_whose_clock_is_wrong_leads_only_when_nobody_else_does(postgres_url: str) -> None:
    ahead = Led(postgres_url, ManualClock(SystemClock().now() + timedelta(hours=2)), handicap_s=1.5)
    await asyncio.sleep(0.3)
    right = Led(postgres_url, SystemClock())
    await _soon(lambda: right.leads)
    assert not ahead.leads
    assert ahead.seat.skew_s > 3600 > right.seat.skew_s
    await right.leave()
    await _soon(lambda: ahead.leads)
    await ahead.leave()


@dataclass
class Slow:
    """An executor that is at it until it is told to end."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    done: list[str] = field(default_factory=list)

    async def execute(self, order: Order) -> dict[str, Any]:
        self.begun.set()
        await self.ends.wait()
        self.done.append(order.key)
        return {"done": order.key}


@pytest.mark.parametrize("skew", [timedelta(hours=-2), timedelta(seconds=45), timedelta(hours=2)])
async def test_replicas_with_other_clocks_leave_an_answer_to_the_one_that_is_at_it(postgres_url: str, skew: timedelta) -> None:
    """A lease is a matter of clocks: by theirs it is over, or void. The lock of the session that carries it out is not."""
    slow = Slow()
    here, there = SqlLedger.open(postgres_url), SqlLedger.open(postgres_url)
    async with (
        open_desk(ApprovalDeps(here, slow, None, ManualClock(AT)), postgres_url) as desk,
        open_desk(ApprovalDeps(there, slow, None, ManualClock(AT + skew)), postgres_url) as other,
    ):
        await here.file(proposal(1), [evidence()])
        await desk.start(ONE)
        answering = asyncio.create_task(desk.answer(ONE, approve(at=AT)))
        await slow.begun.wait()
        # In one process a lock of its own would do; a replica is another process, so the other desk's is passed by.
        from llo11ypop.approvals import locks

        locks._locks.clear()
        assert (await other.resume_answered(AT + skew)).resumed == ()
        assert (await other.answer(ONE, approve("bo", AT + skew))).reply is Reply.ALREADY
        slow.ends.set()
        assert (await answering).receipt == {"done": ONE}
        assert slow.done == [ONE]
        assert await there.receipt(ONE) == {"done": ONE}
    await here.close()
    await there.close()
