from itertools import pairwise

import numpy as np
import pytest

from llo11ypop.simulator.incidents.runs import lived
from llo11ypop.simulator.jobs import STATE
from llo11ypop.simulator.simulate import build_background
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.world import World

DAY_S = 86400.0


@pytest.fixture
def world() -> World:
    return build_background(SimulationSpec(gpus=512, days=10, events_only=True, seed=3))


def overlaps(world: World) -> list[tuple[int, int]]:
    jobs, c = world.jobs, world.jobs.column
    held: dict[tuple[int, int], list[tuple[float, float, int]]] = {}
    for job in np.flatnonzero(c["state"] != STATE["DROPPED"]).tolist():
        for place in range(jobs.ptr[job], jobs.ptr[job + 1]):
            for slot in range(8):
                if jobs.mask[place] >> slot & 1:
                    key = (int(jobs.node[place]), slot)
                    held.setdefault(key, []).append((c["start_s"][job], c["end_s"][job], job))
    return [(a[2], b[2]) for spans in held.values() for a, b in pairwise(sorted(spans)) if b[0] < a[1] - 1e-6]


def test_no_two_jobs_hold_one_gpu(world: World) -> None:
    assert overlaps(world) == []


def test_small_jobs_are_many_and_cheap(world: World) -> None:
    c = world.jobs.column
    seconds = np.clip(c["end_s"], 0, world.duration_s) - np.clip(c["start_s"], 0, world.duration_s)
    time, small = seconds * c["gpus"], c["gpus"] < 8
    assert small.mean() > 0.88
    assert time[small].sum() / time.sum() < 0.12


def test_long_runs_are_multi_node_and_belong_to_jobs(world: World) -> None:
    assert 4 <= len(world.runs) <= 12
    for run in world.runs:
        assert len(run.nodes) >= 2
        for attempt in run.attempts:
            assert world.jobs.nodes_of(attempt.job) == attempt.nodes


def test_failing_ends_a_job_once(world: World) -> None:
    job = int(world.jobs.active(3 * DAY_S, min_nodes=2)[0])
    node = world.jobs.nodes_of(job)[0]
    assert world.jobs.fail(job, 3 * DAY_S, "NODE_FAIL", 1, 0, node, "gone")
    assert not world.jobs.fail(job, 4 * DAY_S)
    assert job not in world.jobs.on_node(node, 3 * DAY_S)


def test_a_requeued_run_avoids_the_bad_node_and_still_overlaps_nothing(world: World) -> None:
    run = next(r for r in world.runs if r.nodes_at(3 * DAY_S))
    job = next(a.job for a in run.attempts if a.start_s <= 3 * DAY_S < a.end_s)
    bad = world.jobs.nodes_of(job)[0]
    world.jobs.fail(job, 3 * DAY_S, "NODE_FAIL", failed_node=bad)
    again = world.requeue(job, delay_s=600, avoid=[bad])
    assert again >= 0
    assert bad not in world.jobs.nodes_of(again)
    assert run.nodes_at(3 * DAY_S + 700) == world.jobs.nodes_of(again)
    assert run.nodes_at(3 * DAY_S + 300) == []
    assert overlaps(world) == []


def test_an_attempt_that_an_earlier_failure_replaced_was_never_lived(world: World) -> None:
    run = next(r for r in world.runs if any(a.start_s <= DAY_S and a.end_s > 8 * DAY_S for a in r.attempts))
    first = next(a for a in run.attempts if a.start_s <= DAY_S and a.end_s > 8 * DAY_S)
    for at_s, bad in ((6 * DAY_S, first.nodes[0]), (2 * DAY_S, first.nodes[1])):
        world.jobs.fail(first.job, at_s, "NODE_FAIL", failed_node=bad)
        assert world.requeue(first.job, delay_s=600, avoid=[bad]) >= 0
    spans = [(a.start_s, a.end_s) for a in lived(world, run)]
    assert len(spans) == len(run.attempts) - 1
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_nothing_starts_on_an_unusable_node(world: World) -> None:
    node = world.shape.cluster("c-a").nodes[0]
    world.node_state(node, 2 * DAY_S, 8 * DAY_S, "down", reason="test")
    c = world.jobs.column
    started = [j for j in world.jobs.overlapping(node, 2 * DAY_S, 8 * DAY_S) if c["start_s"][j] >= 2 * DAY_S]
    assert started == []
    assert overlaps(world) == []


def test_the_holder_of_a_gpu_is_found(world: World) -> None:
    job = int(world.jobs.active(5 * DAY_S)[0])
    gpu = world.jobs.gpus_of(job)[0]
    assert world.jobs.on_gpu(gpu.gpu_uuid, 5 * DAY_S) == job
