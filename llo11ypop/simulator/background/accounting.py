"""What the scheduler's books say at the end: finished jobs, their nodes, and the attempts of training runs."""

import numpy as np

from llo11ypop.simulator.background.submission import QOS
from llo11ypop.simulator.background.training import fill_throughput
from llo11ypop.simulator.columns import Words
from llo11ypop.simulator.jobs import STATE, STATES
from llo11ypop.simulator.runs import Run
from llo11ypop.simulator.world import World


def write_jobs(world: World) -> None:
    """Add slurm_jobs and slurm_job_nodes: jobs that ended inside the world (running ones are not in sacct's books)."""
    jobs, c = world.jobs, world.jobs.column
    done = np.flatnonzero((c["end_s"] < world.duration_s) & (c["end_s"] >= 0) & (c["state"] != STATE["DROPPED"]))
    clusters, nodes = [k.cluster for k in world.shape.clusters], [n.node_id for n in world.shape.nodes]
    runs = [r.run_id for r in world.runs]
    ids = np.array(nodes, dtype=object)
    node_list = np.array([",".join(ids[jobs.node[jobs.ptr[j] : jobs.ptr[j + 1]]]) for j in done.tolist()], dtype=object)
    elapsed = np.round(c["end_s"][done] - c["start_s"][done])
    array = c["array_job_id"][done].astype(float)
    array[array == 0] = np.nan

    def words(name: str, values: list[str], at: "np.ndarray" = done) -> Words:
        return Words(c[name][at].astype(np.int32), values)

    world.add(
        "slurm_jobs", end_at=c["end_s"][done], submit_at=c["submit_s"][done], eligible_at=c["eligible_s"][done],
        start_at=c["start_s"][done], cluster=words("cluster", clusters), job_id=c["job_id"][done], array_job_id=array,
        job_name=words("name", jobs.names), user=words("user", jobs.users), account=words("user", jobs.accounts),
        partition=words("partition", ["train", "dev"]), qos=words("qos", QOS), reservation="", state=words("state", STATES),
        exit_code=c["exit_code"][done], exit_signal=c["exit_signal"][done], elapsed_s=elapsed, time_limit_s=c["limit_s"][done],
        gpus=c["gpus"][done], nodes=c["n_nodes"][done], node_list=node_list, failed_node=words("failed_node", nodes),
        restarts=c["restarts"][done], reason=words("reason", jobs.reasons), run_id=words("run", runs),
        gpu_seconds=elapsed * c["gpus"][done], queue_wait_s=np.round(c["start_s"][done] - c["eligible_s"][done]),
    )  # fmt: skip
    owner = np.repeat(np.arange(len(jobs)), np.diff(jobs.ptr))
    place = np.flatnonzero(np.isin(owner, done))
    at = owner[place]
    world.add(
        "slurm_job_nodes", end_at=c["end_s"][at], start_at=c["start_s"][at], cluster=words("cluster", clusters, at),
        job_id=c["job_id"][at], node_id=Words(jobs.node[place], nodes), user=words("user", jobs.users, at),
        state=words("state", STATES, at),
        exit_code=c["exit_code"][at], exit_signal=c["exit_signal"][at], job_nodes=c["n_nodes"][at],
        gpus_on_node=np.bitwise_count(jobs.mask[place]), run_id=words("run", runs, at),
    )  # fmt: skip


def settle_runs(world: World) -> None:
    """Cut every attempt to its job, then write runs and ranks and take out steps and saves outside attempts."""
    for run in world.runs:
        for attempt in run.attempts:
            attempt.end_s = min(attempt.end_s, world.jobs.end_of(attempt.job))
        run.attempts = [a for a in run.attempts if a.end_s > a.start_s and world.jobs.column["state"][a.job] != STATE["DROPPED"]]
        _write_run(world, run)
    _settle_events(world)
    _settle_steps(world)


def _write_run(world: World, run: Run) -> None:
    """One row per attempt in training_runs and one per rank and attempt in training_ranks."""
    rank = np.arange(run.ranks)
    for attempt in run.attempts:
        job_id = world.jobs.id_of(attempt.job)
        world.add(
            "training_runs", started_at=attempt.start_s, run_id=run.run_id, job_id=job_id, cluster=run.cluster, user=run.user,
            account=run.account, model_name=run.model_name, gpus=run.gpus, pipeline_stages=run.pipeline_stages,
            flops_per_token=run.flops_per_token, peak_flops=run.peak_flops,
        )  # fmt: skip
        gpus = [g.gpu_uuid for n in attempt.nodes for g in world.shape.node_gpus(n)]
        world.add(
            "training_ranks", started_at=np.full(run.ranks, attempt.start_s),
            run_id=run.run_id, job_id=job_id, cluster=run.cluster,
            rank=rank,
            pipeline_stage=rank * run.pipeline_stages // run.ranks, node_id=np.repeat(np.array(attempt.nodes, dtype=object), 8),
            gpu_uuid=np.array(gpus, dtype=object),
        )  # fmt: skip


def _settle_events(world: World) -> None:
    """Saves and evaluations belong to the attempt they happened in; the others did not happen."""
    runs = {r.run_id: r for r in world.runs}
    for dataset in ("checkpoints", "training_evals"):
        kept = []
        for chunk in world.events[dataset]:
            size = max((len(v) for v in chunk.values() if isinstance(v, (np.ndarray, list))), default=1)
            names = np.broadcast_to(np.asarray(chunk["run_id"], dtype=object), (size,))
            run = runs.get(str(names[0])) if size else None
            if run is None:
                kept.append(chunk)
                continue
            ts = np.broadcast_to(np.asarray(chunk["ts"], dtype=float), (size,))
            which = _attempt_of(run, ts)
            wide = {name: np.broadcast_to(np.asarray(v), (size,))[which >= 0] for name, v in chunk.items()}
            if dataset == "checkpoints":
                wide["job_id"] = np.array([world.jobs.id_of(run.attempts[i].job) for i in which[which >= 0]], dtype=np.int64)
            kept.append(wide)
        world.events[dataset] = kept


def _attempt_of(run: Run, ts: "np.ndarray") -> "np.ndarray":
    """Index of the attempt that runs at each time, or -1."""
    out = np.full(len(ts), -1)
    for i, attempt in enumerate(run.attempts):
        out[(ts > attempt.start_s) & (ts <= attempt.end_s)] = i
    return out


def _settle_steps(world: World) -> None:
    """Minutes outside attempts vanish, steps are counted, each restart goes back to the last save."""
    grid = world.run_steps
    if grid is None:
        return
    times = grid.times_s()
    for row, run in enumerate(world.runs):
        which = _attempt_of(run, times - 120.0)
        grid.present[row] &= which >= 0
        fill_throughput(grid, row, run)
        if run.attempts:
            ids = np.array([world.jobs.id_of(a.job) for a in run.attempts])
            grid.columns["job_id"][row] = ids[np.maximum(which, 0)]
            _count_steps(grid.columns, row, run, which, times)
            node = [np.array([grid.code("slowest_node", n) for n in a.nodes]) for a in run.attempts]
            rank = np.clip(grid.columns["slowest_rank"][row], 0, run.ranks - 1)
            table = np.stack(node)
            fresh = grid.columns["slowest_node"][row] == 0
            grid.columns["slowest_node"][row, fresh] = table[np.maximum(which, 0), rank // 8][fresh]
            grid.columns["slowest_stage"][row] = rank * run.pipeline_stages // run.ranks


def _count_steps(columns: dict[str, "np.ndarray"], row: int, run: Run, which: "np.ndarray", times: "np.ndarray") -> None:
    """The step number at the end of every minute."""
    pace = np.where(which >= 0, 60.0 / np.maximum(columns["step_time_s"][row], 0.05), 0.0)
    count = np.cumsum(pace) + max(0.0, -run.start_s) / run.base_step_s
    for attempt in run.attempts[1:]:
        lost = 0.5 * run.checkpoint_every_s / run.base_step_s
        count[times > attempt.start_s] -= lost
    columns["step"][row] = np.maximum(count, 0).astype(np.int64)


def fill_gpu_events(world: World) -> None:
    """Slot, PCI address, job and user of GPU events that name only the GPU and the time."""
    known = world.shape.index.gpu
    for chunk in world.events["gpu_events"]:
        if not isinstance(chunk.get("gpu_uuid"), str) or chunk["gpu_uuid"] not in known or np.ndim(chunk["ts"]):
            _fill_many(world, chunk)
            continue
        gpu = known[chunk["gpu_uuid"]]
        chunk.setdefault("gpu_index", gpu.slot)
        chunk["pci"] = chunk.get("pci") or gpu.pci
        if "job_id" not in chunk:
            job = world.jobs.on_gpu(gpu.gpu_uuid, float(chunk["ts"]) - 1.0)
            chunk["job_id"] = world.jobs.id_of(job) if job >= 0 else np.nan
            chunk["user"] = world.jobs.user_of(job) if job >= 0 else ""


def _fill_many(world: World, chunk: "dict[str, object]") -> None:
    """The same for a chunk of arrays: slot and PCI, and jobs where nobody named them."""
    known = world.shape.index.gpu
    uuids = chunk.get("gpu_uuid")
    size = max((len(v) for v in chunk.values() if isinstance(v, (np.ndarray, list))), default=1)
    if uuids is None:
        return
    gpus = [known.get(str(u)) for u in np.broadcast_to(np.asarray(uuids, dtype=object), (size,))]
    times = np.broadcast_to(np.asarray(chunk["ts"], dtype=float), (size,))
    chunk.setdefault("gpu_index", np.array([g.slot if g else np.nan for g in gpus], dtype=float))
    chunk.setdefault("pci", np.array([g.pci if g else "" for g in gpus], dtype=object))
    if "job_id" not in chunk:
        jobs = [world.jobs.on_gpu(g.gpu_uuid, float(t) - 1.0) if g else -1 for g, t in zip(gpus, times, strict=True)]
        chunk["job_id"] = np.array([world.jobs.id_of(j) if j >= 0 else np.nan for j in jobs], dtype=float)
        chunk["user"] = np.array([world.jobs.user_of(j) if j >= 0 else "" for j in jobs], dtype=object)
