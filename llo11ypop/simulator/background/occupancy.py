"""Which job holds which GPU at every step, and how hard each job works its GPUs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.jobs import STATE, JobTable
from llo11ypop.simulator.world import World

_POWER_CUM = np.array([0.0, 0.35, 0.72, 0.80, 0.90, 1.0])
_POWER_AT = np.array([0.055, 0.085, 0.155, 0.45, 0.97, 1.02])
"""Share of board power above idle over busy GPU time of jobs that are no long runs; with the runs they
give the Acme power CDFs (Hu et al. 2024)."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How each job works: arrays by job index, and index -1 is 'no job'."""

    busy: NDArray[np.float32]
    power: NDArray[np.float32]
    util: NDArray[np.float32]
    memory: NDArray[np.float32]
    network: NDArray[np.float32]


def job_grid(jobs: JobTable, gpus: int, step_s: int, steps: int) -> NDArray[np.int32]:
    """(gpus, steps) index of the job that holds the GPU for most of the step that ends at the timestamp, or -1."""
    out = np.full((gpus, steps), -1, dtype=np.int32)
    c = jobs.column
    first = np.clip(np.ceil((c["start_s"] + step_s / 2) / step_s), 0, steps).astype(int)
    last = np.clip(np.ceil((c["end_s"] + step_s / 2) / step_s), 0, steps).astype(int)
    held = np.flatnonzero((last > first) & (c["state"] != STATE["DROPPED"]))
    for job in held.tolist():
        a, b = first[job], last[job]
        for place in range(jobs.ptr[job], jobs.ptr[job + 1]):
            base, mask = int(jobs.node[place]) * 8, int(jobs.mask[place])
            if mask == 255:
                out[base : base + 8, a:b] = job
            else:
                for slot in range(8):
                    if mask >> slot & 1:
                        out[base + slot, a:b] = job
    return out


def habits(world: World) -> Habits:
    """Draw the habits of all jobs; the last element stands for an idle GPU."""
    jobs, rng = world.jobs, world.rng("habits")
    n = len(jobs)
    c = jobs.column
    run, multi = c["run"] >= 0, c["n_nodes"] > 1
    time = (c["end_s"] - c["start_s"]) * c["gpus"] * (c["run"] < 0)
    draw = _stratified(n, time, rng)
    power = np.interp(draw, _POWER_CUM, _POWER_AT)
    spread = (c["run"] * 0.618034 + rng.random() + 0.03 * rng.random(n)) % 1.0
    power = np.where(run, 0.48 + 0.54 * spread, power)
    dozing = (rng.random(n) < 0.05) & ~run
    util = np.where(_stratified(n, time, rng) < 0.95, rng.uniform(96.5, 99.8, n), rng.uniform(8, 92, n))
    util = np.where(power > 0.5, np.maximum(util, rng.uniform(94, 99, n)), util)
    util, power = np.where(dozing, 0.0, util), np.where(dozing, 0.0, power)
    memory = np.where(run, rng.uniform(0.82, 0.93, n), np.clip(rng.normal(0.5, 0.26, n), 0.02, 0.98))
    network = np.where(multi & ~dozing, power * rng.uniform(0.5, 1.0, n), 0.0)
    parts = [np.append(a, 0.0).astype(np.float32) for a in (~dozing, power, util, memory, network)]
    return Habits(*parts)


def _stratified(n: int, weight: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform draws that are even in GPU time, so that few large jobs do not skew the fleet's power."""
    order = rng.permutation(n)
    share = np.cumsum(weight[order])
    out = np.empty(n)
    out[order] = (share - weight[order] * rng.random(n)) / max(float(share[-1]) if n else 1.0, 1.0)
    return out
