"""The approval graph: its shape, what it asks, and every way an answer can reach it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from llo11ypop.approvals.arguments import InventoryCheck
from llo11ypop.approvals.desk import Desk, open_desk
from llo11ypop.approvals.graph import NODES, ApprovalDeps, ApprovalState, build_approval
from llo11ypop.approvals.ledger import Order, ThreadState
from llo11ypop.approvals.recover import Reconciled
from llo11ypop.approvals.settle import LEASE, Reply
from llo11ypop.approvals.threads import run_config
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import ProposalStatus, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action, Level
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import AT, approve, evidence, proposal, reject

ONE = proposal(1).id
FLEET = Topology.of([(Entity(Level.NODE, n), Entity(Level.RACK, "c-a-r03")) for n in ("gpu-a-001", "gpu-a-002")])


@dataclass
class Counting:
    """An executor that counts, and may fail first."""

    failures: int = 0
    orders: list[Order] = field(default_factory=list)

    async def execute(self, order: Order) -> dict[str, Any]:
        if self.failures:
            self.failures -= 1
            raise LedgerError("the ticket system is down", transient=True)
        self.orders.append(order)
        return {"ticket": f"OPS-{len(self.orders)}"}


@dataclass
class Scene:
    ledger: SqlLedger
    desk: Desk
    executor: Counting

    async def status(self, proposal_id: str = ONE) -> ProposalStatus:
        found = await self.ledger.proposal(proposal_id)
        assert found is not None
        return found.status

    async def thread_state(self) -> ThreadState:
        thread = await self.ledger.thread(ONE)
        assert thread is not None
        return thread.state

    async def pending(self) -> list[Any]:
        return list((await self.desk.graph.aget_state(run_config(ONE))).interrupts)


@asynccontextmanager
async def scene(checkpoints: Path | None = None, executor: Counting | None = None) -> AsyncIterator[Scene]:
    ledger = SqlLedger.in_memory()
    counting = executor or Counting()
    deps = ApprovalDeps(ledger, counting, InventoryCheck(FLEET), ManualClock(AT))
    async with open_desk(deps, checkpoints) as desk:
        await ledger.file(proposal(1), [evidence()])
        await desk.start(ONE)
        yield Scene(ledger, desk, counting)
    await ledger.close()


@pytest.fixture(params=["memory", "sqlite"])
async def waiting(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path / "cp.sqlite" if request.param == "sqlite" else None) as ready:
        yield ready


def test_node_names_are_a_storage_contract() -> None:
    graph = build_approval(ApprovalDeps(SqlLedger.in_memory())).compile()
    assert tuple(n for n in graph.get_graph().nodes if not n.startswith("__")) == NODES
    assert NODES == ("ask", "execute", "record")


def test_the_drawing_in_the_repository_is_the_graph() -> None:
    graph = build_approval(ApprovalDeps(SqlLedger.in_memory())).compile()
    assert Path("graphs/approval.mmd").read_text() == graph.get_graph().draw_mermaid()


async def test_a_started_thread_asks_in_langchains_wire_format(waiting: Scene) -> None:
    (asked,) = await waiting.pending()
    (request,) = asked.value["action_requests"]
    assert request["name"] == "TECH"
    assert request["args"] == request["arguments"] == proposal(1).action.arguments
    assert "fan FAN3 stopped" in request["description"]
    assert asked.value["review_configs"][0]["action_name"] == "TECH"


async def test_an_approval_executes_once_and_records(waiting: Scene) -> None:
    answered = await waiting.desk.answer(ONE, approve())
    assert (answered.reply, answered.receipt) == (Reply.NOW, {"ticket": "OPS-1"})
    assert [(o.key, o.action) for o in waiting.executor.orders] == [(ONE, Action.TECH)]
    assert await waiting.thread_state() is ThreadState.RECORDED
    assert await waiting.status() is ProposalStatus.APPROVED
    assert await waiting.pending() == []


async def test_a_second_answer_learns_who_was_first(waiting: Scene) -> None:
    await waiting.desk.answer(ONE, approve("ana"))
    again = await waiting.desk.answer(ONE, reject(rater="bo"))
    assert again.reply is Reply.ALREADY
    assert "approved by ana" in again.reason
    assert len(waiting.executor.orders) == 1


async def test_a_rejection_is_recorded_without_executing(waiting: Scene) -> None:
    assert (await waiting.desk.answer(ONE, reject())).reply is Reply.NOW
    assert waiting.executor.orders == []
    assert await waiting.thread_state() is ThreadState.RECORDED
    assert await waiting.status() is ProposalStatus.REJECTED


async def test_a_rejection_without_a_reason_is_other(waiting: Scene) -> None:
    await waiting.desk.answer(ONE, Verdict(VerdictKind.REJECT, "ana", AT))
    final = await waiting.ledger.final_verdict(ONE)
    assert final is not None
    assert final.reason_code is ReasonCode.OTHER


async def test_an_edit_executes_the_edited_action(waiting: Scene) -> None:
    edit = Verdict(VerdictKind.EDIT, "ana", AT, arguments={"node": "gpu-a-002", "part": "fan", "slot": 4})
    assert (await waiting.desk.answer(ONE, edit)).reply is Reply.NOW
    assert waiting.executor.orders[0].arguments == {"node": "gpu-a-002", "part": "fan", "slot": 4}


async def test_an_edit_to_an_offered_action_takes_its_arguments(waiting: Scene) -> None:
    assert (await waiting.desk.answer(ONE, Verdict(VerdictKind.EDIT, "a", AT, action=Action.DRAIN))).reply is Reply.NOW
    assert (waiting.executor.orders[0].action, waiting.executor.orders[0].arguments) == (
        Action.DRAIN,
        {"node": "gpu-a-001"},
    )


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict(VerdictKind.EDIT, "a", AT), "needs other arguments"),
        (Verdict(VerdictKind.EDIT, "a", AT, action=Action.REBOOT), "forbidden"),
        (Verdict(VerdictKind.EDIT, "a", AT, action=Action.RMA), "needs arguments"),
        (Verdict(VerdictKind.EDIT, "a", AT, arguments={"node": "gpu-a-001"}), "'part' is missing"),
        (
            Verdict(VerdictKind.EDIT, "a", AT, arguments={"node": "nope", "part": "fan", "slot": 3}),
            "no node 'nope'",
        ),
        (Verdict(VerdictKind.SNOOZE, "a", AT), "instant in the future"),
        (Verdict(VerdictKind.SNOOZE, "a", AT, snooze_until=AT), "instant in the future"),
    ],
)
async def test_a_refused_answer_leaves_the_proposal_waiting(verdict: Verdict, reason: str) -> None:
    async with scene() as waiting:
        answered = await waiting.desk.answer(ONE, verdict)
        assert answered.reply is Reply.REFUSED
        assert reason in answered.reason
        assert await waiting.status() is ProposalStatus.PENDING
        assert len(await waiting.pending()) == 1
        assert await waiting.ledger.feedback() == []


async def test_an_unknown_proposal_is_refused() -> None:
    async with scene() as waiting:
        assert "no proposal nope" in (await waiting.desk.answer("nope", approve())).reason


async def test_changed_evidence_voids_the_approval_but_not_a_rejection() -> None:
    async with scene() as waiting:
        with waiting.ledger._engine.begin() as db:
            db.exec_driver_sql("UPDATE evidence SET hash = 'other'")
        answered = await waiting.desk.answer(ONE, approve())
        assert answered.reply is Reply.REFUSED
        assert "evidence changed" in answered.reason
        assert (await waiting.desk.answer(ONE, reject())).reply is Reply.NOW


async def test_a_page_that_showed_other_evidence_is_refused() -> None:
    async with scene() as waiting:
        assert (await waiting.desk.answer(ONE, approve(), seen_hash="old")).reply is Reply.REFUSED
        thread = await waiting.ledger.thread(ONE)
        assert thread is not None
        answered = await waiting.desk.answer(ONE, approve(), seen_hash=thread.evidence_hash)
        assert answered.reply is Reply.NOW


async def test_a_snooze_keeps_the_thread_and_wakes(waiting: Scene) -> None:
    until = AT + timedelta(hours=4)
    snooze = Verdict(VerdictKind.SNOOZE, "ana", AT, snooze_until=until)
    assert (await waiting.desk.answer(ONE, snooze)).reply is Reply.NOW
    assert await waiting.status() is ProposalStatus.SNOOZED
    assert len(await waiting.pending()) == 1
    assert await waiting.desk.unsnooze_due(until) == [ONE]
    assert (await waiting.desk.answer(ONE, approve(at=until))).reply is Reply.NOW


async def test_expiry_is_a_verdict_of_the_clock(waiting: Scene) -> None:
    assert await waiting.desk.expire_due(AT + timedelta(hours=23)) == []
    assert await waiting.desk.expire_due(AT + timedelta(hours=24)) == [ONE]
    assert await waiting.status() is ProposalStatus.EXPIRED
    assert await waiting.thread_state() is ThreadState.RECORDED
    (record,) = await waiting.ledger.feedback()
    assert record["verdict"]["kind"] == "expired"
    assert await waiting.desk.expire_due(AT + timedelta(days=9)) == []


async def test_a_reopened_proposal_asks_again_and_executes_under_a_new_key(waiting: Scene) -> None:
    await waiting.desk.answer(ONE, reject())
    await waiting.ledger.reopen(ONE, AT, "cycle-2")
    await waiting.desk.start(ONE)
    assert len(await waiting.pending()) == 1
    assert (await waiting.desk.answer(ONE, approve())).reply is Reply.NOW
    assert [o.key for o in waiting.executor.orders] == [f"{ONE}#1"]


async def test_starting_twice_or_after_the_answer_changes_nothing(waiting: Scene) -> None:
    before = await waiting.pending()
    await waiting.desk.start(ONE)
    assert await waiting.pending() == before
    await waiting.desk.answer(ONE, approve())
    await waiting.desk.start(ONE)
    assert await waiting.pending() == []


async def test_a_failing_executor_keeps_the_verdict_and_is_tried_again() -> None:
    async with scene(executor=Counting(failures=1)) as waiting:
        answered = await waiting.desk.answer(ONE, approve(at=AT))
        assert answered.reply is Reply.NOW
        assert "will be tried again" in answered.reason
        assert await waiting.desk.reconcile(AT + timedelta(seconds=1)) == Reconciled()
        assert await waiting.desk.reconcile(AT + LEASE) == Reconciled(resumed=(ONE,))
        assert len(waiting.executor.orders) == 1
        assert await waiting.thread_state() is ThreadState.RECORDED


async def test_reconcile_names_what_still_fails() -> None:
    async with scene(executor=Counting(failures=2)) as waiting:
        await waiting.desk.answer(ONE, approve(at=AT))
        found = await waiting.desk.reconcile(AT + LEASE)
        assert found.failed == ((ONE, "the ticket system is down"),)


async def test_reconcile_starts_lost_threads_and_leaves_paused_ones(waiting: Scene) -> None:
    assert await waiting.desk.reconcile(AT) == Reconciled()
    assert isinstance(waiting.desk.graph.checkpointer, object)
    await waiting.desk.graph.checkpointer.adelete_thread(ONE)  # type: ignore[union-attr]
    assert await waiting.desk.reconcile(AT) == Reconciled(started=(ONE,))
    assert len(await waiting.pending()) == 1


async def test_a_lost_thread_does_not_lose_the_answer(waiting: Scene) -> None:
    await waiting.desk.graph.checkpointer.adelete_thread(ONE)  # type: ignore[union-attr]
    answered = await waiting.desk.answer(ONE, approve())
    assert answered.receipt == {"ticket": "OPS-1"}
    assert await waiting.thread_state() is ThreadState.RECORDED


async def test_a_renamed_node_is_found_by_reconcile() -> None:
    ledger, saver = SqlLedger.in_memory(), InMemorySaver()
    await ledger.file(proposal(1), [evidence()])

    async def old_ask(state: ApprovalState) -> ApprovalState:
        interrupt({"old": True})
        return {}

    old = StateGraph(ApprovalState)
    old.add_node("ask_human", old_ask)
    old.add_edge(START, "ask_human")
    old.add_edge("ask_human", END)
    start: ApprovalState = {"proposal_id": ONE, "round": 0}
    await old.compile(checkpointer=saver).ainvoke(start, run_config(ONE))
    deps = ApprovalDeps(ledger, Counting(), None, ManualClock(AT))
    desk = Desk(deps, build_approval(deps).compile(checkpointer=saver))
    assert await desk.reconcile(AT) == Reconciled(started=(ONE,))
    assert (await desk.answer(ONE, approve())).receipt == {"ticket": "OPS-1"}
    await ledger.close()


@pytest.mark.parametrize(
    ("reply", "status", "orders"),
    [
        ({"decisions": [{"type": "approve"}]}, ProposalStatus.APPROVED, 1),
        ({"type": "reject", "message": "noise"}, ProposalStatus.REJECTED, 0),
        ([{"type": "accept", "args": None}], ProposalStatus.APPROVED, 1),
        ({"kind": "reject", "reason_code": "stale"}, ProposalStatus.REJECTED, 0),
        ("whatever", ProposalStatus.PENDING, 0),
        ({"kind": "edit", "action": "REBOOT"}, ProposalStatus.PENDING, 0),
    ],
)
async def test_an_answer_through_the_graph_itself_is_checked_the_same(reply: Any, status: ProposalStatus, orders: int) -> None:
    async with scene() as waiting:
        (asked,) = await waiting.pending()
        await waiting.desk.graph.ainvoke(Command(resume={asked.id: reply}), run_config(ONE))
        assert await waiting.status() is status
        assert len(waiting.executor.orders) == orders
        assert len(await waiting.pending()) == (status is ProposalStatus.PENDING)


async def test_an_answer_through_the_graph_comes_too_late() -> None:
    async with scene() as waiting:
        (asked,) = await waiting.pending()
        await waiting.ledger.record_verdict(ONE, approve(), lease=LEASE)
        await waiting.desk.graph.ainvoke(Command(resume={asked.id: {"type": "reject"}}), run_config(ONE))
        assert await waiting.status() is ProposalStatus.APPROVED
        assert await waiting.thread_state() is ThreadState.ANSWERED
        assert await waiting.desk.reconcile(approve().at + LEASE) == Reconciled(resumed=(ONE,))
        assert len(waiting.executor.orders) == 1


async def test_a_cleared_proposal_cannot_be_approved(waiting: Scene) -> None:
    await waiting.ledger.clear(ONE, AT)
    answered = await waiting.desk.answer(ONE, approve())
    assert (answered.reply, answered.reason) == (Reply.ALREADY, "already cleared")
    assert waiting.executor.orders == []


async def test_a_checkpoint_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "cp.sqlite"
    path.write_bytes(b"no database" * 1000)
    deps = ApprovalDeps(SqlLedger.in_memory())
    with pytest.raises(LedgerError, match="cannot be used") as bad:
        async with open_desk(deps, path):
            pass
    assert "move the file away" in bad.value.line()


async def test_forgotten_threads_are_gone_and_others_stay(waiting: Scene) -> None:
    await waiting.ledger.file(proposal(2), [evidence()])
    await waiting.desk.start(proposal(2).id)
    await waiting.desk.answer(ONE, reject())
    gone = await waiting.ledger.prune(AT + timedelta(days=90))
    await waiting.desk.forget(gone.proposals)
    assert (await waiting.desk.graph.aget_state(run_config(ONE))).values == {}
    assert await waiting.desk.reconcile(AT) == Reconciled()


async def test_two_proposals_do_not_disturb_each_other(waiting: Scene) -> None:
    other = replace(proposal(2))
    await waiting.ledger.file(other, [evidence()])
    await waiting.desk.start(other.id)
    await waiting.desk.answer(other.id, approve())
    assert await waiting.status() is ProposalStatus.PENDING
    assert await waiting.status(other.id) is ProposalStatus.APPROVED
