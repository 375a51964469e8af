"""F1, F7, F10, F11, F12: the GPU and its host lose each other, wholly or in part.

Co-occurrence of PCIe reports with XID 79 (43 to 63 %) is from Kokolis et al. 2024 (RSC); durations of XID 119 from
the Delta study (arXiv 2503.11901).
"""

import numpy as np

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.case import HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import reload_driver, remedy, repair
from llo11ypop.simulator.incidents.runs import slow_run
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World


def f1(world: World, at: Placement) -> Truth:
    """Fell off the bus: often a PCIe report first, XID 79, then no rows of that GPU; siblings go on."""
    c = Case(world, at, "F1")
    off_bus(c, c.place.gpu)
    return c.truth()


def off_bus(c: Case, gpu: str) -> None:
    """The signature of a lost GPU, with repair by reboot or a new part."""
    jobs = c.jobs_of_gpu(gpu)
    repair(c, "RMA" if c.chance(0.35) else "REBOOT", gpu=gpu, reason="NHC: check_hw_gpu 7 of 8 GPUs respond", part="gpu",
           swap=0.3)  # fmt: skip
    pci = c.world.shape.gpu(gpu).pci
    if c.chance(0.53):
        c.log(c.node, c.t - c.within(0.2, 90), lines.aer(pci, c.rng))
        c.first.pop("syslog", None)
    c.xid(gpu, 79, lines.OFF_BUS, pid=lines.UNKNOWN_PID, process=lines.UNKNOWN_NAME)
    if c.chance(0.5):
        c.xid(gpu, 154, lines.recovery(2), c.t + c.within(0.1, 2), pid=lines.UNKNOWN_PID, process=lines.UNKNOWN_NAME,
              decisive=False)  # fmt: skip
    c.silence("gpu_metrics", [gpu])
    c.silence("nvlink_metrics", [gpu], note=False)
    if c.chance(0.7):
        c.check(
            c.node, "nvidia_smi", "Unable to determine the device handle for GPU: GPU is lost", c.t + c.within(60, 1500), c.end
        )
    node_fail = c.chance(0.4)
    c.fail_jobs(
        jobs,
        20,
        600,
        state="NODE_FAIL" if node_fail else "FAILED",
        blame=c.node if node_fail else "",
        exit_code=0 if node_fail else 1,
        exit_signal=0 if node_fail else 6,
        reason="NodeFail" if node_fail else "",
    )


def f7(world: World, at: Placement) -> Truth:
    """GSP timeout: 119 or 120 for seconds to minutes, nvidia-smi hangs, utilisation stands still, then 154."""
    c = Case(world, at, "F7")
    gsp_timeout(c, c.place.gpu)
    return c.truth()


def gsp_timeout(c: Case, gpu: str) -> None:
    """The signature of a GSP timeout on one GPU, with its repair."""
    jobs = c.jobs_of_gpu(gpu)
    out = repair(c, c.one_of("RESET_GPU", "REBOOT"), gpu=gpu, reason="[HC] nvidia-smi timeout", notice_s=(15 * MINUTE, HOUR))
    slot = c.world.shape.gpu(gpu).slot
    code = 119 if c.chance(0.85) else 120
    when = c.t
    for _ in range(int(c.scaled(2, 12))):
        text = lines.gsp_timeout(slot, c.rng) if code == 119 else "GSP task exception: status 0x00000065"
        c.xid(gpu, code, text, when, process="nvidia-smi" if c.chance(0.3) else "")
        when += c.within(6, 15)
    if c.chance(0.6):
        c.xid(gpu, 154, lines.recovery(c.one_of(1, 4)), when, pid=lines.UNKNOWN_PID, process=lines.UNKNOWN_NAME, decisive=False)
        c.put("gpu_metrics", gpu, "recovery_action", 1, when, c.end, decisive=False)
    freeze_gauge(c, gpu, "gpu_util_pct", out)
    c.check(c.node, "nvidia_smi", "nvidia-smi timed out after 60 s", c.t + c.within(60, 1200), out + 1, decisive=False)
    c.fail_jobs(jobs, 30, 900, exit_signal=9, exit_code=137, reason="CUDA error: unknown error")


def freeze_gauge(c: Case, gpu: str, column: str, until_s: float) -> None:
    """A gauge that repeats its last value, because nothing answers the exporter."""
    grid = c.world.grid("gpu_metrics")
    if grid is None or column not in grid.columns:
        return
    span = grid.span(c.t, until_s)
    if span.stop > span.start:
        row = grid.row(gpu)

        def stand_still() -> None:
            last = float(np.nan_to_num(grid.columns[column][row, max(0, span.start - 1)]))
            grid.put(column, row, span, max(last, 1.0))

        c.strokes.append(stand_still)
        c.see("gpu_metrics", column, f"gpu_uuid = '{gpu}'", span.start * grid.step_s, until_s, decisive=False)


def f10(world: World, at: Placement) -> Truth:
    """PCIe at half width: lanes 16 to 8, replays rise, traffic halves, steps of its run 5 to 30 % longer."""
    c = Case(world, at, "F10")
    repair(c, "TECH", gpu=c.place.gpu, reason="PCIe link width x8, reseat")
    degrade_pcie(c, c.place.gpu)
    return c.truth()


def degrade_pcie(c: Case, gpu: str) -> None:
    """The signature of a degraded PCIe link on one GPU."""
    hours = (c.end - c.t) / HOUR
    c.put("gpu_metrics", gpu, "pcie_link_width", c.one_of(8, 8, 4))
    if c.chance(0.4):
        c.shift("gpu_metrics", gpu, "pcie_link_gen", -1, decisive=False)
    c.count("gpu_metrics", gpu, "pcie_replay_total", c.scaled(200, 4000) * hours)
    for column in ("pcie_tx_bps", "pcie_rx_bps"):
        c.scale("gpu_metrics", gpu, column, c.scaled(0.58, 0.42))
    slow_run(c, c.node, 1 + c.scaled(0.05, 0.30), gpu=gpu)


def f11(world: World, at: Placement) -> Truth:
    """The driver is wedged: nvidia-smi hangs, the exporter delivers nothing of the node, processes in D state."""
    c = Case(world, at, "F11")
    jobs = c.jobs_on([c.node])
    by_itself = c.end - c.t < 1.2 * HOUR and c.chance(0.4)
    if not by_itself:
        repair(c, "REBOOT", reason="Not responding" if c.chance(0.2) else "[HC] nvidia-smi hang")
    c.silence("gpu_metrics", [c.node], decisive=False)
    text = c.one_of("nvidia-smi timed out after 60 s", "Unable to determine the device handle for GPU0000:9B:00.0: Unknown Error")
    c.check(c.node, "nvidia_smi", text, c.t + c.within(20, 900), c.end)
    if c.chance(0.7):
        c.log(
            c.node,
            c.t + c.within(120, 400),
            f"INFO: task nvidia-smi:{c.rng.integers(1000, 99999)} blocked for more than 120 seconds.",
        )
        c.check(c.node, "dstate", "processes in D state for more than 300 s", c.t + c.within(300, 1500), c.end, decisive=False)
    c.fail_jobs(jobs if c.chance(0.6) else [], 60, 900, exit_signal=9, exit_code=137)
    if by_itself:
        reload_driver(c, c.gpus(), c.end)
    return c.truth()


def f12(world: World, at: Placement) -> Truth:
    """After a boot one GPU is missing: seven UUIDs, Slurm says 7 < 8 and takes the node out."""
    c = Case(world, at, "F12")
    gpu = c.gpus()[int(c.rng.integers(8))]
    boot = c.t + c.within(4, 9) * MINUTE
    jobs = c.jobs_on([c.node])
    c.fail_jobs(jobs, 1, 30, state="NODE_FAIL", blame=c.node, exit_code=0, reason="NodeFail")
    remedy(c, c.node, "REBOOT", c.t, actor="automation")
    for dataset in ("gpu_metrics", "nvlink_metrics"):
        c.silence(dataset, [c.node], c.t, boot, note=False)
        c.silence(dataset, [gpu], boot, c.end, note=dataset == "gpu_metrics")
    reload_driver(c, c.gpus(), boot)
    reason = "gres/gpu count reported lower than configured (7 < 8)"
    world.node_state(c.node, c.t, boot, "down", reason="Node unexpectedly rebooted", not_responding=True)
    repair(c, "TECH", gpu=gpu, reason=reason, state="inval" if c.chance(0.4) else "drained", part="gpu", swap=0.5, by="slurm",
           notice_s=(boot - c.t, boot - c.t + 60))  # fmt: skip
    c.see("slurm_nodes", "reason", f"node_id = '{c.node}' and reason like '%7 < 8%'", boot, c.end)
    c.check(c.node, "nvidia_smi", "7 GPUs found, 8 expected", boot + c.within(30, 600), c.end)
    c.log(c.node, boot, f"pci {world.shape.gpu(gpu).pci}.0: BAR 1: failed to assign [mem size 0x2000000000 64bit pref]")
    return c.truth(extra={"gpu": (gpu,)}, also=(f"gpu:{gpu}",))


MODES = {"F1": f1, "F7": f7, "F10": f10, "F11": f11, "F12": f12}
