# ruff: noqa: S608 - only names of our own are put into text; values are parameters
"""Selects as Elasticsearch's Query DSL (POST /<index>/_search), for OpenSearch, old clusters and clusters without SQL.

Groups are pages of a composite aggregation, and the condition of one aggregate is a filter around it. Sums of fields are put
together here from aggregates of the fields; a value that is worked out per document in any other way is refused.
Sources: Elasticsearch 9 and OpenSearch 3 documentation, aggregations.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset, ForeignName
from llo11ypop.query.compile import es_select
from llo11ypop.query.compile.duckdb_expr import ordering
from llo11ypop.query.compile.duckdb_rows import clean
from llo11ypop.query.compile.es_dsl_filter import ALWAYS, EXACT_TIME, Filter, Filters, between, both, exists
from llo11ypop.query.compile.es_linear import Linear, linear
from llo11ypop.query.compile.es_native import MAX_ROWS, Answer, EsCompiled, Native, Placed
from llo11ypop.query.compile.es_select import Compilation
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.sql import Instant, Sql, instant, joined, quoted
from llo11ypop.query.expr import Expr, Name
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import OF_FIELD, Kind
from llo11ypop.query.plan import Bucket, Measure, Select, Span

ENGINE = "Elasticsearch's Query DSL"
PRECISION = 40_000
"""Up to about as many distinct values a count is nearly exact; the most that is allowed (cardinality aggregation)."""
_SINGLE = frozenset({"min", "max", "percentile", "stddev"})


def compiler(indices: Callable[[str], Index]) -> Callable[[Scan, Catalog, bool], EsCompiled]:
    """The compiler of scans for a set of indices, by name of the dataset."""
    return es_select.compiler(indices, DslCompilation, ENGINE)


@dataclass(frozen=True)
class Reading:
    """A value of a document: a sum of fields, or one field that is text."""

    linear: Linear | None
    name: str = ""


class DslCompilation(Compilation[Filter]):
    """One select in the Query DSL."""

    per_aggregate = True

    def __init__(self, select: Select, dataset: Dataset, columns: Columns, natives: list[Native[Filter]]) -> None:
        super().__init__(select, dataset, columns, natives)
        self.filters = Filters(columns, self.names)

    def condition(self, expr: Expr) -> Filter:
        """See Compilation."""
        return self.filters.condition(expr)

    def reading(self, expr: Expr) -> tuple[Reading, Filter | None]:
        """See Compilation."""
        node = expr.node
        name = node.name if isinstance(node, Name) else ""
        found = linear(node, self.schema)
        if found is None and not name:
            raise self.columns.refused(f"'{expr.text}', which is worked out per document: that needs a script in an aggregation")
        names = [name] if name else list(found.terms) if found else []
        guards = [g for n in names for g in self.filters.guards(n)]
        return Reading(found, name), both([*guards, *([] if name else [self.stored(n) for n in names])])

    def stored(self, name: str) -> Filter:
        """See Compilation."""
        return exists(self.columns.foreign(name).name)

    def together(self, parts: Iterable[Filter | None]) -> Filter | None:
        """See Compilation."""
        return both(parts)

    def span(self, window: Span | None, over: Span | None) -> Filter | None:
        """See Compilation."""
        dataset, parts = self.dataset, []
        if over is not None and window is None:
            return self._between(dataset.time, over)
        if dataset.known_at:
            parts.append(between(self._name(dataset.known_at), lte=Instant()))
        lasting = dataset.valid or (dataset.span if window is not None else None)
        if lasting:
            reach = window or None
            since, until = (Instant(reach.start), Instant(reach.end)) if reach else (Instant(), Instant())
            start, end = (self._name(name) for name in lasting)
            begun = {"lte": until} if dataset.valid else {"lt": until}
            open_ended: Filter = {"bool": {"must_not": [exists(end)]}}
            parts += [
                between(start, **begun),
                {"bool": {"should": [open_ended, between(end, gt=since)], "minimum_should_match": 1}},
            ]
        elif dataset.time and not dataset.span:
            parts.append(self._between(dataset.time, window))
        return both(parts)

    def _between(self, time: str, window: Span | None) -> Filter:
        if window is None:
            return between(self._name(time), lt=Instant())
        return between(self._name(time), gte=Instant(window.start), lt=Instant(window.end))

    def _name(self, name: str) -> str:
        return self.columns.foreign(name).name

    def key(self, name: str) -> Filter:
        """See Compilation."""
        if not self.columns.bare(name):
            raise self.columns.refused(f"grouping by '{name}', which is stored in another unit")
        return {"terms": {"field": self._name(name), "missing_bucket": True}}

    def value_key(self, value: Any) -> Filter:
        """See Compilation."""
        name = value.name
        if not name:
            raise self.columns.refused("a list of anything but a field")
        return self.key(name)

    def bucket(self, bucket: Bucket) -> Filter:
        """See Compilation."""
        field = self._name(self.dataset.time)
        if isinstance(bucket.every, str):
            return {"date_histogram": {"field": field, "calendar_interval": bucket.every}}
        milliseconds = bucket.every.total_seconds() * 1000
        if milliseconds != int(milliseconds) or milliseconds < 1:
            raise self.columns.refused("buckets of a fraction of a millisecond")
        return {"date_histogram": {"field": field, "fixed_interval": f"{int(milliseconds)}ms"}}

    def counted(self, only: Filter | None) -> Filter:
        """See Compilation."""
        return {"only": only, "path": "doc_count"}

    # ---- aggregates --------------------------------------------------------------------------------------------
    def aggregate(self, measure: Measure, value: Any, at: Placed[Filter], kind: Kind) -> Sql:
        """See Compilation."""
        reading: Reading = value
        rows = self.rows_of(at)
        if measure.agg == "count_distinct":
            found = {"cardinality": {"field": self._one(measure, reading)[1].name, "precision_threshold": PRECISION}}
            return Sql(f"coalesce({self._column(at, found, 'value', Kind.INTEGER)}, 0)")
        if measure.agg in ("first", "last") or (measure.agg in ("min", "max") and kind is Kind.TEXT):
            text = self._top(measure, reading, at, kind)
        else:
            text = self._worked_out(measure, reading, at, kind)
        return f"CASE WHEN {rows} > 0 THEN " + text + " END"

    def _column(self, at: Placed[Filter], found: Filter, path: str, kind: Kind) -> str:
        return f"{at.alias}.{at.native.add({'agg': found, 'only': at.only, 'path': path}, kind)}"

    def _one(self, measure: Measure, reading: Reading) -> tuple[str, ForeignName]:
        names = [reading.name] if reading.name else list(reading.linear.terms) if reading.linear else []
        if len(names) != 1:
            raise self.columns.refused(f"'{measure.agg}' of several fields, which needs a script in an aggregation")
        return names[0], self.columns.foreign(names[0])

    def _top(self, measure: Measure, reading: Reading, at: Placed[Filter], kind: Kind) -> Sql:
        """The value of the first or last document, by time and then by the value, as every other engine has it."""
        if not reading.name:
            raise self.columns.refused(f"'{measure.agg}' of anything but a field")
        foreign = self.columns.foreign(reading.name)
        order = "asc" if measure.agg in ("first", "min") else "desc"
        by = [foreign.name] if measure.agg in ("min", "max") else [self._name(self.dataset.time), foreign.name]
        shown = {"field": foreign.name, "format": EXACT_TIME} if kind is Kind.TIME else {"field": foreign.name}
        found = {"size": 1, "_source": False, "docvalue_fields": [shown], "sort": [{name: {"order": order}} for name in by]}
        return Sql(_converted(self._column(at, {"top_hits": found}, f"hit:{foreign.name}", kind), foreign))

    def _worked_out(self, measure: Measure, reading: Reading, at: Placed[Filter], kind: Kind) -> Sql:
        if reading.linear is None:
            raise self.columns.refused(f"'{measure.agg}' of text")
        terms = reading.linear.terms
        if kind is Kind.TIME:
            return Sql(self._column(at, {measure.agg: {"field": self._one(measure, reading)[1].name}}, "value", kind))
        if measure.agg in _SINGLE:
            name, foreign = self._one(measure, reading)
            found, path = _single(measure, terms[name] * foreign.factor < 0, foreign.name)
            column = self._column(at, found, path, Kind.NUMBER)
            if measure.agg == "stddev":
                return Sql(f"({column} * {abs(terms[name] * foreign.factor)!r})")
            parts = [Sql(f"({_converted(column, foreign)} * {terms[name]!r})")]
        else:
            parts = []
            for name, factor in terms.items():
                foreign = self.columns.foreign(name)
                column = self._column(at, {"avg": {"field": foreign.name}}, "value", Kind.NUMBER)
                if measure.agg == "sum" and len(terms) == 1 and not foreign.offset and not reading.linear.constant:
                    column = self._column(at, {"sum": {"field": foreign.name}}, "value", Kind.NUMBER)
                    return Sql(f"({column} * {factor * foreign.factor!r})")
                parts.append(Sql(f"({_converted(column, foreign)} * {factor!r})"))
        if reading.linear.constant:
            parts.append(Sql(f"{reading.linear.constant!r}"))
        if reading.linear.now:
            parts.append("(epoch_ms(CAST(" + instant() + f" AS TIMESTAMP)) * {reading.linear.now!r})")
        total = "(" + joined(parts, " + ") + ")"
        return total + f" * {self.rows_of(at)}" if measure.agg == "sum" else total

    # ---- raw rows ----------------------------------------------------------------------------------------------
    def raw(self) -> Answer:
        """See Compilation."""
        select, limit = self.select, self.select.limit or MAX_ROWS
        native = Native[Filter]((), self.where((self.span(select.window, None), self.filter)), self.columns.index.pattern)
        native.limit, native.plan_limit = limit + 1, True
        dataset, order = self.dataset, [(o.by, o.desc) for o in select.order]
        if not order and dataset.time:
            order = [(dataset.time, True)]
        for name, _ in order:
            if self.columns.guarded(name):
                raise self.columns.refused(f"sorting by '{name}', whose blanks must read as nothing")
        order += [(name, False) for name in dict.fromkeys(select.fields) if name not in {n for n, _ in order}]
        specs = {name: self.columns.spec(name) for name, _ in order}
        needed = dict.fromkeys([*specs, *(s.known_at for s in specs.values() if s.known_at)])
        if any(self.columns.foreign(name).where for name in needed):
            raise self.columns.refused("raw rows of a field that only some documents hold")
        columns = {name: native.add(self._shown(name), OF_FIELD[self.columns.spec(name).type]) for name in needed}
        native.order = tuple((columns[name], desc) for name, desc in order)
        self.natives.append(native)
        read = ", ".join(f"{_converted(c, self.columns.foreign(n))} AS {quoted(n)}" for n, c in columns.items())
        kept = {n: clean(f"t.{quoted(n)}", spec, dataset, "t") for n, spec in specs.items()}
        listed = joined(text + f" AS {quoted(n)}" for n, text in kept.items())
        names = ", ".join(quoted(n) for n in dict.fromkeys(select.fields))
        by = ordering([(quoted(n), desc) for n, desc in order])
        finish = (
            f"SELECT {names} FROM (SELECT "
            + listed
            + f" FROM (SELECT {read} FROM q0) AS t) AS r ORDER BY {by} LIMIT {limit + 1:d}"
        )
        return Answer((len(self.natives) - 1,), finish, limit=limit)

    def _shown(self, name: str) -> Filter:
        shown: Filter = {"field": self._name(name)}
        return {**shown, "format": EXACT_TIME} if self.schema_of(name) is Kind.TIME else shown

    def schema_of(self, name: str) -> Kind:
        """The kind of a field."""
        return OF_FIELD[self.columns.spec(name).type]


def _converted(column: str, foreign: ForeignName) -> str:
    """A stored value in the catalog's unit."""
    text = column if foreign.factor == 1.0 else f"({column} * {foreign.factor!r})"
    return f"({text} + {foreign.offset!r})" if foreign.offset else text


def _single(measure: Measure, falling: bool, field: str) -> tuple[Filter, str]:
    """An aggregate of one field, and where its value stands; `falling` when the value falls as the field grows."""
    if measure.agg == "stddev":
        return {"extended_stats": {"field": field}}, "std_deviation_sampling"
    if measure.agg == "percentile":
        share = (measure.q or 0) * 100
        return {"percentiles": {"field": field, "percents": [100 - share if falling else share], "keyed": False}}, "percentile"
    opposite = {"min": "max", "max": "min"}
    return {opposite[measure.agg] if falling else measure.agg: {"field": field}}, "value"


def body_of(native: Native[Filter], *, groups: int, after: dict[str, Any] | None = None, rows: int = 0) -> dict[str, Any]:
    """The request of one page: `groups` of a composite aggregation, or `rows`."""
    body: dict[str, Any] = {"size": rows, "query": {"bool": {"filter": [native.where or ALWAYS]}}}
    if native.plan_limit:
        pieces = {name: piece for name, (piece, _) in native.columns.items()}
        sort = [{pieces[c]["field"]: {"order": "desc" if desc else "asc", "missing": "_last"}} for c, desc in native.order]
        return body | {"_source": False, "track_total_hits": native.limit, "sort": sort, "docvalue_fields": list(pieces.values())}
    aggs: dict[str, Any] = {}
    for name, (piece, _) in list(native.columns.items())[len(native.keys) :]:
        if "path" not in piece:
            continue
        inner = {"value": piece["agg"]} if "agg" in piece else {}
        if piece["only"] is not None:
            aggs[name] = {"filter": piece["only"], **({"aggs": inner} if inner else {})}
        elif inner:
            aggs[name] = piece["agg"]
    if not native.keys:
        return body | {"track_total_hits": True, **({"aggs": aggs} if aggs else {})}
    sources = [{name: piece} for name, piece in zip(native.columns, native.keys, strict=False)]
    composite = {"size": groups, "sources": sources, **({"after": after} if after else {})}
    return body | {"track_total_hits": False, "aggs": {"groups": {"composite": composite, **({"aggs": aggs} if aggs else {})}}}
