"""What a fault does to the training runs that a node takes part in: slower steps, gaps, and who is slowest.

Steps of synchronous training are as long as those of the slowest rank, so one GPU slows them all. Tokens per second
and MFU follow from the step time when the books are closed.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from llo11ypop.simulator.incidents.case import Case
from llo11ypop.simulator.jobs import STATE
from llo11ypop.simulator.runs import Attempt, Run
from llo11ypop.simulator.world import World


def runs_on(c: Case, nodes: list[str], start_s: float, end_s: float) -> list[tuple[int, Run, float, float]]:
    """Runs (with their index) that hold any of the nodes in [start, end), and the shared span."""
    wanted, out = set(nodes), []
    for i, run in enumerate(c.world.runs):
        for attempt in lived(c.world, run):
            first, last = max(start_s, attempt.start_s), min(end_s, attempt.end_s)
            if first < last and wanted.intersection(attempt.nodes):
                out.append((i, run, first, last))
    return out


def lived(world: World, run: Run) -> list[Attempt]:
    """The attempts of a run that did run, as long as their jobs did: other incidents cut some and replaced others."""
    dropped, state = STATE["DROPPED"], world.jobs.column["state"]
    cut = (replace(a, end_s=min(a.end_s, world.jobs.end_of(a.job))) for a in run.attempts if state[a.job] != dropped)
    return [a for a in cut if a.end_s > a.start_s]


def held_at(world: World, run: Run, at_s: float) -> Attempt | None:
    """The attempt of a run that is going on at an instant; None between attempts."""
    return next((a for a in lived(world, run) if a.start_s <= at_s < a.end_s), None)


def slow_run(c: Case, node: str, factor: float, *, gpu: str = "", start_s: float | None = None,
             end_s: float | None = None, decisive: bool = False, all_nodes: bool = False) -> list[str]:  # fmt: skip
    """Lengthen the steps of every run on a node by a factor; one rank is the slowest, or all are when told."""
    start, end = c.t if start_s is None else start_s, c.end if end_s is None else end_s
    touched = []
    for _, run, first, last in runs_on(c, c.nodes if all_nodes else [node], start, end):
        touched.append(run.run_id)
        mark = len(c.strokes)
        c.scale("training_steps", run.run_id, "step_time_s", factor, first, last, decisive=decisive)
        if c.world.run_steps is not None:
            c.see("training_steps", "mfu", f"run_id = '{run.run_id}'", first, last, decisive=decisive, count=False)
        c.scale("training_steps", run.run_id, "rank_max_step_s", factor, first, last, decisive=decisive)
        if all_nodes:
            c.scale("training_steps", run.run_id, "rank_min_step_s", factor, first, last, decisive=False)
            while_there(c, mark, run, first)
            continue
        slot = c.world.shape.gpu(gpu).slot if gpu else int(c.rng.integers(8))
        attempt = held_at(c.world, run, first)
        rank = attempt.nodes.index(node) * 8 + slot if attempt and node in attempt.nodes else -1
        if rank >= 0:
            c.put("training_steps", run.run_id, "slowest_rank", rank, first, last, decisive=decisive)
            c.put("training_steps", run.run_id, "slowest_node", node, first, last, decisive=decisive)
            c.put("training_steps", run.run_id, "slowest_stage", run.stage_of(rank), first, last, decisive=False)
        while_there(c, mark, run, first)
    return touched


def while_there(c: Case, mark: int, run: Run, at_s: float) -> None:
    """Carry out the strokes from `mark` on only as long as the run is where it was: another incident may have moved it."""
    there, grid = held_at(c.world, run, at_s), c.world.grid("training_steps")

    def gated(stroke: Callable[[], None]) -> Callable[[], None]:
        def carried_out() -> None:
            attempt = held_at(c.world, run, at_s)
            if attempt is None or there is None or attempt.nodes != there.nodes or grid is None:
                return
            with grid.unchanged(grid.rows([run.run_id]), grid.span(attempt.end_s, np.inf)):
                stroke()

        return carried_out

    c.strokes[mark:] = [gated(stroke) for stroke in c.strokes[mark:]]


def stop_run(c: Case, run: Run, start_s: float, end_s: float, *, decisive: bool = True) -> None:
    """No steps in a span although the job is there."""
    c.silence("training_steps", [run.run_id], start_s, end_s, decisive=decisive)


def spin(c: Case, gpus: list[str], start_s: float, end_s: float, *, decisive: bool = True) -> None:
    """GPUs that wait in a collective: busy to the eye (100 %), little power, no tensor work, no traffic."""
    c.put("gpu_metrics", gpus, "gpu_util_pct", 100.0, start_s, end_s, decisive=decisive)
    c.scale("gpu_metrics", gpus, "power_w", c.within(0.30, 0.42), start_s, end_s, decisive=False)
    for column in ("tensor_active_ratio", "dram_active_ratio", "nvlink_bandwidth_bps", "pcie_tx_bps", "pcie_rx_bps"):
        c.scale("gpu_metrics", gpus, column, 0.02, start_s, end_s, decisive=False)
    c.shift("gpu_metrics", gpus, "gpu_temp_c", -c.within(12, 18), start_s, end_s, decisive=False)


def starve(c: Case, gpus: list[str], start_s: float, end_s: float, *, decisive: bool = True) -> None:
    """GPUs that wait for files: no work at all, power near idle."""
    for column in ("gpu_util_pct", "tensor_active_ratio", "gr_engine_active_ratio", "dram_active_ratio", "nvlink_bandwidth_bps"):
        c.scale("gpu_metrics", gpus, column, c.within(0, 0.03), start_s, end_s, decisive=decisive and column == "gpu_util_pct")
    c.scale("gpu_metrics", gpus, "power_w", c.within(0.25, 0.4), start_s, end_s, decisive=False)
    c.shift("gpu_metrics", gpus, "gpu_temp_c", -c.within(12, 20), start_s, end_s, decisive=False)


def stop_traffic(c: Case, ports: list[str], start_s: float, end_s: float) -> None:
    """Byte counters of ports stand still over a span and go on from there."""
    grid = c.world.grid("fabric_ports")
    if grid is None or not ports:
        return
    rows, span = grid.rows(ports), grid.span(start_s, end_s)
    if not len(rows) or span.stop <= span.start:
        return

    def stand_still() -> None:
        for column in ("xmit_bytes_total", "rcv_bytes_total"):
            if column in grid.columns:
                matrix = grid.columns[column]
                before = matrix[rows, max(0, span.start - 1)]
                missed = matrix[rows, span.stop - 1] - before
                matrix[rows, span] = before[:, None]
                matrix[rows, span.stop :] = matrix[rows, span.stop :] - np.asarray(missed)[:, None]

    c.strokes.append(stand_still)
    c.see("fabric_ports", "xmit_bytes_total", ", ".join(ports[:4]), span.start * grid.step_s, end_s, decisive=False)
