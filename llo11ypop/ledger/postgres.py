"""The ledger's pool of connections to a PostgreSQL, the lock of its upgrade, and the right to carry out one answer.

The locks are PostgreSQL's advisory ones, held by a session: whoever dies has let go, and no clock is asked.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from llo11ypop.approvals.postgres import LIMITS, explained, parameters, place_of, translated
from llo11ypop.core.errors import LedgerError

WAIT_S = 10.0
UPGRADE_WAIT_S = 300.0
"""How long an upgrade waits for another one. Our assumption."""
_PAUSE_S = 0.1
_TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"


def engine_of(url: str, connections: int, to_json: Callable[[Any], str]) -> Engine:
    """A pool of so many connections, twice as many for a moment; nothing is opened yet.

    Raises ConfigError for an address that cannot be read.
    """
    given = parameters(url)

    def connected(_dialect: Any, _record: Any, _args: Any, prepared: Mapping[str, Any]) -> "psycopg.Connection[Any]":
        db = psycopg.connect(**given, context=prepared.get("context"), autocommit=True)  # the context writes JSON as we do
        try:
            for limit in LIMITS:
                db.execute(limit)
            db.autocommit = False
        except psycopg.Error:
            db.close()
            raise
        return db

    engine = create_engine(
        URL.create("postgresql+psycopg", database=place_of(url)),  # for messages: it must not hold the password
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=True,
        pool_timeout=WAIT_S,
        json_serializer=to_json,
        hide_parameters=True,
    )
    event.listen(engine, "do_connect", connected)
    return engine


def explained_from(engine: Engine, bad: SQLAlchemyError) -> LedgerError:
    """What SQLAlchemy raised, as a line for an operator."""
    place = str(engine.url.database)
    if isinstance(bad, DBAPIError) and isinstance(bad.orig, psycopg.Error):
        return explained(place, bad.orig)
    if isinstance(bad, PoolTimeoutError):
        return LedgerError(f"the ledger {place} answers too slowly: no connection is free", next_step="try again", transient=True)
    return LedgerError(f"the ledger {place} refused a statement: {str(bad).splitlines()[0]}", next_step="nothing was written")


def check_sessions(engine: Engine) -> None:
    """Refuse a pooler that gives a session to each transaction: what we lock, we lock for a session.

    Two connections that are open at once then meet the same server process, or one meets several. Raises LedgerError; a retry
    does not help.
    """
    with engine.connect() as one, engine.connect() as other:
        each = [db.execution_options(isolation_level="AUTOCOMMIT") for db in (one, other)]
        rounds = [[db.exec_driver_sql("SELECT pg_backend_pid()").scalar() for db in each] for _ in range(2)]
    if len({*rounds[0]}) < len(each) or rounds[0] != rounds[1]:
        raise LedgerError(
            f"the ledger {engine.url.database} is behind a pooler that pools transactions, where locks do not hold",
            next_step="let it pool sessions (PgBouncer: pool_mode = session), or name the server itself in ledger.url",
        )


@contextmanager
def upgrading_alone(engine: Engine) -> Iterator[None]:
    """Wait until no other process upgrades. Raises LedgerError (transient) when that takes too long.

    It asks again and again instead of waiting inside the database: whoever waits there holds a snapshot, for which the other's
    `CREATE INDEX CONCURRENTLY` would wait in turn.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        give_up = time.monotonic() + UPGRADE_WAIT_S
        while not db.exec_driver_sql(_TRY, ("llo11ypop:schema",)).scalar():
            if time.monotonic() > give_up:
                raise LedgerError(
                    f"another process has been upgrading the ledger {engine.url.database} for {UPGRADE_WAIT_S:.0f} s",
                    next_step="look at it in pg_stat_activity",
                    transient=True,
                )
            time.sleep(_PAUSE_S)
        try:
            yield
        finally:
            db.invalidate()  # ends the session, and the lock with it, even where the connection is broken


@asynccontextmanager
async def holding(url: str, proposal_id: str) -> AsyncIterator[bool]:
    """Whether this process alone may carry out the answer to a proposal, for as long as it is inside. Raises LedgerError."""
    place = place_of(url)
    with translated(place):
        db = await psycopg.AsyncConnection.connect(**parameters(url), autocommit=True)
    try:
        with translated(place):
            row = await (await db.execute(_TRY, (f"llo11ypop:proposal:{proposal_id}",))).fetchone()
        yield bool(row and row[0])
    finally:
        await db.close()
