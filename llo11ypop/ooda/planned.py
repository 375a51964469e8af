"""Planned work: which maintenance windows are known, and whether one of them accounts for what was seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window
from llo11ypop.query.plan import Plan

PLANNED_WORK = Plan.model_validate(
    {
        "dataset": "maintenance_windows",
        "window": "30d",
        "fields": ["window_id", "cluster", "scope_level", "scope_id", "start_at", "end_at", "kind"],
        "limit": 10000,
    }
)
"""Every window that began in the last 30 days (our assumption: nobody plans longer work as one window)."""

EARLY = timedelta(minutes=10)
"""Work often starts a little before its window (our assumption)."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """One window on one thing."""

    id: str
    scope: Entity
    span: Window
    kind: str


def read_windows(evidence: Evidence | None) -> list[Maintenance]:
    """The windows in the rows of PLANNED_WORK; rows whose scope level is not one of ours are left out."""
    if evidence is None:
        return []
    known = {level.value for level in Level}
    return [
        Maintenance(
            row["window_id"],
            Entity(Level(row["scope_level"]), row["scope_id"]),
            Window(row["start_at"], row["end_at"]),
            row["kind"],
        )
        for row in evidence.rows.to_pylist()
        if row["scope_level"] in known and row["end_at"] is not None and row["end_at"] >= row["start_at"]
    ]


WIDE = frozenset({Level.CLUSTER, Level.SITE, Level.FLEET})
"""Scopes of work on software and services rather than on a piece of hardware."""


def accounting_for(
    entity: Entity,
    affected: Sequence[Entity],
    since: datetime,
    at: datetime,
    windows: list[Maintenance],
    topology: Topology,
    grace: timedelta,
) -> Maintenance | None:
    """The window that explains a condition which began at `since` on `entity`; none when the condition outlives the work.

    Work on a thing explains what happens to everything in it, and to the thing around it only when it is the same thing.
    A switch stands beside the tree of places: work on every node that it lost explains it.
    """
    around = set(topology.ancestors(entity))
    if entity.level is Level.SWITCH and affected:
        around |= set.intersection(*(set(topology.ancestors(e)) for e in affected))
    for window in windows:
        began_inside = window.span.start - EARLY <= since < window.span.end + grace
        if began_inside and at < window.span.end + grace and window.scope in around:
            return window
    return None
