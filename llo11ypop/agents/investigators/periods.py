"""Which earlier span a change is held against: the asked one, the one before, or the window's own beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from llo11ypop.agents.investigators.inquiry import DAY, HOUR, Inquiry, rows_of
from llo11ypop.agents.investigators.tables import Row
from llo11ypop.analysis.change_point import changes, strongest
from llo11ypop.core.window import Window
from llo11ypop.language.scope import Quantity

DEFAULT_WINDOW = timedelta(days=7)
LONGEST = timedelta(days=399)
"""As far back as a plan may look."""
LEAST_BASELINE = 0.25
"""Share of the earlier window that telemetry must cover; else the window is held against its own beginning (our assumption)."""
HOURLY_UP_TO = 10 * DAY
ADDITIVE = frozenset({"count", "sum", "count_distinct", "increase"})
"""Aggregates whose values over parts add up to the whole (distinct counts nearly)."""
FEWER = ("fewer", "less", "drop", "fell", "decreas", "lower", "improv")


@dataclass(frozen=True, slots=True)
class Periods:
    """The two spans that are compared."""

    now: Window
    before: Window
    note: str = ""
    """Why another baseline than the asked one is used; empty when it is."""
    own: str = ""
    """Which parts of the asked window are compared, where nothing was recorded before it: 'first and second half'."""

    @property
    def scale(self) -> float:
        """Length of now over that of before."""
        return (self.now.end - self.now.start) / (self.before.end - self.before.start)

    @property
    def outer(self) -> Window:
        """Both, and what lies between."""
        return Window(min(self.now.start, self.before.start), self.now.end)


def aggregate(quantity: Quantity) -> dict[str, Any]:
    """The quantity's measure; what does not add up over parts is looked at as a mean."""
    agg = quantity.agg if quantity.agg in ADDITIVE else "avg"
    return {"agg": agg, "field": quantity.field} if agg != "count" else {"agg": "count"}


async def read_series(inquiry: Inquiry, quantity: Quantity) -> list[Row]:
    """The measure by hour or day (`bucket`, `value`), from the baseline's start to the window's end, in order."""
    window, compare = inquiry.window(DEFAULT_WINDOW), inquiry.reading.scope.compare
    start = min(compare.start_at if compare else window.before().start, window.start)
    plans: dict[str, dict[str, Any]] = {
        "over time": {
            "dataset": quantity.dataset, "window": inquiry.span(Window(start, window.end)),
            "bucket": {"every": "1h" if window.end - start <= HOURLY_UP_TO else "1d"},
            "where": inquiry.where(quantity.dataset, quantity.where), "measures": {"value": aggregate(quantity)},
        },
        "telemetry begins": {
            "dataset": quantity.dataset, "window": {"start": LONGEST},
            "measures": {"first_at": {"agg": "min", "field": inquiry.ground.catalog.dataset(quantity.dataset).time}},
        },
    }  # fmt: skip
    rows = await inquiry.ask(plans)
    return sorted(rows["over time"], key=lambda r: r["bucket"])


def choose_periods(inquiry: Inquiry, series: Sequence[Row]) -> Periods | None:
    """The asked window against the asked or preceding one; against its own calmer part where that was not recorded.

    None when there is nothing to compare with.
    """
    window, compare = inquiry.window(DEFAULT_WINDOW), inquiry.reading.scope.compare
    asked = compare is not None and compare.start_at < window.start
    before = Window(compare.start_at, min(compare.end_at, window.start)) if compare and asked else window.before()
    begins = next((r["first_at"] for r in rows_of(inquiry.last["telemetry begins"]) if r["first_at"]), None)
    if begins is None:
        return None
    known = max(before.start, begins)
    if before.end - known >= LEAST_BASELINE * (before.end - before.start):
        cut = f"telemetry begins on {known:%Y-%m-%d}, so the earlier period is shorter" if known - before.start > HOUR else ""
        return Periods(window, Window(known, before.end), cut)
    start = max(window.start, begins)
    turn = _turn([r for r in series if r["bucket"] >= start], inquiry.reading.question)
    middle = turn or start + (window.end - start) / 2
    if middle - start < HOUR or window.end - middle < HOUR:
        return None
    how = "before and after its change" if turn else "its first and second half, for no change of level stands out"
    note = f"nothing was recorded before {start:%Y-%m-%d}: the period is compared with itself, {how}"
    return Periods(Window(middle, window.end), Window(start, middle), note, how.partition(",")[0])


def _turn(series: Sequence[Row], question: str) -> datetime | None:
    """The start of the strongest new level in the asked direction."""
    falling = any(word in question.casefold() for word in FEWER)
    values = np.sqrt(np.array([max(0.0, float(r["value"] or 0.0)) for r in series]))
    best = strongest(changes(values), rising=not falling)
    return series[best.index]["bucket"] if best is not None else None
