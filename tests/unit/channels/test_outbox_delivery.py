"""A channel that is down costs time, never a message; what it refuses does not stop the rest."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.channels.failure import ChannelDown, ChannelRefused, wait_asked
from llo11ypop.channels.inbox import Inbox
from llo11ypop.channels.outbox import LEASE, LONGEST_WAIT, TRIES, Delivered, News, deliver_due, wait_after
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import AT, evidence, proposal

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass
class Flaky:
    """Raises what it is given, in turn; then, or for None, takes what it is told."""

    name: str = "jira"
    fails: list[Llo11yPopError | None] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    checks: Llo11yPopError | None = None
    told: list[tuple[str, str]] = field(default_factory=list)
    tried: int = 0

    async def announce(self, news: News) -> str:
        self.tried += 1
        failure = self.fails.pop(0) if self.fails else None
        if failure is not None:
            raise failure
        if news.proposal.id in self.refuses:
            raise ChannelRefused("Jira does not take this: priority 'Top' is unknown")
        self.told.append((news.proposal.id, news.delivery.event))
        return f"OPS-{len(self.told)}"

    async def check(self) -> str:
        if self.checks is not None:
            raise self.checks
        return "fine"


def down(**more: object) -> ChannelDown:
    return ChannelDown("Jira answers 503", **more)  # type: ignore[arg-type]


async def filed(ledger: Ledger, *numbers: int) -> list[str]:
    for number in numbers:
        await ledger.file(proposal(number), [evidence()])
    return [proposal(n).id for n in numbers]


async def test_the_inbox_delivers_at_once_and_once() -> None:
    ledger = SqlLedger.in_memory()
    await filed(ledger, 1)
    assert await deliver_due(ledger, [Inbox()], AT) == Delivered(sent=1)
    assert await deliver_due(ledger, [Inbox()], AT) == Delivered()
    await ledger.close()


async def test_a_channel_that_is_down_is_tried_again_later() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("inbox", "jira")), Flaky(fails=[down()])
    ids = await filed(ledger, 1)
    assert await deliver_due(ledger, [Inbox(), jira], AT) == Delivered(sent=1, failed=1)
    assert await deliver_due(ledger, [jira], AT + timedelta(seconds=29)) == Delivered()
    assert await deliver_due(ledger, [jira], AT + timedelta(seconds=30)) == Delivered(sent=1)
    assert jira.told == [(ids[0], "filed")]
    await ledger.close()


async def test_a_day_of_silence_loses_nothing_and_then_all_comes_in_order() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky(fails=[down()] * 10_000)
    at, expected, tries = AT, [], 0
    for hour in range(24):
        (one,) = await filed(ledger, hour + 1)
        expected.append((one, "filed"))
        if hour % 2:
            await ledger.clear(one, at)
            expected.append((one, "closed-0"))
        for _ in range(60):
            await deliver_due(ledger, [jira], at)
            at += MINUTE
    tries, jira.tried = jira.tried, 0
    assert 24 <= tries < 40, "backed off to about once an hour"
    (standing,) = await ledger.post.standing()
    assert (standing.waiting, standing.dead, standing.failures) == (36, 0, tries)
    jira.fails = []
    assert await deliver_due(ledger, [jira], at + LONGEST_WAIT) == Delivered(sent=36)
    assert jira.told == expected
    await ledger.close()


async def test_nothing_is_sent_before_the_channel_asked_for_it() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky(fails=[down(wait=timedelta(minutes=20))])
    await filed(ledger, 1, 2)
    await deliver_due(ledger, [jira], AT)
    for minute in range(20):
        assert await deliver_due(ledger, [jira], AT + minute * MINUTE) == Delivered()
    assert jira.tried == 1
    assert await deliver_due(ledger, [jira], AT + 20 * MINUTE) == Delivered(sent=2)
    await ledger.close()


async def test_what_is_refused_dies_visibly_after_some_tries_and_the_rest_goes_on() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky()
    bad, good = await filed(ledger, 1, 2)
    await ledger.clear(bad, AT)
    jira.refuses = {bad}
    assert await deliver_due(ledger, [jira], AT) == Delivered(sent=1, failed=1)
    assert jira.told == [(good, "filed")]
    at = AT
    for _ in range(TRIES - 1):
        at += LONGEST_WAIT
        await deliver_due(ledger, [jira], at, tries=TRIES)
    dead = await ledger.post.dead()
    assert [(d.proposal_id, d.event, d.attempts) for d in dead][-1] == (bad, "filed", TRIES)
    assert "priority 'Top' is unknown" in dead[-1].reason
    jira.refuses = set()
    assert all([await ledger.post.revive(d.id, at) for d in dead])
    assert not await ledger.post.revive(dead[0].id, at)
    await deliver_due(ledger, [jira], at + LONGEST_WAIT)
    assert jira.told == [(good, "filed"), (bad, "filed"), (bad, "closed-0")]
    await ledger.close()


async def test_news_of_a_proposal_wait_for_its_earlier_news() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky()
    (one,) = await filed(ledger, 1)
    jira.refuses = {one}
    await deliver_due(ledger, [jira], AT)
    jira.refuses = set()
    await ledger.clear(one, AT)
    assert await deliver_due(ledger, [jira], AT + timedelta(seconds=5)) == Delivered()
    await deliver_due(ledger, [jira], AT + MINUTE)
    assert [event for _, event in jira.told] == ["filed", "closed-0"]
    await ledger.close()


async def test_a_row_that_breaks_a_working_channel_is_blamed_itself() -> None:
    poison = down(answered=True)
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky(fails=[poison])
    bad, good = await filed(ledger, 1, 2)
    assert await deliver_due(ledger, [jira], AT) == Delivered(sent=1, failed=1)
    assert jira.told == [(good, "filed")]
    jira.fails, jira.checks = [poison], down()
    await deliver_due(ledger, [jira], AT + MINUTE)
    assert (await ledger.post.state("jira")).failures == 1, "down as a whole: nobody is blamed"
    assert bad in {d.proposal_id for d in await ledger.post.due("jira", AT + MINUTE)}
    await ledger.close()


async def test_rows_of_a_channel_that_is_not_configured_stay() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky()
    await filed(ledger, 1)
    assert await deliver_due(ledger, [Inbox()], AT) == Delivered()
    assert await deliver_due(ledger, [jira], AT) == Delivered(sent=1)
    await ledger.close()


async def test_two_processes_do_not_work_on_one_channel_at_once() -> None:
    ledger, jira = SqlLedger.in_memory(channels=("jira",)), Flaky()
    await filed(ledger, 1)
    assert await ledger.post.take("jira", "other", AT, LEASE)
    assert await deliver_due(ledger, [jira], AT, owner="me") == Delivered()
    assert await deliver_due(ledger, [jira], AT + LEASE, owner="me") == Delivered(sent=1), "the other died"
    await ledger.close()


@pytest.mark.parametrize(("failures", "seconds"), [(0, 30), (1, 60), (3, 240), (99, LONGEST_WAIT.total_seconds())])
def test_waits_double_up_to_an_hour(failures: int, seconds: float) -> None:
    assert wait_after(failures).total_seconds() == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("1.5", 1.5), (None, 0), ("soon", 0), ("Fri, 01 May 2026 12:02:00 GMT", 120), ("999999999", 86_400)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: float) -> None:
    assert wait_asked(value, datetime(2026, 5, 1, 12, tzinfo=UTC)).total_seconds() == seconds
