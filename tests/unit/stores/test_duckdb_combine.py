"""Combining steps against rows worked out by hand."""

from typing import Any

import pytest

from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.stores.duckdb import DuckDbStore
from tests.conformance.store_tables import AT, minutes_ago, plan, rows_of, store_of


@pytest.fixture(autouse=True, params=["in memory", "by the engine"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here holds for both ways of carrying steps out."""
    if request.param == "by the engine":
        monkeypatch.setattr("llo11ypop.stores.assembly.carry_out", lambda *_: None)


def store() -> DuckDbStore:
    temps = {("n1", "g1"): 50, ("n1", "g2"): 52, ("n1", "g3"): 80, ("n2", "g4"): 40, ("n2", "g5"): 41}
    return store_of(
        {
            "gpu_metrics": [
                {"ts": 5, "node_id": n, "gpu_uuid": g, "gpu_temp_c": t, "power_w": t * 2} for (n, g), t in temps.items()
            ],
            "gpu_events": [
                {"ts": 10, "node_id": "n1", "gpu_uuid": "g3", "kind": "xid", "code": 79},
                {"ts": 20, "node_id": "n1", "gpu_uuid": "g3", "kind": "xid", "code": 48},
                {"ts": 30, "node_id": "n9", "gpu_uuid": "g9", "kind": "xid", "code": 79},
            ],
            "maintenance_windows": [
                {"window_id": "w1", "scope_id": "n1", "start_at": 15, "end_at": 5, "announced_at": 99},
                {"window_id": "w2", "scope_id": "n9", "start_at": 40, "end_at": None, "announced_at": 99},
            ],
            "training_steps": [],
        }
    )


TEMPS = {
    "dataset": "gpu_metrics",
    "window": "1h",
    "by": ["node_id", "gpu_uuid"],
    "measures": {"t": {"agg": "max", "field": "gpu_temp_c"}},
}
XIDS = {
    "dataset": "gpu_events",
    "window": "1h",
    "by": ["gpu_uuid"],
    "measures": {"n": {"agg": "count"}, "t": {"agg": "max", "field": "ts"}},
}
RAW = {"dataset": "gpu_events", "window": "1h", "fields": ["ts", "node_id", "code"], "limit": 10}
WORK = {
    "dataset": "maintenance_windows",
    "by": ["scope_id", "window_id", "start_at", "end_at"],
    "measures": {"k": {"agg": "count"}},
}


def chain(*more: dict[str, Any], **named: dict[str, Any]) -> dict[str, Any]:
    return {"steps": {"temps": TEMPS, "xids": XIDS, **named, **{f"step{i}": s for i, s in enumerate(more)}}}


def join(how: str, **more: Any) -> dict[str, Any]:
    return {"op": "join", "left": "temps", "right": "xids", "on": ["gpu_uuid"], "how": how, **more}


def test_inner_join_names_a_doubled_column_after_its_step() -> None:
    assert rows_of(store(), **chain(join("inner"))) == [
        {"node_id": "n1", "gpu_uuid": "g3", "t": 80.0, "n": 2, "xids_t": minutes_ago(10)}
    ]


@pytest.mark.parametrize(
    ("how", "gpus"),
    [("left", "g1 g2 g3 g4 g5"), ("full", "g1 g2 g3 g4 g5 g9"), ("semi", "g3"), ("anti", "g1 g2 g4 g5")],
)
def test_joins_keep_the_right_rows(how: str, gpus: str) -> None:
    assert " ".join(sorted(r["gpu_uuid"] for r in rows_of(store(), **chain(join(how))))) == gpus


@pytest.mark.parametrize("how", ["inner", "semi"])
def test_an_interval_join_is_half_open_and_open_ended(how: str) -> None:
    steps = {
        "events": RAW,
        "work": WORK,
        "named": {"op": "derive", "source": "work", "columns": {"node_id": "scope_id"}},
        "both": {
            "op": "join",
            "left": "events",
            "right": "named",
            "on": ["node_id"],
            "how": how,
            "within": ["ts", "start_at", "end_at"],
        },
    }
    rows = rows_of(store(), steps=steps)
    assert sorted((r["node_id"], r["code"]) for r in rows) == [("n1", 79), ("n9", 79)]


def test_the_interval_may_be_on_the_left() -> None:
    steps = {
        "events": RAW,
        "work": WORK,
        "named": {"op": "derive", "source": "work", "columns": {"node_id": "scope_id"}},
        "idle": {
            "op": "join",
            "left": "named",
            "right": "events",
            "on": ["node_id"],
            "how": "anti",
            "within": ["ts", "start_at", "end_at"],
        },
    }
    assert rows_of(store(), steps=steps) == []


@pytest.mark.parametrize(
    ("expression", "of_g3"),
    [
        ("t - median_of(t, node_id)", 28.0),
        ("avg_of(t, node_id)", pytest.approx(182 / 3)),
        ("sum_of(t)", 263.0),
        ("min_of(t, node_id)", 50.0),
        ("max_of(t)", 80.0),
        ("count_of(t > 51, node_id)", 2),
        ("count_of(t, node_id)", 3),
        ("t / 0", None),
        ("t % 7", 3.0),
        ("if_else(t > 60, 'hot', 'fine')", "hot"),
        ("concat(node_id, ':', gpu_uuid)", "n1:g3"),
        ("count_listed('a,b,c')", 3),
        ("greatest(t, 90)", 90.0),
        ("nullif(t, 80)", None),
        ("abs(t - 100)", 20.0),
        ("is_nan(t)", False),
        ("seconds_between(at, at)", 0.0),
        ("lower('ABC')", "abc"),
    ],
)
def test_derived_columns(expression: str, of_g3: Any) -> None:
    rows = rows_of(store(), **chain({"op": "derive", "source": "temps", "columns": {"x": expression}}))
    assert next(r["x"] for r in rows if r["gpu_uuid"] == "g3") == of_g3
    assert len(rows) == 5


def test_derived_columns_build_on_each_other_and_replace() -> None:
    columns = {"a": "t + 1", "b": "a * 2", "t": "b - a", "c": "t"}
    row = next(
        r for r in rows_of(store(), **chain({"op": "derive", "source": "temps", "columns": columns})) if r["gpu_uuid"] == "g4"
    )
    assert row == {"node_id": "n2", "gpu_uuid": "g4", "t": 41.0, "a": 41.0, "b": 82.0, "c": 41.0}


@pytest.mark.parametrize(
    ("where", "gpus"), [("t > 45 and t < 60", "g1 g2"), ("t > avg_of(t, node_id) + 10", "g3"), ("t is null", "")]
)
def test_filters(where: str, gpus: str) -> None:
    rows = rows_of(store(), **chain({"op": "filter", "source": "temps", "where": where}))
    assert " ".join(r["gpu_uuid"] for r in rows) == gpus


def test_group_rolls_up() -> None:
    measures = {
        "n": {"agg": "count"},
        "hot": {"agg": "count", "where": "t > 51"},
        "top": {"agg": "max", "field": "t"},
        "mid": {"agg": "percentile", "field": "t", "q": 0.5},
        "who": {"agg": "list", "field": "gpu_uuid"},
    }
    rows = rows_of(store(), **chain({"op": "group", "source": "temps", "by": ["node_id"], "measures": measures}))
    assert sorted(rows, key=lambda r: r["node_id"]) == [
        {"node_id": "n1", "n": 3, "hot": 2, "top": 80.0, "mid": 52.0, "who": "g1,g2,g3"},
        {"node_id": "n2", "n": 2, "hot": 0, "top": 41.0, "mid": 40.5, "who": "g4,g5"},
    ]


def test_last_of_a_step_goes_by_its_instant() -> None:
    steps = {
        "events": RAW,
        "last": {"op": "group", "source": "events", "by": ["node_id"], "measures": {"c": {"agg": "last", "field": "code"}}},
    }
    assert sorted((r["node_id"], r["c"]) for r in rows_of(store(), steps=steps)) == [("n1", 79), ("n9", 79)]


def test_rank_within_groups() -> None:
    rows = rows_of(store(), **chain({"op": "rank", "source": "temps", "by": "t", "per": ["node_id"], "top": 1}))
    assert sorted((r["gpu_uuid"], r["rank"]) for r in rows) == [("g3", 1), ("g5", 1)]


def test_union_matches_by_name() -> None:
    rows = rows_of(
        store(),
        **chain(
            {"op": "derive", "source": "temps", "columns": {"v": "t"}},
            {"op": "derive", "source": "xids", "columns": {"v": "n"}},
            {"op": "group", "source": "step0", "by": ["gpu_uuid", "v"], "measures": {"k": {"agg": "count"}}},
            {"op": "group", "source": "step1", "by": ["gpu_uuid", "v"], "measures": {"k": {"agg": "count"}}},
            {"op": "union", "sources": ["step2", "step3"]},
        ),
    )
    assert sorted(r["v"] for r in rows if r["gpu_uuid"] == "g3") == [2.0, 80.0]
    assert len(rows) == 7


@pytest.mark.parametrize(("limit", "truncated"), [(2, True), (5, False)])
def test_sort_cuts_and_says_so(limit: int, truncated: bool) -> None:
    asked = plan(**chain({"op": "sort", "source": "temps", "order": [{"by": "t", "desc": True}], "limit": limit}))
    evidence = store().run_many_now({"p": asked}, AT)["p"]
    assert [r["t"] for r in evidence.rows.to_pylist()] == [80.0, 52.0, 50.0, 41.0, 40.0][:limit]
    assert evidence.truncated is truncated


@pytest.mark.parametrize(
    ("step", "status", "rows"),
    [
        (join("inner"), EvidenceStatus.EMPTY, 0),
        (join("left"), EvidenceStatus.OK, 5),
        (join("anti"), EvidenceStatus.OK, 5),
        ({"op": "group", "source": "xids", "measures": {"k": {"agg": "count"}}}, EvidenceStatus.OK, 1),
        ({"op": "group", "source": "xids", "by": ["gpu_uuid"], "measures": {"k": {"agg": "count"}}}, EvidenceStatus.EMPTY, 0),
        ({"op": "filter", "source": "xids", "where": "n > 0"}, EvidenceStatus.EMPTY, 0),
    ],
)
def test_steps_over_nothing(step: dict[str, Any], status: EvidenceStatus, rows: int) -> None:
    asked = chain(step)
    asked["steps"]["xids"] = {**XIDS, "where": "code = 1"}
    evidence = store().run_many_now({"p": plan(**asked)}, AT)["p"]
    assert (evidence.status, evidence.row_count) == (status, rows)


def test_silence_of_a_needed_part_is_silence_of_the_whole() -> None:
    loss = {"dataset": "training_steps", "window": "1h", "by": ["run_id"], "measures": {"l": {"agg": "max", "field": "loss"}}}
    steps = {"temps": TEMPS, "loss": loss, "kept": {"op": "filter", "source": "loss", "where": "l > 1"}}
    assert store().run_many_now({"p": plan(steps=steps)}, AT)["p"].status is EvidenceStatus.NO_DATA


def test_what_goes_wrong_in_a_step_is_a_plan_error() -> None:
    from llo11ypop.query.combine import Combiner
    from llo11ypop.query.compile.sql import Sql

    with pytest.raises(PlanError, match="could not be combined"):
        Combiner().run(Sql("SELECT * FROM read_csv('/etc/passwd')"), {}, AT)
