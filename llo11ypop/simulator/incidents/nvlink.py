"""F8 and F9: the links between GPUs of one node and the switches they go through.

Propagation of an NVLink error to a peer in 16 to 42 % of cases: Delta study (arXiv 2503.11901). Messages: NVIDIA XID
catalogue 2025-10-29 and fabric manager logs.
"""

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.case import HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import repair
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

SXIDS = (
    (20034, "Link {link} LTSSM Fault Up"),
    (19084, "Link {link} AN1 Heartbeat Timeout Error"),
    (22003, "Link {link} Minion Halt"),
    (24007, "Link {link} sourcetrack TCEN1 crumbstore DBE"),
)


def f8(world: World, at: Placement) -> Truth:
    """NVLink errors: XID 74, or 145/149 from Blackwell on; counters rise, traffic falls, NCCL gives up."""
    c = Case(world, at, "F8")
    gpu = c.place.gpu
    jobs = c.jobs_of_gpu(gpu)
    out = repair(
        c, "TECH" if c.chance(0.3) else "RESET_GPU", gpu=gpu, reason="NHC: check_nvlink errors", notice_s=(20 * MINUTE, 3 * HOUR)
    )
    link = int(c.rng.integers(0, 18))
    times = int(c.scaled(1, 5))
    for i in range(times):
        when = c.t if i == 0 else c.t + c.within(0.02, 0.9) * (out - c.t)
        _error(c, gpu, link, when)
        if c.chance(0.42):
            peers = [g for g in c.gpus() if g != gpu]
            _error(c, c.one_of(*peers), link, when + c.within(0.01, 4), decisive=False)
    hours = max((out - c.t) / HOUR, 0.3)
    for column, per_h in (("replay", 400), ("crc", 90), ("recovery", 6)):
        c.count("gpu_metrics", gpu, f"nvlink_{column}_error_total", c.scaled(0.2, 1.5) * per_h * hours + 2, c.t, out)
        c.count("nvlink_metrics", gpu, f"{column}_error_total", c.scaled(0.2, 1.5) * per_h * hours + 2, c.t, out)
    c.scale("gpu_metrics", gpu, "nvlink_bandwidth_bps", c.scaled(0.85, 0.35), c.t, out, decisive=False)
    c.fail_jobs(
        jobs if c.chance(0.75) else [], 10, 120, exit_signal=6, exit_code=134, reason="NCCL error: unhandled system error"
    )
    return c.truth(also=(f"node:{c.node}",))


def _error(c: Case, gpu: str, link: int, at_s: float, *, decisive: bool = True) -> None:
    """One NVLink XID in the dialect of the GPU's generation."""
    if "B200" in c.world.shape.gpu(gpu).gpu_model:
        code = c.one_of(145, 149)
        c.xid(gpu, code, lines.nvlink5(code, link, "Fatal"), at_s, severity="Fatal", link=link, decisive=decisive)
    else:
        c.xid(gpu, 74, lines.nvlink_legacy(link % 12, c.rng), at_s, link=link % 12, decisive=decisive)


def f9(world: World, at: Placement) -> Truth:
    """A fatal NVSwitch error: SXID, XIDs of several GPUs in the same second, the fabric manager complains."""
    c = Case(world, at, "F9")
    jobs = c.jobs_on([c.node])
    out = repair(c, "REBOOT", reason="[HC] fabric manager: fatal NVSwitch error", part="baseboard", swap=0.3)
    code, text = c.one_of(*SXIDS)
    link, switch = int(c.rng.integers(0, 64)), int(c.rng.integers(0, 4))
    c.sxid(c.node, code, text.format(link=link), c.t, link=link, switch=switch)
    struck = c.rng.permutation(c.gpus())[: int(c.rng.integers(3, 9))]
    for gpu in struck:
        if "B200" in world.shape.gpu(str(gpu)).gpu_model or c.chance(0.5):
            c.xid(str(gpu), 45, lines.PREEMPTIVE, c.t + c.within(0, 1), decisive=False)
        else:
            c.xid(str(gpu), 74, lines.nvlink_legacy(link % 12, c.rng), c.t + c.within(0, 1), link=link % 12, decisive=False)
    c.log(
        c.node,
        c.t + c.within(0.5, 5),
        f"detected NVSwitch fatal error {code} on fid 0 on NVSwitch pci bus id 00000000:{5 + switch:02x}:00.0"
        f" physical id {switch} port {link}",
        facility="daemon",
        process="nv-fabricmanager",
    )
    c.scale("gpu_metrics", c.gpus(), "nvlink_bandwidth_bps", 0.02, c.t, out, decisive=False)
    c.fail_jobs(jobs, 1, 90, exit_signal=6, exit_code=134, reason="NCCL error: unhandled cuda error")
    return c.truth(extra={"gpu": tuple(str(g) for g in struck)})


MODES = {"F8": f8, "F9": f9}
