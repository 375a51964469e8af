"""A content hash per table, the same for the same rows in any order: how two fleets of one seed are compared."""

from pathlib import Path

import duckdb


def table_hashes(path: Path) -> dict[str, str]:
    """Hex hash of every table's rows. Comparable between files that the same DuckDB version hashed."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        return {name: _hash(connection, name) for name in names}


def _hash(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Count, sum and exclusive-or of the row hashes."""
    row = connection.execute(
        f'SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0), coalesce(bit_xor(hash(t)), 0) FROM "{table}" t'  # noqa: S608
    ).fetchone()
    count, total, mixed = row if row is not None else (0, 0, 0)
    return f"{int(count):x}-{int(total) % 2**64:016x}-{int(mixed):016x}"
