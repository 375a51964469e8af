"""Whether a change of failed jobs is one is judged without what planned work did."""

from typing import Any

import pytest

from llo11ypop.agents.investigators.why import FAILED_JOBS, UNPLANNED, asked_rise, sentence


def row(what: str, before: float, now: float, z: float) -> dict[str, Any]:
    return {"what": what, "dimension": "", "value": "", "now": now, "before": before, "change": now - before, "z": z}


def test_a_rise_that_planned_work_made_is_no_rise() -> None:
    text = sentence(FAILED_JOBS, [row("total", 40, 90, 4.2), row(UNPLANNED, 39, 44, 0.5)])
    assert text == (
        "Failed jobs went from 40 to 90, without those under planned work from 39 to 44, "
        "within what chance alone brings (0.5 standard errors); nothing stands out."
    )


def test_a_fleet_without_planned_work_is_judged_as_a_whole() -> None:
    text = sentence(FAILED_JOBS, [row("total", 40, 90, 4.2)])
    assert text.startswith("Failed jobs rose from 40 to 90; the cause is unknown")


def test_a_question_that_assumes_the_opposite_is_told_so() -> None:
    text = sentence(FAILED_JOBS, [row("total", 800, 500, -4.2)], own="its first and second half", rising=True)
    assert text.startswith("It is the other way round. Nothing was recorded before; its first and second half compared, failed")


@pytest.mark.parametrize(
    ("question", "rising"),
    [("why more failures", True), ("why fewer", False), ("why failures", None), ("why was May worse", True)],
)
def test_what_a_question_takes_for_granted(question: str, rising: bool | None) -> None:
    assert asked_rise(question, "lower") is rising


def test_fewer_jobs_explain_fewer_failures() -> None:
    volume = {"what": "rate or volume", "value": "there were more or fewer jobs", "change": -355.4, "share_of_change_pct": 109}
    text = sentence(FAILED_JOBS, [row("total", 800, 500, -4.2), volume])
    assert "mostly because there were fewer jobs; no slice" in text
