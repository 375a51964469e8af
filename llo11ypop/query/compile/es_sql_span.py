"""Which rows a window selects, and time buckets, as Elasticsearch SQL: half-open, in UTC, never a row of the future."""

from datetime import timedelta

from llo11ypop.catalog.models import Dataset
from llo11ypop.query.compile.es_sql_expr import refused
from llo11ypop.query.compile.es_sql_names import Columns
from llo11ypop.query.compile.sql import Sql, joined
from llo11ypop.query.plan import Bucket, Span

_UNITS = (("DAY", 86_400), ("HOUR", 3_600), ("MINUTE", 60), ("SECOND", 1))
_CALENDAR = {"hour": "HOUR", "day": "DAY", "month": "MONTH", "year": "YEAR"}


def span(dataset: Dataset, columns: Columns, window: Span | None, over: Span | None = None) -> Sql | None:
    """The condition on rows: those of the window, and of the shorter span inside it. None where every row counts."""
    parts: list[Sql | None] = []
    if dataset.known_at:
        parts.append(f"{columns.column(dataset.known_at)} <= " + columns.ago())
    if dataset.valid:
        start, end = (columns.column(name) for name in dataset.valid)
        since, until = (window.start, window.end) if window is not None else (timedelta(0), timedelta(0))
        parts.append(f"{start} <= " + columns.ago(until) + f" AND ({end} IS NULL OR {end} > " + columns.ago(since) + ")")
    elif dataset.span and window is not None:
        start, end = (columns.column(name) for name in dataset.span)
        lasts = f"({end} IS NULL OR {end} > " + columns.ago(window.start) + ")"
        parts.append(f"{start} < " + columns.ago(window.end) + " AND " + lasts)
    elif dataset.time and not dataset.span:
        parts.append(between(columns, dataset.time, over or window))
        return _all(parts)
    if over is not None and dataset.time:
        parts.append(between(columns, dataset.time, over))
    return _all(parts)


def _all(parts: list[Sql | None]) -> Sql | None:
    present = [p for p in parts if p is not None]
    return joined(present, " AND ") if present else None


def between(columns: Columns, name: str, window: Span | None) -> Sql:
    """That an instant lies in a window, or before the instant of the run."""
    time = columns.column(name)
    if window is None:
        return f"{time} < " + columns.ago()
    return f"{time} >= " + columns.ago(window.start) + f" AND {time} < " + columns.ago(window.end)


def bucket_key(bucket: Bucket, time: str) -> Sql:
    """The start of a row's bucket. Fixed steps are counted from 1970, weeks start on Monday."""
    if isinstance(bucket.every, str):
        if bucket.every in _CALENDAR:
            return Sql(f"HISTOGRAM({time}, INTERVAL 1 {_CALENDAR[bucket.every]})")
        return Sql(f"DATE_TRUNC('{bucket.every}', {time})")
    seconds = bucket.every.total_seconds()
    if seconds != int(seconds) or seconds < 1:
        raise refused("buckets of a fraction of a second")
    for unit, length in _UNITS:
        if seconds == length or (seconds % length == 0 and unit != "DAY"):
            return Sql(f"HISTOGRAM({time}, INTERVAL {int(seconds) // length} {unit})")
    raise refused("such buckets")
