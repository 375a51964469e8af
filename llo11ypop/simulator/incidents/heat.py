"""Heat on a GPU and what the driver does about it: clock reasons, violation time, lower clocks, less power.

Order of the reasons (software slowdown, then hardware) and their bits: NVIDIA DCGM field guide; offsets below the
slowdown temperature are our assumption.
"""

import numpy as np
import numpy.typing as npt

from llo11ypop.simulator.incidents.case import Case, Shape
from llo11ypop.simulator.models import MODELS

SW_THERMAL, HW_SLOWDOWN, HW_THERMAL, HW_POWER_BRAKE = 0x20, 0x08, 0x40, 0x80
SW_BELOW_C, HW_BELOW_C = 7.0, 2.0
LOADED_PCT = 50.0
"""Utilisation above which a GPU counts as loaded (our assumption)."""


def heat(
    c: Case,
    gpus: list[str],
    delta: float | Shape,
    start_s: float,
    end_s: float,
    *,
    onset_s: float = 0.0,
    decisive: bool = True,
    air: bool = False,
) -> None:
    """Warm GPUs by `delta` °C and let them throttle as they near their slowdown temperature.

    Poor contact warms a GPU less when it idles; warm `air` warms it all the same.
    """
    grid = c.world.grid("gpu_metrics")
    if grid is None or not gpus:
        return
    rows, span = grid.rows(gpus), grid.span(start_s, end_s)
    if not len(rows) or span.stop <= span.start:
        return
    t = np.arange(span.start, span.stop) * grid.step_s - start_s
    rise = np.asarray(delta(t) if callable(delta) else np.full(len(t), delta), dtype=np.float32)[None, :]
    limit = np.array([[MODELS[str(c.world.shape.gpu(grid.entities[r]).gpu_model)].slowdown_c] for r in rows], np.float32)

    def warm() -> None:
        columns = grid.columns
        load = 1.0 if air else 0.35 + 0.65 * np.nan_to_num(columns["gpu_util_pct"][rows, span]) / 100
        core = np.minimum(columns["gpu_temp_c"][rows, span] + np.rint(rise * load), limit + 3)
        columns["gpu_temp_c"][rows, span] = core
        memory = columns["mem_temp_c"][rows, span]
        columns["mem_temp_c"][rows, span] = np.where(memory > 0, memory + np.rint(rise * load * 0.85), memory)
        _throttle(columns, rows, span, core - limit, grid.step_s)

    c.strokes.append(warm)
    plain = grid.span(start_s + onset_s, end_s)
    loaded = plain if air else _loaded(grid.columns["gpu_util_pct"][rows, plain], plain)
    if loaded is None:
        return
    seen = loaded.start * grid.step_s
    where = f"{len(gpus)} GPUs" if len(gpus) > 1 else f"gpu_uuid = '{gpus[0]}'"
    c.see("gpu_metrics", "gpu_temp_c", where, seen, end_s, decisive=decisive)
    c.see("gpu_metrics", "clock_event_reasons", f"{where} and bit 0x20 or 0x40", seen, end_s, decisive=decisive, count=False)


def _loaded(util_pct: npt.NDArray[np.float32], span: slice) -> slice | None:
    """From the first steps under load, when poor contact shows beside busy siblings; none when the GPUs idle throughout."""
    busy = np.flatnonzero((np.nan_to_num(util_pct) > LOADED_PCT).all(axis=0))
    return slice(span.start + int(busy[0]) + 1, span.stop) if len(busy) else None


def _throttle(
    columns: dict[str, npt.NDArray[np.float32]],
    rows: npt.NDArray[np.intp],
    span: slice,
    over: npt.NDArray[np.float32],
    step_s: int,
) -> None:
    """Bits, violation counter, clock and power by how near to the slowdown temperature a GPU is."""
    soft, hard = over >= -SW_BELOW_C, over >= -HW_BELOW_C
    reasons = columns["clock_event_reasons"][rows, span]
    columns["clock_event_reasons"][rows, span] = (
        reasons | np.where(soft, SW_THERMAL, 0) | np.where(hard, HW_THERMAL | HW_SLOWDOWN, 0)
    )
    share = np.where(soft, np.clip((over + SW_BELOW_C + 1) / 10, 0.08, 0.65), 0.0)
    lost = np.cumsum(share * step_s * 1e9, axis=1)
    counter = columns["thermal_violation_ns_total"]
    counter[rows, span] += lost
    counter[rows, span.stop :] += lost[:, -1:]
    for column, by in (("sm_clock_mhz", 0.95), ("power_w", 0.55), ("tensor_active_ratio", 0.6)):
        columns[column][rows, span] = columns[column][rows, span] * (1 - by * share)


def brake(c: Case, gpus: list[str], start_s: float, end_s: float, depth: float) -> None:
    """The power brake: bit 0x80, clocks and power down by `depth`, power-violation time."""
    c.scale("gpu_metrics", gpus, "sm_clock_mhz", 1 - depth, start_s, end_s)
    c.scale("gpu_metrics", gpus, "power_w", 1 - depth * 0.8, start_s, end_s, decisive=False)
    c.scale("gpu_metrics", gpus, "tensor_active_ratio", 1 - depth, start_s, end_s, decisive=False)
    c.put("gpu_metrics", gpus, "clock_event_reasons", HW_POWER_BRAKE | HW_SLOWDOWN, start_s, end_s)
    c.count("gpu_metrics", gpus, "power_violation_ns_total", (end_s - start_s) * 1e9 * depth, start_s, end_s, decisive=False)
