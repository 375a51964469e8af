"""What every post must do: the outbox, channel state and what was heard. Bound to an implementation by the `ledger` fixture."""

from datetime import timedelta

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.post import Delivery, Statement
from llo11ypop.core.proposal import Outcome
from tests.ledger_samples import AT, LEASE, approve, evidence, proposal, reject

LATER = AT + timedelta(hours=2)
SPAN = timedelta(minutes=5)


async def filed(ledger: Ledger, *numbers: int) -> list[str]:
    for number in numbers:
        await ledger.file(proposal(number), [evidence()])
    return [proposal(number).id for number in numbers]


def said(key: str = "comment:1") -> Statement:
    return Statement("jira", key, proposal(1).id, "Ana", "reject", AT, "noise", "known fan curve")


class PostConformance:
    """Mixed into a test class; its `ledger` tells `inbox` and `jira`."""

    async def due(self, ledger: Ledger) -> list[Delivery]:
        return await ledger.post.due("jira", LATER)

    async def test_what_becomes_of_a_proposal_is_told_in_the_same_transaction(self, ledger: Ledger) -> None:
        rejected, approved, cleared = await filed(ledger, 1, 2, 3)
        await ledger.record_verdict(rejected, reject(), lease=LEASE)
        await ledger.record_verdict(approved, approve(), lease=LEASE)
        await ledger.close_thread(approved, 0)
        await ledger.clear(cleared, LATER)
        await ledger.record_outcome(Outcome(approved, LATER, True, 0.2, 0.1, True, "fan turns"))
        news = [(d.proposal_id, d.event, d.detail.get("status")) for d in (await self.due(ledger))[3:]]
        assert news == [
            (rejected, "closed-0", "reject"),
            (approved, "approved-0", "approve"),
            (cleared, "closed-0", "cleared"),
            (approved, "closed-0", "done"),
        ]
        assert (await self.due(ledger))[3].detail["by"] == "ana"
        assert {d.event for d in await ledger.post.due("inbox", LATER)} == {"filed"}

    async def test_each_round_is_told_once(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        for at in (AT, LATER):
            await ledger.clear(one, at)
            await ledger.clear(one, at)
            await ledger.reopen(one, at, "cycle-2")
        events = [d.event for d in await self.due(ledger)]
        assert events == ["filed", "closed-0", "reopened-1", "closed-1", "reopened-2"]

    async def test_a_row_put_off_waits_and_holds_later_rows_of_its_proposal_back(self, ledger: Ledger) -> None:
        one, two = await filed(ledger, 1, 2)
        first, second = await ledger.post.due("jira", AT)
        await ledger.clear(one, AT)
        await ledger.post.put_off(first.id, "refused", LATER)
        assert [d.id for d in await ledger.post.due("jira", AT)] == [second.id]
        again = await self.due(ledger)
        assert [(d.proposal_id, d.event, d.attempts) for d in again] == [
            (one, "filed", 1),
            (two, "filed", 0),
            (one, "closed-0", 0),
        ]

    async def test_what_was_told_can_be_looked_up(self, ledger: Ledger) -> None:
        one, two = await filed(ledger, 1, 2)
        first, second = await self.due(ledger)
        await ledger.post.delivered(first.id, "OPS-1", AT)
        await ledger.post.delivered(second.id, "", LATER)
        assert await ledger.post.proposal_of("jira", "OPS-1") == one
        assert await ledger.post.proposal_of("jira", "") is None
        assert await ledger.post.proposal_of("pagerduty", "OPS-1") is None
        assert [(c, t.reference) for c, t in await ledger.post.told_about(one)] == [("jira", "OPS-1")]
        assert [t.proposal_id for t in await ledger.post.told("jira", LATER)] == [two]

    async def test_a_row_given_up_is_shown_and_can_be_revived(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        (row,) = await self.due(ledger)
        await ledger.post.bury(row.id, "no such priority")
        (dead,) = await ledger.post.dead()
        assert (dead.id, dead.proposal_id, dead.reason) == (row.id, one, "no such priority")
        standing = {s.channel: (s.waiting, s.dead) for s in await ledger.post.standing()}
        assert standing == {"inbox": (1, 0), "jira": (0, 1)}
        assert await ledger.post.revive(row.id, LATER)
        assert not await ledger.post.revive(row.id, LATER)
        assert [d.attempts for d in await self.due(ledger)] == [0]

    async def test_one_owner_at_a_time(self, ledger: Ledger) -> None:
        assert await ledger.post.take("jira", "a", AT, SPAN)
        assert await ledger.post.take("jira", "a", AT, SPAN), "it may renew"
        assert not await ledger.post.take("jira", "b", AT, SPAN)
        await ledger.post.leave("jira", "b")
        assert not await ledger.post.take("jira", "b", AT + SPAN / 2, SPAN)
        await ledger.post.leave("jira", "a")
        assert await ledger.post.take("jira", "b", AT, SPAN)
        assert await ledger.post.take("jira", "a", AT + SPAN, SPAN), "a lease that is over"
        assert await ledger.post.take("jira", "b", AT - timedelta(days=1), SPAN), "a lease from the future"

    async def test_a_hold_counts_failures_until_the_channel_works(self, ledger: Ledger) -> None:
        for _ in range(3):
            await ledger.post.hold("jira", LATER, "Jira answers 503")
        state = await ledger.post.state("jira")
        assert (state.held_until, state.failures, state.reason) == (LATER, 3, "Jira answers 503")
        await ledger.post.polled("jira", AT)
        await ledger.post.works("jira")
        state = await ledger.post.state("jira")
        assert (state.held_until, state.failures, state.reason, state.polled_at) == (None, 0, "", AT)

    async def test_a_statement_is_heard_once_and_keeps_its_first_conclusion(self, ledger: Ledger) -> None:
        assert await ledger.post.hear(said(), AT) is None
        assert await ledger.post.hear(said(), LATER) == ""
        await ledger.post.concluded("jira", "comment:1", "recorded")
        await ledger.post.concluded("jira", "comment:1", "already rejected")
        assert await ledger.post.hear(said(), LATER) == "recorded"
        (kept,) = await ledger.post.heard(proposal(1).id)
        assert (kept.author, kept.text, kept.result) == ("Ana", "known fan curve", "recorded")
        assert await ledger.post.forget(AT) == 0
        assert await ledger.post.forget(LATER) == 1
