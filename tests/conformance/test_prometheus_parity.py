"""A real Prometheus gives what DuckDB gives, for every plan it accepts; what it refuses it refuses with the reason."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.prometheus import PrometheusStore
from tests.conformance.store_tables import AT, plan
from tests.prometheus_fleet import duckdb_store, prometheus_store, samples
from tests.prometheus_server import UnavailableError, running

GPU: dict[str, Any] = {"dataset": "gpu_metrics", "window": "1h"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    try:
        with running(samples()) as address:
            yield address
    except UnavailableError as why:
        pytest.skip(f"no Prometheus here: {why}")


@pytest.fixture(scope="module")
def store(url: str) -> PrometheusStore:
    return prometheus_store(url)


@cache
def rows_in_duckdb() -> DuckDbStore:
    return duckdb_store()


def both(store: PrometheusStore, at: datetime = AT, **parts: Any) -> tuple[Evidence, Evidence]:
    asked = plan(**parts)
    return asyncio.run(store.run(asked, at)), rows_in_duckdb().run_many_now({"plan": asked}, at)["plan"]


def assert_same(found: Evidence, expected: Evidence, *, rel: float = 1e-9) -> None:
    assert found.rows.schema == expected.rows.schema
    left, right = _in_order(found), _in_order(expected)
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert a == {k: v if not isinstance(v, float) else pytest.approx(v, rel=rel, abs=1e-9) for k, v in b.items()}
    assert (found.status, found.truncated, found.id) == (expected.status, expected.truncated, expected.id)


def _in_order(evidence: Evidence) -> list[dict[str, Any]]:
    return sorted(evidence.rows.to_pylist(), key=lambda row: [str(v) for v in row.values() if not isinstance(v, float)])


def one(agg: str, field: str | None = None, **more: Any) -> dict[str, Any]:
    return {"m": {"agg": agg, **({"field": field} if field else {}), **more}}


HOT, XID = "gpu_temp_c > 85", "xid_last = 79"
SAME = {
    "count rows": {"by": ["node_id"], "measures": one("count")},
    "count readings of a dead sensor": {"by": ["gpu_uuid"], "measures": one("count", "gpu_temp_c")},
    "average": {"by": ["cluster"], "measures": one("avg", "power_w")},
    "average without a dead sensor": {"by": ["node_id"], "measures": one("avg", "gpu_temp_c")},
    "total": {"measures": one("sum", "power_w")},
    "highest of a number of its own": {"by": ["gpu_uuid", "gpu_index"], "measures": one("max", "xid_last")},
    "lowest": {"by": ["driver"], "measures": one("min", "power_w")},
    "several at once": {"by": ["node_id"], "measures": {**one("max", "power_w"), "n": {"agg": "count", "field": "gpu_util_pct"}}},
    "two windows": {
        "by": ["node_id"], "measures": {**one("avg", "power_w"), "late": {"agg": "avg", "field": "power_w", "over": "15m"}},
    },
    "distinct": {"by": ["cluster"], "measures": one("count_distinct", "gpu_uuid")},
    "hot ones": {"by": ["cluster"], "measures": one("count_distinct", "gpu_uuid", where="gpu_temp_c > 85")},
    "cold ones listed": {"by": ["cluster"], "measures": one("list", "node_id", where="not gpu_temp_c >= 45")},
    "only hot ones": {"by": ["cluster"], "where": "gpu_temp_c > 85", "measures": one("count_distinct", "gpu_uuid")},
    "none hot": {"by": ["cluster"], "where": "gpu_temp_c > 129", "measures": one("count_distinct", "gpu_uuid")},
    "listed": {"measures": one("list", "driver")},
    "percentile of each": {"by": ["gpu_uuid"], "where": "gpu_uuid != 'GPU-3'", "measures": one("percentile", "power_w", q=0.95)},
    "spread of each": {"by": ["gpu_uuid", "driver"], "measures": one("stddev", "power_w")},
    "last of each": {"by": ["gpu_uuid", "driver"], "measures": one("last", "power_w")},
    "resets": {"by": ["gpu_uuid"], "window": "6h", "measures": one("increase", "pcie_replay_total")},
    "resets in total": {"window": "6h", "measures": one("increase", "pcie_replay_total")},
    "gain over a driver update": {"by": ["driver"], "window": "3h", "measures": one("increase", "pcie_replay_total")},
    "gain of a dead counter": {"by": ["gpu_uuid"], "measures": one("increase", "energy_mj_total")},
    "filters": {"where": "node_id in ('n0', 'n2') and not gpu_uuid like '%-5'", "by": ["gpu_uuid"], "measures": one("count")},
    "alternatives": {"where": "node_id = 'n0' or starts_with(node_id, 'n1')", "by": ["node_id"], "measures": one("count")},
    "contains": {"where": "contains(gpu_uuid, 'gpu-1')", "measures": one("count")},
    "a slot": {"where": "gpu_index = 1", "by": ["gpu_uuid"], "measures": one("count")},
    "nothing there": {"where": "node_id = 'none'", "by": ["node_id"], "measures": one("count")},
    "nothing there in total": {
        "where": "node_id = 'none'", "measures": {**one("count"), "a": {"agg": "avg", "field": "power_w"}},
    },
    "buckets": {"by": ["cluster"], "bucket": {"every": "30m"}, "measures": one("avg", "power_w")},
    "buckets cut at both ends": {"window": {"start": "100m", "end": "7m"}, "bucket": {"every": "30m"}, "measures": one("count")},
    "hours": {"window": "5h", "bucket": {"every": "hour", "name": "slot"}, "measures": one("max", "power_w")},
    "distinct per bucket": {"bucket": {"every": "20m"}, "measures": one("count_distinct", "gpu_uuid")},
    "having, order and limit": {
        "by": ["gpu_uuid"], "measures": one("avg", "power_w"),
        "having": "m > 200", "order": [{"by": "m", "desc": True}], "limit": 2,
    },
    "a label beside a value": {
        "by": ["gpu_uuid"], "measures": {**one("last", "gpu_index"), "w": {"agg": "max", "field": "power_w"}},
    },
    "ends of labels": {"by": ["node_id"], "measures": {**one("min", "gpu_index"), "d": {"agg": "max", "field": "driver"}}},
    "a label of only the hot ones": {"by": ["gpu_uuid"], "measures": one("first", "gpu_index", where="gpu_temp_c > 85")},
    "last seen": {"by": ["gpu_uuid"], "window": {"start": "6h", "end": "52m"}, "measures": one("max", "ts")},
    "last seen over a driver update": {"by": ["driver"], "window": "3h", "measures": one("last", "ts")},
    "last seen in total": {
        "where": "node_id = 'n1'", "window": "3h", "measures": {**one("max", "ts"), "n": {"agg": "count", "over": "40m"}},
    },
    "hot rows counted": {
        "by": ["node_id"], "window": "5h", "measures": {**one("count", where="gpu_temp_c > 85"), "all": {"agg": "count"}},
    },
    "readings over a value among blanks": {"by": ["driver"], "measures": one("count", "mem_temp_c", where="mem_temp_c >= 80")},
    "hottest and least hot of the hot": {
        "by": ["cluster"],
        "measures": {**one("max", "gpu_temp_c", where=HOT), "n": {"agg": "min", "field": "gpu_temp_c", "where": HOT}},
    },
    "when it was hot": {
        "by": ["gpu_uuid"],
        "measures": {**one("min", "ts", where=HOT), "last": {"agg": "max", "field": "ts", "where": HOT}},
    },
    "when it was just so": {
        "by": ["gpu_uuid"], "measures": {**one("min", "ts", where=XID), "n": {"agg": "count", "where": XID}},
    },
    "rows of a hot node in total": {"where": "node_id = 'n1'", "measures": one("count", where="not gpu_temp_c <= 80")},
    "first of a counter": {"by": ["gpu_uuid"], "window": "6h", "measures": one("first", "pcie_replay_total")},
    "first of a counter over a driver update": {
        "by": ["gpu_uuid", "driver"], "window": "3h", "measures": one("first", "pcie_replay_total"),
    },
    "a gap": {"by": ["gpu_uuid"], "window": {"start": "105m", "end": "55m"}, "measures": one("count")},
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_prometheus_gives_what_duckdb_gives(store: PrometheusStore, name: str) -> None:
    assert_same(*both(store, **{**GPU, **SAME[name]}))


@pytest.mark.parametrize(
    "offset", [timedelta(0), timedelta(microseconds=1), timedelta(milliseconds=1), -timedelta(milliseconds=1)]
)
@pytest.mark.parametrize("window", ["5m", "10m", {"start": "15m", "end": "5m"}, "299s"])
def test_windows_are_half_open_to_the_millisecond(store: PrometheusStore, offset: timedelta, window: Any) -> None:
    parts = {**GPU, "window": window, "by": ["gpu_uuid"], "measures": one("count")}
    assert_same(*both(store, AT + offset, **parts))


REFUSED = {
    "raw rows": ({"fields": ["gpu_uuid"], "limit": 3}, "raw rows"),
    "percentile over series": ({"measures": one("percentile", "power_w", q=0.5)}, "over several series"),
    "first": ({"by": ["gpu_uuid"], "measures": one("first", "power_w")}, "'first' of a measured value"),
    "first over series": ({"by": ["node_id"], "measures": one("first", "pcie_replay_total")}, "'first' over several series"),
    "a label that changed": ({"window": "3h", "by": ["node_id"], "measures": one("last", "driver")}, "several values in a group"),
    "the earliest instant": ({"by": ["gpu_uuid"], "measures": one("min", "ts")}, "'ts' is no metric"),
    "last seen per bucket": ({"bucket": {"every": "10m"}, "measures": one("max", "ts")}, "last instant per time bucket"),
    "rows over a value per bucket": (
        {"bucket": {"every": "10m"}, "measures": one("count", where="power_w > 300")}, "> something, per time bucket",
    ),
    "just one value": ({"measures": one("list", "node_id", where=XID)}, "for which each reading counts"),
    "condition on values": ({"measures": one("avg", "power_w", where="gpu_temp_c > 50")}, "only the rows whose gpu_temp_c"),
    "two values": ({"where": "gpu_temp_c > 50 and power_w > 5", "measures": one("list", "node_id")}, "two conditions"),
    "arithmetic": ({"measures": one("avg", "gpu_temp_c - mem_temp_c")}, "several values of the same row"),
    "a dimension": ({"by": ["rack"], "measures": one("count")}, "'rack' belongs to another dataset"),
    "group by a value": ({"by": ["xid_last"], "measures": one("count")}, "'xid_last' is a measured value"),
    "months": ({"bucket": {"every": "month"}, "measures": one("count")}, "buckets of a month"),
    "gain per bucket": ({"bucket": {"every": "10m"}, "measures": one("increase", "pcie_replay_total")}, "before each bucket"),
    "a sensor that fails at times": ({"measures": one("avg", "mem_temp_c")}, "both readings and blanks"),
    "a series that changed": (
        {"window": "3h", "by": ["gpu_uuid"], "measures": one("percentile", "power_w", q=0.5)}, "labels of a series changed",
    ),
    "either of two labels": ({"where": "node_id = 'n0' or cluster = 'c1'", "measures": one("count")}, "between two labels"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_promql_cannot_say_is_refused_with_the_reason(store: PrometheusStore, name: str) -> None:
    parts, reason = REFUSED[name]
    asked = plan(**{**GPU, **parts})
    with pytest.raises(PlanError, match=reason):
        await store.run(asked, AT)
    beside = {"bad": asked, "good": plan(**GPU, measures=one("count"))}
    found = await store.run_many(beside, AT)
    assert found["bad"].status is EvidenceStatus.UNREAD and reason.split("'")[-1].strip() in found["bad"].note
    assert found["good"].status is EvidenceStatus.OK


def test_rates_are_marked_as_estimates(store: PrometheusStore) -> None:
    found, expected = both(store, **GPU, by=["node_id"], measures=one("rate", "pcie_replay_total"))
    assert found.approximate and "estimates" in found.note
    assert_same(found, expected, rel=0.1)


async def test_silence_is_not_zero(store: PrometheusStore) -> None:
    asked = plan(**{**GPU, "window": {"start": "20h", "end": "10h"}}, measures=one("count"))
    assert (await store.run(asked, AT)).status is EvidenceStatus.NO_DATA
    assert rows_in_duckdb().run_many_now({"p": asked}, AT)["p"].status is EvidenceStatus.NO_DATA


async def test_exports_and_coverage(store: PrometheusStore) -> None:
    exports = await store.exports()
    assert exports.has("gpu_metrics", "gpu_temp_c") and exports.has("gpu_metrics", "gpu_index")
    assert not exports.has("gpu_metrics", "temp_margin_c") and not exports.has("node_hw")
    since = AT - timedelta(hours=2)
    assert (await store.coverage(AT, since, entities=True)) == {
        "gpu_metrics": (await rows_in_duckdb().coverage(AT, since, entities=True))["gpu_metrics"]
    }


CONDITIONS = ("node_id = 'n1'", "driver like '5%'", "gpu_uuid != 'GPU-1'", "not node_id in ('n0', 'n9')", "gpu_uuid = 'none'")
FIELDS = ("gpu_temp_c", "mem_temp_c", "power_w", "gpu_util_pct", "xid_last", "pcie_replay_total")
SPANS: tuple[Any, ...] = ("20m", "1h", {"start": "50m", "end": "10m"}, "3h", {"start": "6h", "end": "1h"}, "47m")


def measures() -> st.SearchStrategy[dict[str, Any]]:
    where = st.sampled_from(CONDITIONS)
    numbers = st.fixed_dictionaries(
        {"agg": st.sampled_from(["sum", "avg", "min", "max", "stddev", "last", "count"]), "field": st.sampled_from(FIELDS)},
        optional={"where": where},
    )
    things = st.fixed_dictionaries(
        {"agg": st.sampled_from(["count_distinct", "list"]), "field": st.sampled_from(["node_id", "driver", "gpu_uuid"])},
        optional={"where": st.one_of(where, st.sampled_from(["power_w > 300", "power_w <= 130.5", "gpu_temp_c > 80"]))},
    )
    gained = st.fixed_dictionaries({"agg": st.just("increase"), "field": st.just("pcie_replay_total")}, optional={"where": where})
    middle = st.fixed_dictionaries(
        {"agg": st.just("percentile"), "field": st.sampled_from(FIELDS), "q": st.sampled_from([0.1, 0.5, 0.99])}
    )
    return st.one_of(numbers, things, gained, middle, st.fixed_dictionaries({"agg": st.just("count")}, optional={"where": where}))


def selects() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "dataset": st.just("gpu_metrics"),
            "window": st.sampled_from(SPANS),
            "by": st.lists(st.sampled_from(["gpu_uuid", "node_id", "cluster", "driver", "gpu_index"]), max_size=3, unique=True),
            "measures": st.dictionaries(st.sampled_from(["a", "b", "c"]), measures(), min_size=1, max_size=3),
        },
        optional={
            "where": st.sampled_from(CONDITIONS),
            "bucket": st.sampled_from([{"every": "30m"}, {"every": "hour"}, {"every": "7m", "name": "slot"}]),
        },
    )


ANSWERED: list[bool] = []


@pytest.mark.slow
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(selects(), min_size=1, max_size=3))
def test_any_plan_is_answered_the_same_or_refused(store: PrometheusStore, asked: list[dict[str, Any]]) -> None:
    plans = {f"p{i}": plan(**parts) for i, parts in enumerate(asked)}
    found = asyncio.run(store.run_many(plans, AT))
    expected = rows_in_duckdb().run_many_now(plans, AT)
    for name in plans:
        ANSWERED.append(not found[name].note)
        if found[name].note:
            assert found[name].row_count == 0 and found[name].status is EvidenceStatus.UNREAD
        else:
            assert_same(found[name], expected[name], rel=1e-6)


def test_most_generated_plans_were_answered() -> None:
    assert not ANSWERED or sum(ANSWERED) > len(ANSWERED) / 4
