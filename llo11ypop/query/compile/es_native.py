"""Queries of an Elasticsearch as a compiler leaves them: what is asked, and what becomes of the answers.

A piece of a query is text with its values, or a JSON object, as the language has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from llo11ypop.query.compile.es_counters import Ladder
from llo11ypop.query.compile.sql import Sql
from llo11ypop.query.kinds import Kind

MAX_ROWS = 50_000
"""Groups of a query that the plan does not limit. As many as this are an error, never a silent cut."""
APPROXIMATE = frozenset({"count_distinct", "percentile"})
"""HyperLogLog++ and t-digest (Elasticsearch 9 documentation, aggregations)."""

P = TypeVar("P")
"""A piece of a query: text with its values, or a JSON object."""


@dataclass
class Native(Generic[P]):
    """One query and the columns of its answer."""

    keys: tuple[P, ...]
    where: P | None
    source: str
    columns: dict[str, tuple[P, Kind]] = field(default_factory=dict)
    """Name → what it is; the key columns come first."""
    order: tuple[tuple[str, bool], ...] = ()
    limit: int = MAX_ROWS
    plan_limit: bool = False
    """Whether the plan itself cuts here; otherwise as many rows as the limit are an error."""
    alone: bool = False
    """Whether nothing else is read from its rows."""
    more: P | None = None
    """What is said of the source before the condition: what it is joined with."""
    series: bool = False
    """Whether the source is read as time series."""
    instead: bool = False
    """Whether it is said in ES|QL because the usual language cannot say it."""

    def add(self, piece: P, kind: Kind) -> str:
        """The column that holds an aggregate; the same one is asked for once."""
        for name, (known, _) in self.columns.items():
            if known == piece:
                return name
        name = f"m{len(self.columns)}"
        self.columns[name] = (piece, kind)
        return name

    @property
    def kinds(self) -> list[tuple[str, Kind]]:
        """The columns of its answer."""
        return [(name, kind) for name, (_, kind) in self.columns.items()]


@dataclass(frozen=True)
class Answer:
    """How one select's rows come about: the statement reads the queries' rows as tables named q0, q1 and so on."""

    natives: tuple[int, ...]
    finish: Sql
    approximate: tuple[str, ...] = ()
    limit: int | None = None
    total: bool = False
    """A row without group keys is there even when nothing was seen: then the first query's `n` counts what was."""
    ladders: tuple[Ladder, ...] = ()
    """Counters: of their queries only the first is asked at once."""
    same: tuple[int, int] | None = None
    """Two queries that must count as many rows: those before and after joining."""


@dataclass(frozen=True)
class EsCompiled:
    """The queries of a scan, and per select its answer or why there is none."""

    dataset: str
    natives: tuple[Native[Any], ...]
    answers: Mapping[str, Answer]
    refused: Mapping[str, str]


@dataclass
class Placed(Generic[P]):
    """Where a measure's rows are looked at: a query, its alias in the statement, and the condition that is left to say."""

    native: Native[P]
    alias: str
    only: P | None
    present: bool = False
    """Whether every such row has the value."""
