"""The schema's version: made by Alembic migrations in the package, checked whenever a ledger is opened."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from llo11ypop.core.errors import LedgerError
from llo11ypop.ledger.connection import BUSY_TIMEOUT_S, MEMORY, connect, reading, translated, url_of, writing
from llo11ypop.ledger.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0004"
"""The version this program writes; a constant, since importing Alembic takes longer than opening a ledger."""


def opened(target: str | Path, *, make: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """The ledger of a path, a URL or `:memory:`, at this version; `make` also makes or migrates it.

    Raises LedgerError, with nothing left open: locked (transient), damaged, not a ledger, older or newer than this program.
    """
    url = url_of(target)
    with ExitStack() as undo:
        engine = connect(url, busy_timeout_s=busy_timeout_s)
        undo.callback(engine.dispose)
        if url == MEMORY:
            create_in_memory(engine)
        elif make:
            upgrade(engine)
        else:
            check(engine)
        undo.pop_all()
    return engine


def check(engine: Engine) -> None:
    """Refuse a ledger that is not at this version, or whose locks would not hold. Raises LedgerError; a retry does not help."""
    _check_sessions(engine)
    with reading(engine) as db:
        found = version(db)
    if found == HEAD:
        return
    where = engine.url.database
    if found is None:
        raise LedgerError(f"there is no ledger in {where}", next_step="run `llo11ypop db upgrade`")
    if found in known():
        raise LedgerError(f"the ledger {where} is older than this program", next_step="run `llo11ypop db upgrade`")
    raise LedgerError(
        f"the ledger {where} was written by a newer version (schema {found})",
        next_step="install that version",
    )


def upgrade(engine: Engine, then: Callable[[], None] = lambda: None) -> tuple[str | None, str]:
    """Bring the ledger to this version in one transaction; versions before and after. Processes may race.

    `then` is called before another process may upgrade: for what lives beside the ledger. Raises LedgerError.
    """
    _check_sessions(engine)
    with translated(engine), _alone(engine):
        versions = _migrate(engine)
        then()
    return versions


def _check_sessions(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        from llo11ypop.ledger.postgres import check_sessions

        with translated(engine):
            check_sessions(engine)


def _alone(engine: Engine) -> AbstractContextManager[None]:
    if engine.dialect.name != "postgresql":  # SQLite's BEGIN IMMEDIATE is a lock already
        return nullcontext()
    from llo11ypop.ledger.postgres import upgrading_alone

    return upgrading_alone(engine)


def _migrate(engine: Engine) -> tuple[str | None, str]:
    from alembic import command

    with writing(engine) as db:
        before = version(db)
        if before is not None and before not in known():
            raise LedgerError(
                f"the ledger {engine.url.database} was written by a newer version (schema {before})",
                next_step="install that version",
            )
        if before != HEAD:
            config = alembic_config()
            config.attributes["connection"] = db
            command.upgrade(config, "head")
    return before, HEAD


def create_in_memory(engine: Engine) -> None:
    """All tables at once, without Alembic: a ledger in memory has no history."""
    with writing(engine) as db:
        metadata.create_all(db)


def version(db: Connection) -> str | None:
    """The schema version stored in the database; none where there is no ledger."""
    if not inspect(db).has_table("alembic_version"):
        return None
    found = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def alembic_config() -> "Config":
    """Alembic, told where our migrations are."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


@cache
def known() -> tuple[str, ...]:
    """All versions this program knows, newest first."""
    from alembic.script import ScriptDirectory

    return tuple(step.revision for step in ScriptDirectory.from_config(alembic_config()).walk_revisions())
