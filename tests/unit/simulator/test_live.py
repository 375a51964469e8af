import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from llo11ypop.catalog.models import Dataset
from llo11ypop.core.errors import ConfigError, StoreError
from llo11ypop.simulator import live
from llo11ypop.simulator.live import open_live
from llo11ypop.simulator.simulate import build_background, finish
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.world import World
from llo11ypop.simulator.writer import insert, write_fleet

SPEC = SimulationSpec(gpus=32, days=0.25, seed=4)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "fleet.duckdb"
    write_fleet(finish(build_background(SPEC)), path)
    return path


@pytest.mark.slow
def test_rows_are_appended_without_gaps_or_duplicates(history: Path) -> None:
    end = SPEC.start_at + timedelta(days=SPEC.days)
    with duckdb.connect(str(history)) as connection:
        fleet = open_live(history, connection, chapter_days=0.125)
        for minutes in (7, 7, 61, 200, 333):
            fleet.advance(end + timedelta(minutes=minutes), connection)
        truth = fleet.inject("F16", fleet._shape.nodes[0].node_id)
        fleet.advance(end + timedelta(minutes=420), connection)
        rows = connection.execute(
            "SELECT count(DISTINCT ts), count(*), count(DISTINCT (sensor_id, node_id, ts)) FROM node_hw"
        ).fetchone()
        times = connection.execute("SELECT count(DISTINCT ts) FROM facility_env").fetchone()
        jobs = connection.execute("SELECT count(*) - count(DISTINCT job_id) FROM slurm_jobs").fetchone()
    assert rows is not None and times is not None
    assert rows[0] == (6 + 7) * 6
    assert rows[1] == rows[2]
    assert times[0] == (6 + 7) * 12
    assert jobs == (0,)
    assert truth.mode == "F16"
    assert truth.start_at >= end + timedelta(minutes=333)


def test_what_cannot_be_appended_whole_is_not_appended_at_all(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fleet.duckdb"
    shutil.copy(history, path)
    appended: Counter[str] = Counter()

    def cut_off(connection: duckdb.DuckDBPyConnection, world: World, dataset: Dataset, span: tuple[float, float]) -> int:
        if dataset.dataset == "node_hw":
            raise KeyboardInterrupt
        appended[dataset.dataset] = insert(connection, world, dataset, span)
        return appended[dataset.dataset]

    with duckdb.connect(str(path)) as connection:
        fleet = open_live(path, connection, chapter_days=0.125)
        before, until = contents(connection), fleet.released_at + timedelta(minutes=10)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(live, "insert", cut_off)
            fleet.advance(until, connection)
        assert appended["gpu_metrics"] > 0
        assert contents(connection) == before
        assert fleet.advance(until, connection) > sum(appended.values())


def contents(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
    names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    return {n: connection.execute(f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {n} t").fetchone() for n in names}  # noqa: S608


def test_only_a_simulated_fleet_goes_on(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection, pytest.raises(StoreError, match="not a simulated fleet"):
        open_live(tmp_path / "other.duckdb", connection)


def test_an_unknown_mode_is_refused(history: Path) -> None:
    with duckdb.connect(str(history)) as connection:
        fleet = open_live(history, connection)
    with pytest.raises(ConfigError, match="no failure mode named 'F99'"):
        fleet.inject("F99")
