"""Fields of dimensions joined here give what DuckDB's own joins give, also while things change in the window."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llo11ypop.core.access import Access
from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.evals.parity import compare
from llo11ypop.query.plan import Plan
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import DSL
from llo11ypop.stores.joining import JoiningStore
from llo11ypop.stores.spanning import SpanningStore
from tests import opensearch_server
from tests.conformance.elasticsearch_samples import Rows, both, gpu_rows
from tests.conformance.store_tables import AT, catalog, plan, store_of, write_tables


def tables() -> Rows:
    """n0 stays, n1 moves to another rack in the window, n9 is not in the inventory; a GPU has no node at all."""
    rows = gpu_rows(6, 24)
    for row in rows["gpu_metrics"]:
        row["node_id"] = {"n0": "n0", "n1": "n1"}.get(row["node_id"], "n9" if row["gpu_uuid"] == "g4" else None)
    node = {"cluster": "c-a", "gpu_count": 2, "site": "s1"}
    rows["inventory_nodes"] = [
        {**node, "node_id": "n0", "rack": "r1", "driver": "550", "valid_from": 9999, "valid_to": 50},
        {**node, "node_id": "n0", "rack": "r1", "driver": "570", "valid_from": 50, "valid_to": None},
        {**node, "node_id": "n1", "rack": "r1", "driver": "550", "valid_from": 9999, "valid_to": 61},
        {**node, "node_id": "n1", "rack": "r2", "driver": "550", "valid_from": 40, "valid_to": None, "site": "s2"},
        {**node, "node_id": "n2", "rack": "r2", "driver": "550", "valid_from": 9999, "valid_to": None},
    ]
    rows["inventory_sites"] = [{"site": s, "provider": p} for s, p in (("s1", "p1"), ("s2", "p2"))]
    rows["inventory_clusters"] = [{"cluster": "c-a", "site": "s1"}]
    rows["inventory_gpus"] = [
        {"gpu_uuid": f"g{g}", "node_id": f"n{g // 2}", "valid_from": 9999, "valid_to": None} for g in range(6)
    ]
    return rows


@pytest.fixture(scope="module")
def duck() -> DuckDbStore:
    return store_of(tables())


WHERE = (
    "rack = 'r1'",
    "rack != 'r1' and power_w > 200",
    "rack like 'r%' or node_id = 'n9'",
    "not (rack = 'r2')",
    "gpu_count > 1",
)


def measures() -> st.SearchStrategy[dict[str, Any]]:
    extra = {"where": st.sampled_from((*WHERE, "power_w > 150")), "over": st.just("30m")}
    numbers = st.fixed_dictionaries(
        {"agg": st.sampled_from(["sum", "avg", "min", "max", "first", "last", "count_distinct", "count", "list"])}
        | {"field": st.sampled_from(["power_w", "gpu_temp_c", "gpu_uuid", "xid_last", "node_id"])},
        optional=extra,
    ).filter(lambda m: m["field"] not in ("gpu_uuid", "node_id") or m["agg"] not in ("sum", "avg"))
    dims = st.fixed_dictionaries(
        {
            "agg": st.sampled_from(["count_distinct", "list", "min", "max", "count"]),
            "field": st.sampled_from(["rack", "gpu_count"]),
        },
        optional={"where": st.just("power_w > 150")},
    )
    return st.one_of(
        numbers, numbers, dims, st.just({"agg": "percentile", "field": "power_w", "q": 0.5}), st.just({"agg": "count"})
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    parts: dict[str, Any] = {
        "dataset": "gpu_metrics",
        "window": draw(st.sampled_from(["30m", "1h", "2h"])),
        "by": draw(st.lists(st.sampled_from(["rack", "site", "node_id", "gpu_uuid", "gpu_index"]), max_size=3, unique=True)),
        "measures": {f"m{i}": draw(measures()) for i in range(draw(st.integers(1, 3)))},
    }
    if draw(st.booleans()):
        parts["where"] = draw(st.sampled_from(WHERE))
    if draw(st.integers(0, 3)) == 0:
        parts["bucket"] = {"every": "30m"}
    if draw(st.integers(0, 3)) == 0:
        parts |= {"order": [{"by": "m0", "desc": True}], "limit": 2}
    if draw(st.integers(0, 3)) == 0:
        parts["having"] = "m0 is not null"
    return plan(**parts)


@pytest.mark.slow
@pytest.mark.timeout(120)
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=plans())
async def test_a_random_plan_over_dimensions_gives_the_same_rows_or_is_refused(duck: DuckDbStore, made: Plan) -> None:
    ours = await duck.run(made, AT)
    theirs = (await JoiningStore(duck, catalog()).run_many({"p": made}, AT))["p"]
    result = compare(ours, theirs)
    assert result.verdict in ("equal", "refused"), result
    if result.verdict == "refused":
        assert "percentile" in result.why or "inventory does not know" in result.why


BY_RACK = plan(
    dataset="gpu_metrics",
    window="2h",
    by=["rack"],
    measures={
        "n": {"agg": "count"},
        "watts": {"agg": "avg", "field": "power_w"},
        "gpus": {"agg": "count_distinct", "field": "gpu_uuid"},
    },
    order=[{"by": "n", "desc": True}],
)
IN_RACK = plan(dataset="gpu_metrics", window="2h", where="rack = 'r2'", measures={"m": {"agg": "max", "field": "power_w"}})
FAR = plan(dataset="gpu_metrics", window="2h", by=["provider", "node_id"], measures={"n": {"agg": "count"}})
INVENTORY = plan(dataset="inventory_gpus", by=["rack"], measures={"gpus": {"agg": "count_distinct", "field": "gpu_uuid"}})
ALL = {"by rack": BY_RACK, "in rack": IN_RACK, "far": FAR, "inventory": INVENTORY}


async def test_a_thing_that_moved_counts_where_it_was(duck: DuckDbStore) -> None:
    rows = (await JoiningStore(duck, catalog()).run(BY_RACK, AT)).rows.to_pylist()
    assert {r["rack"]: (r["n"], r["gpus"]) for r in rows} == {None: (58, 4), "r1": (70, 4), "r2": (16, 2)}


@pytest.mark.parametrize("name", list(ALL))
async def test_elasticsearch_sql_says_what_duckdb_says(name: str) -> None:
    with both(tables()) as made:
        ours, theirs = await made.duck.run(ALL[name], AT), await JoiningStore(made.es, catalog()).run(ALL[name], AT)
        assert compare(ours, theirs).verdict in ("equal", "estimated")
        assert (theirs.id, theirs.plan) == (ours.id, ours.plan)


@pytest.fixture
def opensearch() -> Iterator[str]:
    try:
        with duckdb.connect(":memory:") as connection, opensearch_server.running() as url:
            write_tables(connection, tables())
            opensearch_server.fill(url, connection.cursor(), catalog())
            yield url
    except opensearch_server.UnavailableError as reason:
        pytest.skip(str(reason))


async def test_the_query_dsl_says_what_duckdb_says(duck: DuckDbStore, opensearch: str) -> None:
    store = JoiningStore(ElasticsearchStore(Access(opensearch), catalog(), language=DSL), catalog())
    theirs = await store.run_many(ALL, AT)
    ours = await duck.run_many(ALL, AT)
    assert {n: compare(ours[n], theirs[n]).verdict for n in ALL} == dict.fromkeys(ALL, "equal")


async def test_facts_and_dimensions_may_lie_in_different_stores(duck: DuckDbStore) -> None:
    apart = tables()
    facts = {"gpu_metrics": apart.pop("gpu_metrics")}
    spanning = SpanningStore(store_of(apart), {"other": store_of(facts)}, {"gpu_metrics": "other"}, catalog())
    found = await JoiningStore(spanning, catalog()).run(BY_RACK, AT)
    assert found.rows.to_pylist() == (await duck.run(BY_RACK, AT)).rows.to_pylist()


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"by": ["rack"], "measures": {"m": {"agg": "percentile", "field": "power_w", "q": 0.5}}}, "cannot be put together"),
        ({"fields": ["ts", "rack"], "limit": 5}, "raw rows"),
        ({"where": "rack is null", "measures": {"n": {"agg": "count"}}}, "inventory does not know"),
        ({"where": "power_w > gpu_count", "measures": {"n": {"agg": "count"}}}, "row by row"),
    ],
)
async def test_what_cannot_be_joined_is_refused_alone(duck: DuckDbStore, parts: dict[str, Any], why: str) -> None:
    store, bad = JoiningStore(duck, catalog()), plan(dataset="gpu_metrics", window="1h", **parts)
    with pytest.raises(PlanError, match=why):
        await store.run(bad, AT)
    found = await store.run_many({"bad": bad, "good": IN_RACK}, AT)
    assert (found["bad"].status, found["good"].status) == (EvidenceStatus.UNREAD, EvidenceStatus.OK)


async def test_two_rows_of_one_thing_at_once_are_an_error_and_not_counted_twice() -> None:
    twice = tables()
    twice["inventory_nodes"].append({"node_id": "n0", "rack": "r9", "valid_from": 70, "valid_to": None})
    with pytest.raises(PlanError, match="'n0' has two rows at once"):
        await JoiningStore(store_of(twice), catalog()).run(BY_RACK, AT)
