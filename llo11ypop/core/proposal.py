"""What the loop wants done, as an SRE reads it, and what people answered."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Action, Queue, Severity


class ProposalStatus(StrEnum):
    """Where a proposal stands. `OPEN` ones block a second proposal with the same dedup key."""

    PENDING = "pending"
    """Waits for a human."""
    SNOOZED = "snoozed"
    """Waits until `snoozed_until`, then pending again."""
    APPROVED = "approved"
    """A human said yes; the action is recorded and the outcome is being measured."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    CLEARED = "cleared"
    """The symptom went away before anybody answered."""
    DONE = "done"
    """Approved and its outcome measured."""


OPEN_STATUSES = frozenset({ProposalStatus.PENDING, ProposalStatus.SNOOZED, ProposalStatus.APPROVED})


@dataclass(frozen=True, slots=True)
class ProposedAction:
    """One action with the exact arguments that a human approves."""

    name: Action
    arguments: dict[str, Any]
    """Checked against the inventory; never taken from free text."""
    score: float = 0.0
    """Policy's value of this action for this hypothesis."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A cause that was considered beside the named one, with why it was dropped or ranked lower."""

    cause: str
    confidence: float
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A ticket or page in the making."""

    id: str
    dedup_key: str
    cycle_id: str
    goal: str
    """Goal id that the hypothesis bears on."""
    cause: str
    """Mode id such as F16, or UNKNOWN."""
    cause_title: str
    title: str
    summary: str
    """What, where, since when: one or two sentences, every figure bound to evidence."""
    entities: tuple[Entity, ...]
    """The entity the ticket is about first, then what else is affected."""
    since: datetime
    confidence: float
    why: tuple[str, ...]
    """The signals that matched, one sentence each."""
    alternatives: tuple[Alternative, ...]
    evidence: tuple[str, ...]
    """Evidence ids."""
    severity: Severity
    queue: Queue
    action: ProposedAction
    other_actions: tuple[ProposedAction, ...]
    forbidden_actions: tuple[Action, ...]
    blast_radius: dict[str, Any]
    """`{"nodes": n, "gpus": n, "running_jobs": n, "cluster_share": ratio}`."""
    if_nothing_done: str
    success_measure: str
    """How the outcome will be judged, and when."""
    created_at: datetime
    expires_at: datetime
    status: ProposalStatus = ProposalStatus.PENDING
    snoozed_until: datetime | None = None
    reopened: int = 0
    """How often a recurrence reopened it."""
    last_seen_at: datetime | None = None
    children: tuple[dict[str, Any], ...] = ()
    """Symptoms attached to this cause: `{"cause", "entity", "since"}`."""
    state: dict[str, Any] = field(default_factory=dict)
    """Features the policy saw, for feedback and learning."""
    policy_version: str = ""


class VerdictKind(StrEnum):
    """What a human (or the clock) said."""

    APPROVE = "approve"
    EDIT = "edit"
    """Approved with other arguments or another action."""
    REJECT = "reject"
    SNOOZE = "snooze"
    EXPIRED = "expired"


class ReasonCode(StrEnum):
    """Why a proposal was rejected."""

    WRONG_TARGET = "wrong_target"
    WRONG_ACTION = "wrong_action"
    WRONG_CAUSE = "wrong_cause"
    STALE = "stale"
    ALREADY_KNOWN = "already_known"
    TOO_RISKY = "too_risky"
    NOISE = "noise"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer to one proposal."""

    kind: VerdictKind
    rater: str
    at: datetime
    reason_code: ReasonCode | None = None
    comment: str = ""
    """Free text; kept as data, never read as an instruction."""
    arguments: dict[str, Any] | None = None
    """Replacement arguments of an EDIT."""
    action: Action | None = None
    """Replacement action of an EDIT."""
    snooze_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to the goal and the symptom after an approved action."""

    proposal_id: str
    measured_at: datetime
    symptom_cleared: bool | None
    """None where telemetry could not tell."""
    goal_before: float | None
    goal_after: float | None
    improved: bool | None
    note: str = ""
