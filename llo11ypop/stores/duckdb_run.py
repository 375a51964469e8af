# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Run prepared plans on a DuckDB cursor: scans, each select's share of them, combining steps, and the evidence of it all."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence, Query
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.duckdb import MAX_GROUPS, Compiled, Share
from llo11ypop.query.compile.duckdb_rows import span_condition
from llo11ypop.query.compile.sql import Sql, bound, quoted
from llo11ypop.query.plan import Select, Span
from llo11ypop.query.prepare import Prepared, PreparedSet, select_key
from llo11ypop.query.rows import ordered, typed
from llo11ypop.stores.assembly import combined, made, not_exported, speaks_within, status_of

ENGINE = "duckdb"
LOOK_EVERY_S = 1.0
"""How often a deadline looks at the clock at least: by this much it can misjudge how long the process was stopped."""
INTERRUPT_EVERY_S = 0.05


@dataclass(frozen=True)
class Part:
    """What one select gave."""

    rows: pa.Table
    query: Query
    truncated: bool
    seen: bool
    """Whether any row of the dataset stood behind it."""
    duration_s: float


@dataclass
class Run:
    """One instant's run of a prepared set on a cursor."""

    cursor: duckdb.DuckDBPyConnection
    catalog: Catalog
    combiner: Combiner
    at: datetime
    deadline_s: float
    queries: int = 0
    _silent: dict[tuple[str, Span | None], bool] = field(default_factory=dict)
    _deadline: "Deadline" = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = Deadline(self.cursor, self.deadline_s)

    def close(self) -> None:
        """Let go of the cursor."""
        self._deadline.close()
        self.cursor.close()

    def evidence(self, prepared: PreparedSet) -> dict[str, Evidence]:
        """Every plan's evidence. Raises StoreError."""
        results = []
        for compiled in prepared.scans:
            started = time.perf_counter()
            table = self.fetch(compiled.sql, compiled.dataset)
            results.append((table, time.perf_counter() - started))
        return {name: self._one(name, plan, prepared, results) for name, plan in prepared.plans.items()}

    def fetch(self, sql: Sql, dataset: str) -> pa.Table:
        """The rows of a statement. Raises StoreError; one that ran into the deadline may work when tried again."""
        self.queries += 1
        try:
            with self._deadline.watched():
                return self.cursor.execute(sql.text, bound(sql.params, self.at)).to_arrow_table()
        except duckdb.Error as bad:
            raise store_error(bad, f"dataset '{dataset}'") from bad

    def _one(self, name: str, plan: Prepared, prepared: PreparedSet, results: list[tuple[pa.Table, float]]) -> Evidence:
        if plan.missing:
            return not_exported(plan, self.at)
        parts: dict[str, Part] = {}
        for step in plan.plan.selects:
            index = prepared.scan_of[select_key(name, step)]
            compiled: Compiled = prepared.scans[index]
            parts[step] = self._part(compiled, compiled.shares[select_key(name, step)], *results[index])
        rows, cut = combined(plan, {step: part.rows for step, part in parts.items()}, self.combiner, self.at)
        rows = typed(rows, plan.schemas[plan.plan.result])
        silent = [not part.seen and self.silent(plan.plan.selects[step]) for step, part in parts.items()]
        return made(
            plan,
            self.at,
            rows,
            status_of(silent, rows),
            queries=tuple(dict.fromkeys(p.query for p in parts.values())),
            truncated=cut or any(p.truncated for p in parts.values()),
            duration_s=sum({p.query: p.duration_s for p in parts.values()}.values()),
        )

    def _part(self, compiled: Compiled, share: Share, table: pa.Table, duration_s: float) -> Part:
        query = Query(ENGINE, compiled.dataset, compiled.sql.text, tuple(bound(compiled.sql.params, self.at)))
        cut = table.num_rows > MAX_GROUPS
        seen = table.num_rows > 0
        if share.seen and seen:
            seen = (table.column(share.seen)[0].as_py() or 0) > 0
        if share.keep:
            table = table.filter(pc.fill_null(table.column(share.keep), fill_value=False))
            seen = seen and table.num_rows > 0  # a partner of the scan may have seen rows of its own window only
        table = pa.table([table.column(column) for column, _ in share.columns], [name for _, name in share.columns])
        if share.order:
            table = ordered(table, share.order)
        if share.limit is not None and table.num_rows > share.limit:
            table, cut = table.slice(0, share.limit), True
        return Part(table, query, cut, seen, duration_s)

    def silent(self, select: Select) -> bool:
        """Whether the dataset said nothing at all in the select's window, though it should have."""
        if not speaks_within(self.catalog, select):
            return False
        dataset, window = self.catalog.datasets[select.dataset], select.window
        key = (select.dataset, window)
        if key not in self._silent:
            kept = span_condition(dataset, window)
            sql = f"SELECT 1 FROM {quoted(dataset.dataset)} AS t" + (" WHERE " + kept if kept else Sql("")) + " LIMIT 1"
            self._silent[key] = self.fetch(sql, dataset.dataset).num_rows == 0
        return self._silent[key]


class Deadline:
    """Stops a cursor's statement when its time is up; DuckDB itself has no statement timeout. One thread for many statements.

    Time in which the whole process was stopped, and nothing could run, does not count. A statement is interrupted until it has
    ended, since DuckDB forgets an interrupt that comes before the statement does; none reaches what the cursor does next.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self._cursor = cursor
        self._seconds = seconds
        self._changed = threading.Condition()
        self._ends_at: float | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Interrupt what the cursor does in here once the time is up."""
        with self._changed:
            self._ends_at = time.monotonic() + self._seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadline", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._ends_at = None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _watch(self) -> None:
        """Looks again every now and then, and when the earliest possible end has come."""
        with self._changed:
            look_at = time.monotonic()
            while not self._closed:
                now = time.monotonic()
                left = min(self._left(now, now - look_at), LOOK_EVERY_S)
                if left <= 0:
                    self._cursor.interrupt()
                    left = INTERRUPT_EVERY_S
                look_at = now + left
                self._changed.wait(left)

    def _left(self, now: float, late_s: float) -> float:
        """Seconds that are left, where the watch looks so much later than it wanted to: for so long nothing ran at all."""
        if self._ends_at is None:
            return self._seconds
        self._ends_at = min(self._ends_at + max(late_s, 0.0), now + self._seconds)
        return self._ends_at - now


def store_error(bad: duckdb.Error, where: str) -> StoreError:
    """What DuckDB said, as one line and the next thing to do."""
    text = str(bad).splitlines()[0]
    if isinstance(bad, duckdb.InterruptException):
        return StoreError(f"{where}: the query was stopped at its deadline", next_step="ask for a shorter window", transient=True)
    if isinstance(bad, duckdb.ResourceInUseException):
        return StoreError(f"{where}: the connection is busy with another query", next_step="try again", transient=True)
    if isinstance(bad, duckdb.OutOfMemoryException):
        return StoreError(f"{where}: the query needs more memory than it may use", next_step="ask for a shorter window")
    if "Could not set lock" in text:
        return StoreError(
            f"{where}: another process is writing to it", next_step="wait for it to end, or stop it", transient=True
        )
    if "does not exist" in text and isinstance(bad, duckdb.IOException):
        return StoreError(f"{where}: there is no such file", next_step="write a fleet with 'llo11ypop simulate'")
    if "not a valid DuckDB" in text or isinstance(bad, duckdb.SerializationException | duckdb.FatalException):
        return StoreError(f"{where}: not a DuckDB file, or damaged: {text}", next_step="restore it or simulate again")
    return StoreError(f"{where}: {text}")
