"""F36 and F37: what shows only over many nodes or many weeks. A bad driver, a lemon.

Driver eras with one XID class many times up: Kokolis et al. 2024 (RSC) and the Delta study; lemons, their restarts,
exclusions and tickets: Kokolis et al. 2024.
"""

import numpy as np

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.case import DAY, HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import open_ticket, remedy
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World


def f36(world: World, at: Placement) -> Truth:
    """A new driver on some nodes: one XID class far up there in the days after, flat everywhere else."""
    c = Case(world, at, "F36")
    roll_out(c, at.name)
    third = regress(c)
    return c.truth(first_s=third, extra={"driver": (at.name,)})


def roll_out(c: Case, driver: str) -> None:
    """Change the driver of the case's nodes, a few at a time, in a window that was announced."""
    c.world.maintenance(
        "cluster",
        c.world.shape.node(c.nodes[0]).cluster,
        c.t - 2 * HOUR,
        c.t + HOUR,
        "upgrade",
        cluster=c.world.shape.node(c.nodes[0]).cluster,
        description=f"driver roll-out {driver}, first wave",
    )
    for i, node in enumerate(c.nodes):
        when = c.t - HOUR + i * 2 * MINUTE
        c.fail_jobs(
            c.jobs_on([node], when), 0, 1, at_s=when, state="PREEMPTED", exit_code=0, exit_signal=15, reason="reservation"
        )
        c.world.node_state(node, when, when + 12 * MINUTE, "maint", reason=f"driver {driver}", reason_user="automation")
        c.first.clear()
        c.proof.clear()
        c.world.set_driver([node], when, driver)


def regress(c: Case) -> float:
    """XID 119 on many of the upgraded nodes over the next days; returns when the third node had one."""
    firsts: list[float] = []
    for i, node in enumerate(c.nodes):
        if not (i < 3 or c.chance(0.55 + 0.4 * c.k)):
            continue
        when = c.t + c.within(2 * HOUR, min(60 * HOUR, 0.9 * (c.end - c.t)))
        firsts.append(when)
        for _ in range(int(c.rng.integers(1, 4))):
            gpu = c.one_of(*c.gpus(node))
            if when >= c.end:
                break
            c.fail_jobs(c.jobs_of_gpu(gpu, when), 30, 900, at_s=when, exit_signal=9, exit_code=137)
            for k in range(int(c.rng.integers(1, 5))):
                c.xid(
                    gpu, 119, lines.gsp_timeout(c.world.shape.gpu(gpu).slot, c.rng), when + 8 * k, sticks_until_s=when + 2 * HOUR
                )
            remedy(c, node, "RESET_GPU", when + c.within(1, 2) * HOUR, gpu=gpu)
            when += c.within(6, 40) * HOUR
    return sorted(firsts)[min(2, len(firsts) - 1)]


def f37(world: World, at: Placement) -> Truth:
    """A lemon: many small unrelated failures over weeks, users exclude it, people keep putting it back."""
    c = Case(world, at, "F37")
    when, marks = c.t, []
    while when < c.end:
        marks.append(when)
        _small_failure(c, when)
        when += c.within(0.5, 1.5) * DAY * (2.2 - c.k)
    _exclusions(c, marks)
    established = marks[min(3, len(marks) - 1)]
    return c.truth(first_s=established + HOUR)


def _small_failure(c: Case, at_s: float) -> None:
    """One of the small things that happen to a lemon: a job dies, a check fails, somebody reboots it."""
    jobs, gpu = c.jobs_on([c.node], at_s), c.one_of(*c.gpus())
    kind = c.one_of("node_fail", "xid31", "check", "prolog", "xid63", "node_fail")
    out = at_s + c.within(0.3, 2.5) * HOUR
    if kind in ("node_fail", "prolog"):
        c.fail_jobs(jobs, 1, 300, at_s=at_s, state="NODE_FAIL", blame=c.node, exit_code=0, reason="NodeFail")
        reason = "Not responding" if kind == "node_fail" else "Kill task failed"
        c.world.node_state(c.node, at_s + 60, out, "down" if kind == "node_fail" else "drained", reason=reason)
        c.see("slurm_nodes", "reason", f"node_id = '{c.node}'", at_s + 60, out, decisive=False)
        remedy(c, c.node, "REBOOT", out - 300)
    elif kind == "check":
        c.fail_jobs(jobs, 1, 600, at_s=at_s, exit_code=1)
        c.check(c.node, c.one_of("nvidia_smi", "ib_link", "dcgm_diag"), "intermittent failure", at_s, at_s + HOUR, decisive=False)
    else:
        c.fail_jobs(jobs[:1], 1, 60, at_s=at_s, exit_signal=6, exit_code=134)
        text = lines.mmu_fault(c.rng) if kind == "xid31" else lines.ROW_REMAP
        c.xid(gpu, 31 if kind == "xid31" else 63, text, at_s, sticks_until_s=out, decisive=False)
        remedy(c, c.node, "RESET_GPU", out, gpu=gpu)
    if c.chance(0.4):
        open_ticket(c, c.node, at_s, "job failures on this node")


def _exclusions(c: Case, marks: list[float]) -> None:
    """Users write the node into --exclude after it cost them jobs."""
    users = c.world.jobs.users or [""]
    for at_s in marks[1:]:
        for _ in range(int(c.rng.integers(1, 4))):
            c.row(
                "user_exclusions",
                at_s + c.within(0.2, 12) * HOUR,
                f"node_id = '{c.node}'",
                node_id=c.node,
                cluster=c.place.cluster,
                user=users[int(c.rng.integers(len(users)))],
                job_id=int(c.rng.integers(10**6, 10**7)),
                decisive=True,
            )
    c.see("slurm_jobs", "failed_node", f"failed_node = '{c.node}'", marks[0], min(c.end, c.world.duration_s), count=False)


def spread(nodes: list[str], share: float, rng: np.random.Generator) -> tuple[str, ...]:
    """A share of nodes, at least three, in order."""
    count = min(len(nodes), max(3, round(len(nodes) * share)))
    return tuple(sorted(str(n) for n in rng.permutation(nodes)[:count]))


MODES = {"F36": f36, "F37": f37}
