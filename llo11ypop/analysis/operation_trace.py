"""Name the straggler in a per-operation trace, or say that it is stage or sequence-length imbalance: what if only that were slow?

A trace has one row per operation: worker, stage, step, op, start, end. A step takes as long as its slowest worker computes. The
question asked of each suspect is what the steps would take if everything but its operations took its typical time; the share of
the slowdown that is still there is its blame (what-if analysis of "Understanding stragglers in large model training", OSDI
2025). Pure functions; times in any one unit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from llo11ypop.analysis.correlation import correlate

COMMUNICATION = (
    "send", "recv", "allreduce", "all_reduce", "reduce_scatter", "reducescatter", "allgather", "all_gather", "alltoall",
    "all_to_all", "broadcast", "barrier", "sync", "wait", "comm", "nccl",
)  # fmt: skip
"""Parts of the names of operations whose duration holds waiting for others: they say nothing about the worker that waits."""
STRAGGLES = 1.1
"""Slowdown from which a job straggles (OSDI 2025)."""
BLAME = 0.5
"""Share of the slowdown that a suspect must explain to be named (our assumption; the study asks it of the slowest 3 %)."""
FEW_WORKERS = 0.1
"""Share of the workers that may be bad before it is no longer about workers; at least one may (our assumption)."""
LENGTH_R = 0.6
"""Correlation of forward with backward times over a worker's steps that speaks for sequence length (the study uses 0.9 on
micro-batches; steps average over them, so less is asked)."""
LEAST_STEPS = 3


class Blame(StrEnum):
    """Who or what slows the job down."""

    NOBODY = "nobody"
    WORKER = "worker"
    STAGE = "stage imbalance"
    LENGTH = "sequence-length imbalance"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of a trace."""

    worker: str
    stage: str
    step: int
    op: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """One worker, stage or kind of variation, and how much of the slowdown goes with it."""

    kind: str
    """worker, stage, or length for the variation of each worker's own steps."""
    name: str
    slowdown: float
    """Its own compute time over the typical one."""
    share: float
    """Share of the job's slowdown that it alone would cause; 0 when there is no slowdown."""


@dataclass(frozen=True, slots=True)
class TraceVerdict:
    """What a trace says."""

    blame: Blame
    name: str
    """The worker (several: comma-joined) or stage; empty otherwise."""
    slowdown: float
    """Time of all steps over what they would take if every operation took its typical time."""
    suspects: tuple[Suspect, ...]
    """Most to blame first."""
    workers: int
    steps: int
    length_r: float
    """How far forward and backward times rise and fall together."""
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Times:
    """Compute time by worker, step and kind of operation; zero where a worker did not do it."""

    seconds: NDArray[np.float64]
    workers: tuple[str, ...]
    stages: tuple[str, ...]
    """Stage of each worker."""
    ops: tuple[str, ...]


def is_communication(op: str) -> bool:
    """Whether an operation's name says that it talks to other workers."""
    plain = op.lower().replace("-", "_")
    return any(part in plain for part in COMMUNICATION)


def judge_trace(operations: Sequence[Operation]) -> TraceVerdict:
    """The verdict on a trace. Raises ValueError when it has fewer than two workers or three complete steps."""
    times = _times(operations)
    actual = _duration(times.seconds)
    ideal = _duration(_typical(times, "all"))
    slowdown = actual / ideal if ideal > 0 else 1.0
    suspects = _suspects(times, actual, ideal)
    r = _forward_backward(times)
    blame, name, reasons = _verdict(slowdown, suspects, r)
    return TraceVerdict(blame, name, slowdown, tuple(suspects), len(times.workers), times.seconds.shape[1], r, tuple(reasons))


def _times(operations: Sequence[Operation]) -> _Times:
    compute = [o for o in operations if not is_communication(o.op)]
    workers = tuple(sorted({o.worker for o in compute}, key=_natural))
    steps = sorted({o.step for o in compute})
    ops = tuple(sorted({o.op for o in compute}))
    if len(workers) <= 1 or len(steps) < LEAST_STEPS:
        had = f"the trace has {len(workers)} workers and {len(steps)} steps with compute operations"
        raise ValueError(f"{had}; at least 2 and {LEAST_STEPS} are needed")
    w, s, k = ({name: i for i, name in enumerate(names)} for names in (workers, steps, ops))
    seconds = np.zeros((len(workers), len(steps), len(ops)))
    stage = dict.fromkeys(workers, "0")
    for o in compute:
        seconds[w[o.worker], s[o.step], k[o.op]] += o.end - o.start
        stage[o.worker] = o.stage
    whole = (seconds.sum(axis=2) > 0).all(axis=0)
    if int(whole.sum()) >= LEAST_STEPS:
        seconds = seconds[:, whole]
    return _Times(seconds, workers, tuple(stage[name] for name in workers), ops)


def _duration(seconds: NDArray[np.float64]) -> float:
    """Time of all steps together: each takes as long as its slowest worker."""
    return float(seconds.sum(axis=2).max(axis=0).sum())


def _typical(times: _Times, over: str) -> NDArray[np.float64]:
    """Every operation at its typical time: over all workers and steps, over the worker's own stage, or over its own steps."""
    raw = times.seconds
    done = np.where(raw > 0, raw, np.nan)
    if over == "all":
        flat = np.nanmedian(done, axis=(0, 1), keepdims=True)
        return np.where(raw > 0, np.broadcast_to(flat, raw.shape), 0.0)
    if over == "steps":
        own = _nanmean(done, 1)
        return np.where(raw > 0, np.broadcast_to(own, raw.shape), 0.0)
    out = raw.copy()
    for stage in set(times.stages):
        mine = np.array([s == stage for s in times.stages])
        part = done[mine]
        usual = np.nanmedian(part, axis=(0, 1), keepdims=True) if np.isfinite(part).any() else part
        out[mine] = np.where(raw[mine] > 0, np.broadcast_to(usual, part.shape), 0.0)
    return np.nan_to_num(out)


def _nanmean(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=axis, keepdims=True), 1)
    return np.asarray(np.where(known, values, 0.0).sum(axis=axis, keepdims=True) / count, dtype=np.float64)


def _suspects(times: _Times, actual: float, ideal: float) -> list[Suspect]:
    excess = actual - ideal
    within, overall = _typical(times, "stage"), _typical(times, "all")
    found = [*_workers(times, within, excess), *_stages(times, within, overall, excess)]
    evened = (actual - _duration(_typical(times, "steps"))) / excess if excess > 0 else 0.0
    return sorted([*found, Suspect("length", "", 1.0, evened)], key=lambda s: (-s.share, -s.slowdown))


def _workers(times: _Times, within: NDArray[np.float64], excess: float) -> list[Suspect]:
    """Each worker as it was, all others as their stage typically is."""
    base, found = _duration(within), []
    for index, worker in enumerate(times.workers):
        alone = within.copy()
        alone[index] = times.seconds[index]
        share = (_duration(alone) - base) / excess if excess > 0 else 0.0
        found.append(Suspect("worker", worker, _over(times.seconds[index].sum(), within[index].sum()), share))
    return found


def _stages(times: _Times, within: NDArray[np.float64], overall: NDArray[np.float64], excess: float) -> list[Suspect]:
    """Each stage as it typically is, all others as workers typically are."""
    base, found = _duration(overall), []
    names = sorted(set(times.stages), key=_natural)
    for stage in names if len(names) > 1 else ():
        mine = np.array([s == stage for s in times.stages])
        alone = overall.copy()
        alone[mine] = within[mine]
        share = (_duration(alone) - base) / excess if excess > 0 else 0.0
        found.append(Suspect("stage", stage, _over(within[mine].sum(), overall[mine].sum()), share))
    return found


def _verdict(slowdown: float, suspects: list[Suspect], length_r: float) -> tuple[Blame, str, list[str]]:
    if slowdown < STRAGGLES:
        return Blame.NOBODY, "", [f"steps take {slowdown:.2f} times what they would with typical operations, under {STRAGGLES}"]
    workers = [s for s in suspects if s.kind == "worker"]
    bad = [s for s in workers if s.share >= BLAME and s.slowdown >= STRAGGLES]
    stage = next((s for s in suspects if s.kind == "stage"), None)
    length = next(s for s in suspects if s.kind == "length")
    if bad and len(bad) <= max(1, int(FEW_WORKERS * len(workers))) and (stage is None or bad[0].share >= stage.share):
        return Blame.WORKER, ", ".join(s.name for s in bad), [_worker_line(s) for s in bad]
    if stage is not None and stage.share >= max(BLAME, length.share):
        why = f"its workers compute {stage.slowdown:.2f} times as long as typical: the model is cut unevenly, no worker is bad"
        return Blame.STAGE, stage.name, [f"stage {stage.name} alone would cause {stage.share:.0%} of the slowdown", why]
    if length.share >= BLAME and length_r >= LENGTH_R:
        evened = f"evening out each worker's own steps takes away {length.share:.0%} of the slowdown, and no single worker does"
        return Blame.LENGTH, "", [evened, f"forward and backward times rise and fall together (r = {length_r:.2f})"]
    return Blame.UNCLEAR, "", ["no few workers, no stage and no variation of length explain half of the slowdown"]


def _worker_line(worker: Suspect) -> str:
    alone = f"worker {worker.name} alone would cause {worker.share:.0%} of the slowdown"
    return f"{alone}: it computes {worker.slowdown:.2f} times as long as its stage typically does"


def _forward_backward(times: _Times) -> float:
    """Rank correlation of forward and backward times over workers and steps, each worker about its own mean; 0 when unknown."""
    forward = np.array(["forward" in o.lower() or o.lower().startswith("fw") or o.lower() == "f" for o in times.ops])
    backward = np.array(["backward" in o.lower() or o.lower().startswith("bw") or o.lower() == "b" for o in times.ops])
    if not forward.any() or not backward.any():
        return 0.0
    f, b = times.seconds[:, :, forward].sum(axis=2), times.seconds[:, :, backward].sum(axis=2)
    related = correlate((f - f.mean(axis=1, keepdims=True)).ravel(), (b - b.mean(axis=1, keepdims=True)).ravel())
    return related.r if related else 0.0


def _over(value: float, usual: float) -> float:
    return float(value / usual) if usual > 0 else math.inf


def _natural(name: str) -> tuple[int, int, str]:
    return (0, int(name), "") if name.isdigit() else (1, 0, name)
