"""Queries in the Query DSL: POST /<index>/_search, pages of a composite aggregation by after_key."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from llo11ypop.core.evidence import Query
from llo11ypop.query.compile.es_dsl import body_of
from llo11ypop.query.compile.es_native import Native
from llo11ypop.stores.elasticsearch_access import store_error
from llo11ypop.stores.elasticsearch_read import Reader, sent

PAGE_GROUPS = 1_000
"""Groups of a page."""
MOST_BUCKETS = 60_000
"""Of one answer, filters counted; a cluster refuses more than 65,536 (search.max_buckets)."""
MOST_ROWS = 10_000
"""Of one answer (index.max_result_window)."""


class SearchReader(Reader):
    """Reads pages of groups, or rows."""

    engine: ClassVar[str] = "elasticsearch-dsl"

    def query(self, native: Native[Any], dataset: str) -> Query:
        """See Reader."""
        first = sent(body_of(native, groups=_page(native), rows=_rows(native)), self.at)
        return Query(self.engine, dataset, f"POST /{native.source}/_search " + json.dumps(first, separators=(",", ":")), ())

    async def pages(self, native: Native[Any], dataset: str) -> list[Sequence[Any]]:
        """See Reader."""
        if native.plan_limit:
            return self._hits(await self._page(native, dataset, None), native)
        answer = await self._page(native, dataset, None)
        if not native.keys:
            top = {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}
            return [[_cell(top, name, piece) for name, (piece, _) in native.columns.items()]]
        rows: list[Sequence[Any]] = []
        while True:
            groups = answer["aggregations"]["groups"]
            rows += [[_cell(b, name, piece) for name, (piece, _) in native.columns.items()] for b in groups["buckets"]]
            after = groups.get("after_key")
            if not after or len(groups["buckets"]) < _page(native) or len(rows) >= native.limit:
                return rows
            answer = await self._page(native, dataset, after)

    async def _page(self, native: Native[Any], dataset: str, after: dict[str, Any] | None) -> Any:
        from elasticsearch import ApiError, TransportError

        body = sent(body_of(native, groups=_page(native), after=after, rows=_rows(native)), self.at)
        if made := self.mappings(dataset, json.dumps(body)):
            body["runtime_mappings"] = made
        try:
            answer = await self.client.search(index=native.source, body=body, allow_partial_search_results=False)
        except (ApiError, TransportError) as bad:
            raise store_error(bad, self.access, f"dataset '{dataset}'") from bad
        if answer["timed_out"] or answer["_shards"]["failed"]:
            raise self.partial(dataset)
        return answer

    def _hits(self, answer: Any, native: Native[Any]) -> list[Sequence[Any]]:
        fields = [piece["field"] for piece, _ in native.columns.values()]
        rows: list[Sequence[Any]] = [
            [hit.get("fields", {}).get(field, [None])[0] for field in fields] for hit in answer["hits"]["hits"]
        ]
        if len(rows) < native.limit <= answer["hits"]["total"]["value"]:
            rows.append(rows[-1])  # stands for the row after the plan's last one, which a page cannot hold
        return rows


def _rows(native: Native[Any]) -> int:
    return min(native.limit, MOST_ROWS) if native.plan_limit else 0


def _page(native: Native[Any]) -> int:
    """Groups of a page, fewer where each comes with many filters."""
    return min(PAGE_GROUPS, MOST_BUCKETS // (1 + len(native.columns)))


def _cell(bucket: Any, name: str, piece: dict[str, Any]) -> Any:
    """The value of a column in a group."""
    if "path" not in piece:
        return bucket["key"][name]
    if piece["only"] is not None:
        bucket = bucket[name]
    if piece["path"] == "doc_count":
        return bucket["doc_count"]
    found = bucket["value" if piece["only"] is not None else name]
    match piece["path"].partition(":"):
        case ("hit", _, field):
            hits = found["hits"]["hits"]
            return hits[0].get("fields", {}).get(field, [None])[0] if hits else None
        case ("percentile", _, _):
            value = found["values"][0]["value"]
        case (path, _, _):
            value = found[path]
    return None if str(value) == "NaN" else value
