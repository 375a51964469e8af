"""The latest reading of every thing: what is so now, rather than what happened in a window."""

from datetime import timedelta
from typing import Any

from llo11ypop.catalog import Dataset
from llo11ypop.language.composing import BUCKET, STATE_FIELDS, Composing, key_fields, keys_of
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Quantity
from llo11ypop.language.where import all_of, condition_text, expression

LATEST = "latest reading"
"""What the window of such an answer is called."""
_LOOK_BACK = {"supply_chain": timedelta(days=21)}
_LATEST = timedelta(minutes=30)
"""How far back the latest reading may lie to count as 'now' (our assumption); three cadences where those are longer."""


def look_back(dataset: Dataset) -> timedelta:
    """How far back the latest reading of a dataset may lie."""
    return max(_LOOK_BACK.get(dataset.dataset, _LATEST), 3 * (dataset.cadence or timedelta(0)))


def add_current(made: Composing, quantity: Quantity) -> None:
    """An aggregate over the latest reading of every series: the power that is drawn right now."""
    scope, dataset = made.scope, made.catalog.datasets[quantity.dataset]
    keys = list(keys_of(scope))
    select: dict[str, Any] = {
        "op": "select",
        "dataset": quantity.dataset,
        "window": {"start": look_back(dataset)},
        "by": list(dict.fromkeys([*dataset.grain, *keys])),
        "measures": {"reading": {"agg": "last", "field": quantity.field}},
    }
    where = all_of([*(condition_text(f) for f in scope.filters), quantity.where])
    if where:
        select["where"] = where
    read = made.add("reading", select)
    measure: dict[str, Any] = {"agg": quantity.agg, "field": "reading"}
    if quantity.q is not None:
        measure["q"] = quantity.q
    made.add("now", {"op": "group", "source": read, "by": keys, "measures": {quantity.name: measure}})


def add_latest(made: Composing, quantity: Quantity, *, keep: tuple[str, ...] = ()) -> None:
    """The latest reading of every series, those that meet the condition, and their number per group."""
    scope, dataset = made.scope, made.catalog.datasets[quantity.dataset]
    reach = reachable(made.catalog, quantity.dataset)
    parts = all_of(condition_text(c) for c in scope.part)
    whole = all_of([quantity.where, parts])
    needed = expression(whole).names() if whole else frozenset()
    back = look_back(dataset)
    changing = [b for b in scope.by if b in STATE_FIELDS and b in dataset.fields and b not in dataset.grain]
    static = [f for f in keep if f in reach and (reach[f].path or f in dataset.grain or f in ("cluster", "rack", "site"))]
    by = list(
        dict.fromkeys(
            [*dataset.grain, *static, *(b for b in scope.by if b != BUCKET and b not in changing), *key_fields(quantity)]
        )
    )
    by = [b for b in by if b in reach and b != dataset.time]
    measured = [f for f in dict.fromkeys([*sorted(needed), *changing, *keep]) if f not in by]
    select: dict[str, Any] = {
        "op": "select",
        "dataset": quantity.dataset,
        "window": {"start": back},
        "by": by,
        "measures": {f: {"agg": "last", "field": f} for f in measured} or {"rows": {"agg": "count"}},
    }
    where = all_of(condition_text(f) for f in scope.filters)
    if where:
        select["where"] = where
    made.add("latest", select)
    if quantity.where:
        made.add("matching", {"op": "filter", "source": made.last, "where": quantity.where})
    if keep:
        if scope.top:
            made.add("result", {"op": "sort", "source": made.last, "order": [{"by": by[0]}], "limit": scope.top})
        return
    counted = quantity.field if quantity.field in by or quantity.field in measured else ""
    keys = key_fields(quantity)
    if not counted and len(keys) > 1:
        made.add(
            "things",
            {
                "op": "group",
                "source": made.last,
                "by": list(dict.fromkeys([*keys, *scope.by])),
                "measures": {"rows": {"agg": "count"}},
            },
        )
    measure: dict[str, Any] = {"agg": "count_distinct", "field": counted} if counted else {"agg": "count"}
    both = {quantity.name: measure, "part": {**measure, "where": parts}} if parts else {quantity.name: measure}
    made.add("counted", {"op": "group", "source": made.last, "by": list(scope.by), "measures": both})
