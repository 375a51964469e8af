"""What moved with the temperature of GPUs: their power, which is load, and the air at their nodes, which is cooling."""

from collections.abc import Sequence
from dataclasses import dataclass

from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.periods import Periods
from llo11ypop.agents.investigators.tables import figure, said
from llo11ypop.language.scope import Quantity

TEMPERATURES = ("gpu_temp_c", "mem_temp_c")
"""Fields of `gpu_metrics` that follow load and air."""
POWER, AIR = "power of those GPUs", "air at their nodes"
LEAST_POWER = 0.1
"""Part of its level that power must have moved for load to speak (our assumption)."""
LEAST_AIR_C = 1.5
"""Degrees that the air must have moved for cooling to speak: a room swings by about one (our assumption)."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A mean before and now of something that bears on the measure."""

    name: str
    unit: str
    before: float | int
    now: float | int
    moved: bool
    """Whether it moved enough, and the same way as the measure, to speak for it."""

    @property
    def way(self) -> str:
        """'rose from 150 to 380 W'."""
        verb = "went" if not self.moved else "rose" if self.now > self.before else "fell"
        return f"{verb} from {said(self.before)} to {said(self.now)} {self.unit}"


async def alongside(inquiry: Inquiry, quantity: Quantity, periods: Periods, *, rising: bool) -> list[Beside]:
    """Power and air within the question's filters; nothing for measures that are no temperature, or what is not recorded."""
    if quantity.dataset != "gpu_metrics" or quantity.field not in TEMPERATURES:
        return []
    spans = {"now": inquiry.span(periods.now), "before": inquiry.span(periods.before)}
    wanted = {
        POWER: ("gpu_metrics", "power_w", ""),
        AIR: ("node_hw", "reading", "sensor_type = 'inlet_temp'"),
    }
    plans = {
        name: {
            "dataset": dataset, "window": inquiry.span(periods.outer), "where": inquiry.where(dataset, condition),
            "measures": {when: {"agg": "avg", "field": field, "over": over} for when, over in spans.items()},
        }
        for name, (dataset, field, condition) in wanted.items()
    }  # fmt: skip
    rows = await inquiry.ask(plans)
    found = []
    for name, unit in ((POWER, "W"), (AIR, "Cel")):
        row = next(iter(rows[name]), {})
        now, before = figure(row.get("now")), figure(row.get("before"))
        if now is not None and before is not None:
            delta = now - before if rising else before - now
            found.append(Beside(name, unit, before, now, delta >= (LEAST_POWER * before if name == POWER else LEAST_AIR_C)))
    return found


def load_or_cooling(found: Sequence[Beside]) -> str:
    """'…: that speaks for load, not for cooling'; empty where either is not recorded, or neither moved."""
    power, air = (next((b for b in found if b.name == name), None) for name in (POWER, AIR))
    if power is None or air is None or not (power.moved or air.moved):
        return ""
    both = f"the {power.name} {power.way} and the {air.name} {air.way}"
    if power.moved and air.moved:
        return f"{both}: that speaks for load and for cooling"
    return f"{both}: that speaks for {'load, not for cooling' if power.moved else 'cooling, not for load'}"
