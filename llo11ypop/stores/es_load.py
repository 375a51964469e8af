# ruff: noqa: S608 - only identifiers of the catalog, quoted, are put into text; values are parameters
"""Write a fleet's file into Elasticsearch: index templates with strict mappings, data streams, bulk, and what was refused.

A document's id comes from its row, so loading the same file again writes nothing twice.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset, Kind
from llo11ypop.core.access import Access
from llo11ypop.query.compile.es_sql_names import Index, own_index, streamed
from llo11ypop.query.compile.sql import quoted
from llo11ypop.stores.elasticsearch_access import TRANSIENT, connect, store_error

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

CHUNK = 2_000
"""Documents of one bulk request; far below the 100 MB that Elasticsearch takes (http.max_content_length in its documentation)."""
RETRIES = 5
"""Of documents that a busy node turned away (429)."""
CONFLICT = 409
PRIORITY = 500
"""Above the templates that Elasticsearch brings for `logs-*` and `metrics-*`, which have 100 (Elasticsearch 9 documentation)."""


@dataclass
class Loaded:
    """What became of one dataset's rows."""

    dataset: str
    index: str
    created: int = 0
    there: int = 0
    """Rows that were there already."""
    refused: Counter[str] = field(default_factory=Counter)
    """Reason → rows."""


def mapping(dataset: Dataset, index: Index, there: frozenset[str]) -> dict[str, Any]:
    """The strict mapping of the fields that a fleet exports. A metric's floats have four bytes, as in the file."""
    number = "float" if dataset.kind is Kind.METRIC else "double"
    types = {"timestamp": "date", "integer": "long", "float": number, "string": "keyword"}
    fields = {index.columns[n].name: {"type": types[spec.type]} for n, spec in dataset.fields.items() if n in there}
    return {"dynamic": "strict", "properties": fields}


async def load(
    access: Access,
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    *,
    prefix: str,
    only: tuple[str, ...] = (),
    last: timedelta | None = None,
) -> AsyncIterator[Loaded]:
    """Load every dataset of a fleet's file, or `only` some; of timed ones the `last` span. Raises StoreError."""
    from elasticsearch import ApiError, TransportError

    async with connect(access, plain=True) as client:
        for name, dataset in catalog.datasets.items():
            there = _columns(connection, name)
            if not there or (only and name not in only):
                continue
            index = own_index(dataset, prefix)
            try:
                await _prepared(client, dataset, index, there)
                yield await _filled(client, connection, dataset, index, there, last)
            except (ApiError, TransportError) as bad:
                raise store_error(bad, access, f"the index '{index.pattern}'") from bad


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> frozenset[str]:
    found = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = ?", [table])
    return frozenset(name for (name,) in found.fetchall())


async def _prepared(client: "AsyncElasticsearch", dataset: Dataset, index: Index, there: frozenset[str]) -> None:
    """Template first, then the data stream or index, if it is not there yet."""
    from elasticsearch import BadRequestError

    stream = streamed(dataset)
    await client.indices.put_index_template(
        name=index.pattern,
        index_patterns=[index.pattern],
        priority=PRIORITY,
        template={"mappings": mapping(dataset, index, there)},
        data_stream={} if stream else None,
    )
    try:
        if stream:
            await client.indices.create_data_stream(name=index.pattern)
        else:
            await client.indices.create(index=index.pattern)
    except BadRequestError as bad:
        if "resource_already_exists_exception" not in str(bad):
            raise


async def _filled(
    client: "AsyncElasticsearch",
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    index: Index,
    there: frozenset[str],
    last: timedelta | None,
) -> Loaded:
    from elasticsearch.helpers import async_streaming_bulk

    done = Loaded(dataset.dataset, index.pattern)
    actions = (
        {"_op_type": "create", "_index": index.pattern, "_id": identity, "_source": document}
        for identity, document in documents(connection, dataset, index, there, last)
    )
    async for ok, item in async_streaming_bulk(
        client,
        actions,
        chunk_size=CHUNK,
        raise_on_error=False,
        max_retries=RETRIES,
        initial_backoff=0.2,
        retry_on_status=sorted(TRANSIENT),
    ):
        if ok:
            done.created += 1
        elif item["create"]["status"] == CONFLICT:
            done.there += 1
        else:
            done.refused[_reason(item["create"].get("error"))] += 1
    await client.indices.refresh(index=index.pattern)
    return done


def documents(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, index: Index, there: frozenset[str], last: timedelta | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(id, document) of every row, in order; a value that is missing or no number has no field."""
    names = [name for name in dataset.fields if name in there]
    table, where, params = quoted(dataset.dataset), "", []
    if last is not None and streamed(dataset):
        time = quoted(dataset.time)
        where = f" WHERE {time} >= (SELECT max({time}) FROM {table}) - to_microseconds(?)"
        params = [last // timedelta(microseconds=1)]
    cursor = connection.cursor().execute(f"SELECT {', '.join(map(quoted, names))} FROM {table}{where}", params)
    fields = [index.columns[name].name for name in names]
    seen: Counter[str] = Counter()
    while rows := cursor.fetchmany(CHUNK):
        for row in rows:
            document = {f: _json(v) for f, v in zip(fields, row, strict=True) if v is not None and not _nan(v)}
            digest = hashlib.blake2b(json.dumps(document, sort_keys=True).encode(), digest_size=12).hexdigest()
            seen[digest] += 1
            yield f"{digest}-{seen[digest]}", document


def _nan(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _json(value: Any) -> Any:
    """Instants as ISO 8601 in UTC: DuckDB's TIMESTAMP holds them naive."""
    return value.isoformat(timespec="milliseconds") + "Z" if isinstance(value, datetime) else value


def _reason(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)[:200]
    return f"{error.get('type', 'error')}: {error.get('reason', '')}"[:200]
