import numpy as np
import pytest

from llo11ypop.simulator.background.gpu import STEP_S, repaint
from llo11ypop.simulator.simulate import build_background, finish
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return finish(build_background(SimulationSpec(gpus=512, days=2, seed=2)))


def test_utilisation_is_bimodal_and_heat_follows_load(world: World) -> None:
    columns = world.grids["gpu_metrics"].columns
    util = columns["gpu_util_pct"]
    assert ((util == 0) | (util >= 90)).mean() > 0.8
    hot = columns["power_w"] > 350
    assert columns["gpu_temp_c"][hot].mean() > columns["gpu_temp_c"][util == 0].mean() + 10


def test_counters_never_fall(world: World) -> None:
    for name in ("energy_mj_total", "pcie_replay_total", "power_violation_ns_total"):
        assert (np.diff(world.grids["gpu_metrics"].columns[name], axis=1) >= 0).all()
    for name in ("xmit_bytes_total", "link_downed_total"):
        assert (np.diff(world.grids["fabric_ports"].columns[name], axis=1) >= 0).all()


def test_a_model_without_a_memory_sensor_prints_zero(world: World) -> None:
    plain = [g.index for g in world.shape.gpus if "PCIE" in g.gpu_model]
    assert plain
    assert (world.grids["gpu_metrics"].columns["mem_temp_c"][plain] == 0).all()


def test_idle_gpus_mostly_drop_their_pcie_generation(world: World) -> None:
    columns = world.grids["gpu_metrics"].columns
    assert (columns["pcie_link_gen"][columns["clock_event_reasons"] == 0] > 1).all()
    assert (columns["pcie_link_gen"][columns["gpu_util_pct"] == 0] == 1).mean() > 0.6


def test_rack_power_follows_the_gpus(world: World) -> None:
    feeds, gpu = world.grids["facility_power"], world.grids["gpu_metrics"].columns["power_w"]
    for i, rack in enumerate(world.shape.racks):
        own = gpu[[g.index for n in rack.nodes for g in world.shape.node_gpus(n)]].sum(axis=0)
        total = feeds.columns["power_w"][2 * i : 2 * i + 2].sum(axis=0)
        if own.std() > 300:
            assert np.corrcoef(own, total)[0, 1] > 0.9


def test_there_is_noise_that_naive_thresholds_would_report(world: World) -> None:
    codes = {int(c) for chunk in world.events["gpu_events"] for c in np.atleast_1d(chunk["code"])}
    assert codes & {13, 31, 43, 45}
    assert world.grids["fabric_ports"].columns["symbol_error_total"].max() > 0
    assert world.grids["node_hw"].present.mean() < 1


def test_node_states_agree_with_the_jobs(world: World) -> None:
    for chunk in world.events["slurm_nodes"]:
        state, used = chunk["state"].texts(), np.asarray(chunk["gpus_used"])
        assert (used[state == "idle"] == 0).all()
        assert (used[state == "allocated"] == 8).all()
        assert ((used[state == "mixed"] > 0) & (used[state == "mixed"] < 8)).all()


def test_steps_exist_only_while_an_attempt_runs(world: World) -> None:
    grid = world.run_steps
    assert grid is not None
    for row, run in enumerate(world.runs):
        for at in grid.times_s()[grid.present[row]][::200]:
            assert run.nodes_at(at - 1)


def test_throughput_fits_the_step_time(world: World) -> None:
    grid = world.run_steps
    assert grid is not None
    for row, run in enumerate(world.runs):
        tokens = grid.columns["tokens_per_s"][row] * grid.columns["step_time_s"][row]
        np.testing.assert_allclose(tokens, run.tokens_per_step, rtol=0.01)
        assert 0.25 < grid.columns["mfu"][row].mean() < 0.6


def test_the_energy_counter_follows_the_power_of_a_job_that_ended_early() -> None:
    own = build_background(SimulationSpec(gpus=64, days=2, seed=2))
    columns, column = own.grids["gpu_metrics"].columns, own.jobs.column
    longest = int(np.argmax((column["end_s"] - column["start_s"]) * column["gpus"]))
    rows = [g.index for g in own.jobs.gpus_of(longest)]
    before = columns["energy_mj_total"][rows, -1].copy()
    repaint(own, longest, max(0.0, float(column["start_s"][longest])), own.duration_s, -1)
    power, energy = columns["power_w"][rows], columns["energy_mj_total"][rows]
    assert (energy[:, -1] < before).all()
    gained = energy[:, -1] - energy[:, 0]
    assert np.allclose(gained, power[:, 1:].sum(axis=1) * STEP_S * 1e3, rtol=0.001)
