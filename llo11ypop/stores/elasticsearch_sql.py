"""One Elasticsearch SQL query from first to last page: every row or an error, never a silent part."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llo11ypop.core.errors import StoreError
from llo11ypop.query.compile.sql import Instant, Sql
from llo11ypop.query.kinds import Kind
from llo11ypop.query.rows import TYPES
from llo11ypop.stores.elasticsearch_access import Access, store_error

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

ENGINE = "elasticsearch-sql"
PAGE_ROWS = 5_000
"""fetch_size; a page of documents may hold 10,000 (index.max_result_window, Elasticsearch 9 documentation)."""
TRIES = 4
FIRST_PAUSE_S = 0.25
"""Doubled after each try; our assumption."""
AT_ONCE = 6
"""Queries under way at a time; a data node's search queue holds 1,000 (our assumption: leave it to others)."""
_EXPECTED = {
    Kind.INTEGER: {"long", "integer", "short", "byte", "unsigned_long", "double", "float"},
    Kind.NUMBER: {"double", "float", "half_float", "scaled_float", "long", "integer", "short", "byte", "unsigned_long"},
    Kind.TEXT: {"keyword", "constant_keyword", "wildcard", "text", "ip", "version"},
    Kind.TIME: {"datetime", "date", "timestamp"},
}


@dataclass
class Reader:
    """Sends queries over one client and counts them."""

    client: "AsyncElasticsearch"
    access: Access
    at: datetime
    deadline_s: float
    queries: int = 0
    spent: dict[str, float] = field(default_factory=dict)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def rows(
        self, sql: Sql, columns: Sequence[tuple[str, Kind]], dataset: str, *, cap: int | None
    ) -> tuple[pa.Table, float]:
        """The rows and the seconds it took. Raises StoreError; as many rows as `cap` means that some may be missing."""
        async with self._free:
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self.deadline_s):
                    body = await self._tried(sql, dataset)
            except TimeoutError as bad:
                raise store_error(bad, self.access, f"dataset '{dataset}'") from bad
            if cap is not None and len(body.rows) >= cap:
                raise StoreError(
                    f"{self.access.name}: dataset '{dataset}' has {cap:,} groups or more for one query, so some would be missing",
                    next_step="ask for a shorter window, fewer keys or a filter",
                )
            return _table(body, columns, dataset, self.access.name), time.perf_counter() - started

    async def _tried(self, sql: Sql, dataset: str) -> "Body":
        """The whole query again where a retry may help: a cursor is not taken up after a failure."""
        pause = FIRST_PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                return await self._pages(sql, dataset)
            except StoreError as bad:
                if not bad.transient or not left:
                    raise
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    async def _pages(self, sql: Sql, dataset: str) -> "Body":
        from elasticsearch import ApiError, TransportError, UnsupportedProductError

        self.queries += 1
        cursor = None
        try:
            page = await self.client.sql.query(
                query=sql.text,
                params=list(sent(sql.params, self.at)) or None,
                fetch_size=PAGE_ROWS,
                time_zone="Z",
                request_timeout=f"{int(self.access.timeout_s * 1000)}ms",
                page_timeout=f"{int(self.access.timeout_s * 1000)}ms",
                allow_partial_search_results=False,
                format="json",
            )
            body = Body([(c["name"], c["type"]) for c in page["columns"]], list(page["rows"]))
            while cursor := _next(page, self.access, dataset):
                page = await self.client.sql.query(cursor=cursor, time_zone="Z", format="json")
                body.rows.extend(page["rows"])
        except (ApiError, TransportError, UnsupportedProductError) as bad:
            if cursor:
                await self._let_go(cursor)
            raise store_error(bad, self.access, f"dataset '{dataset}'") from bad
        return body

    async def _let_go(self, cursor: str) -> None:
        """Close a cursor that is not read to its end; it expires by itself where that fails."""
        from elasticsearch import ApiError, TransportError

        try:
            await self.client.sql.clear_cursor(cursor=cursor)
        except (ApiError, TransportError):
            return


@dataclass
class Body:
    """What all pages of an answer hold."""

    columns: list[tuple[str, str]]
    """(name, Elasticsearch type)."""
    rows: list[list[Any]]


def sent(params: Iterable[Any], at: datetime) -> Iterable[Any]:
    """The values of a query as JSON holds them; instants as ISO 8601 in UTC."""
    for value in params:
        moment = at - value.ago if isinstance(value, Instant) else value
        yield iso(moment) if isinstance(moment, datetime) else moment


def iso(moment: datetime) -> str:
    """An instant to the millisecond, or as exact as it is."""
    fine = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=fine) + "Z"


def _next(page: Any, access: Access, dataset: str) -> str | None:
    if page.get("is_partial"):
        message = f"{access.name}: only a part of the answer about '{dataset}' came"
        raise StoreError(message, next_step="try again", transient=True)
    cursor: str | None = page.get("cursor")
    return cursor


def _table(body: Body, columns: Sequence[tuple[str, Kind]], dataset: str, place: str) -> pa.Table:
    if [name for name, _ in body.columns] != [name for name, _ in columns]:
        raise StoreError(f"{place}: the answer about '{dataset}' has other columns than were asked for")
    for (name, kind), (_, found) in zip(columns, body.columns, strict=True):
        if found not in _EXPECTED.get(kind, {found}) and found != "null":
            step = "look at it with 'llo11ypop catalog discover'"
            raise StoreError(f"{place}: '{dataset}' gives {found} where {kind} is expected (column {name})", next_step=step)
    values = zip(*body.rows, strict=True) if body.rows else ([] for _ in columns)
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
            return datetime.fromisoformat(value).astimezone(UTC)
    return str(value)
