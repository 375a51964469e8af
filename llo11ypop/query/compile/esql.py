"""Selects as ES|QL (POST /_query): one source, and conditions of single aggregates said beside them.

Source: Elasticsearch 9 documentation, ES|QL.
"""

from collections.abc import Callable
from typing import Any

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.query.compile import es_select
from llo11ypop.query.compile.duckdb_expr import ordering
from llo11ypop.query.compile.es_select import Answer, EsCompiled, Native, Placed
from llo11ypop.query.compile.es_sql import SqlCompilation
from llo11ypop.query.compile.es_sql_names import Index
from llo11ypop.query.compile.es_sql_span import between, span
from llo11ypop.query.compile.esql_expr import ENGINE, EsqlColumns, EsqlWriter
from llo11ypop.query.compile.sql import Sql, joined
from llo11ypop.query.expr import Name
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Bucket, Measure, Span

MOST_ROWS = 10_000
"""Of one answer; the rest is cut without a word, and there are no pages (ES|QL limitations, result set size)."""
PRECISION = 40_000
"""Up to about as many distinct values a count is nearly exact; the most that is allowed (COUNT_DISTINCT)."""
_UNITS = (("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1))


def text_of(native: Native[Sql]) -> Sql:
    """The query as it is sent."""
    keys = len(native.keys)
    named = [Sql(f"{name} = ") + piece for name, (piece, _) in native.columns.items()]
    text = Sql(f"FROM {source(native.source)}")
    if native.where:
        text = text + " | WHERE " + native.where
    if native.plan_limit:
        text = text + " | EVAL " + joined(named)
    else:
        by = [" BY " + joined(named[:keys])] if keys else []
        text = text + " | STATS" + joined([*([" " + joined(named[keys:])] if named[keys:] else []), *by], "")
    sorted_by = f" | SORT {ordering(list(native.order))}" if native.order else ""
    return text + sorted_by + f" | KEEP {', '.join(native.columns)} | LIMIT {native.limit:d}"


def source(pattern: str) -> str:
    """An index or pattern in query text."""
    return '"' + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"'


def compiler(indices: Callable[[str], Index]) -> Callable[[Scan, Catalog, bool], EsCompiled]:
    """The compiler of scans for a set of indices, by name of the dataset."""
    return es_select.compiler(indices, EsqlCompilation, ENGINE)


class EsqlCompilation(SqlCompilation):
    """One select in ES|QL."""

    per_aggregate = True
    most_groups = MOST_ROWS
    blank_keys = True
    reads = EsqlColumns
    writes = EsqlWriter
    stddev = "STD_DEV"

    def span(self, window: Span | None, over: Span | None) -> Sql | None:
        """See Compilation."""
        if over is not None and window is None:
            return between(self.columns, self.dataset.time, over)
        return span(self.dataset, self.columns, window)

    def key(self, name: str) -> Sql:
        """See Compilation."""
        return self.writer.value(Name(name), lenient=True)

    def value_key(self, value: Any) -> Sql:
        """See Compilation."""
        text: Sql = value
        return text

    def bucket(self, bucket: Bucket) -> Sql:
        """See Compilation. A step in hours or less is fixed and counted from 1970; days and more are of the calendar."""
        time = self.columns.column(self.dataset.time)
        if isinstance(bucket.every, str):
            return Sql(f"BUCKET({time}, 1 {bucket.every})")
        milliseconds = bucket.every.total_seconds() * 1000
        for unit, length in _UNITS:
            if milliseconds >= length and milliseconds % length == 0:
                return Sql(f"BUCKET({time}, {int(milliseconds // length)} {unit})")
        raise self.columns.refused("buckets of a fraction of a millisecond")

    def counted(self, only: Sql | None) -> Sql:
        """See Compilation."""
        return _under(Sql("COUNT(*)"), only)

    def aggregate(self, measure: Measure, value: Any, at: Placed[Sql], kind: Kind) -> Sql:
        """See Compilation."""
        text: Sql = value
        if measure.agg == "count_distinct":
            piece = _under("COUNT_DISTINCT(" + text + f", {PRECISION})", at.only)
            return Sql(f"coalesce({at.alias}.{at.native.add(piece, Kind.INTEGER)}, 0)")
        rows = self.rows_of(at)
        kept = kind if measure.agg in ("min", "max", "first", "last") else Kind.NUMBER
        column = f"{at.alias}.{at.native.add(_under(self._call(measure, text), at.only), kept)}"
        if measure.agg == "stddev":  # STD_DEV is that of a population
            column = f"{column} * sqrt({rows} / nullif({rows} - 1.0, 0))"
        return Sql(f"CASE WHEN {rows} > 0 THEN {column} END")

    def raw(self) -> Answer:
        """See Compilation."""
        if self.select.limit and self.select.limit >= MOST_ROWS:
            reason = f"{self.select.limit:,} raw rows: an answer holds {MOST_ROWS:,} at most, and there are no pages"
            raise self.columns.refused(reason)
        return super().raw()


def _under(text: Sql, only: Sql | None) -> Sql:
    """An aggregate of the rows that a condition holds for."""
    return text if only is None else text + " WHERE " + only
