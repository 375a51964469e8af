from pathlib import Path

import duckdb
import pytest

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import ConfigError, StoreError
from llo11ypop.simulator.hashes import table_hashes
from llo11ypop.simulator.simulate import build_background, finish
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.tables import exported_fields
from llo11ypop.simulator.writer import packaged_catalog, write_fleet


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return packaged_catalog()


def written(path: Path, catalog: Catalog, *, seed: int = 1, profile: str = "full") -> dict[str, int]:
    world = build_background(SimulationSpec(gpus=96, days=0.25, seed=seed, profile=profile))
    world.detail("node", world.shape.nodes[0].node_id, 9000.0)
    return write_fleet(finish(world), path, catalog=catalog)


@pytest.mark.slow
def test_one_seed_gives_one_content(tmp_path: Path, catalog: Catalog) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        written(tmp_path / name, catalog, seed=seed)
    first, same, other = (table_hashes(tmp_path / n) for n in "abc")
    assert first == same
    assert first["gpu_metrics"] != other["gpu_metrics"]


@pytest.mark.parametrize("profile", ["full", "default"])
def test_tables_have_the_columns_of_the_profile(tmp_path: Path, catalog: Catalog, profile: str) -> None:
    counts = written(tmp_path / "f.duckdb", catalog, profile=profile)
    assert counts["gpu_metrics"] == 96 * 72
    assert counts["gpu_metrics_1m"] > 0
    with duckdb.connect(str(tmp_path / "f.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    have: dict[str, set[str]] = {}
    for table, column in rows:
        have.setdefault(table, set()).add(column)
    wanted = {n: set(f) for n, d in catalog.datasets.items() if (f := exported_fields(d, profile))}
    assert have == wanted
    assert ("nvlink_metrics" in have) == (profile == "full")
    assert ("clock_event_reasons" in have["gpu_metrics"]) == (profile == "full")


def test_closed_lists_hold_only_their_words(tmp_path: Path, catalog: Catalog) -> None:
    written(tmp_path / "f.duckdb", catalog)
    with duckdb.connect(str(tmp_path / "f.duckdb"), read_only=True) as connection:
        for name, dataset in catalog.datasets.items():
            for column, field in dataset.fields.items():
                if field.values:
                    found = {r[0] for r in connection.sql(f'FROM "{name}" SELECT DISTINCT "{column}"').fetchall()}
                    assert found <= set(field.values), (name, column)


def test_nothing_is_left_when_the_path_is_bad(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        written(tmp_path / "nowhere" / "f.duckdb", catalog)
    with pytest.raises(StoreError, match="is a folder"):
        written(tmp_path, catalog)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [{"gpus": 12}, {"gpus": 0}, {"days": 0}, {"profile": "some"}, {"acceleration": -1}])
def test_a_specification_that_makes_no_fleet_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SimulationSpec(**bad)  # type: ignore[arg-type]
