"""Answers by form and by API reach the ledger as they were given."""

from typing import Any

import pytest


async def _filed(site: Any, proposal: Any, evidence: Any) -> str:
    await site.ledger.file(proposal(), [evidence()])
    return f"/proposals/{proposal().id}"


async def test_edited_arguments_keep_their_types(site: Any, proposal: Any, evidence: Any) -> None:
    path = await _filed(site, proposal, evidence)
    form = {"csrf": site.token(path), "verdict": "edit", "action": "DRAIN", "arg.deadline_min": "30"}
    assert site.client.post(path, data=form).status_code == 303
    said = (await site.ledger.verdicts(proposal().id))[0]
    assert said.arguments == {"node": "gpu-a-001", "reason": "fan failure", "deadline_min": 30}


@pytest.mark.parametrize("text", ["soon", '"30"', "[30]"])
async def test_an_edit_of_another_type_is_refused(site: Any, proposal: Any, evidence: Any, text: str) -> None:
    path = await _filed(site, proposal, evidence)
    form = {"csrf": site.token(path), "verdict": "edit", "arg.deadline_min": text}
    page = site.client.post(path, data=form)
    assert page.status_code == 400
    assert "deadline_min" in page.text


async def test_a_rejection_needs_a_reason(site: Any, proposal: Any, evidence: Any) -> None:
    path = await _filed(site, proposal, evidence)
    page = site.client.post(path, data={"csrf": site.token(path), "verdict": "reject"})
    assert page.status_code == 400


async def test_the_second_answer_is_a_conflict(site: Any, proposal: Any, evidence: Any) -> None:
    path = await _filed(site, proposal, evidence)
    token = site.token(path)
    site.client.post(path, data={"csrf": token, "verdict": "approve"})
    page = site.client.post(path, data={"csrf": token, "verdict": "reject", "reason_code": "noise"})
    assert page.status_code == 409
    assert "already approved by console" in page.text


async def test_an_answer_to_other_evidence_is_refused(site: Any, proposal: Any, evidence: Any) -> None:
    path = await _filed(site, proposal, evidence)
    form = {"csrf": site.token(path), "verdict": "approve", "seen": "another hash"}
    assert site.client.post(path, data=form).status_code == 400


async def test_api_answers_and_shows_the_result(site: Any, proposal: Any, evidence: Any) -> None:
    await _filed(site, proposal, evidence)
    sent = site.client.post(f"/api/v1/proposals/{proposal().id}/answer", json={"verdict": "approve", "rater": "ana"})
    assert sent.json()["status"] == "approved"
    shown = site.client.get(f"/api/v1/proposals/{proposal().id}").json()
    assert shown["verdicts"][0]["rater"] == "ana"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ({"verdict": "maybe"}, 400),
        ({"verdict": "expired"}, 400),
        ({"verdict": "snooze", "snooze": "later"}, 400),
        ({"verdict": "approve", "extra": 1}, 422),
        ({}, 422),
    ],
)
async def test_api_refuses_nonsense(site: Any, proposal: Any, evidence: Any, reply: dict[str, Any], status: int) -> None:
    await _filed(site, proposal, evidence)
    assert site.client.post(f"/api/v1/proposals/{proposal().id}/answer", json=reply).status_code == status


async def test_api_lists_proposals_goals_cycles_and_evidence(site: Any, proposal: Any, evidence: Any, report: Any) -> None:
    await _filed(site, proposal, evidence)
    await site.ledger.open_cycle("cycle-1", site.clock.now(), "abc")
    await site.ledger.close_cycle("cycle-1", report(0.04), site.clock.now())
    assert [p["id"] for p in site.client.get("/api/v1/proposals?status=open").json()] == [proposal().id]
    assert site.client.get("/api/v1/goals").json()[0]["value"] == 0.04
    assert site.client.get("/api/v1/cycles").json()[0]["queries"] == 12
    assert site.client.get("/api/v1/cycles/cycle-1").json()["findings"] == 3
    assert site.client.get(f"/api/v1/evidence/{evidence().id}").json()["rows"][0]["fans"] == 2


async def test_api_errors_are_json(site: Any) -> None:
    reply = site.client.get("/api/v1/proposals/none")
    assert reply.status_code == 404
    assert reply.json()["error"] == "http"


async def test_api_reruns_evidence(site: Any, evidence: Any) -> None:
    await site.ledger.save_evidence([evidence()])
    assert site.client.post(f"/api/v1/evidence/{evidence().id}/rerun", json={}).json()["same"] is True


async def test_openapi_describes_the_api_only(site: Any) -> None:
    paths = site.client.get("/api/v1/openapi.json").json()["paths"]
    assert "/api/v1/proposals/{proposal_id}/answer" in paths
    assert all(path.startswith("/api/v1/") for path in paths)
