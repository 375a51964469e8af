"""An OpenSearch in memory of the tests' own on loopback (osmem-server, somebody else's reading of the documentation)."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.access import Access
from llo11ypop.query.compile.es_sql_names import own_index
from llo11ypop.stores.elasticsearch_access import connect
from llo11ypop.stores.es_load import documents, mapping

PREFIX = "llo11ypop-"
ONE_BODY = 1_000_000
"""Bytes of one request; aiohttp warns of more than a mebibyte, and warnings are errors in tests."""


class UnavailableError(Exception):
    """Why it cannot be had here."""


@contextmanager
def running() -> Iterator[str]:
    """The address of an empty server. Raises UnavailableError."""
    try:
        import osmem_server
    except ImportError as bad:
        raise UnavailableError("osmem-server is not installed (it comes with the development tools on Linux)") from bad
    try:
        server = osmem_server.OsmemServer.start(japanese=False)
    except (osmem_server.OsmemError, OSError) as bad:
        raise UnavailableError(f"osmem-server does not start: {bad}") from bad
    process: subprocess.Popen[str] = server.process
    try:
        yield str(server.url)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def fill(url: str, connection: duckdb.DuckDBPyConnection, catalog: Catalog, *, only: tuple[str, ...] = ()) -> None:
    """Write the tables of a fleet's database as the indices that our loader writes."""
    asyncio.run(filled(url, connection, catalog, only))


async def filled(url: str, connection: duckdb.DuckDBPyConnection, catalog: Catalog, only: tuple[str, ...] = ()) -> None:
    """The same inside an event loop. It takes about a second for 500 rows."""
    from elasticsearch.helpers import async_bulk

    async with connect(Access(url, timeout_s=120.0), plain=True) as client:
        for name, dataset in catalog.datasets.items():
            listed = "SELECT column_name FROM information_schema.columns WHERE table_name = ?"
            there = frozenset(column for (column,) in connection.execute(listed, [name]).fetchall())
            if not there or (only and name not in only):
                continue
            index = own_index(dataset, PREFIX)
            await client.indices.create(index=index.pattern, mappings=mapping(dataset, index, there))
            actions = (
                {"_op_type": "create", "_index": index.pattern, "_id": identity, "_source": document}
                for identity, document in documents(connection, dataset, index, there)
            )
            await async_bulk(client, actions, chunk_size=1000, max_chunk_bytes=ONE_BODY)
            await client.indices.refresh(index=index.pattern)
