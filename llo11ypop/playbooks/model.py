"""The form of a playbook file: how a mode of failure shows, what it explains, and what to do about it.

One YAML file per mode under `config/playbooks/`; a site adds one without Python. A signal is a select over the catalog with an
optional comparison among siblings and an optional roll-up; what remains after its conditions are the entities it fires on.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field, model_validator

from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Action, Area, Level, Queue, Severity
from llo11ypop.core.window import format_duration
from llo11ypop.playbooks.signals import Signal, listed
from llo11ypop.query.plan import Duration, Strict

COMMON = "common"
"""Name of the file whose signals every playbook may use, as `common.NAME`."""


class Match(Strict):
    """Which signals must fire on one entity, or on what it lies in or holds. What is not exported is left out, never claimed."""

    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    at_least: int = Field(default=1, ge=1)
    """How many of `any`."""
    supporting: tuple[str, ...] = ()
    """Strengthen a match, never make one."""
    excluded_by: tuple[str, ...] = ()
    """No match where one of these fires on the entity or on what it lies in."""
    ended_by: tuple[str, ...] = ()
    """Repairs: signs that were last seen before one of these no longer count."""
    in_order: tuple[str, ...] = ()
    """Required signals whose first onsets on the entity must follow each other."""
    lasts: Duration = timedelta(0)
    """How long the onset must lie back: what names no cause waits for the signs that would."""

    @model_validator(mode="after")
    def _required(self) -> "Match":
        if not (self.all or self.any):
            raise ValueError("'match' needs at least one signal in 'all' or 'any'")
        if not set(self.in_order) <= {*self.all, *self.any}:
            raise ValueError("'in_order' lists required signals only")
        if self.any and self.at_least > len(self.any):
            raise ValueError(f"'at_least' is {self.at_least} but 'any' lists {len(self.any)}")
        return self

    def names(self) -> tuple[tuple[str, str], ...]:
        """(key, signal) of every mention."""
        keys = ("all", "any", "supporting", "excluded_by", "ended_by")
        return tuple((key, name) for key in keys for name in getattr(self, key))


class Merge(Strict):
    """Findings on enough parts of one thing within a short time are one finding on that thing."""

    into: Level
    min_count: int = Field(default=3, ge=2)
    min_share: float = Field(default=0.0, ge=0, le=1)
    """Least share of the parts that the inventory lists; not asked where it lists none."""
    within: Duration
    """Longest time from the first onset to the last."""
    mode: str | None = None
    """The playbook that the merged finding belongs to; this one when absent."""


class Burst(Strict):
    """Enough nodes on which the mode has just begun, within a short time, are one proposal on what they all lie in."""

    into: Level = Level.CLUSTER
    """Nodes that share no place of this level or below stay apart."""
    min_count: int = Field(default=3, ge=2)
    within: Duration
    """Longest time from the first onset to the last."""


class Explains(Strict):
    """Modes that become symptoms of this one."""

    modes: tuple[str, ...]
    within: Level
    """They must share an ancestor of this level with the cause; `fleet` for anywhere."""
    lag: Duration = timedelta(hours=1)
    """How much earlier than the cause a symptom may have been seen first (telemetry of the cause may be slower)."""


class RaiseSeverity(Strict):
    """A more serious severity when a signal fired."""

    when_signal: str
    to: Severity


class ActionOption(Strict):
    """One action with its argument template: constants, `$entity`, or `$LEVEL` looked up in the inventory."""

    name: Action
    arguments: dict[str, Any] = Field(default_factory=dict)
    prior: float = Field(default=0.5, gt=0, le=1)
    """How good the action usually is for this mode, before any feedback."""


class Route(Strict):
    """Another queue, and other actions, when a signal fired."""

    when_signal: str
    queue: Queue
    actions: tuple[ActionOption, ...] = ()


class Success(Strict):
    """How an outcome is judged."""

    signal_gone_for: Duration
    goal: str

    def text(self) -> str:
        """One sentence for the proposal."""
        return f"its signals stay away for {format_duration(self.signal_gone_for)} and the goal '{self.goal}' does not get worse"


class Explained(Protocol):
    """What severity, queue and actions depend on: the findings behind a hypothesis."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings."""
        ...


class Playbook(Strict):
    """One mode of failure, or a harmless look-alike that competes with one."""

    id: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    title: str
    kind: Literal["fault", "benign"] = "fault"
    area: Area
    entity: Annotated[tuple[Level, ...], BeforeValidator(listed)]
    """The level a ticket is about; several, small to large, where the signals decide."""
    severity: Severity
    raise_severity: tuple[RaiseSeverity, ...] = ()
    queue: Queue
    routes: tuple[Route, ...] = ()
    source: str
    """Where signature and thresholds come from."""
    signals: dict[str, Signal]
    match: Match
    merge: tuple[Merge, ...] = ()
    burst: Burst | None = None
    explains: tuple[Explains, ...] = ()
    explained_by: tuple[Explains, ...] = ()
    """The inverse: modes that explain this one. Folded into their `explains` when the set is loaded."""
    competing: tuple[str, ...] = ()
    """Other readings of the same signs on the same thing; the stronger finding wins."""
    actions: tuple[ActionOption, ...] = ()
    forbidden: tuple[Action, ...] = ()
    escalation: str = ""
    if_nothing_done: str = ""
    success: Success | None = None
    clears_after: Duration = timedelta(hours=2)
    """How long its signals must be absent before the condition counts as gone."""
    goal: str = ""
    despite_planned_work: bool = False
    """Ticketed even where a maintenance window covers it."""
    planned_grace: Duration = timedelta(0)
    """How long after planned work its traces may still be counted by a signal that looks far back."""
    local_work_only: bool = False
    """Only planned work on the thing itself, its rack or its switch accounts for it: no upgrade of a cluster breaks memory."""

    @model_validator(mode="after")
    def _complete(self) -> "Playbook":
        if self.benign:
            return self
        missing = [k for k in ("actions", "if_nothing_done", "success", "goal") if not getattr(self, k)]
        if missing:
            raise ValueError(f"a fault needs {', '.join(missing)}")
        refused = sorted({a.name for a in self.actions} & set(self.forbidden))
        if refused:
            raise ValueError(f"{', '.join(refused)}: an action cannot be both offered and forbidden")
        return self

    @property
    def benign(self) -> bool:
        """Whether it is a harmless look-alike: never ticketed."""
        return self.kind == "benign"

    def severity_for(self, hypothesis: Explained) -> Severity:
        """The severity, raised by the signals that fired."""
        fired = _fired(hypothesis)
        return min([self.severity, *(r.to for r in self.raise_severity if r.when_signal in fired)])

    def queue_for(self, hypothesis: Explained) -> Queue:
        """Who receives it, given the signals that fired."""
        route = self._route(hypothesis)
        return route.queue if route else self.queue

    def actions_for(self, hypothesis: Explained) -> tuple[ActionOption, ...]:
        """What may be proposed, given the signals that fired; best prior first."""
        route = self._route(hypothesis)
        chosen = route.actions if route and route.actions else self.actions
        return tuple(sorted(chosen, key=lambda a: -a.prior))

    def _route(self, hypothesis: Explained) -> Route | None:
        fired = _fired(hypothesis)
        return next((r for r in self.routes if r.when_signal in fired), None)


def _fired(hypothesis: Explained) -> set[str]:
    return {hit.signal for finding in hypothesis.findings for hit in finding.hits}


class CommonSignals(Strict):
    """The form of the file with the signals that several playbooks use."""

    signals: dict[str, Signal]
