"""`SqlReports`: the shelf of reports and their deliveries, in the ledger's database.

A delivery is a row per report and outlet. It is claimed by a compare-and-set before anything is sent, so that two processes,
or one that is started again, do not send the same report twice.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, Row, select, update

from llo11ypop.ledger import schema
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.connection import is_memory, reading, writing
from llo11ypop.ledger.upsert import insert_new
from llo11ypop.report.delivery import LEASE, Handed, Letter, State

T = TypeVar("T")
_R, _D = t.reports.c, t.report_deliveries.c
_OVER = (State.DELIVERED.value, State.UNCERTAIN.value, State.FAILED.value)


class SqlReports:
    """The `Shelf` protocol in SQL. Use `open`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._memory = is_memory(engine)

    @classmethod
    def open(cls, target: str | Path, *, upgrade: bool = False) -> "SqlReports":
        """Open the ledger's database (path, URL or `:memory:`). Raises LedgerError as `SqlLedger.open` does."""
        return cls(schema.opened(target, make=upgrade))

    async def close(self) -> None:
        """Release the connection."""
        self._engine.dispose()

    async def keep(self, letter: Letter) -> bool:
        """See `Shelf.keep`."""
        body = {"headline": letter.headline, "markdown": letter.markdown, "html": letter.html, "json": letter.json}
        row = {
            "id": letter.id,
            "kind": letter.kind,
            "title": letter.title,
            "start_at": letter.start,
            "end_at": letter.end,
            "made_at": letter.made_at,
            "body": body,
        }
        return await self._write(lambda db: insert_new(db, t.reports, row))

    async def letter(self, report_id: str) -> Letter | None:
        """See `Shelf.letter`."""
        query = select(t.reports).where(_R.id == report_id)
        row = await self._read(lambda db: db.execute(query).one_or_none())
        return _letter(row) if row is not None else None

    async def letters(self, limit: int = 20) -> list[Letter]:
        """See `Shelf.letters`."""
        query = select(t.reports).order_by(_R.seq.desc()).limit(limit)
        return [_letter(row) for row in await self._read(lambda db: db.execute(query).all())]

    async def claim(self, report_id: str, outlet: str, at: datetime, *, repeatable: bool, again: bool = False) -> Handed | None:
        """See `Shelf.claim`."""
        return await self._write(lambda db: _claim(db, report_id, outlet, at, repeatable, again))

    async def settle(self, report_id: str, outlet: str, state: State, *, text: str, next_at: datetime | None = None) -> int:
        """See `Shelf.settle`."""

        def write(db: Connection) -> int:
            mine = (_D.report_id == report_id) & (_D.outlet == outlet)
            values = {"state": state.value, "text": text, "attempts": _D.attempts + 1, "lease_until": None}
            db.execute(update(t.report_deliveries).where(mine).values(**values, **({"next_at": next_at} if next_at else {})))
            return int(db.execute(select(_D.attempts).where(mine)).scalar_one())

        return await self._write(write)

    async def deliveries(self, report_id: str) -> list[Handed]:
        """See `Shelf.deliveries`."""
        query = select(t.report_deliveries).where(_D.report_id == report_id).order_by(_D.seq)
        return [_handed(row) for row in await self._read(lambda db: db.execute(query).all())]

    async def waiting(self, at: datetime) -> list[tuple[str, str]]:
        """See `Shelf.waiting`."""
        left_behind = (_D.state == State.SENDING.value) & (_D.lease_until <= at)
        due = ((_D.state == State.WAITING.value) & (_D.next_at <= at)) | left_behind
        query = select(_D.report_id, _D.outlet).where(due).order_by(_D.seq)
        return [(row.report_id, row.outlet) for row in await self._read(lambda db: db.execute(query).all())]

    async def _in(self, view: Callable[[Engine], AbstractContextManager[Connection]], work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with view(self._engine) as db:
                return work(db)

        return run() if self._memory else await asyncio.to_thread(run)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._in(writing, work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._in(reading, work)


def _claim(db: Connection, report_id: str, outlet: str, at: datetime, repeatable: bool, again: bool) -> Handed | None:
    new = {"report_id": report_id, "outlet": outlet, "state": State.SENDING.value, "attempts": 0, "text": ""}
    if insert_new(db, t.report_deliveries, {**new, "next_at": at, "lease_until": at + LEASE}):
        return None
    mine = (_D.report_id == report_id) & (_D.outlet == outlet)
    row = db.execute(select(t.report_deliveries).where(mine).with_for_update()).one()
    left_behind = row.state == State.SENDING.value and (row.lease_until is None or row.lease_until <= at)
    if left_behind and not repeatable and not again:
        why = "the process that was sending it ended; nobody knows whether it arrived"
        db.execute(update(t.report_deliveries).where(mine).values(state=State.UNCERTAIN.value, text=why, lease_until=None))
        return Handed(outlet, State.UNCERTAIN, why=why, attempts=row.attempts)
    ready = row.state == State.WAITING.value or left_behind or (again and row.state in _OVER)
    if not ready:
        return _handed(row)
    db.execute(update(t.report_deliveries).where(mine).values(state=State.SENDING.value, lease_until=at + LEASE))
    return None


def _handed(row: Row[tuple[object, ...]]) -> Handed:
    state = State(row.state)
    arrived = state is State.DELIVERED
    return Handed(row.outlet, state, row.text if arrived else "", "" if arrived else row.text, row.attempts)


def _letter(row: Row[tuple[object, ...]]) -> Letter:
    return Letter(
        id=row.id,
        kind=row.kind,
        title=row.title,
        start=row.start_at,
        end=row.end_at,
        made_at=row.made_at,
        headline=row.body["headline"],
        markdown=row.body["markdown"],
        html=row.body["html"],
        json=row.body["json"],
    )
