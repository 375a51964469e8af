"""Hold a plan against the catalog before any engine sees it: names, kinds, windows and limits.

What passes here can be compiled; what does not is refused with the reason and the nearest names.
"""

from collections.abc import Iterator

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset
from llo11ypop.core.errors import NotExportedError, PlanError, UnknownNameError
from llo11ypop.query.expr import Expr, Name
from llo11ypop.query.kinds import INSTANT, NUMERIC, OF_FIELD, Kind, Schema, condition, kind_of
from llo11ypop.query.plan import Combine, Derive, Filter, Group, Join, Measure, Plan, Rank, Select, Sort, Span, Union
from llo11ypop.query.store import Exports

MAX_LIMIT = 10_000
"""Rows that one select or sort may ask for: also what one page of Elasticsearch holds."""
MAX_STEPS = 24
MAX_WINDOW_DAYS = 400
MAX_MEASURES = 40


def check(plan: Plan, catalog: Catalog, exports: Exports | None = None) -> dict[str, Schema]:
    """The columns of every step of a plan.

    Raises UnknownNameError for names that are not there, PlanError for what cannot be carried out, and, when `exports` is
    given, NotExportedError for what this fleet does not have.
    """
    if len(plan.steps) > MAX_STEPS:
        raise PlanError(f"the plan has {len(plan.steps)} steps, at most {MAX_STEPS} are carried out")
    schemas: dict[str, Schema] = {}
    for name, step in plan.steps.items():
        where = f"step '{name}'"
        schemas[name] = _select(step, catalog, where) if isinstance(step, Select) else combined(step, schemas, where)
    absent = missing(plan, catalog, exports) if exports is not None else ()
    if absent:
        raise NotExportedError(f"this fleet does not export {', '.join(absent)}")
    return schemas


def missing(plan: Plan, catalog: Catalog, exports: Exports) -> tuple[str, ...]:
    """Datasets and `dataset.field`s that a plan needs and this fleet does not export, sorted."""
    absent: set[str] = set()
    for select in plan.selects.values():
        absent |= missing_of(select, catalog, exports)
    return tuple(sorted(absent))


def missing_of(select: Select, catalog: Catalog, exports: Exports) -> set[str]:
    """The same for one select."""
    absent = set() if exports.has(select.dataset) else {select.dataset}
    for name in names_used(select):
        route = catalog.route(select.dataset, name)
        if not exports.has(route.dataset):
            absent.add(route.dataset)
        elif not exports.has(route.dataset, route.name):
            absent.add(f"{route.dataset}.{route.name}")
    return absent


def names_used(select: Select) -> frozenset[str]:
    """Every field or dimension of the dataset that a select reads; the names of its own measures are not among them."""
    names = set(select.by) | set(select.fields)
    expressions: list[Expr | None] = [select.where]
    for measure in select.measures.values():
        expressions += [measure.field, measure.where]
    for expression in expressions:
        names |= expression.names() if expression else set()
    if select.fields:
        names |= {o.by for o in select.order}
    return frozenset(names - {INSTANT})


def _select(select: Select, catalog: Catalog, where: str) -> Schema:
    dataset = catalog.dataset(select.dataset, where=where)
    row: dict[str, Kind] = {}
    for name in sorted(names_used(select)):
        row[name] = OF_FIELD[catalog.route(select.dataset, name, where=where).spec.type]
    _window(select, dataset, where)
    if select.where:
        condition(select.where, row, where)
    if select.fields:
        _within_limit(select.limit, where)
        return {name: row[name] for name in dict.fromkeys(select.fields)}
    if len(select.measures) > MAX_MEASURES:
        raise PlanError(f"{where}: {len(select.measures)} measures, at most {MAX_MEASURES}")
    schema: dict[str, Kind] = {name: row[name] for name in select.by}
    if select.bucket:
        if not dataset.time:
            raise PlanError(f"{where}: dataset '{dataset.dataset}' has no time to make buckets of")
        _new(schema, select.bucket.name, Kind.TIME, where)
    for name, measure in select.measures.items():
        place = f"{where}: measure '{name}'"
        _new(schema, name, _measure(measure, row, dataset, select, place), place)
    if select.having:
        condition(select.having, schema, where)
    for order in select.order:
        _known(order.by, schema, where)
    _within_limit(select.limit, where)
    return schema


def _window(select: Select, dataset: Dataset, where: str) -> None:
    if select.window is None and dataset.timed:
        raise PlanError(
            f"{where}: dataset '{dataset.dataset}' grows without end, so the select needs a 'window'",
            next_step="add for example window: 1h",
        )
    if select.window is not None and not dataset.time and not dataset.valid:
        raise PlanError(f"{where}: dataset '{dataset.dataset}' has no time, so it takes no 'window'")
    if select.window is not None and select.window.start.total_seconds() > MAX_WINDOW_DAYS * 86400:
        raise PlanError(f"{where}: the window is longer than {MAX_WINDOW_DAYS} days")


def _measure(measure: Measure, row: Schema, dataset: Dataset, select: Select, where: str) -> Kind:
    if measure.where:
        condition(measure.where, row, where)
    _over(measure.over, select.window, dataset, where)
    kind = kind_of(measure.field, row, where) if measure.field else Kind.INTEGER
    match measure.agg:
        case "increase" | "rate":
            node = measure.field.node if measure.field else None
            spec = dataset.fields.get(node.name) if isinstance(node, Name) else None
            if spec is None or not spec.counter:
                counters = [n for n, f in dataset.fields.items() if f.counter]
                raise PlanError(
                    f"{where}: '{measure.agg}' reads a counter, and '{measure.field}' is none",
                    next_step=f"counters here: {', '.join(counters)}" if counters else "",
                )
            return Kind.NUMBER
        case "first" | "last":
            if not dataset.time:
                raise PlanError(f"{where}: '{measure.agg}' goes by time, and '{dataset.dataset}' has none")
    return aggregated(measure, kind, where)


def aggregated(measure: Measure, kind: Kind, where: str) -> Kind:
    """The kind of an aggregate over values of a kind. Raises PlanError where it makes no sense."""
    match measure.agg:
        case "count" | "count_distinct":
            return Kind.INTEGER
        case "list":
            return Kind.TEXT
        case "min" | "max" | "first" | "last":
            return kind
        case "sum" | "avg" | "percentile" | "stddev":
            if kind not in NUMERIC:
                raise PlanError(f"{where}: no '{measure.agg}' of a {kind}")
            return kind if measure.agg == "sum" else Kind.NUMBER
    raise PlanError(f"{where}: '{measure.agg}' needs the rows of a dataset")


def _over(over: Span | None, window: Span | None, dataset: Dataset, where: str) -> None:
    if over is None:
        return
    if not dataset.time:
        raise PlanError(f"{where}: 'over' needs a dataset with a time")
    if window is not None and (over.start > window.start or over.end < window.end):
        raise PlanError(f"{where}: 'over' reaches outside the select's window")


def combined(step: Combine, schemas: dict[str, Schema], where: str) -> Schema:
    """The columns of a combining step over those of earlier steps. Raises UnknownNameError and PlanError."""
    match step:
        case Join():
            return _join(step, schemas[step.left], schemas[step.right], where)
        case Union():
            return _union([schemas[s] for s in step.sources], where)
        case Group():
            return _group(step, schemas[step.source], where)
    source = schemas[step.source]
    match step:
        case Derive():
            schema = dict(source)
            for name, expression in step.columns.items():
                schema[name] = kind_of(expression, schema, where, siblings=True)
            return schema
        case Filter():
            condition(step.where, source, where, siblings=True)
        case Rank():
            for name in (step.by, *step.per):
                _known(name, source, where)
            schema = dict(source)
            _new(schema, step.name, Kind.INTEGER, where)
            return schema
        case Sort():
            for order in step.order:
                _known(order.by, source, where)
            _within_limit(step.limit, where)
    return source


def joined_names(step: Join, left: Schema, right: Schema) -> Iterator[tuple[str, str]]:
    """(column of the right side, its name in the result); a name that the left side has too gets the step's name in front."""
    for name in right:
        if name not in step.on:
            yield name, f"{step.right}_{name}" if name in left else name


def _join(step: Join, left: Schema, right: Schema, where: str) -> Schema:
    for name in step.on:
        _known(name, left, f"{where}: '{step.left}'")
        _known(name, right, f"{where}: '{step.right}'")
        if left[name] is not right[name] and not {left[name], right[name]} <= NUMERIC:
            raise PlanError(f"{where}: '{name}' is a {left[name]} on one side and a {right[name]} on the other")
    if step.within:
        instant, start, end = step.within
        inner, outer = (left, right) if instant in left else (right, left)
        for name, schema in ((instant, inner), (start, outer), (end, outer)):
            _known(name, schema, where)
            if schema[name] is not Kind.TIME:
                raise PlanError(f"{where}: '{name}' is a {schema[name]}, and 'within' compares instants")
    elif not step.on:
        raise PlanError(f"{where}: a join needs 'on' or 'within'")
    if step.how in ("semi", "anti"):
        return left
    schema = dict(left)
    for name, alias in joined_names(step, left, right):
        _new(schema, alias, right[name], where)
    return schema


def _union(sources: list[Schema], where: str) -> Schema:
    schema: dict[str, Kind] = {}
    for source in sources:
        for name, kind in source.items():
            known = schema.setdefault(name, kind)
            if known is not kind and not {known, kind} <= NUMERIC:
                raise PlanError(f"{where}: '{name}' is a {known} in one source and a {kind} in another")
            if known is not kind:
                schema[name] = Kind.NUMBER
    return schema


def _group(step: Group, source: Schema, where: str) -> Schema:
    schema: dict[str, Kind] = {}
    for name in step.by:
        _known(name, source, where)
        schema[name] = source[name]
    for name, measure in step.measures.items():
        place = f"{where}: measure '{name}'"
        if measure.over or measure.agg in ("increase", "rate"):
            raise PlanError(f"{place}: 'over', 'increase' and 'rate' need the rows of a dataset")
        if measure.agg in ("first", "last") and Kind.TIME not in source.values():
            raise PlanError(f"{place}: '{measure.agg}' goes by time, and '{step.source}' has no instant left")
        if measure.where:
            condition(measure.where, source, place)
        kind = kind_of(measure.field, source, place) if measure.field else Kind.INTEGER
        _new(schema, name, aggregated(measure, kind, place), place)
    return schema


def _known(name: str, schema: Schema, where: str) -> None:
    if name not in schema:
        raise UnknownNameError("column", name, schema, where=where)


def _new(schema: dict[str, Kind], name: str, kind: Kind, where: str) -> None:
    if name in schema:
        raise PlanError(f"{where}: there are two columns named '{name}'")
    schema[name] = kind


def _within_limit(limit: int | None, where: str) -> None:
    if limit is not None and limit > MAX_LIMIT:
        raise PlanError(f"{where}: limit {limit} is over {MAX_LIMIT}")
