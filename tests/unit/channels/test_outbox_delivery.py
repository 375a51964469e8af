"""A channel that is down costs time, never a message."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from llo11ypop.approvals.ledger import Delivery
from llo11ypop.channels.inbox import Inbox
from llo11ypop.channels.outbox import LONGEST_WAIT, Delivered, deliver_due, wait_after
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.proposal import Proposal
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import AT, evidence, proposal


@dataclass
class Flaky:
    """Fails so often, then works."""

    name: str = "jira"
    failures: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    async def announce(self, proposal: Proposal, event: str) -> str:
        if self.failures:
            self.failures -= 1
            raise LedgerError("jira answers 503", transient=True)
        self.told.append((proposal.id, event))
        return "OPS-1"


async def test_the_inbox_delivers_at_once_and_once() -> None:
    ledger = SqlLedger.in_memory()
    await ledger.file(proposal(1), [evidence()])
    assert await deliver_due(ledger, [Inbox()], AT) == Delivered(sent=1)
    assert await deliver_due(ledger, [Inbox()], AT) == Delivered()
    await ledger.close()


async def test_a_channel_that_is_down_is_tried_again_later() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("inbox", "jira")), Flaky(failures=1)
    await ledger.file(proposal(1), [evidence()])
    assert await deliver_due(ledger, [Inbox(), jira], AT) == Delivered(sent=1, failed=1)
    assert await deliver_due(ledger, [jira], AT) == Delivered()
    assert await deliver_due(ledger, [jira], AT + timedelta(seconds=30)) == Delivered(sent=1)
    assert jira.told == [(proposal(1).id, "filed")]
    await ledger.close()


async def test_rows_of_a_channel_that_is_not_configured_stay() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky()
    await ledger.file(proposal(1), [evidence()])
    assert await deliver_due(ledger, [Inbox()], AT) == Delivered()
    assert await deliver_due(ledger, [jira], AT) == Delivered(sent=1)
    await ledger.close()


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 30), (1, 60), (3, 240), (99, LONGEST_WAIT.total_seconds())])
def test_waits_double_up_to_an_hour(attempts: int, seconds: float) -> None:
    assert wait_after(Delivery(1, "p", "jira", "filed", attempts)).total_seconds() == seconds
