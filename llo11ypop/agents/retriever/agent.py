"""The retriever's rule mind: run the plans of all called analysts as few fused scans, and reuse what need not run yet."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import TelemetryStore

STANDS_FOR = timedelta(minutes=30)
"""How long evidence over event data stands while none arrives: rows only leave its window, late rows are rare (our choice)."""


@dataclass
class Shelf:
    """Evidence of earlier cycles, and when each dataset last brought a row."""

    kept: dict[str, tuple[datetime, Evidence]] = field(default_factory=dict)
    changed: dict[str, datetime] = field(default_factory=dict)
    """Dataset → instant of the cycle that saw its latest new row."""
    eventful: frozenset[str] = frozenset()
    """Datasets in which no new row means that nothing happened."""

    def note(self, datasets: Collection[str], at: datetime) -> None:
        """Remember which datasets brought rows up to `at`."""
        self.changed |= dict.fromkeys(datasets, at)

    def stands(self, name: str, plan: Plan, cadence: timedelta | None, at: datetime) -> bool:
        """Whether the kept evidence of a plan may be used again. Never after the clock was set back, or where it was not read."""
        if name not in self.kept or self.kept[name][1].status is EvidenceStatus.UNREAD:
            return False
        age = at - self.kept[name][0]
        if age < timedelta(0):
            return False
        if cadence is not None and age < cadence:
            return True
        datasets = {select.dataset for select in plan.selects.values()}
        quiet = datasets <= self.eventful and all(self.changed.get(d, self.kept[name][0]) <= self.kept[name][0] for d in datasets)
        return quiet and age < STANDS_FOR


async def retrieve(
    store: TelemetryStore, plans: Mapping[str, Plan], cadence: Callable[[str], timedelta | None], shelf: Shelf, at: datetime
) -> dict[str, Evidence]:
    """Evidence for every plan, by the plan's name.

    A plan with a cadence runs when its last run is that old; a plan over event data runs when a row arrived. In between the
    evidence on the shelf stands. The shelf is updated.
    """
    due = {name: plan for name, plan in plans.items() if not shelf.stands(name, plan, cadence(name), at)}
    fresh = await store.run_many(due, at) if due else {}
    shelf.kept |= {name: (at, evidence) for name, evidence in fresh.items()}
    return {name: shelf.kept[name][1] for name in plans}


def not_read(evidence: Mapping[str, Evidence]) -> dict[str, list[str]]:
    """Reason → the plans that could not be read for it; empty when all were."""
    found: dict[str, list[str]] = {}
    for name, one in sorted(evidence.items()):
        if one.status is EvidenceStatus.UNREAD:
            found.setdefault(one.note, []).append(name)
    return found
