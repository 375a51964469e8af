"""The scheduler's own figures: queue lengths by reason, and running, idle and allocated GPUs."""

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.jobs import STATE
from llo11ypop.simulator.world import World

REASONS = ("Resources", "Priority", "Dependency", "QOSMaxGRESPerUser", "AssocGrpGRES", "ReqNodeNotAvail", "BadConstraints")
"""Slurm's pending reasons, one queue entity each; those without pending jobs give no row."""


def build_slurm(world: World) -> None:
    """Fill slurm_sched and slurm_queue (5 min)."""
    steps = world.steps(300)
    _queue(world, steps)
    _sched(world, steps)


def _levels(
    first_s: NDArray[np.float64], last_s: NDArray[np.float64], weight: NDArray[np.float64], steps: int
) -> NDArray[np.float64]:
    """Weight present at each step from jobs that are there during [first, last)."""
    change = np.zeros(steps + 1)
    np.add.at(change, np.clip(np.ceil(first_s / 300), 0, steps).astype(int), weight)
    np.add.at(change, np.clip(np.ceil(last_s / 300), 0, steps).astype(int), -weight)
    return np.cumsum(change)[:steps]


def _queue(world: World, steps: int) -> None:
    """Pending jobs by cluster, partition and reason, from the jobs' own waits."""
    shape, c, rng = world.shape, world.jobs.column, world.rng("queue")
    keys = [(k.cluster, p, r) for k in shape.clusters for p in k.partitions for r in REASONS]
    grid = Grid("slurm_queue", ["/".join(k) for k in keys], 300, steps)
    grid.columns = {name: np.zeros((len(keys), steps), dtype=np.int32) for name in ("jobs", "gpus")}
    why = rng.choice([0, 1, 3], size=len(world.jobs), p=[0.45, 0.5, 0.05])
    row = c["cluster"].astype(int) * 2 * len(REASONS) + c["partition"].astype(int) * len(REASONS)
    held = c["eligible_s"] - c["submit_s"] > 1
    for reason in range(len(REASONS)):
        for place in range(0, len(keys), len(REASONS)):
            mine = (row == place) & (held if reason == 2 else why == reason)
            if not mine.any():
                continue
            first, last = (c["submit_s"], c["eligible_s"]) if reason == 2 else (c["eligible_s"], c["start_s"])
            for name, weight in (("jobs", np.ones(int(mine.sum()))), ("gpus", c["gpus"][mine].astype(float))):
                grid.columns[name][place + reason] = _levels(first[mine], last[mine], weight, steps)
    for i, name in enumerate(("cluster", "partition", "reason")):
        grid.static[name] = np.array([k[i] for k in keys], dtype=object)
    world.grids["slurm_queue"] = grid


def _sched(world: World, steps: int) -> None:
    """Sdiag and sinfo totals per cluster."""
    shape, c, rng = world.shape, world.jobs.column, world.rng("sched")
    names = [k.cluster for k in shape.clusters]
    size = (len(names), steps)
    total = np.array([8 * len(k.nodes) for k in shape.clusters], dtype=np.int32)
    queue = world.grids["slurm_queue"].columns["jobs"].reshape(len(names), -1, steps).sum(axis=1)
    running, allocated = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
    kept = c["state"] != STATE["DROPPED"]
    for i in range(len(names)):
        mine = (c["cluster"] == i) & kept
        start, end = c["start_s"][mine], c["end_s"][mine]
        running[i] = _levels(start, end, np.ones(len(start)), steps)
        allocated[i] = _levels(start, end, c["gpus"][mine].astype(float), steps)
    grid = Grid("slurm_sched", names, 300, steps)
    grid.columns = {
        "jobs_pending": queue.astype(np.int32), "jobs_running": running,
        "gpus_total": np.repeat(total[:, None], steps, axis=1), "gpus_allocated": allocated,
        "gpus_idle": total[:, None] - allocated, "gpus_unavailable": np.zeros(size, dtype=np.int32),
        "cycle_ms": np.round(rng.gamma(6, 14, size) + 0.4 * queue, 0).astype(np.float32),
        "agent_queue": rng.poisson(0.4, size).astype(np.int32),
    }  # fmt: skip
    grid.static["cluster"] = np.array(names, dtype=object)
    world.grids["slurm_sched"] = grid


def settle_slurm(world: World) -> None:
    """After all faults: recount running and allocated, and move GPUs of unusable nodes from idle to unavailable.

    What a fault painted on a column (pending up, idle up) is kept as a difference from the first count.
    """
    queue, sched = world.grid("slurm_queue"), world.grid("slurm_sched")
    if queue is None or sched is None:
        return
    queue.present &= queue.columns["jobs"] > 0
    for name in ("jobs", "gpus"):
        queue.columns[name] = np.maximum(queue.columns[name], 0)
    from llo11ypop.simulator.background.states import unavailable_gpus

    out = unavailable_gpus(world, sched.steps, sched.step_s)
    for i in range(len(sched.entities)):
        idle = sched.columns["gpus_idle"][i]
        gone = np.minimum(out[i], sched.columns["gpus_total"][i])
        sched.columns["gpus_unavailable"][i] += gone
        sched.columns["gpus_idle"][i] = np.clip(idle - gone, 0, None)


def follow_job(world: World, job: int, start_s: float, end_s: float, sign: int) -> None:
    """A job ended early or started again: move its GPUs between allocated and idle over the span."""
    sched = world.grid("slurm_sched")
    if sched is None:
        return
    row, span = int(world.jobs.column["cluster"][job]), sched.span(start_s, end_s)
    gpus = int(world.jobs.column["gpus"][job]) * sign
    sched.columns["gpus_allocated"][row, span] += gpus
    sched.columns["gpus_idle"][row, span] -= gpus
    sched.columns["jobs_running"][row, span] += sign
