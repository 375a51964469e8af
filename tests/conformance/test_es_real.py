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

from llo11ypop.evals.parity import compare
from llo11ypop.query.plan import Plan
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_access import Access, connect
from llo11ypop.stores.es_load import load
from tests.conformance.elasticsearch_samples import gpu_rows
from tests.conformance.store_tables import AT, catalog, plan, write_tables
from tests.conformance.test_es_parity import CONDITIONS

URL = os.environ.get("LLO11YPOP_ES_URL", "")
pytestmark = [
    pytest.mark.elasticsearch,
    pytest.mark.skipif(not URL, reason="no real Elasticsearch: set LLO11YPOP_ES_URL (and LLO11YPOP_ES_API_KEY)"),
]


@dataclass
class Real:
    duck: DuckDbStore
    es: ElasticsearchStore
    access: Access


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Real]:
    access = Access((URL,), api_key=SecretStr(os.environ.get("LLO11YPOP_ES_API_KEY", "")))
    prefix = f"llo11ypop-test-{uuid.uuid4().hex[:8]}-"
    path = tmp_path / "fleet.duckdb"
    with duckdb.connect(str(path)) as connection:
        write_tables(connection, gpu_rows())
        loaded = [one async for one in load(access, connection, catalog(), prefix=prefix)]
    assert not any(one.refused for one in loaded)
    yield Real(DuckDbStore.open(path, catalog()), ElasticsearchStore(access, catalog(), prefix=prefix), access)
    async with connect(access) as client:
        await client.indices.delete_data_stream(name=f"{prefix}*")
        await client.indices.delete_index_template(name=f"{prefix}*")


def plans() -> dict[str, Plan]:
    """One plan per way of saying something."""
    found = {
        f"where {condition}": plan(
            dataset="gpu_metrics", window="3h", by=["gpu_uuid"], where=condition, measures={"n": {"agg": "count"}}
        )
        for condition in CONDITIONS
    }
    for agg in ("sum", "avg", "min", "max", "stddev", "count_distinct", "count", "list", "first", "last"):
        measure = {"agg": agg, "field": "gpu_temp_c"}
        found[agg] = plan(dataset="gpu_metrics", window="3h", by=["gpu_uuid"], measures={"m": measure})
    measure = {"agg": "percentile", "field": "power_w", "q": 0.95}
    found["percentile"] = plan(dataset="gpu_metrics", window="3h", measures={"m": measure})
    for every in ("10m", "1h", "day", "week"):
        found[f"every {every}"] = plan(
            dataset="gpu_metrics", window="3h", bucket={"every": every}, measures={"n": {"agg": "count"}}
        )
    found["null key"] = plan(dataset="gpu_metrics", window="3h", by=["driver"], measures={"n": {"agg": "count"}})
    found["raw"] = plan(dataset="syslog", window="2h", fields=["ts", "node_id", "message"], limit=7)
    return found


@pytest.mark.parametrize("name", list(plans()))
async def test_the_real_one_says_what_duckdb_says(real: Real, name: str) -> None:
    made = plans()[name]
    ours, theirs = await real.duck.run(made, AT), await real.es.run(made, AT)
    assert compare(ours, theirs).verdict in ("equal", "estimated")
    async with connect(real.access) as client:
        for query in theirs.queries:
            assert await client.sql.translate(query=query.text, params=list(query.params) or None, time_zone="Z")
