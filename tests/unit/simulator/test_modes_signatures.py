from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from llo11ypop.core.vocabulary import Action, Level, Queue, Severity
from llo11ypop.simulator.incidents.kinds import KINDS
from llo11ypop.simulator.incidents.registry import WRITERS
from llo11ypop.simulator.simulate import finish
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World
from tests.unit.simulator.incident_worlds import HOUR_S, START_S, during, placed, present, rows_of, small_world

LONG_H = {"F5": 40, "F32": 30, "F36": 48, "F37": 60}


def node(t: Truth) -> str:
    return t.entities["node"][0]


def codes(w: World, t: Truth) -> set[int]:
    return {r["code"] for r in rows_of(w, "gpu_events", node_id=node(t))}


def rise(w: World, table: str, column: str, entity: str, at_h: float = 0.0, span_h: float = 5) -> float:
    block = during(w, table, column, entity, at_h, span_h)
    return float(np.nanmax(block[:, -1] - block[:, 0]))


def fan_health(w: World, t: Truth) -> bool:
    fans = [f"{node(t)}/fan{i + 1}" for i in range(8)]
    stopped = [f for f in fans if (during(w, "node_hw", "reading", f, 1) < 3000).all()]
    others = [
        during(w, "node_hw", "reading", f, 1).mean() / during(w, "node_hw", "reading", f, -2).mean()
        for f in fans
        if f not in stopped
    ]
    return len(stopped) == 1 and min(others) > 1.05


def f38_quiet(w: World, t: Truth) -> bool:
    gone = not present(w, "gpu_metrics", node(t), 1).any()
    block = during(w, "gpu_metrics", "gpu_temp_c", node(t), 1)
    return gone or bool((block > 1e6).all()) or bool((block == block[:, :1]).all())


def f22_degraded(w: World, t: Truth) -> bool:
    port = t.entity_id
    rate, width = during(w, "fabric_ports", "rate_gbps", port, 1), during(w, "fabric_ports", "pcie_width", port, 1)
    gid = during(w, "fabric_ports", "gid", port, 1)
    gone = not present(w, "fabric_ports", port, 1).any()
    return bool((rate < 400).all() or (width < 16).all() or (gid == 0).all() or gone)


def f20_down(w: World, t: Truth) -> bool:
    return rise(w, "fabric_ports", "link_downed_total", t.entity_id, -0.5, 6.4) >= 1


def f8_errors(w: World, t: Truth) -> bool:
    return bool(codes(w, t) & {74, 145, 149}) and rise(w, "gpu_metrics", "nvlink_replay_error_total", t.entity_id, -0.2, 6) > 2


def f15_env(w: World, t: Truth) -> bool:
    wet = during(w, "facility_env", "humidity_pct", t.entity_id, 2)
    leak = during(w, "facility_env", "leak_state", t.entity_id, 2)
    return bool((leak == 2).all() or (wet > 80).all() or (wet < 20).all())


def f28_drained(w: World, t: Truth) -> bool:
    return any(s.node_id == node(t) and s.state == "drained" and s.start_s < START_S + 200 for s in w.node_states)


def f31_slow(w: World, t: Truth) -> bool:
    run = t.entities["run"][0]
    slower = (
        during(w, "training_steps", "step_time_s", run, 1).mean() / during(w, "training_steps", "step_time_s", run, -2).mean()
    )
    mine = during(w, "training_steps", "slowest_rank", run, 1)
    return slower > 1.1 and len(np.unique(mine)) == 1 and not codes(w, t)


SIGNATURES: dict[str, Callable[[World, Truth], bool]] = {
    "F1": lambda w, t: (
        79 in codes(w, t)
        and not present(w, "gpu_metrics", t.entity_id, 0.5).any()
        and present(w, "gpu_metrics", node(t), -1).all()
    ),
    "F2": lambda w, t: (
        bool(codes(w, t) & {48, 171})
        and 63 in codes(w, t)
        and (during(w, "gpu_metrics", "remap_pending", t.entity_id, 1) == 1).all()
    ),
    "F3": lambda w, t: codes(w, t) == {95} and len(rows_of(w, "gpu_events", code=95)) > 1,
    "F4": lambda w, t: 64 in codes(w, t) and (during(w, "gpu_metrics", "remap_failed", t.entity_id, 1) == 1).all(),
    "F5": lambda w, t: rise(w, "gpu_metrics", "remap_correctable_total", t.entity_id, 0, 24) >= 8 and not codes(w, t),
    "F6": lambda w, t: bool(codes(w, t) & {140, 172}) and rise(w, "gpu_metrics", "remap_uncorrectable_total", t.entity_id) == 0,
    "F7": lambda w, t: (
        bool(codes(w, t) & {119, 120}) and len(np.unique(during(w, "gpu_metrics", "gpu_util_pct", t.entity_id, 0.1, 0.15))) == 1
    ),
    "F8": f8_errors,
    "F9": lambda w, t: any(r["kind"] == "sxid" and r["severity"] == "Fatal" for r in rows_of(w, "gpu_events", node_id=node(t))),
    "F10": lambda w, t: (during(w, "gpu_metrics", "pcie_link_width", t.entity_id, 1) < 16).all(),
    "F11": lambda w, t: (
        not present(w, "gpu_metrics", node(t), 1).any() and bool(rows_of(w, "health_checks", check_name="nvidia_smi", result=2))
    ),
    "F12": lambda w, t: present(w, "gpu_metrics", node(t), 1).all(axis=1).sum() == 7,
    "F13": lambda w, t: (
        during(w, "gpu_metrics", "gpu_temp_c", t.entity_id, 4).mean() - during(w, "gpu_metrics", "gpu_temp_c", node(t), 4).mean()
        > 7
    ),
    "F14": lambda w, t: (
        during(w, "facility_env", "inlet_c", t.entity_id, 1).mean() - during(w, "facility_env", "inlet_c", t.entity_id, -2).mean()
        > 5
    ),
    "F15": f15_env,
    "F16": fan_health,
    "F17": lambda w, t: sum((during(w, "node_hw", "health", f"{node(t)}/psu{i}", 1) == 2).all() for i in (1, 2, 3, 4)) == 1,
    "F18": lambda w, t: (during(w, "gpu_metrics", "clock_event_reasons", node(t), 1).astype(int) & 0x80 > 0).all(),
    "F19": lambda w, t: (
        during(w, "facility_power", "power_max_w", "c-a-r01/A", 1).sum()
        > 1.8 * during(w, "facility_power", "power_min_w", "c-a-r01/A", 1).sum()
    ),
    "F20": f20_down,
    "F21": lambda w, t: all((during(w, "fabric_ports", "port_state", p, 1) == 2).all() for p in t.entities["port"]),
    "F22": f22_degraded,
    "F23": lambda w, t: (
        during(w, "net_probe", "rtt_p99_us", node(t), 1).mean() > 2 * during(w, "net_probe", "rtt_p99_us", node(t), -2).mean()
    ),
    "F24": lambda w, t: during(w, "fs_metrics", "rpc_queue_ms", "c-a//scratch/c-a-scratch-oss1", 1).min() > 10,
    "F25": lambda w, t: bool(rows_of(w, "health_checks", node_id=node(t), check_name="disk", result=2)),
    "F26": lambda w, t: any("Hardware Error" in r["message"] for r in rows_of(w, "syslog", node_id=node(t))),
    "F27": lambda w, t: (
        not present(w, "gpu_metrics", node(t), 1).any() and present(w, "node_hw", f"{node(t)}/inlet", 1).mean() > 0.5
    ),
    "F28": f28_drained,
    "F29": lambda w, t: len(rows_of(w, "slurm_config_changes")) == 1 and any("slurm_queue" == e.table for e in t.evidence),
    "F30": lambda w, t: len([e for e in t.evidence if e.table == "slurm_jobs"]) >= 1,
    "F31": f31_slow,
    "F32": lambda w, t: bool(rows_of(w, "training_evals", node_id=node(t), mismatch=1)) and not codes(w, t),
    "F33": lambda w, t: (
        np.nanmax(during(w, "training_steps", "grad_norm", t.entity_id, 0))
        > 10 * np.nanmedian(during(w, "training_steps", "grad_norm", t.entity_id, -3))
    ),
    "F34": lambda w, t: (
        not present(w, "training_steps", t.entities["run"][0], 0, 0.19).any()
        and (during(w, "gpu_metrics", "gpu_util_pct", t.entities["node"][0], 0, 0.19) == 100).all()
    ),
    "F35": lambda w, t: len([e for e in t.evidence if e.table == "checkpoints"]) >= 1,
    "F36": lambda w, t: (
        {r["node_id"] for r in rows_of(w, "gpu_events", code=119)} <= set(t.entities["node"]) and len(w.drivers) == 3
    ),
    "F37": lambda w, t: len(rows_of(w, "user_exclusions", node_id=node(t))) >= 1,
    "F38": f38_quiet,
}


def write(mode: str, seed: int = 3) -> tuple[World, Truth]:
    world = small_world(seed=seed, days=4 if mode in LONG_H else 2.5)
    nodes = tuple(world.shape.cluster("c-a").nodes[:3]) if mode == "F36" else ()
    truth = WRITERS[mode](world, placed(world, KINDS[mode].level, hours=LONG_H.get(mode, 6), nodes=nodes))
    return world, truth


@pytest.mark.parametrize("mode", sorted(KINDS, key=lambda m: int(m[1:])))
def test_mode_leaves_its_decisive_signature_and_a_true_record(mode: str) -> None:
    world, truth = write(mode)
    assert SIGNATURES[mode](world, truth)
    assert truth.expected_ticket
    assert truth.first_seen_at is not None
    assert truth.first_seen_at >= truth.start_at
    assert truth.exported_evidence("full")
    finish(world)


@pytest.mark.parametrize("mode", sorted(KINDS, key=lambda m: int(m[1:])))
def test_mode_record_uses_the_closed_lists(mode: str) -> None:
    _, truth = write(mode, seed=4)
    assert Queue(truth.queue)
    assert Severity(truth.severity_min)
    assert Level(truth.entity_level)
    assert {Action(a) for a in (*truth.acceptable_actions, *truth.forbidden_actions, truth.expected_action)}
    assert truth.expected_action in truth.acceptable_actions
    assert not set(truth.acceptable_actions) & set(truth.forbidden_actions)


@pytest.mark.parametrize("mode", ["F2", "F16", "F20", "F24", "F31"])
def test_mode_is_written_the_same_twice(mode: str) -> None:
    (one, first), (two, second) = write(mode), write(mode)
    assert first == second
    for name, grid in one.grids.items():
        for column, matrix in grid.columns.items():
            if column not in ("mfu", "tokens_per_s"):
                np.testing.assert_array_equal(matrix, two.grids[name].columns[column])


def test_siblings_go_on_when_a_gpu_falls_off_the_bus() -> None:
    world, truth = write("F1")
    others = [g for g in world.shape.node(node(truth)).gpus if g != truth.entity_id]
    assert all(present(world, "gpu_metrics", g, 1).all() for g in others)


def test_a_run_that_is_moved_leaves_its_straggler_behind() -> None:
    world = small_world(days=2.5)
    later: list[Callable[[], None]] = []
    truth = WRITERS["F31"](world, replace(placed(world, "gpu"), later=later))
    run = world.runs[0]
    attempt = run.attempt_at(START_S + 2 * HOUR_S)
    assert attempt is not None
    bad = node(truth)
    world.jobs.fail(attempt.job, START_S + 2 * HOUR_S, "NODE_FAIL", failed_node=bad)
    assert world.requeue(attempt.job, delay_s=600, avoid=[bad]) >= 0
    assert bad not in run.nodes_at(START_S + 3 * HOUR_S)
    for stroke in later:
        stroke()
    rank = during(world, "training_steps", "slowest_rank", run.run_id, 0.5)[0]
    assert len(set(rank)) == 1
    assert len(set(during(world, "training_steps", "slowest_rank", run.run_id, 3)[0])) > 1
    slow, fast = (during(world, "training_steps", c, run.run_id, 3)[0].mean() for c in ("rank_max_step_s", "rank_min_step_s"))
    assert slow < 1.1 * fast


def test_symptoms_end_at_the_repair() -> None:
    world, truth = write("F2")
    assert truth.repaired_at is not None
    assert (during(world, "gpu_metrics", "remap_pending", truth.entity_id, 6.2) == 0).all()
    assert (during(world, "gpu_metrics", "xid_last", truth.entity_id, 6.2) == 0).all()


def test_upper_rack_units_warm_first_when_cooling_is_lost() -> None:
    (world, truth), before = write("F14"), small_world(days=2.5)
    by_unit = sorted(truth.entities["node"], key=lambda n: world.shape.node(n).rack_unit)
    warm = []
    for name in by_unit:
        delta = during(world, "gpu_metrics", "gpu_temp_c", name, 0, 2) - during(before, "gpu_metrics", "gpu_temp_c", name, 0, 2)
        warm.append(int(np.argmax(delta.mean(axis=0) >= 3)))
    assert warm == sorted(warm, reverse=True)
    assert warm[0] > warm[-1] > 0


def test_creep_is_observable_only_once_established() -> None:
    _, truth = write("F5")
    assert truth.first_seen_at is not None
    assert (truth.first_seen_at - truth.start_at).total_seconds() > HOUR_S


def test_flapping_counts_from_the_third_flap() -> None:
    from llo11ypop.simulator.incidents.case import Case
    from llo11ypop.simulator.incidents.network import flap

    world = small_world()
    case = Case(world, placed(world, "port", hours=12), "F20")
    third = flap(case, case.place.port, 6, 10 * HOUR_S)
    assert START_S < third < START_S + 10 * HOUR_S


def test_a_burst_of_fans_is_one_incident_of_the_rack() -> None:
    world = small_world()
    truth = WRITERS["F16"](world, placed(world, "rack"))
    assert truth.entity_level == "rack"
    assert all(
        any((during(world, "node_hw", "reading", f"{n}/fan{i + 1}", 1) < 3000).all() for i in range(8))
        for n in truth.entities["node"]
    )


def test_a_lost_feed_belongs_to_facilities() -> None:
    world = small_world()
    truth = WRITERS["F17"](world, placed(world, "rack"))
    assert (truth.queue, truth.entity_level) == ("FAC", "rack")
    feeds = [during(world, "facility_power", "voltage_v", f"{truth.entity_id}/{f}", 1).max() for f in "AB"]
    assert min(feeds) == 0 < max(feeds)


def test_events_only_worlds_take_every_mode() -> None:
    for mode, kind in KINDS.items():
        world = small_world(events_only=True)
        nodes = tuple(world.shape.cluster("c-a").nodes[:3]) if mode == "F36" else ()
        assert WRITERS[mode](world, placed(world, kind.level, hours=LONG_H.get(mode, 6), nodes=nodes)).mode in (mode, "UNKNOWN")
