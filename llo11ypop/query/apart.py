# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""A select with fields of a dimension as selects without them, and the statement that puts their rows together.

The rows are grouped by the key in place of what the key stands for, and rolled up here. That is exact for sums, counts, bounds,
means, first and last, distinct values and lists; what cannot be rolled up (percentiles, standard deviations, rates) is refused
unless the key itself is one of the group keys, so that nothing has to be.
"""

from dataclasses import dataclass, field
from datetime import datetime

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.query.check import aggregated
from llo11ypop.query.compile.duckdb_expr import LISTED_AT_MOST, cast, expression, ordering
from llo11ypop.query.compile.sql import Sql, joined, naive, quoted, value
from llo11ypop.query.expr import Expr, Name, Op
from llo11ypop.query.kinds import OF_FIELD, Kind, Schema, kind_of
from llo11ypop.query.plan import Measure, Select
from llo11ypop.query.timelines import Attributes, Timeline

MOST_SELECTS = 60
"""That one select may become (our assumption: more is slower than asking otherwise)."""
_AS_THEY_ARE = {"sum": "sum", "min": "min", "max": "max", "increase": "sum"}
_OF_ATTRIBUTES = frozenset({"count", "min", "max", "count_distinct", "list"})
_TYPES = {Kind.TEXT: "VARCHAR", Kind.INTEGER: "BIGINT", Kind.NUMBER: "DOUBLE", Kind.TIME: "TIMESTAMP"}


@dataclass(frozen=True)
class Part:
    """One select without the dimension's fields, and what its rows stand for; none: by the key of each row."""

    select: Select
    attributes: Attributes | None


@dataclass(frozen=True)
class Found:
    """The aggregate over a family's rows that gives a measure."""

    text: str
    family: int = 0


@dataclass
class Family:
    """Measures that are asked for together, with fields that are grouped by beside."""

    beside: tuple[str, ...] = ()
    measures: dict[str, Measure] = field(default_factory=dict)

    def add(self, measure: Measure) -> str:
        """The name of a measure; the same one is asked for once."""
        for name, known in self.measures.items():
            if known == measure:
                return name
        name = f"x{len(self.measures)}"
        self.measures[name] = measure
        return name


class Apart:
    """One select, taken apart."""

    def __init__(self, select: Select, catalog: Catalog, line: Timeline) -> None:
        self.select = select
        self.line = line
        self.foreign = frozenset(line.names)
        self.keys = tuple(dict.fromkeys((*(n for n in select.by if n not in self.foreign), line.key)))
        self.alone = line.key in select.by and (self.foreign <= set(select.by) or not line.changing())
        """Whether no two rows of the parts make one group."""
        names = {*select.by, line.key, *self.foreign}
        for measure in select.measures.values():
            names |= measure.field.names() if measure.field else set()
            names |= measure.where.names() if measure.where else set()
        known = names - ({"at"} - set(catalog.reachable(select.dataset)))
        self.schema: Schema = {n: OF_FIELD[catalog.route(select.dataset, n).spec.type] for n in sorted(known)}
        self.families: list[Family] = [Family()]
        self.time = catalog.datasets[select.dataset].time
        self.found = {name: self._measure(measure) for name, measure in select.measures.items()}
        if not self.families[0].measures:
            self.families[0].add(Measure(agg="count"))

    def parts(self) -> list[list[Part]]:
        """The selects of each family."""
        changing, unchanged = self.line.changing(), self.line.unchanged()
        if len(self.families) * (1 + len(changing)) > MOST_SELECTS:
            raise PlanError(f"too many things changed their {', '.join(self.line.names)} in the window")
        out: list[list[Part]] = []
        for family in self.families:
            base = self.select.model_copy(
                update={
                    "by": tuple(dict.fromkeys((*self.keys, *family.beside))),
                    "measures": family.measures,
                    "having": None,
                    "order": (),
                    "limit": None,
                }
            )
            parts = [Part(_narrowed(base, unchanged), None)]
            for attributes, pieces in changing.items():
                parts.append(Part(_narrowed(base, self.line.condition(pieces, f"{self.line.key} was another")), attributes))
            out.append(parts)
        return out

    # ---- measures ----------------------------------------------------------------------------------------------
    def _measure(self, measure: Measure) -> Found:
        if measure.field and measure.field.names() & self.foreign:
            return self._of_attribute(measure)
        if self.alone:
            return Found(f"any_value({self.families[0].add(measure)})")
        kind = kind_of(measure.field, self.schema, "measure") if measure.field else Kind.INTEGER
        match measure.agg:
            case "count":
                return Found(f"coalesce(sum({self.families[0].add(measure)}), 0)")
            case "sum" | "min" | "max" | "increase":
                return Found(f"{_AS_THEY_ARE[measure.agg]}({self.families[0].add(measure)})")
            case "avg":
                total, seen = (self.families[0].add(measure.model_copy(update={"agg": agg})) for agg in ("sum", "count"))
                return Found(f"sum({total}) / nullif(sum({seen}), 0)")
            case "first" | "last":
                return self._by_time(measure)
            case "count_distinct" | "list" if isinstance(measure.field, Expr) and isinstance(measure.field.node, Name):
                return self._distinct(measure, measure.field.node.name)
        raise PlanError(
            f"'{measure.agg}' of a {kind} cannot be put together from that of each {self.line.key}",
            next_step=f"group by {self.line.key} too, or filter by {', '.join(self.line.names)} instead",
        )

    def _by_time(self, measure: Measure) -> Found:
        if measure.field is None or not isinstance(measure.field.node, Name):
            raise PlanError(f"'{measure.agg}' of anything but a field cannot be put together from that of each {self.line.key}")
        node = Op("not", (Op("is_null", (measure.field.node,)),))
        there = Expr(Op("and", (measure.where.node, node)) if measure.where else node, f"{measure.field} is there")
        when = {"agg": "min" if measure.agg == "first" else "max", "field": Expr(Name(self.time), self.time), "where": there}
        value_at = self.families[0].add(measure)
        time_of = self.families[0].add(measure.model_copy(update=when))
        function = "arg_min" if measure.agg == "first" else "arg_max"
        return Found(f"{function}({value_at}, ({time_of}, {value_at})) FILTER (WHERE {value_at} IS NOT NULL)")

    def _distinct(self, measure: Measure, name: str) -> Found:
        if name in self.keys:
            number = 0
            seen = self.families[0].add(Measure(agg="count", where=measure.where, over=measure.over))
        else:
            number = next((i for i, f in enumerate(self.families) if f.beside == (name,)), len(self.families))
            if number == len(self.families):
                self.families.append(Family((name,)))
            seen = self.families[number].add(Measure(agg="count", field=measure.field, where=measure.where, over=measure.over))
        return Found(_over(measure.agg, quoted(name), f"{seen} > 0"), number)

    def _of_attribute(self, measure: Measure) -> Found:
        node = measure.field.node if measure.field else None
        if not isinstance(node, Name) or measure.agg not in _OF_ATTRIBUTES:
            raise PlanError(
                f"'{measure.agg}' of '{measure.field}' needs each row beside the one of {self.line.key} that describes it"
            )
        seen = self.families[0].add(Measure(agg="count", where=measure.where, over=measure.over))
        column = quoted(node.name)
        if measure.agg == "count":
            return Found(f"coalesce(sum({seen}) FILTER (WHERE {column} IS NOT NULL), 0)")
        return Found(_over(measure.agg, column, f"{seen} > 0"))

    # ---- putting together --------------------------------------------------------------------------------------
    def finish(self, parts: list[list[Part]]) -> Sql:
        """The statement over tables `f<family>_<part>` and the constant keys as table `d`: the rows, one above the limit."""
        select = self.select
        keys = [*sorted(set(select.by)), *([select.bucket.name] if select.bucket else [])]
        kinds: dict[str, Kind] = {n: self.schema[n] for n in select.by} | (
            {select.bucket.name: Kind.TIME} if select.bucket else {}
        )
        aggregates: list[list[Sql]] = [[] for _ in self.families]
        for name, measure in select.measures.items():
            kinds[name] = self._kind(measure)
            found = self.found[name]
            aggregates[found.family].append(cast(Sql(found.text), kinds[name]) + f" AS {quoted(name)}")
        group = " GROUP BY " + ", ".join(quoted(k) for k in keys) if keys else ""
        tables = []
        for number, wanted in enumerate(aggregates):
            shown = joined([*(Sql(quoted(k)) for k in keys), *wanted] or [Sql("1")])
            tables.append("(SELECT " + shown + " FROM (" + self._rows(number, parts[number]) + f") AS r{group}) AS f{number}")
        body = Sql("SELECT * FROM ") + tables[0]
        for number, table in enumerate(tables[1:], 1):
            same = " AND ".join(f"f0.{quoted(k)} IS NOT DISTINCT FROM f{number}.{quoted(k)}" for k in keys)
            hidden = f" EXCLUDE ({', '.join(quoted(k) for k in keys)})" if keys else ""
            body = f"SELECT b.*, f{number}.*{hidden} FROM (" + body + ") AS b LEFT JOIN " + table
            body = body + " ON " + (same.replace("f0.", "b.") or "true")
        shown_names = [*select.by, *([select.bucket.name] if select.bucket else []), *select.measures]
        listed = ", ".join(_filled(n, select) for n in shown_names)
        text = f"SELECT {listed} FROM (" + body + ") AS g"
        if select.having:
            text = text + " WHERE " + expression(select.having, {n: quoted(n) for n in kinds}, kinds)
        order = [(quoted(o.by), o.desc) for o in select.order]
        order += [(quoted(k), False) for k in keys if k not in {o.by for o in select.order}]
        text = text + (f" ORDER BY {ordering(order)}" if order else "")
        return text + (f" LIMIT {select.limit + 1:d}" if select.limit else "")

    def _kind(self, measure: Measure) -> Kind:
        if measure.agg in ("increase", "rate"):
            return Kind.NUMBER
        kind = kind_of(measure.field, self.schema, "measure") if measure.field else Kind.INTEGER
        return aggregated(measure, kind, "measure")

    def _rows(self, number: int, parts: list[Part]) -> Sql:
        names = self.line.names
        pieces = []
        for index, part in enumerate(parts):
            table = f"f{number}_{index}"
            if part.attributes is None:
                shown = ", ".join(f"d.{quoted(n)}" for n in names)
                key = quoted(self.line.key)
                pieces.append(Sql(f"SELECT {table}.*, {shown} FROM {table} LEFT JOIN d ON {table}.{key} = d.key"))
                continue
            constants = joined(
                "CAST(" + value(naive(a) if isinstance(a, datetime) else a) + f" AS {_TYPES[self.schema[n]]}) AS {quoted(n)}"
                for n, a in zip(names, part.attributes, strict=True)
            )
            pieces.append("SELECT *, " + constants + f" FROM {table}")
        return joined(pieces, " UNION ALL BY NAME ")


def _filled(name: str, select: Select) -> str:
    """A column of the result; counts of a joined family are zero where it has no group."""
    measure = select.measures.get(name)
    text = quoted(name)
    return f"coalesce({text}, 0) AS {text}" if measure and measure.agg in ("count", "count_distinct") else text


def _over(aggregate: str, column: str, only: str) -> str:
    """An aggregate of distinct values, or a bound, over the rows that count."""
    kept = f"FILTER (WHERE {only} AND {column} IS NOT NULL)"
    if aggregate == "list":
        return f"array_to_string(CAST(list_sort(list(DISTINCT {column}) {kept})[1:{LISTED_AT_MOST}] AS VARCHAR[]), ',')"
    return f"count(DISTINCT {column}) {kept}" if aggregate == "count_distinct" else f"{aggregate}({column}) {kept}"


def _narrowed(select: Select, more: Expr | None) -> Select:
    if more is None:
        return select
    if select.where is None:
        return select.model_copy(update={"where": more})
    both = Expr(Op("and", (select.where.node, more.node)), f"{select.where} and {more}")
    return select.model_copy(update={"where": both})
