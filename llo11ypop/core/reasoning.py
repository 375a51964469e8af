"""The steps of a cycle's reasoning: observations of goals, findings of analysts, hypotheses of the director."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Area


class ObservationKind(StrEnum):
    """What the loop saw of a goal or of telemetry itself."""

    OK = "ok"
    BREACH = "breach"
    """The measure is on the wrong side of its target."""
    DRIFT = "drift"
    """On the right side, but moving the wrong way against its baseline."""
    SILENCE = "silence"
    """Telemetry that should be there is not."""
    UNKNOWN = "unknown"
    """Could not be measured; `note` says why."""
    ACTIVITY = "activity"
    """New rows arrived in datasets of an area since the last cycle."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing seen in `observe`."""

    kind: ObservationKind
    subject: str
    """Goal id, or dataset for silence and activity."""
    areas: tuple[Area, ...]
    value: float | None = None
    baseline: float | None = None
    target: float | None = None
    unit: str = ""
    slice: dict[str, str] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class SignalHit:
    """One signal of a playbook that fired on one entity."""

    signal: str
    entity: Entity
    since: datetime | None
    evidence_id: str
    row: dict[str, Any]
    text: str
    """One sentence with the figures of the row."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A playbook that matches an entity."""

    playbook: str
    area: Area
    entity: Entity
    since: datetime
    strength: float
    """0–1: prior of the playbook with the weight of its supporting signals."""
    hits: tuple[SignalHit, ...]
    related: tuple[Entity, ...] = ()
    """Other entities the signals named (ports, runs, nodes)."""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A cause on an entity after merging, with what it explains and what competed."""

    cause: str
    entity: Entity
    since: datetime
    confidence: float
    findings: tuple[Finding, ...]
    explains: tuple[Finding, ...] = ()
    """Symptoms attached to it."""
    rivals: tuple[tuple[str, float, str], ...] = ()
    """(cause, confidence, why it was ranked lower)."""
    suppressed: str = ""
    """Why it must not be ticketed (planned work, user error, symptom of another cause); empty when it may."""
