"""Training runs at work: a row per minute and run, checkpoints at a fixed pace, evaluations twice a day.

Loss falls like a power law; single harmless spikes of the gradient norm come with it (PaLM reports about twenty per
run). Step times follow the run's compute; pipeline stages differ a little, which is not a fault.
"""

import numpy as np

from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.runs import Run
from llo11ypop.simulator.world import World

STEP_S = 60


def build_training(world: World) -> None:
    """Fill training_steps and the events checkpoints and training_evals."""
    for run in world.runs:
        _checkpoints(world, run)
        _evals(world, run)
    if not world.events_only:
        _steps(world)


def _checkpoints(world: World, run: Run) -> None:
    """Saves at the run's pace through its whole life; those outside an attempt are taken out at the end."""
    rng = world.rng("checkpoints", run.run_id)
    first = run.start_s + run.checkpoint_every_s * rng.uniform(0.3, 1.0)
    ts = np.arange(first, min(run.end_s, world.duration_s), run.checkpoint_every_s)
    ts = (ts + rng.normal(0, 20, len(ts)))[ts >= 0]
    duration = run.checkpoint_bytes / 9e9 * rng.lognormal(0, 0.18, len(ts)) + 6
    late = rng.random(len(ts)) < 0.01
    duration[late] *= 2.2
    _checkpoint_rows(world, run, ts, np.full(len(ts), "save"), duration, duration * 0.12 + 2)
    loads = np.array([a.start_s + 90 for a in run.attempts if a.start_s >= 0])
    took = run.checkpoint_bytes / 14e9 * rng.lognormal(0, 0.1, len(loads)) + 10
    _checkpoint_rows(world, run, loads, np.full(len(loads), "load"), took, took)


def _checkpoint_rows(
    world: World, run: Run, ts: np.ndarray, kind: np.ndarray, duration: np.ndarray, blocking: np.ndarray
) -> None:
    """Add rows; arrays, so that a storage fault can stretch them in place."""
    if not len(ts):
        return
    world.add(
        "checkpoints", ts=ts, run_id=np.full(len(ts), run.run_id, dtype=object), job_id=np.zeros(len(ts), dtype=np.int64),
        cluster=run.cluster, kind=kind.astype(object), mount=run.mount, duration_s=np.round(duration, 1),
        blocking_s=np.round(blocking, 1), bytes=np.full(len(ts), run.checkpoint_bytes),
        outcome=np.full(len(ts), "ok", dtype=object),
    )  # fmt: skip


def _evals(world: World, run: Run) -> None:
    """An evaluation every twelve hours, and a replayed step on one node every second day."""
    rng = world.rng("evals", run.run_id)
    end = min(run.end_s, world.duration_s)
    ts = np.arange(max(run.start_s, 0) + 20_000, end, 43_200.0)
    if len(ts):
        loss = 1.75 + 1.3 * (1 + (ts - run.start_s) / 86400) ** -0.45 + 0.004 * rng.standard_normal(len(ts))
        world.add(
            "training_evals",
            ts=ts,
            run_id=run.run_id,
            cluster=run.cluster,
            kind="eval",
            node_id="",
            metric=np.round(loss, 4),
            mismatch=0,
        )
    ts = np.arange(max(run.start_s, 0) + 50_000, end, 172_800.0)
    if len(ts):
        nodes = np.array([run.nodes[int(i)] for i in rng.integers(0, len(run.nodes), len(ts))], dtype=object)
        world.add(
            "training_evals",
            ts=ts,
            run_id=run.run_id,
            cluster=run.cluster,
            kind="replay",
            node_id=nodes,
            metric=np.nan,
            mismatch=0,
        )


def _steps(world: World) -> None:
    """The minute rows of all runs; which minutes belong to an attempt is settled at the end."""
    steps, runs = world.steps(STEP_S), world.runs
    size = (len(runs), steps)
    grid = Grid("training_steps", [r.run_id for r in runs], STEP_S, steps)
    names = (
        "loss",
        "grad_norm",
        "lr",
        "step_time_s",
        "tokens_per_s",
        "mfu",
        "rank_max_step_s",
        "rank_min_step_s",
        "mean_seq_len",
    )
    grid.columns = {name: np.empty(size, dtype=np.float32) for name in names}
    for name in ("step", "job_id"):
        grid.columns[name] = np.zeros(size, dtype=np.int64)
    for name in ("nan_count", "slowest_rank", "slowest_stage"):
        grid.columns[name] = np.zeros(size, dtype=np.int32)
    words = [n.node_id for n in world.shape.nodes]
    grid.labels["slowest_node"] = ["", *words]
    grid.columns["slowest_node"] = np.zeros(size, dtype=np.int32)
    for i, run in enumerate(runs):
        _run_minutes(world, grid, i, run)
    grid.static = {"run_id": np.array(grid.entities, dtype=object), "cluster": np.array([r.cluster for r in runs], dtype=object)}
    world.grids["training_steps"] = grid


def _run_minutes(world: World, grid: Grid, row: int, run: Run) -> None:
    """One run's minutes."""
    rng, n, c = world.rng("steps", run.run_id), grid.steps, grid.columns
    age = np.maximum(grid.times_s() - run.start_s, 0)
    noise = rng.standard_normal((4, n)).astype(np.float32)
    spike = rng.random(n) < 0.00025
    c["loss"][row] = np.round(1.75 + 1.3 * (1 + age / 86400) ** -0.45 + 0.006 * noise[0] + spike * rng.exponential(0.08, n), 4)
    c["grad_norm"][row] = np.round(0.32 * np.exp(0.12 * noise[1]) * (1 + spike * rng.exponential(3, n)), 3)
    total = max(run.end_s - run.start_s, 1.0)
    c["lr"][row] = 3e-4 * np.clip(age / 7200, 0.01, 1) * (0.1 + 0.9 * np.cos(np.clip(age / total, 0, 1) * np.pi / 2))
    seq = 8192 * (1 + 0.02 * noise[2])
    c["mean_seq_len"][row] = np.rint(seq)
    own = run.base_step_s * (1 + 0.3 * (seq / 8192 - 1)) * (1 + 0.008 * noise[3])
    own *= 1 + 0.012 * np.sin((grid.times_s() / 3600 + world.start_at.hour - 9) * np.pi / 12)
    uneven = 0.015 + (0.03 if run.pipeline_stages > 1 else 0.0)
    c["rank_max_step_s"][row] = np.round(own * (1 + uneven * 0.5 + 0.004 * np.abs(noise[0])), 4)
    c["rank_min_step_s"][row] = np.round(own * (1 - uneven), 4)
    c["step_time_s"][row] = np.round(c["rank_max_step_s"][row] * 1.03, 4)
    c["slowest_rank"][row] = rng.integers(0, run.ranks, n)
    fill_throughput(grid, row, run)


def fill_throughput(grid: Grid, row: int, run: Run) -> None:
    """Tokens per second and MFU from the step time; done again when faults have stretched it."""
    c = grid.columns
    c["tokens_per_s"][row] = np.rint(run.tokens_per_step / np.maximum(c["step_time_s"][row], 0.01))
    c["mfu"][row] = np.round(c["tokens_per_s"][row] * run.flops_per_token / run.peak_flops, 4)
