"""`pytest -m pagerduty --allow-hosts=<hosts>`: one page in a real PagerDuty, acknowledged and resolved. It may wake somebody."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from llo11ypop.channels.outbox import deliver_due
from llo11ypop.channels.pagerduty import PagerDuty, PagerDutyTerms
from llo11ypop.channels.pagerduty_site import PagerDutySite
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.ids import new_id
from llo11ypop.core.vocabulary import Severity
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import LEASE, approve, evidence, proposal

KEY = os.environ.get("LLO11YPOP_TEST_PAGERDUTY_ROUTING_KEY", "")
pytestmark = [
    pytest.mark.pagerduty,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not KEY, reason="set LLO11YPOP_TEST_PAGERDUTY_ROUTING_KEY (and _TOKEN) to run against a real PagerDuty"),
]


async def test_a_page_in_a_real_pagerduty_lives_and_ends() -> None:
    at, ledger = SystemClock().now(), SqlLedger.in_memory(("pagerduty",))
    token = os.environ.get("LLO11YPOP_TEST_PAGERDUTY_TOKEN", "")
    site = PagerDutySite(KEY, "https://events.pagerduty.com", "https://api.pagerduty.com", token, timedelta(seconds=30))
    channel = PagerDuty(site, PagerDutyTerms({Severity.S2: "info"}), ledger)
    assert await channel.check()
    one = replace(proposal(1), id=new_id(), dedup_key=new_id(), title="LLo11yPop test: please ignore", created_at=at)
    await ledger.file(one, [evidence()])
    assert (await deliver_due(ledger, [channel], at)).sent == 1
    await ledger.record_verdict(one.id, approve(at=at), lease=LEASE)
    assert (await deliver_due(ledger, [channel], at)).sent == 1
    await site.send("resolve", one.id)
    await channel.close()
    await ledger.close()
