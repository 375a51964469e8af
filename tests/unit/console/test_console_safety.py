"""Telemetry is data, and only our own pages may post."""

from typing import Any

import pytest

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("field", ["title", "summary", "cause_title", "if_nothing_done", "success_measure"])
async def test_text_of_a_proposal_is_escaped(site: Any, proposal: Any, evidence: Any, field: str) -> None:
    await site.ledger.file(proposal(1, **{field: EVIL}), [evidence()])
    for path in ("/", f"/proposals/{proposal().id}"):
        assert EVIL not in site.client.get(path).text


async def test_rows_of_evidence_are_escaped(site: Any, proposal: Any, evidence: Any) -> None:
    rows = [{"node_id": EVIL, EVIL: '"><img src=x onerror=alert(1)>'}]
    await site.ledger.file(proposal(), [evidence(1, rows)])
    for path in (f"/proposals/{proposal().id}", f"/evidence/{evidence().id}"):
        page = site.client.get(path).text
        assert EVIL not in page
        assert "<img" not in page


async def test_arguments_are_escaped_inside_attributes(site: Any, proposal: Any, evidence: Any) -> None:
    from llo11ypop.core.proposal import ProposedAction
    from llo11ypop.core.vocabulary import Action

    bad = ProposedAction(Action.DRAIN, {"node": '"><script>x</script>', "many": ['"><b>']}, 1.0)
    await site.ledger.file(proposal(1, action=bad), [evidence()])
    page = site.client.get(f"/proposals/{proposal().id}").text
    assert '"><script>' not in page
    assert '"><b>' not in page


async def test_a_rejection_comment_is_data(site: Any, proposal: Any, evidence: Any) -> None:
    await site.ledger.file(proposal(), [evidence()])
    path = f"/proposals/{proposal().id}"
    form = {"csrf": site.token(path), "verdict": "reject", "reason_code": "noise", "comment": EVIL}
    assert site.client.post(path, data=form).status_code == 303
    assert EVIL not in site.client.get(path).text


@pytest.mark.parametrize("token", ["", "guessed"])
async def test_a_form_without_the_token_is_refused(site: Any, proposal: Any, evidence: Any, token: str) -> None:
    await site.ledger.file(proposal(), [evidence()])
    path = f"/proposals/{proposal().id}"
    site.client.get(path)
    assert site.client.post(path, data={"csrf": token, "verdict": "approve"}).status_code == 403
    kept = await site.ledger.proposal(proposal().id)
    assert kept is not None
    assert kept.status == "pending"


async def test_a_form_without_the_cookie_is_refused(site: Any) -> None:
    token = site.token()
    site.client.cookies.clear()
    assert site.client.post("/break", data={"csrf": token, "mode": "F16"}).status_code == 403


async def test_a_form_from_another_origin_is_refused(site: Any) -> None:
    token = site.token()
    origin = {"origin": "https://evil.example"}
    assert site.client.post("/break", data={"csrf": token, "mode": "F16"}, headers=origin).status_code == 403
    assert site.demo.broken == []


async def test_a_foreign_host_name_is_refused(site: Any) -> None:
    assert site.client.get("/", headers={"host": "evil.example"}).status_code == 421


async def test_pages_carry_a_content_security_policy(site: Any) -> None:
    headers = site.client.get("/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "samesite=strict" in headers["set-cookie"].lower()


async def test_the_api_wants_json_for_answers(site: Any, proposal: Any, evidence: Any) -> None:
    await site.ledger.file(proposal(), [evidence()])
    path = f"/api/v1/proposals/{proposal().id}/answer"
    sent = site.client.post(path, content='{"verdict": "approve"}', headers={"content-type": "text/plain"})
    assert sent.status_code in (415, 422)


async def test_breaking_something_reaches_the_fleet(site: Any) -> None:
    assert site.client.post("/break", data={"csrf": site.token(), "mode": "F16"}).status_code == 303
    assert site.demo.broken == ["F16"]


async def test_breaking_an_unknown_thing_is_refused(site: Any) -> None:
    assert site.client.post("/break", data={"csrf": site.token(), "mode": "F99"}).status_code == 400
