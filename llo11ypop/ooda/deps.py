"""What a cycle needs: live clients enter the graph by closure, never through its state."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.agents.retriever.agent import Shelf
from llo11ypop.approvals.ledger import Ledger
from llo11ypop.catalog import Catalog
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.fleet import Topology
from llo11ypop.core.goal import Goal
from llo11ypop.learning.policy import Policy
from llo11ypop.models.config import MindLimits
from llo11ypop.models.port import NO_MODELS, Model
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.query.store import TelemetryStore


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the loop may ask for. Defaults are ours; the shipped configuration states the same values with reasons."""

    proposals_per_cycle: int = 12
    """Circuit breaker: when one cycle would file more, only the most severe are filed and the rest wait, visibly."""
    proposals_per_day: int = 200
    disruptive_share: float = 0.05
    """Largest share of a cluster's nodes that open proposals may drain, reboot or reset at once; at least one node."""
    reopen_within: timedelta = timedelta(days=1)
    """A recurrence this soon after the last sign reopens the proposal instead of filing a second one."""
    expires_after: timedelta = timedelta(days=7)
    planned_grace: timedelta = timedelta(minutes=30)
    """How long after the planned end of a maintenance window its effects may linger."""


@dataclass
class Memory:
    """What one process remembers between cycles. Losing it costs time, never correctness."""

    shelf: Shelf = field(default_factory=Shelf)
    """Latest evidence of each signal, for those that need not run in every cycle."""
    goals: dict[str, tuple[datetime, list[dict[str, Any]]]] = field(default_factory=dict)
    """Latest observations of each goal, as JSON."""
    topology: tuple[datetime, Topology] | None = None
    last_at: datetime | None = None
    weighed: dict[str, str] = field(default_factory=dict)
    """Which of several causes a model put first, by what spoke for them: nothing is asked twice while nothing changes."""
    scratch: dict[str, Evidence] = field(default_factory=dict)
    """Evidence of the running cycle, by signal or goal; the graph's state carries only ids."""


@dataclass(frozen=True)
class Deps:
    """Everything `build_cycle` closes over."""

    catalog: Catalog
    store: TelemetryStore
    playbooks: PlaybookSet
    goals: tuple[Goal, ...]
    ledger: Ledger
    policy: Policy
    limits: Limits = Limits()
    config_hash: str = ""
    on_filed: Callable[[str], Awaitable[None]] | None = None
    """Starts the approval thread of a filed proposal; `reconcile` starts those that a crash left out."""
    memory: Memory = field(default_factory=Memory)
    models: Model = NO_MODELS
    """What the model minds of director, causes and writer are asked through; where a role is not set its rule mind decides."""
    minds: MindLimits = field(default_factory=MindLimits)
