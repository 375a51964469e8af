"""Starting a job again after it died: the same nodes but the bad one, at the price of small jobs elsewhere."""

from typing import TYPE_CHECKING

import numpy as np

from llo11ypop.simulator.runs import Attempt

if TYPE_CHECKING:
    from llo11ypop.simulator.world import World


SHORTEST_S = 600.0
"""A job that could run for less than this after waiting is not worth starting."""


def requeue(world: "World", job: int, *, delay_s: float, avoid: frozenset[str]) -> int:
    """Append the new attempt of `job`; returns its index, or -1 when no nodes are free or time is over."""
    jobs, c = world.jobs, world.jobs.column
    start, end = float(c["end_s"][job]) + delay_s, float(c["planned_end_s"][job])
    nodes = _nodes_for(world, job, (start, end), avoid)
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


def make_way(world: "World", job: int, node_id: str, back_s: float) -> None:
    """A job was to start on a node that is out until `back_s`: it moves, waits, or never runs."""
    if relocate(world, job, node_id):
        return
    jobs = world.jobs
    if jobs.end_of(job) < back_s + SHORTEST_S or back_s >= world.duration_s:
        jobs.drop(job)
        return
    jobs.postpone(job, back_s + 60.0)
    run = int(jobs.column["run"][job])
    for attempt in world.runs[run].attempts if run >= 0 else ():
        if attempt.job == job:
            attempt.start_s = back_s + 60.0


def relocate(world: "World", job: int, node_id: str) -> bool:
    """Find another node for one of a multi-node job that is yet to start; False when there is none."""
    jobs, c = world.jobs, world.jobs.column
    start, end = float(c["start_s"][job]), float(c["end_s"][job])
    if c["n_nodes"][job] < 2 or start >= world.duration_s:
        return False
    spare = _spares(world, jobs.nodes_of(job), (start, end), frozenset({node_id}), 1)
    if not spare:
        return False
    old, new = world.shape.node(node_id).index, world.shape.node(spare[0]).index
    _make_room(world, spare[0], 255, start, end)
    for hook in jobs.leave_hooks:
        hook(job, start, end, old)
    jobs.move(job, old, new)
    run = int(c["run"][job])
    for attempt in world.runs[run].attempts if run >= 0 else ():
        if attempt.job == job:
            attempt.nodes = [spare[0] if n == node_id else n for n in attempt.nodes]
    for hook in jobs.arrive_hooks:
        hook(job, start, end, new)
    return True


def _spares(world: "World", old: list[str], span: tuple[float, float], avoid: frozenset[str], wanted: int) -> list[str]:
    """Nodes of the same cluster and model that no run or equally large job holds, dev nodes first."""
    first, taken = world.shape.node(old[0]), {*old, *avoid}
    found: list[str] = []
    for node_id in reversed(world.shape.cluster(first.cluster).nodes):
        if len(found) >= wanted:
            break
        if node_id in taken or world.shape.node(node_id).gpu_model != first.gpu_model or world.is_down(node_id, span[0]):
            continue
        if not _held_by_large(world, node_id, span, len(old)):
            found.append(node_id)
    return found


def _nodes_for(world: "World", job: int, span: tuple[float, float], avoid: frozenset[str]) -> list[str]:
    """The old nodes, with the unusable ones replaced by free or dev nodes of the same model."""
    old = world.jobs.nodes_of(job)
    bad = {n for n in old if n in avoid or world.is_down(n, span[0])}
    if not bad:
        return old
    if len(old) == 1 and world.jobs.column["partition"][job] == 1:
        return []
    spare = _spares(world, old, span, avoid, len(bad))
    if len(spare) < len(bad):
        return []
    swap = dict(zip(sorted(bad), spare, strict=False))
    return [swap.get(n, n) for n in old]


def _held_by_large(world: "World", node_id: str, span: tuple[float, float], size: int) -> bool:
    """Whether a run or an equally large job holds the node at some time of the span."""
    c = world.jobs.column
    there = world.jobs.overlapping(node_id, *span)
    return bool(((c["run"][there] >= 0) | (c["n_nodes"][there] >= size)).any())


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
