"""The gate in front of every action: what may run without a human. It exists, and it is closed.

Levels are earned by recorded evidence per action and cluster; this version records and shows the evidence, and grants
nothing, because no executor could carry an action out yet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import load_located, validate
from llo11ypop.core.proposal import VerdictKind
from llo11ypop.core.vocabulary import Action

Z_ONE_SIDED_95 = 1.645
CLOSED = "this version proposes every action and waits for an answer; it has no executors that could act alone"


class AutonomyLevel(StrEnum):
    """How much of an action runs without a human."""

    PROPOSE = "propose"
    """It is filed and waits for an answer."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Promotion(_Section):
    """What all must hold before a human may grant more, per action and cluster."""

    approved_unedited: float = Field(default=0.90, gt=0, lt=1)
    effective: float = Field(default=0.90, gt=0, lt=1)
    raters: int = Field(default=3, ge=1)
    days: int = Field(default=14, ge=0)


class Demotion(_Section):
    """When a granted level is lost again."""

    window: int = Field(default=30, ge=1)
    upper_bound: float = Field(default=0.90, gt=0, lt=1)


class AutonomyConfig(_Section):
    """`config/autonomy.yaml`."""

    level: Literal["propose"] = "propose"
    promotion: Promotion = Promotion()
    demotion: Demotion = Demotion()


@dataclass(frozen=True, slots=True)
class Permission:
    """What the gate says about one action on one cluster."""

    level: AutonomyLevel
    reason: str


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What people answered to one action on one cluster, and whether it helped."""

    action: Action
    cluster: str
    approved: int = 0
    edited: int = 0
    rejected: int = 0
    effective: int = 0
    """Outcomes whose symptom was gone."""
    measured: int = 0
    """Outcomes that telemetry could judge."""
    raters: frozenset[str] = field(default_factory=frozenset)
    span: timedelta = timedelta(0)
    """Between the first and the last answer."""

    @property
    def answered(self) -> int:
        """All verdicts of people."""
        return self.approved + self.edited + self.rejected

    @property
    def approval_bound(self) -> float:
        """Lower Wilson bound of approvals without an edit; 0 without answers."""
        return wilson(self.approved, self.answered)[0]

    @property
    def effect_bound(self) -> float:
        """Lower Wilson bound of effective outcomes; 0 without outcomes."""
        return wilson(self.effective, self.measured)[0]

    def lacks(self, promotion: Promotion) -> list[str]:
        """What promotion would still need; empty when a human could sign it."""
        checks = (
            (self.approval_bound >= promotion.approved_unedited, f"approval bound {promotion.approved_unedited}"),
            (self.effect_bound >= promotion.effective, f"effect bound {promotion.effective}"),
            (len(self.raters) >= promotion.raters, f"{promotion.raters} raters"),
            (self.span >= timedelta(days=promotion.days), f"{promotion.days} days"),
        )
        return [needs for holds, needs in checks if not holds]


class Autonomy:
    """The gate. `grant` and `revoke` refuse with the reason."""

    def __init__(self, config: AutonomyConfig | None = None) -> None:
        self.config = config or AutonomyConfig()

    @classmethod
    def load(cls, config_dir: Path) -> "Autonomy":
        """Read `autonomy.yaml`; defaults where there is none. Raises ConfigError with file and line."""
        path = config_dir / "autonomy.yaml"
        if not path.is_file():
            return cls()
        return cls(validate(AutonomyConfig, load_located(path.read_text(encoding="utf-8"), str(path))))

    def allowed(self, action: Action, cluster: str) -> Permission:
        """Always: propose and wait."""
        return Permission(AutonomyLevel.PROPOSE, CLOSED)

    def grant(self, action: Action, cluster: str) -> None:
        """Refuses. Raises ConfigError."""
        raise ConfigError(f"{action} on {cluster} cannot be granted: {CLOSED}", next_step="see `autonomy show`")

    def revoke(self, action: Action, cluster: str) -> None:
        """Refuses, as nothing is granted. Raises ConfigError."""
        raise ConfigError(f"{action} on {cluster} has nothing to revoke: {CLOSED}", next_step="see `autonomy show`")


def wilson(successes: int, trials: int, z: float = Z_ONE_SIDED_95) -> tuple[float, float]:
    """Wilson's score interval (Wilson 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    rate, spread = successes / trials, z * z / trials
    middle = rate + spread / 2
    reach = z * sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    return (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)


def track_records(records: Iterable[Mapping[str, Any]]) -> list[TrackRecord]:
    """One record per action and cluster that people answered, by name. Expiries and snoozes say nothing."""
    grouped: dict[tuple[Action, str], list[Mapping[str, Any]]] = {}
    for record in records:
        if record["verdict"]["kind"] in (VerdictKind.APPROVE, VerdictKind.EDIT, VerdictKind.REJECT):
            cluster = str(record.get("blast_radius", {}).get("cluster") or "unknown")
            grouped.setdefault((Action(record["chosen"]["name"]), cluster), []).append(record)
    return [_track(action, cluster, grouped[action, cluster]) for action, cluster in sorted(grouped)]


def _track(action: Action, cluster: str, records: list[Mapping[str, Any]]) -> TrackRecord:
    kinds = [r["verdict"]["kind"] for r in records]
    cleared = [o["symptom_cleared"] for r in records if (o := r.get("outcome")) and o["symptom_cleared"] is not None]
    answered: list[datetime] = sorted(parse_instant(r["ts"]) for r in records)
    return TrackRecord(
        action,
        cluster,
        approved=kinds.count(VerdictKind.APPROVE),
        edited=kinds.count(VerdictKind.EDIT),
        rejected=kinds.count(VerdictKind.REJECT),
        effective=sum(cleared),
        measured=len(cleared),
        raters=frozenset(r["verdict"]["rater"] for r in records),
        span=answered[-1] - answered[0],
    )
