"""F38: the telemetry itself fails while the machines work on; nobody may touch the hardware for it."""

import numpy as np

from llo11ypop.simulator.incidents.case import Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

SENTINEL = 9223372036854775794.0
"""DCGM's 'blank' as an older exporter prints it in the README of the project (dcgm-exporter)."""


def f38(world: World, at: Placement) -> Truth:
    """Metrics of all GPUs of a node or a cluster stop, stand still or turn to sentinels; Slurm and jobs go on."""
    c = Case(world, at, "F38")
    wide = at.level == "cluster"
    blind(c, c.one_of("gap", "gap", "flat", "sentinel") if not wide else "gap", wide=wide)
    return c.truth(severity="S3" if wide else "")


def blind(c: Case, variant: str, *, wide: bool) -> None:
    """The signature of one kind of telemetry loss on the case's nodes."""
    gpus = [g for n in c.nodes for g in c.gpus(n)]
    if variant == "gap":
        for dataset in ("gpu_metrics", "nvlink_metrics", *(("node_hw", "fabric_ports") if wide else ())):
            c.silence(dataset, c.nodes, note=dataset != "nvlink_metrics")
    elif variant == "sentinel":
        for column in ("gpu_temp_c", "mem_temp_c", "power_w"):
            c.put("gpu_metrics", gpus, column, SENTINEL)
    else:
        for column in ("gpu_temp_c", "power_w", "gpu_util_pct", "sm_clock_mhz", "mem_temp_c", "energy_mj_total"):
            hold(c, gpus, column)
    c.log(c.nodes[0], c.t - c.within(0, 20), "dcgm-exporter.service: Failed with result 'timeout'." if variant == "gap"
          else "dcgm-exporter: failed to watch fields: DCGM_ST_TIMEOUT", facility="daemon", process="systemd")  # fmt: skip


def hold(
    c: Case, gpus: list[str], column: str, start_s: float | None = None, end_s: float | None = None, *, decisive: bool = True
) -> None:
    """A column that repeats its last value over a span, exactly."""
    grid = c.world.grid("gpu_metrics")
    start, end = c.t if start_s is None else start_s, c.end if end_s is None else end_s
    if grid is None or column not in grid.columns:
        return
    rows, span = grid.rows(gpus), grid.span(start, end)
    if not len(rows) or span.stop <= span.start:
        return

    def stand_still() -> None:
        matrix = grid.columns[column]
        matrix[rows, span] = np.asarray(matrix[rows, max(0, span.start - 1)])[:, None]

    c.strokes.append(stand_still)
    c.see("gpu_metrics", column, f"{len(gpus)} GPUs stand still", (span.start + 3) * grid.step_s, end, decisive=decisive)


MODES = {"F38": f38}
