"""F29: a change of the scheduler's configuration keeps jobs from starting while GPUs stand idle."""

import numpy as np
import numpy.typing as npt

from llo11ypop.simulator.incidents.case import MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

EDITS = (
    ("limits", "MaxTRESPerAccount gres/gpu {old}->{new}", "AssocGrpGRES"),
    ("partition", "AllowQos=high (was ALL)", "BadConstraints"),
    ("gres", "Gres=gpu:h100:8 (was gpu:8)", "BadConstraints"),
    ("partition", "Nodes list shortened by a glob error", "ReqNodeNotAvail"),
)


def f29(world: World, at: Placement) -> Truth:
    """Pending and idle rise together from the minute of an edit, with a reason that is not a lack of GPUs."""
    c = Case(world, at, "F29")
    cluster, partition = at.name.split("/")
    what, detail, reason = c.one_of(*EDITS)
    c.row("slurm_config_changes", c.t, f"cluster = '{cluster}'", cluster=cluster, partition=partition,
          actor=c.one_of("j.okafor", "admin", "p.sharma"), what=what, decisive=True,
          detail=detail.format(old=int(c.rng.integers(128, 512)), new=int(c.rng.integers(1, 16))))  # fmt: skip
    held = _hold_back(c, cluster, partition)
    lag = c.within(5, 20) * MINUTE
    jobs, gpus = max(6.0, c.scaled(8, 60)), max(24.0, c.scaled(64, 400))
    queue = f"{cluster}/{partition}/{reason}"

    def grow(t: npt.NDArray[np.float64], top: float) -> npt.NDArray[np.float64]:
        return np.asarray(np.floor(top * np.clip(t / (c.end - c.t) * 2 + 0.15, 0, 1)), dtype=np.float64)

    c.shift("slurm_queue", queue, "jobs", lambda t: grow(t, jobs), c.t + lag)
    c.shift("slurm_queue", queue, "gpus", lambda t: grow(t, gpus), c.t + lag, decisive=False)
    c.shift("slurm_sched", cluster, "jobs_pending", lambda t: grow(t, jobs), c.t + lag)
    if held:
        c.see("slurm_sched", "gpus_idle", f"cluster = '{cluster}'", c.t + lag, c.end)
    return c.truth(first_s=c.t + lag, also=(f"cluster:{cluster}",))


def _hold_back(c: Case, cluster: str, partition: str) -> int:
    """Jobs of the partition that would start meanwhile do not; returns how many."""
    column = c.world.jobs.column
    names = [k.cluster for k in c.world.shape.clusters]
    places = c.world.shape.cluster(cluster).partitions
    hit = (column["start_s"] >= c.t) & (column["start_s"] < c.end) & (column["cluster"] == names.index(cluster))
    hit &= (column["partition"] == places.index(partition)) & (column["run"] < 0)
    held = np.flatnonzero(hit)
    for job in held:
        if c.chance(0.85):
            c.world.jobs.drop(int(job))
    return len(held)


MODES = {"F29": f29}
