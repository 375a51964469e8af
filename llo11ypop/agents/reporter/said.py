"""The text of a report: a headline and sections of sentences and tables, each with its evidence. Rendered elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from llo11ypop.agents.reporter.facts import Facts, Incident, Period
from llo11ypop.agents.reporter.saying import Statement


@dataclass(frozen=True, slots=True)
class Table:
    """A small table; every cell is text already."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[int, ...] = ()
    """Columns that are set to the right."""
    title: str = ""
    note: str = ""
    """How many rows were left out, and the like."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report."""

    id: str
    title: str
    statements: tuple[Statement, ...]
    tables: tuple[Table, ...] = ()
    evidence: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    """The stretch it is about; none for what is true at the report's instant."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A whole report in words."""

    title: str
    headline: tuple[Statement, ...]
    sections: tuple[Section, ...]
    quiet: bool
    """Nothing happened: the headline is one line that says what was checked."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What one incident cost."""

    jobs: int = 0
    job_h: float = 0.0
    outage_h: float = 0.0

    @property
    def lost_h(self) -> float:
        """GPU-hours in all."""
        return self.job_h + self.outage_h


def losses(facts: Facts) -> dict[str, Loss]:
    """By incident id; '' for what no incident accounts for."""
    found: dict[str, Loss] = {}
    for job in facts.hit.jobs:
        known = found.get(job.incident, Loss())
        found[job.incident] = Loss(known.jobs + 1, known.job_h + job.lost_h, known.outage_h)
    for outage in facts.hit.outages:
        known = found.get(outage.incident, Loss())
        found[outage.incident] = Loss(known.jobs, known.job_h, known.outage_h + outage.lost_h)
    return found


def named(entity: str) -> str:
    """'node gpu-a-003' from `node:gpu-a-003`."""
    return entity.replace(":", " ", 1)


def subject(incident: Incident) -> str:
    """What an incident is about, as people say it: a GPU by the first part of its UUID and its node."""
    return spoken(incident.entity, incident.nodes)


def spoken(entity: str, nodes: Sequence[str]) -> str:
    """`level:id` as people say it; `nodes` are those it lies in."""
    level, _, name = entity.partition(":")
    if level == "gpu" and nodes:
        return f"{'-'.join(name.split('-')[:2])} of {nodes[0]}"
    return named(entity)


def where(incident: Incident) -> str:
    """'c-a, fra2 (eu-central)'; as much of it as is known."""
    place = ", ".join(p for p in (incident.cluster, incident.site) if p)
    return f"{place} ({incident.region})" if incident.region and place else place or "fleet"


def about(period: Period) -> str:
    """'last night', 'last week', 'in the period'."""
    return {"night": "last night", "week": "last week"}.get(period.kind.value, "in this period")


def cut(rows: Sequence[tuple[str, ...]], most: int) -> tuple[tuple[tuple[str, ...], ...], str]:
    """The first rows, and a note about the rest."""
    left = len(rows) - most
    return tuple(rows[:most]), f"{left:,} more not shown" if left > 0 else ""
