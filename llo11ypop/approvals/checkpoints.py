"""Where paused threads are kept: PostgreSQL, an SQLite file of their own, or memory for scoring and tests."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from llo11ypop.approvals.postgres import APPROVALS
from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import LedgerError


@asynccontextmanager
async def open_checkpoints(place: Path | str | None, kind: str = APPROVALS) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """A saver on a path, made when missing; on the address of a PostgreSQL; in memory without either. Raises LedgerError.

    `kind` keeps approvals and conversations apart in one database. An SQLite file has `synchronous=NORMAL`: after a power cut the
    last checkpoints may be gone, which `reconcile` repairs from the rows.
    """
    if place is None:
        yield InMemorySaver()
        return
    if isinstance(place, str):
        from llo11ypop.approvals.postgres_threads import open_threads

        async with open_threads(place, kind) as threads:
            yield threads
        return
    await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
    async with aiosqlite.connect(place) as connection:
        try:
            for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL"):
                await connection.execute(f"PRAGMA {pragma}")
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
        except sqlite3.Error as bad:
            remedy = "move the file away: approvals are started again from the ledger"
            raise LedgerError(f"the checkpoints {place} cannot be used: {bad}", next_step=remedy) from bad
        yield saver


async def threads_older_than(saver: BaseCheckpointSaver[str], before: datetime) -> list[str]:
    """Threads whose newest checkpoint was written before an instant of the machine's clock. Raises what the saver raises."""
    asked = getattr(saver, "older_than", None)
    if asked is not None:
        return list(await asked(before))
    newest: dict[str, datetime] = {}
    async for found in saver.alist(None):
        thread = str(found.config["configurable"]["thread_id"])
        written = parse_instant(found.checkpoint["ts"])
        newest[thread] = max(newest.get(thread, written), written)
    return [thread for thread, written in newest.items() if written < before]


async def size_bytes(saver: object) -> int | None:
    """What the threads take in a database; none where a file's size says it. Raises LedgerError."""
    asked = getattr(saver, "size_bytes", None)
    return None if asked is None else int(await asked())
