"""Counts without what happened inside maintenance windows on the node, its rack, row, cluster or site."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llo11ypop.catalog import Catalog
from llo11ypop.catalog.models import Kind
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Quantity, Scope
from llo11ypop.language.where import expression

_LEVELS = ("node_id", "rack", "row", "cluster", "site")
Add = Callable[[str, dict[str, Any]], str]


def wanted(scope: Scope) -> bool:
    """Whether planned work is to be left out."""
    return ("planned", "excluded") in scope.entities


def countable(quantity: Quantity, catalog: Catalog) -> Quantity:
    """The quantity in a form whose rows can be matched with planned work. Raises ValueError where there is none.

    Jobs are counted by the nodes they ran on, since planned work is mostly on nodes.
    """
    if quantity.dataset == "slurm_jobs" and quantity.agg == "count":
        needed = expression(quantity.where).names() if quantity.where else frozenset()
        if needed <= set(catalog.datasets["slurm_job_nodes"].fields):
            return replace(quantity, dataset="slurm_job_nodes", agg="count_distinct", field="job_id")
    if (
        catalog.datasets[quantity.dataset].kind not in (Kind.EVENT, Kind.STATE)
        or quantity.agg not in ("count", "sum", "count_distinct")
        or quantity.recipe
    ):
        raise ValueError(f"planned work cannot be left out of {quantity.label}; ask for the maintenance windows beside it")
    return quantity


def steps(
    add: Add, scope: Scope, quantity: Quantity, select: dict[str, Any], catalog: Catalog, keys: list[str], span: dict[str, Any]
) -> str:
    """Rows by time and place, those inside planned work taken out, then the count per group. Returns the last step."""
    reach, time = reachable(catalog, quantity.dataset), catalog.datasets[quantity.dataset].time
    levels = [level for level in _LEVELS if level in reach]
    distinct = [quantity.field] if quantity.agg == "count_distinct" and quantity.field.isidentifier() else []
    measure = {"agg": "sum", "field": quantity.field} if quantity.agg == "sum" else {"agg": "count"}
    source = add(
        "rows_all", {**select, "by": list(dict.fromkeys([*select["by"], *levels, time, *distinct])), "measures": {"n": measure}}
    )
    planned = add(
        "planned",
        {
            "op": "select",
            "dataset": "maintenance_windows",
            "window": span,
            "by": ["scope_id", "start_at", "end_at"],
            "measures": {"entries": {"agg": "count"}},
        },
    )
    for level in levels:
        place = add(
            f"planned_{level}",
            {"op": "derive", "source": planned, "columns": {level: "scope_id", "from_at": "start_at", "to_at": "end_at"}},
        )
        source = add(
            f"without_{level}",
            {"op": "join", "left": source, "right": place, "on": [level], "within": [time, "from_at", "to_at"], "how": "anti"},
        )
    final = {"agg": "count_distinct", "field": distinct[0]} if distinct else {"agg": "sum", "field": "n"}
    return add("unplanned", {"op": "group", "source": source, "by": keys, "measures": {quantity.name: final}})
