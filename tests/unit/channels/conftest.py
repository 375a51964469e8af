"""Fakes of Jira and PagerDuty over real HTTP on loopback, with the real clients, and a ledger with both channels."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from llo11ypop.approvals.desk import Desk, open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.channels.jira import Jira, JiraTerms
from llo11ypop.channels.jira_site import JiraSite
from llo11ypop.channels.outbox import Channel, Delivered, deliver_due
from llo11ypop.channels.pagerduty import PagerDuty, PagerDutyTerms
from llo11ypop.channels.pagerduty_site import PagerDutySite
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.vocabulary import Queue, Severity
from llo11ypop.ledger import SqlLedger
from tests.fakes.faulty_http import FaultyServer
from tests.fakes.jira import FakeJira
from tests.fakes.pagerduty import ROUTING_KEY, FakePagerDuty
from tests.ledger_samples import AT, evidence, proposal

SETTLE = timedelta(minutes=1)
TIMEOUT = timedelta(seconds=100)
"""Long: the machine of a test may be busy."""


@dataclass
class Bench:
    """One channel, its fake, and the ledger that tells it."""

    ledger: SqlLedger
    desk: Desk
    clock: ManualClock
    server: FaultyServer

    @property
    def at(self) -> datetime:
        return self.clock.at

    def passes(self, minutes: float) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        self.server.app.passes(minutes)  # type: ignore[attr-defined]

    async def files(self, number: int = 1, **changes: object) -> Proposal:
        made = proposal(number, **{"created_at": self.at, "expires_at": self.at + timedelta(days=9), **changes})
        await self.ledger.file(made, [evidence()])
        await self.desk.start(made.id)
        return made

    async def tells(self, channel: Channel) -> Delivered:
        return await deliver_due(self.ledger, [channel], self.at)


@dataclass
class JiraBench(Bench):
    fake: FakeJira
    jira: Jira

    async def deliver(self) -> Delivered:
        return await self.tells(self.jira)

    def key_of(self, one: Proposal) -> str:
        (key,) = [k for k, i in self.fake.issues.items() if f"llo11ypop-{one.id}" in i["fields"]["labels"]]
        return key


@dataclass
class PagerDutyBench(Bench):
    fake: FakePagerDuty
    pagerduty: PagerDuty

    async def deliver(self) -> Delivered:
        return await self.tells(self.pagerduty)


def site_of(fake: FakeJira, url: str, timeout: timedelta = TIMEOUT) -> JiraSite:
    return JiraSite(url, fake.cloud, fake.user if fake.cloud else "", fake.token, timeout, SETTLE)


def terms_of(fake: FakeJira) -> JiraTerms:
    return JiraTerms(
        project="OPS",
        projects={Queue.FAC: "FAC"},
        components={Queue.GPU_HW: "GPU hardware"},
        priorities=dict(zip(Severity, ("Highest", "High", "Medium", "Low"), strict=True)),
        labels=("gpu",),
        chart=False,
        markup="adf" if fake.cloud else "wiki",
        console_url="https://llo11ypop.example.org",
    )


@pytest.fixture
def fake_jira() -> FakeJira:
    return FakeJira()


@pytest.fixture
async def jira(fake_jira: FakeJira) -> AsyncIterator[JiraBench]:
    ledger, clock = SqlLedger.in_memory(("inbox", "jira")), ManualClock(AT)
    with FaultyServer(fake_jira).running() as server:
        channel = Jira(site_of(fake_jira, server.url), terms_of(fake_jira))
        async with open_desk(ApprovalDeps(ledger, clock=clock), None) as desk:
            yield JiraBench(ledger, desk, clock, server, fake_jira, channel)
        await channel.close()
    await ledger.close()
    assert fake_jira.violations == []


@pytest.fixture
async def pagerduty() -> AsyncIterator[PagerDutyBench]:
    ledger, clock, fake = SqlLedger.in_memory(("inbox", "pagerduty")), ManualClock(AT), FakePagerDuty()
    terms = PagerDutyTerms(
        {Severity.S1: "critical", Severity.S2: "error"}, 3, timedelta(minutes=15), "https://llo11ypop.example.org", ""
    )
    with FaultyServer(fake).running() as server:
        site = PagerDutySite(ROUTING_KEY, server.url, server.url, fake.token, TIMEOUT)
        channel = PagerDuty(site, terms, ledger)
        async with open_desk(ApprovalDeps(ledger, clock=clock), None) as desk:
            yield PagerDutyBench(ledger, desk, clock, server, fake, channel)
        await channel.close()
    await ledger.close()
