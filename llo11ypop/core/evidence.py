"""The result of running a plan: what was asked of which engine, over which window, and the rows that came back.

Everything that is ever said (answer, finding, hypothesis, proposal) cites evidence ids.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from llo11ypop.core.window import Window

if TYPE_CHECKING:
    import pyarrow as pa


class EvidenceStatus(StrEnum):
    """What the rows mean. 'no data' and 'zero' are different answers."""

    OK = "ok"
    """Rows were returned."""
    EMPTY = "empty"
    """The query ran over data that exists and nothing matched."""
    NO_DATA = "no_data"
    """No telemetry at all arrived for the window: silence, not zero."""
    NOT_EXPORTED = "not_exported"
    """This fleet does not export the dataset or field."""
    UNREAD = "unread"
    """It could not be read: its store cannot say what was asked, or does not answer; `note` says which."""

    @property
    def tells_nothing(self) -> bool:
        """Whether neither rows nor their absence are known."""
        return self in (EvidenceStatus.NO_DATA, EvidenceStatus.NOT_EXPORTED, EvidenceStatus.UNREAD)


@dataclass(frozen=True, slots=True)
class Query:
    """One native query as an engine received it."""

    engine: str
    dataset: str
    text: str
    params: tuple[Any, ...]
    """Positional values, in order; never spliced into the text."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A plan's result, enough to show it and to run it again."""

    id: str
    plan: dict[str, Any]
    """The plan as JSON, with its instant resolved."""
    at: datetime
    """The instant the plan's relative windows were resolved against."""
    window: Window | None
    """The span of telemetry read; none for dimension tables."""
    queries: tuple[Query, ...]
    rows: "pa.Table"
    """One row per group; columns named as in the plan."""
    row_count: int
    truncated: bool
    """Whether the plan's limit cut rows off."""
    approximate: bool
    """Whether any aggregate is an estimate (distinct and percentile on some engines)."""
    status: EvidenceStatus
    missing: tuple[str, ...] = ()
    """Datasets or `dataset.field`s that this fleet does not export."""
    duration_s: float = 0.0
    hash: str = ""
    """SHA-256 over column names and rows; equal rows give equal hashes whatever their order."""
    note: str = field(default="")
