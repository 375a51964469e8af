"""Queries in ES|QL: POST /_query. There are no pages: an answer is whole, or an error.

Beside SQL it says what SQL cannot.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from llo11ypop.core.evidence import Query
from llo11ypop.query.compile.es_native import Native
from llo11ypop.query.compile.esql import text_of
from llo11ypop.stores.elasticsearch_access import store_error
from llo11ypop.stores.elasticsearch_read import Reader, sent
from llo11ypop.stores.elasticsearch_sql import SqlReader, matched


class EsqlReader(Reader):
    """Reads one answer."""

    engine: ClassVar[str] = "elasticsearch-esql"

    def query(self, native: Native[Any], dataset: str) -> Query:
        """See Reader."""
        text = text_of(native)
        return Query(self.engine, dataset, text.text, tuple(sent(text.params, self.at)))

    async def pages(self, native: Native[Any], dataset: str) -> list[Sequence[Any]]:
        """See Reader."""
        from elasticsearch import ApiError, TransportError, UnsupportedProductError

        text = text_of(native)
        try:
            answer = await self.client.esql.query(
                query=text.text,
                params=sent(text.params, self.at) or None,
                allow_partial_results=False,
                columnar=False,
                format="json",
            )
        except (ApiError, TransportError, UnsupportedProductError) as bad:
            raise store_error(bad, self.access, f"dataset '{dataset}'") from bad
        if answer.get("is_partial"):
            raise self.partial(dataset)
        matched(answer["columns"], native, dataset, self.access.name)
        return list(answer["values"])


class EitherReader(SqlReader):
    """Reads SQL, and ES|QL where a query is said in it instead."""

    def query(self, native: Native[Any], dataset: str) -> Query:
        """See Reader."""
        return self._esql().query(native, dataset) if native.instead else super().query(native, dataset)

    async def pages(self, native: Native[Any], dataset: str) -> list[Sequence[Any]]:
        """See Reader."""
        return await (self._esql().pages(native, dataset) if native.instead else super().pages(native, dataset))

    def _esql(self) -> EsqlReader:
        return EsqlReader(self.client, self.access, self.at, self.deadline_s)
