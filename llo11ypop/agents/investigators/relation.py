"""Do two measures move together: hour by hour within each cluster, at which lag, and beyond what other clusters do alike."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.agents.investigators.inquiry import HOUR, Inquiry
from llo11ypop.agents.investigators.periods import aggregate
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, dimension, figure, measure, said
from llo11ypop.analysis.correlation import beyond_control, correlate, lagged
from llo11ypop.analysis.counts import normal_tail
from llo11ypop.core.errors import UnknownNameError
from llo11ypop.core.window import Window
from llo11ypop.language.scope import Quantity

DEFAULT_WINDOW = timedelta(days=7)
MAX_LAG = 3
MOST_HOURS = 1000
SURE = 0.01
CLEAR_R = 0.3
"""Correlation from which two measures are said to move together (our assumption; below lies what nobody would see in a chart)."""
DURATION = Quantity("duration_s", "checkpoint duration", "checkpoints", "avg", "duration_s", "kind = 'save'", unit="s")
BANDWIDTH = Quantity("write_bps", "write bandwidth", "fs_metrics", "avg", "write_bps", "role = 'server'", unit="By/s")
COLUMNS = (
    dimension("cluster"), measure("r", "rank correlation"), measure("p", "chance of such without relation"),
    measure("hours", "hours with both"), measure("best_r", "strongest"), measure("lag_h", "first leads by", "h"),
    measure("beyond_r", "beyond other clusters"), dimension("verdict"),
)  # fmt: skip

Series = NDArray[np.float64]


async def relation(inquiry: Inquiry) -> Investigated:
    """Correlate two measures by hour and cluster. A correlation, never a cause."""
    first, second = _pair(inquiry)
    window = inquiry.window(DEFAULT_WINDOW)
    hours = max(1, math.ceil((window.end - window.start) / HOUR / MOST_HOURS))
    rows = await inquiry.ask({n: _plan(inquiry, q, window, hours) for n, q in (("first", first), ("second", second))})
    one, two = (_by_cluster(rows[n], window, hours) for n in ("first", "second"))
    clusters = sorted(set(one) & set(two))
    table = [_judge(c, one, two) for c in clusters]
    known = [r for r in table if r["r"] is not None]
    inquiry.note(f"means by {hours} h; chance corrected for the series' own inertia; a correlation is no proof of a cause")
    if not known:
        return inquiry.found(f"Unknown: {first.label} and {second.label} have too few hours in common.", COLUMNS, table)
    whole = _pooled(known)
    ranked = [whole, *sorted(table, key=lambda r: -abs(r["r"] or 0.0))]
    related = whole["verdict"] != "no clear relation"
    causes = (
        [Cause(f"{first.label} and {second.label}", abs(whole["r"]), (f"r = {whole['r']}",), ("correlation only",))]
        if related
        else []
    )
    return inquiry.found(_sentence(first, second, whole, known), COLUMNS, ranked, causes, confident=True)


def _pair(inquiry: Inquiry) -> tuple[Quantity, Quantity]:
    asked = [m for m in inquiry.reading.scope.measures if m.dataset and not m.recipe]
    if len(asked) > 1:
        return asked[0], asked[1]
    if asked and asked[0].dataset != "checkpoints":
        return asked[0], DURATION
    return (asked[0] if asked else DURATION), BANDWIDTH


def _plan(inquiry: Inquiry, quantity: Quantity, window: Window, hours: int) -> dict[str, Any]:
    by = ["cluster"]
    try:
        inquiry.ground.catalog.route(quantity.dataset, "cluster")
    except UnknownNameError:
        by = []
    return {
        "dataset": quantity.dataset,
        "window": inquiry.span(window),
        "where": inquiry.where(quantity.dataset, quantity.where),
        "by": by,
        "bucket": {"every": timedelta(hours=hours)},
        "measures": {"value": aggregate(quantity)},
    }


def _by_cluster(rows: Sequence[Row], window: Window, hours: int) -> dict[str, Series]:
    """Cluster → values on a common grid of steps; NaN where there is none."""
    size = math.ceil((window.end - window.start) / (hours * HOUR)) + 1
    origin: datetime = min((r["bucket"] for r in rows), default=window.start)
    step = hours * HOUR
    start = origin - math.floor((origin - window.start) / step) * step
    found: dict[str, Series] = {}
    for row in rows:
        series = found.setdefault(str(row.get("cluster", "all")), np.full(size + 1, np.nan))
        index = round((row["bucket"] - start) / step)
        if 0 <= index < len(series) and row["value"] is not None:
            series[index] = float(row["value"])
    return found


def _judge(cluster: str, one: dict[str, Series], two: dict[str, Series]) -> Row:
    x, y = one[cluster], two[cluster]
    plain, best = correlate(x, y), lagged(x, y, MAX_LAG)
    others = [s for name, s in two.items() if name != cluster]
    free = beyond_control(x, y, _mean(others)) if others else None
    row: Row = {"cluster": cluster, "r": None}
    if plain is None:
        return row | {"verdict": "too few hours"}
    clear = plain.p < SURE and abs(plain.r) >= CLEAR_R
    return row | {
        "r": figure(plain.r, 2), "p": figure(plain.p, 3), "hours": plain.n, "best_r": figure(best.r if best else None, 2),
        "lag_h": best.lag if best else None, "beyond_r": figure(free.r if free else None, 2),
        "verdict": ("rise together" if plain.r > 0 else "one rises as the other falls") if clear else "no clear relation",
    }  # fmt: skip


def _mean(series: Sequence[Series]) -> Series:
    stacked = np.vstack(series)
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), dtype=np.float64)


def _pooled(rows: Sequence[Row]) -> Row:
    """All clusters together: Fisher's z weighted by hours; the chance by the clusters' own."""
    weight = np.array([max(1, r["hours"] - 3) for r in rows], dtype=float)
    z = np.array([math.atanh(max(-0.999, min(0.999, r["r"]))) for r in rows])
    r = math.tanh(float((weight * z).sum() / weight.sum()))
    tails = [max(1e-12, row["p"] / 2) * (1 if row["r"] * r >= 0 else -1) for row in rows]
    score = sum(_quantile(abs(t)) * (1 if t > 0 else -1) for t in tails) / math.sqrt(len(tails))
    p = min(1.0, 2 * normal_tail(score)) if score > 0 else 1.0
    clear = p < SURE and abs(r) >= CLEAR_R
    way = "rise together" if r > 0 else "one rises as the other falls"
    return {
        "cluster": "all", "r": figure(r, 2), "p": figure(p, 3), "hours": int(sum(row["hours"] for row in rows)),
        "verdict": way if clear else "no clear relation",
    }  # fmt: skip


def _quantile(tail: float) -> float:
    """The normal value with this chance above it, by bisection."""
    low, high = -9.0, 9.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if normal_tail(middle) > tail else (low, middle)
    return (low + high) / 2


def _sentence(first: Quantity, second: Quantity, whole: Row, rows: Sequence[Row]) -> str:
    names = f"{first.label} and {second.label}"
    numbers = f"r = {said(whole['r'])} over {said(whole['hours'])} hours"
    strongest = max(rows, key=lambda r: abs(r["r"]))
    at = f"; strongest in {strongest['cluster']} (r = {said(strongest['r'])})" if len(rows) > 1 else ""
    if whole["verdict"] == "no clear relation":
        return f"There is no clear relation between {names}: {numbers}{at}."
    how = "rise and fall together" if whole["r"] > 0 else "move against each other"
    return f"{names[:1].upper()}{names[1:]} {how}: {numbers}{at}; a correlation, not a cause."
