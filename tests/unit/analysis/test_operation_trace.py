"""Traces with a known reason for their slowness."""

import numpy as np
import pytest

from llo11ypop.analysis.operation_trace import Blame, Operation, is_communication, judge_trace


def trace(*, workers=16, stages=4, steps=12, slow_workers=(), stage_factor=None, length=0.0, seed=1):
    rng = np.random.default_rng(seed)
    rows, clock = [], np.zeros(workers)
    for step in range(steps):
        for w in range(workers):
            stage = w * stages // workers
            size = np.exp(length * rng.standard_normal()) if length else 1.0
            for op, seconds in (("forward", 1.0), ("backward", 2.0)):
                took = seconds * size * (1 + 0.02 * rng.standard_normal())
                took *= 1.6 if w in slow_workers else 1.0
                took *= (stage_factor or {}).get(stage, 1.0)
                rows.append(Operation(str(w), str(stage), step, op, clock[w], clock[w] + took))
                clock[w] += took
        end = clock.max()
        rows += [Operation(str(w), str(w * stages // workers), step, "dp_allreduce", clock[w], end + 0.1) for w in range(workers)]
        clock[:] = end + 0.1
    return rows


def test_one_slow_worker_is_named():
    found = judge_trace(trace(slow_workers=(5,)))
    assert (found.blame, found.name) == (Blame.WORKER, "5")
    assert found.slowdown == pytest.approx(1.6, abs=0.1)
    assert found.suspects[0].share > 0.8


def test_two_slow_workers_are_both_named():
    found = judge_trace(trace(workers=32, slow_workers=(5, 20)))
    assert found.blame is Blame.WORKER
    assert set(found.name.split(", ")) == {"5", "20"}


def test_a_heavy_stage_is_not_a_bad_worker():
    found = judge_trace(trace(stage_factor={3: 1.4}))
    assert (found.blame, found.name) == (Blame.STAGE, "3")


def test_varying_lengths_are_not_a_bad_worker():
    found = judge_trace(trace(stages=1, length=0.4))
    assert found.blame is Blame.LENGTH
    assert found.length_r > 0.8


def test_an_even_job_has_nobody_to_blame():
    found = judge_trace(trace())
    assert found.blame is Blame.NOBODY
    assert not found.name


def test_waiting_for_others_is_no_work():
    assert is_communication("dp_allreduce")
    assert is_communication("P2P-Recv")
    assert not is_communication("forward-compute")


def test_too_short_a_trace_is_refused():
    with pytest.raises(ValueError, match="at least 2 and 3"):
        judge_trace(trace(steps=2))
