"""The simulated world: the seam between background telemetry and the faults that are painted on it.

Background modules fill `grids`, `jobs` and `runs`; incidents change them through the methods below; the writer
turns what is left into tables. Every time is seconds since `start_at` until it is written.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.jobs import JobTable
from llo11ypop.simulator.runs import Run
from llo11ypop.simulator.shape import FleetShape

UNAVAILABLE = frozenset({"down", "drained", "draining", "fail", "failing", "inval", "reboot", "maint", "unknown"})
"""Slurm node states in which nothing new starts."""


class NodeState(NamedTuple):
    """A span of the Slurm state of a node that overrides what its jobs say."""

    node_id: str
    start_s: float
    end_s: float
    state: str
    reason: str
    not_responding: bool
    reason_user: str


class Condition(NamedTuple):
    """A span of a Kubernetes node condition."""

    node_id: str
    start_s: float
    end_s: float
    condition: str
    status: str
    reason: str


class Silence(NamedTuple):
    """A span in which a dataset has no rows of some entities."""

    dataset: str
    entities: frozenset[str]
    start_s: float
    end_s: float


@dataclass
class World:
    """Everything that happened, before it is written. Effects must tolerate a missing grid (events-only worlds)."""

    shape: FleetShape
    start_at: datetime
    days: float
    seed: int
    profile: str
    events_only: bool
    acceleration: float
    jobs: JobTable
    quiet: bool = False
    scenario: Path | None = None
    runs: list[Run] = field(default_factory=list)
    grids: dict[str, Grid] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    node_states: list[NodeState] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    details: list[tuple[str, float]] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    drivers: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    _states_of: dict[str, list[NodeState]] = field(default_factory=lambda: defaultdict(list))
    memo: dict[str, Any] = field(default_factory=dict)
    """What background modules would otherwise compute for every change again."""
    _hidden: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    _serial: int = 0

    @property
    def duration_s(self) -> float:
        """Length of the world in seconds."""
        return self.days * 86400.0

    def steps(self, step_s: float) -> int:
        """Steps of a regular dataset whose timestamp lies inside the world."""
        return int(np.ceil(self.duration_s / step_s - 1e-9))

    @property
    def run_steps(self) -> Grid | None:
        """The training_steps grid, one entity per run; None in events-only worlds."""
        return self.grid("training_steps")

    def grid(self, dataset: str) -> Grid | None:
        """The matrices of a metric dataset, or None where this world has none (events-only, profile)."""
        return self.grids.get(dataset)

    def at(self, t_s: float) -> datetime:
        """Seconds since the start as an aware instant."""
        return self.start_at + timedelta(seconds=float(t_s))

    def rng(self, *key: object) -> np.random.Generator:
        """A generator derived from the seed and a key: same key, same stream, whatever the order of calls."""
        text = "\x1f".join(str(part) for part in (self.seed, *key))
        return np.random.Generator(
            np.random.PCG64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big"))
        )

    def add(self, dataset: str, **columns: Any) -> None:
        """Add event rows; scalars broadcast against arrays.

        Timestamp fields are float seconds since the start (NaN = empty). Filled when left out: cluster (from
        node_id), gpu_index, pci, job_id and user of gpu_events (from gpu_uuid and ts). Others: '' or NULL.
        """
        self.events[dataset].append(columns)

    def silence(self, dataset: str, entities: Iterable[str], start_s: float, end_s: float) -> None:
        """No rows from these entities in [start, end). A node stands for its GPUs, sensors and ports.

        Event rows added before the call vanish too; rows added later stay.
        """
        wanted = frozenset([entities] if isinstance(entities, str) else entities)
        self.silences.append(Silence(dataset, wanted, start_s, end_s))
        grid = self.grid(dataset)
        if grid is not None:
            grid.hide(grid.rows(wanted), grid.span(start_s, end_s))
            return
        for chunk in self.events[dataset]:
            self._hide_rows(chunk, wanted, start_s, end_s)

    def _hide_rows(self, chunk: dict[str, Any], entities: frozenset[str], start_s: float, end_s: float) -> None:
        """Mark rows of a chunk that were never delivered; `drop_hidden` takes them out."""
        stamp = next((name for name in ("ts", "end_at", "started_at", "start_at") if name in chunk), "")
        size = rows_of(chunk)
        times = np.broadcast_to(np.asarray(chunk.get(stamp, np.nan), dtype=float), (size,))
        gone = np.flatnonzero((times >= start_s) & (times < end_s))
        hit = np.zeros(len(gone), dtype=bool)
        for name in ("node_id", "gpu_uuid", "cluster", "run_id") if len(gone) else ():
            if name in chunk:
                values = np.broadcast_to(np.asarray(chunk[name], dtype=object), (size,))[gone]
                hit |= np.fromiter((v in entities for v in values), dtype=bool, count=len(gone))
        if hit.any():
            self._hidden.setdefault(id(chunk), np.zeros(size, dtype=bool))[gone[hit]] = True

    def drop_hidden(self) -> None:
        """Take out the event rows that a silence swallowed. Called once, when the books are closed."""
        for dataset, chunks in self.events.items():
            if any(id(c) in self._hidden for c in chunks):
                self.events[dataset] = [_kept(c, ~self._hidden[id(c)]) if id(c) in self._hidden else c for c in chunks]
        self._hidden.clear()

    def node_state(
        self,
        node_id: str,
        start_s: float,
        end_s: float,
        state: str,
        *,
        reason: str = "",
        not_responding: bool = False,
        reason_user: str = "slurm",
    ) -> None:
        """Override the Slurm state of a node; later calls win.

        Jobs that would start there meanwhile move when they are larger than a node and another one can be
        had, wait for its return when that leaves them time, and never run otherwise. Jobs that already run stay
        (a drain lets them finish): end them with `jobs.fail`.
        """
        span = NodeState(node_id, start_s, end_s, state, reason, not_responding, reason_user)
        self.node_states.append(span)
        self._states_of[node_id].append(span)
        if state in UNAVAILABLE:
            from llo11ypop.simulator.requeue import make_way

            for job in self.jobs.overlapping(node_id, start_s, end_s):
                if self.jobs.column["start_s"][job] >= start_s:
                    make_way(self, int(job), node_id, end_s)

    def is_down(self, node_id: str, at_s: float) -> bool:
        """Whether nothing can start on a node at an instant."""
        spans = self._states_of[node_id]
        return any(s.start_s <= at_s < s.end_s and s.state in UNAVAILABLE for s in spans)

    def condition(self, node_id: str, start_s: float, end_s: float, condition: str, status: str, reason: str) -> None:
        """Override a Kubernetes node condition; ignored on clusters without Kubernetes."""
        self.conditions.append(Condition(node_id, start_s, end_s, condition, status, reason))

    def set_driver(self, node_ids: Iterable[str], at_s: float, version: str) -> None:
        """Nodes run another driver from an instant on: gpu_metrics.driver and a new interval in inventory_nodes."""
        for node_id in node_ids:
            self.drivers[node_id].append((at_s, version))
        grid = self.grid("gpu_metrics")
        if grid is not None:
            grid.put("driver", grid.rows(node_ids), grid.span(at_s, np.inf), version)

    def remediate(
        self,
        node_id: str,
        at_s: float,
        action: str,
        *,
        gpu_uuid: str = "",
        result: str = "ok",
        actor: str = "sre",
        ticket_id: str = "",
    ) -> None:
        """Record what somebody did to a node."""
        self.add(
            "remediations",
            ts=at_s,
            node_id=node_id,
            gpu_uuid=gpu_uuid,
            action=action,
            result=result,
            actor=actor,
            ticket_id=ticket_id,
        )

    def maintenance(
        self,
        scope_level: str,
        scope_id: str,
        start_s: float,
        end_s: float,
        kind: str,
        *,
        announced_s: float | None = None,
        description: str = "",
        cluster: str = "",
        window_id: str = "",
    ) -> str:
        """Enter planned work in the calendar (a day ahead unless told); returns the window's id."""
        self._serial += 1
        window = window_id or f"CHG-{4100 + self._serial}"
        announced = start_s - 86400.0 if announced_s is None else announced_s
        self.add(
            "maintenance_windows",
            start_at=start_s, end_at=end_s, announced_at=announced, window_id=window, cluster=cluster,
            scope_level=scope_level, scope_id=scope_id, kind=kind, description=description or kind.replace("_", " "),
        )  # fmt: skip
        return window

    def detail(self, level: str, entity: str, at_s: float) -> None:
        """Keep one-minute GPU rows of an entity's nodes from two hours before to two hours after an instant."""
        self.details += [(node_id, at_s) for node_id in self.shape.nodes_in(level, entity)]

    def requeue(self, job: int, *, delay_s: float = 600.0, avoid: Iterable[str] = ()) -> int:
        """Start an ended job again after a delay, on its old nodes except those to avoid; -1 when it cannot.

        A replacement comes from the same cluster; small jobs there are preempted. A run gains an attempt.
        """
        from llo11ypop.simulator.requeue import requeue

        return requeue(self, job, delay_s=delay_s, avoid=frozenset(avoid))


def rows_of(chunk: dict[str, Any]) -> int:
    """Rows of an event chunk: the length of its arrays, or one when all are scalars."""
    return max((len(v) for v in chunk.values() if isinstance(v, (np.ndarray, list)) and np.ndim(v)), default=1)


def _kept(chunk: dict[str, Any], keep: NDArray[np.bool_]) -> dict[str, Any]:
    """Some rows of an event chunk."""
    return {name: np.broadcast_to(np.asarray(v), (len(keep),))[keep] for name, v in chunk.items()}
