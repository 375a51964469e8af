"""Runs with an injected straggler, imbalance and divergence are told apart."""

from datetime import timedelta

import pytest

from llo11ypop.language.intent import Intent
from tests.unit.agents.investigators.conftest import START, Bench

pytestmark = [pytest.mark.parametrize("bench", ["training"], indirect=True), pytest.mark.timeout(300)]


def run_of(bench: Bench, mode: str) -> str:
    return bench.case.truth(mode).entities["run"][0]


def instant(hours: float) -> tuple[str, str]:
    return ("at", f"{START + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}")


async def test_the_straggler_is_named_as_hardware(bench: Bench):
    truth = bench.case.truth("F31")
    found = await bench.ask(Intent.HARDWARE_OR_MODEL, 34, entities=(("run", run_of(bench, "F31")), instant(28)))
    assert "looks like hardware" in found.sentence
    assert truth.entity_id in found.sentence
    assert found.confident
    assert found.causes[0].name.startswith("one slow worker")


async def test_unequal_stages_are_the_models(bench: Bench):
    found = await bench.ask(Intent.HARDWARE_OR_MODEL, 62, entities=(("run", run_of(bench, "D13")), instant(56)))
    assert "model or data" in found.sentence
    assert "stage" in found.sentence


async def test_a_run_that_did_not_slow_down_is_not_blamed(bench: Bench):
    found = await bench.ask(Intent.HARDWARE_OR_MODEL, 22, entities=(("run", run_of(bench, "F31")), instant(20)))
    assert "did not slow down" in found.sentence
    assert found.causes == ()


async def test_health_names_the_worker_of_the_straggling_run(bench: Bench):
    truth = bench.case.truth("F31")
    found = await bench.ask(Intent.RUN_HEALTH, 35, start=27, entities=(("run", run_of(bench, "F31")),))
    rows = {r["check"]: r for r in found.result.rows.to_pylist()}
    assert rows["even ranks"]["state"] == "not ok"
    assert truth.entity_id in rows["even ranks"]["finding"]
    assert rows["steady"]["state"] == "not ok"
    assert rows["temperatures"]["state"] == "ok"


async def test_a_healthy_hour_has_nothing_to_report(bench: Bench):
    found = await bench.ask(Intent.RUN_HEALTH, 26, start=14)
    assert all(r["state"] in ("ok", "unknown") for r in found.result.rows.to_pylist())
    assert found.causes == ()


async def test_a_loss_that_was_not_a_number_is_the_models(bench: Bench):
    run = run_of(bench, "F33")
    found = await bench.ask(Intent.NAN_LOSS, 48, start=40, entities=(("run", run),))
    assert found.sentence.startswith(f"The loss of {run} was not a number")
    assert "the model, not the hardware" in found.sentence


async def test_a_run_that_does_not_exist_is_said(bench: Bench):
    found = await bench.ask(Intent.RUN_HEALTH, 35, entities=(("run", "r-999"),))
    assert "r-999" in found.sentence
    assert found.result.rows.num_rows == 0
