"""Evidence as JSON, evidence run again, and the topology read from the inventory."""

import json
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Level
from llo11ypop.query.evidence_json import from_json, to_json
from llo11ypop.query.rerun import rerun
from llo11ypop.query.rows import rows_hash
from llo11ypop.query.topology import read_topology
from llo11ypop.stores.duckdb import DuckDbStore
from tests.conformance.store_tables import AT, catalog, minutes_ago, plan, store_of, write_tables

ROWS = [{"ts": 5 * i, "gpu_uuid": f"g{i}", "node_id": "n'1", "gpu_temp_c": 40.1 + i} for i in range(1, 5)]
TEMPS: dict[str, Any] = {
    "dataset": "gpu_metrics",
    "window": "1h",
    "by": ["gpu_uuid"],
    "measures": {
        "t": {"agg": "max", "field": "gpu_temp_c"},
        "n": {"agg": "count"},
        "at": {"agg": "last", "field": "ts"},
        "d": {"agg": "last", "field": "driver"},
    },
}


@pytest.mark.parametrize(
    "parts",
    [
        TEMPS,
        {**TEMPS, "having": "t > 500"},
        {"dataset": "gpu_metrics", "window": "1h", "where": "node_id = 'n''1'", "fields": ["ts", "gpu_uuid"], "limit": 2},
        {"steps": {"a": TEMPS, "b": {"op": "derive", "source": "a", "columns": {"hot": "t > 42", "x": "t / 0"}}}},
        {"dataset": "gpu_events", "window": "1h", "by": ["code"], "measures": {"n": {"agg": "count"}}},
    ],
)
async def test_evidence_survives_json(parts: dict[str, Any]) -> None:
    evidence = await store_of({"gpu_metrics": ROWS}).run(plan(**parts), AT)
    back = from_json(json.loads(json.dumps(to_json(evidence))))
    assert back.rows.equals(evidence.rows) and back.rows.schema == evidence.rows.schema
    assert replace(back, rows=evidence.rows) == evidence
    assert rows_hash(back.rows) == evidence.hash


async def test_the_same_telemetry_gives_the_same() -> None:
    store = store_of({"gpu_metrics": ROWS})
    evidence = await store.run(plan(**TEMPS), AT)
    again = await rerun(evidence, store)
    assert again.same and again.changes == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("UPDATE gpu_metrics SET gpu_temp_c = 99 WHERE gpu_uuid = 'g2'", "t of gpu_uuid g2"),
        ("DELETE FROM gpu_metrics WHERE gpu_uuid = 'g3'", "gpu_uuid g3"),
        ("INSERT INTO gpu_metrics (ts, gpu_uuid) VALUES (TIMESTAMP '2026-05-02 11:30:00', 'late')", "gpu_uuid late"),
        ("DELETE FROM gpu_metrics", "status was ok, is no_data"),
    ],
)
async def test_what_changed_since_is_told(change: str, line: str) -> None:
    connection = duckdb.connect(":memory:")
    write_tables(connection, {"gpu_metrics": ROWS})
    store = DuckDbStore.attach(connection, catalog())
    evidence = await store.run(plan(**TEMPS), AT)
    connection.execute(change)
    again = await rerun(from_json(to_json(evidence)), store)
    assert not again.same
    assert any(line in change for change in again.changes)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"a": [1, 2]}, {"a": [2, 1]}, True),
        ({"a": [1.0, None]}, {"a": [None, 1.0]}, True),
        ({"a": [0.1 + 0.2]}, {"a": [0.3]}, True),
        ({"a": [1e-12]}, {"a": [2e-12]}, False),
        ({"a": [0.0]}, {"a": [1.0]}, False),
        ({"a": ["x", None]}, {"a": ["x", ""]}, False),
        ({"a": [1]}, {"b": [1]}, False),
        ({"a": [1, 1]}, {"a": [1]}, False),
        ({"a": [1, 2], "b": [1, 2]}, {"a": [1, 2], "b": [2, 1]}, False),
        ({"a": [-5.5, 0.0, 123456.789]}, {"a": [123456.789, -5.5, 0.0]}, True),
    ],
)
def test_hashes_are_equal_for_equal_rows_in_any_order(left: dict[str, Any], right: dict[str, Any], same: bool) -> None:
    assert (rows_hash(pa.table(left)) == rows_hash(pa.table(right))) is same


async def test_the_topology_is_what_stood_where_at_the_instant() -> None:
    always = {"valid_from": 99999, "valid_to": None}
    store = store_of(
        {
            "inventory_gpus": [
                {"gpu_uuid": "g1", "node_id": "n1", "valid_from": 99999, "valid_to": 30},
                {"gpu_uuid": "g1", "node_id": "n2", "valid_from": 30, "valid_to": None},
            ],
            "inventory_nodes": [
                {"node_id": f"n{i}", "rack": "r1", "leaf_switch": "l1", "driver": "570", **always} for i in (1, 2)
            ],
            "inventory_links": [{"port_id": "n1/mlx5_0", "node_id": "n1", "switch_id": "l1"}],
            "inventory_switches": [{"switch_id": "l1", "cluster": "c"}],
            "inventory_racks": [{"rack": "r1", "row": "row1", "cluster": "c"}],
            "inventory_clusters": [{"cluster": "c", "site": "s"}],
            "fs_metrics": [
                {"ts": 5, "cluster": "c", "mount": "/scratch", "role": "server"},
                {"ts": 5, "cluster": "c", "mount": "/local", "role": "local"},
            ],
            "slurm_nodes": [{"ts": 5, "cluster": "c", "node_id": "n1", "partition": "train"}],
        }
    )
    now, before = await read_topology(store, AT), await read_topology(store, minutes_ago(60))
    gpu = Entity(Level.GPU, "g1")
    assert now.at_level(gpu, Level.NODE) == (Entity(Level.NODE, "n2"),)
    assert before.at_level(gpu, Level.NODE) == (Entity(Level.NODE, "n1"),)
    for level, name in (
        (Level.RACK, "r1"),
        (Level.ROW, "row1"),
        (Level.CLUSTER, "c"),
        (Level.SITE, "s"),
        (Level.SWITCH, "l1"),
        (Level.DRIVER, "570"),
    ):
        assert now.at_level(gpu, level) == (Entity(level, name),)
    assert now.at_level(Entity(Level.PORT, "n1/mlx5_0"), Level.SWITCH) == (Entity(Level.SWITCH, "l1"),)
    assert now.contains(Entity(Level.CLUSTER, "c"), Entity(Level.MOUNT, "c//scratch"))
    assert Entity(Level.MOUNT, "c//local") not in now
    assert now.contains(Entity(Level.SITE, "s"), Entity(Level.PARTITION, "c/train"))


async def test_without_an_inventory_what_telemetry_names_stands_in_for_it() -> None:
    sensors = [{"ts": 5, "node_id": "n'1", "rack": "r1", "cluster": "c"}, {"ts": 60 * 25, "node_id": "gone", "rack": "r1"}]
    found = await read_topology(store_of({"gpu_metrics": ROWS, "node_hw": sensors}), AT)
    gpu = Entity(Level.GPU, "g1")
    assert [found.at_level(gpu, level) for level in (Level.NODE, Level.RACK, Level.CLUSTER)] == [
        (Entity(Level.NODE, "n'1"),),
        (Entity(Level.RACK, "r1"),),
        (Entity(Level.CLUSTER, "c"),),
    ]
    assert Entity(Level.NODE, "gone") not in found


async def test_an_inventory_that_is_empty_is_believed() -> None:
    assert (await read_topology(store_of({"gpu_metrics": ROWS, "inventory_gpus": []}), AT)).parents == {}
