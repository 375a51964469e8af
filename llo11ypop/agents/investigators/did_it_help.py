"""Did the work help: temperatures before and after it, on the racks it touched against comparable racks it did not touch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.agents.investigators.inquiry import DAY, HOUR, Inquiry
from llo11ypop.agents.investigators.planned import Calendar, Work, planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, listed, measure, minute, said
from llo11ypop.analysis.intervention import Effect, difference_in_differences
from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window

DEFAULT_WINDOW = timedelta(days=14)
SIDE = 2 * DAY
"""How long before and after the work is compared: whole days, so that day and night weigh the same."""
LEAST = 3 * HOUR
"""Less time after the work says nothing (our assumption)."""
INDEPENDENT_HOURS = 6.0
"""Hours of temperature that are worth one independent reading (our assumption, for the slow swing of a room)."""
WORDS = {
    "cool": ("cooling",),
    "power": ("power",),
    "upgrade": ("upgrade",),
    "driver": ("upgrade", "change"),
    "test": ("test", "stress_test"),
}
"""Word of a question → kinds of work in the calendar."""
MEASURES = {
    "inlet": ("facility_env", "inlet_c", "unit_kind = 'rack'", "cold-side temperature", "Cel"),
    "gpu": ("gpu_metrics", "gpu_temp_c", "gpu_util_pct > 30", "temperature of busy GPUs", "Cel"),
}
LOAD = ("gpu_metrics", "power_w", "gpu_util_pct >= 0", "", "W")
ROOM_WORK = ("cooling", "power")
"""Work that changes temperatures however wide it is."""
ROOM = (Level.RACK, Level.ROW)
"""Scopes where any work may: an upgrade of a cluster's software does not."""
ENOUGH = 3
"""Control racks, and points of a slope, below which there is nothing to compare with."""
Values = NDArray[np.float64]
COLUMNS = (
    dimension("what"),
    dimension("rack"),
    dimension("group"),
    measure("before"),
    measure("after"),
    measure("change"),
    measure("load_change_w", "change of GPU power", "W"),
    measure("adjusted", "change at equal load"),
    measure("low", "95 % from"),
    measure("high", "95 % to"),
    dimension("unit"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One piece of work and what is compared."""

    works: tuple[Work, ...]
    racks: frozenset[str]
    before: Window
    after: Window


async def did_it_help(inquiry: Inquiry) -> Investigated:
    """Find the work in the calendar, and compare. Says so when the calendar has none, or when too little time has passed."""
    window = inquiry.window(DEFAULT_WINDOW)
    calendar = await planned_work(inquiry, window)
    kinds = asked_kinds(inquiry.reading.question)
    trial = _trial(inquiry, calendar, kinds)
    what = listed(sorted(kinds)) + " work" if kinds else "work"
    if trial is None:
        others = [str(w) for w in calendar.works[:5]]
        inquiry.note(
            f"in the calendar for {minute(window.start)} to {minute(window.end)}: {', '.join(others) if others else 'nothing'}"
        )
        return inquiry.found(
            f"The maintenance calendar has no {what} in this window, so there is no effect to measure.", COLUMNS, []
        )
    if trial.after.end - trial.after.start < LEAST:
        inquiry.note(f"the {what} ended at {minute(trial.after.start)}")
        return inquiry.found(f"Too early to tell: the {what} has only just ended.", COLUMNS, [])
    rows = await inquiry.ask(_plans(inquiry, trial))
    around = await planned_work(inquiry, Window(trial.before.start, trial.after.end))
    control = comparable(inquiry, trial, around)
    table: list[Row] = []
    effects: dict[str, Effect] = {}
    for name, (_, _, _, label, unit) in MEASURES.items():
        effect, lines = _judge(name, rows[name], rows["load"], trial, control)
        if effect is not None:
            effects[name] = effect
            table += [_effect_row(label, unit, effect), *lines]
    _notes(inquiry, trial)
    if not effects:
        return inquiry.found(
            f"Unknown whether the {what} helped: its racks reported no temperature before and after.", COLUMNS, []
        )
    best = effects.get("inlet") or next(iter(effects.values()))
    causes = [_cause(str(w), best) for w in trial.works[:1]]
    return inquiry.found(_sentence(what, trial, table), COLUMNS, table, causes, confident=best.beyond_chance)


def asked_kinds(question: str) -> frozenset[str]:
    """The kinds of work that a question names; empty for any."""
    return frozenset(kind for word, kinds in WORDS.items() if word in question.casefold() for kind in kinds)


def _trial(inquiry: Inquiry, calendar: Calendar, kinds: frozenset[str]) -> Trial | None:
    """The latest work that fits, with what overlaps it."""
    named = {i for level, i in inquiry.reading.scope.entities if level in ("rack", "row", "cluster", "site")}
    fitting = [w for w in calendar.works if (not kinds or w.kind in kinds) and (not named or w.scope.id in named)]
    works = [w for w in fitting if w.span.end <= inquiry.at]
    if not works:
        return None
    last = max(works, key=lambda w: w.span.end)
    mine = tuple(w for w in works if w.span.overlaps(last.span))
    racks = {rack for w in mine for rack in _racks(w, inquiry)}
    start, end = min(w.span.start for w in mine), max(w.span.end for w in mine)
    before, after = sides(start, end, inquiry.at)
    return Trial(mine, frozenset(racks), before, after) if racks else None


def _racks(work: Work, inquiry: Inquiry) -> list[str]:
    topology = inquiry.ground.topology
    return [e.id for e in topology.descendants(work.scope) | topology.ancestors(work.scope) if e.level is Level.RACK]


def sides(start: datetime, end: datetime, at: datetime) -> tuple[Window, Window]:
    """(before, after) of work: whole days of equal length, or, within the first day, the same hours of an earlier day."""
    left = min(SIDE, at - end)
    if left >= DAY:
        left = DAY * (left // DAY)
        return Window(start - left, start), Window(end, end + left)
    after = Window(end, max(end, at))
    back = DAY * math.ceil((after.end - start) / DAY)
    return Window(after.start - back, after.end - back), after


def comparable(inquiry: Inquiry, trial: Trial, calendar: Calendar) -> frozenset[str]:
    """Racks without planned work: of the same clusters when there are enough, else of the same sites, else all."""
    topology = inquiry.ground.topology
    busy = {r for w in calendar.works if w.kind in ROOM_WORK or w.scope.level in ROOM for r in _racks(w, inquiry)}
    every = {e.id for e in topology.parents if e.level is Level.RACK} - busy - trial.racks
    for level in (Level.CLUSTER, Level.SITE):
        homes = {p for r in trial.racks for p in topology.at_level(Entity(Level.RACK, r), level)}
        near = {r for r in every if homes & set(topology.at_level(Entity(Level.RACK, r), level))}
        if len(near) >= ENOUGH:
            inquiry.note(f"control group: {count_of(len(near), 'rack')} of the same {level} without planned work")
            return frozenset(near)
    inquiry.note(f"control group: all {count_of(len(every), 'rack')} without planned work, which may have had other weather")
    return frozenset(every)


def _plans(inquiry: Inquiry, trial: Trial) -> dict[str, Any]:
    outer = inquiry.span(Window(trial.before.start, trial.after.end))
    spans = {"before": inquiry.span(trial.before), "after": inquiry.span(trial.after)}
    plans: dict[str, Any] = {}
    for name, (dataset, field, where, _, _) in {**MEASURES, "load": LOAD}.items():
        measures = {
            f"{stat}_{side}": {"agg": agg, "field": field, "over": over}
            for side, over in spans.items()
            for stat, agg in (("mean", "avg"), ("sd", "stddev"))
        }
        plans[name] = {"dataset": dataset, "window": outer, "where": where, "by": ["rack"], "measures": measures}
    return plans


def _judge(
    name: str, rows: Sequence[Row], load: Sequence[Row], trial: Trial, control: frozenset[str]
) -> tuple[Effect | None, list[Row]]:
    """Effect and a row per rack. Temperatures of GPUs are taken at equal load; the cold side does not follow it."""
    label, unit = MEASURES[name][3:]
    known = [r for r in _both(rows) if r["rack"] in trial.racks or r["rack"] in control]
    if not any(r["rack"] in trial.racks for r in known):
        return None, []
    power = {r["rack"]: r["mean_after"] - r["mean_before"] for r in _both(load)}
    change = np.array([r["mean_after"] - r["mean_before"] for r in known])
    drive = np.array([power.get(r["rack"], math.nan) for r in known])
    treated = np.array([r["rack"] in trial.racks for r in known])
    adjusted = at_equal_load(change, drive, treated) if name == "gpu" else change
    noise = float(np.median([_error(r, trial) for r in known]))
    effect = difference_in_differences(adjusted[treated], adjusted[~treated], noise=noise)
    lines = [
        {
            "what": label, "rack": r["rack"], "group": "worked on" if t else "control", "before": figure(r["mean_before"], 2),
            "after": figure(r["mean_after"], 2), "change": figure(c, 2), "load_change_w": figure(power.get(r["rack"]), 0),
            "adjusted": figure(a, 2), "unit": unit,
        }
        for r, t, c, a in zip(known, treated, change, adjusted, strict=True)
    ]  # fmt: skip
    return effect, sorted(lines, key=lambda line: (line["group"] != "worked on", str(line["rack"])))


def _both(rows: Sequence[Row]) -> list[Row]:
    """Rows of racks that were measured on both sides."""
    return [r for r in rows if r["rack"] and r["mean_before"] is not None and r["mean_after"] is not None]


def at_equal_load(change: Values, drive: Values, treated: NDArray[np.bool_]) -> Values:
    """Changes without what load explains; the slope is learnt on the control racks only, so that it holds none of the effect."""
    control = ~treated & np.isfinite(drive)
    if int(control.sum()) <= ENOUGH or float(np.ptp(drive[control])) == 0:
        return change
    span = drive[control] - drive[control].mean()
    slope = float(np.dot(span, change[control]) / np.dot(span, span))
    return np.asarray(np.where(np.isfinite(drive), change - slope * (drive - drive[control].mean()), change), dtype=np.float64)


def _error(row: Row, trial: Trial) -> float:
    """Standard error of one rack's change."""
    total = 0.0
    for side, window in (("before", trial.before), ("after", trial.after)):
        readings = max(1.0, (window.end - window.start) / HOUR / INDEPENDENT_HOURS)
        total += (row[f"sd_{side}"] or 0.0) ** 2 / readings
    return math.sqrt(total)


def _effect_row(label: str, unit: str, effect: Effect) -> Row:
    return {
        "what": f"effect on {label}", "rack": "all", "group": f"{effect.treated_units} worked on, {effect.control_units} control",
        "before": figure(effect.control, 2), "after": figure(effect.treated, 2), "change": figure(effect.value, 2),
        "low": _bounded(effect.low), "high": _bounded(effect.high), "unit": unit,
    }  # fmt: skip


def _bounded(value: float) -> float | int | None:
    return figure(value, 2) if math.isfinite(value) else None


def _notes(inquiry: Inquiry, trial: Trial) -> None:
    works = ", ".join(str(w) for w in trial.works)
    inquiry.note(f"work: {works}, to {minute(trial.after.start)}, itself left out")
    inquiry.note(f"before: {minute(trial.before.start)} to {minute(trial.before.end)}; after: to {minute(trial.after.end)}")
    inquiry.note(
        "in the rows of an effect, 'after' is the mean change of the racks worked on and 'before' that of the control group"
    )
    inquiry.note(
        "outside temperature is not recorded; the control group stands for it; GPU temperatures are taken at equal power"
    )


def _cause(name: str, effect: Effect) -> Cause:
    reach = "" if math.isinf(effect.high) else f" ({effect.low:.2f} to {effect.high:.2f})"
    text = f"{effect.value:+.2f}{reach} beyond the control group"
    return Cause(name, 0.8 if effect.beyond_chance else 0.2, (text,), () if effect.beyond_chance else ("within chance",))


def _sentence(what: str, trial: Trial, table: Sequence[Row]) -> str:
    first = table[0]
    scope = f"on {count_of(len(trial.racks), 'rack')}"
    if first["low"] is None or first["high"] is None:
        moved = f"a difference of {said(first['change'])} {first['unit']}"
        return f"Unknown whether the {what} {scope} helped: too few racks to tell {moved} from chance."
    numbers = (
        f"{first['what'].removeprefix('effect on ')} changed by {said(first['after'])} {first['unit']} where it was done and by "
        f"{said(first['before'])} elsewhere, a difference of {said(first['change'])} "
        f"({said(first['low'])} to {said(first['high'])})"
    )
    if first["high"] < 0:
        return f"Yes, the {what} {scope} helped: {numbers}."
    if first["low"] > 0:
        return f"No, it got warmer after the {what} {scope}: {numbers}."
    seen = figure((first["high"] - first["low"]) / 2, 1)
    return (
        f"No effect beyond chance of the {what} {scope}: {numbers}; one under about {said(seen)} {first['unit']} would not show."
    )
