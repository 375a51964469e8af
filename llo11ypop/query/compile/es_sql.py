# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Selects as Elasticsearch SQL: one source per query, and no condition per aggregate.

Source: Elasticsearch 9 documentation, SQL.
"""

from collections.abc import Callable, Iterable
from typing import Any

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset
from llo11ypop.query.compile import es_select
from llo11ypop.query.compile.duckdb_expr import ordering
from llo11ypop.query.compile.es_native import MAX_ROWS, Answer, EsCompiled, Native, Placed
from llo11ypop.query.compile.es_select import Compilation
from llo11ypop.query.compile.es_sql_expr import ENGINE, Writer, together
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.es_sql_span import bucket_key, span
from llo11ypop.query.compile.sql import Sql, joined, quoted
from llo11ypop.query.expr import Expr, Name
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import OF_FIELD, Kind
from llo11ypop.query.plan import Bucket, Measure, Select, Span

_FUNCTIONS = {"sum": "SUM", "avg": "AVG", "min": "MIN", "max": "MAX"}


def text_of(native: Native[Sql]) -> Sql:
    """The query as it is sent. Elasticsearch sorts at most 65,535 groups, which the limit is below (SQL limitations)."""
    selected = joined(text + f" AS {name}" for name, (text, _) in native.columns.items())
    text = "SELECT " + selected + f" FROM {quoted(native.source)} WHERE " + (native.where or Sql("1 = 1"))
    if native.keys:
        text = text + " GROUP BY " + joined(native.keys)
    by = f" ORDER BY {ordering(list(native.order))}" if native.order else ""
    return text + f"{by} LIMIT {native.limit:d}"


def compiler(indices: Callable[[str], Index]) -> Callable[[Scan, Catalog, bool], EsCompiled]:
    """The compiler of scans for a set of indices, by name of the dataset."""
    return es_select.compiler(indices, SqlCompilation, ENGINE)


class SqlCompilation(Compilation[Sql]):
    """One select in Elasticsearch SQL."""

    writes: type[Writer] = Writer
    stddev = "STDDEV_SAMP"

    def __init__(self, select: Select, dataset: Dataset, columns: Columns, natives: list[Native[Sql]]) -> None:
        super().__init__(select, dataset, columns, natives)
        self.writer = self.writes(columns, self.names)

    def condition(self, expr: Expr) -> Sql:
        """See Compilation."""
        return self.writer.condition(expr)

    def reading(self, expr: Expr) -> tuple[Sql, Sql | None]:
        """See Compilation."""
        return self.writer.reading(expr)

    def stored(self, name: str) -> Sql:
        """See Compilation."""
        return Sql(f"{self.columns.column(name)} IS NOT NULL")

    def together(self, parts: Iterable[Sql | None]) -> Sql | None:
        """See Compilation."""
        return together(parts)

    def where(self, parts: Iterable[Sql | None]) -> Sql | None:
        """The same without brackets."""
        present = [p for p in parts if p is not None]
        return joined(present, " AND ") if present else None

    def span(self, window: Span | None, over: Span | None) -> Sql | None:
        """See Compilation."""
        return span(self.dataset, self.columns, window, over)

    def key(self, name: str) -> Sql:
        """See Compilation."""
        return self.columns.read(name)

    def value_key(self, value: Any) -> Sql:
        """See Compilation. A parameter that is selected and grouped by would be given twice, and be two columns."""
        if value.params:
            raise self.columns.refused("'list' of a calculation with numbers in it")
        return Sql(value.text)

    def bucket(self, bucket: Bucket) -> Sql:
        """See Compilation."""
        return bucket_key(bucket, self.columns.column(self.dataset.time))

    def counted(self, only: Sql | None) -> Sql:
        """See Compilation."""
        return Sql("COUNT(*)")

    def values_of(self, at: Placed[Sql], value: Any) -> str:
        """See Compilation."""
        text: Sql = value
        return f"{at.alias}.{at.native.add('COUNT(' + text + ')', Kind.INTEGER)}"

    def aggregate(self, measure: Measure, value: Any, at: Placed[Sql], kind: Kind) -> Sql:
        """See Compilation."""
        text: Sql = value
        if measure.agg == "count_distinct":
            return Sql(f"coalesce({at.alias}.{at.native.add('COUNT(DISTINCT ' + text + ')', Kind.INTEGER)}, 0)")
        column = at.native.add(self._call(measure, text), kind if measure.agg in ("min", "max", "first", "last") else Kind.NUMBER)
        seen = "n" if at.present else at.native.add("COUNT(" + text + ")", Kind.INTEGER)
        return Sql(f"CASE WHEN {at.alias}.{seen} > 0 THEN {at.alias}.{column} END")

    def _call(self, measure: Measure, text: Sql) -> Sql:
        match measure.agg:
            case "percentile":
                return "PERCENTILE(" + text + f", {(measure.q or 0) * 100:g})"
            case "stddev":
                return f"{self.stddev}(" + text + ")"
            case "first" | "last":
                if measure.field is None or not isinstance(measure.field.node, Name):
                    raise self.columns.refused(f"'{measure.agg}' of anything but a field")
                return f"{measure.agg.upper()}(" + text + f", {self.columns.column(self.dataset.time)})"
        return f"{_FUNCTIONS[measure.agg]}(" + text + ")"

    def raw(self) -> Answer:
        """See Compilation."""
        select, limit = self.select, self.select.limit or MAX_ROWS
        where = self.where((self.span(select.window, None), self.filter))
        native = Native[Sql]((), where, self.columns.index.pattern, limit=limit + 1, plan_limit=True, more=self.more)
        named: dict[str, str] = {}
        for name in dict.fromkeys((*select.fields, *(o.by for o in select.order))):
            kind = OF_FIELD[self.columns.spec(name).type]
            named[name] = native.add(self.writer.value(Name(name), lenient=True), kind)
        keys = [(named[o.by], o.desc) for o in select.order]
        if not keys and self.dataset.time:
            keys = [(native.add(Sql(self.columns.column(self.dataset.time)), Kind.TIME), True)]
        given = {name for name, _ in keys}
        native.order = (*keys, *((c, False) for c in (named[f] for f in select.fields) if c not in given))
        self.natives.append(native)
        listed = ", ".join(f"{named[n]} AS {quoted(n)}" for n in select.fields)
        finish = Sql(f"SELECT {listed} FROM q0 ORDER BY {ordering(list(native.order))} LIMIT {limit + 1:d}")
        return Answer((len(self.natives) - 1,), finish, limit=limit)
