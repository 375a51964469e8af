"""The combining steps of a plan over Arrow tables in memory: what most plans of a cycle need, without asking an engine.

A step that is not known to give exactly the engine's rows is left open; then the whole plan goes to `Combiner.run`.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llo11ypop.query.arrow_expr import TYPES, UnsupportedError, as_kind, evaluate, flat, groups_of, per_group
from llo11ypop.query.check import joined_names
from llo11ypop.query.compile.duckdb_expr import LISTED_AT_MOST
from llo11ypop.query.kinds import Schema
from llo11ypop.query.plan import Combine, Derive, Filter, Group, Join, Measure, Plan, Select, Sort, Union, sources_of

MOST_PAIRS = 5_000_000
"""Pairs of rows a join may look at here; more goes to the engine, which can spill (our assumption)."""


def carry_out(plan: Plan, schemas: Mapping[str, Schema], selects: Mapping[str, pa.Table], at: datetime) -> pa.Table | None:
    """The rows of the last step, instants naive; None when the engine has to carry the plan out."""
    tables: dict[str, pa.Table | None] = {}
    for name, step in plan.steps.items():
        if isinstance(step, Select):
            tables[name] = _taken(selects[name], schemas[name])
            continue
        if cannot_match(step, {n for n, t in tables.items() if t is not None and not t.num_rows}):
            tables[name] = pa.table({n: pa.array([], TYPES[k]) for n, k in schemas[name].items()})
            continue
        if any(tables[source] is None for source in sources_of(step)):
            tables[name] = None
            continue
        try:
            tables[name] = _Step(tables, schemas, at, name).rows(step, last=name == plan.result)
        except (UnsupportedError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
            tables[name] = None
    return tables[plan.result]


def within_limit(plan: Plan, rows: pa.Table) -> tuple[pa.Table, bool]:
    """The rows of the last step without the one over its limit, and whether there was one."""
    last = plan.steps[plan.result]
    if isinstance(last, Sort) and last.limit is not None and rows.num_rows > last.limit:
        return rows.slice(0, last.limit), True
    return rows, False


def cannot_match(step: Combine, empty: Collection[str]) -> bool:
    """Whether a step has no rows because steps it reads had none."""
    match step:
        case Join(how="inner"):
            return step.left in empty or step.right in empty
        case Join(how="full") | Union():
            return set(sources_of(step)) <= set(empty)
        case Join(how="semi"):
            return step.left in empty or step.right in empty
        case Join():
            return step.left in empty
        case Group():
            return bool(step.by) and step.source in empty
    return step.source in empty


def _taken(table: pa.Table, schema: Schema) -> pa.Table | None:
    """A select's rows; None when a column holds NaN, on which engines and Arrow compare differently."""
    columns = {name: as_kind(table.column(name), kind) for name, kind in schema.items()}
    for column in columns.values():
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            return None
    return pa.table(columns)


class _Step:
    """Carries out one step."""

    def __init__(self, tables: Mapping[str, Any], schemas: Mapping[str, Schema], at: datetime, name: str) -> None:
        self.tables = tables
        self.schemas = schemas
        self.schema = schemas[name]
        self.at = at

    def rows(self, step: Combine, *, last: bool) -> pa.Table:
        match step:
            case Filter():
                found = evaluate(step.where, self.tables[step.source], self.schemas[step.source], self.at)
                return self.tables[step.source].filter(found)
            case Derive():
                return self._derive(step)
            case Group():
                return self._group(step)
            case Join():
                return self._join(step)
            case Union():
                return self._union(step)
            case Sort():
                return self._sort(step, last)
        raise UnsupportedError(step.op)

    def _derive(self, step: Derive) -> pa.Table:
        """Later columns may use earlier ones; one that does sees all that came before."""
        table, schema = self.tables[step.source], dict(self.schemas[step.source])
        fresh: dict[str, Any] = {}
        for name, expr in step.columns.items():
            if expr.names() & set(fresh) or name in fresh:
                table, schema, fresh = self._with(table, schema, fresh), schema | {n: self.schema[n] for n in fresh}, {}
            fresh[name] = as_kind(evaluate(expr, table, schema, self.at), self.schema[name])
        return self._with(table, schema, fresh)

    def _with(self, table: pa.Table, schema: Schema, fresh: Mapping[str, Any]) -> pa.Table:
        columns = {n: fresh[n] if n in fresh else table.column(n) for n in schema}
        return pa.table(columns | dict(fresh))

    def _group(self, step: Group) -> pa.Table:
        table, schema = self.tables[step.source], self.schemas[step.source]
        groups, count = groups_of([table.column(n) for n in step.by], table.num_rows)
        columns: dict[str, Any] = {}
        if step.by:
            _, first = np.unique(groups, return_index=True)
            columns = {n: flat(table.column(n)).take(pa.array(first)) for n in step.by}
        for name, measure in step.measures.items():
            columns[name] = as_kind(self._measure(measure, table, schema, groups, count), self.schema[name])
        return pa.table(columns)

    def _measure(self, measure: Measure, table: pa.Table, schema: Schema, groups: Any, count: int) -> Any:
        of = flat(evaluate(measure.field, table, schema, self.at)) if measure.field else None
        kept = np.ones(table.num_rows, bool)
        if measure.where:
            only = flat(evaluate(measure.where, table, schema, self.at)).fill_null(False)
            kept = only.to_numpy(zero_copy_only=False)
        if of is not None:
            kept &= flat(pc.is_valid(of)).to_numpy(zero_copy_only=False)
            of = of.filter(pa.array(kept))
        groups = groups[kept]
        match measure.agg:
            case "count":
                return pa.array(np.bincount(groups, minlength=count).astype(np.int64))
            case "sum" | "avg" | "min" | "max" if of is not None and not pa.types.is_string(of.type):
                return per_group(f"{measure.agg}_of", of, groups, count)
            case "percentile":
                return per_group("median_of", of, groups, count, measure.q or 0.5)
            case "min" | "max" | "count_distinct" | "list":
                return _of_values(measure.agg, of, groups, count)
        raise UnsupportedError(measure.agg)

    def _join(self, step: Join) -> pa.Table:
        left, right = self.tables[step.left], self.tables[step.right]
        first, second = _pairs(left, right, step.on)
        if step.within:
            met = self._within(step, left, right, first, second)
            first, second = first[met], second[met]
        if step.how in ("semi", "anti"):
            matched = np.zeros(left.num_rows, bool)
            matched[first] = True
            return left.filter(pa.array(matched if step.how == "semi" else ~matched))
        lone_left = np.setdiff1d(np.arange(left.num_rows), first) if step.how in ("left", "full") else np.array([], np.int64)
        lone_right = np.setdiff1d(np.arange(right.num_rows), second) if step.how == "full" else np.array([], np.int64)
        none = np.full(len(lone_right), -1), np.full(len(lone_left), -1)
        one, other = (
            _indices(np.concatenate([first, lone_left, none[0]])),
            _indices(np.concatenate([second, none[1], lone_right])),
        )
        columns = {n: flat(left.column(n)).take(one) for n in left.column_names}
        if step.how == "full":
            columns |= {n: pc.coalesce(columns[n], flat(right.column(n)).take(other)) for n in step.on}
        for n, alias in joined_names(step, self.schemas[step.left], self.schemas[step.right]):
            columns[alias] = flat(right.column(n)).take(other)
        return pa.table(columns)

    def _within(self, step: Join, left: pa.Table, right: pa.Table, first: Any, second: Any) -> Any:
        instant, start, end = step.within or ("", "", "")
        flipped = instant not in self.schemas[step.left]
        inner, outer = (right, left) if flipped else (left, right)
        here, there = _indices(second if flipped else first), _indices(first if flipped else second)
        moment = flat(inner.column(instant)).take(here)
        since, until = flat(outer.column(start)).take(there), flat(outer.column(end)).take(there)
        met = pc.and_kleene(pc.less_equal(since, moment), pc.or_kleene(pc.is_null(until), pc.less(moment, until)))
        return met.fill_null(False).to_numpy(zero_copy_only=False)

    def _union(self, step: Union) -> pa.Table:
        parts = []
        for source in step.sources:
            table = self.tables[source]
            columns = {
                n: as_kind(table.column(n), k) if n in table.column_names else pa.nulls(table.num_rows, TYPES[k])
                for n, k in self.schema.items()
            }
            parts.append(pa.table(columns))
        return pa.concat_tables(parts)

    def _sort(self, step: Sort, last: bool) -> pa.Table:
        table = self.tables[step.source]
        by = {o.by: "descending" if o.desc else "ascending" for o in reversed(step.order)}
        keys = [(o.by, by[o.by]) for o in step.order]
        keys += [(n, "ascending") for n in table.column_names if n not in by]
        table = table.take(pc.sort_indices(table, sort_keys=keys))
        return table.slice(0, step.limit + last) if step.limit else table


def _indices(rows: Any) -> Any:
    """Row numbers to take; below zero takes NULL."""
    return pa.array(rows, pa.int64(), mask=rows < 0)


def _pairs(left: pa.Table, right: pa.Table, on: tuple[str, ...]) -> tuple[Any, Any]:
    """Row numbers, left and right, of the rows whose keys are equal; NULL equals nothing."""
    size = left.num_rows
    codes = np.zeros(size + right.num_rows, np.int64)
    known = np.ones(len(codes), bool)
    for name in on:
        one, other = left.column(name), right.column(name)
        if one.type != other.type or pa.types.is_floating(one.type):
            raise UnsupportedError("keys of different types")
        both = pa.chunked_array([*one.chunks, *other.chunks], one.type)
        known &= flat(pc.is_valid(both)).to_numpy(zero_copy_only=False)
        more, count = groups_of([both], len(codes))
        _, codes = np.unique(codes * count + more, return_inverse=True)
    ours, theirs = np.flatnonzero(known[:size]), np.flatnonzero(known[size:])
    order = theirs[np.argsort(codes[size:][theirs], kind="stable")]
    sought, found = codes[:size][ours], codes[size:][order]
    low = np.searchsorted(found, sought, "left")
    counts = np.searchsorted(found, sought, "right") - low
    total = int(counts.sum())
    if total > MOST_PAIRS:
        raise UnsupportedError("too many pairs")
    places = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    return np.repeat(ours, counts), order[places]


def _of_values(agg: str, of: Any, groups: Any, count: int) -> Any:
    """Lowest and highest text, and the distinct values of each group."""
    if not (pa.types.is_string(of.type) or (agg == "count_distinct" and not pa.types.is_floating(of.type))):
        raise UnsupportedError(f"{agg} of {of.type}")
    found: list[set[Any]] = [set() for _ in range(count)]
    for group, value in zip(groups.tolist(), of.to_pylist(), strict=True):
        found[group].add(value)
    match agg:
        case "count_distinct":
            return pa.array([len(values) for values in found], pa.int64())
        case "list":
            return pa.array([",".join(sorted(values)[:LISTED_AT_MOST]) if values else None for values in found], pa.string())
    pick = min if agg == "min" else max
    return pa.array([pick(values) if values else None for values in found], pa.string())
