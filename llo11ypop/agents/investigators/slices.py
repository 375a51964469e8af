"""A measure before and after by every dimension its dataset knows, and which values moved it beyond chance."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.periods import ADDITIVE, Periods, aggregate
from llo11ypop.agents.investigators.tables import Row
from llo11ypop.analysis.attribution import Slice, explain, rank_dimensions, slices_of
from llo11ypop.analysis.change_point import MAD_TO_SD
from llo11ypop.analysis.counts import change_z, overdispersion
from llo11ypop.core.errors import UnknownNameError
from llo11ypop.language.scope import Quantity

DIMENSIONS = (
    "provider", "site", "cluster", "row", "rack", "node_id", "failed_node", "gpu_model", "driver", "batch", "vendor", "cooling",
    "partition", "qos", "account", "user", "state", "exit_code", "gpus", "code", "kind", "reason", "part_type", "check_name",
    "action", "queue", "severity", "mount", "run_id", "sensor_type", "switch_id",
)  # fmt: skip
"""What a change is looked for in, where a dataset knows it; broad before narrow."""
BEYOND_CHANCE = 3.0
"""Standard errors from which a slice is named at the least (our assumption)."""
FALSE_SLICES = 0.05
"""Chance that any slice at all is named where nothing moved: the limit rises with how many are looked at (Bonferroni)."""
APART = 5.0
"""Robust deviations of a slice's mean from its siblings' change from which it is named (our assumption)."""
SIBLINGS = 4
"""Fewer values of a dimension give no spread to compare with."""
WHOLE = "in all"
LEAST_MOVE = 0.02
"""Share of its level that a mean must have moved to be named, however quiet its siblings are (our assumption)."""


async def read_slices(inquiry: Inquiry, quantity: Quantity, periods: Periods) -> dict[str, list[Row]]:
    """Rows `now`, `before`, `n_now`, `n_before` by each dimension, and under `WHOLE` for all."""
    agg = aggregate(quantity)
    measures: dict[str, Any] = {}
    for name, window in (("now", periods.now), ("before", periods.before)):
        measures[name] = agg | {"over": inquiry.span(window)}
        measures[f"n_{name}"] = {"agg": "count", "over": inquiry.span(window)}
    base = {
        "dataset": quantity.dataset, "window": inquiry.span(periods.outer), "measures": measures,
        "where": inquiry.where(quantity.dataset, quantity.where),
    }  # fmt: skip
    plans: dict[str, dict[str, Any]] = {f"by {name}": base | {"by": [name]} for name in _known(inquiry, quantity.dataset)}
    rows = await inquiry.ask(plans | {WHOLE: base})
    return {name.removeprefix("by "): found for name, found in rows.items()}


def _known(inquiry: Inquiry, dataset: str) -> list[str]:
    known = []
    for name in DIMENSIONS:
        try:
            inquiry.ground.catalog.route(dataset, name)
        except UnknownNameError:
            continue
        if len(inquiry.reading.scope.values(name)) != 1:
            known.append(name)
    return known


def total_of(by_dimension: Mapping[str, Sequence[Row]], quantity: Quantity, periods: Periods) -> tuple[float, float]:
    """(now, before), the earlier one scaled to the length of the later where the measure adds up."""
    row = next(iter(by_dimension[WHOLE]), {})
    now, before = (float(row.get(when) or 0.0) for when in ("now", "before"))
    return now, before * (periods.scale if quantity.agg in ADDITIVE else 1.0)


def total_z(total: tuple[float, float], series: Sequence[Row], quantity: Quantity, periods: Periods) -> float:
    """The change of the whole in standard errors, ordinary bursts allowed for."""
    if quantity.agg in ADDITIVE:
        return change_z(total[0], total[1] / periods.scale, periods.scale) / math.sqrt(spread_of(series, periods))
    now, before = (
        np.array([r["value"] for r in series if r["bucket"] in w and r["value"] is not None], dtype=float)
        for w in (periods.now, periods.before)
    )
    if len(now) <= 1 or len(before) <= 1:
        return 0.0
    error = math.sqrt(float(now.var(ddof=1)) / len(now) + float(before.var(ddof=1)) / len(before))
    return float(now.mean() - before.mean()) / error if error else 0.0


def spread_of(series: Sequence[Row], periods: Periods) -> float:
    """Overdispersion of the daily counts of the earlier period; its first and last day are partial and left out."""
    days: dict[Any, float] = {}
    for row in series:
        if row["bucket"] in periods.before:
            days[row["bucket"].date()] = days.get(row["bucket"].date(), 0.0) + float(row["value"] or 0.0)
    counts = list(days.values())
    return overdispersion(counts[1:-1] if len(counts) > SIBLINGS else counts)


def moved(by_dimension: Mapping[str, Sequence[Row]], quantity: Quantity, periods: Periods, spread: float) -> list[Slice]:
    """The slices that carry a change beyond chance, those of the most telling dimension first."""
    if quantity.agg not in ADDITIVE:
        return _apart(by_dimension)
    dimensions = []
    for name, rows in by_dimension.items():
        if name == WHOLE:
            continue
        now, before = (
            {str(r[name]): float(r[when] or 0.0) for r in rows if r[name] not in (None, "")} for when in ("now", "before")
        )
        if len(now) > 1:
            dimensions.append(explain(slices_of(name, now, before, scale=periods.scale, spread=spread)))
    limit = limit_of(sum(d.values for d in dimensions))
    return [s for d in rank_dimensions(dimensions) for s in d.slices if abs(s.z) >= limit]


def limit_of(looked_at: int) -> float:
    """Standard errors beyond which one of so many slices is no chance find."""
    return max(BEYOND_CHANCE, NormalDist().inv_cdf(1 - FALSE_SLICES / (2 * max(1, looked_at))))


def _apart(by_dimension: Mapping[str, Sequence[Row]]) -> list[Slice]:
    """Slices whose mean moved otherwise than their siblings' did: the siblings are the control group."""
    found: list[Slice] = []
    for name, rows in by_dimension.items():
        known = [
            r for r in rows if name != WHOLE and r[name] not in (None, "") and r["now"] is not None and r["before"] is not None
        ]
        if len(known) < SIBLINGS:
            continue
        deltas = np.array([float(r["now"]) - float(r["before"]) for r in known])
        usual = float(np.median(deltas))
        spread = MAD_TO_SD * float(np.median(np.abs(deltas - usual)))
        whole = float(np.sum(np.abs(deltas - usual)))
        for row, delta in zip(known, deltas, strict=True):
            level = abs(float(row["before"]))
            z = (delta - usual) / max(spread, LEAST_MOVE * level, 1e-9)
            if abs(z) >= APART:
                share = float(abs(delta - usual) / whole)
                found.append(Slice(name, str(row[name]), float(row["now"]), float(row["before"]), share, 0.0, float(z)))
    return sorted(found, key=lambda s: (DIMENSIONS.index(s.dimension), -abs(s.z)))


def narrowest(found: Sequence[Slice]) -> list[Slice]:
    """Of slices that are the same rows under several names (a site with one cluster), the narrowest; the order is kept."""
    kept: dict[tuple[float, float], Slice] = {}
    for part in found:
        key = (round(part.now, 6), round(part.before, 6))
        if key not in kept or DIMENSIONS.index(part.dimension) > DIMENSIONS.index(kept[key].dimension):
            kept[key] = part
    return list(kept.values())
