"""Which mind a node used, and what is said where it was not its model."""

import asyncio

from llo11ypop.models.port import NO_MODELS, Reason, Refused, Reply, Request, Role
from llo11ypop.ooda.minds import NOTHING_TO_ASK, Mind


class Set:
    """A model for every role that is never asked here."""

    def has(self, role: str) -> bool:
        return True

    async def ask(self, request: Request) -> Reply:
        raise Refused(Reason.REFUSAL, "not asked in this test")


async def _answers() -> str:
    return "yes"


async def _refuses(reason: Reason) -> str:
    raise Refused(reason, "no")


async def _waits() -> str:
    await asyncio.sleep(30)
    return "late"


async def test_no_model_is_no_question() -> None:
    mind = Mind(NO_MODELS, Role.CAUSES, 1.0)
    assert not mind.on
    assert mind.record() == {"role": "causes", "mind": "rule", "asked": 0, "answered": 0, "why": ["not_configured"]}


async def test_a_model_that_had_nothing_to_say() -> None:
    assert Mind(Set(), Role.CAUSES, 1.0).record()["why"] == [NOTHING_TO_ASK]


async def test_answers_and_refusals_are_counted_and_each_reason_is_said_once() -> None:
    mind = Mind(Set(), Role.WRITER, 1.0)
    assert await mind.consult(_answers()) == "yes"
    for reason in (Reason.BUDGET, Reason.PROSE, Reason.BUDGET):
        assert await mind.consult(_refuses(reason)) is None
    mind.overruled("a figure")
    assert mind.record() == {
        "role": "writer", "mind": "model", "asked": 4, "answered": 1, "why": ["budget", "prose", "overruled: a figure"],
    }  # fmt: skip


async def test_the_time_of_a_node_is_shared_by_its_questions() -> None:
    mind = Mind(Set(), Role.WRITER, 0.02)
    began = asyncio.get_running_loop().time()
    assert await asyncio.gather(*(mind.consult(_waits()) for _ in range(5))) == [None] * 5
    assert await mind.consult(_waits()) is None
    assert asyncio.get_running_loop().time() - began < 2
    assert mind.record()["why"] == ["timeout"]
