# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""A select for Elasticsearch, whatever language it is asked in: which queries, and what is done here with their few rows.

The cluster scans and groups; a DuckDB statement puts the groups together: missing ones, HAVING, order and limit, all as every
other engine has them. A language says what a condition, a key and an aggregate look like in it (`es_sql`, `es_dsl`, `esql`),
and what it cannot say is refused with the reason.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Generic

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset
from llo11ypop.core.errors import PlanError
from llo11ypop.query.check import aggregated, names_used
from llo11ypop.query.compile.duckdb_expr import LISTED_AT_MOST, cast, expression, ordering
from llo11ypop.query.compile.es_counters import Ladder, Level, Summary, gains, stretches
from llo11ypop.query.compile.es_native import APPROXIMATE, MAX_ROWS, Answer, EsCompiled, Native, P, Placed
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.sql import Sql, joined, quoted
from llo11ypop.query.expr import Expr, Name, Node, Op, Value
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import OF_FIELD, Kind, Schema, kind_of
from llo11ypop.query.plan import Bucket, Measure, Select, Span


class Compilation(ABC, Generic[P]):
    """Puts one select's queries together, sharing those that are there already."""

    per_aggregate = False
    """Whether an aggregate may have a condition of its own; otherwise each distinct condition is a query."""
    most_groups = MAX_ROWS
    top = False
    """Whether the engine sorts and cuts, so that the base query is this select's alone."""
    blank_keys = False
    """Whether a group key may read its blanks as nothing."""
    reads: type[Columns] = Columns

    def __init__(self, select: Select, dataset: Dataset, columns: Columns, natives: list[Native[P]]) -> None:
        self.select = select
        self.dataset = dataset
        self.columns = columns
        self.natives = natives
        self.names = names_used(select) | {*dataset.grain, *([dataset.time] if dataset.time else [])}
        self.schema: Schema = {n: OF_FIELD[columns.spec(n).type] for n in sorted(self.names)}
        self.used: dict[int, str] = {}
        """Query → its alias in the statement."""
        self.ladders: dict[tuple[Any, ...], Ladder] = {}
        """Counter and condition → its queries."""
        self.estimated: list[Measure] = []
        self.shown: dict[Measure, str] = {}
        """Measure → the column of the base query that it is, where it is one."""
        self.more: P | None = None
        self.apart: dict[str, str] = {}
        """Tables of the statement that are put together from several queries: alias → text."""

    # ---- what a language says ----------------------------------------------------------------------------------
    @abstractmethod
    def condition(self, expr: Expr) -> P:
        """An expression that rows are kept for. Raises PlanError where it cannot be said."""

    @abstractmethod
    def reading(self, expr: Expr) -> tuple[Any, P | None]:
        """A value, and the condition under which it is one; None when the engine leaves the missing ones out by itself."""

    @abstractmethod
    def stored(self, name: str) -> P:
        """That a field has any value."""

    @abstractmethod
    def together(self, parts: Iterable[P | None]) -> P | None:
        """All of the conditions; None when there is none."""

    def where(self, parts: Iterable[P | None]) -> P | None:
        """All of the conditions of a query; None when there is none."""
        return self.together(parts)

    @abstractmethod
    def span(self, window: Span | None, over: Span | None) -> P | None:
        """The condition on rows: those of the window, and of the shorter span inside it."""

    @abstractmethod
    def key(self, name: str) -> P:
        """A field as a group key."""

    @abstractmethod
    def value_key(self, value: Any) -> P:
        """A value that is grouped by too."""

    @abstractmethod
    def bucket(self, bucket: Bucket) -> P:
        """The start of a row's time bucket as a group key."""

    @abstractmethod
    def counted(self, only: P | None) -> P:
        """The number of rows."""

    @abstractmethod
    def aggregate(self, measure: Measure, value: Any, at: Placed[P], kind: Kind) -> Sql:
        """The text that reads an aggregate of a value that is there; it adds the columns it needs."""

    @abstractmethod
    def raw(self) -> Answer:
        """Raw rows."""

    # ---- aggregates --------------------------------------------------------------------------------------------
    def answer(self) -> Answer:
        """The select's answer. Raises PlanError for what the language cannot say."""
        self.filter = self.condition(self.select.where) if self.select.where else None
        return self.raw() if self.select.fields else self._grouped()

    def _grouped(self) -> Answer:
        select = self.select
        keys = {name: self.key(name) for name in sorted(set(select.by))}
        kinds: dict[str, Kind] = {name: OF_FIELD[self.columns.spec(name).type] for name in keys}
        for name in keys:
            if self.columns.guarded(name) and not self.blank_keys:
                raise self.columns.refused(f"grouping by '{name}', whose blanks must read as nothing")
        if select.bucket:
            keys[select.bucket.name] = self.bucket(select.bucket)
            kinds[select.bucket.name] = Kind.TIME
        self.keys, self.kinds = keys, kinds
        self.base = self._query(None, None)
        found: dict[str, Sql] = {}
        for name, measure in select.measures.items():
            kinds[name] = self.kind(measure)
            found[name] = cast(self._measure(measure), kinds[name])
        wanted = [*select.by, *([select.bucket.name] if select.bucket else []), *select.measures]
        order = [(quoted(o.by), o.desc) for o in select.order]
        order += [(quoted(name), False) for name in keys if name not in {o.by for o in select.order}]
        shown = [Sql(f"{self.used[self.base]}.k{i} AS {quoted(name)}") for i, name in enumerate(keys)]
        shown += [text + f" AS {quoted(name)}" for name, text in found.items()]
        body = "SELECT " + joined(shown) + " FROM " + self._joined(self.base)
        finish = f"SELECT {', '.join(quoted(n) for n in wanted)} FROM (" + body + ") AS g"
        if select.having:
            finish = finish + " WHERE " + expression(select.having, {n: quoted(n) for n in kinds}, kinds)
        finish = finish + (f" ORDER BY {ordering(order)}" if order else "")
        finish = finish + (f" LIMIT {select.limit + 1:d}" if select.limit else "")
        vague = tuple(name for name, m in select.measures.items() if m.agg in APPROXIMATE or m in self.estimated)
        return Answer(tuple(self.used), finish, vague, select.limit, not keys, tuple(self.ladders.values()))

    def _joined(self, base: int) -> str:
        first = self.used[base]
        climbed = {level.alias for ladder in self.ladders.values() for level in ladder.levels}
        tables = {alias: self._table(alias) for alias in self.used.values() if alias != first and alias not in climbed}
        text = first
        for alias, table in {**tables, **{a: f"({made}) AS {a}" for a, made in self.apart.items()}}.items():
            same = " AND ".join(f"{first}.k{i} IS NOT DISTINCT FROM {alias}.k{i}" for i in range(len(self.keys)))
            text += f" LEFT JOIN {table} ON {same or 'true'}"
        return text

    def _table(self, alias: str) -> str:
        index = next(i for i, a in self.used.items() if a == alias)
        if not self.natives[index].columns.get("value"):
            return alias
        keys = ", ".join(f"k{i}" for i in range(len(self.keys)))
        listed = f"array_to_string(CAST(list_sort(list(DISTINCT value))[1:{LISTED_AT_MOST}] AS VARCHAR[]), ',') AS listed"
        grouped = f"SELECT {keys + ', ' if keys else ''}{listed} FROM {alias}" + (f" GROUP BY {keys}" if keys else "")
        return f"({grouped}) AS {alias}"

    def _query(self, over: Span | None, extra: P | None, value: tuple[P, Kind] | None = None) -> int:
        """The number of the query with that condition beside the select's own; `value` is grouped by too."""
        where = self.where((self.span(self.select.window, over), self.filter, extra))
        keys = (*self.keys.values(), *((value[0],) if value else ()))
        alike = (i for i, n in enumerate(self.natives) if (n.where, n.keys, n.more) == (where, keys, self.more))
        shared = (i for i in alike if not (self.natives[i].alone or self.natives[i].plan_limit))
        fits = (i for i in shared if i in self.used or not self.top)  # a list that is cut leaves others theirs
        index = next(fits, None)
        if index is None:
            native = Native(keys, where, self.columns.index.pattern, limit=self.most_groups, more=self.more)
            for i, name in enumerate(self.keys):
                native.columns[f"k{i}"] = (self.keys[name], self.kinds[name])
            if value:
                native.columns["value"] = value
            else:
                native.columns["n"] = (self.counted(None), Kind.INTEGER)
            self.natives.append(native)
            index = len(self.natives) - 1
        self.used.setdefault(index, f"q{len(self.used)}")
        return index

    def gain(self, measure: Measure) -> Sql:
        """The text that reads the increase or rate of a counter. Raises PlanError where its readings cannot be told apart."""
        if measure.field is None or not isinstance(measure.field.node, Name):
            raise self.columns.refused(f"'{measure.agg}' of anything but a field")
        where, value = self.readings(measure, measure.field)
        known = (measure.field.node.name, str(where))
        if known not in self.ladders:
            self.ladders[known] = self._ladder(measure.field, value, where)
        return Sql(f"c{list(self.ladders).index(known)}.{measure.agg}")

    def readings(self, measure: Measure, field: Expr) -> tuple[P | None, Any]:
        """The condition on the rows that a counter is read from, and its value."""
        window, over = self.select.window, measure.over
        spans = [self.span(window, None), self.span(None, over)] if self.per_aggregate and over else [self.span(window, over)]
        only = self.condition(measure.where) if measure.where else None
        value, guards = self.reading(field)
        there = [self.stored(name) for name in sorted(field.names())]
        return self.where((*spans, self.filter, only, *there, guards)), value

    def _ladder(self, field: Expr, value: Any, where: P | None) -> Ladder:
        """The queries of a counter, and the table of its gains."""
        if not self.dataset.grain or not self.dataset.time:
            raise self.columns.refused(f"the gain of '{field}', of which nothing says what a series is")
        window = self.select.window
        levels: list[Level] = []
        summaries: list[Summary] = []
        for step in stretches(window.start - window.end if window else None, self.dataset.cadence):
            summary, native = self._stretches(field, value, where, step)
            summaries.append(summary)
            levels.append(Level(native, summary.alias, summary.unsure(), self._narrowed(self.natives[native]), step))
        self.apart[f"c{len(self.ladders)}"] = gains(summaries)
        return Ladder(f"'{field}' of '{self.dataset.dataset}'", tuple(levels))

    def _stretches(self, field: Expr, value: Any, where: P | None, step: timedelta | None) -> tuple[Summary, int]:
        """One query of a ladder: what is known of each series and stretch."""
        grain = {n: f"k{list(self.keys).index(n)}" if n in self.keys else f"s{i}" for i, n in enumerate(self.dataset.grain)}
        more = {c: (self.key(n), self.schema[n]) for n, c in grain.items() if n not in self.keys}
        if step:
            more["step"] = (self.bucket(Bucket(every=step)), Kind.TIME)
        native = Native((*self.keys.values(), *(p for p, _ in more.values())), where, self.columns.index.pattern)
        native.limit, native.alone, native.more = self.most_groups, True, self.more
        named = {f"k{i}": (piece, self.kinds[name]) for i, (name, piece) in enumerate(self.keys.items())}
        native.columns = {**named, **more, "n": (self.counted(None), Kind.INTEGER)}
        self.natives.append(native)
        alias = self.used.setdefault(len(self.natives) - 1, f"q{len(self.used)}")
        place = Placed(native, alias, None, present=True)
        when = Expr(Name(self.dataset.time), self.dataset.time)
        asked = {"lo": "min", "hi": "max", "first": "first", "last": "last"}
        found = {name: self.aggregate(_measured(agg, field), value, place, Kind.NUMBER) for name, agg in asked.items()}
        found |= {"n": Sql(f"{alias}.n")}
        for name, agg in (("since", "min"), ("until", "max")):
            found[name] = self.aggregate(_measured(agg, when), self.reading(when)[0], place, Kind.TIME)
        return Summary(alias, tuple(named), grain, found), len(self.natives) - 1

    def _narrowed(self, native: Native[P]) -> Callable[[Sequence[Mapping[str, Any]]], Native[P]]:
        """The query of some series alone, or of a few more: each field of the grain is one of those that are named."""

        def narrow(series: Sequence[Mapping[str, Any]]) -> Native[P]:
            parts = []
            for name in self.dataset.grain:
                values = sorted({one[name] for one in series if one[name] is not None})
                listed: Node = Op("in", (Name(name), *map(Value, values)))
                if any(one[name] is None for one in series):
                    missing = Op("is_null", (Name(name),))
                    listed = Op("or", (listed, missing)) if values else missing
                parts.append(self.condition(Expr(listed, name)))
            return replace(native, where=self.where((native.where, *parts)))

        return narrow

    def place(self, over: Span | None, only: P | None) -> Placed[P]:
        """Where rows under a condition are looked at: in the select's own query where an aggregate may have one."""
        if self.per_aggregate:
            reached = self.span(None, over) if over is not None else None
            return Placed(self.natives[self.base], self.used[self.base], self.together((reached, only)))
        index = self._query(over, only)
        return Placed(self.natives[index], self.used[index], None)

    def rows_of(self, at: Placed[P]) -> str:
        """The column that counts a place's rows."""
        return f"{at.alias}.{'n' if at.only is None else at.native.add(self.counted(at.only), Kind.INTEGER)}"

    def values_of(self, at: Placed[P], value: Any) -> str:
        """The column that counts a place's values, which may be fewer than its rows where they are worked out."""
        return self.rows_of(at)

    def kind(self, measure: Measure) -> Kind:
        """The kind of a measure's values."""
        kind = kind_of(measure.field, self.schema, "measure") if measure.field else Kind.INTEGER
        return Kind.NUMBER if measure.agg in ("increase", "rate") else aggregated(measure, kind, "measure")

    def _measure(self, measure: Measure) -> Sql:
        """The text that reads a measure from the queries' rows."""
        if measure.agg in ("increase", "rate"):
            return self.gain(measure)
        only = self.condition(measure.where) if measure.where else None
        if measure.field is None:
            self.shown[measure] = self.rows_of(self.place(measure.over, only))
            return Sql(f"coalesce({self.shown[measure]}, 0)")
        value, guards = self.reading(measure.field)
        node = measure.field.node
        kind = kind_of(measure.field, self.schema, "measure")
        if isinstance(node, Name) and (self.per_aggregate or measure.agg in ("list", "count", "first", "last")):
            guards = self.together((self.stored(node.name), guards))
        condition = self.together((only, guards))
        if measure.agg == "list":
            index = self._query(measure.over, condition, (self.value_key(value), kind))
            return Sql(f"{self.used[index]}.listed")
        place = replace(self.place(measure.over, condition), present=guards is not None or not isinstance(node, Name))
        if measure.agg == "count":
            counted = self.rows_of(place) if isinstance(node, Name) else self.values_of(place, value)
            self.shown[measure] = counted
            return Sql(f"coalesce({counted}, 0)")
        return self.aggregate(measure, value, place, kind)


def _measured(agg: Any, field: Expr) -> Measure:
    """An aggregate of our own."""
    return Measure(agg=agg, field=field)


def compiler(
    indices: Callable[[str], Index], language: type[Compilation[Any]], engine: str
) -> Callable[[Scan, Catalog, bool], EsCompiled]:
    """The compiler of scans for a set of indices, by name of the dataset."""

    def compile_scan(scan: Scan, catalog: Catalog, few: bool) -> EsCompiled:
        dataset = catalog.datasets[scan.dataset]
        columns = language.reads(catalog, dataset, indices(scan.dataset), engine)
        columns.others = indices
        natives: list[Native[Any]] = []
        answers: dict[str, Answer] = {}
        reasons: dict[str, str] = {}
        for key, select in scan.selects.items():
            trial = [replace(native, columns=dict(native.columns)) for native in natives]
            try:
                answers[key] = language(select, dataset, columns, trial).answer()
            except PlanError as bad:
                reasons[key] = bad.line()
            else:
                natives = trial
        return EsCompiled(scan.dataset, tuple(natives), answers, reasons)

    return compile_scan
