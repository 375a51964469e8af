"""The same plans on DuckDB and in ES|QL give the same rows, or are refused with the reason: over HTTP, with the real client."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from llo11ypop.core.access import Access
from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.evals.parity import compare
from llo11ypop.query.compile.esql import EsqlCompilation
from llo11ypop.query.plan import Plan
from llo11ypop.stores import retrying
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import AUTO, DSL, ESQL
from tests.conformance.elasticsearch_samples import Both, both, gpu_rows
from tests.conformance.random_plans import plans, shapes
from tests.conformance.store_tables import AT, catalog, minutes_ago, plan
from tests.fakes.elasticsearch import Fault
from tests.fakes.elasticsearch_esql import Held, translated
from tests.fakes.elasticsearch_schema import schema
from tests.fakes.elasticsearch_sql import Refused

COUNTED = plan(dataset="gpu_metrics", window="2h", by=["gpu_uuid"], measures={"n": {"agg": "count"}})


@pytest.fixture(scope="module")
def pair() -> Iterator[Both]:
    with both(gpu_rows(), language=ESQL) as made:
        yield made
        assert any(path == "/_query" for _, path, _ in made.fake.requests)


@pytest.fixture
def fault(pair: Both, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Fault]]:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.01)
    yield pair.fake.faults
    pair.fake.faults.clear()


# ---- what is said ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", list(shapes()))
async def test_every_way_of_saying_something_means_the_same(pair: Both, name: str) -> None:
    made = shapes()[name]
    ours, theirs = await pair.duck.run(made, AT), await pair.es.run(made, AT)
    assert compare(ours, theirs).verdict in ("equal", "estimated")
    assert theirs.approximate == (name in ("percentile", "count_distinct"))
    assert {q.engine for q in theirs.queries} == {"elasticsearch-esql"}
    assert all(" | LIMIT " in q.text for q in theirs.queries)


@pytest.mark.slow
@pytest.mark.timeout(120)
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=plans())
async def test_a_random_plan_gives_the_same_rows_or_is_refused_with_the_reason(pair: Both, made: Plan) -> None:
    ours = (await pair.duck.run_many({"p": made}, AT))["p"]
    theirs = (await pair.es.run_many({"p": made}, AT))["p"]
    result = compare(ours, theirs)
    assert result.verdict in ("equal", "refused", "estimated"), result
    if result.verdict == "refused":
        assert "ES|QL" in result.why


CONDITIONS = (
    "driver = node_id or driver < gpu_uuid",
    "driver != node_id",
    "driver like '%5%'",
    "node_id like 'n%1'",
    "not (driver like '55%')",
    "driver like '550'",
    "gpu_uuid like 'g%' and driver like '%'",
    "concat(driver, '-', gpu_index) = '550-1'",
    "nullif(power_w, 100) is null",
    "not (coalesce(gpu_temp_c, power_w) is null)",
    "if_else(power_w > 200, gpu_temp_c, 0) > 50",
    "greatest(gpu_temp_c, power_w, 120) > 300 and least(gpu_temp_c, power_w) < 60",
    "sqrt(power_w - 200) < 10 or ln(gpu_temp_c - 50) > 2",
    "power_w / (gpu_index - 0) > 150",
    "power_w % 7 = 2",
    "abs(gpu_temp_c - 55) < 5",
    "lower(node_id) = 'n1' and not contains(driver, '7')",
    "not has_bits(xid_last, 16)",
    "gpu_index + 1 in (2, 3)",
    "driver is null and at > ts",
)


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_a_condition_keeps_the_rows_that_duckdb_keeps(pair: Both, condition: str) -> None:
    measures = {"n": {"agg": "count"}, "m": {"agg": "sum", "field": "power_w", "where": condition}}
    for parts in ({"where": condition}, {}):
        made = plan(dataset="gpu_metrics", window="3h", by=["driver"], measures=measures, **parts)
        assert compare(await pair.duck.run(made, AT), await pair.es.run(made, AT)).verdict == "equal"


@pytest.mark.parametrize(
    "field", ["nullif(power_w, 100)", "coalesce(gpu_temp_c, 0)", "power_w / gpu_index", "gpu_index * 3000000000"]
)
@pytest.mark.parametrize("agg", ["count", "avg", "stddev", "count_distinct", "list"])
async def test_a_value_that_is_worked_out_counts_where_there_is_one(pair: Both, agg: str, field: str) -> None:
    made = plan(dataset="gpu_metrics", window="30m", by=["node_id"], measures={"m": {"agg": agg, "field": field}})
    assert compare(await pair.duck.run(made, AT), await pair.es.run(made, AT)).verdict == "equal"


async def test_a_key_whose_blanks_read_as_nothing_is_grouped_by(pair: Both) -> None:
    made = plan(dataset="gpu_metrics", window="3h", by=["gpu_temp_c"], measures={"n": {"agg": "count"}})
    ours, theirs = await pair.duck.run(made, AT), await pair.es.run(made, AT)
    assert compare(ours, theirs).verdict == "equal"
    assert None in theirs.rows["gpu_temp_c"].to_pylist()


@pytest.mark.parametrize("value", ["n0' or 1=1", 'n0" | LIMIT 1', "n0`?", "it's \\ done"])
async def test_a_value_is_never_query_text(pair: Both, value: str) -> None:
    quoted = value.replace("'", "''")
    made = plan(dataset="gpu_metrics", window="3h", where=f"node_id = '{quoted}'", measures={"n": {"agg": "count"}})
    found = await pair.es.run(made, AT)
    assert found.rows.to_pylist() == [{"n": 0}]
    assert value in found.queries[0].params
    assert value not in found.queries[0].text


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"where": "driver like '5_0'", "measures": {"n": {"agg": "count"}}}, "LIKE '5_0'"),
        ({"measures": {"m": {"agg": "first", "field": "power_w * 2"}}}, "'first' of anything but a field"),
        ({"fields": ["ts"], "limit": 10_000}, "10,000 raw rows"),
    ],
)
async def test_what_cannot_be_said_is_refused_with_the_reason(pair: Both, parts: dict[str, Any], reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        await pair.es.run(plan(dataset="gpu_metrics", window="1h", **parts), AT)


# ---- what comes back ---------------------------------------------------------------------------------------------------
async def test_as_many_groups_as_an_answer_holds_is_an_error_and_not_a_part(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EsqlCompilation, "most_groups", 4)
    store = ElasticsearchStore(Access(pair.fake.url), catalog(), language=ESQL)
    with pytest.raises(StoreError, match="4 groups or more"):
        await store.run(COUNTED, AT)


TOP = {"dataset": "gpu_metrics", "window": "3h", "by": ["gpu_uuid", "driver"], "limit": 3}


@pytest.mark.parametrize("desc", [True, False])
@pytest.mark.parametrize(
    "measure",
    [
        {"agg": "count", "where": "power_w > 200"},
        {"agg": "max", "field": "gpu_temp_c", "where": "driver = '550'"},
        {"agg": "sum", "field": "power_w", "over": "30m"},
        {"agg": "count_distinct", "field": "power_w"},
        {"agg": "first", "field": "node_id"},
    ],
    ids=lambda measure: str(measure["agg"]),
)
async def test_a_top_list_is_cut_by_the_cluster(
    pair: Both, monkeypatch: pytest.MonkeyPatch, measure: dict[str, Any], desc: bool
) -> None:
    monkeypatch.setattr(EsqlCompilation, "most_groups", 4)
    asked = {
        "top": plan(**TOP, measures={"m": measure, "n": {"agg": "count"}}, order=[{"by": "m", "desc": desc}, {"by": "driver"}]),
        "total": plan(dataset="gpu_metrics", window="3h", measures={"n": {"agg": "count"}}),
    }
    store = ElasticsearchStore(Access(pair.fake.url), catalog(), language=ESQL)
    ours, theirs = await pair.duck.run_many(asked, AT), await store.run_many(asked, AT)
    assert {name: compare(ours[name], theirs[name]).verdict for name in asked} == dict.fromkeys(asked, "equal")
    assert theirs["top"].truncated and "NULLS LAST" in theirs["top"].queries[0].text
    assert theirs["top"].queries[0].text.endswith("| LIMIT 4")


async def test_a_top_list_of_what_is_put_together_here_is_cut_here(pair: Both) -> None:
    made = plan(**TOP, measures={"m": {"agg": "stddev", "field": "power_w"}}, order=[{"by": "m", "desc": True}])
    ours, theirs = await pair.duck.run(made, AT), await pair.es.run(made, AT)
    assert compare(ours, theirs).verdict == "equal"
    assert "| LIMIT 10000" in theirs.queries[0].text


async def test_a_part_of_an_answer_is_no_answer(pair: Both, fault: list[Fault]) -> None:
    part = {
        "columns": [{"name": "k0", "type": "keyword"}, {"name": "n", "type": "long"}],
        "values": [["g0", 1]],
        "is_partial": True,
    }
    fault.append(Fault(path="/_query", body=part, times=99))
    with pytest.raises(StoreError, match="only a part") as failed:
        await pair.es.run(COUNTED, AT)
    assert failed.value.transient


async def test_what_is_transient_is_tried_again(pair: Both, fault: list[Fault]) -> None:
    fault.append(Fault(path="/_query", status=503, times=2))
    assert (await pair.es.run(COUNTED, AT)).row_count == 4


async def test_a_type_that_is_not_the_catalogs_is_an_error(pair: Both, fault: list[Fault]) -> None:
    odd = {"columns": [{"name": "k0", "type": "long"}, {"name": "n", "type": "long"}], "values": [[1, 1]]}
    await pair.es.exports()
    fault.append(Fault(path="/_query", body=odd))
    with pytest.raises(StoreError, match="gives long where text is expected"):
        await pair.es.run(COUNTED, AT)


async def test_a_cluster_without_esql_is_one_line_that_says_what_to_do(pair: Both, fault: list[Fault]) -> None:
    fault.append(
        Fault(path="/_query", status=400, kind="illegal_argument_exception", reason="no handler found for uri [/_query]")
    )
    with pytest.raises(StoreError, match="cannot be asked this way") as failed:
        await pair.es.run(COUNTED, AT)
    assert "telemetry.elasticsearch.language" in failed.value.line()
    assert pair.es.language is ESQL and DSL is not ESQL


async def test_silence_zero_and_not_exported_are_three_things(pair: Both) -> None:
    shape = {"measures": {"n": {"agg": "count"}}}
    asked = {
        "silence": plan(dataset="gpu_metrics", window={"start": "9h", "end": "8h"}, **shape),
        "zero": plan(dataset="gpu_metrics", window="1h", where="driver = 'none'", **shape),
        "absent": plan(dataset="net_probe", window="1h", **shape),
    }
    found = await pair.es.run_many(asked, AT)
    assert [e.status for e in found.values()] == [EvidenceStatus.NO_DATA, EvidenceStatus.OK, EvidenceStatus.NOT_EXPORTED]


async def test_coverage_is_what_duckdb_says(pair: Both) -> None:
    since = minutes_ago(60)
    ours, theirs = await pair.duck.coverage(AT, since, entities=True), await pair.es.coverage(AT, since, entities=True)
    for name in ("gpu_metrics", "syslog", "net_probe"):
        assert theirs[name] == ours[name]


# ---- instead of SQL ----------------------------------------------------------------------------------------------------
UNLIKE = plan(dataset="gpu_metrics", window="2h", by=["gpu_uuid"], where="driver != node_id", measures={"n": {"agg": "count"}})
GAIN = plan(
    dataset="gpu_metrics",
    window="2h",
    where="driver != node_id",
    measures={"m": {"agg": "increase", "field": "pcie_replay_total"}},
)


@pytest.fixture
def auto(pair: Both) -> ElasticsearchStore:
    return ElasticsearchStore(Access(pair.fake.url), catalog(), language=AUTO, otherwise=DSL)


async def test_what_sql_cannot_say_is_said_in_esql_and_the_rest_in_sql(pair: Both, auto: ElasticsearchStore) -> None:
    asked = {"unlike": UNLIKE, "counted": COUNTED, "gain": GAIN}
    ours, theirs = await pair.duck.run_many(asked, AT), await auto.run_many(asked, AT)
    assert {name: compare(ours[name], theirs[name]).verdict for name in asked} == dict.fromkeys(asked, "equal")
    engines = {name: {query.engine for query in theirs[name].queries} for name in asked}
    assert engines == {"unlike": {"elasticsearch-esql"}, "counted": {"elasticsearch-sql"}, "gain": {"elasticsearch-esql"}}
    assert theirs["unlike"].queries[0].text.startswith('FROM "llo11ypop-gpu_metrics" | WHERE ')


async def test_where_there_is_no_esql_only_that_select_is_unread(
    pair: Both, auto: ElasticsearchStore, fault: list[Fault]
) -> None:
    fault.append(Fault(path="/_query", status=400, reason="no handler found for uri [/_query]", times=99))
    found = await auto.run_many({"unlike": UNLIKE, "counted": COUNTED}, AT)
    assert (found["unlike"].status, found["counted"].status) == (EvidenceStatus.UNREAD, EvidenceStatus.OK)
    assert "SQL cannot say it, and ES|QL does not answer it" in found["unlike"].note
    assert auto.language is AUTO


async def test_what_may_pass_is_not_taken_for_a_refusal(pair: Both, auto: ElasticsearchStore, fault: list[Fault]) -> None:
    fault.append(Fault(path="/_query", status=503, times=99))
    with pytest.raises(StoreError, match="busy or incomplete"):
        await auto.run_many({"unlike": UNLIKE}, AT)


async def test_what_neither_can_say_is_refused_as_in_sql(auto: ElasticsearchStore) -> None:
    made = plan(dataset="gpu_metrics", window="1h", measures={"m": {"agg": "last", "field": "power_w * 2"}})
    with pytest.raises(PlanError, match="Elasticsearch SQL cannot say it: 'last' of anything but a field"):
        await auto.run(made, AT)


# ---- the rules of the fake ---------------------------------------------------------------------------------------------
HELD = Held(
    {
        "facts": {"@timestamp": "TIMESTAMP", "x": "DOUBLE", "i": "BIGINT", "s": "VARCHAR", "c": "DOUBLE"},
        "names": {"s": "VARCHAR"},
    },
    lookups=frozenset({"names"}),
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('FROM "nowhere" | LIMIT 1', "Unknown index"),
        ('FROM "facts" | WHERE y > 1 | LIMIT 1', "Unknown column"),
        ('FROM "facts" | WHERE x = 1 | LIMIT 1', "mismatched input '='"),
        ('FROM "facts" | WHERE s == "a" | LIMIT 1', "text is sent as a parameter"),
        ('FROM "facts" | WHERE s > 1 | LIMIT 1', "one type"),
        ('FROM "facts" | WHERE x LIKE s | LIMIT 1', "LIKE is not supported"),
        ('FROM "facts" | STATS m = MEDIAN_OF(x) | LIMIT 1', "is no aggregate"),
        ('FROM "facts" | STATS m = SUM(s) | LIMIT 1', "must be one of"),
        ('FROM "facts" | STATS m = COUNT_DISTINCT(s, 50000) | LIMIT 1', "40,000"),
        ('FROM "facts" | EVAL m = COALESCE(x, i) | LIMIT 1', "of one type"),
        ('FROM "facts" | EVAL m = NULLIF(x, 1) | LIMIT 1', "Unknown function"),
        ('FROM "facts" | SORT x | LIMIT 1', "where the nulls go"),
        ('FROM "facts" | STATS n = COUNT(*)', "states its LIMIT"),
        ('FROM "facts" | OFFSET 3 | LIMIT 1', "mismatched input 'OFFSET'"),
        ('FROM "facts" | LOOKUP JOIN "facts" ON `s` | LIMIT 1', "single lookup mode index"),
        ('TS "facts" | STATS m = SUM(RATE(x)) | LIMIT 1', "operates on time series"),
    ],
)
def test_the_fake_refuses_what_the_documentation_does(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        translated(text, HELD, [])


def test_a_request_is_held_to_the_schema() -> None:
    rules = schema()
    if rules is None:
        pytest.skip("no API schema: ../shared/specs is not at hand")
    good = {"query": "FROM x | LIMIT 1", "params": ["a", 1], "columnar": False}
    assert rules.problems("POST", "/_query", {"allow_partial_results": "false", "format": "json"}, good) == []
    for query, body in (({"allow_partial_result": "false"}, good), ({}, {**good, "parms": []}), ({}, {"params": []})):
        assert rules.problems("POST", "/_query", query, body)
