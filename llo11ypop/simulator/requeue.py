"""Starting a job again after it died: the same nodes but the bad one, at the price of small jobs elsewhere."""

from typing import TYPE_CHECKING

import numpy as np

from llo11ypop.simulator.runs import Attempt

if TYPE_CHECKING:
    from llo11ypop.simulator.world import World


def requeue(world: "World", job: int, *, delay_s: float, avoid: frozenset[str]) -> int:
    """Append the new attempt of `job`; returns its index, or -1 when no nodes are free or time is over."""
    jobs, c = world.jobs, world.jobs.column
    start, end = float(c["end_s"][job]) + delay_s, float(c["planned_end_s"][job])
    nodes = _nodes_for(world, job, start, avoid)
    if start >= min(end, world.duration_s) or not nodes:
        return -1
    places = slice(int(jobs.ptr[job]), int(jobs.ptr[job + 1]))
    mask = np.array(jobs.mask[places])
    for node_id, bits in zip(nodes, mask, strict=True):
        _make_room(world, node_id, int(bits), start, end)
    new = jobs.append(job, start, end, [world.shape.node(n).index for n in nodes], mask)
    run = int(c["run"][job])
    if run >= 0:
        attempts = world.runs[run].attempts
        old = next((a for a in attempts if a.job == job), None)
        if old is not None:
            old.end_s = min(old.end_s, float(c["end_s"][job]))
        attempts.append(Attempt(new, start, end, nodes))
        attempts.sort(key=lambda a: a.start_s)
    for hook in jobs.start_hooks:
        hook(new, start, end)
    return new


def _nodes_for(world: "World", job: int, start_s: float, avoid: frozenset[str]) -> list[str]:
    """The old nodes, with the unusable ones replaced by free or dev nodes of the same model."""
    old = world.jobs.nodes_of(job)
    bad = {n for n in old if n in avoid or world.is_down(n, start_s)}
    if not bad:
        return old
    if len(old) == 1 and world.jobs.column["partition"][job] == 1:
        return []
    first = world.shape.node(old[0])
    spare = [
        n for n in world.shape.cluster(first.cluster).nodes
        if n not in old and n not in avoid and world.shape.node(n).gpu_model == first.gpu_model
        and not world.is_down(n, start_s) and not _held_by_large(world, n, start_s, len(old))
    ]  # fmt: skip
    spare.sort(key=lambda n: (len(world.jobs.on_node(n, start_s)), n))
    if len(spare) < len(bad):
        return []
    swap = dict(zip(sorted(bad), spare, strict=False))
    return [swap.get(n, n) for n in old]


def _held_by_large(world: "World", node_id: str, at_s: float, size: int) -> bool:
    """Whether a run or an equally large job holds the node."""
    c = world.jobs.column
    return any(c["run"][j] >= 0 or c["n_nodes"][j] >= size for j in world.jobs.on_node(node_id, at_s))


def _make_room(world: "World", node_id: str, bits: int, start_s: float, end_s: float) -> None:
    """Preempt what runs on these slots at the start and drop what would have started there later."""
    jobs = world.jobs
    index = world.shape.node(node_id).index
    for other in jobs.overlapping(node_id, start_s, end_s):
        if not jobs.mask_on(int(other), index) & bits:
            continue
        if jobs.start_of(int(other)) < start_s:
            jobs.fail(int(other), start_s, "PREEMPTED", 0, 15, reason="Preempted")
        else:
            jobs.drop(int(other))

