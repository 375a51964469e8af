"""What was injected is found; what was not is not invented."""

from datetime import timedelta
from itertools import pairwise

import pytest

from llo11ypop.agents.investigators import INTENTS
from llo11ypop.agents.investigators.hypotheses import MOST_INSTANTS, choose, rises
from llo11ypop.agents.investigators.spares import distribute
from llo11ypop.agents.investigators.technicians import Person, match, needed_skill, share_pct
from llo11ypop.core.window import Window
from llo11ypop.language.intent import INVESTIGATIONS, Intent
from llo11ypop.language.scope import Quantity
from tests.unit.agents.investigators.conftest import START, Bench

pytestmark = pytest.mark.timeout(300)


def fleet(name):
    return pytest.mark.parametrize("bench", [name], indirect=True, ids=[name])


def hours_of(truth):
    return (truth.start_at - START) / timedelta(hours=1), (truth.end_at - START) / timedelta(hours=1)


def test_every_investigation_has_an_investigator():
    assert INTENTS | {Intent.REPORT} == INVESTIGATIONS


@fleet("cooling")
async def test_the_cooling_loss_is_the_first_cause_of_the_night(bench: Bench):
    truth = bench.case.truth("F14")
    found = await bench.ask(Intent.CAUSES, 56, start=46, top=5)
    first = found.result.rows.to_pylist()[0]
    assert first["mode"] == "F14"
    assert truth.entity_id in first["entity"]
    assert found.confident
    assert found.causes[0].for_
    assert found.causes[0].evidence


@fleet("quiet")
async def test_a_quiet_night_has_no_cause(bench: Bench):
    found = await bench.ask(Intent.CAUSES, 60, start=48)
    assert "unknown" in found.sentence.casefold()
    assert found.causes == ()
    assert not found.confident


@fleet("quiet")
async def test_a_quiet_fleet_has_no_reason_for_more_failures(bench: Bench):
    found = await bench.ask(Intent.WHY, 70, "why more failures?", start=46)
    assert "nothing stands out" in found.sentence
    assert not found.confident


@fleet("cooling")
async def test_a_warmer_inlet_is_traced_to_its_row(bench: Bench):
    inlet = Quantity("mean_inlet", "mean inlet temperature", "facility_env", "avg", "inlet_c", unit="Cel")
    found = await bench.ask(Intent.WHY, 57, "why was the inlet warmer?", start=51, measures=(inlet,))
    truth = bench.case.truth("F14")
    rows = found.result.rows.to_pylist()
    assert any(r["what"] == "slice" and truth.entity_id in r["value"] for r in rows) or "F14" in str(found.causes)
    assert "cooling loss" in found.sentence


@fleet("fans")
async def test_the_only_fan_is_one_problem(bench: Bench):
    begins, _ = hours_of(bench.case.truth("F16"))
    at = START + timedelta(hours=begins)
    found = await bench.ask(
        Intent.ONE_OR_MANY, begins + 1, "these fan alerts: one problem or many?", entities=(("at", f"{at:%Y-%m-%dT%H:%M:%SZ}"),)
    )
    rows = found.result.rows.to_pylist()
    assert len(rows) == 1
    assert bench.case.truth("F16").entity_id in rows[0]["place"]


@fleet("cooling")
async def test_hot_inlets_of_a_row_are_one_problem(bench: Bench):
    begins, _ = hours_of(bench.case.truth("F14"))
    at = START + timedelta(hours=begins + 0.6)
    found = await bench.ask(Intent.ONE_OR_MANY, begins + 2, "hot inlets", entities=(("at", f"{at:%Y-%m-%dT%H:%M:%SZ}"),))
    assert "one problem" in found.sentence or found.result.rows.num_rows == 1


@fleet("quiet")
async def test_alerts_that_never_came_are_said_so(bench: Bench):
    found = await bench.ask(Intent.ONE_OR_MANY, 60, "nine fan alerts at 10:05", entities=(("at", "2026-05-03T10:05:00Z"),))
    assert found.sentence.startswith("There is no fan alert around 2026-05-03 10:05 UTC")


@fleet("pcie")
async def test_a_gpu_with_a_narrow_link_is_explained(bench: Bench):
    truth = bench.case.truth("F10")
    found = await bench.ask(
        Intent.SLOWER, 68, "why is it slower?", start=52, entities=(("node", truth.entities["node"][0]), ("gpu", truth.entity_id))
    )
    assert "PCIe" in found.sentence
    assert found.causes


@fleet("quiet")
async def test_a_gpu_like_its_siblings_is_not_slower(bench: Bench):
    found = await bench.ask(Intent.SLOWER, 60, "why is gpu 3 on gpu-a-002 slower?", entities=(("node", "gpu-a-002"),))
    assert "not slower" in found.sentence or "nothing to compare" in found.sentence
    assert found.causes == ()


@fleet("scheduler")
async def test_an_edited_partition_is_why_gpus_are_idle(bench: Bench):
    truth = bench.case.truth("F29")
    begins, _ = hours_of(truth)
    found = await bench.ask(Intent.IDLE_WHILE_PENDING, begins + 4, start=begins + 3)
    assert "configuration" in found.sentence
    assert truth.entity_id.split("/")[0] in found.sentence


@fleet("driver")
async def test_the_driver_wave_is_held_and_tied_to_its_xids(bench: Bench):
    driver = bench.case.truth("F36").entity_id
    held = await bench.ask(Intent.ROLLOUT, 71, "is the new driver safe?")
    assert held.sentence.startswith("No, hold")
    assert driver in held.sentence
    tied = await bench.ask(Intent.TIED_TO, 71, f"are XID 119s tied to driver {driver}?")
    assert tied.sentence.startswith("Yes")
    rows = tied.result.rows.to_pylist()
    assert rows[0]["low"] > 1


@fleet("quiet")
async def test_a_fleet_without_new_driver_has_nothing_to_hold(bench: Bench):
    found = await bench.ask(Intent.ROLLOUT, 70, "is the new driver safe?")
    assert "hold" not in found.sentence
    absent = await bench.ask(Intent.TIED_TO, 70, "are XID 119s tied to the 999 driver?")
    assert "Unknown" in absent.sentence


@fleet("fans")
async def test_the_cluster_with_the_fan_needs_maintenance_first(bench: Bench):
    truth = bench.case.truth("F16")
    begins, _ = hours_of(truth)
    found = await bench.ask(Intent.MAINTENANCE, begins + 5)
    rows = found.result.rows.to_pylist()
    mine = next(r for r in rows if r["cluster"] == truth.entities["cluster"][0])
    assert mine["fans"] >= 1
    assert mine["needs"] == "yes"


@fleet("quiet")
async def test_no_outage_costs_nothing(bench: Bench):
    found = await bench.ask(Intent.OUTAGE_COST, 56, start=48)
    total = found.result.rows.to_pylist()[0]
    assert total["cluster"] == "all"
    assert total["failed_jobs"] == 0
    assert "0" in found.sentence


@fleet("lemon")
async def test_the_lemon_is_among_the_riskiest_and_a_healthy_node_is_no_lemon(bench: Bench):
    truth = bench.case.truth("F37")
    risk = await bench.ask(Intent.AT_RISK, 71, "which nodes are most at risk?", top=3)
    assert truth.entity_id in [r["entity"] for r in risk.result.rows.to_pylist()]
    assert "risk" in risk.sentence
    healthy = await bench.ask(Intent.LEMON, 71, entities=(("node", _another(bench, truth.entity_id)),))
    assert "not a lemon" in healthy.sentence or "Not enough" in healthy.sentence
    absent = await bench.ask(Intent.LEMON, 71, entities=(("node", "gpu-z-999"),))
    assert "no node gpu-z-999" in absent.sentence


def _another(bench, name):
    touched = {n for t in bench.case.truths for n in t.entities.get("node", ())}
    return next(f"gpu-{c}-00{i}" for c in "ab" for i in range(1, 3) if f"gpu-{c}-00{i}" not in touched | {name})


@fleet("lemon")
async def test_technicians_are_proposed_and_the_rounding_is_said(bench: Bench):
    found = await bench.ask(Intent.TECHNICIANS, 71, "Examine every cluster and assign technicians to the 5 % most at risk")
    rows = found.result.rows.to_pylist()
    assert len(rows) == 1
    assert rows[0]["technician_id"].startswith("tech-")
    assert any("rounded up to 1" in n for n in found.notes)
    assert any("proposal" in n for n in found.notes)
    assert "assigned" not in found.sentence


@fleet("default")
async def test_a_fleet_with_default_exporter_is_investigated_too(bench: Bench):
    for intent in sorted(INTENTS):
        found = await bench.ask(intent, 70, "why? XID 119 driver 550", entities=(("node", "gpu-a-001"), ("gpu_index", "1")))
        assert found.sentence.endswith(".") or found.sentence.endswith("?")


@fleet("quiet")
async def test_every_investigation_survives_a_window_before_telemetry(bench: Bench):
    for intent in sorted(INTENTS):
        found = await bench.ask(intent, -30, "XID 119 on driver 550, gpu 1", start=-60, entities=(("node", "gpu-a-001"),))
        assert not found.confident or found.result.rows.num_rows or "No" in found.sentence


def test_skill_and_share_are_read():
    assert share_pct("the 5 % most at risk") == 5
    assert share_pct("the 2.5 percent") == 2.5
    assert share_pct("those most at risk") == 5
    assert needed_skill({"ib_link": 5}, {}, "air") == "optics"
    assert needed_skill({}, {"fan": 2}, "dlc") == "liquid_cooling"


def test_skill_comes_before_site_and_load_counts():
    here = Person("a", "iad1", frozenset({"slurm"}), frozenset(), 3, 0, "now")
    able = Person("b", "sjc2", frozenset({"optics"}), frozenset({"iad1"}), 1, 0, "none known")
    assert match(able, "optics", "iad1", 0) > match(here, "optics", "iad1", 0)
    assert match(able, "optics", "iad1", 5) < match(able, "optics", "iad1", 0)
    assert match(here, "slurm", "osl1", 0) == 0


def test_spares_go_where_the_shortage_is():
    places = [{"cluster": "a", "demand": 6.0, "spares": 0}, {"cluster": "b", "demand": 1.0, "spares": 0}]
    distribute(places, 8)
    assert [p["spares"] for p in places] == [7, 1] or places[0]["spares"] > places[1]["spares"] >= 1


def test_looks_are_few_apart_and_inside():
    window = Window(START, START + timedelta(hours=12))
    busy = {START + timedelta(minutes=30 * n): float(n % 7) for n in range(24)}
    looks = choose(busy, window)
    assert len(looks) <= MOST_INSTANTS
    assert looks[-1] == window.end
    assert all(b - a >= timedelta(hours=1) for a, b in pairwise(looks))


def test_a_look_follows_what_began_not_what_has_many_rows():
    halves = [START + timedelta(minutes=30 * n) for n in range(6)]
    ports_down = list(zip(halves, (0, 0, 96, 96, 96, 0), strict=True))
    jobs_failed = list(zip(halves, (0, 3, 0, 0, 0, 0), strict=True))
    busy = rises([ports_down, jobs_failed])
    assert [busy[at] for at in halves] == [0, 1, 1, 0, 0, 0]
