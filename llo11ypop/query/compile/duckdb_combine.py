# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""The combining steps of a plan as one DuckDB statement over the tables its selects gave: a CTE per step."""

from collections.abc import Mapping

from llo11ypop.core.errors import PlanError
from llo11ypop.query.check import joined_names
from llo11ypop.query.compile.duckdb_expr import aggregate, cast, expression, ordering
from llo11ypop.query.compile.sql import Sql, joined, quoted
from llo11ypop.query.expr import SIBLING_FUNCTIONS, Call, Expr, walk
from llo11ypop.query.kinds import Kind, Schema
from llo11ypop.query.plan import Combine, Derive, Filter, Group, Join, Plan, Rank, Select, Sort, Union


def compile_combine(plan: Plan, schemas: Mapping[str, Schema]) -> tuple[Sql, dict[str, str]]:
    """The statement for everything after the selects, and select step → name of the table it reads.

    A last step that cuts asks for one row more than its limit, so that the caller sees whether something was cut.
    """
    tables = {name: f"s{i}" for i, name in enumerate(plan.steps)}
    parts: list[Sql] = []
    for name, step in plan.steps.items():
        if isinstance(step, Select):
            continue
        writer = _Step(tables, schemas, name)
        parts.append(f"{tables[name]} AS (" + writer.sql(step, last=name == plan.result) + ")")
    columns = ", ".join(cast(Sql(quoted(n)), k).text + f" AS {quoted(n)}" for n, k in schemas[plan.result].items())
    tail = f" SELECT {columns} FROM {tables[plan.result]}"
    last = plan.steps[plan.result]
    if isinstance(last, Sort):
        tail += " ORDER BY " + ordering([(quoted(o.by), o.desc) for o in last.order])
    return "WITH " + joined(parts) + tail, {n: tables[n] for n in plan.selects}


class _Step:
    """Writes one step."""

    def __init__(self, tables: Mapping[str, str], schemas: Mapping[str, Schema], name: str) -> None:
        self.tables = tables
        self.schemas = schemas
        self.schema = schemas[name]

    def sql(self, step: Combine, *, last: bool) -> Sql:
        match step:
            case Join():
                return self._join(step)
            case Derive():
                return self._derive(step)
            case Filter():
                return self._filter(step)
            case Group():
                return self._group(step)
            case Rank():
                return self._rank(step)
            case Union():
                return Sql(" UNION ALL BY NAME ".join(self._union_part(s) for s in step.sources))
            case Sort():
                keys = [(quoted(o.by), o.desc) for o in step.order]
                return Sql(f"SELECT * FROM {self.tables[step.source]} ORDER BY {ordering(self._settled(keys, step.source))}" + (
                    f" LIMIT {step.limit + last:d}" if step.limit else ""
                ))  # fmt: skip

    def _union_part(self, source: str) -> str:
        columns = ", ".join(cast(Sql(quoted(n)), self.schema[n]).text + f" AS {quoted(n)}" for n in self.schemas[source])
        return f"SELECT {columns} FROM {self.tables[source]}"

    def _settled(self, keys: list[tuple[str, bool]], source: str) -> list[tuple[str, bool]]:
        """The sort keys, ties settled by every other column."""
        given = {text for text, _ in keys}
        return keys + [(quoted(n), False) for n in self.schemas[source] if quoted(n) not in given]

    def _text(self, expr: Expr, source: str) -> Sql:
        schema = self.schemas[source]
        return expression(expr, {n: quoted(n) for n in schema}, schema)

    def _join(self, step: Join) -> Sql:
        left, right = self.schemas[step.left], self.schemas[step.right]
        on = [f"l.{quoted(n)} = r.{quoted(n)}" for n in step.on]
        if step.within:
            instant, start, end = step.within
            inner, outer = ("l", "r") if instant in left else ("r", "l")
            moment = f"{inner}.{quoted(instant)}"
            until = f"{outer}.{quoted(end)}"
            on.append(f"{outer}.{quoted(start)} <= {moment} AND ({until} IS NULL OR {moment} < {until})")
        condition = " AND ".join(on)
        tables = f"FROM {self.tables[step.left]} AS l", f"{self.tables[step.right]} AS r"
        if step.how in ("semi", "anti"):
            negated = "NOT " if step.how == "anti" else ""
            return Sql(f"SELECT l.* {tables[0]} WHERE {negated}EXISTS (SELECT 1 FROM {tables[1]} WHERE {condition})")
        both = step.how == "full"
        columns = [
            f"coalesce(l.{quoted(n)}, r.{quoted(n)}) AS {quoted(n)}" if both and n in step.on else f"l.{quoted(n)}" for n in left
        ]
        columns += [f"r.{quoted(n)} AS {quoted(alias)}" for n, alias in joined_names(step, left, right)]
        return Sql(f"SELECT {', '.join(columns)} {tables[0]} {step.how.upper()} JOIN {tables[1]} ON {condition}")

    def _derive(self, step: Derive) -> Sql:
        """Later columns may use earlier ones, so each that does gets a level of its own."""
        schema: dict[str, Kind] = dict(self.schemas[step.source])
        source = Sql(self.tables[step.source])
        fresh: dict[str, Sql] = {}
        for name, expr in step.columns.items():
            if expr.names() & set(fresh) or name in fresh:
                source = "(" + _with(source, schema, fresh) + ")"
                schema |= {n: self.schema[n] for n in fresh}
                fresh = {}
            fresh[name] = cast(expression(expr, {n: quoted(n) for n in schema}, schema), self.schema[name])
        return _with(source, schema, fresh)

    def _filter(self, step: Filter) -> Sql:
        windowed = any(isinstance(n, Call) and n.name in SIBLING_FUNCTIONS for n in walk(step.where.node))
        word = "QUALIFY" if windowed else "WHERE"
        return f"SELECT * FROM {self.tables[step.source]} {word} " + self._text(step.where, step.source)

    def _group(self, step: Group) -> Sql:
        source = self.schemas[step.source]
        time = next((quoted(n) for n, k in source.items() if k is Kind.TIME), "")
        columns = [Sql(quoted(n)) for n in step.by]
        for name, measure in step.measures.items():
            of = self._text(measure.field, step.source) if measure.field else Sql("*")
            only = self._text(measure.where, step.source) if measure.where else None
            if measure.agg in ("first", "last") and not time:
                raise PlanError(f"measure '{name}': no instant to go by")
            columns.append(aggregate(measure, of, only, self.schema[name], time, alone=False) + f" AS {quoted(name)}")
        by = " GROUP BY " + ", ".join(str(i + 1) for i in range(len(step.by))) if step.by else ""
        return "SELECT " + joined(columns) + f" FROM {self.tables[step.source]}{by}"

    def _rank(self, step: Rank) -> Sql:
        keys = ordering(self._settled([(quoted(step.by), step.desc)], step.source))
        per = f"PARTITION BY {', '.join(quoted(n) for n in step.per)} " if step.per else ""
        name = quoted(step.name)
        top = f" QUALIFY {name} <= {step.top:d}" if step.top else ""
        return Sql(f"SELECT *, row_number() OVER ({per}ORDER BY {keys}) AS {name} FROM {self.tables[step.source]}{top}")


def _with(source: Sql, schema: Schema, fresh: Mapping[str, Sql]) -> Sql:
    """All columns, the fresh ones in place of or behind the others."""
    columns = [fresh[n] + f" AS {quoted(n)}" if n in fresh else Sql(quoted(n)) for n in schema]
    columns += [sql + f" AS {quoted(n)}" for n, sql in fresh.items() if n not in schema]
    return "SELECT " + joined(columns) + " FROM " + source
