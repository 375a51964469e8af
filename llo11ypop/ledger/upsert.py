"""`INSERT … ON CONFLICT DO NOTHING`: the same in SQLite and PostgreSQL, spelled per dialect in SQLAlchemy."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(db: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless any unique key of the table has it already; whether it was inserted."""
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    new = insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return db.execute(new, dict(row)).rowcount == 1
