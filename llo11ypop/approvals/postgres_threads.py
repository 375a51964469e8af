"""Paused threads in PostgreSQL: LangGraph's own tables, in a schema of their own per kind of thread.

Its tables are made by `upgrade`, in one place and under the lock of `llo11ypop db upgrade`: its own `setup` fails when replicas
race. Errors are LedgerErrors, and a connection that a restart or a failover cut is replaced before it is used.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from llo11ypop.approvals.postgres import APPROVALS, CONVERSATIONS, LIMITS, explained, parameters, place_of, translated
from llo11ypop.core.errors import LedgerError

CONNECTIONS = 8
WAIT_S = 10.0
"""How long a call waits for a connection before it says that the server cannot be reached. Our assumption."""

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


class PostgresThreads(AsyncPostgresSaver):
    """LangGraph's saver over a pool. Calls do not take turns, as its own do: one that waits must not hold up the rest."""

    def __init__(self, pool: Pool, place: str) -> None:
        super().__init__(pool)
        self.pool, self.place = pool, place

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        with translated(self.place):
            async with self.pool.connection() as db:
                together: Any = nullcontext()
                if pipeline:
                    together = db.pipeline() if self.supports_pipeline else db.transaction()
                async with together, db.cursor(binary=True, row_factory=dict_row) as cursor:
                    yield cursor

    async def older_than(self, before: datetime) -> list[str]:
        """Threads whose newest checkpoint was written before an instant of the machines' clocks. Raises LedgerError."""
        newest = "SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING max((checkpoint->>'ts')::timestamptz) < %s"
        async with self._cursor() as db:
            await db.execute(newest, (before,))
            return [str(row["thread_id"]) for row in await db.fetchall()]

    async def size_bytes(self) -> int:
        """What the tables take, indexes included. Raises LedgerError."""
        sizes = "SELECT sum(pg_total_relation_size(oid))::bigint AS n FROM pg_class WHERE relkind = 'r'"
        async with self._cursor() as db:
            await db.execute(f"{sizes} AND relnamespace = current_schema()::regnamespace")
            row = await db.fetchone()
            return int(row["n"] or 0) if row else 0


@asynccontextmanager
async def open_threads(url: str, schema: str) -> AsyncIterator[PostgresThreads]:
    """The threads of one kind. Raises LedgerError: unreachable (transient), or not made by `llo11ypop db upgrade`."""
    place = place_of(url)
    await _check(url, schema, place)

    async def prepare(db: AsyncConnection[DictRow]) -> None:
        for statement in (sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)), *LIMITS):
            await db.execute(statement)

    pool: Pool = AsyncConnectionPool(
        kwargs={**parameters(url), "autocommit": True, "row_factory": dict_row},
        connection_class=AsyncConnection[DictRow],
        min_size=1,
        max_size=CONNECTIONS,
        timeout=WAIT_S,
        configure=prepare,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
    async with pool:
        yield PostgresThreads(pool, place)


async def _check(url: str, schema: str, place: str) -> None:
    wanted = len(AsyncPostgresSaver.MIGRATIONS) - 1
    try:
        async with await AsyncConnection.connect(**parameters(url), autocommit=True) as db:
            table = sql.Identifier(schema, "checkpoint_migrations")
            row = await (await db.execute(sql.SQL("SELECT max(v) FROM {}").format(table))).fetchone()
    except psycopg.Error as bad:
        raise explained(place, bad) from bad
    if row is None or row[0] is None or row[0] < wanted:
        raise LedgerError(f"the ledger {place} is older than this program", next_step="run `llo11ypop db upgrade`")


async def upgrade(url: str) -> None:
    """Make the tables of both kinds, or bring them to this version. One caller at a time. Raises LedgerError."""
    with translated(place_of(url)):
        async with await AsyncConnection.connect(**parameters(url), autocommit=True, row_factory=dict_row) as db:
            for schema in (APPROVALS, CONVERSATIONS):
                name = sql.Identifier(schema)
                await db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
                await db.execute(sql.SQL("SET search_path TO {}").format(name))
                await AsyncPostgresSaver(db).setup()
