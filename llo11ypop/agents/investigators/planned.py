"""Planned work: what the change calendar knew of a window, so that nobody is blamed for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window

GRACE = timedelta(minutes=30)
"""How long work's traces linger, and how early it may begin (our assumption; the loop uses the same)."""
_LEVELS = frozenset(level.value for level in Level)


@dataclass(frozen=True, slots=True)
class Work:
    """One maintenance window on one thing."""

    id: str
    scope: Entity
    span: Window
    kind: str

    def __str__(self) -> str:
        """`cooling CHG-4101 on row:c-a-row1`."""
        return f"{self.kind} {self.id} on {self.scope}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The planned work that touches a window."""

    works: tuple[Work, ...]
    topology: Topology

    def accounting_for(
        self, entity: Entity, since: datetime, until: datetime | None = None, grace: timedelta = GRACE
    ) -> Work | None:
        """The work that explains what began on an entity at `since`; none when it went on for longer than `grace` after it."""
        around = self.topology.ancestors(entity)
        for work in self.works:
            inside = work.span.start - GRACE <= since < work.span.end + grace
            if inside and work.scope in around and (until is None or until < work.span.end + grace):
                return work
        return None

    def covering(self, nodes: Iterable[str], since: datetime, until: datetime, grace: timedelta = GRACE) -> Work | None:
        """The work that explains what began on all of some nodes; none when it leaves one out, or without nodes."""
        found = [self.accounting_for(Entity(Level.NODE, node), since, until, grace) for node in sorted(nodes)]
        return found[0] if found and all(work is not None for work in found) else None

    def on_nodes(self, nodes: Iterable[str], at: datetime) -> Work | None:
        """The work under way at an instant on any of some nodes."""
        for node in nodes:
            found = self.accounting_for(Entity(Level.NODE, node), at)
            if found is not None:
                return found
        return None


async def planned_work(inquiry: Inquiry, window: Window) -> Calendar:
    """The windows that overlap a span of time, as far as they were announced by the instant of the question."""
    rows = await inquiry.ask(
        {
            "planned work": {
                "dataset": "maintenance_windows",
                "window": inquiry.span(window),
                "by": ["window_id", "scope_level", "scope_id", "kind", "start_at", "end_at"],
                "measures": {"entries": {"agg": "count"}},
            }
        }
    )
    works = [
        Work(r["window_id"], Entity(Level(r["scope_level"]), r["scope_id"]), Window(r["start_at"], r["end_at"]), r["kind"])
        for r in rows["planned work"]
        if r["scope_level"] in _LEVELS and r["end_at"] is not None and r["end_at"] >= r["start_at"]
    ]
    return Calendar(tuple(sorted(works, key=lambda w: (w.span.start, w.id, w.scope))), inquiry.ground.topology)
