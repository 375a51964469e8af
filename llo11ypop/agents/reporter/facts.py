"""What a report is made of before anything is said: measured facts, each with the ids of the evidence it comes from.

Plain records of JSON types, so that the report graph can carry them in its state. Hours are GPU-hours unless named otherwise.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """Which report it is."""

    NIGHT = "night"
    WEEK = "week"
    SPAN = "span"
    """Any other stretch of time that was asked for."""


class FoundBy(StrEnum):
    """How the incidents were found."""

    LEDGER = "ledger"
    """The running loop proposed them; people may have answered."""
    REPLAY = "replay"
    """The loop was run over recorded telemetry, for the report alone; nobody was asked."""


@dataclass(frozen=True, slots=True)
class Period:
    """The stretch that is reported, half-open, as it was known at `at`."""

    kind: Kind
    start: datetime
    end: datetime
    at: datetime
    label: str
    """'night of 2026-05-20'."""
    partial: bool = False
    """Whether it was cut off at `at`, before its own end."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at, and how often: what 'nothing happened' rests on."""

    found_by: FoundBy
    cycles: int
    """Cycles of the loop whose instant lies in the period."""
    expected: int
    """Cycles that should have run at the cadence."""
    every_s: float
    playbooks: int
    datasets: int
    """Exported here, of the catalog's."""
    known_datasets: int
    clusters: int
    nodes: int
    gpus: int
    errors: tuple[str, ...] = ()
    """Parts of cycles that failed."""
    harmless: int = 0
    """Conditions that matched a harmless look-alike and were held back."""
    planned: int = 0
    """Conditions that planned work accounts for."""
    places: tuple[tuple[str, str, str], ...] = ()
    """(cluster, site, region) of every cluster."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Considered:
    """Another cause that was weighed."""

    cause: str
    confidence: float
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was proposed and what became of it."""

    proposal_id: str
    action: str
    status: str
    """As in the ledger: pending, snoozed, approved, rejected, expired, cleared, done; `not asked` in a replay."""
    by: str = ""
    at: datetime | None = None
    reason: str = ""
    improved: bool | None = None
    """What the goal did after an approved action; none while that is not measured."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause with everything it accounts for."""

    id: str
    cause: str
    title: str
    entity: str
    """`level:id`."""
    others: tuple[str, ...]
    """Further entities it names."""
    nodes: tuple[str, ...]
    """Nodes that lie in what it is about; empty where that is a whole cluster or wider."""
    cluster: str
    site: str
    region: str
    since: datetime
    first_seen: datetime
    last_seen: datetime
    before: bool
    """It began before the period."""
    over: bool
    """No sign of it any more at the end of the period."""
    severity: str
    queue: str
    confidence: float
    why: tuple[str, ...]
    considered: tuple[Considered, ...]
    symptoms: int
    decision: Decision
    evidence: tuple[str, ...]
    if_nothing_done: str = ""
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """One window of the change calendar."""

    id: str
    kind: str
    scope: tuple[str, ...]
    """`level:id`, all scopes of the window."""
    cluster: str
    start: datetime
    end: datetime
    explained: int = 0
    """Conditions that were held back because of it."""


@dataclass(frozen=True, slots=True)
class LostJob:
    """A job that infrastructure ended."""

    job_id: int
    cluster: str
    account: str
    user: str
    state: str
    run_id: str
    gpus: int
    ended_at: datetime
    lost_h: float
    """GPU-hours since its last good checkpoint, or since its start where none is known."""
    since_checkpoint: bool
    incident: str = ""
    """Id of the incident it is ascribed to; empty when none reaches its nodes at that time."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Hours that a node could not be used, outside planned work."""

    node: str
    cluster: str
    site: str
    region: str
    lost_h: float
    began_before: bool
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """Who was hit."""

    jobs: tuple[LostJob, ...]
    outages: tuple[Outage, ...]
    ended: int
    """Jobs that ended in the period, however they ended."""
    failed: int
    """Ended FAILED, NODE_FAIL, OUT_OF_MEMORY, BOOT_FAIL, DEADLINE or TIMEOUT, whoever is to blame."""
    baseline_failed: float | None
    """Median number of failed jobs in the same hours of the days before; none where telemetry does not reach back."""
    baseline_days: int
    by_hour: tuple[tuple[datetime, int, float | None], ...]
    """(bucket, failed jobs, median of the same bucket before)."""
    bucket_s: float
    price_per_gpu_hour: float | None
    currency: str
    evidence: tuple[str, ...]
    gaps: tuple[str, ...] = ()
    """What could not be measured, in words."""

    @property
    def job_h(self) -> float:
        """GPU-hours of work lost."""
        return sum(j.lost_h for j in self.jobs)

    @property
    def outage_h(self) -> float:
        """GPU-hours that nodes could not be used."""
        return sum(o.lost_h for o in self.outages)

    @property
    def lost_h(self) -> float:
        """Both; a job's lost work ends when the outage begins, so nothing is counted twice."""
        return self.job_h + self.outage_h

    @property
    def cost(self) -> float | None:
        """In `currency`; none without a configured price."""
        return None if self.price_per_gpu_hour is None else self.lost_h * self.price_per_gpu_hour


@dataclass(frozen=True, slots=True)
class GoalState:
    """A goal, or one slice of it, that misses its target or drifts away from it."""

    id: str
    title: str
    slice: str
    """`cluster=c-a`; empty for the whole."""
    value: float
    before: float | None
    target: float | None
    unit: str
    higher_is_better: bool
    breached: bool
    window_s: float
    definition: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Goals:
    """All goals at the end of the period."""

    measured: int
    met: int
    misses: tuple[GoalState, ...]
    unmeasured: tuple[tuple[str, str], ...]
    """(goal, why)."""
    evidence: tuple[str, ...]
    since: datetime | None = None
    """Where telemetry begins, if that is inside a window that a goal compares with."""


@dataclass(frozen=True, slots=True)
class Repeater:
    """A node that failed again and again."""

    node: str
    cluster: str
    faults: int
    """Days with a fault in the last 30."""
    probability: float
    """Of another one within 30 days."""


@dataclass(frozen=True, slots=True)
class ShortPart:
    """A part whose stock does not last for its lead time."""

    part_no: str
    part_type: str
    vendor: str
    stock: int
    on_order: int
    lead_days: float
    used: int
    """Replaced in the last 90 days."""
    needed: float
    """Expected use within the lead time, rounded up: the reorder point."""
    single_source: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal that waits, or whose outcome is being watched."""

    proposal_id: str
    title: str
    severity: str
    status: str
    action: str
    waits_h: float
    expires_at: datetime | None
    if_nothing_done: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What to keep an eye on today."""

    waiting: tuple[Waiting, ...]
    repeaters: tuple[Repeater, ...]
    base_rate: float
    """Chance of any node to fault within 30 days."""
    planned: tuple[PlannedWork, ...]
    """Work that goes on or begins within a day of the report."""
    parts: tuple[ShortPart, ...]
    evidence: tuple[str, ...]
    held_back: tuple[str, ...] = ()
    """Conditions that found no room in the budget of proposals."""
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blind:
    """What telemetry did not show."""

    not_exported: tuple[str, ...]
    """Datasets of the catalog that this fleet does not have."""
    fields_not_exported: tuple[str, ...]
    """`dataset.field`s that the catalog marks as usual and that are missing here."""
    silent: tuple[tuple[str, datetime | None], ...]
    """(dataset, last row) of those with a cadence from which nothing came at the end of the period."""
    silent_nodes: tuple[tuple[str, str], ...]
    """(cluster, node) in the inventory without a GPU sample in the last hour of the period."""
    evidence: tuple[str, ...]
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was measured for one report."""

    period: Period
    looked: Looked
    incidents: tuple[Incident, ...]
    planned: tuple[PlannedWork, ...]
    hit: Hit
    goals: Goals
    watch: Watch
    blind: Blind
    by_day: tuple["Day", ...] = ()
    """For reports over several days."""
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a longer report."""

    day: datetime
    incidents: int
    jobs_lost: int
    job_h: float
