"""What a question turns into: a reading of it, a result, an answer. Shared by the reader, the analysts and the interfaces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from llo11ypop.core.evidence import Evidence, Query
from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import Window

if TYPE_CHECKING:
    import pyarrow as pa


class Status(StrEnum):
    """How a question ended. 'no data' is not zero, and a question back is not a failure."""

    ANSWERED = "answered"
    NO_DATA = "no_data"
    """Not exported here, nothing arrived in the window, or what was asked about does not exist (and what does)."""
    CLARIFY = "clarify"
    """Asked back: no sensible default exists, or a word was not understood."""
    DECLINED = "declined"
    """Not about the fleet, not allowed, or a change that only an approved action may make."""
    FAILED = "failed"
    """Something broke; the note says what and whether to try again."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a result means."""

    name: str
    label: str
    """In words, for tables and charts."""
    role: Literal["dimension", "time", "measure"]
    unit: str = ""
    """UCUM code as in the catalog; '1' is a bare number, '%' is per cent already multiplied."""
    better: Literal["higher", "lower", "neither"] = "neither"


@dataclass(frozen=True, slots=True)
class Result:
    """The table that an answer speaks about: text and chart say nothing that is not in these rows."""

    columns: tuple[Column, ...]
    rows: "pa.Table"
    """Columns named as in `columns`, in that order; no rows is a true zero or nothing, as the evidence says."""
    evidence: tuple[Evidence, ...]
    """What was read for it; each can be run again."""
    truncated: bool = False
    notes: tuple[str, ...] = ()
    """What a reader must know beside it: an assumed default, a partial day, a proxy for a missing field."""


@dataclass(frozen=True, slots=True)
class AgentStep:
    """What one agent did for a question."""

    agent: str
    """guard, director, analyst:slurm, retriever, investigator:why, answer …"""
    did: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a result's rows."""

    kind: Literal["stat", "bar", "line", "scatter", "heatmap", "histogram", "ranked"]
    spec: Mapping[str, Any]
    """A Vega-Lite specification with its values inside."""
    path: str = ""
    """Where it was drawn; empty while it was not."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where more of the same can be seen."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person gets."""

    status: Status
    text: str
    """The sentence that answers first. Every number in it stands in the rows, the window or the question."""
    reading: str
    """How the question was understood, in words, with every default that was chosen."""
    thread: str
    at: datetime
    """The instant the question was answered for."""
    result: Result | None = None
    window: Window | None = None
    definition: str = ""
    """What the measure means and which filters applied."""
    freshness: str = ""
    """How old the newest row behind it is."""
    evidence: tuple[Evidence, ...] = ()
    queries: tuple[Query, ...] = ()
    chart: Chart | None = None
    areas: tuple[Area, ...] = ()
    """The analysts that worked on it."""
    followups: tuple[str, ...] = ()
    steps: tuple[AgentStep, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
    links: tuple[Link, ...] = ()
    """Where to look on."""
