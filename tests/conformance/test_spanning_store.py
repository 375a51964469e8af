"""Two stores as one give what one store gives; one that is down takes only its own plans along."""

from datetime import timedelta
from typing import Any

import pytest

from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.query.plan import Plan
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.spanning import SpanningStore
from tests.conformance.store_tables import AT, catalog, plan, store_of
from tests.prometheus_fleet import prometheus_store, rows

EVENTS = [{"ts": m, "gpu_uuid": f"GPU-{m % 3}", "node_id": f"n{m % 3 // 2}", "code": 79} for m in range(1, 50, 3)]
SPANNING = Plan.model_validate(
    {
        "steps": {
            "hot": {
                "dataset": "gpu_metrics",
                "window": "1h",
                "by": ["gpu_uuid"],
                "measures": {"t": {"agg": "max", "field": "power_w"}},
            },
            "xid": {"dataset": "gpu_events", "window": "1h", "by": ["gpu_uuid"], "measures": {"n": {"agg": "count"}}},
            "both": {"op": "join", "left": "hot", "right": "xid", "on": ["gpu_uuid"]},
            "top": {"op": "sort", "source": "both", "order": [{"by": "t", "desc": True}], "limit": 2},
        }
    }
)
METRICS = plan(dataset="gpu_metrics", window="1h", by=["node_id"], measures={"n": {"agg": "count"}})
COUNTED = plan(dataset="gpu_events", window="1h", measures={"n": {"agg": "count"}})


def whole() -> DuckDbStore:
    return store_of({"gpu_metrics": rows(), "gpu_events": EVENTS})


def apart(other: Any = None) -> SpanningStore:
    main = store_of({"gpu_events": EVENTS, "gpu_metrics": [{"ts": 5, "gpu_uuid": "stale"}]})
    return SpanningStore(main, {"other": other or store_of({"gpu_metrics": rows()})}, {"gpu_metrics": "other"}, catalog())


@pytest.mark.parametrize("asked", [SPANNING, METRICS, COUNTED])
async def test_two_stores_give_what_one_gives(asked: Plan) -> None:
    found, expected = await apart().run(asked, AT), await whole().run(asked, AT)
    assert found.rows.to_pylist() == expected.rows.to_pylist() and found.rows.num_rows
    assert (found.id, found.hash, found.status, found.truncated) == (
        expected.id,
        expected.hash,
        expected.status,
        expected.truncated,
    )


async def test_exports_and_coverage_come_from_where_a_dataset_lies() -> None:
    store, since = apart(), AT - timedelta(hours=1)
    assert (await store.exports()).has("gpu_metrics", "power_w") and (await store.exports()).has("gpu_events", "code")
    assert (await store.coverage(AT, since))["gpu_metrics"] == (await whole().coverage(AT, since))["gpu_metrics"]
    assert store.query_count > 0


async def test_a_store_that_is_down_leaves_the_others_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llo11ypop.stores.retrying.FIRST_PAUSE_S", 0.01)
    store = apart(prometheus_store("http://127.0.0.1:1"))
    found = await store.run_many({"a": METRICS, "b": COUNTED, "c": SPANNING}, AT)
    assert found["b"].rows.to_pylist() == [{"n": len(EVENTS)}]
    for name in ("a", "c"):
        assert found[name].status is EvidenceStatus.UNREAD and "cannot be reached" in found[name].note
    assert not (await store.coverage(AT, AT - timedelta(hours=1)))["gpu_metrics"].exported
    assert (await store.exports()).has("gpu_events") and not (await store.exports()).has("gpu_metrics")
    with pytest.raises(StoreError, match="cannot be reached"):
        await store.run(METRICS, AT)
    with pytest.raises(PlanError, match="cannot be reached"):
        await store.run(SPANNING, AT)
