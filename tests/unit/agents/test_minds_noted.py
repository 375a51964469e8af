"""What became of every answer stands in the record: taken, not taken, or used without anything to show whether it was right."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from llo11ypop.agents.director.model_mind_areas import direct
from llo11ypop.agents.director.model_mind_questions import judge_route, routed
from llo11ypop.agents.guardrail.model_mind import doubted
from llo11ypop.agents.guardrail.rules import Reason, load_guard
from llo11ypop.agents.guardrail.screen import Screened
from llo11ypop.agents.judge.model_mind import judged
from llo11ypop.core.vocabulary import Area
from llo11ypop.learning.from_calls import from_calls
from llo11ypop.ledger import SqlLedger
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.models.record import Kept, Noted
from llo11ypop.settings import packaged_config
from tests.model_samples import client

LET_IN = Screened(True, Reason.ALLOWED, "")


@pytest.fixture
def fake() -> Iterator[FakeModelServer]:
    with FakeModelServer() as server:
        yield server


@pytest.fixture
async def ledger() -> AsyncIterator[SqlLedger]:
    made = SqlLedger.in_memory()
    yield made
    await made.close()


async def noted(ledger: SqlLedger) -> list[Noted | None]:
    return [one.noted async for one in ledger.model_calls.all()]


@pytest.mark.parametrize(("verdict", "what"), [("about_the_fleet", "let in"), ("off_topic", "declined")])
async def test_the_guards_verdict_is_kept_and_is_no_example(
    fake: FakeModelServer, ledger: SqlLedger, verdict: str, what: str
) -> None:
    fake.script([Rule(answer={"verdict": verdict})])
    made = await doubted("zonk?", LET_IN, client(fake, "guardrail", record=ledger.model_calls), load_guard(packaged_config()))
    (one,) = await noted(ledger)
    assert made.allowed is (what == "let in")
    assert one == Noted(None, f"the question was {what}; nobody judged that")


@pytest.mark.parametrize(
    ("read_in", "expected"),
    [
        ([Area.SLURM, Area.GPU], Noted(True)),
        ([Area.NETWORK], Noted(False, "it was read in other areas", {"areas": ["network"]})),
        (None, Noted(None, "no reading came of it")),
    ],
)
async def test_a_route_is_judged_by_the_reading_that_stood(
    fake: FakeModelServer, ledger: SqlLedger, read_in: list[Area] | None, expected: Noted
) -> None:
    fake.script([Rule(answer={"areas": ["slurm"]})])
    models = client(fake, "director", record=ledger.model_calls)
    await judge_route(await routed("zonk?", models), read_in, models)
    assert await noted(ledger) == [expected]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["gpu", "logs"], Noted(None, "looked at; nobody judged that")),
        (["gpu", "logs", "parts"], Noted(False, "1 of its areas beyond the 1 that may be added", {"areas": ["gpu", "logs"]})),
    ],
)
async def test_areas_beyond_the_budget_are_not_taken(
    fake: FakeModelServer, ledger: SqlLedger, named: list[str], expected: Noted
) -> None:
    fake.script([Rule(answer={"areas": named})])
    await direct(client(fake, record=ledger.model_calls), [], {Area.GPU: ["breach"]}, 1, "c-1")
    assert await noted(ledger) == [expected]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("same", "same"), [Noted(True)] * 2),
        (("same", "different"), [Noted(False, "the other order was answered otherwise")] * 2),
        (("same", "unclear"), [Noted(None, "it decided nothing")] * 2),
    ],
)
async def test_a_judge_is_taken_only_where_both_orders_agree(
    fake: FakeModelServer, ledger: SqlLedger, verdicts: tuple[str, str], expected: list[Noted]
) -> None:
    fake.script([Rule(answer={"verdict": verdicts[0]}, times=1), Rule(answer={"verdict": verdicts[1]})])
    models = client(fake, "judge", record=ledger.model_calls)
    verdict = await judged("a slow filesystem", "the storage was slow", models)
    assert verdict.equal is (True if verdicts == ("same", "same") else None)
    assert await noted(ledger) == expected


async def test_what_nobody_judged_is_no_example(fake: FakeModelServer, ledger: SqlLedger) -> None:
    fake.script([Rule(answer={"verdict": "off_topic"})])
    models = client(fake, "guardrail", record=ledger.model_calls)
    await doubted("zonk?", LET_IN, models, load_guard(packaged_config()))
    kept = [Kept(replace(one.call, model="a-real-one"), one.noted) async for one in ledger.model_calls.all()]
    found = from_calls(kept)
    assert found.examples == []
    assert found.left_out == {"answers that nobody judged": 1}
