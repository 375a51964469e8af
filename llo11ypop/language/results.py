"""The result of a plan: its columns, their order, and a single select that does it all."""

from typing import Any

from llo11ypop.core.question import Column
from llo11ypop.language.composing import BUCKET, Composing, label_of
from llo11ypop.language.scope import Scope
from llo11ypop.language.wording import counted


def ranks_time(scope: Scope) -> bool:
    """'which day had the most': spans of time are ranked like anything else."""
    return bool(scope.bucket and scope.top and not scope.by)


def order(made: Composing, names: list[str]) -> list[dict[str, Any]]:
    """Sort keys of the result; none for a single row."""
    scope = made.scope
    if ranks_time(scope):
        return [{"by": "share_pct" if scope.share else names[0], "desc": scope.desc}, {"by": BUCKET}]
    if scope.bucket:
        return [{"by": BUCKET}, *({"by": b} for b in scope.by)]
    keyed = [*scope.by, *(d for q in scope.measures if q.recipe for d in made.lexicon.recipes[q.recipe].dims)]
    if not keyed:
        return []
    column = "share_pct" if scope.share else names[0]
    recipe = next((made.lexicon.recipes[q.recipe] for q in scope.measures if q.recipe), None)
    if recipe is not None and recipe.order and not scope.ordered and not scope.per:
        column = recipe.order
    if scope.compare is not None and not scope.ordered:
        column = f"{names[0]}_change" if f"{names[0]}_change" in [c.name for c in made.columns] else column
    desc = scope.desc and not (recipe is not None and recipe.ascending and not scope.ordered)
    return [{"by": column, "desc": desc}, *({"by": k} for k in keyed if k != column)]


def columns(made: Composing, names: list[str], extra: list[Column]) -> None:
    """Adds the columns of the result, keys first."""
    scope = made.scope
    dims = [d for q in scope.measures if q.recipe for d in made.lexicon.recipes[q.recipe].dims]
    for name in dict.fromkeys([*dims, *scope.by]):
        made.columns.append(Column(name, label_of(name, made.catalog, made.lexicon), "dimension"))
    if scope.bucket:
        made.columns.append(Column(BUCKET, scope.bucket, "time"))
    if scope.count_of and scope.per:
        made.columns.append(Column(names[0], "share", "measure", made.lexicon.denominators[scope.per].unit))
    if scope.count_of:
        made.columns.append(Column("things", counted(scope, made.catalog, made.lexicon), "measure", "1"))
        return
    if scope.share:
        made.columns.append(Column("share_pct", "share", "measure", "%"))
        if scope.part:
            made.columns.append(Column("part", "part", "measure", scope.measures[0].unit))
    for quantity, name in zip(scope.measures, names, strict=True):
        if name != quantity.name:
            unit = made.lexicon.denominators[scope.per].unit if scope.per in made.lexicon.denominators else "1"
            per = made.lexicon.denominators[scope.per].label if scope.per in made.lexicon.denominators else f"per {scope.per}"
            made.columns.append(Column(name, f"{quantity.label} {per}", "measure", unit, quantity.better))
            own = f"{quantity.name}_n" if scope.per in made.lexicon.denominators else quantity.name
            made.columns.append(Column(own, quantity.label, "measure", quantity.unit, quantity.better))
        else:
            time = quantity.field and quantity.field == made.catalog.datasets[quantity.dataset].time
            made.columns.append(Column(name, quantity.label, "time" if time else "measure", quantity.unit, quantity.better))
    if scope.per in made.lexicon.denominators:
        made.columns.append(
            Column(
                "units",
                {"inventory_gpus": "GPUs", "inventory_nodes": "nodes"}.get(made.lexicon.denominators[scope.per].dataset, "ports"),
                "measure",
                "1",
            )
        )
    if not scope.per:
        made.columns.extend(extra)


def folded(made: Composing) -> None:
    """A single select takes the threshold, order and limit of the steps behind it, so that the engine does them."""
    steps = made.steps
    names = list(steps)
    if len(names) == 1 or steps[names[0]]["op"] != "select" or any(steps[n]["op"] not in ("filter", "sort") for n in names[1:]):
        return
    first = steps[names[0]]
    for name in names[1:]:
        step = steps.pop(name)
        if step["op"] == "filter":
            first["having"] = step["where"]
        else:
            first["order"] = step["order"]
            if "limit" in step:
                first["limit"] = step["limit"]
    made.steps = {"result": first}
