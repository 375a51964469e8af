"""Whether a change of failed jobs is one is judged without what planned work did."""

from typing import Any

from llo11ypop.agents.investigators.why import FAILED_JOBS, UNPLANNED, sentence


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
