"""Every role and every fault of an endpoint, through the real client: the right reason, and limits that hold."""

import asyncio
from datetime import timedelta

import pytest

from llo11ypop.models.config import METHODS, ROLES, Budgets, Circuit, Limit, Method
from llo11ypop.models.fake import FAULTS, FakeModelServer
from llo11ypop.models.fake.samples import ATTACK
from llo11ypop.models.port import Reason, Refused
from llo11ypop.models.spending import Scope, spending
from tests.model_samples import VALUE, client, request

EXPECTED: dict[str, tuple[str, int]] = {
    "slow": (Reason.TIMEOUT, 1),
    "429": (Reason.RATE_LIMITED, 2),
    "500": (Reason.UNREACHABLE, 2),
    "401": (Reason.AUTH, 1),
    "404": (Reason.NOT_CONFIGURED, 1),
    "hang_up": (Reason.UNREACHABLE, 2),
    "html": (Reason.UNREACHABLE, 2),
    "cut_off": (Reason.CUT_OFF, 1),
    "prose": (Reason.PROSE, 2),
    "wrong_json": (Reason.SCHEMA, 2),
    "broken_json": (Reason.SCHEMA, 2),
    "empty": (Reason.EMPTY, 2),
    "refusal": (Reason.REFUSAL, 1),
}
"""Why, and after how many requests."""
ANSWERED = {"no_usage", "adversarial"}
TIMEOUT_S = 0.3


def test_every_fault_is_expected_to_end_somehow() -> None:
    assert EXPECTED.keys() | ANSWERED == FAULTS.keys()


@pytest.mark.parametrize("fault", EXPECTED)
@pytest.mark.parametrize("role", ROLES)
async def test_a_fault_is_refused_with_its_reason(fake: FakeModelServer, role: str, fault: str) -> None:
    fake.script(fault=fault, slow_s=5)
    models = client(fake, role, timeout_s=TIMEOUT_S if fault == "slow" else 10)
    reason, requests = EXPECTED[fault]
    with spending(Scope.QUESTION) as spent, pytest.raises(Refused) as bad:
        await models.ask(request(role))
    assert bad.value.reason == reason
    assert bad.value.call_id
    assert len(fake.bodies) == requests == len(spent.calls)
    assert spent.summary()["refused"] == {reason: 1}
    assert spent.summary()["unmetered"] == (fault == "slow"), "who was turned away used no tokens"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", ["cut_off", "prose", "wrong_json", "broken_json", "empty", "refusal"])
async def test_a_bad_answer_is_one_whatever_way_was_asked_for_json(fake: FakeModelServer, fault: str, method: Method) -> None:
    fake.script(fault=fault)
    with pytest.raises(Refused) as bad:
        await client(fake, structured=method).ask(request())
    assert bad.value.reason == EXPECTED[fault][0]


@pytest.mark.parametrize("method", METHODS)
async def test_an_answer_without_a_count_of_tokens_is_unknown_and_not_nothing(fake: FakeModelServer, method: Method) -> None:
    fake.script(fault="no_usage")
    with spending(Scope.QUESTION) as spent:
        reply = await client(fake, structured=method).ask(request())
    assert (reply.value, reply.usage) == (VALUE, None)
    assert spent.summary()["unmetered"] == 1
    assert spent.total.tokens > 0


@pytest.mark.parametrize("role", ROLES)
async def test_an_attack_that_fits_the_schema_comes_through_as_data(fake: FakeModelServer, role: str) -> None:
    fake.script(fault="adversarial")
    reply = await client(fake, role).ask(request(role))
    assert reply.value == {"area": "network", "nodes": 1_000_000, "text": ATTACK}


@pytest.mark.parametrize("fault", ["429", "500", "401", "404", "hang_up", "html"])
async def test_a_failing_endpoint_is_left_alone(fake: FakeModelServer, fault: str) -> None:
    fake.script(fault=fault)
    models = client(fake, retries=0, circuit_breaker=Circuit(failures=3, rest=timedelta(minutes=1)))
    reasons = []
    for _ in range(6):
        with pytest.raises(Refused) as bad:
            await models.ask(request())
        reasons.append(bad.value.reason)
    assert reasons == [EXPECTED[fault][0]] * 3 + [Reason.CIRCUIT_OPEN] * 3
    assert len(fake.bodies) == 3


async def test_bad_answers_do_not_open_the_circuit(fake: FakeModelServer) -> None:
    fake.script(fault="wrong_json")
    models = client(fake, circuit_breaker=Circuit(failures=2, rest=timedelta(minutes=1)))
    for _ in range(4):
        with pytest.raises(Refused) as bad:
            await models.ask(request())
        assert bad.value.reason == Reason.SCHEMA


async def test_after_its_rest_one_of_many_tries_and_then_all_go_on(fake: FakeModelServer) -> None:
    fake.script(fault="500")
    models = client(fake, retries=0, circuit_breaker=Circuit(failures=1, rest=timedelta(milliseconds=500)))
    with pytest.raises(Refused):
        await models.ask(request())
    await asyncio.sleep(0.51)
    many = await asyncio.gather(*(models.ask(request(user=str(n))) for n in range(4)), return_exceptions=True)
    assert sorted(str(m.reason) for m in many if isinstance(m, Refused)) == [Reason.CIRCUIT_OPEN] * 3 + [Reason.UNREACHABLE]
    fake.script()
    await asyncio.sleep(0.51)
    assert (await models.ask(request())).value == VALUE
    assert (await models.ask(request(user="another"))).value == VALUE


@pytest.mark.parametrize("fault", ["", *EXPECTED, *sorted(ANSWERED)])
async def test_a_budget_of_calls_holds_whatever_happens(fake: FakeModelServer, fault: str) -> None:
    fake.script(fault=fault, slow_s=5)
    budgets = Budgets(question=Limit(calls=3))
    models = client(fake, budgets=budgets, timeout_s=TIMEOUT_S if fault == "slow" else 10, circuit_breaker=Circuit(failures=99))
    reasons = []
    with spending(Scope.QUESTION):
        for n in range(5):
            try:
                await models.ask(request(user=str(n)))
            except Refused as bad:
                reasons.append(bad.reason)
    assert len(fake.bodies) == 3
    assert reasons[-1] == Reason.BUDGET


async def test_an_endpoint_that_is_not_there_is_unreachable(fake: FakeModelServer) -> None:
    models = client(fake, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(Refused, match="cannot be reached") as bad:
        await models.ask(request())
    assert bad.value.reason == Reason.UNREACHABLE
