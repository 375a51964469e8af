"""D1 to D9: what looks like a fault and is planned work, a user's doing, or a quirk of the exporter.

Decoys carry a truth with `expected_ticket=False`; a ticket on one of them is a false alarm.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.case import HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.telemetry import SENTINEL
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

TOUCH = ("RMA", "REBOOT", "RESET_GPU", "DRAIN", "TECH")
"""What nobody may propose for a decoy."""


KELVIN_PER_W = 0.04
"""What a GPU warms per watt (our assumption, near what the background of the simulator does)."""


def harmless(
    c: Case,
    text: str,
    *,
    planned: bool = False,
    causes: tuple[str, ...] = (),
    extra: Mapping[str, tuple[str, ...]] | None = None,
    acceptable: tuple[str, ...] = ("NONE", "NOTIFY"),
    queue: str = "",
) -> Truth:
    """The truth of a decoy: no ticket."""
    return c.truth(
        ticket=False,
        severity="S4",
        expected="NONE",
        acceptable=acceptable,
        forbidden=TOUCH,
        text=text,
        planned=planned,
        causes=(c.mode, *causes),
        extra=extra,
        queue=queue,
    )


def d1(world: World, at: Placement) -> Truth:
    """Announced maintenance: nodes leave service, metrics stop, fans read 0."""
    c = Case(world, at, "D1")
    kind = c.one_of("upgrade", "change", "troubleshooting", "cooling", "power")
    level = at.level
    world.maintenance(level, at.name, c.t, c.end, kind, announced_s=c.t - c.within(12, 96) * HOUR, cluster=c.place.cluster)
    take_out(c, kind)
    off = (c.t + 10 * MINUTE, c.end - 8 * MINUTE)
    c.silence("gpu_metrics", c.nodes, *off, decisive=False)
    c.silence("health_checks", c.nodes, *off, note=False)
    for node in c.nodes:
        fans = c.units("node_hw", node_id=node, sensor_type="fan")
        c.put("node_hw", fans, "reading", 0.0, *off, decisive=False)
        c.put("node_hw", fans, "state", "StandbyOffline", *off, decisive=False)
        for port in world.shape.node_ports(node):
            c.put("fabric_ports", port.port_id, "port_state", "DOWN", *off, decisive=False)
            c.count("fabric_ports", port.port_id, "link_downed_total", 1.0, off[0], off[0], decisive=False)
    return harmless(c, f"announced maintenance: {kind}", planned=True)


def take_out(c: Case, reason: str, *, nodes: list[str] | None = None, state: str = "maint") -> None:
    """Nodes leave service for planned work; what runs on them is preempted at the start."""
    for node in c.nodes if nodes is None else nodes:
        c.fail_jobs(c.jobs_on([node]), 0, 60, state="PREEMPTED", exit_code=0, exit_signal=15, reason="reservation", requeue=0.4)
        c.world.node_state(node, c.t, c.end, state, reason=f"planned: {reason}", reason_user="automation")
        c.world.condition(node, c.t + 60, c.end, "Ready", "False", "KubeletNotReady")


def d2(world: World, at: Placement) -> Truth:
    """One job of one user, none of the long runs, runs out of memory, is killed with 137, or hits an MMU fault, once."""
    c = Case(world, at, "D2")
    jobs = [j for j in c.jobs_on([c.node]) if world.jobs.column["run"][j] < 0]
    user = world.jobs.user_of(jobs[0]) if jobs else ""
    variant = c.one_of("oom", "killed", "xid31")
    if variant == "oom":
        c.fail_jobs(jobs[:1], 0, 30, state="OUT_OF_MEMORY", exit_code=0, exit_signal=125, reason="OutOfMemory", requeue=0)
        c.log(c.node, c.t, f"Memory cgroup out of memory: Killed process {c.rng.integers(1000, 999999)} (python3)")
        c.k8s(c.node, "OOMKilling", "Memory cgroup out of memory: Killed process (python3)", c.t, user=user)
    elif variant == "killed":
        c.fail_jobs(jobs[:1], 0, 30, exit_code=137, exit_signal=9, requeue=0)
    else:
        gpu = c.one_of(*(world.jobs.gpus_of(jobs[0]) if jobs else world.shape.node_gpus(c.node)))
        c.fail_jobs(jobs[:1], 1, 30, exit_code=134, exit_signal=6, requeue=0)
        c.xid(gpu.gpu_uuid, 31, lines.mmu_fault(c.rng), decisive=False)
    return harmless(c, "one failure of one user's own making", extra={"user": (user,)} if user else None)


def d3(world: World, at: Placement) -> Truth:
    """One user's job throws 13, 43 and 45 on many nodes within minutes: a bug in the application."""
    c = Case(world, at, "D3")
    job = _largest_job(c)
    if job < 0:
        return harmless(c, "application errors of one job")
    nodes = world.jobs.nodes_of(job)
    gpus = world.jobs.gpus_of(job)
    c.nodes = nodes
    user = world.jobs.user_of(job)
    for gpu in gpus[:96]:
        if not c.chance(0.7):
            continue
        when = c.t + c.within(0, 240)
        g, t, s = (int(v) for v in c.rng.integers(0, (7, 8, 2)))
        c.xid(gpu.gpu_uuid, 13, lines.warp_exception(g, t, s), when, gpc=g, tpc=t, sm=s, decisive=False)
        c.xid(gpu.gpu_uuid, c.one_of(43, 45), lines.PREEMPTIVE, when + c.within(0, 2), decisive=False)
    c.fail_jobs(
        [job], 200, 300, exit_code=134, exit_signal=6, reason="CUDA error: an illegal memory access was encountered", requeue=0.3
    )
    return harmless(c, "application errors of one job on all its GPUs", causes=("application",), extra={"user": (user,)})


def _largest_job(c: Case) -> int:
    """The job with most nodes that runs now and is no long run, else any that runs, else -1."""
    live = c.world.jobs.active(c.t)
    if not len(live):
        return -1
    size = c.world.jobs.column["n_nodes"][live] - 1000 * (c.world.jobs.column["run"][live] >= 0)
    return int(live[int(np.argmax(size))])


def d4(world: World, at: Placement) -> Truth:
    """GPUs at their power limit: bit 0x04 and power-violation time, as designed."""
    c = Case(world, at, "D4")
    gpus = [g for n in c.nodes for g in c.gpus(n)]
    tdp = world.shape.model(c.node).tdp_w
    c.put("gpu_metrics", gpus, "clock_event_reasons", 4, decisive=False)
    _work_harder(c, gpus, tdp, share=0.99, swing=0.012)
    c.scale("gpu_metrics", gpus, "sm_clock_mhz", c.within(0.82, 0.93), decisive=False)
    c.count("gpu_metrics", gpus, "power_violation_ns_total", (c.end - c.t) * 0.3e9, decisive=False)
    return harmless(c, "software power cap at the rated power")


def d5(world: World, at: Placement) -> Truth:
    """A sensor reads nonsense: a sentinel, one sample of 255 °C, a memory sensor at 0."""
    c = Case(world, at, "D5")
    gpu = c.place.gpu
    variant = c.one_of("sentinel", "spike", "inlet", "zero")
    one = c.t + 300.0
    if variant == "sentinel":
        c.put("gpu_metrics", gpu, "mem_temp_c", SENTINEL, decisive=False)
    elif variant == "spike":
        for k in range(int(c.rng.integers(1, 4))):
            c.put(
                "gpu_metrics",
                gpu,
                "gpu_temp_c",
                c.one_of(255.0, 127.0, 112.0),
                one + k * 2400,
                one + k * 2400 + 299,
                decisive=False,
            )
    elif variant == "zero":
        c.put("gpu_metrics", gpu, "mem_temp_c", 0.0, decisive=False)
    else:
        c.put("node_hw", f"{c.node}/inlet", "reading", 255.0, c.t, c.t + 600, decisive=False)
    return harmless(c, "sensor glitch", causes=("sensor",), acceptable=("NONE", "PLATFORM"))


def d6(world: World, at: Placement) -> Truth:
    """The exporter restarts: a step or two are missing and counters begin at zero."""
    c = Case(world, at, "D6")
    for node in c.nodes:
        when = c.t + c.within(0, 200)
        c.silence("gpu_metrics", [node], when, when + c.within(300, 599), note=False)
        grid = world.grid("gpu_metrics")
        if grid is not None:
            rows = grid.rows([node])
            for column in ("pcie_replay_total", "energy_mj_total", "ecc_sbe_volatile_total", "nvlink_replay_error_total"):
                c.last_strokes.append(partial(grid.reset, column, rows, when))
            c.see("gpu_metrics", "energy_mj_total", f"node_id = '{node}'", when, when + 600, decisive=False)
        c.log(
            node,
            when,
            "Stopping dcgm-exporter.service... Started dcgm-exporter.service.",
            facility="daemon",
            severity="info",
            process="systemd",
        )
    return harmless(c, "exporter restart", causes=("exporter",), acceptable=("NONE", "PLATFORM"))


def d7(world: World, at: Placement) -> Truth:
    """A large job ramps up and its racks warm: power rises with temperature, the inlet stays flat."""
    c = Case(world, at, "D7")
    moments = np.linspace(c.t, c.end, 5)
    for node in c.nodes:
        gpus = [g for g in c.gpus(node) if all(c.jobs_of_gpu(g, float(at_s)) for at_s in moments)]
        if not gpus:
            continue
        _work_harder(c, gpus, world.shape.model(node).tdp_w, share=0.9, swing=0.04)
        c.scale("node_hw", c.units("node_hw", node_id=node, sensor_type="fan"), "reading", c.within(1.10, 1.2), decisive=False)
        c.shift("node_hw", f"{node}/exhaust", "reading", c.scaled(4, 7), decisive=False)
    return harmless(c, "load ramp: warm because busy")


def _work_harder(c: Case, gpus: list[str], tdp_w: float, *, share: float, swing: float) -> None:
    """GPUs go to a share of their limit, and warm by what they draw more than before."""
    grid = c.world.grid("gpu_metrics")
    if grid is None:
        return
    rows, span = grid.rows(gpus), grid.span(c.t, c.end)
    t = np.arange(span.start, span.stop) * grid.step_s - c.t
    draw = np.round(tdp_w * (share + swing * np.sin(t / 900)), 1)

    def ramp() -> None:
        more = np.maximum(draw - grid.columns["power_w"][rows, span], 0)
        warmer = np.rint(more * KELVIN_PER_W * np.clip(t / 900, 0, 1))
        grid.shift("gpu_temp_c", rows, span, warmer)
        grid.shift("mem_temp_c", rows, span, np.rint(0.8 * warmer))
        grid.put("power_w", rows, span, grid.columns["power_w"][rows, span] + more)
        grid.put("gpu_util_pct", rows, span, 99.0)

    c.strokes.append(ramp)
    for column in ("gpu_temp_c", "power_w", "gpu_util_pct"):
        c.see("gpu_metrics", column, f"{len(gpus)} GPUs of {c.place.rack}", c.t, c.end, decisive=False)


def d8(world: World, at: Placement) -> Truth:
    """A wave of preemption: many jobs of a cluster end PREEMPTED or REQUEUED within minutes."""
    c = Case(world, at, "D8")
    live = [int(j) for j in world.jobs.active(c.t, cluster=c.place.cluster) if world.jobs.column["run"][j] < 0]
    for job in live[: int(c.scaled(10, 60))]:
        c.fail_jobs(
            [job],
            0,
            240,
            state=c.one_of("PREEMPTED", "PREEMPTED", "REQUEUED"),
            exit_code=0,
            exit_signal=15,
            reason="Preempted",
            requeue=0.5,
        )
    return harmless(c, "preemption by a higher priority")


def d9(world: World, at: Placement) -> Truth:
    """A user cancels all jobs at once."""
    c = Case(world, at, "D9")
    user = at.name
    column = world.jobs.column
    mine = [int(j) for j in world.jobs.active(c.t) if world.jobs.user_of(int(j)) == user and column["run"][j] < 0]
    c.fail_jobs(mine, 0, 20, state="CANCELLED", exit_code=0, exit_signal=15, reason="", requeue=0)
    return harmless(c, "a user cancelled all own jobs", extra={"user": (user,)})


DECOYS = {"D1": d1, "D2": d2, "D3": d3, "D4": d4, "D5": d5, "D6": d6, "D7": d7, "D8": d8, "D9": d9}
