"""What every ledger must do. A test module binds it to an implementation by overriding the `ledger` fixture."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from llo11ypop.approvals.ledger import Filed, Ledger, Order, Stored, ThreadState, Touch
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.proposal import Outcome, ProposalStatus, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action
from tests.ledger_samples import AT, LEASE, approve, evidence, proposal, reject

LATER = AT + timedelta(hours=2)


async def filed(ledger: Ledger, *numbers: int) -> list[str]:
    for number in numbers:
        assert await ledger.file(proposal(number), [evidence()]) is Filed.NEW
    return [proposal(number).id for number in numbers]


async def approved(ledger: Ledger, number: int = 1, verdict: Verdict | None = None) -> str:
    (one,) = await filed(ledger, number)
    assert await ledger.record_verdict(one, verdict or approve(), lease=LEASE) is Stored.NOW
    await ledger.close_thread(one, 0)
    return one


class LedgerConformance:
    """Mixed into a test class."""

    async def test_a_filed_proposal_reads_back_equal(self, ledger: Ledger) -> None:
        await filed(ledger, 1)
        assert await ledger.proposal(proposal(1).id) == proposal(1)

    async def test_evidence_reads_back_with_its_rows_and_types(self, ledger: Ledger) -> None:
        await filed(ledger, 1)
        stored = await ledger.evidence(evidence().id)
        assert stored is not None
        assert stored.rows.equals(evidence().rows)
        assert replace(stored, rows=None) == replace(evidence(), rows=None)

    async def test_a_plans_steps_keep_their_order(self, ledger: Ledger) -> None:
        plan = {"steps": {"z": {"op": "select"}, "a": {"op": "rank", "source": "z"}}}
        await ledger.save_evidence([replace(evidence(), plan=plan)])
        stored = await ledger.evidence(evidence().id)
        assert stored is not None
        assert list(stored.plan["steps"]) == ["z", "a"]

    async def test_filing_twice_stores_once(self, ledger: Ledger) -> None:
        await filed(ledger, 1)
        assert await ledger.file(proposal(1), [evidence()]) is Filed.EXISTING
        assert len(await ledger.proposals()) == 1

    async def test_an_open_dedup_key_blocks_another_proposal(self, ledger: Ledger) -> None:
        await filed(ledger, 1)
        other = replace(proposal(1), id=proposal(2).id)
        assert await ledger.file(other, [evidence()]) is Filed.EXISTING
        assert await ledger.proposal(other.id) is None

    @pytest.mark.parametrize("ends", ["clear", "reject", "done"])
    async def test_a_closed_dedup_key_may_be_filed_again(self, ledger: Ledger, ends: str) -> None:
        if ends == "done":
            one = await approved(ledger, 1)
            await ledger.record_outcome(Outcome(one, LATER, True, 2.0, 1.0, True))
        else:
            (one,) = await filed(ledger, 1)
            if ends == "clear":
                await ledger.clear(one, AT)
            else:
                await ledger.record_verdict(one, reject(), lease=LEASE)
        assert await ledger.file(replace(proposal(1), id=proposal(2).id), [evidence()]) is Filed.NEW

    async def test_a_proposal_that_cites_unknown_evidence_is_not_filed_at_all(self, ledger: Ledger) -> None:
        with pytest.raises(LedgerError, match="cites evidence"):
            await ledger.file(replace(proposal(1), evidence=("nope",)), [evidence()])
        assert await ledger.proposals() == []
        assert await ledger.evidence(evidence().id) is None
        assert await ledger.post.due("inbox", LATER) == []

    async def test_evidence_filed_earlier_may_be_cited_without_giving_it_again(self, ledger: Ledger) -> None:
        assert await ledger.save_evidence([evidence(), evidence()]) == 1
        assert await ledger.file(proposal(1)) is Filed.NEW

    async def test_filing_writes_the_approval_thread_and_the_outbox_row(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        thread = await ledger.thread(one)
        assert thread is not None
        assert (thread.state, thread.round) == (ThreadState.WAITING, 0)
        (delivery,) = await ledger.post.due("inbox", AT)
        assert (delivery.proposal_id, delivery.channel, delivery.event) == (one, "inbox", "filed")

    async def test_touch_updates_what_changes_and_nothing_else(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        children = ({"cause": "F14", "entity": "gpu:g1", "since": "2026-05-01T12:00:00Z"},)
        assert await ledger.touch(one, LATER, confidence=0.5, children=children)
        expected = replace(proposal(1), last_seen_at=LATER, confidence=0.5, children=children)
        assert await ledger.proposal(one) == expected

    async def test_touching_a_closed_or_unknown_proposal_does_nothing(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.clear(one, AT)
        assert await ledger.touch_many([Touch(one, LATER, 0.1), Touch("no such", LATER, 0.1)]) == 0
        assert not await ledger.touch("no such", LATER, confidence=0.1)

    async def test_touch_many_counts_open_ones(self, ledger: Ledger) -> None:
        ids = await filed(ledger, 1, 2, 3)
        assert await ledger.touch_many([Touch(i, LATER, 0.7) for i in [*ids, "no such"]]) == 3

    async def test_clear_closes_only_what_waits(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        two = await approved(ledger, 2)
        assert await ledger.clear(one, LATER)
        assert not await ledger.clear(one, LATER)
        assert not await ledger.clear(two, LATER)

    async def test_reopening_gives_a_cleared_proposal_its_patience_again(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.clear(one, AT)
        assert await ledger.reopen(one, LATER, "cycle-9")
        again = await ledger.proposal(one)
        assert again is not None
        assert (again.status, again.reopened, again.cycle_id) == (ProposalStatus.PENDING, 1, "cycle-9")
        assert again.expires_at == LATER + timedelta(hours=24)
        assert [d.event for d in await ledger.post.due("inbox", LATER)] == ["filed", "reopened-1"]

    async def test_reopening_after_a_verdict_begins_a_new_round(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.record_verdict(one, reject(), lease=LEASE)
        assert await ledger.reopen(one, LATER, "cycle-9")
        thread = await ledger.thread(one)
        assert thread is not None
        assert (thread.round, thread.state) == (1, ThreadState.WAITING)
        assert await ledger.final_verdict(one) is None
        assert await ledger.record_verdict(one, approve(at=LATER), lease=LEASE) is Stored.NOW
        assert [v.kind for v in await ledger.verdicts(one)] == [VerdictKind.REJECT, VerdictKind.APPROVE]

    async def test_an_open_proposal_cannot_be_reopened(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        assert not await ledger.reopen(one, LATER, "cycle-9")
        assert not await ledger.reopen("no such", LATER, "cycle-9")

    async def test_reopening_yields_to_another_open_proposal_of_the_same_key(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.clear(one, AT)
        await ledger.file(replace(proposal(1), id=proposal(2).id), [evidence()])
        assert not await ledger.reopen(one, LATER, "cycle-9")

    async def test_proposals_are_listed_in_order_of_filing_whatever_the_clock_says(self, ledger: Ledger) -> None:
        back = replace(proposal(2), created_at=AT - timedelta(days=400))
        await filed(ledger, 1)
        await ledger.file(back, [evidence()])
        assert [p.id for p in await ledger.proposals()] == [proposal(1).id, back.id]
        assert [p.id for p in await ledger.proposals(limit=1)] == [back.id]

    async def test_proposals_are_filtered_by_status_and_time(self, ledger: Ledger) -> None:
        ids = await filed(ledger, 1, 2)
        await ledger.clear(ids[0], AT)
        assert [p.id for p in await ledger.proposals(ProposalStatus.CLEARED)] == ids[:1]
        both = {ProposalStatus.CLEARED, ProposalStatus.PENDING}
        assert [p.id for p in await ledger.proposals(both)] == ids
        assert await ledger.proposals(since=AT + timedelta(seconds=1)) == []

    async def test_find_by_dedup_returns_the_one_filed_last(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.clear(one, AT)
        await ledger.file(replace(proposal(1), id=proposal(2).id), [evidence()])
        found = await ledger.find_by_dedup(proposal(1).dedup_key)
        assert found is not None
        assert found.id == proposal(2).id
        assert await ledger.find_by_dedup(proposal(1).dedup_key, LATER) is None
        assert await ledger.find_by_dedup("no such") is None

    @pytest.mark.parametrize(
        ("verdict", "status"),
        [
            (approve(), ProposalStatus.APPROVED),
            (Verdict(VerdictKind.EDIT, "ana", AT, arguments={"node": "gpu-a-001"}), ProposalStatus.APPROVED),
            (reject(), ProposalStatus.REJECTED),
            (Verdict(VerdictKind.EXPIRED, "clock", AT), ProposalStatus.EXPIRED),
            (Verdict(VerdictKind.SNOOZE, "ana", AT, snooze_until=LATER), ProposalStatus.SNOOZED),
        ],
    )
    async def test_a_verdict_sets_the_status(self, ledger: Ledger, verdict: Verdict, status: ProposalStatus) -> None:
        (one,) = await filed(ledger, 1)
        assert await ledger.record_verdict(one, verdict, lease=LEASE) is Stored.NOW
        found = await ledger.proposal(one)
        assert found is not None
        assert found.status is status
        assert await ledger.verdicts(one) == [verdict]

    async def test_only_the_first_of_racing_verdicts_wins(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        raters = [f"rater-{n}" for n in range(8)]
        stored = await asyncio.gather(*(ledger.record_verdict(one, approve(r), lease=LEASE) for r in raters))
        assert sorted(stored) == [Stored.ALREADY] * 7 + [Stored.NOW]
        assert len(await ledger.verdicts(one)) == 1
        assert len(await ledger.feedback()) == 1

    async def test_a_verdict_on_nothing_is_unknown(self, ledger: Ledger) -> None:
        assert await ledger.record_verdict("no such", approve(), lease=LEASE) is Stored.UNKNOWN

    async def test_a_cleared_proposal_takes_no_verdict(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.clear(one, AT)
        assert await ledger.record_verdict(one, approve(), lease=LEASE) is Stored.ALREADY

    async def test_a_snoozed_proposal_wakes_and_can_still_be_answered(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        snooze = Verdict(VerdictKind.SNOOZE, "ana", AT, snooze_until=LATER)
        await ledger.record_verdict(one, snooze, lease=LEASE)
        assert await ledger.unsnooze(LATER - timedelta(seconds=1)) == []
        assert await ledger.unsnooze(LATER) == [one]
        found = await ledger.proposal(one)
        assert found is not None
        assert (found.status, found.snoozed_until) == (ProposalStatus.PENDING, None)
        assert await ledger.record_verdict(one, approve(at=LATER), lease=LEASE) is Stored.NOW

    async def test_a_snooze_past_the_expiry_moves_the_expiry(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        until = AT + timedelta(days=3)
        await ledger.record_verdict(one, Verdict(VerdictKind.SNOOZE, "a", AT, snooze_until=until), lease=LEASE)
        await ledger.unsnooze(until)
        assert await ledger.overdue(until) == []
        assert await ledger.overdue(until + timedelta(hours=24)) == [one]

    async def test_every_verdict_becomes_a_feedback_record(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        snooze = Verdict(VerdictKind.SNOOZE, "ana", AT, snooze_until=LATER)
        await ledger.record_verdict(one, snooze, lease=LEASE)
        await ledger.unsnooze(LATER)
        await ledger.record_verdict(one, reject(), shown="# text", lease=LEASE)
        first, second = await ledger.feedback()
        assert [r["verdict"]["kind"] for r in (first, second)] == ["snooze", "reject"]
        assert second["seq"] > first["seq"]
        assert second["shown"] == "# text"
        assert await ledger.feedback(after_seq=first["seq"]) == [second]
        assert await ledger.feedback(limit=1) == [first]

    async def test_a_lease_is_held_by_one_and_ends(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        assert not await ledger.lease(one, AT, LEASE)
        await ledger.record_verdict(one, approve(at=AT), lease=LEASE)
        assert not await ledger.lease(one, AT + LEASE / 2, LEASE)
        assert await ledger.lease(one, AT + LEASE, LEASE)
        assert not await ledger.lease(one, AT + LEASE, LEASE)

    async def test_a_lease_from_a_clock_that_was_ahead_is_void(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.record_verdict(one, approve(at=AT + timedelta(days=365)), lease=LEASE)
        assert await ledger.lease(one, AT, LEASE)

    async def test_an_order_is_begun_once_and_keeps_its_first_receipt(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        order = Order(one, one, Action.DRAIN, {"node": "gpu-a-001"})
        assert await ledger.begin_order(order, AT) is None
        assert await ledger.receipt(one) is None
        assert await ledger.begin_order(order, AT) is None
        await ledger.finish_order(one, {"ticket": "A-1"}, AT)
        await ledger.finish_order(one, {"ticket": "A-2"}, AT)
        assert await ledger.begin_order(order, AT) == {"ticket": "A-1"}
        assert await ledger.receipt(one) == {"ticket": "A-1"}

    async def test_outcomes_are_due_after_the_approval_is_recorded(self, ledger: Ledger) -> None:
        one = await approved(ledger, 1)
        (unfinished,) = await filed(ledger, 2)
        await ledger.record_verdict(unfinished, approve(), lease=LEASE)
        assert await ledger.due_outcomes(AT + timedelta(minutes=30)) == []
        (due,) = await ledger.due_outcomes(LATER)
        assert (due.proposal.id, due.action, due.approved_at) == (one, Action.TECH, approve().at)

    async def test_a_due_outcome_names_the_action_as_edited(self, ledger: Ledger) -> None:
        edit = Verdict(VerdictKind.EDIT, "ana", AT, action=Action.DRAIN, arguments={"node": "gpu-a-001"})
        await approved(ledger, 1, edit)
        (due,) = await ledger.due_outcomes(LATER)
        assert (due.action, due.arguments) == (Action.DRAIN, {"node": "gpu-a-001"})

    async def test_a_final_outcome_closes_the_proposal_and_joins_the_feedback(self, ledger: Ledger) -> None:
        one = await approved(ledger, 1)
        early = Outcome(one, LATER, False, 2.0, 2.0, None, "too early")
        late = Outcome(one, LATER + timedelta(hours=1), True, 2.0, 1.0, True)
        assert await ledger.record_outcome(early, final=False)
        assert await ledger.record_outcome(late)
        assert not await ledger.record_outcome(late)
        assert await ledger.outcomes(one) == [early, late]
        found = await ledger.proposal(one)
        assert found is not None
        assert found.status is ProposalStatus.DONE
        (record,) = await ledger.feedback()
        assert record["outcome"]["symptom_cleared"] is True

    async def test_an_outcome_needs_an_approval(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        assert not await ledger.record_outcome(Outcome(one, LATER, True, None, None, None))
        assert not await ledger.record_outcome(Outcome("no such", LATER, True, None, None, None))

    async def test_cycles_are_ordered_by_opening_and_abandoned_by_the_next_start(self, ledger: Ledger) -> None:
        assert await ledger.last_cycle() is None
        await ledger.open_cycle("c1", AT, "hash")
        await ledger.close_cycle("c1", {"filed": 3}, AT)
        await ledger.open_cycle("c2", AT - timedelta(days=30), "hash")
        assert await ledger.abandon_cycles() == 1
        last = await ledger.last_cycle()
        assert last is not None
        assert (last.id, last.status) == ("c2", "abandoned")
        assert [(c.id, c.status, c.report) for c in await ledger.cycles()][1] == ("c1", "done", {"filed": 3})

    async def test_pruning_never_touches_what_is_open(self, ledger: Ledger) -> None:
        ids = await filed(ledger, 1, 2)
        kept = await approved(ledger, 3)
        await ledger.record_verdict(ids[0], reject(), lease=LEASE)
        gone = await ledger.prune(AT + timedelta(days=365))
        assert gone.proposals == (ids[0],)
        assert [p.id for p in await ledger.proposals()] == [ids[1], kept]
        assert await ledger.evidence(evidence().id) is not None
        assert len(await ledger.feedback()) == 2

    async def test_pruning_removes_evidence_that_nothing_cites_and_old_cycles(self, ledger: Ledger) -> None:
        await ledger.save_evidence([evidence("other")])
        await ledger.open_cycle("c1", AT, "hash")
        await ledger.close_cycle("c1", {})
        await ledger.open_cycle("c2", AT, "hash")
        gone = await ledger.prune(LATER)
        assert (gone.evidence, gone.cycles) == (1, 1)
        assert [c.id for c in await ledger.cycles()] == ["c2"]

    async def test_a_reason_code_survives(self, ledger: Ledger) -> None:
        (one,) = await filed(ledger, 1)
        await ledger.record_verdict(one, reject(ReasonCode.TOO_RISKY), lease=LEASE)
        final = await ledger.final_verdict(one)
        assert final is not None
        assert final.reason_code is ReasonCode.TOO_RISKY
