"""Things of which nothing was seen: a count of zero has no rows, so the inventory says who there is."""

from datetime import timedelta
from typing import Any

from llo11ypop.catalog import Catalog
from llo11ypop.catalog.models import Kind
from llo11ypop.core.vocabulary import Area
from llo11ypop.language.composing import BUCKET, Composing, counts, keys_of, span
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Quantity, Threshold
from llo11ypop.language.where import all_of, condition_text

_SCHEDULERS = frozenset({Area.SLURM, Area.KUBERNETES})
"""What not every cluster has."""
_REPORTS = timedelta(days=30)
"""A cluster without a row of a dataset for so long does not have what it tells of (our assumption)."""
_HOLDS = {"<": lambda v: v > 0, "<=": lambda v: v >= 0, "=": lambda v: v == 0, ">": lambda v: v < 0, ">=": lambda v: v <= 0}


def home_of(keys: tuple[str, ...], catalog: Catalog, lexicon: Lexicon) -> str:
    """The dimension dataset that lists every thing with these keys; empty where none does."""
    homes = [d.home for d in lexicon.dimensions.values() if d.home and keys and d.fields[0] == keys[0]]
    fitting = [h for h in homes if catalog.datasets[h].kind is Kind.DIMENSION and set(keys) <= set(reachable(catalog, h))]
    return fitting[0] if fitting else ""


def named_by_rows(keys: tuple[str, ...], measures: tuple[Quantity, ...], catalog: Catalog) -> bool:
    """Whether things that no inventory lists are known by other rows of the dataset: users whose jobs did not fail."""
    first = measures[0] if len(measures) == 1 else None
    if first is None or not keys or first.recipe or not first.where:
        return False
    dataset = catalog.datasets[first.dataset]
    return dataset.kind is Kind.EVENT and set(keys) <= set(dataset.fields) and dataset.time not in keys


def zero_meets(thresholds: tuple[Threshold, ...], measures: tuple[Quantity, ...]) -> bool:
    """Whether a thing without a single row meets the thresholds: 'fewer than three', 'none'."""
    return bool(thresholds) and all(counts(q) for q in measures) and all(_HOLDS[t.op](t.value) for t in thresholds)


def add_reporting(made: Composing, name: str, select: dict[str, Any], counted: str, dataset: str) -> str:
    """Counts of the inventory, only of clusters that report a dataset at all; elsewhere it does not apply."""
    keys, spec = select["by"], made.catalog.datasets[dataset]
    if (
        spec.area not in _SCHEDULERS
        or "cluster" not in reachable(made.catalog, select["dataset"])
        or "cluster" not in spec.fields
    ):
        return made.add(name, select)
    rows = made.add(name, {**select, "by": list(dict.fromkeys([*keys, "cluster"]))})
    seen = {
        "op": "select",
        "dataset": dataset,
        "window": {"start": _REPORTS},
        "by": ["cluster"],
        "measures": {"rows": {"agg": "count"}},
    }
    reporting = made.add(f"{name}_reporting", seen)
    kept = made.add(f"{name}_kept", {"op": "join", "left": rows, "right": reporting, "on": ["cluster"], "how": "semi"})
    if "cluster" in keys:
        return kept
    return made.add(
        f"{name}_each", {"op": "group", "source": kept, "by": keys, "measures": {counted: {"agg": "sum", "field": counted}}}
    )


def add_absentees(made: Composing) -> None:
    """The groups so far, and those of the inventory that nothing was seen of, with zeros."""
    scope, keys = made.scope, keys_of(made.scope)
    home = home_of(keys, made.catalog, made.lexicon)
    alone = not home and named_by_rows(keys, scope.measures, made.catalog)
    if scope.bucket or not (home or alone) or not zero_meets(scope.having, scope.measures):
        return
    home = home or scope.measures[0].dataset
    reach = reachable(made.catalog, home)
    own = [f for f in scope.filters if f.op in ("in", "not in") and f.field in reach]
    select: dict[str, Any] = {"op": "select", "dataset": home, "by": list(keys), "measures": {"known": {"agg": "count"}}}
    if alone and scope.window is not None:
        select["window"] = span(scope.window, made.at)
    select["where"] = all_of([*(condition_text(f) for f in own), *(f"{k} != ''" for k in keys)])
    seen = made.last
    everyone = (
        made.add("everyone", select) if alone else add_reporting(made, "everyone", select, "known", scope.measures[0].dataset)
    )
    joined = made.add(
        "seen_or_not", {"op": "join", "left": everyone, "right": seen, "on": [k for k in keys if k != BUCKET], "how": "left"}
    )
    zeros = {q.name: f"coalesce({q.name}, 0)" for q in scope.measures}
    made.add("with_zeros", {"op": "derive", "source": joined, "columns": zeros})
