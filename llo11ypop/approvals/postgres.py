"""PostgreSQL as the ledger, the threads and the leader use it: how to connect, and what its errors mean to an operator.

An address is what libpq takes, several hosts included: `postgresql://user:password@db-a,db-b/llo11ypop`. The first server that
can be written to is used, so that after a failover the next connection finds the new primary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llo11ypop.core.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    import psycopg

APPROVALS = "llo11ypop_approvals"
CONVERSATIONS = "llo11ypop_conversations"
"""Schemas of the two kinds of paused threads."""
SCHEMES = ("postgresql+psycopg://", "postgresql://", "postgres://")
_NOTICES_LOSS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "target_session_attrs": "read-write",
    "application_name": "llo11ypop",
}
"""A server that is gone is noticed within about ten seconds (our assumption); the address may say otherwise."""
LIMITS = (
    "SET statement_timeout = '30s'",
    "SET lock_timeout = '10s'",
    "SET idle_in_transaction_session_timeout = '60s'",
)
"""A replica that hangs holds up the others no longer than this (our assumption)."""

# By the class or the code of an error, postgresql.org/docs/current/errcodes-appendix.html:
# (what is wrong, what to do, whether a retry may help)
_LOST = ("lost its connection", "try again; it may be starting or failing over", True)
_KNOWN = {
    "08": _LOST,
    "57P": _LOST,
    "25P03": _LOST,
    "25006": ("is read-only", "try again once a primary is elected, or point ledger.url at the primary", True),
    "53100": ("could not be written: the disk is full", "free space on the database server", True),
    "53": ("has no connections or memory left", "try again, or raise max_connections", True),
    "40": ("was changed by another process at the same time", "try again", True),
    "55P03": ("is locked by another process", "try again", True),
    "57014": ("took too long to answer", "try again; look for long transactions on the database server", True),
    "28": ("refused the user or the password", "check ledger.url", False),
    "3D": ("does not exist", "create the database, or check ledger.url", False),
    "42501": ("may not be read or written by this user", "make the user owner of the database", False),
    "42P01": ("has no ledger in it", "run `llo11ypop db upgrade`", False),
    "3F": ("has no ledger in it", "run `llo11ypop db upgrade`", False),
    "42703": ("has an older ledger in it", "run `llo11ypop db upgrade`", False),
}
# A connection that fails carries no code, only libpq's words.
_REFUSALS = (
    ("password authentication failed", _KNOWN["28"]),
    ("no password supplied", _KNOWN["28"]),
    ("no pg_hba.conf entry", _KNOWN["28"]),
    ("does not exist", _KNOWN["3D"]),
    ("certificate", ("could not be trusted", "check sslmode and sslrootcert in ledger.url", False)),
    ("session is read-only", _KNOWN["25006"]),
)
_UNREACHABLE = ("cannot be reached", "check that the server runs; this is tried again", True)


def is_postgres(target: object) -> bool:
    """Whether a target is the address of a PostgreSQL, and not a path or another URL."""
    return str(target).startswith(SCHEMES)


def parameters(url: str) -> dict[str, Any]:
    """What `psycopg.connect` takes. Raises ConfigError, without repeating the address: it holds a password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    scheme = next(s for s in SCHEMES if url.startswith(s))
    try:
        given = conninfo_to_dict("postgresql://" + url.removeprefix(scheme))
    except psycopg.Error:
        raise ConfigError(
            "ledger.url is not the address of a PostgreSQL", next_step="write postgresql://user:password@host:5432/database"
        ) from None
    return {**_NOTICES_LOSS, **{name: value for name, value in given.items() if value is not None}}


def place_of(url: str) -> str:
    """The database in words, without user and password."""
    given = parameters(url)
    return f"{given.get('dbname') or given.get('user') or 'database'} on {given.get('host') or 'localhost'}"


def explained(place: str, error: "psycopg.Error") -> LedgerError:
    """A database error as one line that says whether trying again may help."""
    wrong, remedy, transient = _meaning(error)
    return LedgerError(f"the ledger {place} {wrong}", next_step=remedy, transient=transient)


def _meaning(error: "psycopg.Error") -> tuple[str, str, bool]:
    import psycopg

    first = (str(error).splitlines() or [type(error).__name__])[0]
    if code := error.sqlstate:
        found = next((_KNOWN[key] for key in (code, code[:3], code[:2]) if key in _KNOWN), None)
        return found or (f"refused a statement: {first}", "nothing was written", False)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        wrong, remedy, transient = next((m for part, m in _REFUSALS if part in str(error)), _UNREACHABLE)
        return f"{wrong}: {first}", remedy, transient
    return f"refused a statement: {first}", "nothing was written", False


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn an error of the driver into a LedgerError."""
    import psycopg

    try:
        yield
    except psycopg.Error as bad:
        raise explained(place, bad) from bad
