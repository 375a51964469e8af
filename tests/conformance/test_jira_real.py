"""`pytest -m jira --allow-hosts=<host>`: one ticket in a real Jira, found again, commented on, read, and closed."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from llo11ypop.channels.jira import Jira, JiraTerms
from llo11ypop.channels.jira_answers import JiraAnswers
from llo11ypop.channels.jira_read import JiraMeanings
from llo11ypop.channels.jira_site import JiraSite
from llo11ypop.channels.outbox import deliver_due
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.ids import new_id
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import evidence, proposal

URL = os.environ.get("LLO11YPOP_TEST_JIRA_URL", "")
pytestmark = [
    pytest.mark.jira,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not URL, reason="set LLO11YPOP_TEST_JIRA_URL, _USER, _TOKEN, _PROJECT (and _FLAVOR) to run against a real Jira"
    ),
]


async def test_a_ticket_in_a_real_jira_lives_and_ends() -> None:
    at, ledger = SystemClock().now(), SqlLedger.in_memory(("jira",))
    cloud = os.environ.get("LLO11YPOP_TEST_JIRA_FLAVOR", "cloud") == "cloud"
    user, token = os.environ.get("LLO11YPOP_TEST_JIRA_USER", ""), os.environ["LLO11YPOP_TEST_JIRA_TOKEN"]
    site = JiraSite(URL, cloud, user, token, timedelta(seconds=30), timedelta(minutes=1))
    terms = JiraTerms(project=os.environ["LLO11YPOP_TEST_JIRA_PROJECT"], markup="adf" if cloud else "wiki")
    jira = Jira(site, terms)
    assert "may create" in await jira.check()
    one = replace(proposal(1), id=new_id(), dedup_key=new_id(), title="LLo11yPop test: please ignore", created_at=at)
    await ledger.file(one, [evidence()])
    assert (await deliver_due(ledger, [jira], at)).sent == 1
    ((_, told),) = await ledger.post.told_about(one.id)
    assert await site.ticket(told.reference) is not None
    await ledger.clear(one.id, at)
    assert (await deliver_due(ledger, [jira], at)).sent == 1
    answers = JiraAnswers(site, JiraMeanings(), ledger)
    assert await answers.poll(_nobody, SystemClock().now()) == 0, "our own account answers nothing"
    await jira.close()
    await ledger.close()


async def _nobody(proposal_id: str, verdict: object, *, seen_hash: str = "") -> None:  # type: ignore[misc]
    raise AssertionError(f"{proposal_id} was answered: {verdict}")
