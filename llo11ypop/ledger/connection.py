"""Connections to the ledger's database: pragmas, explicit transactions, database errors as one clear line.

SQLite: WAL, `synchronous=NORMAL` (a power cut may lose the last commits, never consistency:
sqlite.org/wal.html), a busy timeout, and `BEGIN IMMEDIATE` for writers, so that two processes queue instead of
failing when a read becomes a write.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from llo11ypop.core.errors import LedgerError

BUSY_TIMEOUT_S = 5.0
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
    else:
        return create_engine(url, json_serializer=to_json, hide_parameters=True)
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def to_json(value: Any) -> str:
    """JSON in the order given (a plan's steps have one); NumPy scalars as numbers, instants and such as text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


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
        yield db.execution_options(ledger_reads=True)


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn a database error into a LedgerError."""
    try:
        yield
    except SQLAlchemyError as bad:
        raise _explained(engine, bad) from bad


def _explained(engine: Engine, bad: SQLAlchemyError) -> LedgerError:
    where = f"the ledger {engine.url.database or 'in memory'}"
    cause = str(bad.orig) if isinstance(bad, DBAPIError) else str(bad)
    for part, wrong, remedy, transient in _KNOWN:
        if part in cause:
            return LedgerError(f"{where} {wrong}", next_step=remedy, transient=transient)
    return LedgerError(f"{where} refused a statement: {cause.splitlines()[0]}", next_step="nothing was written")
