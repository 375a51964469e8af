# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""What the reporter says of given facts."""

import re
from dataclasses import replace

import pytest

from llo11ypop.agents.reporter.agent import report_on
from llo11ypop.agents.reporter.facts import Decision, Facts, FoundBy, Kind
from llo11ypop.agents.reporter.said import Said, Section
from tests.report_samples import HOUR, START, busy, facts, goal_state, hit, incident, lost_job, outage, period, quiet


def section(said: Said, name: str) -> Section:
    return next(s for s in said.sections if s.id == name)


def text(said: Said, name: str) -> str:
    return " ".join(s.text for s in section(said, name).statements)


def headline(given: Facts) -> str:
    return " ".join(s.text for s in report_on(given).headline)


def test_a_night_without_anything_is_one_line_that_says_what_was_checked() -> None:
    said = report_on(quiet())
    assert said.quiet
    assert [s.text for s in said.headline] == [
        "Nothing happened last night: 42 playbooks over 43 datasets checked 144 times by the running loop on 96 GPUs in "
        "2 clusters found no incident, and no job and no GPU-hours of work were lost to infrastructure."
    ]
    assert {s.id for s in said.sections} == {"goals", "method"}


def test_a_node_that_was_out_before_does_not_make_a_night_eventful() -> None:
    old = hit(jobs=(), outages=(outage(began_before=True, incident=""),))
    assert report_on(replace(quiet(), hit=old)).quiet
    new = hit(jobs=(), outages=(outage(incident=""),))
    assert not report_on(replace(quiet(), hit=new)).quiet


def test_the_headline_says_what_is_worst_who_was_hit_and_what_was_decided() -> None:
    told = headline(busy())
    assert (
        "2 incidents last night, 1 of them begun before; the most serious is Node unreachable: node gpu-b-010, c-b, iad1 (us-east) (cause unknown"
        in told
    )
    assert "218 GPU-hours were lost: 114 GPU-hours of work in 2 jobs and 104 GPU-hours of nodes out of use" in told
    assert "hit: acct-b and acct-a" in told
    assert "Of 2 actions proposed, 1 was approved, 0 were rejected, 1 waits for an answer." in told
    assert "GPU availability is 97.7 %, before 99.1 %; the target is 99 %." in told


def test_no_currency_is_claimed_without_a_price() -> None:
    said = report_on(busy())
    everything = str(said)
    assert "USD" not in everything
    assert any("No cost is stated" in n for n in section(said, "hit").notes)


def test_a_price_gives_costs() -> None:
    given = replace(busy(), hit=replace(busy().hit, price_per_gpu_hour=2.0, currency="EUR"))
    assert "(436 EUR)" in headline(given)
    assert "At 2 EUR per GPU-hour that is 436 EUR." in text(report_on(given), "hit")


def test_an_unknown_cause_is_called_unknown_and_a_weak_one_a_guess() -> None:
    assert "node gpu-b-010: the cause is unknown" in text(report_on(busy()), "causes")
    weak = facts(incidents=(incident(confidence=0.4),))
    assert "best guess Fan failure, confidence only 40 %" in text(report_on(weak), "causes")


def test_what_else_was_considered_is_named_with_its_weight() -> None:
    told = text(report_on(facts()), "causes")
    assert "Also considered: unknown (8.0 %: no further evidence)." in told
    assert "planned work" not in told, "below three per cent"


def test_weights_that_no_longer_add_up_are_not_shown() -> None:
    told = text(report_on(facts(incidents=(incident(confidence=0.97),))), "causes")
    assert "unknown (no further evidence)" in told


def test_a_replay_claims_no_decision() -> None:
    asked = incident(decision=Decision("p-1", "TECH", "not asked"))
    given = facts(incidents=(asked,), looked=replace(facts().looked, found_by=FoundBy.REPLAY, every_s=900.0))
    said = report_on(given)
    assert "nobody was asked" in text(said, "decided")
    assert "running the loop again over the recorded telemetry, 144 cycles 15 min apart" in text(said, "method")


def test_a_loop_that_did_not_run_all_night_is_a_blind_spot() -> None:
    given = facts(looked=replace(facts().looked, cycles=90))
    assert "The loop ran 90 of 144 expected cycles" in text(report_on(given), "blind")
    assert "Not everything was seen" in headline(given)


def test_every_section_has_its_evidence_or_comes_from_the_ledger() -> None:
    for part in report_on(busy()).sections:
        assert part.evidence or part.id == "decided", part.id


def test_planned_work_stands_apart_from_incidents() -> None:
    said = report_on(busy())
    assert "1 window of planned work lay in this time. 2 conditions are explained by it" in text(said, "planned")
    assert "CHG-1" not in str(section(said, "happened"))


def test_outlook_names_open_proposals_repeaters_parts_and_what_found_no_room() -> None:
    said = report_on(busy())
    told = text(said, "watch")
    assert "Power dip: rack c-b-r03" in told
    assert "gpu-b-010 is most likely to fail again: 42 % within 30 d, 11 % for any node." in told
    assert "900-21010 (gpu)" in told
    assert "No room in the budget of proposals for: F16 on node:gpu-a-009." in told
    assert {t.title for t in section(said, "watch").tables} >= {"Open", "Risk of repeat", "Stock below the reorder point"}


def test_a_week_is_shorter_than_a_night() -> None:
    many = tuple(incident(id=f"p-{n}", since=START + n * HOUR / 10) for n in range(20))
    night = report_on(facts(incidents=many))
    week = report_on(facts(incidents=many, period=period(kind=Kind.WEEK)))
    assert len(section(night, "happened").tables[0].rows) == 15
    assert len(section(week, "happened").tables[0].rows) == 5
    assert section(week, "happened").tables[0].note == "15 more not shown"


def test_a_goal_missed_only_in_a_slice_is_shown_as_met() -> None:
    sliced = goal_state(slice="cluster=c-b", value=95.1, before=None)
    given = facts(goals=replace(facts().goals, met=25, misses=(sliced,)))
    (row,) = section(report_on(given), "goals").tables[0].rows
    assert row[1] == "met"
    assert "cluster=c-b: 95.1 %" in row


@pytest.mark.parametrize("given", [busy(), facts(), quiet()])
def test_every_figure_in_a_sentence_was_given_as_a_value(given: Facts) -> None:
    said = report_on(given)
    statements = [*said.headline, *(s for part in said.sections for s in part.statements)]
    for statement in statements:
        given_figures = " ".join(statement.figures)
        for figure in re.findall(r"\d[\d,.]*", statement.text):
            assert figure.rstrip(".,") in given_figures, statement.text


def test_a_job_without_an_incident_says_so() -> None:
    rows = section(report_on(facts(hit=hit(jobs=(lost_job(incident=""),)))), "hit").tables[-1].rows
    assert rows[0][-1] == "no incident found"
