"""The store itself: opening, locking, exports, coverage, threads, and the errors an operator meets."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from llo11ypop.core.errors import PlanError, StoreError, UnknownNameError
from llo11ypop.stores.duckdb import DuckDbStore
from tests.conformance.store_tables import AT, catalog, minutes_ago, plan, store_of, write_tables

COUNT = plan(dataset="gpu_metrics", window="1h", measures={"n": {"agg": "count"}})
ROWS = [{"ts": 5 * i + 5, "gpu_uuid": f"g{i % 2}", "node_id": "n"} for i in range(6)]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.duckdb"
    with duckdb.connect(str(path)) as connection:
        write_tables(connection, {"gpu_metrics": ROWS, "gpu_events": []})
    return path


async def test_a_file_is_read(fleet: Path) -> None:
    store = DuckDbStore.open(fleet, catalog())
    assert (await store.run(COUNT, AT)).rows.to_pylist() == [{"n": 6}]
    assert store.query_count == 1
    store.close()


async def test_the_same_file_may_be_opened_twice(fleet: Path) -> None:
    stores = [DuckDbStore.open(fleet, catalog()) for _ in range(2)]
    assert [(await s.run(COUNT, AT)).row_count for s in stores] == [1, 1]
    for store in stores:
        store.close()


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file") as caught:
        DuckDbStore.open(tmp_path / "none.duckdb", catalog())
    assert "\n" not in caught.value.line() and "simulate" in caught.value.line()


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"\x00" * 20000])
def test_a_damaged_file_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.duckdb"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"bad\.duckdb") as caught:
        DuckDbStore.open(path, catalog())
    assert not caught.value.transient


@pytest.mark.slow
def test_a_file_that_somebody_writes_is_a_transient_error(fleet: Path) -> None:
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed script
        [sys.executable, "-c", script, str(fleet)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(StoreError, match="another process is writing") as caught:
            DuckDbStore.open(fleet, catalog())
        assert caught.value.transient
        writer.communicate(b"")


async def test_a_database_without_telemetry_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(StoreError, match="none of the catalog's datasets"):
        await DuckDbStore.open(path, catalog()).exports()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x (i INT)",
        "DELETE FROM gpu_metrics",
        "COPY gpu_metrics TO '/tmp/x.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 8",
        "SET lock_configuration = false",
        "PRAGMA memory_limit = '9GB'",
        "EXPORT DATABASE '/tmp/x'",
    ],
)
def test_an_opened_file_is_locked_down(fleet: Path, statement: str) -> None:
    store = DuckDbStore.open(fleet, catalog())
    with pytest.raises(duckdb.Error):
        store._connection.cursor().execute(statement)
    store.close()


async def test_rows_of_a_live_writer_are_seen() -> None:
    connection = duckdb.connect(":memory:")
    write_tables(connection, {"gpu_metrics": ROWS})
    store = DuckDbStore.attach(connection, catalog())
    assert (await store.run(COUNT, AT)).rows.to_pylist() == [{"n": 6}]
    connection.execute("INSERT INTO gpu_metrics (ts, gpu_uuid) VALUES (?, 'g9')", [minutes_ago(1).replace(tzinfo=None)])
    assert (await store.run(COUNT, AT)).rows.to_pylist() == [{"n": 7}]


async def test_a_new_column_is_seen_after_a_refresh() -> None:
    connection = duckdb.connect(":memory:")
    write_tables(connection, {"gpu_metrics": ROWS}, leave_out=("gpu_metrics.temp_margin_c",))
    store = DuckDbStore.attach(connection, catalog())
    assert not (await store.exports()).has("gpu_metrics", "temp_margin_c")
    connection.execute("ALTER TABLE gpu_metrics ADD COLUMN temp_margin_c DOUBLE")
    assert not (await store.exports()).has("gpu_metrics", "temp_margin_c")
    store.refresh()
    assert (await store.exports()).has("gpu_metrics", "temp_margin_c")


async def test_many_at_once_do_not_disturb_each_other() -> None:
    store = store_of({"gpu_metrics": ROWS})
    instants = [AT - timedelta(minutes=5 * i) for i in range(6)]
    found = await asyncio.gather(*(store.run(COUNT, at) for at in instants))
    assert [e.rows.to_pylist()[0]["n"] for e in found] == [6, 5, 4, 3, 2, 1]
    assert store.query_count == 6


async def test_the_event_loop_is_not_held_up() -> None:
    store = store_of({"gpu_metrics": ROWS})
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticker = asyncio.create_task(tick())
    await store.run(COUNT, AT)
    ticker.cancel()
    assert ticks > 1


async def test_a_query_is_stopped_at_its_deadline() -> None:
    connection = duckdb.connect(":memory:")
    connection.execute(
        "CREATE VIEW gpu_metrics AS SELECT TIMESTAMP '2026-05-02 11:59:00' AS ts, CAST(a.i * b.i AS DOUBLE) AS power_w "
        "FROM range(1000000) a(i), range(1000000) b(i)"
    )
    store = DuckDbStore.attach(connection, catalog(), deadline_s=0.2)
    with pytest.raises(StoreError, match="deadline") as caught:
        await store.run(plan(dataset="gpu_metrics", window="1h", measures={"x": {"agg": "sum", "field": "power_w"}}), AT)
    assert caught.value.transient


async def test_coverage_counts_rows_and_series_and_knows_what_is_missing() -> None:
    found = await store_of({"gpu_metrics": ROWS, "gpu_events": []}).coverage(AT, minutes_ago(20), entities=True)
    metrics = found["gpu_metrics"]
    assert (metrics.exported, metrics.rows, metrics.entities, metrics.last_at) == (True, 4, 2, minutes_ago(5))
    assert metrics.cadence == timedelta(minutes=5)
    assert (found["gpu_events"].exported, found["gpu_events"].rows, found["gpu_events"].last_at) == (True, 0, None)
    assert not found["node_hw"].exported
    assert "inventory_nodes" not in found


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (plan(dataset="nothing", measures={"n": {"agg": "count"}}), UnknownNameError),
        (plan(dataset="gpu_metrics", measures={"n": {"agg": "count"}}), PlanError),
    ],
)
async def test_a_wrong_plan_is_refused_before_any_query(asked, error) -> None:  # type: ignore[no-untyped-def]
    store = store_of({"gpu_metrics": ROWS})
    await store.exports()
    with pytest.raises(error):
        await store.run(asked, AT)
    assert store.query_count == 0


async def test_no_plans_need_no_query() -> None:
    store = store_of({"gpu_metrics": ROWS})
    assert await store.run_many({}, AT) == {}
    assert store.query_count == 0
