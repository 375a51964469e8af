"""F31 to F34: training. A slow GPU, silent corruption, a loss that diverges, a collective that hangs.

Step slow-downs of 1.1 to 2.3×: straggler study (OSDI'25); loss spikes: PaLM; watchdog timeouts and hangs: ByteRobust
(arXiv 2509.16293). Replays of single steps on single nodes find about 70 % of silent corruption there.
"""

import numpy as np

from llo11ypop.simulator.incidents.case import DAY, HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.network import NCCL_TIMEOUT
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import repair
from llo11ypop.simulator.incidents.runs import runs_on, slow_run, spin, stop_run, while_there
from llo11ypop.simulator.runs import Run
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

REPLAY_FINDS = 0.7


def f31(world: World, at: Placement) -> Truth:
    """One GPU computes slower than all others of its run, without any error; everybody waits for it."""
    c = Case(world, at, "F31")
    gpu = c.place.gpu
    factor = c.scaled(1.12, 1.8)
    repair(c, "DIAG", gpu=gpu, reason="slow GPU, run GEMM test")
    touched = slow_run(c, c.node, factor, gpu=gpu, decisive=True)
    c.scale("gpu_metrics", gpu, "sm_clock_mhz", 1 / factor)
    c.scale("gpu_metrics", gpu, "tensor_active_ratio", 1.02, decisive=False)
    for _, run, first, last in runs_on(c, [c.node], c.t, c.end):
        others = [g for n in run.nodes_at(first) for g in c.gpus(n) if g != gpu]
        c.scale("gpu_metrics", others, "tensor_active_ratio", 1 / factor, first, last, decisive=False)
        c.scale("gpu_metrics", others, "power_w", 0.75 + 0.25 / factor, first, last, decisive=False)
    return c.truth(
        first_s=c.t + 30 * MINUTE, extra={"run": tuple(touched)}, also=(f"node:{c.node}", *(f"run:{r}" for r in touched))
    )


def f32(world: World, at: Placement) -> Truth:
    """A node corrupts results silently: jumps of the gradient while it is in the run, replays that do not match."""
    c = Case(world, at, "F32")
    found: list[str] = []
    for _, run, first, last in runs_on(c, [c.node], c.t, c.end):
        found.append(run.run_id)
        for _ in range(int(np.ceil((last - first) / DAY * c.scaled(1.5, 5)))):
            when, mark = c.within(first, last), len(c.strokes)
            spike(c, run, when, c.scaled(20, 400), minutes=c.within(2, 6), decisive=False)
            while_there(c, mark, run, when)
    first_s = _replays(c)
    repair(c, "DIAG", reason="suspected SDC, multi-pass diagnostics", part="gpu", swap=0.7)
    return c.truth(first_s=first_s, extra={"run": tuple(found)}, causes=("F32", "silent_data_corruption"))


def _replays(c: Case) -> float:
    """Replays of single steps on the node; when the first did not reproduce its step, which is when the node can be known."""
    run = next((r for _, r, _, _ in runs_on(c, [c.node], c.t, c.end)), None)
    when, hits, first_s = c.t + c.within(1, 8) * HOUR, 0, c.end
    while when < c.end:
        bad = c.chance(REPLAY_FINDS) or (hits == 0 and when > c.t + 16 * HOUR)
        hits += bad
        first_s = min(first_s, when) if bad else first_s
        c.row(
            "training_evals",
            when,
            f"node_id = '{c.node}' and mismatch = 1",
            field="mismatch",
            note=bad,
            cluster=c.place.cluster,
            run_id=run.run_id if run else "",
            kind="replay",
            node_id=c.node,
            metric=np.nan,
            mismatch=int(bad),
        )
        when += c.within(3, 10) * HOUR
    return first_s


def spike(c: Case, run: Run, at_s: float, factor: float, *, minutes: float, decisive: bool = True) -> None:
    """The gradient norm jumps by a factor, the loss goes up, both come back."""
    back = max(minutes * MINUTE, 60.0)
    c.scale(
        "training_steps",
        run.run_id,
        "grad_norm",
        lambda t: 1 + factor * np.exp(-3 * t / back),
        at_s,
        at_s + back,
        decisive=decisive,
    )
    c.shift(
        "training_steps",
        run.run_id,
        "loss",
        lambda t: min(6.0, 0.25 * np.log1p(factor)) * np.exp(-2 * t / back),
        at_s,
        at_s + 2 * back,
        decisive=False,
    )


def f33(world: World, at: Placement) -> Truth:
    """The loss spikes or diverges to NaN for reasons of optimiser or batches: the owner is told, no hardware."""
    c = Case(world, at, "F33")
    run = next(r for r in world.runs if r.run_id == at.name)
    spike(c, run, c.t, c.scaled(30, 3000), minutes=c.within(30, 60))
    if c.k > 0.4:
        bad = c.t + c.within(4, 25) * MINUTE
        stop = min(c.end, bad + c.within(0.5, 2) * HOUR)
        for column in ("loss", "grad_norm"):
            c.put("training_steps", run.run_id, column, np.nan, bad, stop, decisive=False)
        c.put("training_steps", run.run_id, "nan_count", int(c.rng.integers(3, 12)), bad, stop)
    return c.truth(extra={"run": (run.run_id,), "cluster": (run.cluster,), "node": tuple(run.nodes_at(c.t))})


def f34(world: World, at: Placement) -> Truth:
    """A collective hangs: no steps, no traffic, GPUs at 100 % with little power, then the watchdog.

    Sometimes a log line names the node where it began, and then the ticket is that node's.
    """
    c = Case(world, at, "F34")
    run = next(r for r in world.runs if r.run_id == at.name)
    nodes = run.nodes_at(c.t)
    attempt = next((a for a in run.attempts if a.start_s <= c.t < a.end_s), None)
    dead = c.t + c.within(12, 30) * MINUTE
    shown = c.chance(0.35) and bool(nodes)
    origin = str(c.one_of(*nodes)) if shown else ""
    if attempt is not None and world.jobs.fail(attempt.job, dead, "FAILED", 134, 6, "", NCCL_TIMEOUT):
        world.requeue(attempt.job, delay_s=c.within(300, 1200))
        c.see("slurm_jobs", "reason", f"run_id = '{run.run_id}'", dead, dead + 1, decisive=False)
    stop_run(c, run, c.t, dead)
    spin(c, [g for n in nodes for g in c.gpus(n)], c.t, dead)
    for node in nodes[:4]:
        c.log(
            node,
            dead - c.within(0, 20),
            f"[Rank {run.rank_of(node, at_s=c.t)}] {NCCL_TIMEOUT}",
            facility="daemon",
            process="python3",
        )
    c.nodes, c.end = list(nodes), dead
    extra = {"run": (run.run_id,), "cluster": (run.cluster,)}
    if not shown:
        return c.truth(extra=extra, acceptable=("NOTIFY", "RESTART_APP", "DIAG"))
    c.log(
        origin,
        c.t - c.within(0, 20),
        "pt_main_thread[2536443]: segfault at 7f797fe00000 ip 00007f7c7ac69996 error 4 in libnccl.so.2",
        severity="warning",
        decisive=True,
    )
    c.check(origin, "dstate", "rank process in uninterruptible sleep", c.t + c.within(60, 500), dead)
    return c.truth(
        level="node",
        name=origin,
        queue="GPU-HW",
        expected="DRAIN",
        acceptable=("DRAIN", "DIAG", "REBOOT", "NOTIFY", "RESTART_APP"),
        extra=extra,
        also=(f"run:{run.run_id}",),
        text="collective hang that began on one node",
    )


MODES = {"F31": f31, "F32": f32, "F33": f33, "F34": f34}
