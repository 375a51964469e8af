"""F24, F25, F35: files. A shared filesystem that stalls, a local disk that dies or fills, slow checkpoints.

That the wait is in the queue of the file server and not in the disk is from the published B200 fleet study.
"""

import numpy as np

from llo11ypop.simulator.incidents.case import HOUR, MINUTE, Case, rise
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import repair
from llo11ypop.simulator.incidents.runs import starve, stop_run
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World


def f24(world: World, at: Placement) -> Truth:
    """A shared filesystem stalls: requests wait in the queue, GPUs of many jobs fall to 0 together, D state."""
    c = Case(world, at, "F24")
    stall(c, c.scaled(12, 40), hit=c.scaled(0.45, 0.9))
    return c.truth()


def stall(c: Case, factor: float, *, hit: float) -> list[str]:
    """The signature of a stalled mount on its cluster; returns the nodes whose jobs stood still."""
    cluster, mount = c.at.name.split("/", 1)
    servers = [u for u in c.units("fs_metrics", cluster=cluster, mount=mount) if "-oss" in u]
    c.scale("fs_metrics", servers, "rpc_queue_ms", factor)
    c.shift("fs_metrics", servers, "rpc_queue_ms", c.scaled(20, 200), decisive=False)
    c.scale("fs_metrics", servers, "op_latency_ms", factor * 0.9)
    for column in ("write_bps", "read_bps", "metadata_ops_per_s"):
        c.scale("fs_metrics", servers, column, c.within(0.03, 0.15), decisive=False)
    jobs = [j for j in c.jobs_on(c.nodes) if c.chance(hit)]
    stuck = sorted({n for j in jobs for n in c.world.jobs.nodes_of(j)})
    c.fail_jobs([j for j in jobs if c.chance(0.15)], 15 * MINUTE, 50 * MINUTE, exit_code=1, reason="I/O error: Stale file handle")
    for job in jobs:
        gpus = [g.gpu_uuid for g in c.world.jobs.gpus_of(job)]
        late = c.t + c.within(0, 6 * MINUTE)
        starve(c, gpus, late, min(c.end, c.world.jobs.end_of(job)))
        run = int(c.world.jobs.column["run"][job])
        if run >= 0:
            stop_run(c, c.world.runs[run], late, min(c.end, c.world.jobs.end_of(job)), decisive=False)
    for node in stuck[: max(2, int(len(stuck) * 0.5))]:
        c.check(node, "dstate", "processes in D state for more than 300 s", c.t + c.within(5, 20) * MINUTE, c.end, decisive=False)
        if c.chance(0.5):
            c.log(
                node,
                c.t + c.within(2, 9) * MINUTE,
                f"INFO: task pt_main_thread:{c.rng.integers(1000, 99999)} blocked for more than 120 seconds.",
            )
    for node in c.nodes[:3]:
        c.k8s(
            node,
            "FailedMount",
            f'MountVolume.SetUp failed for volume "pvc{mount.replace("/", "-")}": timed out',
            c.t + c.within(3, 15) * MINUTE,
            kind="Pod",
            name=f"train-{c.rng.integers(1000, 9999)}",
            count=int(c.rng.integers(2, 9)),
        )
    return stuck


def f25(world: World, at: Placement) -> Truth:
    """A local disk dies, or a user's logs fill it: I/O errors or no space, DiskPressure, evictions."""
    c = Case(world, at, "F25")
    flood = c.chance(0.3)
    full = c.t + (1.5 * HOUR if flood else 0.0)
    jobs = c.jobs_on([c.node], full)
    user = world.jobs.user_of(jobs[0]) if jobs else ""
    if not flood:
        repair(c, "TECH", reason="NVMe I/O errors", part="nvme", notice_s=(30 * MINUTE, 2 * HOUR))
    c.fail_jobs(
        jobs if c.chance(0.5) else [],
        60,
        1800,
        at_s=full,
        exit_code=1,
        reason="No space left on device" if flood else "Input/output error",
    )
    disk = c.units("fs_metrics", node_id=c.node, role="local")
    if flood:
        c.shift("fs_metrics", disk, "free_pct", lambda t: -97 * rise(1.5 * HOUR)(t), onset_s=1.4 * HOUR)
        _at_least(c, disk, "free_pct", 0.4)
        c.log(c.node, full, "EXT4-fs warning (device nvme0n1p2): No space left on device", severity="warning")
    else:
        c.count("fs_metrics", disk, "smart_media_errors_total", c.scaled(20, 900))
        c.scale("fs_metrics", disk, "op_latency_ms", c.scaled(5, 60), decisive=False)
        for _ in range(int(c.scaled(3, 12))):
            c.log(
                c.node,
                c.t + c.within(0, 1500),
                f"blk_update_request: I/O error, dev nvme0n1, sector {c.rng.integers(10**6, 10**9)}",
                decisive=True,
            )
    c.check(c.node, "disk", "no space left" if flood else "read-only file system", full + c.within(60, 1500), c.end)
    world.condition(c.node, full + 120, c.end, "DiskPressure", "True", "KubeletHasDiskPressure")
    c.k8s(c.node, "NodeHasDiskPressure", f"Node {c.node} status is now: NodeHasDiskPressure", full + 120)
    c.k8s(c.node, "Evicted", "The node was low on resource: ephemeral-storage.", full + c.within(150, 900), kind="Pod",
          name=f"job-{c.rng.integers(1000, 9999)}", count=int(c.rng.integers(1, 5)), user=user if flood else "")  # fmt: skip
    if flood:
        return c.truth(
            first_s=full,
            queue="USER",
            expected="NOTIFY",
            acceptable=("NOTIFY", "TECH", "DRAIN"),
            forbidden=("RMA", "RESET_GPU"),
            text="a user's logs filled the local disk",
            extra={"user": (user,)},
            part="",
        )
    return c.truth()


def _at_least(c: Case, entities: list[str], column: str, low: float) -> None:
    """Keep a gauge from going below what is possible."""
    grid = c.world.grid("fs_metrics")
    if grid is not None and entities:
        rows, span = grid.rows(entities), grid.span(c.t - 2 * HOUR, c.end)
        c.strokes.append(lambda: grid.shift(column, rows, span, 0.0, low=low))


def f35(world: World, at: Placement) -> Truth:
    """Checkpoints of a run take 3 to 20 times as long; steps stop meanwhile and goodput falls."""
    c = Case(world, at, "F35")
    run = next(r for r in world.runs if r.run_id == at.name)
    factor = c.scaled(4, 20)
    when = stretch_checkpoints(c, run.run_id, factor, c.t, c.end)
    for at_s, took in when:
        stop_run(c, run, max(c.t, at_s - took * 0.6), at_s, decisive=False)
        servers = [u for u in c.units("fs_metrics", cluster=run.cluster, mount=run.mount) if "-oss" in u]
        c.scale("fs_metrics", servers[:1], "rpc_queue_ms", c.scaled(2, 5), at_s - took, at_s, decisive=False)
    mount = f"mount:{run.cluster}/{run.mount}"
    return c.truth(
        also=(mount,), extra={"run": (run.run_id,), "cluster": (run.cluster,), "mount": (mount[6:],), "node": tuple(run.nodes)}
    )


def stretch_checkpoints(c: Case, run_id: str, factor: float, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """Make saves of a run that end in a span longer; returns (end, duration) of each."""
    out: list[tuple[float, float]] = []
    for chunk in c.world.events.get("checkpoints", []):
        ts = np.asarray(chunk["ts"], dtype=float)
        if ts.ndim == 0:
            continue
        hit = (ts >= start_s) & (ts < end_s) & (np.broadcast_to(np.asarray(chunk["run_id"]), ts.shape) == run_id)
        hit &= np.broadcast_to(np.asarray(chunk["kind"]), ts.shape) == "save"
        if not hit.any():
            continue
        spread = factor * c.rng.lognormal(0, 0.15, int(hit.sum()))
        for column, by in (("duration_s", spread), ("blocking_s", spread * 1.5)):
            values = np.array(np.broadcast_to(chunk[column], ts.shape), dtype=float)
            values[hit] = np.round(values[hit] * by, 1)
            chunk[column] = values
        moved = ts.copy()
        moved[hit] += chunk["duration_s"][hit] * (1 - 1 / factor)
        chunk["ts"] = moved
        out += list(zip(moved[hit].tolist(), chunk["duration_s"][hit].tolist(), strict=True))
    for at_s, _ in out:
        c.see("checkpoints", "duration_s", f"run_id = '{run_id}'", at_s, at_s + 1)
    return out


MODES = {"F24": f24, "F25": f25, "F35": f35}
