"""F26, F27, F28, F30: the host. Its memory, its kernel, its job prologue, its users.

In about nine of ten panics the last lines that left the node tell the cause (our assumption); in the rest nobody can
know, and 'unknown' is the right answer.
"""

import numpy as np

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.case import HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import reload_driver, repair
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

PANICS = (
    "Kernel panic - not syncing: Fatal exception in interrupt",
    "watchdog: BUG: soft lockup - CPU#37 stuck for 23s! [kworker/37:1:412]",
    "BUG: unable to handle page fault for address: ffffb1f3c0a41000",
    "LustreError: 11-0: scratch-OST0003-osc: operation ost_connect failed, LBUG",
)
TOLD = 0.9
HOST_TABLES = ("gpu_metrics", "nvlink_metrics", "fabric_ports", "syslog", "health_checks", "gpu_events")
"""What a node stops delivering when its kernel is gone; node_hw comes from the BMC and goes on."""


def f26(world: World, at: Placement) -> Truth:
    """An uncorrectable memory error: machine check, BMC event log, the node resets, jobs die."""
    c = Case(world, at, "F26")
    jobs = c.jobs_on([c.node])
    up = c.t + c.within(8, 20) * MINUTE
    c.fail_jobs(jobs, 1, 60, state="NODE_FAIL", blame=c.node, exit_code=0, reason="NodeFail")
    world.node_state(c.node, c.t + 30, up, "down", reason="Node unexpectedly rebooted", not_responding=True)
    world.condition(c.node, c.t + 60, up, "Ready", "Unknown", "NodeStatusUnknown")
    repair(
        c, "TECH", reason="uncorrectable memory error, replace DIMM", part="dimm", swap=0.8, notice_s=(up - c.t, up - c.t + 60)
    )
    for dataset in ("gpu_metrics", "fabric_ports"):
        c.silence(dataset, [c.node], c.t, up, decisive=False)
    for _ in range(int(c.scaled(1, 4))):
        c.log(c.node, c.t - c.within(0, 20), lines.mce(c.rng), severity="emerg", decisive=True)
    dimm = f"P{c.rng.integers(1, 3)}_DIMM{c.one_of('A', 'B', 'C', 'D')}{c.rng.integers(1, 3)}"
    c.log(
        c.node,
        c.t + c.within(0, 30),
        f"Memory: Uncorrectable ECC error, {dimm}",
        facility="bmc",
        severity="crit",
        process="bmc",
        decisive=True,
    )
    reload_driver(c, c.gpus(), up)
    return c.truth()


def f27(world: World, at: Placement) -> Truth:
    """Kernel panic or hang: everything from the node stops but the BMC; Slurm and Kubernetes lose it within minutes."""
    c = Case(world, at, "F27")
    told = c.chance(TOLD)
    if told:
        text = c.one_of(*PANICS)
        bmc = "Watchdog 2: hard reset asserted; OS critical stop"
        c.log(c.node, c.t - c.within(0, 3), text, severity="emerg", decisive=True)
        if c.chance(0.5):
            c.log(c.node, c.t - c.within(0.01, 2), bmc, facility="bmc", severity="crit", process="bmc", decisive=True)
    vanish(c)
    if told:
        return c.truth()
    return c.truth(mode="UNKNOWN", queue="GPU-HW", severity="S2", expected="REBOOT", acceptable=("REBOOT", "DRAIN", "DIAG"),
                   forbidden=("RMA",), causes=("unknown", "F27", "UNKNOWN"), text="node unreachable, no cause shown")  # fmt: skip


def vanish(c: Case, *, remedy_by: str = "REBOOT") -> None:
    """A node that is gone for everybody but its BMC until the end of the case."""
    jobs = c.jobs_on([c.node])
    down = c.t + c.within(60, 300)
    c.fail_jobs(jobs, 60, 330, state="NODE_FAIL", blame=c.node, exit_code=0, reason="NodeFail")
    repair(c, remedy_by, reason="Not responding", state="down", not_responding=True, notice_s=(down - c.t, down - c.t + 1))
    for dataset in HOST_TABLES:
        c.silence(dataset, [c.node], note=dataset in ("gpu_metrics", "fabric_ports"), decisive=dataset == "gpu_metrics")
    c.world.condition(c.node, c.t + c.within(40, 300), c.end, "Ready", "Unknown", "NodeStatusUnknown")
    c.k8s(
        c.node, "NodeNotReady", f"Node {c.node} status is now: NodeNotReady", c.t + c.within(40, 300), component="node-controller"
    )
    c.see("slurm_nodes", "state", f"node_id = '{c.node}' and state = 'down'", down, c.end)


def f28(world: World, at: Placement) -> Truth:
    """A prologue or epilogue fails, or a job cannot be killed: Slurm drains the node and it stands idle."""
    c = Case(world, at, "F28")
    reason = c.one_of("Kill task failed", "Prolog error", "Epilog error", "Kill task failed")
    jobs = c.jobs_on([c.node])
    if reason != "Prolog error":
        for job in c.fail_jobs(jobs, 0, 1, state="FAILED", exit_code=0, exit_signal=9):
            world.requeue(job, delay_s=45, avoid=[c.node])
    repair(c, "REBOOT" if c.chance(0.4) else "DIAG", reason=reason, by="slurm", notice_s=(20, 90))
    c.see("slurm_nodes", "reason", f"node_id = '{c.node}' and reason = '{reason}'", c.t + 90, c.end)
    kind = "prolog" if "Prolog" in reason else "epilog"
    c.check(c.node, kind, f"{reason}: exit 1", c.t + c.within(1, 60), c.t + 120, kind=kind)
    c.log(
        c.node,
        c.t,
        f"slurmstepd: error: *** JOB {c.rng.integers(10**5, 10**6)} STEPD TERMINATED ON {c.node} ***"
        if kind == "epilog"
        else "slurmd: error: Waiting for JobId prolog to complete: timeout",
        facility="daemon",
        process="slurmd",
    )
    return c.truth()


def f30(world: World, at: Placement) -> Truth:
    """One user's jobs run out of memory again and again (three times and more in six hours): theirs to mend."""
    c = Case(world, at, "F30")
    c.end = max(c.end, c.t + 3 * HOUR)
    times = _run_out_of_memory(c, at.name, int(c.scaled(4, 9)))
    enough = len(times) > 2
    return c.truth(ticket=enough, first_s=times[2] if enough else c.t, extra={"user": (at.name,)})


def _run_out_of_memory(c: Case, user: str, wanted: int) -> list[float]:
    """Fail the user's jobs in the span, adding attempts of the same script where there are too few."""
    jobs, world = c.world.jobs, c.world
    column = jobs.column
    mine = np.flatnonzero(column["user"] == jobs.users.index(user)).tolist() if user in jobs.users else []
    times = []
    span = min(6 * HOUR, c.end - c.t)
    for k in range(wanted):
        when = c.t + (k + c.within(0.05, 0.6)) * span / wanted
        at = np.asarray(mine, dtype=np.intp)
        live = (jobs.column["start_s"][at] <= when) & (when < jobs.column["end_s"][at]) & (jobs.column["run"][at] < 0)
        again = at[live].tolist()
        if not again:
            continue
        job = again[int(c.rng.integers(len(again)))]
        node = jobs.nodes_of(job)[0]
        if not jobs.fail(job, when, "OUT_OF_MEMORY", 0, 125, reason="OutOfMemory"):
            continue
        times.append(when)
        c.see("slurm_jobs", "state", f"user = '{user}' and state = 'OUT_OF_MEMORY'", when, when + 1)
        c.log(
            node,
            when,
            f"Memory cgroup out of memory: Killed process {c.rng.integers(1000, 999999)} (python3)",
        )
        c.k8s(node, "OOMKilling", "Memory cgroup out of memory: Killed process (python3)", when, user=user)
        new = world.requeue(job, delay_s=c.within(60, 300))
        if new >= 0:
            mine.append(new)
    return times


MODES = {"F26": f26, "F27": f27, "F28": f28, "F30": f30}
