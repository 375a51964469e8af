"""The Elasticsearch store against a strict fake on loopback, with the real client: paging, caps, faults, refusals."""

import asyncio
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from llo11ypop.core.access import Access
from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.query.compile.es_select import Compilation
from llo11ypop.query.plan import Plan
from llo11ypop.stores import elasticsearch_sql, retrying
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from tests.conformance.elasticsearch_samples import Both, both, gpu_rows
from tests.conformance.store_tables import AT, catalog, minutes_ago, plan
from tests.fakes.elasticsearch import Fault

PER_GPU = plan(dataset="gpu_metrics", window="2h", by=["gpu_uuid"], measures={"t": {"agg": "max", "field": "gpu_temp_c"}})
COUNTED = plan(dataset="gpu_metrics", window="2h", by=["gpu_uuid"], measures={"n": {"agg": "count"}})
BROKEN = {"path": "/_sql", "status": 503, "kind": "search_phase_execution_exception", "reason": "Partial shards failure"}


@pytest.fixture
def pair() -> Iterator[Both]:
    with both(gpu_rows()) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.01)


async def test_rows_status_and_queries_are_what_they_should_be(pair: Both) -> None:
    ours, theirs = await pair.duck.run(PER_GPU, AT), await pair.es.run(PER_GPU, AT)
    assert theirs.rows.to_pylist() == ours.rows.to_pylist()
    assert theirs.hash == ours.hash
    assert (theirs.id, theirs.status, theirs.truncated) == (ours.id, ours.status, ours.truncated)
    assert {q.engine for q in theirs.queries} == {"elasticsearch-sql"}
    assert "2026-05-02T10:00:00.000Z" in theirs.queries[0].params
    assert pair.es.query_count == 2


async def test_every_page_is_read(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_sql, "PAGE_ROWS", 3)
    found = await pair.es.run(COUNTED, AT)
    assert found.row_count == 4
    assert sum(path == "/_sql" for _, path, _ in pair.fake.requests) == 2
    assert pair.fake.cursors == {}


async def test_as_many_groups_as_the_cap_is_an_error_and_not_a_part(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Compilation, "most_groups", 4)
    with pytest.raises(StoreError, match="4 groups or more"):
        await pair.es.run(COUNTED, AT)


async def test_too_many_groups_of_one_plan_leave_the_others_alone(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Compilation, "most_groups", 4)
    total = plan(dataset="gpu_metrics", window="2h", measures={"n": {"agg": "count"}})
    found = await pair.es.run_many({"many": COUNTED, "total": total}, AT)
    assert (found["many"].status, found["total"].status) == (EvidenceStatus.UNREAD, EvidenceStatus.OK)
    assert "4 groups or more" in found["many"].note and found["many"].row_count == 0
    with pytest.raises(StoreError, match="4 groups or more"):
        await pair.es.coverage(AT, minutes_ago(60), entities=True)


async def test_a_plans_own_limit_cuts_and_says_so(pair: Both) -> None:
    found = await pair.es.run(plan(**{**COUNTED.steps["result"].model_dump(mode="json", exclude={"op"}), "limit": 3}), AT)
    assert (found.row_count, found.truncated) == (3, True)


@pytest.mark.parametrize("fault", [{"status": 429}, BROKEN, {"status": 502}], ids=["429", "partial shards", "502"])
async def test_what_is_transient_is_tried_again(pair: Both, fault: dict[str, object]) -> None:
    pair.fake.faults.append(Fault(**fault, times=2))  # type: ignore[arg-type]
    assert (await pair.es.run(COUNTED, AT)).row_count == 4


async def test_what_stays_broken_is_an_error_that_may_pass(pair: Both) -> None:
    pair.fake.faults.append(Fault(**BROKEN, times=99))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=r"busy or incomplete for dataset 'gpu_metrics' \(503\).*Partial shards") as failed:
        await pair.es.run(COUNTED, AT)
    assert failed.value.transient
    assert pair.es.query_count == retrying.TRIES


async def test_a_failure_on_a_later_page_starts_the_query_again(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_sql, "PAGE_ROWS", 3)
    pair.fake.faults.append(Fault(status=503, after=1))
    assert (await pair.es.run(COUNTED, AT)).row_count == 4


async def test_a_part_of_an_answer_is_no_answer(pair: Both) -> None:
    part = {
        "columns": [{"name": "k0", "type": "keyword"}, {"name": "n", "type": "long"}],
        "rows": [["g0", 1]],
        "is_partial": True,
    }
    pair.fake.faults.append(Fault(body=part, times=99))
    with pytest.raises(StoreError, match="only a part") as failed:
        await pair.es.run(COUNTED, AT)
    assert failed.value.transient


async def test_a_slow_cluster_is_given_up_on() -> None:
    with both(gpu_rows(), timeout_s=1.0) as made:
        await made.es.exports()
        made.fake.faults.append(Fault(delay_s=3.0, times=99))
        with pytest.raises(StoreError, match="no answer in time") as failed:
            await made.es.run(COUNTED, AT)
        assert failed.value.transient


async def test_a_mapping_that_changes_is_read_anew(pair: Both) -> None:
    await pair.es.run(PER_GPU, AT)
    shown = 'SELECT * EXCLUDE (gpu_temp_c), ts AS "@timestamp" FROM rows.gpu_metrics'
    pair.fake.connection.execute(f'CREATE OR REPLACE VIEW "llo11ypop-gpu_metrics" AS {shown}')
    pair.fake.forget()
    with pytest.raises(StoreError, match=r"Unknown column.*mapping has changed") as failed:
        await pair.es.run(PER_GPU, AT)
    assert failed.value.transient
    again = await pair.es.run(PER_GPU, AT)
    assert again.status is EvidenceStatus.NOT_EXPORTED
    assert again.missing == ("gpu_metrics.gpu_temp_c",)


async def test_a_type_that_is_not_the_catalogs_is_an_error(pair: Both) -> None:
    odd = {"columns": [{"name": "k0", "type": "long"}, {"name": "n", "type": "long"}], "rows": [[1, 1]]}
    await pair.es.exports()
    pair.fake.faults.append(Fault(body=odd))
    with pytest.raises(StoreError, match="gives long where text is expected"):
        await pair.es.run(COUNTED, AT)


@pytest.mark.parametrize(
    ("access", "problem"),
    [({}, "not allowed"), ({"token": SecretStr("wrong")}, "not allowed"), ({"token": SecretStr("secret")}, "")],
    ids=["nobody", "wrong key", "right key"],
)
async def test_only_the_right_key_reads(access: dict[str, SecretStr], problem: str) -> None:
    with both(gpu_rows(), **access) as made:
        made.fake.api_key = "secret"
        if not problem:
            assert (await made.es.run(COUNTED, AT)).row_count == 4
            return
        with pytest.raises(StoreError, match=problem) as failed:
            await made.es.run(COUNTED, AT)
        assert "api key" in failed.value.line().lower()
        assert "wrong" not in failed.value.line()


async def test_user_and_password_are_sent() -> None:
    with both(gpu_rows(), user="elastic", password=SecretStr("pw")) as made:
        made.fake.password = "pw"
        assert (await made.es.run(COUNTED, AT)).row_count == 4


async def test_something_else_on_the_port_is_told_apart(pair: Both) -> None:
    pair.fake.product = "OpenSearch"
    with pytest.raises(StoreError, match="not Elasticsearch"):
        await pair.es.run(COUNTED, AT)


async def test_nobody_listening_is_one_line() -> None:
    store = ElasticsearchStore(Access("http://127.0.0.1:9"), catalog())
    with pytest.raises(StoreError, match="cannot be reached") as failed:
        await store.exports()
    assert failed.value.transient
    assert "\n" not in failed.value.line()


@pytest.mark.parametrize("field", ["nullif(power_w, 100)", "coalesce(gpu_temp_c, 0)", "power_w / gpu_index"])
@pytest.mark.parametrize("agg", ["count", "avg", "count_distinct"])
async def test_a_value_that_is_worked_out_counts_where_there_is_one(pair: Both, agg: str, field: str) -> None:
    made = plan(dataset="gpu_metrics", window="30m", by=["node_id"], measures={"m": {"agg": agg, "field": field}})
    ours, theirs = await pair.duck.run(made, AT), await pair.es.run(made, AT)
    assert theirs.rows.to_pylist() == ours.rows.to_pylist()


async def test_what_cannot_be_said_is_refused_alone_and_does_not_stop_the_others(pair: Both) -> None:
    unlike = plan(dataset="gpu_metrics", window="1h", where="driver = node_id", measures={"n": {"agg": "count"}})
    with pytest.raises(PlanError, match="two text fields"):
        await pair.es.run(unlike, AT)
    found = await pair.es.run_many({"bad": unlike, "good": COUNTED}, AT)
    assert found["good"].row_count == 4
    assert found["bad"].status is EvidenceStatus.UNREAD
    assert "two text fields" in found["bad"].note
    assert found["bad"].row_count == 0


async def test_silence_zero_and_not_exported_are_three_things(pair: Both) -> None:
    shape = {"measures": {"n": {"agg": "count"}}}
    plans: dict[str, Plan] = {
        "silence": plan(dataset="gpu_metrics", window={"start": "9h", "end": "8h"}, **shape),
        "zero": plan(dataset="gpu_metrics", window="1h", where="driver = 'none'", **shape),
        "absent": plan(dataset="net_probe", window="1h", **shape),
    }
    ours, theirs = await pair.duck.run_many(plans, AT), await pair.es.run_many(plans, AT)
    assert {n: e.status for n, e in theirs.items()} == {n: e.status for n, e in ours.items()}
    assert [e.status.value for e in theirs.values()] == ["no_data", "ok", "not_exported"]


async def test_coverage_is_what_duckdb_says(pair: Both) -> None:
    since = minutes_ago(60)
    for entities in (False, True):
        ours = await pair.duck.coverage(AT, since, entities=entities)
        theirs = await pair.es.coverage(AT, since, entities=entities)
        assert {n: theirs[n] for n in ("gpu_metrics", "syslog", "net_probe")} == {
            n: ours[n] for n in ("gpu_metrics", "syslog", "net_probe")
        }


def test_any_event_loop_may_ask(pair: Both) -> None:
    for _ in range(2):
        assert asyncio.run(pair.es.run(COUNTED, AT)).row_count == 4
