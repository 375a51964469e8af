"""From a scope to a typed plan and the columns of its result."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.catalog import Catalog, Kind
from llo11ypop.core.question import Column
from llo11ypop.language import unplanned
from llo11ypop.language.absentees import add_absentees, add_reporting
from llo11ypop.language.composing import BUCKET, Composing, counts, days_of, keys_of, label_of, reaches, span
from llo11ypop.language.latest import add_current, add_latest
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.reach import reachable
from llo11ypop.language.recipes import add_recipe, recipe_columns
from llo11ypop.language.results import columns, folded, order, ranks_time
from llo11ypop.language.scope import Period, Quantity, Scope
from llo11ypop.language.where import all_of, condition_text, expression
from llo11ypop.query.plan import Plan

ROWS = 200
"""Rows of a list of events; a longer one is cut and says so."""
MOST_GROUPS = 1000
"""Groups of a breakdown by something that there are many of."""
_MANY = frozenset(
    {"gpu_uuid", "port_id", "job_id", "serial", "job_name", "sensor_id", "object_name", "user", "src_node", "dst_node"}
)


def compose(scope: Scope, catalog: Catalog, lexicon: Lexicon, at: datetime) -> tuple[Plan, tuple[Column, ...]]:
    """The plan of a scope. Raises ValueError where it cannot be said as a plan."""
    made = Composing(scope, catalog, lexicon, at)
    if scope.fields:
        _rows(made)
    else:
        _measured(made)
    return Plan.model_validate({"steps": _parsed(made.steps)}), tuple(made.columns)


def _parsed(value: Any) -> Any:
    """Expressions of the steps, parsed once per text."""
    if isinstance(value, dict):
        return {
            k: expression(v)
            if k in ("where", "having", "field") and isinstance(v, str)
            else {n: expression(e) if isinstance(e, str) else e for n, e in v.items()}
            if k == "columns" and isinstance(v, dict)
            else _parsed(v)
            for k, v in value.items()
        }
    return [_parsed(v) for v in value] if isinstance(value, list) else value


def _rows(made: Composing) -> None:
    """A list of rows, or of the latest reading of things."""
    scope = made.scope
    dataset = made.catalog.datasets[scope.dataset]
    where = all_of(condition_text(f) for f in scope.filters)
    latest = bool(scope.measures) and scope.measures[0].agg == "latest"
    if latest:
        add_latest(made, scope.measures[0], keep=scope.fields)
    else:
        select: dict[str, Any] = {
            "op": "select",
            "dataset": scope.dataset,
            "fields": list(scope.fields),
            "limit": scope.top or ROWS,
        }
        if scope.window is not None and dataset.time:
            select["window"] = span(scope.window, made.at)
        where = all_of([where, *(q.where for q in scope.measures)])
        if where:
            select["where"] = where
        if scope.ordered_by:
            select["order"] = [{"by": scope.ordered_by, "desc": scope.desc}]
        elif dataset.time and dataset.time in scope.fields:
            select["order"] = [{"by": dataset.time, "desc": scope.desc}]
        made.add("result", select)
    reach = reachable(made.catalog, scope.dataset)
    for name in scope.fields:
        spec = reach[name].spec
        role = "time" if spec.type == "timestamp" else "measure" if spec.numeric and spec.unit else "dimension"
        made.columns.append(Column(name, label_of(name, made.catalog, made.lexicon), role, spec.unit))  # type: ignore[arg-type]


def _measured(made: Composing) -> None:
    """Aggregates: base, then denominator, comparison, share, thresholds, order."""
    scope = made.scope
    names = [q.name for q in scope.measures]
    extra: list[Column] = []
    if scope.compare is not None:
        extra = _compared(made)
    else:
        _base(made, scope.window)
        extra = recipe_columns(made)
        add_absentees(made)
    if scope.per and not scope.count_of:
        names = _divided(made, names)
    if scope.share:
        _shared(made, names)
    _tail(made, names, extra)


def _group_columns(made: Composing) -> list[str]:
    """Key columns of the base: dimensions, those that recipes add, the bucket."""
    scope = made.scope
    dims = [d for q in scope.measures if q.recipe for d in made.lexicon.recipes[q.recipe].dims]
    keys = list(dict.fromkeys([*dims, *scope.by]))
    return [*keys, BUCKET] if scope.bucket else keys


def _base(made: Composing, window: Period | None) -> None:
    """All quantities over one window, as one table keyed by dimensions and bucket."""
    scope = made.scope
    parts: list[str] = []
    simple: dict[str, list[Quantity]] = {}
    for quantity in scope.measures:
        if quantity.recipe:
            add_recipe(made, quantity, window)
            parts.append(made.last)
        elif quantity.agg == "latest":
            add_latest(made, quantity)
            parts.append(made.last)
        elif quantity.now:
            add_current(made, quantity)
            parts.append(made.last)
        else:
            simple.setdefault(quantity.dataset, []).append(quantity)
    if unplanned.wanted(scope) and (simple or parts):
        for quantity in (q for found in simple.values() for q in found):
            counted = unplanned.countable(quantity, made.catalog)
            select = _select(made, counted.dataset, [counted], window)
            parts.append(
                unplanned.steps(
                    made.add,
                    scope,
                    counted,
                    select,
                    made.catalog,
                    _group_columns(made),
                    span(window, made.at) if window else {"start": timedelta(days=7)},
                )
            )
        simple = {}
    for dataset, quantities in simple.items():
        made.add(f"{dataset}", _select(made, dataset, quantities, window))
        parts.append(made.last)
    joined = parts[0]
    keys = _group_columns(made)
    for part in parts[1:]:
        joined = _joined(made, joined, part, keys)
    made.last = joined
    zeros = {q.name: f"coalesce({q.name}, 0)" for q in scope.measures if counts(q)}
    if len(parts) > 1 and keys and zeros:
        made.add("counts_or_zero", {"op": "derive", "source": joined, "columns": zeros})


def _joined(made: Composing, left: str, right: str, keys: list[str], how: str = "full") -> str:
    if keys:
        return made.add("joined", {"op": "join", "left": left, "right": right, "on": keys, "how": how})
    one = made.add("left_one", {"op": "derive", "source": left, "columns": {"one": "1"}})
    other = made.add("right_one", {"op": "derive", "source": right, "columns": {"one": "1"}})
    return made.add("joined", {"op": "join", "left": one, "right": other, "on": ["one"], "how": "inner"})


def _select(made: Composing, dataset: str, quantities: list[Quantity], window: Period | None) -> dict[str, Any]:
    scope, spec = made.scope, made.catalog.datasets[dataset]
    select: dict[str, Any] = {"op": "select", "dataset": dataset, "by": list(keys_of(scope)), "measures": {}}
    if window is not None and spec.time:
        select["window"] = span(window, made.at)
    common = quantities[0].where if all(q.where == quantities[0].where for q in quantities) and not scope.part else ""
    where = all_of([*(condition_text(f) for f in scope.filters if reaches(made, dataset, f)), common])
    if where:
        select["where"] = where
    if scope.bucket:
        select["bucket"] = {"every": scope.bucket, "name": BUCKET}
    for quantity in quantities:
        select["measures"][quantity.name] = _measure(quantity, "" if common else quantity.where)
    if scope.part:
        whole = quantities[0]
        select["measures"]["part"] = _measure(whole, all_of([whole.where, *(condition_text(c) for c in scope.part)]))
    return select


def _measure(quantity: Quantity, where: str) -> dict[str, Any]:
    measure: dict[str, Any] = {"agg": quantity.agg}
    if quantity.field:
        measure["field"] = quantity.field
    if quantity.q is not None:
        measure["q"] = quantity.q
    if where:
        measure["where"] = where
    return measure


def _compared(made: Composing) -> list[Column]:
    """The base over both periods, and what changed."""
    scope = made.scope
    assert scope.compare is not None  # noqa: S101 - the caller has seen it
    made.scope = replace(scope, bucket="")
    made.prefix = "before_"
    _base(made, scope.compare)
    names = [q.name for q in scope.measures]
    keys = _group_columns(made)
    kept = made.add(
        "earlier",
        {"op": "group", "source": made.last, "by": keys, "measures": {f"{n}_before": {"agg": "max", "field": n} for n in names}},
    )
    made.prefix = ""
    _base(made, scope.window)
    joined = _joined(made, made.last, kept, keys)
    columns: dict[str, str] = {}
    shown: list[Column] = []
    for quantity in scope.measures:
        name = quantity.name
        columns[f"{name}_change"] = (
            f"coalesce({name}, 0) - coalesce({name}_before, 0)" if counts(quantity) else f"{name} - {name}_before"
        )
        columns[f"{name}_change_pct"] = f"100.0 * {name}_change / nullif({name}_before, 0)"
        shown += [
            Column(f"{name}_before", f"{quantity.label}, {scope.compare.label}", "measure", quantity.unit, quantity.better),
            Column(f"{name}_change", "change", "measure", quantity.unit, quantity.better),
            Column(f"{name}_change_pct", "change in %", "measure", "%", quantity.better),
        ]
    made.add("changed", {"op": "derive", "source": joined, "columns": columns})
    return shown


def _divided(made: Composing, names: list[str]) -> list[str]:
    """Each measure over its denominator; places with none of the measure get zero."""
    scope = made.scope
    days = days_of(scope.window)
    if scope.per in ("day", "hour", "week"):
        divisor = {"day": days, "hour": days * 24, "week": days / 7}[scope.per]
        made.add(
            "rated",
            {"op": "derive", "source": made.last, "columns": {f"{n}_per_{scope.per}": f"1.0 * {n} / {divisor!r}" for n in names}},
        )
        return [f"{n}_per_{scope.per}" for n in names]
    denominator = made.lexicon.denominators[scope.per]
    own = made.catalog.datasets[scope.measures[0].dataset]
    if scope.per.startswith("of_") and own.kind is Kind.METRIC:
        denominator = denominator.model_copy(update={"dataset": own.dataset})
    reach = reachable(made.catalog, denominator.dataset)
    keys = [b for b in scope.by if b in reach]
    select: dict[str, Any] = {
        "op": "select",
        "dataset": denominator.dataset,
        "by": keys,
        "measures": {"units": {"agg": denominator.agg, "field": denominator.field}},
    }
    if denominator.dataset == own.dataset and scope.window is not None:
        select["window"] = span(scope.window, made.at)
    filters = [
        f
        for f in scope.filters
        if f.op != "expr" and f.field in reach and (reach[f.field].path or f.field in ("cluster", "gpu_model", "node_id"))
    ]
    if filters:
        select["where"] = all_of(condition_text(f) for f in filters)
    top = made.last
    reports = made.catalog.datasets[scope.measures[0].dataset].kind is not Kind.DIMENSION
    bottom = (
        add_reporting(made, "units", select, "units", scope.measures[0].dataset)
        if keys and reports
        else made.add("units", select)
    )
    if len(keys) == len(scope.by) and keys and not scope.bucket:
        joined = made.add("rated_join", {"op": "join", "left": bottom, "right": top, "on": keys, "how": "left"})
    else:
        joined = _joined(made, top, bottom, keys, "left")
    factor = denominator.scale / ((days * 24 if denominator.hours else days) if denominator.hours or denominator.days else 1.0)
    columns: dict[str, str] = {}
    for name in names:
        columns[f"{name}_n"] = f"coalesce({name}, 0)"
        columns[f"{name}_per_{scope.per}"] = f"{factor!r} * coalesce({name}, 0) / nullif(units, 0)"
    made.add("rated", {"op": "derive", "source": joined, "columns": columns})
    return [f"{n}_per_{scope.per}" for n in names]


def _shared(made: Composing, names: list[str]) -> None:
    """Per cent of the whole: the part asked for, or each row's."""
    whole = made.scope.measures[0].name
    if made.scope.part:
        columns = {"share_pct": f"100.0 * part / nullif({whole}, 0)"}
    else:
        columns = {"share_pct": f"100.0 * {names[0]} / nullif(sum_of({names[0]}), 0)"}
    made.add("shares", {"op": "derive", "source": made.last, "columns": columns})


def _tail(made: Composing, names: list[str], extra: list[Column]) -> None:
    """Thresholds, counting of what is left, order and columns."""
    scope = made.scope
    conditions = [f"{t.column} {t.op} {t.value!r}" for t in scope.having]
    if conditions:
        made.add("kept", {"op": "filter", "source": made.last, "where": all_of(conditions)})
    if scope.count_of:
        keys = [*scope.by, BUCKET] if scope.bucket else list(scope.by)
        inner = [*keys_of(scope), BUCKET] if scope.bucket else list(keys_of(scope))
        made.add("things", {"op": "group", "source": made.last, "by": inner, "measures": {"rows": {"agg": "count"}}})
        made.add("counted", {"op": "group", "source": made.last, "by": keys, "measures": {"things": {"agg": "count"}}})
        names, extra = (_divided(made, ["things"]) if scope.per else ["things"]), []
    columns(made, names, extra)
    sorted_by = order(made, names)
    limit = scope.top if not scope.bucket or ranks_time(scope) else None
    if scope.within and sorted_by and limit:
        first = sorted_by[0]
        made.add(
            "ranked",
            {
                "op": "rank",
                "source": made.last,
                "by": first["by"],
                "desc": first["desc"],
                "per": list(scope.within),
                "top": limit,
            },
        )
        sorted_by, limit = [*({"by": b} for b in scope.within), first], None
    if limit is None and scope.by and set(scope.by) & _MANY and not scope.bucket:
        limit = MOST_GROUPS
    if sorted_by:
        made.add("result", {"op": "sort", "source": made.last, "order": sorted_by, **({"limit": limit} if limit else {})})
    folded(made)
