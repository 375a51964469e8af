"""`SqlLedger`: the ledger port over any database that SQLAlchemy speaks, one short transaction per call.

A file is used from one worker thread, so that waiting for another process's lock does not stop the event loop, and a server
from a few; a ledger in memory is used directly.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine

from llo11ypop.approvals.ledger import (
    MEASURE_AFTER,
    ApprovalThread,
    Cycle,
    Due,
    Filed,
    Order,
    Pruned,
    Stored,
    ThreadState,
    Touch,
)
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Outcome, Proposal, ProposalStatus, Verdict
from llo11ypop.ledger import (
    clock_rows,
    cycles,
    evidence_rows,
    filing,
    order_rows,
    outbox_rows,
    proposal_rows,
    schema,
    verdict_rows,
)
from llo11ypop.ledger.calls import SqlCalls
from llo11ypop.ledger.connection import BUSY_TIMEOUT_S, CONNECTIONS, is_memory, reading, url_of, writing
from llo11ypop.ledger.post import SqlPost
from llo11ypop.ledger.tables import proposals as p

T = TypeVar("T")
CHANNELS = ("inbox",)


class SqlLedger:
    """The `Ledger` protocol in SQL. Use `SqlLedger.open` or `SqlLedger.in_memory`."""

    def __init__(self, engine: Engine, channels: Sequence[str], url: str = "") -> None:
        self._engine = engine
        self._channels = tuple(channels)
        self._bodies = proposal_rows.Bodies()
        self._url = url
        threads = CONNECTIONS if engine.dialect.name == "postgresql" else 1
        self._worker = None if is_memory(engine) else ThreadPoolExecutor(threads, thread_name_prefix="ledger")

    @classmethod
    def open(
        cls,
        target: str | Path,
        *,
        upgrade: bool = False,
        channels: Sequence[str] = CHANNELS,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Open a ledger (path, URL or `:memory:`); `upgrade` also makes or migrates it.

        `channels` get an outbox row for each proposal filed. Raises LedgerError: locked (transient), damaged,
        not a ledger, older or newer than this program.
        """
        return cls(schema.opened(target, make=upgrade, busy_timeout_s=busy_timeout_s), channels, url_of(target))

    @classmethod
    def in_memory(cls, channels: Sequence[str] = CHANNELS) -> Self:
        """A ledger that ends with the process: scoring, replay, tests."""
        return cls.open(":memory:", channels=channels)

    async def close(self) -> None:
        """Release the connection."""
        if self._worker:
            self._worker.shutdown(wait=True)
        self._engine.dispose()

    async def _in(self, view: Callable[[Engine], AbstractContextManager[Connection]], work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with view(self._engine) as db:
                return work(db)

        return run() if self._worker is None else await asyncio.get_running_loop().run_in_executor(self._worker, run)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._in(writing, work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._in(reading, work)

    # ------------------------------------------------------------ cycles
    async def open_cycle(self, cycle_id: str, at: datetime, config_hash: str) -> None:
        """See `Ledger.open_cycle`."""
        await self._write(lambda db: cycles.begin(db, cycle_id, at, config_hash))

    async def close_cycle(self, cycle_id: str, report: Mapping[str, Any], at: datetime | None = None) -> None:
        """See `Ledger.close_cycle`."""
        await self._write(lambda db: cycles.end(db, cycle_id, report, at))

    async def abandon_cycles(self) -> int:
        """See `Ledger.abandon_cycles`."""
        return await self._write(cycles.abandon)

    async def last_cycle(self) -> Cycle | None:
        """See `Ledger.last_cycle`."""
        return next(iter(await self.cycles(1)), None)

    async def cycles(self, limit: int = 50) -> list[Cycle]:
        """See `Ledger.cycles`."""
        return await self._read(lambda db: cycles.latest(db, limit))

    # ------------------------------------------------------------ filing
    async def file(self, proposal: Proposal, evidence: Sequence[Evidence] = ()) -> Filed:
        """See `Ledger.file`."""
        return await self._write(lambda db: filing.file(db, proposal, evidence, self._channels))

    async def touch(self, proposal_id: str, at: datetime, *, confidence: float, children: Iterable[dict[str, Any]] = ()) -> bool:
        """See `Ledger.touch`."""
        return await self.touch_many([Touch(proposal_id, at, confidence, tuple(children))]) == 1

    async def touch_many(self, touches: Sequence[Touch]) -> int:
        """See `Ledger.touch_many`."""
        return await self._write(lambda db: filing.touch_many(db, touches)) if touches else 0

    async def reopen(self, proposal_id: str, at: datetime, cycle_id: str) -> bool:
        """See `Ledger.reopen`."""
        return await self._write(lambda db: filing.reopen(db, proposal_id, at, cycle_id, self._channels))

    async def clear(self, proposal_id: str, at: datetime) -> bool:
        """See `Ledger.clear`."""
        return await self._write(lambda db: filing.clear(db, proposal_id, at, self._channels))

    # ------------------------------------------------------------ reading
    async def proposals(
        self,
        status: ProposalStatus | Iterable[ProposalStatus] | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[Proposal]:
        """See `Ledger.proposals`."""
        return await self._read(partial(self._bodies.read, query=proposal_rows.listed(status, since, limit)))

    async def proposal(self, proposal_id: str) -> Proposal | None:
        """See `Ledger.proposal`."""
        query = proposal_rows.changing().where(p.c.id == proposal_id)
        return await self._read(partial(self._bodies.one, query=query))

    async def find_by_dedup(self, dedup_key: str, since: datetime | None = None) -> Proposal | None:
        """See `Ledger.find_by_dedup`."""
        return await self._read(partial(self._bodies.one, query=proposal_rows.with_key(dedup_key, since)))

    async def save_evidence(self, evidence: Sequence[Evidence]) -> int:
        """See `Ledger.save_evidence`."""
        return await self._write(lambda db: evidence_rows.save(db, evidence)) if evidence else 0

    async def evidence(self, evidence_id: str) -> Evidence | None:
        """See `Ledger.evidence`."""
        return await self._read(lambda db: evidence_rows.load(db, evidence_id))

    # ------------------------------------------------------------ approvals
    async def thread(self, proposal_id: str) -> ApprovalThread | None:
        """See `Ledger.thread`."""
        return await self._read(lambda db: verdict_rows.of_proposal(db, proposal_id))

    async def threads(self, state: ThreadState) -> list[ApprovalThread]:
        """See `Ledger.threads`."""
        return await self._read(lambda db: verdict_rows.in_state(db, state))

    async def lease(self, proposal_id: str, at: datetime, span: timedelta) -> bool:
        """See `Ledger.lease`."""
        return await self._write(lambda db: verdict_rows.lease(db, proposal_id, at, span))

    async def record_verdict(
        self,
        proposal_id: str,
        verdict: Verdict,
        *,
        shown: str = "",
        autonomy: str = "propose",
        lease: timedelta,
    ) -> Stored:
        """See `Ledger.record_verdict`."""

        def write(db: Connection) -> Stored:
            stored = verdict_rows.record(db, self._bodies, proposal_id, verdict, shown=shown, autonomy=autonomy, lease=lease)
            if stored is Stored.NOW:
                outbox_rows.tell_verdict(db, proposal_id, verdict, self._channels)
            return stored

        return await self._write(write)

    async def verdicts(self, proposal_id: str) -> list[Verdict]:
        """See `Ledger.verdicts`."""
        return await self._read(lambda db: verdict_rows.said(db, proposal_id))

    async def final_verdict(self, proposal_id: str) -> Verdict | None:
        """See `Ledger.final_verdict`."""
        return await self._read(lambda db: verdict_rows.final(db, proposal_id))

    async def close_thread(self, proposal_id: str, round_: int) -> None:
        """See `Ledger.close_thread`."""
        await self._write(lambda db: verdict_rows.close(db, proposal_id, round_))

    @asynccontextmanager
    async def holding(self, proposal_id: str) -> AsyncIterator[bool]:
        """See `Ledger.holding`."""
        if self._engine.dialect.name != "postgresql":
            yield True
            return
        from llo11ypop.ledger.postgres import holding

        async with holding(self._url, proposal_id) as mine:
            yield mine

    async def begin_order(self, order: Order, at: datetime) -> dict[str, Any] | None:
        """See `Ledger.begin_order`."""
        return await self._write(lambda db: order_rows.begin(db, order, at))

    async def finish_order(self, key: str, receipt: Mapping[str, Any], at: datetime) -> None:
        """See `Ledger.finish_order`."""
        await self._write(lambda db: order_rows.finish(db, key, receipt, at))

    async def receipt(self, key: str) -> dict[str, Any] | None:
        """See `Ledger.receipt`."""
        return await self._read(lambda db: order_rows.receipt(db, key))

    # ------------------------------------------------------------ time
    async def overdue(self, at: datetime) -> list[str]:
        """See `Ledger.overdue`."""
        return await self._read(lambda db: clock_rows.overdue(db, at))

    async def unsnooze(self, at: datetime) -> list[str]:
        """See `Ledger.unsnooze`."""
        return await self._write(lambda db: clock_rows.unsnooze(db, at))

    async def prune(self, before: datetime) -> Pruned:
        """See `Ledger.prune`."""
        return await self._write(lambda db: clock_rows.prune(db, before))

    # ------------------------------------------------------------ outcomes and feedback
    async def due_outcomes(self, at: datetime, after: timedelta = MEASURE_AFTER) -> list[Due]:
        """See `Ledger.due_outcomes`."""
        return await self._read(lambda db: order_rows.due(db, self._bodies, at, after))

    async def record_outcome(self, outcome: Outcome, *, final: bool = True) -> bool:
        """See `Ledger.record_outcome`."""

        def write(db: Connection) -> bool:
            recorded = order_rows.record_outcome(db, outcome, final)
            if recorded and final:
                outbox_rows.tell_outcome(db, outcome, self._channels)
            return recorded

        return await self._write(write)

    async def outcomes(self, proposal_id: str) -> list[Outcome]:
        """See `Ledger.outcomes`."""
        return await self._read(lambda db: order_rows.outcomes(db, proposal_id))

    async def feedback(self, after_seq: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """See `Ledger.feedback`."""
        return await self._read(lambda db: order_rows.feedback(db, after_seq, limit))

    # ------------------------------------------------------------ outbox
    @property
    def post(self) -> SqlPost:
        """See `Ledger.post`."""
        return SqlPost(self._read, self._write)

    # ------------------------------------------------------------ models
    @property
    def model_calls(self) -> SqlCalls:
        """The record of model calls, in the same database."""
        return SqlCalls(self._read, self._write)
