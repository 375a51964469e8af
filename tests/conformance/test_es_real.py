"""The same against a real Elasticsearch on loopback: LLO11YPOP_ES_URL, and LLO11YPOP_ES_API_KEY where it asks for one.

A small fleet is loaded under a prefix of its own and taken away again. Nobody has recorded a run of this yet.
"""

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from llo11ypop.core.access import Access
from llo11ypop.evals.parity import compare
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_access import connect
from llo11ypop.stores.elasticsearch_languages import ESQL, SQL
from llo11ypop.stores.es_load import load
from tests.conformance.elasticsearch_samples import gpu_rows
from tests.conformance.random_plans import shapes
from tests.conformance.store_tables import AT, catalog, write_tables

URL = os.environ.get("LLO11YPOP_ES_URL", "")
pytestmark = [
    pytest.mark.elasticsearch,
    pytest.mark.skipif(not URL, reason="no real Elasticsearch: set LLO11YPOP_ES_URL (and LLO11YPOP_ES_API_KEY)"),
]


@dataclass
class Real:
    duck: DuckDbStore
    es: ElasticsearchStore
    esql: ElasticsearchStore
    access: Access


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Real]:
    access = Access(URL, token=SecretStr(os.environ.get("LLO11YPOP_ES_API_KEY", "")))
    prefix = f"llo11ypop-test-{uuid.uuid4().hex[:8]}-"
    path = tmp_path / "fleet.duckdb"
    with duckdb.connect(str(path)) as connection:
        write_tables(connection, gpu_rows())
        loaded = [one async for one in load(access, connection, catalog(), prefix=prefix)]
    assert not any(one.refused for one in loaded)
    spoken = [ElasticsearchStore(access, catalog(), prefix=prefix, language=language) for language in (SQL, ESQL)]
    yield Real(DuckDbStore.open(path, catalog()), *spoken, access)
    async with connect(access) as client:
        await client.indices.delete_data_stream(name=f"{prefix}*")
        await client.indices.delete_index_template(name=f"{prefix}*")


@pytest.mark.parametrize("name", list(shapes()))
async def test_the_real_one_says_what_duckdb_says(real: Real, name: str) -> None:
    made = shapes()[name]
    ours, theirs = await real.duck.run(made, AT), await real.es.run(made, AT)
    assert compare(ours, theirs).verdict in ("equal", "estimated")
    async with connect(real.access) as client:
        for query in theirs.queries:
            assert await client.sql.translate(query=query.text, params=list(query.params) or None, time_zone="Z")


@pytest.mark.parametrize("name", list(shapes()))
async def test_the_real_one_says_in_esql_what_duckdb_says(real: Real, name: str) -> None:
    made = shapes()[name]
    assert compare(await real.duck.run(made, AT), await real.esql.run(made, AT)).verdict in ("equal", "estimated")
