"""One query of a cluster from first to last page: tried again where that may help, every row or an error, never a silent part.

What a page looks like is for the language to say: `elasticsearch_sql`, `elasticsearch_search`, `elasticsearch_esql`.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from llo11ypop.catalog.models import RuntimeField
from llo11ypop.core.access import Access
from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Query
from llo11ypop.query.compile.es_native import Native
from llo11ypop.query.compile.sql import Instant
from llo11ypop.query.kinds import Kind
from llo11ypop.query.rows import TYPES
from llo11ypop.stores.elasticsearch_access import store_error
from llo11ypop.stores.retrying import tried

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

AT_ONCE = 6
"""Queries under way at a time; a data node's search queue holds 1,000 (our assumption: leave it to others)."""


class TooManyGroupsError(StoreError):
    """A query has as many groups as may be asked for, so that some may be missing."""


@dataclass
class Reader(ABC):
    """Sends queries over one client and counts them."""

    client: "AsyncElasticsearch"
    access: Access
    at: datetime
    deadline_s: float
    queries: int = 0
    runtime: Callable[[str], Mapping[str, RuntimeField]] = lambda _: {}
    """Dataset → fields that the cluster works out as it reads."""
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    engine: ClassVar[str]

    async def rows(self, native: Native[Any], dataset: str) -> tuple[pa.Table, float]:
        """The rows and the seconds it took. Raises StoreError; as many groups as the limit means that some may be missing."""
        async with self._free:
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self.deadline_s):
                    rows = await tried(lambda: self._whole(native, dataset))
            except TimeoutError as bad:
                raise store_error(bad, self.access, f"dataset '{dataset}'") from bad
            if native.keys and not native.plan_limit and len(rows) >= native.limit:
                raise TooManyGroupsError(
                    f"{self.access.name}: dataset '{dataset}' has {native.limit:,} groups or more for one query, "
                    "so some would be missing",
                    next_step="ask for a shorter window, fewer keys or a filter",
                )
            return table_of(rows, native.kinds), time.perf_counter() - started

    async def _whole(self, native: Native[Any], dataset: str) -> list[Sequence[Any]]:
        """All pages anew: one is not taken up after a failure."""
        self.queries += 1
        return await self.pages(native, dataset)

    @abstractmethod
    async def pages(self, native: Native[Any], dataset: str) -> list[Sequence[Any]]:
        """All rows of a query, in the order of its columns. Raises StoreError."""

    @abstractmethod
    def query(self, native: Native[Any], dataset: str) -> Query:
        """A query as the evidence shows it."""

    def mappings(self, dataset: str, said: str) -> dict[str, Any]:
        """`runtime_mappings` for a query: those fields that it names."""
        made = {name: one for name, one in self.runtime(dataset).items() if name in said}
        return {name: {"type": one.type, "script": {"source": one.script}} for name, one in made.items()}

    def partial(self, dataset: str) -> StoreError:
        """The error for an answer that is not whole."""
        message = f"{self.access.name}: only a part of the answer about '{dataset}' came"
        return StoreError(message, next_step="try again", transient=True)


def sent(value: Any, at: datetime) -> Any:
    """A value, or a JSON object of them, as it is sent; instants as ISO 8601 in UTC."""
    match value:
        case dict():
            return {key: sent(inner, at) for key, inner in value.items()}
        case list() | tuple():
            return [sent(inner, at) for inner in value]
        case Instant():
            return iso(at - value.ago)
        case datetime():
            return iso(value)
    return value


def iso(moment: datetime) -> str:
    """An instant to the millisecond, or as exact as it is."""
    fine = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=fine) + "Z"


def table_of(rows: Sequence[Sequence[Any]], columns: Sequence[tuple[str, Kind]]) -> pa.Table:
    """Rows as JSON holds them, in the types of our tables."""
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    arrays = [pa.array([_value(v, kind) for v in column], TYPES[kind]) for column, (_, kind) in zip(values, columns, strict=True)]
    return pa.table(arrays, [name for name, _ in columns])


def _value(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    match kind:
        case Kind.INTEGER:
            return int(value)
        case Kind.NUMBER:
            return float(value)
        case Kind.TIME:
            if isinstance(value, (int, float)):
                return datetime.fromtimestamp(value / 1000, UTC)
            return datetime.fromisoformat(value).astimezone(UTC)
    return str(value)
