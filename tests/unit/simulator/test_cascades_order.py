from itertools import pairwise

import pytest

from llo11ypop.simulator.incidents.levels import LEVEL_OF_CASCADE
from llo11ypop.simulator.incidents.registry import CASCADES
from llo11ypop.simulator.simulate import finish
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World
from tests.unit.simulator.incident_worlds import HOUR_S, START_S, during, placed, rows_of, small_world

HOURS = {"C2": 48, "C3": 120, "C10": 150}
NAMES = sorted(CASCADES, key=lambda c: int(c[1:]))


def write(name: str) -> tuple[World, list[Truth]]:
    world = small_world(days=8 if name in HOURS else 3)
    nodes = tuple(world.shape.cluster("c-a").nodes[:3]) if name == "C2" else ()
    return world, CASCADES[name](world, placed(world, LEVEL_OF_CASCADE[name], hours=HOURS.get(name, 8), nodes=nodes))


def seen_min(truth: Truth, world: World, table: str) -> float:
    return (truth.first_observable[table] - world.at(START_S)).total_seconds() / 60


@pytest.mark.parametrize("name", NAMES)
def test_one_parent_carries_the_ticket_and_children_point_to_it(name: str) -> None:
    world, truths = write(name)
    parent, children = truths[0], [t for t in truths if t.parent_id]
    assert parent.expected_ticket
    assert all(t.cascade == name for t in truths)
    assert all(t.parent_id == parent.incident_id and not t.expected_ticket for t in children)
    assert all(t.start_at >= parent.start_at for t in children)
    assert len({t.incident_id for t in truths}) == len(truths)
    finish(world)


@pytest.mark.parametrize(("name", "least"), [("C1", 4), ("C3", 2), ("C4", 4), ("C5", 3), ("C6", 1), ("C10", 1)])
def test_cascades_with_children_have_them(name: str, least: int) -> None:
    assert len([t for t in write(name)[1] if t.parent_id]) >= least


def test_c1_air_then_inlets_then_gpus_then_steps() -> None:
    world, truths = write("C1")
    lags = [seen_min(truths[0], world, table) for table in ("facility_env", "node_hw", "gpu_metrics", "training_steps")]
    assert lags[0] < lags[1] < lags[2] <= lags[3] < 40
    units = [world.shape.node(t.entity_id).rack_unit for t in truths if t.mode == "F13"]
    assert units == sorted(units, reverse=True)
    assert truths[0].queue == "FAC"


def test_c2_only_upgraded_nodes_fail_and_the_weather_is_a_coincidence() -> None:
    world, (parent, weather) = write("C2")
    assert {r["node_id"] for r in rows_of(world, "gpu_events", code=119)} <= set(parent.entities["node"])
    assert set(world.drivers) == set(parent.entities["node"])
    assert (parent.expected_action, weather.expected_ticket) == ("HOLD", False)


def test_c3_creep_then_double_bit_then_remap_failure_then_no_spare() -> None:
    world, truths = write("C3")
    by_mode = {t.mode: t for t in truths}
    assert by_mode["F5"].first_seen_at < by_mode["F2"].start_at < by_mode["F4"].start_at  # type: ignore[operator]
    supply = by_mode["C3"]
    assert (supply.queue, supply.entity_level, supply.expected_ticket) == ("SUPPLY", "part", True)
    assert supply.related_id == by_mode["F5"].incident_id
    assert all(r["stock_on_hand"] == 0 and r["lead_time_days"] == 63 for r in rows_of(world, "supply_chain"))


def test_c4_jobs_die_ten_to_thirty_minutes_after_the_leaf() -> None:
    world, truths = write("C4")
    assert seen_min(truths[0], world, "fabric_ports") < 10
    assert 10 <= seen_min(truths[0], world, "slurm_jobs") <= 30


def test_c5_drains_follow_the_stall_and_are_not_the_cause() -> None:
    world, truths = write("C5")
    assert truths[0].queue == "STORAGE"
    assert all(8 <= seen_min(t, world, "slurm_nodes") <= 35 for t in truths[1:])


def test_c6_fan_then_heat_then_slow_run() -> None:
    _, truths = write("C6")
    seen = [t.first_seen_at for t in truths]
    assert [t.mode for t in truths] == ["F16", "F13", "F31"]
    assert all(a < b for a, b in pairwise(seen))  # type: ignore[operator]


def test_c7_names_the_planned_work_that_caused_it() -> None:
    _, (fault, work) = write("C7")
    assert fault.related_id == work.incident_id
    assert work.end_at < fault.start_at
    assert work.planned


def test_c8_is_silent_until_the_window_is_over() -> None:
    world, (truth,) = write("C8")
    (window,) = rows_of(world, "maintenance_windows")
    assert truth.first_seen_at == world.at(window["end_at"])


def test_c9_monitoring_outage_and_a_real_loss_elsewhere() -> None:
    _, (outage, loss) = write("C9")
    assert (outage.queue, loss.mode) == ("PLATFORM", "F1")
    assert outage.entities["cluster"] != loss.entities["cluster"]
    assert "RMA" in outage.forbidden_actions


def test_c10_is_due_at_the_fifth_remediation() -> None:
    world, truths = write("C10")
    done = sorted(
        r["ts"] for r in rows_of(world, "remediations", node_id=truths[0].entity_id) if r["action"] in ("RESET_GPU", "REBOOT")
    )
    assert len(done) == 5
    assert done[-1] - done[0] < 7 * 24 * HOUR_S
    assert truths[0].first_seen_at == world.at(done[4])
    assert truths[0].expected_action == "ESCALATE"
    before = [t for t in truths[1:] if not t.parent_id]
    assert len(before) == 5
    assert all(t.expected_ticket and "RESET_GPU" in t.acceptable_actions for t in before)


def test_c6_run_loses_about_nine_percent() -> None:
    world, truths = write("C6")
    run = truths[-1].entities["run"][0]
    ratio = (
        during(world, "training_steps", "step_time_s", run, 4).mean()
        / during(small_world(days=3), "training_steps", "step_time_s", run, 4).mean()
    )
    assert ratio == pytest.approx(1.099, abs=0.005)
