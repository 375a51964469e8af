"""What is read together is what would be read apart, for any plans."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llo11ypop.query.fuse import fuse, window_class
from llo11ypop.query.plan import Span
from llo11ypop.stores.duckdb import DuckDbStore
from tests.conformance.store_tables import AT, plan, store_of

FIELDS = ("gpu_temp_c", "power_w", "pcie_replay_total", "energy_mj_total")
CONDITIONS = (
    "gpu_temp_c > 50",
    "power_w < 200 or gpu_temp_c is null",
    "node_id = 'n1'",
    "driver like '5%'",
    "rack != 'r1'",
    "gpu_uuid = 'none'",
)
SPANS: tuple[Any, ...] = ("20m", "1h", {"start": "50m", "end": "10m"}, "3h", {"start": "6h", "end": "1h"}, "23h")


@cache
def store() -> DuckDbStore:
    rows = [
        {
            "ts": 7 * i + 1,
            "gpu_uuid": f"g{g}",
            "node_id": f"n{g // 2}",
            "driver": ("550", "570", None)[(i + g) % 3],
            "gpu_temp_c": None if (i * g) % 7 == 5 else 0 if (i + g) % 11 == 0 else 40 + (i * 13 + g * 7) % 30,
            "power_w": 100 + (i * 31 + g * 17) % 300,
            "pcie_replay_total": (i * (g + 3)) % 9,
            "energy_mj_total": 1e6 - 10 * i,
        }
        for i in range(200)
        for g in range(5)
    ]
    racks = [{"node_id": f"n{i}", "rack": f"r{i % 2}", "valid_from": 99999, "valid_to": None} for i in range(2)]
    return store_of({"gpu_metrics": rows, "inventory_nodes": racks})


def measures() -> st.SearchStrategy[dict[str, Any]]:
    plain = st.fixed_dictionaries(
        {
            "agg": st.sampled_from(["sum", "avg", "min", "max", "stddev", "first", "last", "count_distinct"]),
            "field": st.sampled_from(FIELDS),
        },
        optional={"where": st.sampled_from(CONDITIONS)},
    )
    counted = st.fixed_dictionaries({"agg": st.just("count")}, optional={"where": st.sampled_from(CONDITIONS)})
    counters = st.fixed_dictionaries(
        {"agg": st.sampled_from(["increase", "rate"]), "field": st.sampled_from(FIELDS[2:])},
        optional={"where": st.sampled_from(CONDITIONS)},
    )
    listed = st.fixed_dictionaries({"agg": st.just("list"), "field": st.sampled_from(["node_id", "driver"])})
    middle = st.fixed_dictionaries(
        {"agg": st.just("percentile"), "field": st.sampled_from(FIELDS), "q": st.sampled_from([0.1, 0.5, 0.99])}
    )
    return st.one_of(plain, counted, counters, listed, middle)


def selects() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "dataset": st.just("gpu_metrics"),
            "window": st.sampled_from(SPANS),
            "by": st.lists(st.sampled_from(["gpu_uuid", "node_id", "rack"]), max_size=2, unique=True),
            "measures": st.dictionaries(st.sampled_from(["a", "b", "c"]), measures(), min_size=1, max_size=3),
        },
        optional={
            "where": st.sampled_from(CONDITIONS),
            "bucket": st.sampled_from([{"every": "30m"}, {"every": "hour"}, {"every": "30m", "name": "slot"}]),
            "limit": st.integers(1, 4),
        },
    ).flatmap(_with_having)


def _with_having(select: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    name = next(iter(select["measures"]))
    if select["measures"][name]["agg"] == "list":
        return st.just(select)
    bound = st.sampled_from([f"{name} > 3", f"{name} is null", f"{name} <= 60 or {name} > 100"])
    return st.one_of(st.just(select), bound.map(lambda text: {**select, "having": text}))


@settings(deadline=None, max_examples=25)
@given(st.lists(selects(), min_size=2, max_size=6))
def test_fused_is_separate(asked: list[dict[str, Any]]) -> None:
    plans = {f"p{i}": plan(**parts) for i, parts in enumerate(asked)}
    together = store().run_many_now(plans, AT)
    for name, one in plans.items():
        apart = store().run_many_now({name: one}, AT)[name]
        assert together[name].rows.schema == apart.rows.schema
        assert _close(together[name].rows.to_pylist(), apart.rows.to_pylist())
        assert (together[name].status, together[name].truncated, together[name].id) == (apart.status, apart.truncated, apart.id)


def _close(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
    return len(left) == len(right) and all(
        a == b or (isinstance(a, float) and b == pytest.approx(a, rel=1e-9))
        for x, y in zip(left, right, strict=True)
        for a, b in zip(x.values(), y.values(), strict=True)
    )


def test_partners_share_one_scan() -> None:
    base = {"dataset": "gpu_metrics", "by": ["gpu_uuid"]}
    plans = {
        str(i): plan(**base, window=window, measures={"m": {"agg": "max", "field": field}}, where=where)
        for i, (window, field, where) in enumerate(
            [("1h", "power_w", "power_w > 1"), ("30m", "gpu_temp_c", None), ("15m", "power_w", "node_id = 'n1'")]
        )
    }
    before = store().query_count
    store().run_many_now(plans, AT)
    assert store().query_count - before == 1


@pytest.mark.parametrize(
    ("windows", "scans"),
    [
        (("1h", "30m", "5m"), 1),
        (("1h", "2h"), 2),
        (("2h", "6h"), 1),
        (("24h", "7d", "30d"), 3),
        (("25h", "6d"), 1),
    ],
)
def test_windows_of_one_class_are_read_together(windows: tuple[str, ...], scans: int) -> None:
    selects = {
        w: plan(dataset="gpu_metrics", window=w, by=["gpu_uuid"], measures={"n": {"agg": "count"}}).selects["result"]
        for w in windows
    }
    fused = fuse(selects)
    assert len(fused) == scans
    assert sum(len(s.selects) for s in fused) == len(windows)


def test_windows_with_few_rows_are_read_together_whatever_their_class() -> None:
    base: dict[str, Any] = {"dataset": "gpu_metrics", "measures": {"n": {"agg": "count"}}}
    selects = {w: plan(**base, window=w).selects["result"] for w in ("1h", "24h", "30d")}
    assert [len(s.selects) for s in fuse(selects, small=lambda _: True)] == [3]
    assert len(fuse(selects, small=lambda s: s.window is not None and s.window.start.days < 2)) == 2


RATE_WHEN_HOT = {"agg": "rate", "field": "pcie_replay_total", "where": "gpu_temp_c > 50"}
"""One reading of a series and rows behind it that do not count: no rate."""


@settings(deadline=None, max_examples=15)
@example([{"dataset": "gpu_metrics", "window": "20m", "by": ["gpu_uuid"], "measures": {"a": RATE_WHEN_HOT}}])
@given(st.lists(selects(), min_size=1, max_size=3))
def test_few_rows_and_many_give_the_same(asked: list[dict[str, Any]]) -> None:
    plans = {f"p{i}": plan(**parts) for i, parts in enumerate(asked)}
    few = store().run_many_now(plans, AT)
    kept = store()._exports
    assert kept is not None
    store()._exports = replace(kept, sizes={})
    try:
        many = store().run_many_now(plans, AT)
    finally:
        store()._exports = kept
    for name in plans:
        assert _close(few[name].rows.to_pylist(), many[name].rows.to_pylist())
        assert (few[name].status, few[name].truncated) == (many[name].status, many[name].truncated)


def test_other_keys_buckets_datasets_and_raw_rows_are_read_apart() -> None:
    base: dict[str, Any] = {"dataset": "gpu_metrics", "window": "1h", "measures": {"n": {"agg": "count"}}}
    several = [
        base,
        {**base, "by": ["node_id"]},
        {**base, "bucket": {"every": "5m"}},
        {**base, "dataset": "node_hw"},
        {"dataset": "gpu_metrics", "window": "1h", "fields": ["ts"], "limit": 1},
        {"dataset": "gpu_metrics", "window": "1h", "fields": ["ts"], "limit": 2},
    ]
    selects = {str(i): plan(**p).selects["result"] for i, p in enumerate(several)}
    assert len(fuse(selects)) == len(several)


def test_the_window_of_a_scan_is_the_hull() -> None:
    selects = {
        str(i): plan(dataset="gpu_metrics", window=w, measures={"n": {"agg": "count"}}).selects["result"]
        for i, w in enumerate([{"start": "50m", "end": "40m"}, {"start": "20m", "end": "10m"}])
    }
    assert fuse(selects)[0].window == Span.model_validate({"start": "50m", "end": "10m"})
    assert window_class(None) == -1
