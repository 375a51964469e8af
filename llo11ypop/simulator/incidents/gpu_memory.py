"""F2 to F6: what goes wrong in a GPU's memory, from a remapped row to spare rows running out.

XID pairs follow the NVIDIA XID catalogue 2025-10-29 (48/171/172 with 63, 64, 94, 95); the silent creep of
correctable remaps follows the published B200 fleet study (arXiv 2605.09370).
"""

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.case import DAY, HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import repair
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

ECC_EXIT = "CUDA error: uncorrectable ECC error encountered"
CREEP_ESTABLISHED = 8.0
"""Remaps within a day from which creep is established (our assumption)."""


def f2(world: World, at: Placement) -> Truth:
    """Contained uncorrectable HBM error: 48 or 171, then 63 and mostly 94; the app dies, siblings are fine."""
    c = Case(world, at, "F2")
    repair(c, "RESET_GPU", gpu=c.place.gpu, reason="[HC] remap_pending: GPU needs reset", notice_s=(10 * MINUTE, 2 * HOUR))
    double_bit(c, c.place.gpu)
    return c.truth()


def double_bit(c: Case, gpu: str, at_s: float | None = None) -> None:
    """The signature of one uncorrectable HBM error on a GPU, with the death of its job."""
    at = c.t if at_s is None else at_s
    jobs = c.jobs_of_gpu(gpu, at)
    new_driver = world_driver(c, gpu) >= 570
    c.xid(gpu, 171 if new_driver and c.chance(0.6) else 48, lines.double_bit(c.rng), at)
    c.xid(gpu, 63, lines.ROW_REMAP, at + c.within(0.05, 3))
    if c.chance(0.75):
        c.xid(gpu, 94, lines.CONTAINED, at + c.within(3, 6))
    c.count("gpu_metrics", gpu, "ecc_dbe_volatile_total", float(c.rng.integers(1, 3)), at, at)
    c.count("gpu_metrics", gpu, "remap_uncorrectable_total", 1.0, at, at)
    c.put("gpu_metrics", gpu, "remap_pending", 1, at, c.end)
    c.fail_jobs(jobs, 1, 45, at_s=at, exit_signal=6, exit_code=134, reason=ECC_EXIT)


def world_driver(c: Case, gpu: str) -> int:
    """Major driver version of a GPU's node."""
    return int(c.world.shape.node(c.world.shape.gpu(gpu).node_id).driver.split(".")[0])


def f3(world: World, at: Placement) -> Truth:
    """Uncontained ECC: XID 95, all apps on the GPU die; it repeats until the node is out (one fault, many lines)."""
    c = Case(world, at, "F3")
    gpu = c.place.gpu
    out = repair(c, c.one_of("RESET_GPU", "REBOOT"), gpu=gpu, reason="NHC: check_hw_ecc uncontained ECC error")
    jobs = c.jobs_of_gpu(gpu)
    when = c.t
    for _ in range(40):
        c.xid(gpu, 95, lines.UNCONTAINED, when)
        when += c.within(20, 400)
        if when > out:
            break
    c.count("gpu_metrics", gpu, "ecc_dbe_volatile_total", c.scaled(1, 40), c.t, out)
    c.fail_jobs(jobs, 1, 60, exit_signal=6, exit_code=134, reason=ECC_EXIT)
    return c.truth()


def f4(world: World, at: Placement) -> Truth:
    """Spare rows exhausted: XID 64 and the failure flag, mostly after many 63; the part is replaced."""
    c = Case(world, at, "F4")
    gpu = c.place.gpu
    repair(c, "RMA", gpu=gpu, reason="[HC] row remap failure", part="gpu", swap=0.8)
    remap_failure(c, gpu, earlier=int(c.scaled(0, 7)))
    return c.truth()


def remap_failure(c: Case, gpu: str, *, earlier: int, at_s: float | None = None) -> None:
    """The signature of a failed remap, after some earlier ones that did not fail."""
    at = c.t if at_s is None else at_s
    for _ in range(earlier):
        before = at - c.within(0.2, 30) * HOUR
        if before > HOUR:
            c.xid(gpu, 63, lines.ROW_REMAP, before, sticks_until_s=at, decisive=False)
            c.count("gpu_metrics", gpu, "remap_uncorrectable_total", 1.0, before, before, decisive=False)
    jobs = c.jobs_of_gpu(gpu, at)
    c.first.clear()
    c.xid(gpu, 64, lines.ROW_REMAP_FAILED, at)
    c.put("gpu_metrics", gpu, "remap_failed", 1, at, c.end)
    c.count("gpu_metrics", gpu, "ecc_dbe_volatile_total", 1.0, at, at, decisive=False)
    c.fail_jobs(jobs, 1, 60, at_s=at, exit_signal=6, exit_code=134, reason=ECC_EXIT)


def f5(world: World, at: Placement) -> Truth:
    """Correctable remaps creep up day after day without any XID; established at eight within a day."""
    c = Case(world, at, "F5")
    gpu = c.place.gpu
    repair(c, c.one_of("DIAG", "RMA"), gpu=gpu, reason="remapped rows rising, DIAG", part="gpu", swap=0.5)
    per_day = creep(c, gpu)
    return c.truth(first_s=c.t + CREEP_ESTABLISHED / per_day * DAY)


def creep(c: Case, gpu: str, end_s: float | None = None) -> float:
    """Let the correctable remaps of a GPU grow; returns how many a day."""
    per_day = c.scaled(14, 120)
    end = c.end if end_s is None else end_s
    c.count("gpu_metrics", gpu, "remap_correctable_total", per_day * (end - c.t) / DAY, c.t, end,
            onset_s=CREEP_ESTABLISHED / per_day * DAY)  # fmt: skip
    c.count("gpu_metrics", gpu, "ecc_sbe_volatile_total", per_day * (end - c.t) / DAY * 3, c.t, end, decisive=False)
    return per_day


def f6(world: World, at: Placement) -> Truth:
    """Uncorrectable SRAM error: 48 with 172, or 140; the counter rises and no row is remapped."""
    c = Case(world, at, "F6")
    gpu = c.place.gpu
    repair(c, "RESET_GPU", gpu=gpu, reason="[HC] SRAM uncorrectable error", notice_s=(10 * MINUTE, 2 * HOUR))
    jobs = c.jobs_of_gpu(gpu)
    if world_driver(c, gpu) >= 570:
        c.xid(gpu, 48, lines.double_bit(c.rng))
        c.xid(gpu, 172, lines.sram(c.rng), c.t + c.within(0.01, 2))
    else:
        c.xid(gpu, 140, lines.sram(c.rng))
    c.count("gpu_metrics", gpu, "ecc_dbe_volatile_total", 1.0, c.t, c.t)
    c.fail_jobs(jobs, 1, 60, exit_signal=6, exit_code=134, reason=ECC_EXIT)
    return c.truth()


MODES = {"F2": f2, "F3": f3, "F4": f4, "F5": f5, "F6": f6}
