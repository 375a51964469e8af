"""Channels as the daemon puts them together from settings: told, answered by webhook and poll, shown in console and doctor."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from llo11ypop.approvals.desk import Desk, open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.cli.doctor_channels import examine_channels
from llo11ypop.console.app import build_console
from llo11ypop.console.ports import Ports
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.proposal import Proposal, VerdictKind
from llo11ypop.daemon.compose import open_ledger
from llo11ypop.daemon.delivering import Delivering
from llo11ypop.ledger import SqlLedger
from llo11ypop.settings import Settings, load_settings
from tests.fakes.faulty_http import FaultyServer
from tests.fakes.jira import FakeJira
from tests.fakes.pagerduty import ROUTING_KEY, FakePagerDuty
from tests.ledger_samples import evidence, proposal

pytestmark = pytest.mark.scenario
HOOK = "hook-s3cret"


@dataclass
class Site:
    settings: Settings
    ledger: SqlLedger
    desk: Desk
    delivering: Delivering
    client: TestClient
    jira: FakeJira
    pagerduty: FakePagerDuty
    jira_server: FaultyServer
    pagerduty_server: FaultyServer

    async def files(self, number: int = 1) -> Proposal:
        now = SystemClock().now()
        made = proposal(number, created_at=now, expires_at=now + timedelta(days=1))
        await self.ledger.file(made, [evidence()])
        await self.desk.start(made.id)
        return made

    def says(self, key: str, text: str) -> bytes:
        stamp = int(SystemClock().now().timestamp() * 1000)
        issue = {"key": key, "fields": {}}
        said = {"timestamp": stamp, "webhookEvent": "comment_created", "issue": issue, "comment": self.jira.says(key, text)}
        return json.dumps(said).encode()

    def calls(self, channel: str, body: bytes, **headers: str) -> Any:
        return self.client.post(f"/webhooks/{channel}", content=body, headers={"host": "llo11ypop.example.org", **headers})


def sign(body: bytes) -> str:
    return "sha256=" + hmac.new(HOOK.encode(), body, hashlib.sha256).hexdigest()


@asynccontextmanager
async def site_at(root: Path) -> AsyncIterator[Site]:
    now = SystemClock().now()
    jira, pagerduty = FakeJira(now=now), FakePagerDuty(now=now)
    with ExitStack() as running:
        one = running.enter_context(FaultyServer(jira).running())
        two = running.enter_context(FaultyServer(pagerduty).running())
        settings = load_settings(
            None,
            ledger={"path": root / "ledger.sqlite", "checkpoints": root / "checkpoints.sqlite"},
            channels={
                "jira": {
                    "url": one.url,
                    "user": jira.user,
                    "token": jira.token,
                    "project": "OPS",
                    "chart": False,
                    "timeout": "100s",
                    "webhook_secret": HOOK,
                },
                "pagerduty": {
                    "routing_key": ROUTING_KEY,
                    "events_url": two.url,
                    "api_url": two.url,
                    "token": pagerduty.token,
                    "timeout": "100s",
                    "webhook_secret": pagerduty.secret,
                },
            },
        )
        ledger, clock = open_ledger(settings), SystemClock()
        assert isinstance(ledger, SqlLedger)
        async with open_desk(ApprovalDeps(ledger, clock=clock), None) as desk:
            delivering = Delivering(settings.channels, ledger, desk.answer, clock)

            async def status() -> dict[str, Any]:
                return {}

            ports = Ports(ledger, None, clock, lambda: (), desk.answer, status, webhooks=delivering.listeners())  # type: ignore[arg-type]
            client = TestClient(build_console(ports), base_url="http://127.0.0.1:8080", follow_redirects=False)
            yield Site(settings, ledger, desk, delivering, client, jira, pagerduty, one, two)
            await delivering.close()
        await ledger.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_at(tmp_path) as made:
        yield made


async def test_told_in_both_and_answered_by_a_webhook(site: Site) -> None:
    one = await site.files()
    await site.delivering.deliver()
    event = site.pagerduty.incidents[0]["events"][0]
    assert event["links"] == [{"href": f"{site.jira_server.url}/browse/OPS-1", "text": "OPS-1"}]
    body = site.says("OPS-1", "/reject noise: this fan is always off")
    assert site.calls("jira", body, **{"x-hub-signature": "sha256=00"}).status_code == 403
    assert await site.ledger.final_verdict(one.id) is None
    heard = site.calls("jira", body, **{"x-hub-signature": sign(body)})
    assert (heard.status_code, heard.json()) == (200, {"heard": 1})
    assert site.calls("jira", body, **{"x-hub-signature": sign(body)}).status_code == 403, "a repetition"
    (record,) = await site.ledger.feedback()
    assert record["verdict"]["comment"] == "this fan is always off"
    await site.delivering.deliver()
    assert site.pagerduty.incidents[0]["status"] == "resolved"
    assert site.jira.issues["OPS-1"]["fields"]["resolution"] == {"name": "Won't Do"}
    page = site.client.get(f"/proposals/{one.id}").text
    assert "jira was told" in page
    assert "jira:Ana Diaz (5b10-ana)" in page


async def test_answered_in_pagerduty_by_webhook_and_by_poll(site: Site) -> None:
    one, two = await site.files(1), await site.files(2)
    await site.delivering.deliver()
    body = site.pagerduty.notes(one.id, "/approve")
    assert site.calls("pagerduty", body, **{"x-pagerduty-signature": site.pagerduty.signature(body)}).status_code == 200
    site.pagerduty.notes(two.id, "/approve")
    await site.delivering.poll_pagerduty()
    for made in (one, two):
        said = await site.ledger.final_verdict(made.id)
        assert said is not None
        assert said.kind is VerdictKind.APPROVE
    assert {name for name, _ in site.delivering.polls().items()} == {"jira-poll", "pagerduty-poll"}


async def test_who_cannot_call_is_polled(site: Site) -> None:
    one = await site.files()
    await site.delivering.deliver()
    site.jira.moves("OPS-1", "Approved")
    await site.delivering.poll_jira()
    said = await site.ledger.final_verdict(one.id)
    assert said is not None
    assert said.kind is VerdictKind.APPROVE


async def test_channels_that_are_unknown_and_bodies_that_are_too_large(site: Site) -> None:
    assert site.calls("slack", b"{}").status_code == 404
    assert site.calls("jira", b"x" * 1_000_001).status_code == 413


async def test_what_was_given_up_is_shown_and_sent_again(site: Site) -> None:
    one = await site.files()
    await site.delivering.deliver()
    (row,) = await _dead(site, one)
    page = site.client.get("/channels").text
    assert "priority &#39;Top&#39; is unknown" in page
    assert site.client.get("/api/v1/channels").json()["dead"][0]["id"] == row
    found = await examine_channels(site.settings)
    assert (
        "fail",
        "jira: 1 deliveries were given up — see why at /channels in the console, mend it, and press 'Send again'",
    ) in found
    assert any(state == "ok" and "may create" in text for state, text in found)
    assert site.client.post("/channels/again", data={"delivery": str(row), "csrf": "guess"}).status_code == 403
    token = page.split('name="csrf" value="')[1].split('"')[0]
    assert site.client.post("/channels/again", data={"delivery": str(row), "csrf": token}).status_code == 303
    await site.delivering.deliver()
    assert await site.ledger.post.dead() == []


async def _dead(site: Site, one: Proposal) -> list[int]:
    await site.ledger.clear(one.id, SystemClock().now())
    rows = await site.ledger.post.due("jira", SystemClock().now())
    for row in rows:
        await site.ledger.post.bury(row.id, "Jira does not take this: priority 'Top' is unknown")
    return [row.id for row in rows]


async def test_doctor_says_what_is_wrong_and_tells_no_secret(site: Site) -> None:
    await site.files()
    site.jira_server.fails(status=401, times=100)
    await site.delivering.deliver()
    text = json.dumps(await examine_channels(site.settings))
    assert "does not accept the account (401)" in text
    assert "failed 1 times in a row" in text
    for secret in (site.jira.token, ROUTING_KEY, site.pagerduty.token, HOOK):
        assert secret not in text


async def test_no_secret_is_in_what_is_kept_or_sent(site: Site) -> None:
    await site.files()
    site.jira_server.fails(method="POST", path="/issue$", status=500)
    site.pagerduty_server.fails(status=503)
    await site.delivering.deliver()
    kept = repr(await site.ledger.post.standing()) + repr(site.delivering) + repr(site.settings)
    sent = b"".join(c.body for c in site.jira_server.calls).decode()
    for secret in (site.jira.token, ROUTING_KEY, site.pagerduty.token, HOOK):
        assert secret not in kept + sent
