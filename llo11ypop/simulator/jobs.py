"""Every Slurm job of the fleet as columns, and what faults may do to a job: fail it, requeue it, drop it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.shape import FleetShape, Gpu

STATES = [
    "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REQUEUED",
    "BOOT_FAIL", "DEADLINE", "REVOKED", "RUNNING", "DROPPED",
]  # fmt: skip
"""Slurm's final states; RUNNING at the world's end and DROPPED (never started) are not written."""
STATE = {name: i for i, name in enumerate(STATES)}

COLUMNS: dict[str, Any] = {
    "job_id": np.int64, "cluster": np.int16, "user": np.int32, "name": np.int32, "partition": np.int8,
    "array_job_id": np.int64, "submit_s": np.float64, "eligible_s": np.float64, "start_s": np.float64,
    "end_s": np.float64, "planned_end_s": np.float64, "limit_s": np.float64, "gpus": np.int32,
    "n_nodes": np.int32, "state": np.int8, "exit_code": np.int16, "exit_signal": np.int16,
    "failed_node": np.int32, "restarts": np.int16, "reason": np.int32, "run": np.int32, "qos": np.int8,
}  # fmt: skip
"""One array per column; words are codes into `JobTable.words`, `run` and `failed_node` are -1 for none."""

EndHook = Callable[[int, float, float], None]
NodeHook = Callable[[int, float, float, int], None]


class JobTable:
    """All jobs. A job is its index in the arrays; times are seconds since the world's start.

    `column[name]` is one numpy array per entry of COLUMNS. `users[i]` has an account `accounts[i]`.
    A job holds GPUs: places `ptr[j]:ptr[j+1]` of `node` (node index) and `mask` (bit per slot).
    """

    def __init__(
        self, shape: FleetShape, column: dict[str, NDArray[Any]], ptr: NDArray[Any], node: NDArray[Any], mask: NDArray[Any]
    ) -> None:
        self.shape = shape
        self.column = column
        self.ptr, self.node, self.mask = ptr, node, mask
        self.users: list[str] = []
        self.accounts: list[str] = []
        self.names: list[str] = [""]
        self.reasons: list[str] = [""]
        self.hooks: list[EndHook] = []
        self.start_hooks: list[EndHook] = []
        self.leave_hooks: list[NodeHook] = []
        self.arrive_hooks: list[NodeHook] = []
        self._by_node: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._later: dict[int, list[int]] = {}
        self._room: dict[str, NDArray[Any]] = {}
        self._left: dict[int, set[int]] = {}

    def __len__(self) -> int:
        """Number of jobs, dropped ones included."""
        return len(self.column["job_id"])

    # ---- looking up -------------------------------------------------------------------------------------------
    def _places(self, node: int) -> NDArray[Any]:
        """Job indices that ever hold GPUs of a node."""
        if self._by_node is None:
            owner = np.repeat(np.arange(len(self.ptr) - 1), np.diff(self.ptr))
            order = np.argsort(self.node, kind="stable")
            cuts = np.searchsorted(self.node[order], np.arange(len(self.shape.nodes) + 1))
            self._by_node = owner[order], cuts
        owner, cuts = self._by_node
        first = owner[cuts[node] : cuts[node + 1]]
        if node in self._later:
            first = np.concatenate([first, np.array(self._later[node], dtype=first.dtype)])
        if self._left.get(node):
            first = first[~np.isin(first, list(self._left[node]))]
        return np.asarray(first)

    def overlapping(self, node_id: str, start_s: float, end_s: float) -> NDArray[Any]:
        """Jobs that run on a node at some time of [start, end)."""
        jobs = self._places(self.shape.node(node_id).index)
        c = self.column
        keep = (c["start_s"][jobs] < end_s) & (c["end_s"][jobs] > start_s) & (c["state"][jobs] != STATE["DROPPED"])
        return np.asarray(jobs[keep])

    def on_node(self, node_id: str, t_s: float) -> NDArray[Any]:
        """Jobs that run on a node at an instant."""
        return self.overlapping(node_id, t_s, np.nextafter(t_s, np.inf))

    def on_gpu(self, gpu_uuid: str, t_s: float) -> int:
        """The job that holds a GPU at an instant, or -1."""
        gpu = self.shape.gpu(gpu_uuid)
        for job in self.on_node(gpu.node_id, t_s):
            if self.mask_on(int(job), self.shape.node(gpu.node_id).index) >> gpu.slot & 1:
                return int(job)
        return -1

    def active(self, t_s: float, *, cluster: str = "", min_nodes: int = 0) -> NDArray[Any]:
        """Jobs that run at an instant, at least so many nodes large."""
        c = self.column
        keep = (c["start_s"] <= t_s) & (c["end_s"] > t_s) & (c["state"] != STATE["DROPPED"]) & (c["n_nodes"] >= min_nodes)
        if cluster:
            keep &= c["cluster"] == [k.cluster for k in self.shape.clusters].index(cluster)
        return np.flatnonzero(keep)

    def id_of(self, job: int) -> int:
        """Slurm's job id."""
        return int(self.column["job_id"][job])

    def user_of(self, job: int) -> str:
        """The owner."""
        return self.users[int(self.column["user"][job])]

    def start_of(self, job: int) -> float:
        """Start, seconds since the world's start."""
        return float(self.column["start_s"][job])

    def end_of(self, job: int) -> float:
        """End, seconds since the world's start."""
        return float(self.column["end_s"][job])

    def nodes_of(self, job: int) -> list[str]:
        """Node ids of a job."""
        return [self.shape.nodes[i].node_id for i in self.node[self.ptr[job] : self.ptr[job + 1]]]

    def gpus_of(self, job: int) -> list[Gpu]:
        """GPUs of a job."""
        places = range(int(self.ptr[job]), int(self.ptr[job + 1]))
        return [self.shape.gpus[int(self.node[p]) * 8 + s] for p in places for s in range(8) if self.mask[p] >> s & 1]

    def mask_on(self, job: int, node: int) -> int:
        """Bits of the slots a job holds on a node (by node index)."""
        places = slice(int(self.ptr[job]), int(self.ptr[job + 1]))
        return int(np.bitwise_or.reduce(self.mask[places][self.node[places] == node], initial=0))

    # ---- what happens to jobs ---------------------------------------------------------------------------------
    def fail(
        self,
        job: int,
        at_s: float,
        state: str = "FAILED",
        exit_code: int = 1,
        exit_signal: int = 0,
        failed_node: str = "",
        reason: str = "",
    ) -> bool:
        """End a job early. False when it does not run at that instant (nothing changes)."""
        c = self.column
        old_end = float(c["end_s"][job])
        if not c["start_s"][job] <= at_s < old_end or c["state"][job] == STATE["DROPPED"]:
            return False
        c["end_s"][job], c["state"][job] = at_s, STATE[state]
        c["exit_code"][job], c["exit_signal"][job] = exit_code, exit_signal
        c["failed_node"][job] = self.shape.node(failed_node).index if failed_node else -1
        c["reason"][job] = self._reason(reason)
        for hook in self.hooks:
            hook(job, at_s, old_end)
        return True

    def drop(self, job: int) -> None:
        """Take away a job that never ran."""
        c = self.column
        start, end = float(c["start_s"][job]), float(c["end_s"][job])
        c["state"][job] = STATE["DROPPED"]
        for hook in self.hooks:
            hook(job, start, end)

    def append(self, like: int, start_s: float, end_s: float, nodes: list[int], mask: NDArray[Any]) -> int:
        """Add a copy of a job as its next attempt on these nodes (indices); returns the new job."""
        c, new = self.column, len(self)
        for name in COLUMNS:
            c[name] = self._grown(name, c[name], c[name][like : like + 1])
        c["job_id"][new] = int(c["job_id"][:new].max()) + 1
        c["submit_s"][new] = c["eligible_s"][new] = c["end_s"][like]
        c["start_s"][new], c["end_s"][new] = start_s, end_s
        c["restarts"][new] += 1
        c["state"][new] = self.planned_state(like)
        c["exit_code"][new] = c["exit_signal"][new] = c["reason"][new] = 0
        c["failed_node"][new] = -1
        self.ptr = self._grown("ptr", self.ptr, self.ptr[-1:] + len(nodes))
        self.node = self._grown("node", self.node, np.asarray(nodes))
        self.mask = self._grown("mask", self.mask, mask)
        for node in nodes:
            self._later.setdefault(node, []).append(new)
        return new

    def _grown(self, name: str, old: NDArray[Any], tail: NDArray[Any]) -> NDArray[Any]:
        """The array with a tail, in storage that has room for more: a million jobs are not copied per restart."""
        size = len(old) + len(tail)
        room = self._room.get(name)
        if room is None or len(room) < size or old.base is not room:
            room = np.empty(size + size // 8 + 64, dtype=old.dtype)
            room[: len(old)] = old
            self._room[name] = room
        room[len(old) : size] = tail
        return room[:size]

    def move(self, job: int, old: int, new: int) -> None:
        """Let a job that has not started use another node (indices) instead of one of its own."""
        places = np.arange(int(self.ptr[job]), int(self.ptr[job + 1]))
        self.node[places[self.node[places] == old]] = new
        self._left.setdefault(old, set()).add(job)
        if job in self._left.get(new, ()):
            self._left[new].discard(job)
        else:
            self._later.setdefault(new, []).append(job)

    def planned_state(self, job: int) -> int:
        """How a restarted job ends when nothing else happens."""
        return STATE["COMPLETED"] if self.column["run"][job] < 0 else STATE["CANCELLED"]

    def postpone(self, job: int, start_s: float) -> None:
        """Let a job that has not started wait until `start_s`; its end stays, so it overlaps nothing new."""
        before = float(self.column["start_s"][job])
        self.column["start_s"][job] = start_s
        for hook in self.hooks:
            hook(job, before, start_s)

    def _reason(self, text: str) -> int:
        if text not in self.reasons:
            self.reasons.append(text)
        return self.reasons.index(text)
