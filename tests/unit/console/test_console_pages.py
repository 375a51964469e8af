"""What a person sees in a browser."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from llo11ypop.core.proposal import ProposalStatus


async def _cycle(site: Any, report: dict[str, Any], name: str = "cycle-1", minutes: int = 0) -> None:
    at = site.clock.now() + timedelta(minutes=minutes)
    await site.ledger.open_cycle(name, at, "abc123")
    await site.ledger.close_cycle(name, report, at)


async def test_overview_before_the_first_cycle_says_so(site: Any) -> None:
    page = site.client.get("/")
    assert page.status_code == 200
    assert "the first one is under way" in page.text
    assert "not measured yet" in page.text


async def test_overview_shows_a_goal_with_value_baseline_target_and_course(site: Any, report: Any) -> None:
    for number, value in enumerate((0.01, 0.03, 0.042)):
        await _cycle(site, report(value), f"cycle-{number}", number)
    page = site.client.get("/").text
    assert "4.2 %" in page
    assert "1.5 %" in page
    assert "≤ 2 %" in page
    assert "<polyline" in page
    assert "state-breach" in page


async def test_overview_lists_open_proposals_most_severe_first(site: Any, proposal: Any, evidence: Any) -> None:
    from llo11ypop.core.vocabulary import Severity

    await site.ledger.file(proposal(1, severity=Severity.S3), [evidence(1)])
    await site.ledger.file(proposal(2, severity=Severity.S1), [evidence(2)])
    page = site.client.get("/").text
    assert page.index("gpu-a-002") < page.index("gpu-a-001")


async def test_a_failing_loop_is_visible(site: Any) -> None:
    site.state["loop"] |= {"state": "failing", "last_error": "the telemetry store is gone"}
    assert "the telemetry store is gone" in site.client.get("/").text


@pytest.mark.parametrize(
    "words",
    [
        "Fan failure on gpu-a-001",
        "86 %",
        "fan 3 reads 0 rpm",
        "the neighbours in the rack are not hot",
        "SELECT node_id, count(*) AS fans",
        "deadline_min",
        "2 running jobs",
        "a thermal shutdown takes its jobs down",
        "All fans above their limit",
        "Must not be done",
        "RMA",
        "F13",
        "Approve DRAIN",
    ],
)
async def test_proposal_page_has_what_a_decision_needs(site: Any, proposal: Any, evidence: Any, words: str) -> None:
    await site.ledger.file(proposal(), [evidence()])
    assert words in site.client.get(f"/proposals/{proposal().id}").text


async def test_an_answered_proposal_has_no_buttons_but_its_verdict(site: Any, proposal: Any, evidence: Any) -> None:
    await site.ledger.file(proposal(), [evidence()])
    path = f"/proposals/{proposal().id}"
    site.client.post(path, data={"csrf": site.token(path), "verdict": "approve"})
    page = site.client.get(path).text
    assert "Your answer" not in page
    assert "What was answered" in page
    assert "state-approved" in page


@pytest.mark.parametrize(("status", "there"), [("open", True), ("pending", True), ("rejected", False), ("all", True)])
async def test_proposals_are_filtered_by_status(site: Any, proposal: Any, evidence: Any, status: str, there: bool) -> None:
    await site.ledger.file(proposal(), [evidence()])
    assert ("Fan failure on" in site.client.get(f"/proposals?status={status}").text) is there


async def test_an_unknown_status_is_not_found(site: Any) -> None:
    assert site.client.get("/proposals?status=nonsense").status_code == 404


async def test_evidence_page_shows_rows_queries_and_plan(site: Any, evidence: Any) -> None:
    await site.ledger.save_evidence([evidence()])
    page = site.client.get(f"/evidence/{evidence().id}").text
    assert "gpu-a-017" in page
    assert "SELECT node_id" in page
    assert "&#34;dataset&#34;: &#34;node_hw&#34;" in page


@pytest.mark.parametrize(("digest", "words"), [("a" * 64, "the same rows"), ("b" * 64, "different rows")])
async def test_evidence_is_run_again_and_compared(site: Any, evidence: Any, digest: str, words: str) -> None:
    await site.ledger.save_evidence([evidence()])
    site.store.reply = replace(evidence(), hash=digest)
    path = f"/evidence/{evidence().id}"
    assert words in site.client.post(path, data={"csrf": site.token(path)}).text


async def test_cycles_page_and_cycle_page_show_the_steps(site: Any, report: Any, proposal: Any) -> None:
    held = [{"cause": "F20", "entity": "port:sw-1/7", "why": "planned work MW-17"}]
    guess = {"cause": "F16", "entity": {"level": "node", "id": "gpu-a-001"}, "since": "2026-05-03T11:12:00Z"}
    await _cycle(site, report(0.03, suppressed=held, hypotheses=[guess | {"confidence": 0.8, "suppressed": ""}]))
    assert "cycle-1" in site.client.get("/cycles").text
    page = site.client.get("/cycles/cycle-1").text
    assert "planned work MW-17" in page
    assert "node:gpu-a-001" in page


@pytest.mark.parametrize("path", ["/proposals/none", "/evidence/none", "/cycles/none", "/nothing"])
async def test_what_is_not_there_is_a_readable_page(site: Any, path: str) -> None:
    page = site.client.get(path)
    assert page.status_code == 404
    assert "Back to the overview" in page.text


async def test_a_page_that_fails_is_one_calm_page(site: Any, evidence: Any) -> None:
    await site.ledger.save_evidence([evidence()])
    site.store.reply = RuntimeError("boom")
    path = f"/evidence/{evidence().id}"
    page = site.client.post(path, data={"csrf": site.token(path)})
    assert page.status_code == 500
    assert "boom" not in page.text


async def test_snoozed_until_is_shown(site: Any, proposal: Any, evidence: Any) -> None:
    await site.ledger.file(proposal(), [evidence()])
    path = f"/proposals/{proposal().id}"
    site.client.post(path, data={"csrf": site.token(path), "verdict": "snooze", "snooze": "4h"})
    kept = await site.ledger.proposal(proposal().id)
    assert kept is not None
    assert kept.status is ProposalStatus.SNOOZED
    assert "until 3 May 16:00" in site.client.get(path).text


@pytest.mark.parametrize("path", ["/static/console.css", "/static/console.js"])
async def test_assets_come_from_here(site: Any, path: str) -> None:
    assert site.client.get(path).status_code == 200


async def test_no_page_loads_anything_from_elsewhere(site: Any) -> None:
    page = site.client.get("/").text
    assert "//" not in page.replace("http://www.w3.org", "")
