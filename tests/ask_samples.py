"""Readings and results for the tests of the conversation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.question import Answer, Column, Result, Status
from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import Window
from llo11ypop.language import Intent, Period, Quantity, Reading, Scope

START = datetime(2026, 5, 1, tzinfo=UTC)
END = datetime(2026, 5, 22, tzinfo=UTC)
WINDOW = Window(START, END)
CLUSTER = Column("cluster", "cluster", "dimension")
NODE = Column("node_id", "node", "dimension")
RACK = Column("rack", "rack", "dimension")
DAY = Column("bucket", "day", "time")
FAILED = Column("failed", "failed jobs", "measure", "1", "lower")
TEMP = Column("temp", "core temperature", "measure", "Cel", "lower")
WAIT = Column("wait", "queue wait", "measure", "s", "lower")


def quantity(column: Column, agg: str = "count", **more: Any) -> Quantity:
    return Quantity(column.name, column.label, "slurm_jobs", agg=agg, unit=column.unit, better=column.better, **more)


def reading(
    *columns: Column, intent: Intent = Intent.BREAKDOWN, agg: str = "count", partial: bool = False, **scope: Any
) -> Reading:
    measures = tuple(quantity(c, agg) for c in columns if c.role == "measure")
    period = Period(START, END, "last 21 days", partial=partial)
    made = Scope(intent, measures=scope.pop("measures", measures), window=period, **scope)
    text = ", ".join(c.label for c in columns)
    return Reading("the question", intent, made, None, text, columns, WINDOW, "a definition", (Area.SLURM,), title=text)


def evidence(
    rows: pa.Table | None = None, status: EvidenceStatus = EvidenceStatus.OK, *, missing: tuple[str, ...] = (), number: int = 1
) -> Evidence:
    table = rows if rows is not None else pa.table({})
    return Evidence(
        id=f"00000000-0000-4000-8000-{number:012d}",
        plan={},
        at=END,
        window=WINDOW,
        queries=(Query("duckdb", "slurm_jobs", "SELECT 1 WHERE x = $1", ("FAILED",)),),
        rows=table,
        row_count=table.num_rows,
        truncated=False,
        approximate=False,
        status=status,
        missing=missing,
    )


def result(
    columns: tuple[Column, ...], rows: list[dict[str, Any]], *, status: EvidenceStatus | None = None, **more: Any
) -> Result:
    kinds = {"dimension": pa.string(), "time": pa.timestamp("us", "UTC")}
    fields = [(c.name, kinds.get(c.role, pa.int64() if _whole(rows, c.name) else pa.float64())) for c in columns]
    table = pa.Table.from_pylist(rows, schema=pa.schema(fields))
    found = evidence(table, status or (EvidenceStatus.OK if rows else EvidenceStatus.EMPTY), missing=more.pop("missing", ()))
    return Result(columns, table, (found,), **more)


def _whole(rows: list[dict[str, Any]], name: str) -> bool:
    return bool(rows) and all(isinstance(r[name], int) for r in rows)


def clusters(counts: dict[str, int]) -> Result:
    return result((CLUSTER, FAILED), [{"cluster": c, "failed": n} for c, n in counts.items()])


def days(values: list[float], column: Column = FAILED) -> Result:
    return result((DAY, column), [{"bucket": START + timedelta(days=i), column.name: v} for i, v in enumerate(values)])


def answer(made: Result | None = None, **changes: Any) -> Answer:
    shown = made or clusters({"c-a": 12, "c-b": 3})
    base = Answer(
        Status.ANSWERED, "c-a has the most failed jobs: 12.", "failed jobs per cluster", "thread-1", END, shown, WINDOW,
        definition="jobs that failed.", freshness="newest row 2026-05-21 23:59 UTC", evidence=shown.evidence,
        queries=shown.evidence[0].queries, areas=(Area.SLURM,), followups=("Split that by rack",), seconds=0.02,
    )  # fmt: skip
    return replace(base, **changes)
