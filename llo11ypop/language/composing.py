"""Steps of a plan under construction, and what all parts of composing share."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.catalog import Catalog
from llo11ypop.core.question import Column
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Condition, Period, Quantity, Scope
from llo11ypop.language.where import expression

BUCKET = "bucket"
STATE_FIELDS = frozenset({"state", "reason", "status", "port_state", "physical_state", "health"})
"""What changes about a thing, so that its latest reading counts."""


@dataclass
class Composing:
    """Steps under construction."""

    scope: Scope
    catalog: Catalog
    lexicon: Lexicon
    at: datetime
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    last: str = ""
    prefix: str = ""

    def add(self, name: str, step: dict[str, Any]) -> str:
        """One more step; it becomes the last one."""
        full = f"{self.prefix}{name}"
        while full in self.steps:
            full += "_"
        self.steps[full] = step
        self.last = full
        return full


def span(period: Period, at: datetime) -> dict[str, timedelta]:
    """A period as a plan's span."""
    return {"start": at - period.start_at, "end": max(at - period.end_at, timedelta(0))}


def keys_of(scope: Scope) -> tuple[str, ...]:
    """What one group is before groups are counted."""
    return tuple(dict.fromkeys([*(scope.count_of.split(",") if scope.count_of else []), *scope.by]))


def label_of(name: str, catalog: Catalog, lexicon: Lexicon) -> str:
    """How a dimension is called."""
    for dimension in lexicon.dimensions.values():
        if dimension.fields[0] == name:
            return dimension.label or name
    return name.removesuffix("_id").replace("_", " ")


def key_fields(quantity: Quantity) -> tuple[str, ...]:
    """The fields that name the counted thing, from a field or a `concat` of several."""
    return tuple(sorted(expression(quantity.field).names(), key=quantity.field.index)) if quantity.field else ()


def reaches(made: Composing, dataset: str, condition: Condition) -> bool:
    """Whether a condition can be put over a dataset."""
    return condition.op == "expr" or condition.field in reachable(made.catalog, dataset)


def days_of(window: Period | None) -> float:
    """Days of a period, at least an hour; one where there is none."""
    return max((window.end_at - window.start_at).total_seconds() / 86400, 1 / 24) if window is not None else 1.0


def counts(quantity: Quantity) -> bool:
    """Whether nothing of it is a zero."""
    return quantity.agg in ("count", "count_distinct", "sum", "increase")
