"""Carry out the combining steps of a plan over the rows its selects gave, in a small DuckDB that knows nothing else."""

import threading
import warnings
from collections.abc import Mapping
from datetime import datetime

import duckdb
import pyarrow as pa

from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.sql import Sql, bound
from llo11ypop.query.rows import plain

warnings.filterwarnings("ignore", message="Arrow output on a DB-API result makes an extra copy", category=UserWarning)
# Copying some hundred rows is cheap; the other way, a relation, binds every statement twice (DuckDB 2.0).

LOCKED_DOWN = (
    "max_temp_directory_size = '0KB'", "autoload_known_extensions = false", "autoinstall_known_extensions = false",
    "allow_community_extensions = false", "allow_unsigned_extensions = false", "allow_persistent_secrets = false",
    "max_expression_depth = 250", "enable_external_access = false", "disabled_filesystems = 'LocalFileSystem'",
    "lock_configuration = true",
)  # fmt: skip
"""What keeps a DuckDB from files, network and extensions, tried on DuckDB 2.0; the lock comes last."""


def lock_down(connection: duckdb.DuckDBPyConnection, *, memory: str, threads: int) -> None:
    """Take everything but its own tables away from a connection's database, for good."""
    for setting in (f"memory_limit = '{memory}'", f"threads = {threads:d}", *LOCKED_DOWN):
        connection.execute("SET " + setting)


class Combiner:
    """An empty in-memory DuckDB; safe to use from several threads."""

    def __init__(self) -> None:
        self._root = duckdb.connect(":memory:")
        lock_down(self._root, memory="512MB", threads=1)
        self._lock = threading.Lock()

    def run(self, sql: Sql, tables: Mapping[str, pa.Table], at: datetime) -> pa.Table:
        """The rows of the last step, one more than its limit where there are more. Raises PlanError."""
        with self._lock:
            cursor = self._root.cursor()
        try:
            for name, table in tables.items():
                cursor.register(name, plain(table))
            return cursor.execute(sql.text, bound(sql.params, at)).to_arrow_table()
        except duckdb.Error as bad:
            raise PlanError(f"the steps could not be combined: {str(bad).splitlines()[0]}") from bad
        finally:
            cursor.close()
