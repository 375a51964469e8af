from typing import Any

import pytest

from llo11ypop.core.errors import NotExportedError, PlanError, UnknownNameError
from llo11ypop.query.check import check, missing
from llo11ypop.query.kinds import Kind
from llo11ypop.query.store import Exports
from tests.conformance.store_tables import catalog, plan

GPU: dict[str, Any] = {"dataset": "gpu_metrics", "window": "1h"}
N = {"n": {"agg": "count"}}


def steps(*more: dict[str, Any], **first: Any) -> dict[str, Any]:
    select = {**GPU, "by": ["node_id", "gpu_uuid"], "measures": {"t": {"agg": "max", "field": "gpu_temp_c"}}, **first}
    return {"steps": {"a": select, **{f"b{i}": s for i, s in enumerate(more)}}}


@pytest.mark.parametrize(
    ("parts", "name", "near"),
    [
        ({"dataset": "gpu_metric", "measures": N}, "gpu_metric", "gpu_metrics"),
        ({**GPU, "by": ["nodeid"], "measures": N}, "nodeid", "node_id"),
        ({**GPU, "by": ["humidity_pct"], "measures": N}, "humidity_pct", ""),
        ({**GPU, "measures": {"m": {"agg": "avg", "field": "gpu_tmp_c"}}}, "gpu_tmp_c", "gpu_temp_c"),
        ({**GPU, "where": "powr_w > 1", "measures": N}, "powr_w", "power_w"),
        ({**GPU, "measures": N, "having": "nn > 1"}, "nn", "n"),
        ({**GPU, "measures": N, "order": [{"by": "gpu_uuid"}]}, "gpu_uuid", ""),
        ({**GPU, "fields": ["gpu_uid"], "limit": 5}, "gpu_uid", "gpu_uuid"),
        (steps({"op": "filter", "source": "a", "where": "x > 1"}), "x", ""),
        (steps({"op": "group", "source": "a", "by": ["rack"], "measures": N}), "rack", ""),
        (steps({"op": "sort", "source": "a", "order": [{"by": "tt"}]}), "tt", "t"),
        (steps({"op": "rank", "source": "a", "by": "z"}), "z", ""),
        (steps({"op": "join", "left": "a", "right": "a", "on": ["rack"]}), "rack", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(parts: dict[str, Any], name: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        check(plan(**parts), catalog())
    assert f"'{name}'" in str(caught.value)
    assert near in caught.value.next_step


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({**GPU, "measures": {"m": {"agg": "avg", "field": "node_id"}}}, "no 'avg' of a text"),
        ({**GPU, "measures": {"m": {"agg": "sum", "field": "ts"}}}, "no 'sum' of a time"),
        ({**GPU, "measures": {"m": {"agg": "increase", "field": "gpu_temp_c"}}}, "reads a counter"),
        ({**GPU, "measures": {"m": {"agg": "rate", "field": "pcie_replay_total + 1"}}}, "reads a counter"),
        ({**GPU, "where": "gpu_temp_c like '4%'", "measures": N}, "'like' needs a text"),
        ({**GPU, "where": "node_id like driver", "measures": N}, "pattern in quotes"),
        ({**GPU, "where": "gpu_temp_c = 'hot'", "measures": N}, "cannot compare a number with a text"),
        ({**GPU, "where": "node_id > 5", "measures": N}, "cannot compare a text with a integer"),
        ({**GPU, "where": "ts > 'yesterday'", "measures": N}, "cannot compare a time with a text"),
        ({**GPU, "where": "gpu_temp_c + 1", "measures": N}, "not a condition"),
        ({**GPU, "where": "gpu_temp_c and true", "measures": N}, "needs a bool"),
        ({**GPU, "where": "node_id + 1 > 2", "measures": N}, "needs a integer or number"),
        ({**GPU, "where": "has_bits(gpu_temp_c, 4)", "measures": N}, "needs a integer"),
        ({**GPU, "where": "median_of(gpu_temp_c, node_id) > 1", "measures": N}, "sibling"),
        ({**GPU, "measures": N, "having": "n"}, "not a condition"),
        ({"dataset": "gpu_metrics", "measures": N}, "needs a 'window'"),
        ({"dataset": "inventory_clusters", "window": "1h", "measures": N}, "takes no 'window'"),
        ({"dataset": "inventory_nodes", "measures": N, "bucket": {"every": "1h"}}, "no time"),
        ({"dataset": "inventory_nodes", "measures": {"x": {"agg": "last", "field": "rack"}}}, "goes by time"),
        ({**GPU, "window": "500d", "measures": N}, "longer than"),
        ({**GPU, "measures": {"m": {"agg": "count", "over": "2h"}}}, "outside"),
        ({**GPU, "by": ["node_id"], "measures": {"node_id": {"agg": "count"}}}, "two columns"),
        ({**GPU, "fields": ["ts"], "limit": 20_000}, "limit 20000"),
        ({**GPU, "measures": {f"m{i}": {"agg": "count"} for i in range(50)}}, "at most 40"),
        (steps({"op": "group", "source": "a", "measures": {"x": {"agg": "last", "field": "t"}}}), "no instant"),
        (steps({"op": "group", "source": "a", "measures": {"x": {"agg": "count", "over": "5m"}}}), "rows of a dataset"),
        (steps({"op": "derive", "source": "a", "columns": {"x": "median_of(node_id, gpu_uuid)"}}), "needs a"),
        (steps({"op": "derive", "source": "a", "columns": {"x": "sum_of(t, 1 + 1)"}}), "keys of 'sum_of'"),
        (steps({"op": "join", "left": "a", "right": "a", "on": []}), "needs 'on'"),
        (steps({"op": "join", "left": "a", "right": "a", "on": ["node_id"], "within": ["t", "t", "t"]}), "compares instants"),
        (steps(*({"op": "filter", "source": "a", "where": "t > 1"} for _ in range(30))), "at most 24"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_the_reason(parts: dict[str, Any], reason: str) -> None:
    with pytest.raises(PlanError, match=r"^(step|the plan)") as caught:
        check(plan(**parts), catalog())
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        {"dataset": "maintenance_windows", "measures": N},
        {"dataset": "slurm_nodes", "by": ["node_id"], "measures": {"s": {"agg": "last", "field": "state"}}},
        {**GPU, "where": "ts >= '2026-05-02T11:30:00Z'", "measures": N},
        {**GPU, "where": "seconds_between(ts, at) < 600", "measures": N},
        {**GPU, "where": "coalesce(gpu_temp_c, 0) > 1.5 and node_id in ('a', 'b')", "measures": N},
        {**GPU, "by": ["rack", "continent"], "measures": N},
        {**GPU, "measures": {"m": {"agg": "sum", "field": "if_else(power_w > 5, power_w, 0)"}}},
    ],
)
def test_what_can_be_carried_out_passes(parts: dict[str, Any]) -> None:
    assert check(plan(**parts), catalog())


def test_the_columns_of_every_step_are_known() -> None:
    chain = steps(
        {"op": "derive", "source": "a", "columns": {"d": "t - median_of(t, node_id)", "hot": "d > 3"}},
        {"op": "join", "left": "b0", "right": "a", "on": ["gpu_uuid"]},
        {
            "op": "group",
            "source": "b1",
            "by": ["node_id"],
            "measures": {"n": {"agg": "count"}, "w": {"agg": "list", "field": "gpu_uuid"}},
        },
    )
    found = check(plan(**chain), catalog())
    assert list(found["b1"]) == ["node_id", "gpu_uuid", "t", "d", "hot", "a_node_id", "a_t"]
    assert found["b1"]["hot"] is Kind.BOOL
    assert found["b2"] == {"node_id": Kind.TEXT, "n": Kind.INTEGER, "w": Kind.TEXT}


def test_what_a_fleet_does_not_export_is_named() -> None:
    exports = Exports({"gpu_metrics": frozenset({"ts", "node_id", "gpu_uuid"})})
    asked = plan(**GPU, by=["rack"], where="has_bits(clock_event_reasons, 96)", measures=N)
    assert missing(asked, catalog(), exports) == ("gpu_metrics.clock_event_reasons", "inventory_nodes")
    with pytest.raises(NotExportedError, match="clock_event_reasons"):
        check(asked, catalog(), exports)
