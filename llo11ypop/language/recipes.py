"""Recipes of the lexicon filled in: window, groups, filters and buckets put into their steps."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from llo11ypop.core.question import Column
from llo11ypop.language.composing import BUCKET, Composing, days_of, reaches, span
from llo11ypop.language.entries import Recipe
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Period, Quantity
from llo11ypop.language.where import all_of, condition_text, expression


def add_recipe(made: Composing, quantity: Quantity, window: Period | None) -> None:
    """The steps of a recipe with its placeholders filled."""
    recipe = made.lexicon.recipes[quantity.recipe]
    for name, step in recipe.steps.items():
        filled = _filled(made, step, quantity, recipe, window)
        renamed: dict[str, Any] = {}
        for key, value in filled.items():
            if key in ("source", "left", "right"):
                renamed[key] = f"{made.prefix}{quantity.recipe}_{value}"
            elif key == "sources":
                renamed[key] = [f"{made.prefix}{quantity.recipe}_{v}" for v in value]
            else:
                renamed[key] = value
        if "op" not in renamed:
            renamed = {"op": "select", **renamed}
        made.add(f"{quantity.recipe}_{name}", renamed)


def _filled(made: Composing, step: dict[str, Any], quantity: Quantity, recipe: Recipe, window: Period | None) -> dict[str, Any]:
    scope = made.scope
    select = "dataset" in step
    out: dict[str, Any] = {}
    for key, value in step.items():
        match key:
            case "window":
                out[key] = _recipe_window(made, value, window, made.catalog.datasets[step["dataset"]].cadence)
            case "where" if isinstance(value, str):
                text = _recipe_where(made, value, step, quantity)
                if text:
                    out[key] = text
            case "by" | "on" if isinstance(value, list):
                keys = [k for v in value for k in (_by_of(made, select) if v == "$by" else [v])]
                out[key] = list(dict.fromkeys(keys))
            case "bucket" if value == "$bucket":
                if scope.bucket:
                    out[key] = {"every": scope.bucket, "name": BUCKET}
            case _:
                out[key] = _values(made, value, quantity, window)
    return out


def _by_of(made: Composing, select: bool) -> list[str]:
    scope = made.scope
    return [*scope.by, BUCKET] if scope.bucket and not select else list(scope.by)


def _long_enough(made: Composing, window: Period, cadence: timedelta | None) -> Period:
    """Stock that is written down once a week is that of the last week, also where today's is asked for."""
    if cadence is None or cadence < timedelta(days=1) or made.scope.bucket or window.end_at - window.start_at >= 3 * cadence:
        return window
    return replace(window, start_at=window.end_at - 3 * cadence)


def _recipe_window(made: Composing, value: Any, window: Period | None, slow: timedelta | None) -> Any:
    now = {"start": timedelta(minutes=30)}
    named = window is not None and (not window.defaulted or bool(made.scope.bucket))
    match value:
        case "$window":
            return span(_long_enough(made, window, slow), made.at) if window is not None else now
        case "$window_or_now":
            return span(window, made.at) if named and window is not None else now
        case "$window_or_snapshot":
            return span(window, made.at) if named and window is not None else {"start": timedelta(minutes=5)}
        case "$window_all":
            return span(window, made.at) if window is not None and not window.defaulted else {"start": timedelta(days=400)}
        case "$window_shift":
            since, until = (window.start_at, window.end_at) if window is not None and not window.defaulted else (made.at, made.at)
            return {"start": made.at - since + timedelta(hours=12), "end": made.at - until}
    return value


def _recipe_where(made: Composing, text: str, step: dict[str, Any], quantity: Quantity) -> str:
    dataset = step.get("dataset", quantity.dataset)
    own = [f for f in made.scope.filters if reaches(made, dataset, f)]
    if "$where_technicians" in text:
        known = reachable(made.catalog, dataset).keys()
        return all_of(condition_text(f) for f in own if f.op != "expr" or expression(str(f.values[0])).names() <= known)
    if "$where_node" in text:
        node = [f for f in made.scope.filters if f.field == "node_id"]
        return text.replace("$where_node", all_of(condition_text(f) for f in node) or "node_id != ''")
    if made.scope.measures and quantity.recipe == "step_time_replaced":
        own = [f for f in own if f.field != "node_id"]
    filters = all_of([quantity.where if dataset == quantity.dataset else "", *(condition_text(f) for f in own)])
    if "$from" in text:
        since = made.scope.window.start_at if made.scope.window is not None and not made.scope.window.defaulted else made.at
        text = text.replace("$from", f"'{since:%Y-%m-%dT%H:%M:%S}'")
    if text == "$where":
        return filters
    return text.replace(" and $where", f" and {filters}" if filters else "")


def _values(made: Composing, value: Any, quantity: Quantity, window: Period | None) -> Any:
    """`$gauge`, `$days`, `$agg` and `$q` inside measures and columns."""
    if isinstance(value, dict):
        return {k: _values(made, v, quantity, window) for k, v in value.items() if not (v == "$q" and quantity.q is None)}
    if isinstance(value, list):
        return [_values(made, v, quantity, window) for v in value]
    if value == "$mean_or_last":
        return "last" if quantity.now else "avg"
    if value == "$gauge":
        asked = quantity.agg if quantity.agg in ("max", "min") else "avg"
        return "last" if window is None or (window.defaulted and not made.scope.bucket) else asked
    if value == "$agg":
        return quantity.agg if quantity.agg not in ("", "count") else "percentile" if quantity.q else "avg"
    if value == "$agg_or_max":
        return "max" if quantity.agg in ("", "count", "last", "first") else quantity.agg
    if value == "$q":
        return quantity.q
    if isinstance(value, str) and "$days" in value:
        return value.replace("$days", repr(days_of(window)))
    return value


def recipe_columns(made: Composing) -> list[Column]:
    """Further columns that recipes give."""
    return [
        Column(
            name,
            label,
            "time" if name.endswith("_at") else "measure" if name in recipe.units else "dimension",
            recipe.units.get(name, ""),
        )
        for q in made.scope.measures
        if q.recipe
        for recipe in [made.lexicon.recipes[q.recipe]]
        for name, label in recipe.columns.items()
    ]
