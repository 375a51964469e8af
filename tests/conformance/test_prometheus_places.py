"""Where a fleet's datasets lie in the Prometheus that stores are compared with: a slot is a label, and rows are counted."""

import duckdb
import pytest

from llo11ypop.core.access import Access
from llo11ypop.stores.prometheus import PrometheusStore
from tests.conformance.elasticsearch_samples import gpu_rows
from tests.conformance.store_tables import AT, catalog, plan, store_of, write_tables
from tests.prometheus_fleet import exported, places
from tests.prometheus_server import UnavailableError, running

DATASETS = frozenset({"gpu_metrics"})
COUNTED = plan(
    dataset="gpu_metrics",
    window="1h",
    by=["gpu_uuid"],
    measures={"n": {"agg": "count"}, "slot": {"agg": "last", "field": "gpu_index"}, "seen": {"agg": "max", "field": "ts"}},
)


async def test_a_slot_is_a_label_and_the_rows_are_those_of_a_metric_that_every_row_has() -> None:
    rows = gpu_rows(3, 12)
    rows["gpu_metrics"][4]["gpu_temp_c"] = None
    with duckdb.connect(":memory:") as connection:
        write_tables(connection, rows)
        found, samples = places(connection, catalog(), DATASETS), exported(connection, catalog(), DATASETS)
    assert found["gpu_metrics"].rows not in ("", "gpu_index", "gpu_temp_c")
    try:
        with running(samples) as url:
            theirs = await PrometheusStore(Access(url), catalog(), found).run(COUNTED, AT)
    except UnavailableError as why:
        pytest.skip(f"no Prometheus here: {why}")
    assert theirs.rows.to_pylist() == (await store_of(rows).run(COUNTED, AT)).rows.to_pylist()
