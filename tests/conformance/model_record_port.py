"""The record of model calls, whatever database it is in: subclasses give the fixture `ledger`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from llo11ypop.ledger import SqlLedger
from llo11ypop.models.port import Usage
from llo11ypop.models.record import Call, Kept, Noted
from llo11ypop.models.spending import Amount

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CALL = Call(
    id="call-1",
    at=AT,
    role="query_writer",
    name="plan",
    model="fake-model",
    prompt_hash="p" * 16,
    request_hash="r" * 64,
    system="You write plans.",
    user="How many GPUs are hot? \x00 é 温度",
    schema='{"type":"object"}',
    output='{"steps":[]}',
    outcome="accepted",
    why="",
    usage=Usage(100, 20, 80, 0.012),
    estimate=Usage(0, 0),
    latency_s=0.5,
    refs=("evidence-1", "question-1"),
)


async def kept(ledger: SqlLedger) -> list[Kept]:
    return [one async for one in ledger.model_calls.all()]


class ModelRecordConformance:
    async def test_a_call_is_read_back_as_it_was(self, ledger: SqlLedger) -> None:
        await ledger.model_calls.keep(CALL)
        assert await kept(ledger) == [Kept(replace(CALL, user=CALL.user.replace("\x00", "")))]

    async def test_keeping_it_again_changes_nothing(self, ledger: SqlLedger) -> None:
        for output in ("{}", "[]"):
            await ledger.model_calls.keep(replace(CALL, output=output))
        assert [one.call.output for one in await kept(ledger)] == ["{}"]

    async def test_unknown_usage_stays_unknown_and_counts_as_estimated(self, ledger: SqlLedger) -> None:
        await ledger.model_calls.keep(replace(CALL, usage=None, estimate=Usage(70, 5, cost=0.5)))
        (one,) = await kept(ledger)
        assert one.call.usage is None
        assert await ledger.model_calls.spent(AT) == Amount(1, 75, 0.5)

    async def test_the_sum_is_of_calls_since_then(self, ledger: SqlLedger) -> None:
        assert await ledger.model_calls.spent(AT) == Amount()
        for n in range(3):
            await ledger.model_calls.keep(replace(CALL, id=f"call-{n}", at=AT + timedelta(hours=n)))
        found = await ledger.model_calls.spent(AT + timedelta(hours=1))
        assert (found.calls, found.tokens, round(found.cost, 6)) == (2, 240, 0.024)

    async def test_what_became_of_an_answer_is_added(self, ledger: SqlLedger) -> None:
        await ledger.model_calls.keep(CALL)
        assert await ledger.model_calls.note("call-1", Noted(False, "no such field", {"steps": ["a"]}))
        assert not await ledger.model_calls.note("call-2", Noted(True))
        assert [one.noted for one in await kept(ledger)] == [Noted(False, "no such field", {"steps": ["a"]})]

    async def test_old_calls_go_with_texts_that_nothing_else_needs(self, ledger: SqlLedger) -> None:
        young = replace(CALL, id="young", at=AT + timedelta(days=1), user="another question")
        for call in (CALL, young):
            await ledger.model_calls.keep(call)
        assert await ledger.model_calls.prune(AT + timedelta(hours=1)) == 1
        assert await kept(ledger) == [Kept(young)]
        assert await ledger.model_calls.prune(AT + timedelta(hours=1)) == 0

    async def test_many_are_read_in_order(self, ledger: SqlLedger) -> None:
        for n in range(7):
            await ledger.model_calls.keep(replace(CALL, id=f"call-{n}", user=f"question {n}"))
        assert [one.call.user for one in await kept(ledger)] == [f"question {n}" for n in range(7)]
