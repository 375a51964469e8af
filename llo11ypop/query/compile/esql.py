"""Selects as ES|QL (POST /_query): one source, and conditions of single aggregates said beside them.

Source: Elasticsearch 9 documentation, ES|QL.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset
from llo11ypop.query.check import names_used
from llo11ypop.query.compile import es_select
from llo11ypop.query.compile.duckdb_expr import ordering
from llo11ypop.query.compile.es_native import Answer, EsCompiled, Native, Placed
from llo11ypop.query.compile.es_sql import SqlCompilation
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.es_sql_span import between, span
from llo11ypop.query.compile.esql_expr import ENGINE, EsqlColumns, EsqlWriter, source
from llo11ypop.query.compile.esql_lookup import JoinedColumns, joinable
from llo11ypop.query.compile.sql import Sql, joined
from llo11ypop.query.expr import Expr, Name
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Bucket, Measure, Select, Span

MOST_ROWS = 10_000
"""Of one answer; the rest is cut without a word, and there are no pages (ES|QL limitations, result set size)."""
PRECISION = 40_000
"""Up to about as many distinct values a count is nearly exact; the most that is allowed (COUNT_DISTINCT)."""
_PUT_TOGETHER = frozenset({"list", "increase", "rate", "stddev"})
"""Aggregates that are no column of an answer as they are."""
_UNITS = (("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1))


def text_of(native: Native[Sql]) -> Sql:
    """The query as it is sent."""
    keys = len(native.keys)
    named = [Sql(f"{name} = ") + piece for name, (piece, _) in native.columns.items()]
    text = Sql(f"{'TS' if native.series else 'FROM'} {source(native.source)}") + (native.more or "")
    if native.where:
        text = text + " | WHERE " + native.where
    if native.series:  # a series is grouped by its dimensions themselves
        by = f" BY {', '.join(piece.text for piece in native.keys)} | EVAL " if keys else ""
        text = text + " | STATS " + joined(named[keys:]) + by + joined(named[:keys])
    elif native.plan_limit and not keys:
        text = text + " | EVAL " + joined(named)
    else:
        grouped = [" BY " + joined(named[:keys])] if keys else []
        text = text + " | STATS" + joined([*([" " + joined(named[keys:])] if named[keys:] else []), *grouped], "")
    sorted_by = f" | SORT {ordering(list(native.order))}" if native.order else ""
    return text + sorted_by + f" | KEEP {', '.join(native.columns)} | LIMIT {native.limit:d}"


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

    def __init__(self, select: Select, dataset: Dataset, columns: Columns, natives: list[Native[Sql]]) -> None:
        foreign = names_used(select) - set(dataset.fields)
        self.plain = columns
        if foreign and isinstance(columns, EsqlColumns) and joinable(columns.catalog, dataset, foreign, columns.in_lookup):
            names = names_used(select) | set(dataset.grain)
            columns = JoinedColumns(columns, names, columns.others, span(dataset, columns, select.window))
        super().__init__(select, dataset, columns, natives)
        self.more = columns.text if isinstance(columns, JoinedColumns) else None
        sorted_by = [select.measures.get(one.by) for one in select.order]
        self.top = bool(select.limit and sorted_by and (select.by or select.bucket) and not select.having)
        self.top &= not select.fields and not any(m and m.agg in _PUT_TOGETHER for m in sorted_by)

    def answer(self) -> Answer:
        """See Compilation. Where versions are joined, rows are counted before and after."""
        found = super().answer()
        if self.top:
            self._cut()
        if not (isinstance(self.columns, JoinedColumns) and self.columns.changing):
            return found
        window = span(self.dataset, self.plain, self.select.window)
        return replace(found, same=(self._all(window, None), self._all(None, self.more)))

    def _all(self, where: Sql | None, more: Sql | None) -> int:
        """The number of the query that counts all rows of the window, joined or not; of several selects it is one."""
        native = Native[Sql]((), where, self.columns.index.pattern, more=more, alone=True)
        native.columns["n"] = (self.counted(None), Kind.INTEGER)
        if native not in self.natives:
            self.natives.append(native)
        return self.natives.index(native)

    def _cut(self) -> None:
        """Let the cluster sort and cut a top list: of any number of groups it gives as many as are wanted."""
        native, select, keys = self.natives[self.base], self.select, list(self.keys)
        column = {name: f"k{i}" for i, name in enumerate(keys)}
        column |= {n: self.shown[m].rpartition(".")[2] for n, m in select.measures.items() if m in self.shown}
        order = [(column[one.by], one.desc) for one in select.order]
        order += [(column[name], False) for name in keys if name not in {one.by for one in select.order}]
        native.order, native.limit = tuple(order), (select.limit or 0) + 1
        native.plan_limit = native.alone = True

    def span(self, window: Span | None, over: Span | None) -> Sql | None:
        """See Compilation."""
        if over is not None and window is None:
            return between(self.columns, self.dataset.time, over)
        if self.more is not None:
            return None  # said before the joins
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

    def values_of(self, at: Placed[Sql], value: Any) -> str:
        """See Compilation. A condition says already that there is a value."""
        return self.rows_of(at)

    def aggregate(self, measure: Measure, value: Any, at: Placed[Sql], kind: Kind) -> Sql:
        """See Compilation."""
        text: Sql = value
        if measure.agg == "count_distinct":
            piece = _under("COUNT_DISTINCT(" + text + f", {PRECISION})", at.only)
            self.shown[measure] = f"{at.alias}.{at.native.add(piece, Kind.INTEGER)}"
            return Sql(f"coalesce({self.shown[measure]}, 0)")
        rows = self.rows_of(at)
        kept = kind if measure.agg in ("min", "max", "first", "last") else Kind.NUMBER
        column = f"{at.alias}.{at.native.add(_under(self._call(measure, text), at.only), kept)}"
        self.shown[measure] = column
        if measure.agg == "stddev":  # STD_DEV is that of a population
            column = f"{column} * sqrt({rows} / nullif({rows} - 1.0, 0))"
        return Sql(f"CASE WHEN {rows} > 0 THEN {column} END")

    def gain(self, measure: Measure) -> Sql:
        """See Compilation. The rate of what the mapping declares as a counter is the cluster's own: an estimate."""
        name = measure.field.node.name if measure.field and isinstance(measure.field.node, Name) else ""
        index = self.columns.index
        keys = [index.columns[n].name for n in self.keys if n in index.columns]
        counter = name in index.columns and index.columns[name].name in index.counters
        if not counter or measure.agg != "rate" or self.more or self.select.bucket or not set(keys) <= index.dimensions:
            return super().gain(measure)
        where, _ = self.readings(measure, Expr(Name(name), name))
        found = index.columns[name]
        native = Native[Sql](tuple(self.keys.values()), where, index.pattern, limit=self.most_groups, alone=True, series=True)
        native.columns = {f"k{i}": (piece, self.kinds[n]) for i, (n, piece) in enumerate(self.keys.items())}
        column = native.add(Sql(f"SUM(RATE({self.columns.named(found.name)}))"), Kind.NUMBER)
        self.natives.append(native)
        alias = self.used.setdefault(len(self.natives) - 1, f"q{len(self.used)}")
        self.estimated.append(measure)
        return Sql(f"({alias}.{column} * {found.factor!r})")

    def raw(self) -> Answer:
        """See Compilation."""
        if self.select.limit and self.select.limit >= MOST_ROWS:
            reason = f"{self.select.limit:,} raw rows: an answer holds {MOST_ROWS:,} at most, and there are no pages"
            raise self.columns.refused(reason)
        return super().raw()


def _under(text: Sql, only: Sql | None) -> Sql:
    """An aggregate of the rows that a condition holds for."""
    return text if only is None else text + " WHERE " + only
