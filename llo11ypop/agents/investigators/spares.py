"""Where spare GPUs do most good: each next one goes where the chance of running out before the next delivery falls most."""

import math
import re
from collections.abc import Sequence
from typing import Any

from llo11ypop.agents.investigators.faults import LONGEST, begin_of, nodes_plan
from llo11ypop.agents.investigators.inquiry import DAY, Inquiry
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, dimension, figure, measure, said
from llo11ypop.analysis.counts import poisson_tail
from llo11ypop.core.window import Window

DEFAULT_COUNT = 50
DEFAULT_LEAD_DAYS = 60.0
"""Where no lead time is recorded (our assumption, about what the parts in stock lists say)."""
PRIOR_GPU_DAYS = 20_000.0
"""Weight of the fleet's own replacement rate in each place's, in GPU-days (our assumption): few swaps prove little."""
SWAP_RATE = 0.01 / 30
"""Replacements per GPU and day where none was recorded at all: 1 % a month (our assumption)."""
COLUMNS = (
    measure("rank"),
    dimension("site"),
    dimension("cluster"),
    dimension("gpu_model", "model"),
    measure("gpus"),
    measure("swaps", "GPUs replaced", better="lower"),
    measure("demand", "expected demand until delivery", better="lower"),
    measure("lead_time_days", "lead time", "d", "lower"),
    measure("in_stock", "in stock, all sites"),
    measure("spares", "spares to put here"),
    measure("short_before_pct", "chance to run out without", "%", "lower"),
    measure("short_after_pct", "chance to run out with", "%", "lower"),
)


async def spares(inquiry: Inquiry) -> Investigated:
    """Distribute spare GPUs over clusters by expected demand during the lead time of their model."""
    count = inquiry.reading.scope.top or _number(inquiry.reading.question)
    begins = await begin_of(inquiry)
    days = max(1.0, (inquiry.at - begins) / DAY)
    swaps = {
        "dataset": "parts_replacements", "window": inquiry.span(Window(begins, inquiry.at)), "where": "part_type = 'gpu'",
        "by": ["node_id"], "measures": {"n": {"agg": "count"}},
    }  # fmt: skip
    stock: dict[str, Any] = {
        "dataset": "supply_chain", "window": LONGEST, "where": "part_type = 'gpu'", "by": ["part_no", "description"],
        "measures": {n: {"agg": "last", "field": n} for n in ("stock_on_hand", "on_order", "lead_time_days")},
    }  # fmt: skip
    rows = await inquiry.ask({"nodes": nodes_plan(inquiry), "gpus replaced": swaps, "gpu stock": stock})
    places = _places(rows["nodes"], rows["gpus replaced"], rows["gpu stock"], days)
    if not places:
        return inquiry.found("Nothing to recommend: no cluster is listed.", COLUMNS, [])
    distribute(places, count)
    inquiry.note(f"demand: replacements since {begins:%Y-%m-%d} (few, so drawn to the fleet's rate) × lead time of the model")
    inquiry.note(
        f"{count} spares, each where the chance of running out before the next delivery falls most; it fits its own model only"
    )
    ranked = sorted(places, key=lambda r: (-r["spares"], -r["demand"], r["cluster"]))
    table = [{"rank": n, **_shown(r)} for n, r in enumerate(ranked, start=1)]
    causes = [
        Cause(str(r["cluster"]), r["spares"] / count, (f"{r['demand']} expected, {r['swaps']} replaced",)) for r in table[:3]
    ]
    return inquiry.found(_sentence(table, count), COLUMNS, table, causes)


def _number(question: str) -> int:
    found = re.search(r"\b(\d{1,5})\b", question)
    return int(found.group(1)) if found else DEFAULT_COUNT


def _places(nodes: Sequence[Row], swaps: Sequence[Row], stock: Sequence[Row], days: float) -> list[Row]:
    by_node = {r["node_id"]: r["n"] for r in swaps}
    places: dict[str, Row] = {}
    for node in nodes:
        here = places.setdefault(
            node["cluster"],
            {
                "cluster": node["cluster"],
                "site": node["site"],
                "gpu_model": node["gpu_model"],
                "gpus": 0,
                "swaps": 0,
                "spares": 0,
            },
        )
        here["gpus"] += node["gpu_count"] or 0
        here["swaps"] += by_node.get(node["node_id"], 0)
    whole = sum(p["gpus"] for p in places.values()) * days
    rate = sum(p["swaps"] for p in places.values()) / whole if whole and by_node else SWAP_RATE
    for place in places.values():
        shelf = _shelf(place["gpu_model"], stock)
        lead = shelf["lead_time_days"] if shelf and shelf["lead_time_days"] else DEFAULT_LEAD_DAYS
        exposure = place["gpus"] * days
        own = (place["swaps"] + rate * PRIOR_GPU_DAYS) / (exposure + PRIOR_GPU_DAYS)
        place |= {
            "lead_time_days": lead,
            "demand": own * place["gpus"] * lead,
            "in_stock": shelf["stock_on_hand"] if shelf else None,
        }
    return list(places.values())


def _shelf(model: str | None, stock: Sequence[Row]) -> Row | None:
    """The stock of a GPU model: the part whose description shares the model's number."""
    known = set(re.findall(r"[A-Z]+\d{2,4}", (model or "").upper()))
    return next((s for s in stock if known & set(re.findall(r"[A-Z]+\d{2,4}", (s["description"] or "").upper()))), None)


def distribute(places: Sequence[Row], count: int) -> None:
    """Give each spare to the place where the expected shortage falls most; ties to the larger demand, then the name."""
    for _ in range(count):
        best = max(places, key=lambda p: (poisson_tail(p["spares"] + 1, p["demand"]), p["demand"], p["cluster"]))
        best["spares"] += 1


def _shown(place: Row) -> Row:
    return {
        **place, "demand": figure(place["demand"]), "lead_time_days": figure(place["lead_time_days"], 0),
        "short_before_pct": figure(100 * -math.expm1(-place["demand"])),
        "short_after_pct": figure(100 * poisson_tail(place["spares"] + 1, place["demand"])),
    }  # fmt: skip


def _sentence(rows: Sequence[Row], count: int) -> str:
    parts = [f"{said(r['spares'])} to {r['cluster']} in {r['site']} ({said(r['demand'])} expected)" for r in rows if r["spares"]]
    return f"Recommended for {count} spare GPUs: {', '.join(parts)}."
