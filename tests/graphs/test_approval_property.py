"""Any interleaving of answers executes each approved proposal exactly once, and no other."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llo11ypop.approvals.desk import open_desk
from llo11ypop.approvals.graph import ApprovalDeps
from llo11ypop.approvals.ledger import Order, ThreadState
from llo11ypop.approvals.settle import LEASE, Reply
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.proposal import ProposalStatus, Verdict, VerdictKind
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import AT, evidence, proposal

PROPOSALS = 3
answers = st.tuples(
    st.integers(0, PROPOSALS - 1),
    st.sampled_from([VerdictKind.APPROVE, VerdictKind.REJECT, VerdictKind.EXPIRED, VerdictKind.SNOOZE]),
    st.integers(-3, 3),
)
steps = st.lists(st.one_of(answers, st.sampled_from(["start", "reconcile", "wake"])), max_size=12)


class Slow:
    """An executor that lets everybody else run in between."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    async def execute(self, order: Order) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.done[order.key] += 1
        return {"n": self.done[order.key]}


@dataclass(frozen=True)
class Played:
    """What stands in the ledger after an interleaving, and what was done on the way."""

    executed: Counter[str]
    approved: frozenset[str]
    half_answered: int
    """Approvals whose verdict is stored but was never carried out."""
    final_verdicts: tuple[int, ...]
    """By proposal."""


async def play(todo: list[Any]) -> Played:
    ledger, slow = SqlLedger.in_memory(), Slow()
    async with open_desk(ApprovalDeps(ledger, slow, None, ManualClock(AT)), None) as desk:
        for number in range(PROPOSALS):
            await ledger.file(proposal(number), [evidence()])

        async def one(step: Any) -> Reply | None:
            match step:
                case "start":
                    for number in range(PROPOSALS):
                        await desk.start(proposal(number).id)
                case "reconcile":
                    await desk.reconcile(AT)
                case "wake":
                    await desk.unsnooze_due(AT + timedelta(days=1))
                case (number, kind, minutes):
                    at = AT + timedelta(minutes=minutes)
                    later = at + timedelta(hours=1) if kind is VerdictKind.SNOOZE else None
                    verdict = Verdict(kind, "ana", at, snooze_until=later)
                    return (await desk.answer(proposal(number).id, verdict)).reply
            return None

        await asyncio.gather(*(one(step) for step in todo))
        await desk.reconcile(AT + timedelta(days=1) + LEASE)
        verdicts = [await ledger.verdicts(proposal(number).id) for number in range(PROPOSALS)]
        played = Played(
            slow.done,
            frozenset(p.id for p in await ledger.proposals(ProposalStatus.APPROVED)),
            len(await ledger.threads(ThreadState.ANSWERED)),
            tuple(sum(v.kind is not VerdictKind.SNOOZE for v in said) for said in verdicts),
        )
    await ledger.close()
    return played


@settings(max_examples=40, deadline=None)
@given(steps)
def test_any_interleaving_executes_each_approved_proposal_exactly_once(todo: list[Any]) -> None:
    played = asyncio.run(play(todo))
    assert played.executed == Counter(played.approved)
    assert played.half_answered == 0
    assert max(played.final_verdicts) <= 1
