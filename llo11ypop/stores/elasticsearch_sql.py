"""Queries in Elasticsearch SQL: POST /_sql and its cursors."""

from collections.abc import Sequence
from typing import Any, ClassVar

from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Query
from llo11ypop.query.compile.es_native import Native
from llo11ypop.query.compile.es_sql import text_of
from llo11ypop.query.kinds import Kind
from llo11ypop.stores.elasticsearch_access import store_error
from llo11ypop.stores.elasticsearch_read import Reader, sent

PAGE_ROWS = 5_000
"""fetch_size; a page of documents may hold 10,000 (index.max_result_window, Elasticsearch 9 documentation)."""
EXPECTED = {
    Kind.INTEGER: {"long", "integer", "short", "byte", "unsigned_long", "double", "float"},
    Kind.NUMBER: {"double", "float", "half_float", "scaled_float", "long", "integer", "short", "byte", "unsigned_long"},
    Kind.TEXT: {"keyword", "constant_keyword", "wildcard", "text", "ip", "version"},
    Kind.TIME: {"datetime", "date", "date_nanos", "timestamp"},
}
"""Types of an answer's columns that hold values of a kind."""


class SqlReader(Reader):
    """Reads pages by cursor."""

    engine: ClassVar[str] = "elasticsearch-sql"

    def query(self, native: Native[Any], dataset: str) -> Query:
        """See Reader."""
        text = text_of(native)
        return Query(self.engine, dataset, text.text, tuple(sent(text.params, self.at)))

    async def pages(self, native: Native[Any], dataset: str) -> list[Sequence[Any]]:
        """See Reader."""
        from elasticsearch import ApiError, TransportError, UnsupportedProductError

        cursor, text = None, text_of(native)
        try:
            page = await self.client.sql.query(
                query=text.text,
                params=sent(text.params, self.at) or None,
                runtime_mappings=self.mappings(dataset, text.text) or None,
                fetch_size=PAGE_ROWS,
                time_zone="Z",
                request_timeout=f"{int(self.access.timeout_s * 1000)}ms",
                page_timeout=f"{int(self.access.timeout_s * 1000)}ms",
                allow_partial_search_results=False,
                format="json",
            )
            matched(page["columns"], native, dataset, self.access.name)
            rows: list[Sequence[Any]] = list(page["rows"])
            while cursor := self._next(page, dataset):
                page = await self.client.sql.query(cursor=cursor, time_zone="Z", format="json")
                rows.extend(page["rows"])
        except (ApiError, TransportError, UnsupportedProductError) as bad:
            if cursor:
                await self._let_go(cursor)
            raise store_error(bad, self.access, f"dataset '{dataset}'") from bad
        return rows

    def _next(self, page: Any, dataset: str) -> str | None:
        if page.get("is_partial"):
            raise self.partial(dataset)
        cursor: str | None = page.get("cursor")
        return cursor

    async def _let_go(self, cursor: str) -> None:
        """Close a cursor that is not read to its end; it expires by itself where that fails."""
        from elasticsearch import ApiError, TransportError

        try:
            await self.client.sql.clear_cursor(cursor=cursor)
        except (ApiError, TransportError):
            return


def matched(columns: Sequence[Any], native: Native[Any], dataset: str, place: str) -> None:
    """Raise StoreError where an answer's columns are not those that were asked for."""
    if [column["name"] for column in columns] != [name for name, _ in native.kinds]:
        raise StoreError(f"{place}: the answer about '{dataset}' has other columns than were asked for")
    for (name, kind), column in zip(native.kinds, columns, strict=True):
        found = column["type"]
        if found not in EXPECTED.get(kind, {found}) and found != "null":
            step = "look at it with 'llo11ypop catalog discover'"
            raise StoreError(f"{place}: '{dataset}' gives {found} where {kind} is expected (column {name})", next_step=step)
