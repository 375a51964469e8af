import numpy as np
import pytest

from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.simulate import build_background
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.world import World


@pytest.fixture
def grid() -> Grid:
    made = Grid("x", ["a", "b"], 300, 10)
    made.columns = {"count_total": np.zeros((2, 10), dtype=np.float32), "state": np.zeros((2, 10), dtype=np.int8)}
    made.labels = {"state": ["OK", "Bad"]}
    made.static = {"node_id": np.array(["n1", "n1"], dtype=object)}
    return made


@pytest.fixture(scope="module")
def world() -> World:
    return build_background(SimulationSpec(gpus=64, days=1, seed=5))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 300, slice(0, 1)),
        (1, 601, slice(1, 3)),
        (300, 300, slice(1, 1)),
        (-50, 9e9, slice(0, 10)),
        (9e9, 9e10, slice(10, 10)),
    ],
)
def test_spans_are_half_open(grid: Grid, start: float, end: float, expected: slice) -> None:
    assert grid.span(start, end) == expected


def test_what_is_kept_unchanged_stays_while_the_rest_is_painted(grid: Grid) -> None:
    with grid.unchanged(grid.rows(["a"]), slice(6, 10)):
        grid.bump("count_total", [0, 1], 600, 3)
    assert grid.columns["count_total"].tolist() == [[0, 0, 3, 3, 3, 3, 0, 0, 0, 0], [0, 0, 3, 3, 3, 3, 3, 3, 3, 3]]


def test_counters_jump_ramp_and_reset(grid: Grid) -> None:
    grid.bump("count_total", 0, 600, 3)
    assert grid.columns["count_total"][0].tolist() == [0, 0, 3, 3, 3, 3, 3, 3, 3, 3]
    grid.reset("count_total", 0, 1500)
    assert grid.columns["count_total"][0].tolist() == [0, 0, 3, 3, 3, 0, 0, 0, 0, 0]
    grid.ramp("count_total", 1, 0, 900, 9)
    assert grid.columns["count_total"][1].tolist() == [0, 3, 6, 9, 9, 9, 9, 9, 9, 9]
    assert grid.columns["count_total"][0, 0] == 0


def test_words_become_codes_and_unknown_columns_are_skipped(grid: Grid) -> None:
    grid.put("state", 1, grid.span(0, 600), "Worse")
    assert grid.labels["state"] == ["OK", "Bad", "Worse"]
    assert grid.columns["state"][1, :3].tolist() == [2, 2, 0]
    grid.put("not_exported", 0, slice(0, 1), 1.0)


def test_a_node_stands_for_its_rows(grid: Grid) -> None:
    assert grid.rows(["n1"]).tolist() == [0, 1]
    assert grid.rows(["b", "nowhere"]).tolist() == [1]


def test_draws_depend_on_the_key_alone(world: World) -> None:
    first = world.rng("x", 1).random()
    world.rng("y").random()
    assert world.rng("x", 1).random() == first != world.rng("x", 2).random()


def test_silence_hides_grid_rows_and_earlier_events_only(world: World) -> None:
    node = world.shape.nodes[0].node_id
    world.silence("gpu_metrics", [node], 3600, 7200)
    grid = world.grids["gpu_metrics"]
    assert not grid.present[:8, grid.span(3600, 7200)].any()
    assert grid.present[8:].all()
    world.add("syslog", ts=5000.0, node_id=node, message="before")
    world.silence("syslog", [node], 3600, 7200)
    world.add("syslog", ts=5001.0, node_id=node, message="after")
    world.drop_hidden()
    texts = [str(m) for c in world.events["syslog"] for m in np.atleast_1d(c["message"])]
    assert "after" in texts
    assert "before" not in texts


def test_a_failed_job_leaves_its_gpus_idle() -> None:
    world = build_background(SimulationSpec(gpus=64, days=1, seed=6))
    grid = world.grids["gpu_metrics"]
    job = max(world.jobs.active(20_000.0).tolist(), key=lambda j: world.jobs.column["planned_end_s"][j])
    world.jobs.fail(job, 20_000.0)
    rows = [g.index for g in world.jobs.gpus_of(job)]
    assert grid.columns["gpu_util_pct"][rows, grid.span(21_000, 30_000)].max() == 0
