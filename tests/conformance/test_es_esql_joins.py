"""Lookup joins and rates of time series in ES|QL: what the cluster says of itself decides, and DuckDB says what is right."""

from collections.abc import Iterator

import pytest

from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.evals.parity import compare
from llo11ypop.query.plan import Plan
from llo11ypop.stores.elasticsearch_languages import ESQL, SQL
from llo11ypop.stores.elasticsearch_mapping import Place
from llo11ypop.stores.joining import JoiningStore
from tests.conformance.elasticsearch_samples import Both, both, gpu_rows
from tests.conformance.store_tables import AT, catalog, plan
from tests.conformance.test_joining_store import tables

DIMENSIONS = ("inventory_nodes", "inventory_clusters", "inventory_sites", "inventory_switches")
PLACES = {name: Place(f"llo11ypop-{name}", lookup=True) for name in DIMENSIONS}
WATTS = {"agg": "percentile", "field": "power_w", "q": 0.5}
JOBS = [
    {
        "submit_at": 50,
        "start_at": 40 + i,
        "end_at": 20 - i,
        "cluster": f"c-{'ab'[i % 2]}",
        "job_id": i,
        "gpus": i,
        "state": "FAILED",
    }
    for i in range(8)
]


@pytest.fixture(scope="module")
def pair() -> Iterator[Both]:
    held = tables()
    for row in held["inventory_nodes"]:
        if row["valid_to"] == 61:
            row["valid_to"] = 40  # no gap between its versions
    held["inventory_clusters"] += [{"cluster": "c-b", "site": "s2"}]
    held["slurm_jobs"] = JOBS
    with both(held, language=ESQL, places=PLACES) as made:
        made.fake.lookups = frozenset(place.index for place in PLACES.values())
        yield made


def gpus(**parts: object) -> Plan:
    return plan(**{"dataset": "gpu_metrics", "window": "2h", "measures": {"n": {"agg": "count"}}, **parts})


PLANS = {
    "by rack": gpus(by=["rack"], measures={"n": {"agg": "count"}, "w": {"agg": "max", "field": "power_w"}}),
    "a percentile by rack": gpus(by=["rack"], measures={"w": WATTS}),
    "of two tables": gpus(by=["rack", "driver", "gpu_uuid"], where="rack = 'r1' and driver is not null and power_w > 150"),
    "what the inventory does not know": gpus(by=["gpu_uuid"], where="rack is null"),
    "a condition of one measure": gpus(measures={"n": {"agg": "count", "where": "rack = 'r2'", "over": "30m"}}),
    "raw rows": gpus(measures={}, fields=["ts", "gpu_uuid", "rack", "power_w"], limit=9),
    "in buckets": gpus(by=["site"], bucket={"every": "30m"}),
    "of its own name": gpus(by=["site", "driver"]),
    "without versions": plan(dataset="slurm_jobs", window="2h", by=["site"], measures={"g": {"agg": "sum", "field": "gpus"}}),
    "a counter": gpus(by=["rack"], measures={"up": {"agg": "increase", "field": "pcie_replay_total"}}),
}


@pytest.mark.parametrize("name", list(PLANS))
async def test_what_lies_in_lookup_indices_is_joined_there(pair: Both, name: str) -> None:
    ours, theirs = await pair.duck.run(PLANS[name], AT), await JoiningStore(pair.es, catalog()).run(PLANS[name], AT)
    assert compare(ours, theirs).verdict in ("equal", "estimated")
    assert all("LOOKUP JOIN" in query.text for query in theirs.queries)
    assert theirs.rows.num_rows


async def test_selects_of_one_window_count_its_rows_once(pair: Both) -> None:
    asked = {name: gpus(by=["rack"], where=f"power_w > {watts}") for name, watts in (("a", 120), ("b", 200), ("c", 300))}
    pair.fake.requests.clear()
    ours, theirs = await pair.duck.run_many(asked, AT), await JoiningStore(pair.es, catalog()).run_many(asked, AT)
    assert {name: compare(ours[name], theirs[name]).verdict for name in asked} == dict.fromkeys(asked, "equal")
    sent = [body["query"] for _, path, body in pair.fake.requests if path == "/_query"]
    assert sum(" | STATS n = COUNT(*) | KEEP n | LIMIT " in text for text in sent) == 2


async def test_without_a_lookup_index_they_are_joined_here() -> None:
    with both(tables(), language=ESQL) as made:
        theirs = await JoiningStore(made.es, catalog()).run(PLANS["by rack"], AT)
        assert compare(await made.duck.run(PLANS["by rack"], AT), theirs).verdict == "equal"
        assert not any("LOOKUP JOIN" in query.text for query in theirs.queries)


@pytest.mark.parametrize(("begin", "end"), [(9999, 61), (9999, 30)], ids=["a gap", "two at once"])
async def test_rows_with_no_version_or_several_are_not_counted_as_if_they_had_one(begin: int, end: int) -> None:
    held = tables()
    held["inventory_nodes"][2] |= {"valid_from": begin, "valid_to": end}
    with both(held, language=ESQL, places=PLACES) as made:
        made.fake.lookups = frozenset(place.index for place in PLACES.values())
        with pytest.raises(PlanError, match=r"rows became .* no version there, or several"):
            await JoiningStore(made.es, catalog()).run(PLANS["by rack"], AT)


async def test_an_index_that_is_not_in_lookup_mode_is_an_error_of_the_cluster() -> None:
    with both(tables(), language=ESQL, places=PLACES) as made, pytest.raises(StoreError, match="lookup mode index"):
        await JoiningStore(made.es, catalog()).run(PLANS["by rack"], AT)


# ---- time series -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def series() -> Iterator[Both]:
    rows = gpu_rows()
    with both({**rows, "gpu_metrics_1m": rows["gpu_metrics"]}, language=ESQL) as made:
        made.fake.series = {"llo11ypop-gpu_metrics": ("gpu_uuid", "node_id")}
        made.fake.counters = frozenset({"pcie_replay_total"})
        yield made


def rate(agg: str = "rate", **parts: object) -> Plan:
    return gpus(**{"measures": {"m": {"agg": agg, "field": "pcie_replay_total"}}, **parts})


@pytest.mark.parametrize("by", [[], ["gpu_uuid"], ["node_id"]], ids=str)
async def test_the_rate_of_a_declared_counter_is_the_clusters_own_estimate(series: Both, by: list[str]) -> None:
    made = rate(by=by, where="power_w > 120")
    theirs = await series.es.run(made, AT)
    assert compare(await series.duck.run(made, AT), theirs).verdict in ("equal", "estimated")
    assert theirs.approximate and "estimates" in theirs.note
    assert any(query.text.startswith("TS ") and "SUM(RATE(`pcie_replay_total`))" in query.text for query in theirs.queries)


@pytest.mark.parametrize(
    "made",
    [
        rate("increase", by=["gpu_uuid"]),
        rate(by=["driver"]),
        rate(bucket={"every": "1h"}),
        rate(by=["gpu_uuid"], dataset="gpu_metrics_1m"),
    ],
    ids=["an increase", "not by a dimension", "in buckets", "not declared"],
)
async def test_other_gains_are_worked_out_exactly(series: Both, made: Plan) -> None:
    theirs = await series.es.run(made, AT)
    assert compare(await series.duck.run(made, AT), theirs).verdict == "equal"
    assert not theirs.approximate and not any(query.text.startswith("TS ") for query in theirs.queries)


async def test_a_counter_of_a_series_is_read_by_a_cast(series: Both) -> None:
    measures = {"top": {"agg": "max", "field": "pcie_replay_total", "where": "pcie_replay_total > 3"}}
    made = gpus(by=["gpu_uuid"], measures=measures)
    theirs = await series.es.run(made, AT)
    assert compare(await series.duck.run(made, AT), theirs).verdict == "equal"
    assert "MAX(TO_DOUBLE(`pcie_replay_total`))" in theirs.queries[0].text


async def test_elasticsearch_sql_joins_nothing_there() -> None:
    with both(tables(), language=SQL, places=PLACES) as made:
        theirs = await JoiningStore(made.es, catalog()).run(PLANS["by rack"], AT)
        assert compare(await made.duck.run(PLANS["by rack"], AT), theirs).verdict == "equal"
