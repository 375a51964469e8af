"""A metric goal: what to measure, which way it should move, and how far.

The plans are held by key and handed to a telemetry store as they are; the core knows nothing of how they are carried out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.vocabulary import Area


class Direction(StrEnum):
    """Which way is better."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Goal:
    """One metric with its target. Value, baseline and target are in `unit`."""

    id: str
    title: str
    definition: str
    """States what is counted, over what, and what is left out: part of every answer that quotes the value."""
    value: str
    """Column of the result that is the value."""
    direction: Direction
    target: float | None
    """None where nobody has published one: the goal is watched for drift only."""
    unit: str
    window: timedelta
    cadence: timedelta
    """How often it needs to be measured."""
    owner: str
    """Role that answers for it."""
    areas: tuple[Area, ...]
    slices: tuple[str, ...]
    """Dimensions by which it is also measured."""
    proposals_per_day: int
    """Most proposals a day that may be filed on its behalf."""
    source: str = ""
    """Where formula and target come from."""
    now_plan: Any = None
    """A `query.plan.Plan` over the last window."""
    before_plan: Any = None
    """The same over the window before it; None where there is no baseline."""
    slice_plans: Mapping[str, Any] = field(default_factory=dict)
    """Dimension → plan over the last window, one row per value of the dimension."""

    @property
    def now_key(self) -> str:
        """Key of the current value's plan and evidence."""
        return f"{self.id}:now"

    @property
    def before_key(self) -> str:
        """Key of the baseline's plan and evidence."""
        return f"{self.id}:before"

    def slice_keys(self) -> tuple[tuple[str, str], ...]:
        """(key, dimension) of every slice."""
        return tuple((f"{self.id}:by:{dimension}", dimension) for dimension in self.slice_plans)

    def plans(self) -> dict[str, Any]:
        """Every plan by key: now, before where there is a baseline, and each slice."""
        found = {self.now_key: self.now_plan}
        if self.before_plan is not None:
            found[self.before_key] = self.before_plan
        return found | {key: self.slice_plans[dimension] for key, dimension in self.slice_keys()}

    def value_of(self, evidence: Evidence) -> float | None:
        """The value in a result of one row; None where there is no row or the value could not be computed."""
        rows = evidence.rows.to_pylist()
        value = rows[0].get(self.value) if rows else None
        return None if value is None or math.isnan(value) else float(value)
