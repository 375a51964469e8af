"""Our requests against Elastic's own schema, and that the check can fail."""

from typing import Any

import pytest

from llo11ypop.query.compile import es_dsl
from llo11ypop.query.compile.es_dsl import body_of
from llo11ypop.query.compile.es_sql_names import own_index
from llo11ypop.query.fuse import fuse
from llo11ypop.stores.elasticsearch_read import sent
from tests.conformance.elasticsearch_samples import both, gpu_rows
from tests.conformance.random_plans import shapes
from tests.conformance.store_tables import AT, catalog, plan
from tests.fakes.elasticsearch_schema import Schema, schema


@pytest.fixture
def rules() -> Schema:
    found = schema()
    if found is None:
        pytest.skip("no schema-9.5.trim.json in the shared folder; set LLO11YPOP_SHARED to check requests against it")
    return found


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "problem"),
    [
        ("POST", "/_sql", {"format": "json"}, {"query": "SELECT 1", "params": [1, "a"], "fetch_size": 10, "time_zone": "Z"}, ""),
        ("POST", "/_sql", {}, {"query": "SELECT 1", "fetch_sizes": 10}, "unknown property 'fetch_sizes'"),
        ("POST", "/_sql", {}, {"query": "SELECT 1", "fetch_size": "ten"}, "fetch_size: number is expected"),
        ("POST", "/_sql", {}, {"query": ["SELECT 1"]}, "string is expected"),
        ("POST", "/_sql/close", {}, {}, "'cursor' is missing"),
        ("POST", "/_sql", {"formt": "json"}, {"query": "SELECT 1"}, "unknown query parameter 'formt'"),
        ("GET", "/x/_field_caps", {"fields": "*", "allow_no_indices": "true"}, None, ""),
        ("PUT", "/_index_template/x", {}, {"index_patterns": ["x"], "data_stream": {}, "priority": 500}, ""),
        ("PUT", "/_index_template/x", {}, {"index_patern": ["x"]}, "unknown property 'index_patern'"),
        ("PUT", "/_data_streams/x", {}, None, "no such endpoint"),
    ],
)
def test_a_request_is_held_to_the_schema(
    rules: Schema, method: str, path: str, query: dict[str, str], body: Any, problem: str
) -> None:
    found = rules.problems(method, path, query, body)
    assert problem in "; ".join(found)
    assert bool(found) == bool(problem)


async def test_what_the_store_sends_fits(rules: Schema) -> None:
    with both(gpu_rows(2, 6)) as made:
        made_plan = plan(
            dataset="gpu_metrics", window="1h", by=["gpu_uuid"], measures={"t": {"agg": "max", "field": "gpu_temp_c"}}
        )
        await made.es.run(made_plan, AT)
        assert {path for _, path, _ in made.fake.requests} >= {"/_sql", "/llo11ypop-gpu_metrics/_field_caps"}
        assert made.fake.problems == []


@pytest.mark.parametrize("name", list(shapes()))
def test_what_the_query_dsl_sends_fits(rules: Schema, name: str) -> None:
    known = catalog()
    (select,) = shapes()[name].selects.values()
    compiled = es_dsl.compiler(lambda dataset: own_index(known.datasets[dataset], "x-"))(fuse({"a": select})[0], known, False)
    assert compiled.natives and not compiled.refused
    for native in compiled.natives:
        for after in (None, {"k0": "a"}):
            body = sent(body_of(native, groups=10, after=after, rows=5), AT)
            assert rules.problems("POST", f"/{native.source}/_search", {"allow_partial_search_results": "false"}, body) == []


def test_a_mistake_in_a_search_is_found(rules: Schema) -> None:
    for body in (
        {"aggs": {"g": {"composite": {"size": 1, "source": []}}}},
        {"query": {"bool": {"filters": []}}},
        {"aggs": {"m": {"cardinality": {"feild": "x"}}}},
    ):
        assert rules.problems("POST", "/x/_search", {}, body), body
