# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""A select as Elasticsearch SQL: one aggregation per condition, and what is done here with their few rows.

Elasticsearch SQL has one source per query and no condition per aggregate. So each distinct condition becomes a query of its own,
with the group keys, and the groups are put together by a DuckDB statement: missing groups, HAVING, order and limit, all as
every other engine has them. What cannot be said is refused with the reason. Sources: Elasticsearch 9 documentation, SQL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset
from llo11ypop.core.errors import PlanError
from llo11ypop.query.check import aggregated, names_used
from llo11ypop.query.compile.duckdb_expr import LISTED_AT_MOST, cast, expression, ordering
from llo11ypop.query.compile.es_sql_expr import Writer, refused, together
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.es_sql_span import bucket_key, span
from llo11ypop.query.compile.sql import Sql, joined, quoted
from llo11ypop.query.expr import Name
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import OF_FIELD, Kind, kind_of
from llo11ypop.query.plan import Measure, Select, Span

MAX_ROWS = 50_000
"""LIMIT of a query that the plan does not limit. As many rows as this are an error, never a silent cut. Elasticsearch sorts
at most 65,535 groups (Elasticsearch 9 documentation, SQL limitations)."""
APPROXIMATE = frozenset({"count_distinct", "percentile"})
"""HyperLogLog++ and t-digest (Elasticsearch 9 documentation, SQL aggregate functions)."""
_FUNCTIONS = {"sum": "SUM", "avg": "AVG", "min": "MIN", "max": "MAX", "stddev": "STDDEV_SAMP"}


@dataclass
class Native:
    """One query and the columns of its answer."""

    keys: tuple[Sql, ...]
    where: Sql
    source: str
    columns: dict[str, tuple[Sql, Kind]] = field(default_factory=dict)
    """Name → what it is; the key columns come first."""
    order: tuple[tuple[str, bool], ...] = ()
    limit: int = MAX_ROWS
    plan_limit: bool = False
    """Whether the plan itself cuts here; otherwise as many rows as the limit are an error."""

    def add(self, text: Sql, kind: Kind) -> str:
        """The column that holds an aggregate; the same one is asked for once."""
        for name, (known, _) in self.columns.items():
            if known == text:
                return name
        name = f"m{len(self.columns)}"
        self.columns[name] = (text, kind)
        return name

    @property
    def sql(self) -> Sql:
        """The query as it is sent."""
        selected = joined(text + f" AS {name}" for name, (text, _) in self.columns.items())
        text = "SELECT " + selected + f" FROM {quoted(self.source)} WHERE " + self.where
        if self.keys:
            text = text + " GROUP BY " + joined(self.keys)
        by = f" ORDER BY {ordering(list(self.order))}" if self.order else ""
        return text + f"{by} LIMIT {self.limit:d}"


@dataclass(frozen=True)
class Answer:
    """How one select's rows come about: the statement reads the queries' rows as tables named q0, q1 and so on."""

    natives: tuple[int, ...]
    finish: Sql
    approximate: tuple[str, ...] = ()
    limit: int | None = None
    total: bool = False
    """A row without group keys is there even when nothing was seen: then the first query's `m0` counts what was."""


@dataclass(frozen=True)
class EsCompiled:
    """The queries of a scan, and per select its answer or why there is none."""

    dataset: str
    natives: tuple[Native, ...]
    answers: Mapping[str, Answer]
    refused: Mapping[str, str]


def compiler(indices: Callable[[str], Index]) -> Callable[[Scan, Catalog, bool], EsCompiled]:
    """The compiler of scans for a set of indices, by name of the dataset."""

    def compile_scan(scan: Scan, catalog: Catalog, few: bool) -> EsCompiled:
        dataset = catalog.datasets[scan.dataset]
        columns = Columns(catalog, dataset, indices(scan.dataset))
        natives: list[Native] = []
        answers: dict[str, Answer] = {}
        reasons: dict[str, str] = {}
        for key, select in scan.selects.items():
            trial = [Native(n.keys, n.where, n.source, dict(n.columns), n.order, n.limit, n.plan_limit) for n in natives]
            try:
                answers[key] = _Compilation(select, dataset, columns, trial).answer()
            except PlanError as bad:
                reasons[key] = bad.line()
            else:
                natives = trial
        return EsCompiled(scan.dataset, tuple(natives), answers, reasons)

    return compile_scan


class _Compilation:
    """Puts one select's queries together, sharing those that are there already."""

    def __init__(self, select: Select, dataset: Dataset, columns: Columns, natives: list[Native]) -> None:
        self.select = select
        self.dataset = dataset
        self.columns = columns
        self.natives = natives
        self.writer = Writer(columns, names_used(select) | set(dataset.grain))
        self.filter = self.writer.condition(select.where) if select.where else None
        self.used: dict[int, str] = {}
        """Query → its alias in the statement."""

    def answer(self) -> Answer:
        return self._raw() if self.select.fields else self._grouped()

    # ---- raw rows ----------------------------------------------------------------------------------------------
    def _raw(self) -> Answer:
        select, limit = self.select, self.select.limit or MAX_ROWS
        native = Native((), self._where(), self.columns.index.pattern, limit=limit + 1, plan_limit=True)
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

    # ---- aggregates --------------------------------------------------------------------------------------------
    def _grouped(self) -> Answer:
        select = self.select
        keys = {name: self.columns.read(name) for name in sorted(set(select.by))}
        kinds: dict[str, Kind] = {name: OF_FIELD[self.columns.spec(name).type] for name in keys}
        for name in keys:
            if self.columns.guards(name):
                raise refused(f"grouping by '{name}', whose blanks must read as nothing")
        if select.bucket:
            keys[select.bucket.name] = bucket_key(select.bucket, self.columns.column(self.dataset.time))
            kinds[select.bucket.name] = Kind.TIME
        self.keys, self.kinds = keys, kinds
        base = self._query(None, None)
        found: dict[str, Sql] = {}
        for name, measure in select.measures.items():
            kinds[name] = self._kind(measure)
            found[name] = cast(self._measure(measure, base), kinds[name])
        wanted = [*select.by, *([select.bucket.name] if select.bucket else []), *select.measures]
        order = [(quoted(o.by), o.desc) for o in select.order]
        order += [(quoted(name), False) for name in keys if name not in {o.by for o in select.order}]
        shown = [Sql(f"{self.used[base]}.k{i} AS {quoted(name)}") for i, name in enumerate(keys)]
        shown += [text + f" AS {quoted(name)}" for name, text in found.items()]
        body = "SELECT " + joined(shown) + " FROM " + self._joined(base)
        finish = f"SELECT {', '.join(quoted(n) for n in wanted)} FROM (" + body + ") AS g"
        if select.having:
            finish = finish + " WHERE " + expression(select.having, {n: quoted(n) for n in kinds}, kinds)
        finish = finish + (f" ORDER BY {ordering(order)}" if order else "")
        finish = finish + (f" LIMIT {select.limit + 1:d}" if select.limit else "")
        vague = tuple(name for name, m in select.measures.items() if m.agg in APPROXIMATE)
        return Answer(tuple(self.used), finish, vague, select.limit, total=not keys)

    def _joined(self, base: int) -> str:
        text = f"{self.used[base]}"
        for alias in self.used.values():
            if alias != self.used[base]:
                same = " AND ".join(f"{self.used[base]}.k{i} IS NOT DISTINCT FROM {alias}.k{i}" for i in range(len(self.keys)))
                text += f" LEFT JOIN {self._table(alias)} ON {same or 'true'}"
        return text

    def _table(self, alias: str) -> str:
        index = next(i for i, a in self.used.items() if a == alias)
        if not self.natives[index].columns.get("value"):
            return alias
        keys = ", ".join(f"k{i}" for i in range(len(self.keys)))
        listed = f"array_to_string(CAST(list_sort(list(DISTINCT value))[1:{LISTED_AT_MOST}] AS VARCHAR[]), ',') AS listed"
        grouped = f"SELECT {keys + ', ' if keys else ''}{listed} FROM {alias}" + (f" GROUP BY {keys}" if keys else "")
        return f"({grouped}) AS {alias}"

    def _query(self, over: Span | None, extra: Sql | None, value: tuple[Sql, Kind] | None = None) -> int:
        """The number of the query with that condition beside the select's own; `value` is grouped by too."""
        where = self._where(over, extra)
        keys = (*self.keys.values(), *((value[0],) if value else ()))
        index = next(
            (i for i, n in enumerate(self.natives) if n.where == where and n.keys == keys and not n.order and not n.plan_limit),
            None,
        )
        if index is None:
            native = Native(keys, where, self.columns.index.pattern)
            for i, name in enumerate(self.keys):
                native.columns[f"k{i}"] = (self.keys[name], self.kinds[name])
            if value:
                native.columns["value"] = value
            else:
                native.columns["n"] = (Sql("COUNT(*)"), Kind.INTEGER)
            self.natives.append(native)
            index = len(self.natives) - 1
        self.used.setdefault(index, f"q{len(self.used)}")
        return index

    def _where(self, over: Span | None = None, extra: Sql | None = None) -> Sql:
        reached = span(self.dataset, self.columns, self.select.window, over)
        return (
            joined((p for p in (reached, self.filter, extra) if p is not None), " AND ")
            if reached or self.filter or extra
            else Sql("1 = 1")
        )

    def _kind(self, measure: Measure) -> Kind:
        kind = kind_of(measure.field, self.writer.schema, "measure") if measure.field else Kind.INTEGER
        return Kind.NUMBER if measure.agg in ("increase", "rate") else aggregated(measure, kind, "measure")

    def _measure(self, measure: Measure, base: int) -> Sql:
        """The text that reads a measure from the queries' rows."""
        if measure.agg in ("increase", "rate"):
            raise refused(f"'{measure.agg}' of a counter that starts again from zero, which needs each reading in order")
        only = self.writer.condition(measure.where) if measure.where else None
        if measure.field is None:
            if only is None and measure.over is None:
                return Sql(f"{self.used[base]}.n")
            return Sql(f"coalesce({self.used[self._query(measure.over, only)]}.n, 0)")
        text, guards = self.writer.reading(measure.field)
        of_field = isinstance(measure.field.node, Name)
        kind = kind_of(measure.field, self.writer.schema, "measure")
        if measure.agg in ("list", "count", "first", "last") and of_field:
            guards = together((Sql(f"{text.text} IS NOT NULL"), guards))
        condition = together((only, guards))
        if measure.agg == "list":
            index = self._query(measure.over, condition, (text, kind))
            return Sql(f"{self.used[index]}.listed")
        index = self._query(measure.over, condition)
        alias, native = self.used[index], self.natives[index]
        if measure.agg == "count":
            return Sql(f"coalesce({alias}.n, 0)")
        if measure.agg == "count_distinct":
            return Sql(f"coalesce({alias}.{native.add('COUNT(DISTINCT ' + text + ')', Kind.INTEGER)}, 0)")
        column = native.add(
            self._call(measure, text, of_field), kind if measure.agg in ("min", "max", "first", "last") else Kind.NUMBER
        )
        seen = "n" if guards is not None or not of_field else native.add("COUNT(" + text + ")", Kind.INTEGER)
        return Sql(f"CASE WHEN {alias}.{seen} > 0 THEN {alias}.{column} END")

    def _call(self, measure: Measure, text: Sql, of_field: bool) -> Sql:
        match measure.agg:
            case "percentile":
                return "PERCENTILE(" + text + f", {(measure.q or 0) * 100:g})"
            case "first" | "last":
                if not of_field:
                    raise refused(f"'{measure.agg}' of anything but a field")
                return f"{measure.agg.upper()}(" + text + f", {self.columns.column(self.dataset.time)})"
        return f"{_FUNCTIONS[measure.agg]}(" + text + ")"
