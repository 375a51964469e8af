"""What an investigation stands on and what it hands back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from llo11ypop.catalog import Catalog
from llo11ypop.core.fleet import Topology
from llo11ypop.core.goal import Goal
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.question import Result
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.query.store import TelemetryStore

Proposals = Callable[[datetime], Awaitable[Sequence[Proposal]]]
"""Proposals of the ledger that were made since an instant."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything an investigator may read."""

    store: TelemetryStore
    catalog: Catalog
    playbooks: PlaybookSet
    goals: tuple[Goal, ...]
    topology: Topology
    at: datetime
    """The instant the question is answered for; nothing at or after it is read."""
    proposals: Proposals | None = None
    """None where there is no ledger."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One candidate, with what speaks for and against it. Never more than a correlation unless a signature matched."""

    name: str
    score: float
    """0 to 1: how strongly the evidence speaks for it; comparable within one investigation only."""
    for_: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """Evidence ids."""


@dataclass(frozen=True, slots=True)
class Investigated:
    """What an investigation found."""

    sentence: str
    """One sentence; every number in it stands in the result's rows, the window or the question."""
    result: Result
    """The ranked table; its evidence is everything that was read."""
    causes: tuple[Cause, ...] = ()
    """Best first; empty when nothing stands out."""
    confident: bool = False
    """Whether the finding is beyond chance; false also for 'unknown'."""
    notes: tuple[str, ...] = ()
    """What a reader must know beside it: definitions, assumptions, what is not exported."""
