from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from llo11ypop.simulator.incidents.decoy_plan import DECOY_PLAN
from llo11ypop.simulator.incidents.registry import DECOYS
from llo11ypop.simulator.incidents.siting import node_for
from llo11ypop.simulator.simulate import finish
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World
from tests.unit.simulator.incident_worlds import HOUR_S, START_S, during, placed, rows_of, small_world

NAMES = sorted(DECOY_PLAN, key=lambda d: int(d[1:]))


def code_of(state: str) -> int:
    from llo11ypop.simulator.jobs import STATE

    return STATE[state]


def ended_with(w: World, *states: str) -> int:
    end, state = w.jobs.column["end_s"], w.jobs.column["state"]
    return int((np.isin(state, [code_of(s) for s in states]) & (end >= START_S) & (end < START_S + 400)).sum())


def sensor(w: World, t: Truth) -> bool:
    gpu, node = t.entity_id, t.entities["node"][0]
    strange = [during(w, "gpu_metrics", c, gpu, -0.1, 3) for c in ("gpu_temp_c", "mem_temp_c")]
    inlet = during(w, "node_hw", "reading", f"{node}/inlet", -0.1, 3)
    return any(((b > 110) | (b == 0)).any() for b in (*strange, inlet))


LOOKS: dict[str, Callable[[World, Truth], bool]] = {
    "D1": lambda w, t: (
        (during(w, "node_hw", "reading", f"{t.entities['node'][0]}/fan1", 1) == 0).all()
        and bool(rows_of(w, "maintenance_windows"))
    ),
    "D2": lambda w, t: len(t.evidence) >= 1,
    "D3": lambda w, t: len({r["gpu_uuid"] for r in rows_of(w, "gpu_events", code=13)}) >= 1,
    "D4": lambda w, t: (during(w, "gpu_metrics", "clock_event_reasons", t.entity_id, 1) == 4).all(),
    "D5": sensor,
    "D6": lambda w, t: (np.diff(during(w, "gpu_metrics", "energy_mj_total", t.entity_id, -0.5, 1.5), axis=1) < 0).any(),
    "D7": lambda w, t: (
        during(w, "gpu_metrics", "power_w", t.entities["node"][0], 1).mean() > 500
        and during(w, "facility_env", "inlet_c", t.entity_id, 1).mean() < 27
    ),
    "D8": lambda w, t: ended_with(w, "PREEMPTED", "REQUEUED") >= 1,
    "D9": lambda w, t: ended_with(w, "CANCELLED") >= 1,
    "D10": lambda w, t: all((during(w, "gpu_metrics", "gpu_util_pct", n, 1) == 100).all() for n in t.entities["node"]),
    "D11": lambda w, t: (
        (during(w, "gpu_metrics", "xid_last", t.entity_id, 1) > 0).all() and not rows_of(w, "gpu_events", gpu_uuid=t.entity_id)
    ),
    "D12": lambda w, t: (during(w, "fabric_ports", "port_state", f"{t.entities['node'][0]}/mlx5_0", 0.7, 1) == 2).all(),
    "D13": lambda w, t: len(np.unique(during(w, "training_steps", "slowest_rank", t.entity_id, 0, 5))) > 3,
    "D14": lambda w, t: any(r["process"] == "chronyd" for r in rows_of(w, "syslog")),
    "D15": lambda w, t: (during(w, "gpu_metrics", "pcie_link_gen", t.entity_id, 1) == 1).all(),
    "D16": lambda w, t: any(s.node_id == t.entity_id and s.state == "down" for s in w.node_states),
    "D17": lambda w, t: {r["kind"] for r in rows_of(w, "maintenance_windows")} == {"burn_in"},
    "D18": lambda w, t: {r["collector"] for r in rows_of(w, "gpu_events", gpu_uuid=t.entity_id)} == {"journald", "filebeat"},
}


def write(name: str, seed: int = 3) -> tuple[World, Truth]:
    world = small_world(seed=seed, days=2.5)
    at = placed(world, DECOY_PLAN[name][0], hours=6)
    if name == "D2":
        at = replace(at, entity=f"node:{node_for(world, name, START_S, world.rng('d2'))}")
    return world, DECOYS[name](world, at)


@pytest.mark.parametrize("name", NAMES)
def test_decoy_looks_like_trouble_and_expects_no_ticket(name: str) -> None:
    world, truth = write(name)
    assert LOOKS[name](world, truth)
    assert not truth.expected_ticket
    assert truth.is_decoy
    assert not truth.exported_evidence("full")
    assert {"RMA", "REBOOT"} <= set(truth.forbidden_actions)
    finish(world)


def test_a_single_failure_of_a_user_ends_no_long_run() -> None:
    before, (after, _) = small_world(days=2.5), write("D2")
    ended = np.flatnonzero(before.jobs.column["state"] != after.jobs.column["state"][: len(before.jobs.column["state"])])
    assert len(ended) == 1
    assert after.jobs.column["run"][ended[0]] < 0


@pytest.mark.parametrize("name", ["D1", "D10", "D12", "D16", "D17"])
def test_planned_work_is_announced_before_it_starts(name: str) -> None:
    world, truth = write(name)
    windows = rows_of(world, "maintenance_windows")
    assert truth.planned
    assert windows
    assert all(w["announced_at"] < w["start_at"] == START_S for w in windows)


def test_clock_skew_moves_the_log_lines_of_one_node_only() -> None:
    before, (after, truth) = small_world(days=2.5), write("D14")
    for one, two in zip(before.events["syslog"], after.events["syslog"], strict=False):
        if np.size(one["ts"]) > 1:
            moved = np.asarray(one["ts"]) != np.asarray(two["ts"])
            names = np.broadcast_to(np.asarray(one["node_id"], dtype=object), moved.shape)[moved]
            assert set(names) <= {truth.entity_id}


def test_duplicate_lines_are_the_same_event() -> None:
    world, truth = write("D18")
    one, two = rows_of(world, "gpu_events", gpu_uuid=truth.entity_id)
    assert abs(one["ts"] - two["ts"]) < 3
    assert (one["code"], one["pid"], one["message"]) == (two["code"], two["pid"], two["message"])


def test_load_ramp_has_power_with_the_heat() -> None:
    world, truth = write("D7")
    node = truth.entities["node"][0]
    assert (
        during(world, "gpu_metrics", "power_w", node, 1).mean()
        > during(small_world(days=2.5), "gpu_metrics", "power_w", node, 1).mean() - 40
    )
    assert truth.end_at.timestamp() - truth.start_at.timestamp() == 6 * HOUR_S
