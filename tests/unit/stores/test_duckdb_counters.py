"""Increase and rate: exact over resets, gaps and moves, and silent about what two readings do not show."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.store_tables import minutes_ago, rows_of, store_of

Readings = list[float | None]


def fleet(**series: Readings) -> Any:
    rows = [
        {
            "ts": 60 - 5 * i,
            "gpu_uuid": name,
            "node_id": f"n{name[-1]}",
            "pcie_replay_total": v,
            "energy_mj_total": v,
            "power_w": 100 + i,
        }
        for name, values in series.items()
        for i, v in enumerate(values)
    ]
    return store_of({"gpu_metrics": rows})


def asked(agg: str = "increase", **more: Any) -> dict[str, Any]:
    return {
        "dataset": "gpu_metrics",
        "window": "1h",
        "by": ["gpu_uuid"],
        "measures": {"m": {"agg": agg, "field": "pcie_replay_total"}},
        **more,
    }


def by_hand(values: Readings) -> float | None:
    present = [v for v in values if v is not None]
    if len(present) < 2:
        return None
    return sum(b - a if b >= a else b for a, b in pairwise(present))


@pytest.mark.parametrize(
    "values",
    [
        [5, 5, 5],
        [0, 1, 3, 6],
        [10, 2, 4],
        [10, 0, 0],
        [3],
        [None, 3, None],
        [None, None],
        [1, None, 4],
        [9, 9, 1, 9],
        [7, 0, 7, 0, 7],
        [0, 0],
        [5, 3, 3, 2],
    ],
)
def test_a_drop_counts_from_zero(values: Readings) -> None:
    assert rows_of(fleet(g1=values), **asked()) == [{"gpu_uuid": "g1", "m": by_hand(values)}]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=11), min_size=1, max_size=4))
def test_any_series_gives_what_the_definition_says(series: list[Readings]) -> None:
    store = fleet(**{f"g{i}": values for i, values in enumerate(series)})
    assert {r["gpu_uuid"]: r["m"] for r in rows_of(store, **asked())} == {f"g{i}": by_hand(v) for i, v in enumerate(series)}
    known = [v for v in map(by_hand, series) if v is not None]
    assert rows_of(store, **asked(by=[])) == [{"m": sum(known) if known else None}]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=12))
def test_buckets_share_out_the_increase(values: list[int]) -> None:
    rows = rows_of(fleet(g1=list(values)), **asked(bucket={"every": "20m"}))
    assert sum(r["m"] or 0 for r in rows) == by_hand(list(values))


def test_a_step_over_a_bucket_border_belongs_to_the_later_bucket() -> None:
    rows = rows_of(fleet(g1=[0, 0, 0, 0, 7, 7]), **asked(bucket={"every": "20m"}))
    assert [(r["bucket"], r["m"]) for r in rows] == [(minutes_ago(60), 0.0), (minutes_ago(40), 7.0)]


def test_a_bucket_with_one_first_reading_says_nothing() -> None:
    rows = rows_of(fleet(g1=[None, None, None, 3, 3, 3]), **asked(bucket={"every": "20m"}))
    assert [r["m"] for r in rows] == [None, 0.0]


def test_rate_is_per_second_between_the_readings() -> None:
    assert rows_of(fleet(g1=[0, 300, 600]), **asked("rate")) == [{"gpu_uuid": "g1", "m": 1.0}]


def test_rates_of_series_add_up_and_a_still_one_is_zero() -> None:
    store = fleet(g1=[0, 300, 600], g2=[0, 600], g3=[4, 4])
    assert rows_of(store, **asked("rate", by=[])) == [{"m": 3.0}]
    assert rows_of(store, **asked("rate"))[2] == {"gpu_uuid": "g3", "m": 0.0}


def test_a_measure_sees_only_its_own_rows_and_span() -> None:
    store = fleet(g1=[0, 100, 1, 200, 3])
    both = {
        "even": {"agg": "increase", "field": "pcie_replay_total", "where": "power_w % 2 = 0"},
        "late": {"agg": "increase", "field": "pcie_replay_total", "over": "50m"},
        "n": {"agg": "count"},
        "top": {"agg": "max", "field": "power_w"},
    }
    assert rows_of(store, **asked(measures=both)) == [{"gpu_uuid": "g1", "even": 3.0, "late": 202.0, "n": 5, "top": 104.0}]
    assert rows_of(store, **asked(by=[], measures=both)) == [{"even": 3.0, "late": 202.0, "n": 5, "top": 104.0}]
    assert rows_of(store, **asked(by=["node_id"], measures=both))[0]["late"] == 202.0


def test_a_gpu_that_moved_takes_its_counter_along() -> None:
    rows = [
        {"ts": 30, "gpu_uuid": "g", "node_id": "n1", "pcie_replay_total": 5},
        {"ts": 20, "gpu_uuid": "g", "node_id": "n1", "pcie_replay_total": 6},
        {"ts": 10, "gpu_uuid": "g", "node_id": "n2", "pcie_replay_total": 9},
    ]
    assert rows_of(store_of({"gpu_metrics": rows}), **asked(by=["node_id"])) == [
        {"node_id": "n1", "m": 1.0},
        {"node_id": "n2", "m": 3.0},
    ]


def test_several_counters_of_one_select() -> None:
    both = {name: {"agg": "increase", "field": name} for name in ("pcie_replay_total", "energy_mj_total")}
    assert rows_of(fleet(g1=[1, 3], g2=[2, 2]), **asked(measures=both)) == [
        {"gpu_uuid": "g1", "pcie_replay_total": 2.0, "energy_mj_total": 2.0},
        {"gpu_uuid": "g2", "pcie_replay_total": 0.0, "energy_mj_total": 0.0},
    ]


def test_a_blank_in_between_is_no_reset() -> None:
    assert rows_of(fleet(g1=[5, float(0x7FFFFFFFFFFFFFF0), 6]), **asked()) == [{"gpu_uuid": "g1", "m": 1.0}]


def test_having_over_an_increase() -> None:
    rows = rows_of(fleet(g1=[0, 5], g2=[0, 1]), **asked(having="m > 2"))
    assert rows == [{"gpu_uuid": "g1", "m": 5.0}]


def test_counts_beside_a_counter_over_nothing_are_zero() -> None:
    both = {"m": {"agg": "increase", "field": "pcie_replay_total"}, "n": {"agg": "count"}}
    assert rows_of(fleet(g1=[1, 2]), **asked(by=[], measures=both, where="gpu_uuid = 'none'")) == [{"m": None, "n": 0}]
