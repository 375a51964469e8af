"""Does a fault go with a driver: rates per GPU-day with and without it, within each GPU model, and on nodes that changed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from llo11ypop.agents.investigators.faults import fatal_where
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, listed, measure, said
from llo11ypop.analysis.counts import Ratio, rate_ratio

DEFAULT_WINDOW = timedelta(days=28)
SAMPLES_PER_DAY = 288
"""Five-minute rows of a GPU in a day."""
ENOUGH = 3.0
"""Events that must have been expected before 'no more than elsewhere' means anything (rule of three)."""
COLUMNS = (
    dimension("comparison"), measure("events", "node-days with it"), measure("gpu_days", "GPU-days"),
    measure("per_1000_gpu_days", "per 1,000 GPU-days", better="lower"), measure("other_events", "node-days elsewhere"),
    measure("other_gpu_days", "GPU-days elsewhere"), measure("other_per_1000", "per 1,000 GPU-days elsewhere", better="lower"),
    measure("rate_ratio", "rate ratio"), measure("low", "95 % from"), measure("high", "95 % to"), dimension("verdict"),
)  # fmt: skip


@dataclass(frozen=True)
class Rates:
    """Events and exposure by (driver, model, node)."""

    events: Mapping[tuple[str, str, str], float]
    """Node-days with an event."""
    gpu_days: Mapping[tuple[str, str, str], float]

    def drivers(self) -> list[str]:
        """Every driver seen."""
        return sorted({k[0] for k in self.gpu_days if k[0]})

    def of(self, keep: Any) -> tuple[float, float]:
        """(events, GPU-days) of the keys that a predicate keeps."""
        return sum(n for k, n in self.events.items() if keep(k)), sum(d for k, d in self.gpu_days.items() if keep(k))


async def tied_to(inquiry: Inquiry) -> Investigated:
    """Compare the rate of an XID between GPUs with a driver and all others. Few events give a wide interval, and 'unknown'."""
    code, driver = named_code(inquiry), named_driver(inquiry)
    what = f"XID {code}" if code else "fatal GPU events"
    rates = await read_rates(inquiry, f"kind = 'xid' and code = {code}" if code else fatal_where(inquiry.ground))
    known = rates.drivers()
    mine = matching(known, driver, inquiry)
    if not driver or not mine:
        table = [_by_driver(rates, d) for d in known]
        asked = f"no GPU ran a driver {driver}" if driver else "no driver is named"
        return inquiry.found(
            f"Unknown whether {what} goes with a driver: {asked}; drivers here are {listed(known, 8)}.", COLUMNS, table
        )
    rows = compare(rates, mine, f"driver {driver}")
    inquiry.note(
        "events are days on which a node logged it, so that repeats on one node and day count once; exposure is measured GPU-days"
    )
    inquiry.note("a rate ratio whose interval leaves out 1 is beyond chance; it is still a correlation")
    if not rows[0]["events"] and not rows[0]["other_events"]:
        return inquiry.found(f"There is no {what} at all in this window, with driver {driver} or without.", COLUMNS, rows)
    return inquiry.found(
        _sentence(what, f"driver {driver}", rows),
        COLUMNS,
        rows,
        _causes(rows, what),
        confident=rows[0]["verdict"] != "within chance",
    )


def named_code(inquiry: Inquiry) -> int | None:
    """The XID that a question names."""
    named = next(iter(inquiry.reading.scope.values("code")), None)
    found = re.search(r"\bxids?[ #]*(\d{1,3})", inquiry.reading.question.casefold())
    return int(float(named)) if named else int(found.group(1)) if found else None


def named_driver(inquiry: Inquiry) -> str | None:
    """The driver, or its branch, that a question names."""
    words = inquiry.reading.question.casefold()
    found = re.search(r"\b(\d{3}(?:\.\d+)*)(?:\.x)?\s+driver|driver\s+(?:version\s+)?(\d{3}(?:\.\d+)*)", words)
    named = inquiry.reading.scope.values("driver")
    return next(g for g in found.groups() if g) if found else listed(named) if named else None


def matching(known: Sequence[str], driver: str | None, inquiry: Inquiry) -> list[str]:
    """The drivers in use that the question means: those it filters for, else those of the branch it names."""
    named = inquiry.reading.scope.values("driver")
    return [d for d in known if (d in named if named else driver is not None and d.startswith(driver))]


async def read_rates(inquiry: Inquiry, where: str, window: Any = None) -> Rates:
    """Events and exposure by driver, model and node; the driver is the one at the time of the event."""
    span = inquiry.span(window or inquiry.window(DEFAULT_WINDOW))
    by = ["driver", "gpu_model", "node_id"]
    leave = ("code", "driver", "kind")
    events: dict[str, Any] = {
        "dataset": "gpu_events", "window": span, "where": inquiry.where("gpu_events", where, leave_out=leave), "by": by,
        "bucket": {"every": "1d"}, "measures": {"n": {"agg": "count"}},
    }  # fmt: skip
    exposure: dict[str, Any] = {
        "dataset": "gpu_metrics", "window": span, "where": inquiry.where("gpu_metrics", leave_out=leave), "by": by,
        "measures": {"n": {"agg": "count"}},
    }  # fmt: skip
    rows = await inquiry.ask({"events": events, "exposure": exposure})
    counted: dict[tuple[str, str, str], float] = {}
    for row in rows["events"]:
        key = (row["driver"] or "", row["gpu_model"] or "", row["node_id"] or "")
        counted[key] = counted.get(key, 0.0) + 1
    days = {(r["driver"] or "", r["gpu_model"] or "", r["node_id"] or ""): r["n"] / SAMPLES_PER_DAY for r in rows["exposure"]}
    return Rates(counted, days)


def compare(rates: Rates, mine: Sequence[str], name: str) -> list[Row]:
    """With against without over all, then within each model that has both, then on the nodes that changed over."""
    rows = [_row(name, rates, lambda k: k[0] in mine, lambda k: k[0] not in mine)]
    for model in sorted({k[1] for k in rates.gpu_days if k[0] in mine}):
        if any(k[1] == model and k[0] not in mine for k in rates.gpu_days):
            inside = lambda k, m=model: k[1] == m  # noqa: E731
            rows.append(
                _row(
                    f"{name}, {model} only",
                    rates,
                    lambda k, i=inside: i(k) and k[0] in mine,
                    lambda k, i=inside: i(k) and k[0] not in mine,
                )
            )
    changed = {k[2] for k in rates.gpu_days if k[0] in mine} & {k[2] for k in rates.gpu_days if k[0] not in mine}
    if changed:
        text = f"{name}, the same {count_of(len(changed), 'node')} with and without"
        rows.append(_row(text, rates, lambda k: k[2] in changed and k[0] in mine, lambda k: k[2] in changed and k[0] not in mine))
    return rows


def _row(name: str, rates: Rates, keep: Any, other: Any) -> Row:
    events, days = rates.of(keep)
    others, other_days = rates.of(other)
    ratio = rate_ratio(events, days, others, other_days)
    return {
        "comparison": name, "events": figure(events), "gpu_days": figure(days, 0), "per_1000_gpu_days": _per_1000(events, days),
        "other_events": figure(others), "other_gpu_days": figure(other_days, 0), "other_per_1000": _per_1000(others, other_days),
        "rate_ratio": figure(ratio.value if ratio else None, 2), "low": figure(ratio.low if ratio else None, 2),
        "high": figure(ratio.high if ratio else None, 2), "verdict": verdict_of(ratio, others, other_days, days),
    }  # fmt: skip


def verdict_of(ratio: Ratio | None, others: float, other_days: float, days: float) -> str:
    """'more', 'fewer', 'within chance', or 'too little' exposure to tell."""
    if ratio is None:
        return "too little"
    if ratio.beyond_chance:
        return "more" if ratio.low > 1 else "fewer"
    return "within chance" if other_days and days * others / other_days >= ENOUGH else "too little"


def _by_driver(rates: Rates, driver: str) -> Row:
    return _row(f"driver {driver}", rates, lambda k: k[0] == driver, lambda k: k[0] != driver)


def _per_1000(events: float, days: float) -> float | int | None:
    return figure(1000 * events / days, 2) if days else None


def _causes(rows: Sequence[Row], what: str) -> list[Cause]:
    first = rows[0]
    for_ = tuple(
        f"{r['comparison']}: {r['per_1000_gpu_days']} against {r['other_per_1000']}" for r in rows if r["verdict"] == "more"
    )
    against = tuple(f"{r['comparison']}: {r['verdict']}" for r in rows if r["verdict"] != "more")
    return [Cause(f"{first['comparison']} brings {what}", 0.8, for_, against)] if for_ else []


def _sentence(what: str, name: str, rows: Sequence[Row]) -> str:
    first = rows[0]
    lead = (
        f"{said(first['per_1000_gpu_days'])} node-days with {what} per 1,000 GPU-days with {name} "
        f"and {said(first['other_per_1000'])} without: "
        f"rate ratio {said(first['rate_ratio'])} ({said(first['low'])} to {said(first['high'])})"
    )
    held = [r for r in rows[1:] if r["verdict"] not in (first["verdict"], "too little")]
    doubt = f"; but not so in: {listed([str(r['comparison']) for r in held], 2)}" if held else ""
    verdict = {
        "more": f"Yes, {what} goes with {name}",
        "fewer": f"No, {what} is rarer with {name}",
        "within chance": f"No sign that {what} goes with {name}",
        "too little": f"Too few events to tell whether {what} goes with {name}",
    }[str(first["verdict"])]
    return f"{verdict}: {lead}{doubt}."
