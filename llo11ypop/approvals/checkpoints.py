"""Where paused threads are kept: an SQLite file of their own, or memory for scoring and tests."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from llo11ypop.core.errors import LedgerError


@asynccontextmanager
async def open_checkpoints(path: Path | None) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """A saver on `path`, made when missing; in memory without one. Raises LedgerError.

    `synchronous=NORMAL`: after a power cut the last checkpoints may be gone, which `reconcile` repairs from the rows.
    """
    if path is None:
        yield InMemorySaver()
        return
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    async with aiosqlite.connect(path) as connection:
        try:
            for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL"):
                await connection.execute(f"PRAGMA {pragma}")
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
        except sqlite3.Error as bad:
            remedy = "move the file away: approvals are started again from the ledger"
            raise LedgerError(f"the checkpoints {path} cannot be used: {bad}", next_step=remedy) from bad
        yield saver
