"""DCGM's view of every GPU: gauges that follow the job on it, counters that mostly stand still.

Idle and busy levels of temperature and power are fitted to the published CDFs of Acme (Hu et al., NSDI 2024).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.background.occupancy import Habits, habits, job_grid
from llo11ypop.simulator.background.weather import node_inlet
from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.models import MODELS
from llo11ypop.simulator.world import World

STEP_S = 300
FloatMatrix = NDArray[np.float32]
OPT_IN = frozenset(
    {
        "clock_event_reasons", "thermal_violation_ns_total", "power_violation_ns_total", "ecc_sbe_volatile_total",
        "ecc_dbe_volatile_total", "remap_pending", "pcie_link_width", "pcie_link_gen", "nvlink_crc_error_total",
        "nvlink_replay_error_total", "nvlink_recovery_error_total", "sm_active_ratio", "temp_margin_c", "recovery_action",
    }
)  # fmt: skip
"""Fields dcgm-exporter's default csv leaves out; kept in the matrices, dropped by the writer."""
GAUGES = (
    "gpu_temp_c", "mem_temp_c", "power_w", "gpu_util_pct", "mem_copy_util_pct", "sm_clock_mhz", "mem_clock_mhz",
    "fb_used_mib", "fb_free_mib", "nvlink_bandwidth_bps", "gr_engine_active_ratio", "tensor_active_ratio",
    "dram_active_ratio", "pcie_tx_bps", "pcie_rx_bps", "sm_active_ratio", "clock_event_reasons", "pcie_link_gen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Board:
    """Per-GPU constants as (gpus, 1) columns."""

    idle_w: FloatMatrix
    span_w: FloatMatrix
    memory_mib: FloatMatrix
    max_mhz: FloatMatrix
    idle_mhz: FloatMatrix
    mem_mhz: FloatMatrix
    gen: FloatMatrix
    nvlink_bps: FloatMatrix
    has_mem_temp: FloatMatrix
    cooling: FloatMatrix
    core_off: FloatMatrix
    mem_off: FloatMatrix
    idle_off: FloatMatrix
    slowdown_c: FloatMatrix

    def take(self, rows: NDArray[Any]) -> "Board":
        """The constants of some GPUs."""
        return Board(*(getattr(self, name)[rows] for name in self.__slots__))


def build_board(world: World) -> Board:
    """Constants of every GPU from its model, its node's cooling and its own small differences."""
    if "board" not in world.memo:
        world.memo["board"] = _board(world)
    board: Board = world.memo["board"]
    return board


def _board(world: World) -> Board:
    """Draw the constants."""
    gpus = world.shape.gpus
    models = [MODELS[g.gpu_model] for g in gpus]
    rng = world.rng("board")
    dlc = {n.node_id: n.cooling == "dlc" for n in world.shape.nodes}

    def column(values: Any) -> FloatMatrix:
        return np.asarray(list(values), dtype=np.float32)[:, None]

    return Board(
        column(m.idle_w for m in models),
        column(m.tdp_w - m.idle_w for m in models),
        column(m.memory_mib for m in models),
        column(m.max_clock_mhz for m in models),
        column(m.idle_clock_mhz for m in models),
        column(m.mem_clock_mhz for m in models),
        column(m.pcie_gen for m in models),
        column(m.nvlink_bps for m in models),
        column(float(m.has_mem_temp) for m in models),
        column(0.82 if dlc[g.node_id] else 1.0 for g in gpus),
        column(np.clip(rng.normal(0, 3.3, len(gpus)), -7, 8)),
        column(np.clip(rng.normal(0, 2.6, len(gpus)), -6, 6)),
        column(np.clip(rng.gamma(3.0, 0.0065, len(gpus)), 0, 0.06)),
        column(m.slowdown_c for m in models),
    )


def draw(board: Board, work: Habits, jobs: NDArray[Any], inlet: FloatMatrix, rng: np.random.Generator) -> dict[str, FloatMatrix]:
    """The gauges of some GPUs over some steps: `jobs` and `inlet` are (gpus, steps)."""
    shape = jobs.shape

    def noise(scale: float) -> FloatMatrix:
        out = rng.standard_normal(shape, dtype=np.float32)
        out *= np.float32(scale)
        return out

    def calm(scale: float) -> FloatMatrix:
        hours = rng.standard_normal((shape[0], shape[1] // 12 + 1), dtype=np.float32) * np.float32(scale)
        return np.repeat(hours, 12, axis=1)[:, : shape[1]]

    busy, power, util, memory = work.busy[jobs], work.power[jobs], work.util[jobs], work.memory[jobs]
    dip = rng.random(shape, dtype=np.float32)
    load = power * np.where(dip < 0.03, 0.55 + 10 * dip, 1.0) + noise(0.018) * busy
    np.clip(load, 0, 1.06, out=load)
    doze = 1 - busy
    watts = board.idle_w + board.span_w * (load + board.idle_off) + noise(1.4) * (1 + busy)
    rise = 8 + 8.5 * busy + 22.5 * load
    core = inlet + (rise + board.core_off) * board.cooling + noise(1.1) + 0.6 * noise(1.0) * busy
    mem = inlet + (23.6 + 4.7 * busy + 12 * load + board.mem_off) * board.cooling + noise(1.0)
    used = np.clip(util + noise(0.8) * busy, 0, 100) * (util > 0)
    rounded_used = np.rint(used)
    heavy = np.clip(power + calm(0.015) * busy, 0, 1)
    throttle = np.clip(1 - np.maximum(heavy - 0.72, 0) * 0.75, 0.6, 1)
    clock = np.where(busy > 0, board.max_mhz * throttle, board.idle_mhz)
    fb = np.rint(board.memory_mib * (0.008 + 0.985 * np.clip(memory, 0, 0.985)))
    engine = np.clip(util / 100 + calm(0.006) * (util > 0), 0, 1)
    out = {
        "gpu_temp_c": np.rint(core), "mem_temp_c": np.rint(mem) * board.has_mem_temp, "power_w": np.rint(watts),
        "gpu_util_pct": rounded_used, "mem_copy_util_pct": np.rint(used * (0.12 + 0.45 * heavy)),
        "sm_clock_mhz": np.rint(clock / 15) * 15, "mem_clock_mhz": np.broadcast_to(board.mem_mhz, shape),
        "fb_used_mib": fb, "fb_free_mib": board.memory_mib - fb - 600,
        "nvlink_bandwidth_bps": np.rint(board.nvlink_bps * 0.42 * heavy * (util > 0) / 1e7).clip(0) * 1e7,
        "gr_engine_active_ratio": np.round(engine, 2),
        "tensor_active_ratio": np.round(np.clip(heavy * 0.46 * engine, 0, 1), 2),
        "dram_active_ratio": np.round(np.clip((0.05 + 0.42 * heavy) * engine, 0, 1), 2),
        "pcie_tx_bps": np.rint((2e6 + 3.2e9 * heavy * engine) / 1e6).clip(0) * 1e6,
        "pcie_rx_bps": np.rint((1e6 + 2.6e9 * heavy * engine) / 1e6).clip(0) * 1e6,
        "sm_active_ratio": np.round(np.clip((0.22 + 0.6 * heavy) * engine, 0, 1), 2),
        "clock_event_reasons": np.where(rounded_used == 0, 1, np.where(load > 0.975, 4, 0)),
        "pcie_link_gen": np.where((doze > 0) & (dip > 0.12), 1, board.gen),
    }  # fmt: skip
    return {name: np.asarray(values, dtype=np.float32) for name, values in out.items()}


def build_gpu(world: World) -> None:
    """Fill the gpu_metrics grid."""
    steps = world.steps(STEP_S)
    shape, count = world.shape, len(world.shape.gpus)
    grid = Grid("gpu_metrics", [g.gpu_uuid for g in shape.gpus], STEP_S, steps)
    jobs = job_grid(world.jobs, count, STEP_S, steps)
    work, board = habits(world), build_board(world)
    inlet = world.memo["inlet"] = node_inlet(world, grid.times_s())
    ints = {"clock_event_reasons": np.int16, "pcie_link_gen": np.int8}
    grid.columns = {name: np.empty((count, steps), dtype=ints.get(name, np.float32)) for name in GAUGES}
    rng = world.rng("gpu")
    for first in range(0, count, 64):
        rows = np.arange(first, min(first + 64, count))
        for name, values in draw(board.take(rows), work, jobs[rows], inlet[rows // 8], rng).items():
            grid.columns[name][rows] = values
    _counters(world, grid, count, steps)
    _static(world, grid)
    world.grids["gpu_metrics"] = grid


def _counters(world: World, grid: Grid, count: int, steps: int) -> None:
    """Counters and states; most never move on a healthy GPU."""
    rng = world.rng("gpu-counters")
    power = grid.columns["power_w"]
    start = rng.uniform(1e11, 9e12, (count, 1))
    grid.columns["energy_mj_total"] = np.rint((np.cumsum(power, axis=1, dtype=np.float64) * (STEP_S * 1e3) + start) / 1e6) * 1e6
    for name in ("pcie_replay_total", "remap_uncorrectable_total", "remap_correctable_total", "ecc_sbe_volatile_total",
                 "ecc_dbe_volatile_total", "nvlink_crc_error_total", "nvlink_replay_error_total",
                 "nvlink_recovery_error_total"):  # fmt: skip
        grid.columns[name] = np.zeros((count, steps), dtype=np.float32)
    for name in ("thermal_violation_ns_total", "power_violation_ns_total"):
        grid.columns[name] = np.zeros((count, steps), dtype=np.float64)
    for name, kind in (
        ("xid_last", np.int16),
        ("remap_failed", np.int8),
        ("remap_pending", np.int8),
        ("recovery_action", np.int8),
    ):
        grid.columns[name] = np.zeros((count, steps), dtype=kind)
    grid.columns["pcie_link_width"] = np.full((count, steps), 16, dtype=np.int8)
    sparse = [("pcie_replay_total", 0.02, 3), ("ecc_sbe_volatile_total", 0.012, 4), ("remap_correctable_total", 0.0009, 1)]
    if steps:
        grid.columns["remap_correctable_total"] += rng.poisson(0.12, (count, 1))
        grid.columns["remap_uncorrectable_total"] += rng.poisson(0.01, (count, 1))
        grid.columns["power_violation_ns_total"][:] = np.cumsum(grid.columns["clock_event_reasons"] == 4, axis=1) * (STEP_S * 4e7)
        for name, per_day, most in sparse:
            _sprinkle(grid.columns[name], per_day * world.days, most, rng)
    linked = np.flatnonzero([world.shape.node(g.node_id).nvlink for g in world.shape.gpus])
    if steps and len(linked):
        for name in ("nvlink_crc_error_total", "nvlink_replay_error_total"):
            part = np.zeros((len(linked), steps), dtype=np.float32)
            _sprinkle(part, 0.01 * world.days, 2, rng)
            grid.columns[name][linked] = part


def _sprinkle(matrix: FloatMatrix, mean: float, most: int, rng: np.random.Generator) -> None:
    """Let counters jump by 1..most at random steps, `mean` times per entity."""
    rows, steps = matrix.shape
    for row, hits in enumerate(rng.poisson(mean, size=(rows,)).tolist()):
        for at in rng.integers(0, steps, hits).tolist():
            matrix[row, at:] += rng.integers(1, most + 1)


def _static(world: World, grid: Grid) -> None:
    """Per-GPU words, and the driver as a label column because a roll-out changes it."""
    shape = world.shape
    nodes = [shape.nodes[g.index // 8] for g in shape.gpus]
    grid.static = {
        "cluster": np.array([n.cluster for n in nodes], dtype=object),
        "node_id": np.array([n.node_id for n in nodes], dtype=object),
        "gpu_uuid": np.array(grid.entities, dtype=object),
        "gpu_index": np.array([g.slot for g in shape.gpus], dtype=np.int16),
        "gpu_model": np.array([g.gpu_model for g in shape.gpus], dtype=object),
    }
    words = sorted({n.driver for n in nodes})
    codes = np.array([words.index(n.driver) for n in nodes], dtype=np.int8)
    grid.labels["driver"] = words
    grid.columns["driver"] = np.repeat(codes[:, None], grid.steps, axis=1)


def repaint(world: World, job: int, start_s: float, end_s: float, holder: int, *, only: int = -1) -> None:
    """Redraw the gauges of a job's GPUs over a span as if `holder` (a job, or -1 for none) had them.

    Called when a fault ends, drops or restarts a job. Energy counter, PSU and feed power follow; other counters stay.
    """
    grid = world.grid("gpu_metrics")
    if grid is None:
        return
    span = grid.span(start_s + STEP_S / 2, min(end_s, world.duration_s) + STEP_S / 2)
    rows = np.array([g.index for g in world.jobs.gpus_of(job) if only < 0 or g.index // 8 == only], dtype=np.intp)
    if span.start >= span.stop or not len(rows):
        return
    steps = span.stop - span.start
    work = habits(world) if holder >= 0 else _IDLE
    jobs = np.full((len(rows), steps), holder, dtype=np.int32)
    inlet = world.memo["inlet"][:, span][rows // 8]
    before = grid.columns["power_w"][rows, span].copy()
    for name, values in draw(build_board(world).take(rows), work, jobs, inlet, world.rng("repaint", job, start_s, only)).items():
        grid.columns[name][rows, span] = values
    change = np.nan_to_num(grid.columns["power_w"][rows, span] - before)
    _follow_energy(grid, rows, span, change)
    _follow_power(world, rows, span, change)


_IDLE = Habits(*(np.zeros(1, dtype=np.float32) for _ in range(5)))


def _follow_energy(grid: Grid, rows: NDArray[Any], span: slice, delta: FloatMatrix) -> None:
    """Carry a change of GPU power to the energy counter, up to where the counter next begins at zero."""
    energy = grid.columns["energy_mj_total"]
    gain = np.cumsum(delta, axis=1, dtype=np.float64) * (STEP_S * 1e3)
    rest = energy[rows, span.start :]
    gained = np.concatenate([gain, np.broadcast_to(gain[:, -1:], (len(rows), rest.shape[1] - gain.shape[1]))], axis=1)
    restarted = np.cumsum(np.diff(rest, axis=1, prepend=rest[:, :1]) < 0, axis=1) > 0
    energy[rows, span.start :] = np.where(restarted, rest, np.rint((rest + gained) / 1e6) * 1e6)


def _follow_power(world: World, rows: NDArray[Any], span: slice, delta: FloatMatrix) -> None:
    """Carry a change of GPU power to the PSUs of the nodes and the feeds of the racks."""
    from llo11ypop.simulator.background.facility import follow_power

    follow_power(world, rows, span, delta)


def settle_gpu(world: World) -> None:
    """Columns that follow from others: the margin to slowdown."""
    grid = world.grid("gpu_metrics")
    if grid is not None:
        grid.columns["temp_margin_c"] = build_board(world).slowdown_c - grid.columns["gpu_temp_c"]
