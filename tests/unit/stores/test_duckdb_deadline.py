"""A statement that takes too long is stopped, the next one on the same cursor is not, and a stopped process loses no time."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace

import duckdb
import pytest

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import StoreError
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.sql import Sql
from llo11ypop.stores import duckdb_run
from llo11ypop.stores.duckdb_run import Deadline, Run, store_error

pytestmark = pytest.mark.timeout(60)
ENDLESS = "SELECT count(*) FROM range(10000000) a(i), range(10000000) b(i) WHERE a.i * b.i % 7 = 3"
NEXT = Sql("SELECT 42 AS n")


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect(":memory:")) as connection:
        yield connection.cursor()


def test_the_statement_after_one_that_was_stopped_runs_at_once(cursor: duckdb.DuckDBPyConnection) -> None:
    with closing(Run(cursor, Catalog({}), Combiner(), datetime(2026, 5, 1, tzinfo=UTC), deadline_s=0.05)) as run:
        for _ in range(5):
            with pytest.raises(StoreError, match="stopped at its deadline") as caught:
                run.fetch(Sql(ENDLESS), "gpu_metrics")
            assert caught.value.transient
            assert run.fetch(NEXT, "gpu_metrics").to_pylist() == [{"n": 42}]


def test_a_statement_that_begins_when_its_time_is_up_is_stopped_too(cursor: duckdb.DuckDBPyConnection) -> None:
    with closing(Deadline(cursor, 0.05)) as deadline, pytest.raises(duckdb.InterruptException), deadline.watched():
        time.sleep(0.2)
        cursor.execute(ENDLESS)


def test_nothing_is_interrupted_after_it(cursor: duckdb.DuckDBPyConnection) -> None:
    with closing(Deadline(cursor, 0.05)) as deadline:
        with deadline.watched():
            time.sleep(0.2)
        cursor.execute("SELECT count(*) FROM range(30000000) WHERE range % 7 = 3")
        assert cursor.fetchone() is not None


def test_time_in_which_the_process_was_stopped_does_not_count(
    cursor: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_s = 0.0
    monkeypatch.setattr(duckdb_run, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(duckdb_run, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + stopped_s))
    with closing(Deadline(cursor, 2.0)) as deadline, deadline.watched():
        time.sleep(0.1)
        stopped_s = 100.0
        time.sleep(0.1)
        assert cursor.execute("SELECT count(*) FROM range(3000000)").fetchone() == (3_000_000,)
    with closing(Deadline(cursor, 0.1)) as deadline, pytest.raises(duckdb.InterruptException), deadline.watched():
        cursor.execute(ENDLESS)


def test_a_busy_connection_is_worth_another_try() -> None:
    busy = store_error(duckdb.ResourceInUseException("connection is busy with another call"), "fleet.duckdb")
    assert busy.transient
    assert busy.line() == "fleet.duckdb: the connection is busy with another query — try again"
