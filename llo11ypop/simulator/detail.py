"""One-minute GPU rows around incidents, read off the five-minute matrices after every fault was painted."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.background.gpu import GAUGES
from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.world import World

HALF_S = 7200.0
_SMOOTH = frozenset(GAUGES) - {"clock_event_reasons", "pcie_link_gen", "mem_clock_mhz"}


def detail_grids(world: World, span: tuple[float, float]) -> Iterator[Grid]:
    """A grid per span of time in which the same nodes have detail; in order of time, no row twice."""
    source = world.grids.get("gpu_metrics")
    if source is None or not world.details:
        return
    windows = [(n, max(0.0, t - HALF_S), min(world.duration_s, t + HALF_S)) for n, t in sorted(set(world.details))]
    low, high = max(span[0], 0.0), min(span[1], world.duration_s)
    edges = sorted({np.clip(np.ceil(e / 60) * 60, low, high) for _, a, b in windows for e in (a, b)} | {low, high})
    for start, end in pairwise(edges):
        nodes = sorted({n for n, a, b in windows if a <= start and b >= end})
        first = int(np.ceil(start / 60))
        steps = int(np.ceil(end / 60)) - first
        if nodes and steps > 0:
            yield _minutes(world, source, source.rows(nodes), first, steps)


def _minutes(world: World, source: Grid, rows: NDArray[np.intp], first: int, steps: int) -> Grid:
    """Gauges interpolated with a little noise, counters and states held, for minutes first..first+steps."""
    grid = Grid("gpu_metrics_1m", [source.entities[i] for i in rows], 60, steps, offset_s=first * 60.0)
    minute = (np.arange(steps) + first) * 60 / source.step_s
    left = np.minimum(minute.astype(int), source.steps - 1)
    right, share = np.minimum(left + 1, source.steps - 1), (minute - left).astype(np.float32)
    rng = world.rng("detail", first, len(rows), int(rows[0]))
    jitter = 1 + 0.006 * rng.standard_normal((len(rows), steps), dtype=np.float32)
    for name, matrix in source.columns.items():
        a = matrix[np.ix_(rows, left)]
        if name in _SMOOTH:
            b = matrix[np.ix_(rows, right)]
            a = np.where(np.isnan(b), a, a + (b - a) * share)
            a = np.where(a > 0, a * jitter if name == "power_w" else a, a)
            a = np.round(a, 2 if name.endswith("_ratio") else 1 if name == "power_w" else 0)
        grid.columns[name] = a
    grid.present = source.present[np.ix_(rows, left)]
    grid.static = {name: values[rows] for name, values in source.static.items()}
    grid.labels = source.labels
    return grid
