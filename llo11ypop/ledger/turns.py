"""Writers of one table take turns where readers go on from the last `seq` they saw.

PostgreSQL gives numbers out before a transaction ends: without turns a lower one could appear after a higher one was read. In
SQLite all writers take turns anyway.
"""

from sqlalchemy import Connection, text


def in_turn(db: Connection, table: str) -> None:
    """Wait for other writers of a table; the turn ends with the transaction."""
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"llo11ypop:{table}"})
