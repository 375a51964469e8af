# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""A scan as one DuckDB statement, and how each partner's rows are found in its result.

Columns of the result have names of our own (k0, m0 …), so no name of a plan ever stands in query text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset
from llo11ypop.query.check import names_used
from llo11ypop.query.compile.duckdb_counters import Counters
from llo11ypop.query.compile.duckdb_expr import aggregate, cast, expression, ordering
from llo11ypop.query.compile.duckdb_rows import TIME, rows, within
from llo11ypop.query.compile.sql import Sql, all_of, any_of, joined, quoted, value
from llo11ypop.query.expr import Expr
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import OF_FIELD, Kind, Schema
from llo11ypop.query.plan import Bucket, Measure, Select

MAX_GROUPS = 200_000
"""Groups one scan may return; more is cut, and said."""


@dataclass(frozen=True)
class Share:
    """What of a scan's result belongs to one select."""

    columns: tuple[tuple[str, str], ...]
    """(column of the scan, name in the plan)."""
    keep: str = ""
    """Boolean column: the select has this row; empty for every row."""
    seen: str = ""
    """Column that counts the rows behind a total; empty where a row is there only when something was seen."""
    order: tuple[tuple[str, bool], ...] = ()
    """(name in the plan, descending), then the group keys; empty for the order of the scan, which is that of its keys."""
    limit: int | None = None


@dataclass(frozen=True)
class Compiled:
    """A statement for a scan."""

    dataset: str
    sql: Sql
    shares: Mapping[str, Share] = field(default_factory=dict)


def compile_scan(scan: Scan, catalog: Catalog, few: bool) -> Compiled:
    """The statement for a scan whose selects have been checked; `few` when it will not read many rows."""
    dataset = catalog.datasets[scan.dataset]
    only = next(iter(scan.selects.values()))
    if only.fields:
        return _raw(scan, only, catalog, dataset)
    return _Aggregation(scan, catalog, dataset, few).compiled()


def _raw(scan: Scan, select: Select, catalog: Catalog, dataset: Dataset) -> Compiled:
    names = names_used(select)
    schema = {n: OF_FIELD[catalog.route(scan.dataset, n).spec.type] for n in names}
    inner = rows(catalog, dataset, names, scan.window)
    columns = [cast(Sql(quoted(n)), schema[n]) + f" AS m{i}" for i, n in enumerate(select.fields)]
    sql = "SELECT " + joined(columns) + " FROM (" + inner + ") AS r"
    if select.where:
        sql = sql + " WHERE " + expression(select.where, {n: quoted(n) for n in names}, schema)
    keys = [(quoted(o.by), o.desc) for o in select.order]
    if not keys and dataset.time:
        keys = [(TIME, True)]
    keys += [(quoted(n), False) for n in dict.fromkeys(select.fields)]
    limit = select.limit or MAX_GROUPS
    sql = sql + f" ORDER BY {ordering(keys)} LIMIT {limit + 1:d}"
    share = Share(tuple((f"m{i}", n) for i, n in enumerate(select.fields)), limit=limit)
    return Compiled(scan.dataset, sql, dict.fromkeys(scan.selects, share))


class _Aggregation:
    """Puts one statement together for all partners of a scan."""

    def __init__(self, scan: Scan, catalog: Catalog, dataset: Dataset, few: bool) -> None:
        self.scan = scan
        self.few = few
        self.dataset = dataset
        selects = scan.selects.values()
        names = frozenset[str]().union(*(names_used(s) for s in selects))
        self.schema: Schema = {n: OF_FIELD[catalog.route(scan.dataset, n).spec.type] for n in names}
        self.columns = {n: quoted(n) for n in names}
        self.keys = [Sql(quoted(n)) for n in scan.by] + ([bucket_of(scan.bucket)] if scan.bucket else [])
        needed = names | set(dataset.grain) if self._counts() else names
        self.rows = rows(catalog, dataset, needed, scan.window)
        self.outputs: dict[Sql, str] = {}
        self.conditions: dict[Sql, str] = {}
        """Conditions on rows → the column that holds them; each is worked out once, however many measures ask."""
        alone = set(dataset.grain) <= set(scan.by) and bool(dataset.grain)
        self.alone = alone
        self.counters = Counters(dataset.grain, self.keys, fixed=set(scan.by) <= set(dataset.grain) and not scan.bucket)

    def _counts(self) -> bool:
        measures = [m for s in self.scan.selects.values() for m in s.measures.values()]
        return any(m.agg in ("increase", "rate") for m in measures)

    def compiled(self) -> Compiled:
        """The whole statement."""
        partners = [self._partner(select) for select in self.scan.selects.values()]
        shares: dict[str, Share] = {}
        keeps: dict[Sql, str] = {}
        always = False
        for partner, (key, select) in zip(partners, self.scan.selects.items(), strict=True):
            share, keep = self._share(select, partner)
            if keep is None:
                always = True
            else:
                share = replace(share, keep=keeps.setdefault(keep, f"keep{len(keeps)}"))
            shares[key] = share
        return Compiled(self.scan.dataset, self._statement(partners, keeps, always), shares)

    def _partner(self, select: Select) -> Sql | None:
        where = self._text(select.where) if select.where else None
        return self._all([where, within(self.dataset, select.window, self.scan.window)])

    def _all(self, conditions: Iterable[Sql | None]) -> Sql | None:
        """All of the conditions, each by the name of its column."""
        names = [self.conditions.setdefault(c, f"w{len(self.conditions)}") for c in conditions if c is not None]
        return Sql(" AND ".join(dict.fromkeys(names))) if names else None

    def _text(self, expr: Expr) -> Sql:
        return expression(expr, self.columns, self.schema)

    def _share(self, select: Select, partner: Sql | None) -> tuple[Share, Sql | None]:
        """A partner's share but for its `keep` column, and the condition of that; none when every group is its own."""
        names = list(self.scan.by) + ([select.bucket.name] if select.bucket else [])
        found = {name: f"k{i}" for i, name in enumerate(names)}
        kinds: dict[str, Kind] = {n: self.schema[n] for n in self.scan.by}
        if select.bucket:
            kinds[select.bucket.name] = Kind.TIME
        order = [(o.by, o.desc) for o in select.order]
        order += [(name, False) for name in names if order and name not in {o.by for o in select.order}]
        for name, measure in select.measures.items():
            kinds[name] = self._kind(measure)
            found[name] = self._measure(measure, partner, select)
        wanted = [*select.by, *([select.bucket.name] if select.bucket else []), *select.measures]
        columns = tuple((found[name], name) for name in wanted)
        alone = len(self.scan.selects) == 1
        rows_seen = aggregate(Measure(agg="count"), Sql("*"), partner, Kind.INTEGER, TIME, alone=self.alone)
        seen = self._output(rows_seen) if not alone or not self.keys else ""
        having = expression(select.having, found, kinds) if select.having else None
        keep = all_of([Sql(f"{seen} > 0") if seen and self.keys else None, having])
        share = Share(
            columns,
            seen=seen if not self.keys else "",
            order=tuple(order),
            limit=select.limit,
        )
        return share, keep

    def _kind(self, measure: Measure) -> Kind:
        from llo11ypop.query.check import aggregated
        from llo11ypop.query.kinds import kind_of

        if measure.agg in ("increase", "rate"):
            return Kind.NUMBER
        kind = kind_of(measure.field, self.schema, "measure") if measure.field else Kind.INTEGER
        return aggregated(measure, kind, "measure")

    def _measure(self, measure: Measure, partner: Sql | None, select: Select) -> str:
        over = within(self.dataset, measure.over, select.window) if measure.over else None
        where = self._text(measure.where) if measure.where else None
        both = [c for c in (partner, self._all([over, where])) if c is not None]
        only = joined(both, " AND ") if both else None
        of = self._text(measure.field) if measure.field else Sql("*")
        if measure.agg in ("increase", "rate"):
            return self.counters.add(measure.agg, of, only)
        kind = self._kind(measure)
        return self._output(aggregate(measure, of, only, kind, TIME, alone=self.alone))

    def _output(self, sql: Sql) -> str:
        """The column of an aggregate; the same aggregate is computed once."""
        return self.outputs.setdefault(sql, f"m{len(self.outputs)}")

    def _statement(self, partners: list[Sql | None], keeps: Mapping[Sql, str], always: bool) -> Sql:
        conditions = [condition + f" AS {name}" for condition, name in self.conditions.items()]
        scanned = "SELECT " + joined([Sql("*"), *conditions]) + " FROM (" + self.rows + ") AS r"
        some = any_of(partners)
        if some is not None:
            scanned = "SELECT * FROM (" + scanned + ") AS v WHERE " + some
        measured = [sql + f" AS {name}" for sql, name in self.outputs.items()]
        body = self._counted(scanned, measured) if self.counters.wanted else self._grouped(scanned, measured)
        if keeps:
            body = "SELECT *, " + joined(keep + f" AS {name}" for keep, name in keeps.items()) + " FROM (" + body + ") AS g"
            names = " OR ".join(keeps.values())
            body = body if always else "SELECT * FROM (" + body + f") AS h WHERE {names}"
        by = f" ORDER BY {ordering([(f'k{i}', False) for i in range(len(self.keys))])}" if self.keys else ""
        return body + f"{by} LIMIT {MAX_GROUPS + 1:d}"

    def _grouped(self, scanned: Sql, measured: list[Sql]) -> Sql:
        keyed = [key + f" AS k{i}" for i, key in enumerate(self.keys)]
        by = " GROUP BY " + ", ".join(str(i + 1) for i in range(len(keyed))) if keyed else ""
        return "SELECT " + joined([*keyed, *measured] or [Sql("1")]) + " FROM (" + scanned + f") AS s{by}"

    def _counted(self, scanned: Sql, measured: list[Sql]) -> Sql:
        """With counters: few rows in one pass; of many, everything is computed per series.

        A scan of its own only for what cannot be summed up from there.
        """
        if self.few and (self.alone or not self.counters.rates):
            return self.counters.directly(scanned, measured)
        if self.alone:
            return self.counters.statement(
                scanned, measured, [Sql(f"any_value({n}) AS {n}") for n in self.outputs.values()], None
            )
        if all(sql.text.startswith("CAST(count(") and "DISTINCT" not in sql.text for sql in self.outputs):
            sums = [Sql(f"CAST(coalesce(sum({n}), 0) AS BIGINT) AS {n}") for n in self.outputs.values()]
            return self.counters.statement(scanned, measured, sums, None)
        return self.counters.statement(scanned, [], [], self._grouped(Sql("SELECT * FROM scanned"), measured))


def bucket_of(bucket: Bucket) -> Sql:
    """The start of the bucket a row lies in; fixed steps are counted from 1970, calendar ones are UTC, weeks start on Monday."""
    if isinstance(bucket.every, str):
        return "date_trunc(" + value(bucket.every) + f", {TIME})"
    step_us = round(bucket.every.total_seconds() * 1e6)
    return Sql(f"time_bucket(to_microseconds({step_us:d}), {TIME}, TIMESTAMP '1970-01-01')")
