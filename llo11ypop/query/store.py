"""The port to telemetry: what the loop asks of a store, whatever engine is behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from llo11ypop.core.evidence import Evidence
from llo11ypop.query.plan import Plan


@dataclass(frozen=True, slots=True)
class Size:
    """About how many rows a dataset has, and how long a time they cover."""

    rows: int
    covers: timedelta | None = None
    """None when that is not known, or for a dataset without a time."""

    def within(self, span: timedelta | None) -> float:
        """About how many rows such a span of time holds; all of them without one."""
        if span is None or not self.covers:
            return self.rows
        return self.rows * min(1.0, span / self.covers)


@dataclass(frozen=True, slots=True)
class Exports:
    """The datasets and fields that this fleet really has."""

    datasets: Mapping[str, frozenset[str]]
    sizes: Mapping[str, "Size"] = field(default_factory=dict)
    """How large they are, for choosing between ways to the same result; may be missing or out of date."""

    def has(self, dataset: str, field: str | None = None) -> bool:
        """Whether a dataset, or one field of it, is there."""
        fields = self.datasets.get(dataset)
        return fields is not None and (field is None or field in fields)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a dataset arrived in a window."""

    dataset: str
    exported: bool
    rows: int = 0
    entities: int | None = None
    """Distinct series (of the dataset's grain) that said something; none when not asked for, or without a grain."""
    last_at: datetime | None = None
    """Latest row before the instant, inside the window; none when nothing arrived."""
    cadence: timedelta | None = None
    """How often a row is expected per series; none for events."""


class TelemetryStore(Protocol):
    """Reads telemetry. Every method may raise StoreError; `transient` says whether a retry may help."""

    @property
    def query_count(self) -> int:
        """Native queries sent so far."""
        ...

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """Carry out one plan as of an instant: nothing at or after `at` is read.

        Raises PlanError or UnknownNameError for a plan that the catalog does not allow.
        """
        ...

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """The same for many plans in few scans; each result is what `run` would give."""
        ...

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """What arrived in `[since, at)`, for every dataset of the catalog that has a time; counting `entities` takes longer."""
        ...

    async def exports(self) -> Exports:
        """What this fleet exports."""
        ...
