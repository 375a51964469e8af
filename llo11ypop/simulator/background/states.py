"""Slurm node states and Kubernetes node conditions: what the jobs imply, overridden by what faults declared."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.columns import Words
from llo11ypop.simulator.jobs import STATE
from llo11ypop.simulator.world import UNAVAILABLE, NodeState, World

BASE = ["idle", "mixed", "allocated"]
CONDITIONS = ("Ready", "DiskPressure", "MemoryPressure", "PIDPressure", "KernelDeadlock")
_REASON = {
    "Ready": "KubeletReady", "DiskPressure": "KubeletHasNoDiskPressure", "MemoryPressure": "KubeletHasSufficientMemory",
    "PIDPressure": "KubeletHasSufficientPID", "KernelDeadlock": "KernelHasNoDeadlock",
}  # fmt: skip
LARGE_FLEET_NODES = 2000


def snapshot_s(world: World) -> float:
    """Step of state snapshots: hourly, daily on fleets too large to write that."""
    return 3600.0 if len(world.shape.nodes) <= LARGE_FLEET_NODES and world.days <= 120 else 86400.0


def gpus_used(world: World) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Every change of allocated GPUs: node index, time and GPUs in use from then on, ordered by node and time."""
    jobs, c = world.jobs, world.jobs.column
    owner = np.repeat(np.arange(len(jobs)), np.diff(jobs.ptr))
    kept = c["state"][owner] != STATE["DROPPED"]
    owner, node, size = owner[kept], jobs.node[kept], np.bitwise_count(jobs.mask[kept]).astype(np.int16)
    nodes = np.concatenate([node, node])
    times = np.concatenate([c["start_s"][owner], c["end_s"][owner]])
    delta = np.concatenate([size, -size])
    order = np.lexsort((delta, times, nodes))
    nodes, times = nodes[order], times[order]
    level = np.cumsum(delta[order])
    return nodes, times, level


def write_node_states(world: World) -> None:
    """Add slurm_nodes: a row per node and snapshot, and one per change of state."""
    nodes, times, level = gpus_used(world)
    keep = (times >= 0) & (times < world.duration_s)
    ticks = np.arange(0, world.duration_s, snapshot_s(world))
    n = len(world.shape.nodes)
    spans = [s for s in world.node_states if s.start_s < world.duration_s and s.end_s > 0]
    place = {node.node_id: node.index for node in world.shape.nodes}
    edge_node = np.array([place[s.node_id] for s in spans for _ in (0, 1)], dtype=np.int64)
    edge_time = np.array([t for s in spans for t in (max(s.start_s, 0.0), s.end_s)])
    inside = edge_time < world.duration_s
    row_node = np.concatenate([np.repeat(np.arange(n), len(ticks)), nodes[keep], edge_node[inside]])
    row_time = np.concatenate([np.tile(ticks, n), times[keep], edge_time[inside]])
    snap = np.concatenate([np.ones(n * len(ticks), bool), np.zeros(int(keep.sum() + inside.sum()), bool)])
    order = np.lexsort((~snap, row_time, row_node))
    row_node, row_time, snap = row_node[order], row_time[order], snap[order]
    used = _level_at(nodes, times, level, row_node, row_time, world)
    _emit_states(world, spans, place, row_node, row_time, snap, used)


def _level_at(nodes: Any, times: Any, level: Any, row_node: Any, row_time: Any, world: World) -> NDArray[Any]:
    """GPUs in use on a node at a time, counting changes at that very time."""
    wide = world.duration_s + 4e8
    at = np.searchsorted(nodes * wide + times + 2e8, row_node * wide + row_time + 2e8, side="right") - 1
    good = (at >= 0) & (nodes[np.maximum(at, 0)] == row_node) if len(nodes) else np.zeros(len(row_node), bool)
    return np.where(good, level[np.maximum(at, 0)] if len(level) else 0, 0)


def _emit_states(
    world: World, spans: list[NodeState], place: dict[str, int], row_node: Any, row_time: Any, snap: Any, used: Any
) -> None:
    """Overlay the declared spans, drop rows that repeat the one before, and add what is left."""
    words, reasons, people = list(BASE), [""], [""]
    state = np.where(used >= 8, 2, np.where(used > 0, 1, 0)).astype(np.int16)
    reason, person = np.zeros(len(state), np.int32), np.zeros(len(state), np.int32)
    silent = np.zeros(len(state), np.int8)
    first = np.searchsorted(row_node, np.arange(len(place) + 1))
    for span in spans:
        a, b = first[place[span.node_id]], first[place[span.node_id] + 1]
        rows = slice(a + np.searchsorted(row_time[a:b], span.start_s), a + np.searchsorted(row_time[a:b], span.end_s))
        state[rows] = _code(words, span.state)
        reason[rows], person[rows] = _code(reasons, span.reason), _code(people, span.reason_user)
        silent[rows] = span.not_responding
    for now, busy, then in (("drained", True, "draining"), ("draining", False, "drained")):
        state[(state == _code(words, now)) & ((used > 0) == busy)] = _code(words, then)
    dead = np.isin(state, [_code(words, w) for w in ("down", "reboot", "inval")])
    used = np.where(dead, 0, used)
    same = np.zeros(len(state), bool)
    same[1:] = (state[1:] == state[:-1]) & (reason[1:] == reason[:-1]) & (row_node[1:] == row_node[:-1])
    keep = np.flatnonzero(snap | ~same)
    nodes = world.shape.nodes
    ids = Words(row_node[keep].astype(np.int32), [n.node_id for n in nodes])
    clusters = [c.cluster for c in world.shape.clusters]
    cluster = np.array([clusters.index(n.cluster) for n in nodes], dtype=np.int16)[row_node[keep]]
    partition = np.array([n.partition == "dev" for n in nodes], dtype=np.int8)[row_node[keep]]
    world.add(
        "slurm_nodes", ts=row_time[keep], node_id=ids, cluster=Words(cluster, clusters),
        partition=Words(partition, ["train", "dev"]),
        state=Words(state[keep], words), not_responding=silent[keep], reason=Words(reason[keep], reasons),
        reason_user=Words(person[keep], people), gpus=8, gpus_used=used[keep],
    )  # fmt: skip


def _code(words: list[str], word: str) -> int:
    if word not in words:
        words.append(word)
    return words.index(word)


def unavailable_gpus(world: World, steps: int, step_s: int) -> NDArray[np.int32]:
    """(clusters, steps) GPUs on nodes in an unusable state."""
    names = [c.cluster for c in world.shape.clusters]
    out = np.zeros((len(names), steps), dtype=np.int32)
    by_node: dict[str, list[NodeState]] = {}
    for span in world.node_states:
        by_node.setdefault(span.node_id, []).append(span)
    for node_id, spans in by_node.items():
        gone = np.zeros(steps, dtype=bool)
        for span in spans:
            a, b = (int(np.clip(np.ceil(t / step_s), 0, steps)) for t in (span.start_s, min(span.end_s, 1e12)))
            gone[a:b] = span.state in UNAVAILABLE
        out[names.index(world.shape.node(node_id).cluster)] += gone * np.int32(8)
    return out


def write_conditions(world: World) -> None:
    """Add k8s_node_conditions of clusters with Kubernetes: a row per snapshot and one per change."""
    ticks = np.arange(0, world.duration_s, snapshot_s(world))
    members = [n for n in world.shape.nodes if "kubernetes" in world.shape.cluster(n.cluster).orchestrator]
    if not members:
        return
    n, k, t = len(members), len(CONDITIONS), len(ticks)
    place = {m.node_id: i for i, m in enumerate(members)}
    spans = [s for s in world.conditions if s.node_id in place and s.condition in CONDITIONS and s.start_s < world.duration_s]
    status_words, reasons = ["True", "False", "Unknown"], [_REASON[c] for c in CONDITIONS]
    status = np.broadcast_to(np.where(np.arange(k) == 0, 0, 1)[None, :, None], (n, k, t)).astype(np.int8)
    reason = np.broadcast_to(np.arange(k, dtype=np.int32)[None, :, None], (n, k, t)).copy()
    for s in spans:
        steps = slice(np.searchsorted(ticks, s.start_s), np.searchsorted(ticks, s.end_s))
        at = (place[s.node_id], CONDITIONS.index(s.condition), steps)
        status[at], reason[at] = _code(status_words, s.status), _code(reasons, s.reason)
    ids, clusters = np.array([m.node_id for m in members], dtype=object), np.array([m.cluster for m in members], dtype=object)
    world.add(
        "k8s_node_conditions", ts=np.tile(ticks, n * k), node_id=Words(np.repeat(np.arange(n), k * t), ids.tolist()),
        cluster=Words(np.repeat(np.arange(n), k * t), clusters.tolist()),
        condition=Words(np.tile(np.repeat(np.arange(k), t), n), list(CONDITIONS)),
        status=Words(status.reshape(-1), status_words), reason=Words(reason.reshape(-1), reasons),
    )  # fmt: skip
    for s in spans:
        if s.start_s >= 0:
            world.add(
                "k8s_node_conditions", ts=s.start_s, node_id=s.node_id, condition=s.condition, status=s.status, reason=s.reason
            )
        if s.end_s < world.duration_s:
            base = "True" if s.condition == "Ready" else "False"
            world.add(
                "k8s_node_conditions",
                ts=s.end_s,
                node_id=s.node_id,
                condition=s.condition,
                status=base,
                reason=_REASON[s.condition],
            )
