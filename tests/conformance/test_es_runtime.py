"""Fields that Elasticsearch works out as it reads: sent with the queries that name them, and not asked of OpenSearch."""

from collections.abc import Iterator

import pytest

from llo11ypop.core.access import Access
from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.evals.parity import Compared, compare
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import ESQL, SQL, Language
from llo11ypop.stores.elasticsearch_mapping import Place
from tests.conformance.store_tables import AT, catalog, plan
from tests.fakes.elasticsearch import serving
from tests.fakes.elasticsearch_shippers import ShipperElasticsearch
from tests.fakes.shippers import BROKEN, NVIDIA, SYSLOG, shipped

PLACES = {
    "gpu_metrics": Place(NVIDIA, "elastic_nvidia_gpu"),
    "syslog": Place(SYSLOG, "elastic_system"),
    "node_hw": Place("telegraf-*", "telegraf_redfish"),
    "slurm_jobs": Place("slurm", "slurm_jobcomp"),
}
SLOWEST = plan(
    dataset="node_hw",
    window="1h",
    where="sensor_type = 'fan'",
    by=["node_id"],
    measures={"rpm": {"agg": "min", "field": "reading"}},
)
JOBS = plan(dataset="slurm_jobs", window="2h", by=["state"], measures={"gpus": {"agg": "sum", "field": "gpus"}})


@pytest.fixture
def fake() -> Iterator[ShipperElasticsearch]:
    with serving(shipped(AT, hours=1)) as served:
        assert isinstance(served, ShipperElasticsearch)
        yield served
    assert served.problems == []


def store(fake: ShipperElasticsearch, language: Language = SQL) -> ElasticsearchStore:
    return ElasticsearchStore(Access(fake.url), catalog(), places=PLACES, language=language)


def sent(fake: ShipperElasticsearch) -> list[set[str]]:
    """Runtime fields of each query."""
    return [set(body.get("runtime_mappings") or {}) for _, path, body in fake.requests if path == "/_sql"]


async def test_what_lies_in_several_fields_is_read_as_one(fake: ShipperElasticsearch) -> None:
    rows = (await store(fake).run(SLOWEST, AT)).rows.to_pylist()
    assert {r["node_id"]: r["rpm"] for r in rows}[BROKEN] == 900
    assert min(r["rpm"] for r in rows if r["node_id"] != BROKEN) == 9000
    assert all({"llo11ypop.sensor_type"} <= named <= {"llo11ypop.sensor_type", "llo11ypop.reading"} for named in sent(fake))


async def test_a_number_inside_a_text_is_counted(fake: ShipperElasticsearch) -> None:
    rows = (await store(fake).run(JOBS, AT)).rows.to_pylist()
    assert {r["state"]: r["gpus"] for r in rows} == {"COMPLETED": 32, "FAILED": 16, "CANCELLED": 16}


async def test_a_query_that_names_none_brings_none_along(fake: ShipperElasticsearch) -> None:
    await store(fake).run(plan(dataset="slurm_jobs", window="2h", measures={"n": {"agg": "count"}}), AT)
    assert sent(fake) == [set()]


async def test_a_script_that_does_not_compile_is_one_line(fake: ShipperElasticsearch) -> None:
    fake.scripts.clear()
    with pytest.raises(StoreError, match="compile error in the script of") as failed:
        await store(fake).run(JOBS, AT)
    assert not failed.value.transient and "\n" not in failed.value.line()


async def test_esql_has_no_such_fields_and_says_so(fake: ShipperElasticsearch) -> None:
    with pytest.raises(PlanError, match=r"ES\|QL cannot say it: 'sensor_type', which a script works out"):
        await store(fake, ESQL).run(SLOWEST, AT)
    counted = plan(dataset="slurm_jobs", window="2h", by=["state"], measures={"n": {"agg": "count"}})
    found = (await store(fake, ESQL).run(counted, AT)).rows.to_pylist()
    assert found == (await store(fake).run(counted, AT)).rows.to_pylist() != []


GPUS = {
    "watts": {"agg": "avg", "field": "power_w", "where": "gpu_util_pct >= 0"},
    "used": {"agg": "max", "field": "fb_used_mib"},
    "xid": {"agg": "count", "where": "has_bits(xid_last, 5) or xid_last = 0"},
    "joules": {"agg": "increase", "field": "energy_mj_total"},
    "spread": {"agg": "stddev", "field": "gpu_temp_c"},
}


async def test_a_shippers_names_mean_the_same_in_both_languages(fake: ShipperElasticsearch) -> None:
    asked = {
        "gpus": plan(dataset="gpu_metrics", window="2h", by=["node_id", "gpu_model"], measures=GPUS),
        "lines": plan(dataset="syslog", window="1h", fields=["ts", "node_id", "process"], where="node_id like 'gpu%'", limit=5),
        "jobs": plan(
            dataset="slurm_jobs",
            window="2h",
            by=["state"],
            measures={"s": {"agg": "sum", "field": "seconds_between(start_at, end_at)"}, "n": {"agg": "count"}},
        ),
    }
    ours, theirs = await store(fake).run_many(asked, AT), await store(fake, ESQL).run_many(asked, AT)
    assert {name: compare(ours[name], theirs[name]) for name in asked} == dict.fromkeys(asked, Compared("equal"))
    assert all(one.row_count for one in theirs.values())


async def test_opensearch_works_nothing_out_and_says_that_it_is_not_there(fake: ShipperElasticsearch) -> None:
    fake.version = {"number": "3.8.0", "distribution": "opensearch"}
    exported = await store(fake).exports()
    assert exported.has("node_hw", "health") and not exported.has("node_hw", "reading")


async def test_who_may_not_ask_for_the_version_is_taken_for_elasticsearch(fake: ShipperElasticsearch) -> None:
    fake.version = None
    assert (await store(fake).exports()).has("node_hw", "reading")
