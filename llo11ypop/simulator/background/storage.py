"""Shared filesystems and local disks: reads that follow the jobs, writes that jump at checkpoints."""

import numpy as np

from llo11ypop.simulator.background.occupancy import habits, job_grid
from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.world import World


def build_storage(world: World) -> None:
    """Fill fs_metrics (5 min): two servers per mount and cluster, one local disk per node."""
    shape, rng = world.shape, world.rng("storage")
    steps = world.steps(300)
    keys = [
        (k.cluster, m, f"{k.cluster}-{m.strip('/')}-oss{i}", "", "server")
        for k in shape.clusters
        for m in k.mounts
        for i in (1, 2)
    ]
    keys += [(n.cluster, "/local", n.node_id, n.node_id, "local") for n in shape.nodes]
    size = (len(keys), steps)
    work = habits(world)
    activity = work.power[job_grid(world.jobs, len(shape.gpus), 300, steps)[::8]]
    load = np.zeros(size, dtype=np.float32)
    for i, key in enumerate(keys):
        index = [shape.node(n).index for n in shape.cluster(key[0]).nodes] if key[4] == "server" else [shape.node(key[3]).index]
        load[i] = activity[index].sum(axis=0)
    server = np.array([k[4] == "server" for k in keys])[:, None]
    read = load * np.where(server, 7e8, 4e7) * rng.gamma(8, 1 / 8, size)
    write = load * np.where(server, 3e7, 2e7) * rng.gamma(4, 1 / 4, size)
    _checkpoint_writes(world, keys, write)
    busy = np.clip(write / 6e9, 0, 3)
    latency = np.where(server, 0.9 + 0.8 * busy, 0.12) * (1 + 0.1 * rng.standard_normal(size, dtype=np.float32))
    queue = np.where(server, 0.5 + 2.2 * busy, 0.0) * rng.gamma(6, 1 / 6, size)
    fall = rng.uniform(0.02, 0.25, (len(keys), 1)) * np.arange(steps) / 288
    free = 64 + rng.uniform(-18, 22, (len(keys), 1)) - fall % 9 + 0.1 * rng.standard_normal(size, dtype=np.float32)
    grid = Grid("fs_metrics", [f"{k[0]}/{k[1]}/{k[2]}" for k in keys], 300, steps)
    grid.columns = {
        "read_bps": np.rint(read / 1e6) * 1e6, "write_bps": np.rint(write / 1e6) * 1e6, "op_latency_ms": np.round(latency, 2),
        "rpc_queue_ms": np.round(queue, 2),
        "metadata_ops_per_s": np.rint(load * np.where(server, 60, 4) * rng.gamma(5, 0.2, size)),
        "free_pct": np.round(np.clip(free, 5, 97), 1), "smart_media_errors_total": np.zeros(size, dtype=np.float32),
    }  # fmt: skip
    grid.columns = {name: values.astype(np.float32) for name, values in grid.columns.items()}
    grid.columns["smart_media_errors_total"][~server[:, 0]] += rng.poisson(0.05, (int((~server).sum()), 1))
    grid.columns["smart_media_errors_total"][server[:, 0]] = np.nan
    for i, name in enumerate(("cluster", "mount", "server", "node_id", "role")):
        grid.static[name] = np.array([k[i] for k in keys], dtype=object)
    world.grids["fs_metrics"] = grid


def _checkpoint_writes(
    world: World, keys: list[tuple[str, str, str, str, str]], write: "np.ndarray[tuple[int, int], np.dtype[np.floating]]"
) -> None:
    """Bytes of every save, spread over both servers of the mount in the five minutes it ends in."""
    cluster_of = {r.run_id: (r.cluster, r.mount) for r in world.runs}
    rows = {(k[0], k[1]): [i for i, o in enumerate(keys) if o[:2] == k[:2] and o[4] == "server"] for k in keys}
    for chunk in world.events["checkpoints"]:
        at = np.clip(np.ceil(np.asarray(chunk["ts"]) / 300), 0, write.shape[1] - 1).astype(int)
        for step, run, size, kind in zip(at.tolist(), chunk["run_id"], chunk["bytes"], chunk["kind"], strict=True):
            if kind == "save":
                write[rows[cluster_of[str(run)]], step] += float(size) / 2 / 300
