"""Is a new driver safe to roll out: fatal events on the nodes that have it, against the others and against themselves before."""

from collections.abc import Sequence
from datetime import timedelta

from llo11ypop.agents.investigators.faults import fatal_where
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, figure, listed, said
from llo11ypop.agents.investigators.tied_to import COLUMNS, compare, matching, named_driver, read_rates
from llo11ypop.core.window import Window

LOOK_BACK = timedelta(days=28)
ENOUGH_GPU_DAYS = 1000.0
"""Exposure from which 'nothing seen' begins to mean something: at 0.5 faults per 1,000 GPU-days (Llama 3) less would show nothing
(our assumption)."""


async def rollout(inquiry: Inquiry) -> Investigated:
    """Judge the newest driver, or the one that is named."""
    window = inquiry.window(LOOK_BACK)
    rates = await read_rates(inquiry, fatal_where(inquiry.ground), window)
    named = named_driver(inquiry)
    new = matching(rates.drivers(), named, inquiry) or await _newest(inquiry, window)
    if not new:
        inquiry.note(f"drivers here: {listed(rates.drivers(), 8)}; none was installed in this window")
        return inquiry.found("Unknown: no driver was rolled out in this window, so there is nothing to judge.", COLUMNS, [])
    name = f"driver {listed(new)}"
    rows = compare(rates, new, name)
    nodes = {k[2] for k in rates.gpu_days if k[0] in new}
    total = {k[2] for k in rates.gpu_days}
    inquiry.note(f"{name} runs on {len(nodes)} of {len(total)} nodes; events are days on which a node logged a fatal XID or SXID")
    inquiry.note("staged evidence: go on only to a next wave, and hold when a wave has more events than the others")
    worse = [r for r in rows if r["verdict"] == "more"]
    causes = (
        [Cause(f"{name} brings fatal GPU events", 0.8, tuple(f"{r['comparison']}: ratio {r['rate_ratio']}" for r in worse))]
        if worse
        else []
    )
    return inquiry.found(_sentence(name, rows, bool(worse)), COLUMNS, rows, causes, confident=bool(worse))


async def _newest(inquiry: Inquiry, window: Window) -> list[str]:
    """Drivers that appeared in the window on nodes that ran another one before."""
    plan = {
        "dataset": "gpu_metrics",
        "window": inquiry.span(window),
        "by": ["node_id", "driver"],
        "measures": {"first_at": {"agg": "min", "field": "ts"}, "last_at": {"agg": "max", "field": "ts"}},
    }
    rows = (await inquiry.ask({"driver changes": plan}))["driver changes"]
    earliest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda r: r["first_at"]):
        earliest.setdefault(row["node_id"], row)
    changed = [r for r in rows if r["driver"] and r["driver"] != earliest[r["node_id"]]["driver"]]
    if not changed:
        return []
    latest = max(changed, key=lambda r: (r["first_at"], r["driver"]))
    return [latest["driver"]]


def _sentence(name: str, rows: Sequence[Row], worse: bool) -> str:
    first = rows[0]
    seen = (
        f"{said(first['per_1000_gpu_days'])} node-days with a fatal event per 1,000 GPU-days with it, "
        f"{said(first['other_per_1000'])} without "
        f"(rate ratio {said(first['rate_ratio'])}, {said(first['low'])} to {said(first['high'])})"
    )
    if worse:
        return f"No, hold {name}: {seen}."
    if figure(first["gpu_days"]) is None or first["gpu_days"] < ENOUGH_GPU_DAYS or first["verdict"] == "too little":
        return f"Too early to say whether {name} is safe everywhere: {seen}; stage it further."
    return f"No sign against {name} so far: {seen}; go on to the next wave, not everywhere at once."
