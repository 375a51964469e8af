"""One run's answers for every mind: asked once, counted for each, and drawn anew where one mind asks twice."""

from dataclasses import dataclass

import pytest

from llo11ypop.evals.suite.shared_answers import SharedAnswers
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.models.port import Refused, Reply
from llo11ypop.models.spending import Scope, spending
from tests.model_samples import VALUE, client, request


@dataclass(frozen=True)
class Mind:
    """What one mind asked for and what it came to."""

    values: list[object]
    calls: int
    refused: dict[tuple[str, str], int]


async def mind(shared: SharedAnswers, times: int) -> Mind:
    values: list[object] = []
    with spending(Scope.DAY) as spent:
        for _ in range(times):
            try:
                reply: Reply = await shared.ask(request())
                values.append(dict(reply.value))
            except Refused as bad:
                values.append(bad.reason)
    shared.again()
    return Mind(values, spent.summary()["calls"], dict(spent.refused))


async def test_minds_get_the_same_answers_and_each_pays_for_them() -> None:
    other = {**VALUE, "nodes": 7}
    with FakeModelServer([Rule(answer=VALUE, times=1), Rule(answer=other)]) as server:
        shared = SharedAnswers(client(server))
        first, second, third = await mind(shared, 1), await mind(shared, 2), await mind(shared, 2)
        assert len(server.bodies) == 2
    assert first == Mind([VALUE], 1, {})
    assert second == third == Mind([VALUE, other], 2, {})


@pytest.mark.parametrize("fault", ["empty", "refusal"])
async def test_a_refusal_is_shared_too(fault: str) -> None:
    with FakeModelServer([Rule(fault=fault, times=2), Rule(answer=VALUE)]) as server:
        shared = SharedAnswers(client(server))
        first = await mind(shared, 1)
        asked = len(server.bodies)
        assert await mind(shared, 1) == first
        assert len(server.bodies) == asked
    assert first.values == [fault]
    assert first.refused == {("director", fault): 1}
