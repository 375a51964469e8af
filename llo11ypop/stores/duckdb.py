# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Telemetry in a DuckDB file: the embedded default. Read-only and locked down, or beside a writer in the same process."""

import asyncio
import os
import threading
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.combine import Combiner, lock_down
from llo11ypop.query.compile.duckdb import compile_scan
from llo11ypop.query.compile.sql import Sql, naive, quoted
from llo11ypop.query.plan import Plan
from llo11ypop.query.prepare import Preparer
from llo11ypop.query.store import Coverage, Exports, Size
from llo11ypop.stores.duckdb_run import Run, store_error

DEADLINE_S = 60.0
"""A statement that takes longer is stopped (our assumption: a cycle has five minutes)."""


class DuckDbStore:
    """A TelemetryStore over one DuckDB database. Calls run in threads, so the event loop is never held up."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, catalog: Catalog, name: str, deadline_s: float) -> None:
        """Use `open` or `attach`."""
        self._connection = connection
        self._catalog = catalog
        self._name = name
        self._deadline_s = deadline_s
        self._combiner = Combiner()
        self._preparer = Preparer(catalog, compile_scan)
        self._exports: Exports | None = None
        self._lock = threading.Lock()
        self._query_count = 0

    @classmethod
    def open(
        cls,
        path: Path | str,
        catalog: Catalog,
        *,
        read_only: bool = True,
        threads: int | None = None,
        memory: str = "1GB",
        deadline_s: float = DEADLINE_S,
    ) -> "DuckDbStore":
        """A database file, with everything but its own tables locked away.

        Raises StoreError for a file that is missing, damaged, or being written by another process (transient).
        """
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
            locked = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
            if not (locked and locked[0]):
                lock_down(connection, memory=memory, threads=threads or min(4, os.cpu_count() or 1))
        except duckdb.Error as bad:
            raise store_error(bad, str(path)) from bad
        return cls(connection, catalog, str(path), deadline_s)

    @classmethod
    def attach(cls, connection: duckdb.DuckDBPyConnection, catalog: Catalog, *, deadline_s: float = DEADLINE_S) -> "DuckDbStore":
        """Read through cursors of a connection that somebody else in this process appends with."""
        return cls(connection.cursor(), catalog, "the attached database", deadline_s)

    @property
    def query_count(self) -> int:
        """Native queries sent so far."""
        return self._query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """One plan as of an instant. Raises PlanError, UnknownNameError and StoreError."""
        return (await self.run_many({"plan": plan}, at))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """Many plans in few scans. Raises PlanError, UnknownNameError and StoreError."""
        return await asyncio.to_thread(self.run_many_now, plans, at) if plans else {}

    def run_many_now(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """The same without an event loop, for tests and benchmarks."""
        with self._lock:
            prepared = self._preparer.prepare(plans, self._read_exports())
        run = self._run(at)
        with closing(run):
            try:
                return run.evidence(prepared)
            finally:
                self._counted(run)

    async def exports(self) -> Exports:
        """Tables and columns that are there; read once, again after `refresh`."""
        return await asyncio.to_thread(self._read_exports)

    def refresh(self) -> None:
        """Forget what is exported; the next call looks again."""
        self._exports = None

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """Rows, latest row and, when asked, series in `[since, at)` of every dataset that has a time."""
        return await asyncio.to_thread(self._coverage, at, since, entities)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _run(self, at: datetime) -> Run:
        try:
            return Run(self._connection.cursor(), self._catalog, self._combiner, at, self._deadline_s)
        except duckdb.Error as bad:
            raise store_error(bad, self._name) from bad

    def _counted(self, run: Run) -> None:
        with self._lock:
            self._query_count += run.queries

    def _read_exports(self) -> Exports:
        if self._exports is None:
            run = self._run(datetime.fromtimestamp(0, UTC))
            sql = Sql("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'main'")
            with closing(run):
                rows = run.fetch(sql, "information_schema").to_pylist()
            found: dict[str, set[str]] = {}
            for row in rows:
                found.setdefault(row["table_name"], set()).add(row["column_name"])
            if not set(found) & set(self._catalog.datasets):
                raise StoreError(f"{self._name}: none of the catalog's datasets is in it", next_step="check telemetry.path")
            self._exports = Exports({name: frozenset(columns) for name, columns in found.items()}, self._sizes(found))
        return self._exports

    def _sizes(self, found: Mapping[str, set[str]]) -> dict[str, Size]:
        """Of tables; a view may be anything, and is taken for large."""
        parts = []
        with closing(self._run(datetime.fromtimestamp(0, UTC))) as run:
            tables = set(run.fetch(Sql("SELECT table_name FROM duckdb_tables()"), "duckdb_tables").column(0).to_pylist())
            for name, dataset in self._catalog.datasets.items():
                if name in found and name in tables:
                    time = quoted(dataset.time) if dataset.time in found[name] else ""
                    covers = f"(epoch_us(max({time})) - epoch_us(min({time}))) / 1e6" if time else "NULL"
                    parts.append(f"SELECT '{name}' AS name, count(*) AS n, {covers} AS covers_s FROM {quoted(name)}")
            rows = run.fetch(Sql(" UNION ALL ".join(parts)), "sizes").to_pylist() if parts else []
        return {row["name"]: Size(row["n"], timedelta(seconds=row["covers_s"]) if row["covers_s"] else None) for row in rows}

    def _coverage(self, at: datetime, since: datetime, entities: bool = False) -> dict[str, Coverage]:
        exports = self._read_exports()
        out: dict[str, Coverage] = {}
        parts: list[str] = []
        for name, dataset in self._catalog.datasets.items():
            if not dataset.time:
                continue
            there = exports.has(name, dataset.time) and all(exports.has(name, g) for g in dataset.grain)
            out[name] = Coverage(name, exported=there, cadence=dataset.heartbeat)
            if there:
                series = ", ".join(quoted(g) for g in dataset.grain)
                distinct = f"count(DISTINCT ({series},))" if len(dataset.grain) > 1 else f"count(DISTINCT {series})"
                parts.append(
                    f"SELECT '{name}' AS dataset, count(*) AS n, {distinct if series and entities else 'NULL'} AS things, "
                    f"max({quoted(dataset.time)}) AS last_at FROM {quoted(name)} "
                    f"WHERE {quoted(dataset.time)} >= ? AND {quoted(dataset.time)} < ?"
                )
        run = self._run(at)
        with closing(run):
            bounds = (naive(since), naive(at)) * len(parts)
            rows = run.fetch(Sql(" UNION ALL ".join(parts), bounds), "coverage").to_pylist() if parts else []
        self._counted(run)
        for row in rows:
            last = row["last_at"].replace(tzinfo=UTC) if row["last_at"] else None
            cadence = self._catalog.datasets[row["dataset"]].heartbeat
            out[row["dataset"]] = Coverage(row["dataset"], True, row["n"], row["things"], last, cadence)
        return out
