"""Connections to the ledger's database: pragmas, explicit transactions, database errors as one clear line.

SQLite: WAL, `synchronous=NORMAL` (a power cut may lose the last commits, never consistency:
sqlite.org/wal.html), a busy timeout, and `BEGIN IMMEDIATE` for writers, so that two processes queue instead of
failing when a read becomes a write.

PostgreSQL: a pool whose connections are tried before they are used, writers in READ COMMITTED with row locks, readers in one
snapshot.
"""

import json
import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from llo11ypop.approvals.postgres import is_postgres
from llo11ypop.core.errors import ConfigError, LedgerError

BUSY_TIMEOUT_S = 5.0
CONNECTIONS = 4
"""Of one process to a PostgreSQL; as many threads use them."""
_PAUSE_S = 0.01
MEMORY = "sqlite://"

# (part of SQLite's message, what is wrong, what to do, whether a retry may help): sqlite.org/rescode.html
_KNOWN = (
    ("database is locked", "is locked by another process", "try again, or stop the other process", True),
    ("database table is locked", "is locked by another connection", "try again", True),
    ("malformed", "is damaged", "restore it from a backup, or move it away and start anew", False),
    ("not a database", "is not an SQLite database", "point the setting at another path", False),
    ("disk is full", "could not be written: the disk is full", "free space, then try again", True),
    ("disk I/O error", "could not be read or written: disk I/O error", "check the disk and free space", True),
    ("readonly database", "is read-only", "give this user write access to the file and its folder", False),
    ("unable to open", "could not be opened", "check that the folder exists and is writable", False),
    ("no such table", "has no ledger in it", "run `llo11ypop db upgrade`", False),
    ("no such column", "has an older ledger in it", "run `llo11ypop db upgrade`", False),
)


def url_of(target: str | Path) -> str:
    """An SQLAlchemy URL from a URL, a path, or `:memory:`."""
    text = str(target)
    if text == ":memory:":
        return MEMORY
    return text if "://" in text else f"sqlite:///{text}"


def connect(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """An engine whose transactions are explicit. Nothing is opened yet."""
    if url == MEMORY:
        engine = create_engine(
            url, poolclass=StaticPool, connect_args={"check_same_thread": False}, json_serializer=to_json, hide_parameters=True
        )
    elif url.startswith("sqlite"):
        options = {"check_same_thread": False, "timeout": busy_timeout_s}
        engine = create_engine(url, connect_args=options, json_serializer=to_json, hide_parameters=True)
    elif is_postgres(url):
        from llo11ypop.ledger.postgres import engine_of

        return engine_of(url, CONNECTIONS, to_json)
    else:
        raise ConfigError(
            "ledger.url is neither PostgreSQL nor SQLite", next_step="write postgresql://user:password@host/database"
        )
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def is_memory(engine: Engine) -> bool:
    """Whether the ledger ends with the process."""
    return engine.dialect.name == "sqlite" and engine.url.database in (None, "", ":memory:")


def to_json(value: Any) -> str:
    """JSON in the order given (a plan's steps have one); NumPy scalars as numbers, instants and such as text.

    What is not a finite number is null: JSON has no word for it, and PostgreSQL refuses one.
    """
    try:
        return _dumped(value)
    except ValueError:
        return _dumped(_finite(value))


def _dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain, allow_nan=False)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pragmas(raw: Any, _record: object) -> None:
    raw.isolation_level = None  # we send BEGIN ourselves
    _write_ahead(raw)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}").close()


def _write_ahead(raw: Any) -> None:
    """Switch to WAL. SQLite does not wait for a lock here when several processes open a new file at once, so we do."""
    give_up = time.monotonic() + raw.execute("PRAGMA busy_timeout").fetchone()[0] / 1000
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as locked:
            if locked.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_PAUSE_S)


def _begin(db: Connection) -> None:
    reading = db.get_execution_options().get("ledger_reads", False)
    db.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that is committed at the end, or undone by any exception."""
    with translated(engine), engine.begin() as db:
        yield db


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view; writers are not blocked."""
    with translated(engine), engine.connect() as db:
        if engine.dialect.name == "sqlite":
            yield db.execution_options(ledger_reads=True)
        else:
            yield db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn a database error into a LedgerError."""
    try:
        yield
    except SQLAlchemyError as bad:
        raise _explained(engine, bad) from bad


def _explained(engine: Engine, bad: SQLAlchemyError) -> LedgerError:
    if engine.dialect.name == "postgresql":
        from llo11ypop.ledger.postgres import explained_from

        return explained_from(engine, bad)
    where = f"the ledger {engine.url.database or 'in memory'}"
    cause = str(bad.orig) if isinstance(bad, DBAPIError) else str(bad)
    for part, wrong, remedy, transient in _KNOWN:
        if part in cause:
            return LedgerError(f"{where} {wrong}", next_step=remedy, transient=transient)
    return LedgerError(f"{where} refused a statement: {cause.splitlines()[0]}", next_step="nothing was written")
