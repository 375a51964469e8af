"""The client over loopback: what goes over the wire, repair, fallback, memory, queue, budgets, scopes."""

import asyncio
import json
from pathlib import Path

import pytest

from llo11ypop.models.client import Endpoints
from llo11ypop.models.config import METHODS, Budgets, Limit, Method, Models
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.models.port import NO_MODELS, Reason, Refused, note, role_of
from llo11ypop.models.spending import Scope, spending
from tests.model_samples import SCHEMA, VALUE, client, endpoint, request


@pytest.mark.parametrize("method", METHODS)
async def test_each_way_of_asking_gives_the_object(fake: FakeModelServer, method: Method) -> None:
    reply = await client(fake, structured=method, max_tokens=77).ask(request())
    assert reply.value == VALUE
    assert reply.usage is not None
    assert reply.usage.tokens_in > 0 < reply.usage.tokens_out
    body = fake.bodies[0]
    assert (body["max_tokens"], body["temperature"], body["model"]) == (77, 0.0, "fake-model")
    assert "max_completion_tokens" not in body
    asked = {"json_schema": "json_schema", "json_mode": "json_object"}
    assert (body.get("response_format") or {}).get("type") == asked.get(method)
    assert ("tools" in body) == (method == "function_calling")


async def test_the_prompt_is_system_then_user_and_the_system_part_never_changes(fake: FakeModelServer) -> None:
    models = client(fake)
    replies = [await models.ask(request(user=f"question {n}")) for n in range(3)]
    systems = {json.dumps(b["messages"][0]) for b in fake.bodies}
    assert len(systems) == 1
    assert [b["messages"][1]["content"] for b in fake.bodies] == ["question 0", "question 1", "question 2"]
    assert [bool(r.usage and r.usage.tokens_cached) for r in replies] == [False, True, True]


async def test_strict_only_where_the_schema_is_closed(fake: FakeModelServer) -> None:
    models = client(fake)
    await models.ask(request())
    await models.ask(request(schema={**SCHEMA, "required": ["area"]}))
    assert [b["response_format"]["json_schema"]["strict"] for b in fake.bodies] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"area": "gpu", "nodes": 1, "text": "x"}\n```',
        '<think>The user {wants} an area.</think>\n\n{"area": "gpu", "nodes": 1, "text": "x"}',
        '  {"area": "gpu", "nodes": 1, "text": "x"}\n',
    ],
)
async def test_fences_and_thoughts_are_taken_off(fake: FakeModelServer, text: str) -> None:
    fake.script([Rule(answer=text)])
    assert (await client(fake).ask(request())).value["text"] == "x"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"area": "storage", "nodes": 1, "text": ""}, "area: 'storage' is not one of"),
        ({"area": "gpu", "nodes": 0, "text": ""}, "nodes: 0 is less than the minimum of 1"),
        ({"area": "gpu", "nodes": 1}, "'text' is a required property"),
        ({"area": "gpu", "nodes": 1, "text": "", "action": "DRAIN"}, "'action' was unexpected"),
        ('[{"area": "gpu"}]', "not a JSON object"),
        ("Certainly: {}", "text and not JSON"),
        ('{"area": "gpu", "nodes": NaN, "text": ""}', "NaN is no number"),
        ('{"area": "gpu", "nodes": 1, "text": "\\ud800"}', "cannot be written"),
        ('{"area": "gpu", "nodes": 1, "text": "a\\u0000b"}', "cannot be written"),
        ('{"area":' + "[" * 100_000, "not JSON"),
    ],
)
async def test_a_bad_answer_is_repaired_once_with_the_error(fake: FakeModelServer, answer: object, words: str) -> None:
    fake.script([Rule(answer=answer, times=1)])
    assert (await client(fake, max_tokens=40_000).ask(request())).value == VALUE
    first, second = fake.bodies
    assert second["messages"][:2] == first["messages"]
    assert [m["role"] for m in second["messages"][2:]] == ["assistant", "user"]
    assert words in second["messages"][3]["content"]


async def test_text_that_cannot_be_encoded_is_not_held_against_the_endpoint(fake: FakeModelServer) -> None:
    fake.script([Rule(answer="half a pair: \ud83d", times=1)])
    reply = await client(fake).ask(request(user="what about \ud800?"))
    assert reply.value == VALUE
    assert fake.bodies[0]["messages"][1]["content"] == "what about ??"


async def test_where_auto_is_refused_the_next_way_is_tried_and_remembered(fake: FakeModelServer) -> None:
    fake.script(methods=("json_mode",))
    models = client(fake)
    assert [(await models.ask(request(user=str(n)))).value for n in range(2)] == [VALUE, VALUE]
    assert [("tools" in b, (b.get("response_format") or {}).get("type")) for b in fake.bodies] == [
        (False, "json_schema"),
        (True, None),
        (False, "json_object"),
        (False, "json_object"),
    ]


async def test_questions_at_once_move_on_by_one_way_and_not_by_two(fake: FakeModelServer) -> None:
    fake.script(methods=("function_calling", "json_mode"))
    models = client(fake, max_in_flight=8)
    many = await asyncio.gather(*(models.ask(request(user=str(n))) for n in range(6)))
    assert [m.value for m in many] == [VALUE] * 6
    assert all((b.get("response_format") or {}).get("type") != "json_object" for b in fake.bodies)


async def test_what_doctor_found_is_used_and_what_is_pinned_stays(fake: FakeModelServer) -> None:
    found: dict[tuple[str, str], Method] = {(fake.base_url, "fake-model"): "function_calling"}
    await client(fake, methods=found).ask(request())
    assert "tools" in fake.bodies[0]
    fake.script(methods=("json_mode",))
    with pytest.raises(Refused) as bad:
        await client(fake, structured="json_schema").ask(request())
    assert bad.value.reason == Reason.SCHEMA
    assert len(fake.bodies) == 1


async def test_a_role_falls_back_to_another_endpoint(fake: FakeModelServer) -> None:
    fake.script([Rule(role="small", fault="wrong_json")])
    both = {
        "causes": endpoint(fake, model="fake-small", fallback="director"),
        "director": endpoint(fake, model="fake-large"),
    }
    reply = await Endpoints(Models(endpoints=both), pause_s=0).ask(request("causes"))
    assert reply.value == VALUE
    assert [b["model"] for b in fake.bodies] == ["fake-small", "fake-small", "fake-large"]


async def test_an_analyst_has_the_endpoint_of_all_analysts_or_its_own(fake: FakeModelServer) -> None:
    set_ = {"analyst": endpoint(fake), role_of("gpu"): endpoint(fake, model="fake-gpu")}
    models = Endpoints(Models(endpoints=set_))
    assert [models.has(r) for r in ("analyst.gpu", "analyst.network", "director")] == [True, True, False]
    await models.ask(request("analyst.gpu"))
    await models.ask(request("analyst.network"))
    assert [b["model"] for b in fake.bodies] == ["fake-gpu", "fake-model"]


async def test_a_role_that_is_not_set_is_refused(fake: FakeModelServer) -> None:
    for models in (client(fake), NO_MODELS):
        with pytest.raises(Refused) as bad:
            await models.ask(request("writer"))
        assert bad.value.reason == Reason.NOT_CONFIGURED
        assert not models.has("writer")
    await note(NO_MODELS, "x", accepted=False)


async def test_the_same_question_is_answered_from_memory_at_temperature_0(fake: FakeModelServer) -> None:
    models = client(fake, cache=2)
    with spending(Scope.QUESTION) as spent:
        first = await models.ask(request())
        again = await models.ask(request())
    assert (again.value, again.call_id) == (first.value, first.call_id)
    assert len(fake.bodies) == 1
    assert (spent.summary()["calls"], spent.summary()["from_memory"]) == (1, 1)
    for user in ("b", "c"):
        await models.ask(request(user=user))
    await models.ask(request())
    assert len(fake.bodies) == 4, "the memory holds two"


async def test_nothing_is_remembered_where_answers_may_differ(fake: FakeModelServer) -> None:
    models = client(fake, cache=9, temperature=0.7)
    for _ in range(2):
        await models.ask(request())
    assert len(fake.bodies) == 2


async def test_a_key_is_read_from_its_file_and_never_taken_from_the_environment(
    fake: FakeModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    (tmp_path / "key").write_text("k-1\n", encoding="utf-8")
    models = client(fake, api_key_file=tmp_path / "key")
    await client(fake).ask(request())
    await models.ask(request())
    (tmp_path / "key").write_text("k-2", encoding="utf-8")
    await models.ask(request())
    assert [r.headers["authorization"] for r in fake.requests] == ["Bearer none", "Bearer k-1", "Bearer k-2"]
    (tmp_path / "key").unlink()
    with pytest.raises(Refused) as bad:
        await models.ask(request())
    assert bad.value.reason == Reason.AUTH


async def test_a_proxy_of_the_environment_is_not_used_for_loopback(
    fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (await client(fake).ask(request())).value == VALUE


async def test_no_more_requests_at_a_time_than_allowed(fake: FakeModelServer) -> None:
    fake.script(fault="slow", slow_s=0.1)
    models = client(fake, max_in_flight=2)
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*(models.ask(request(user=str(n))) for n in range(6)))
    assert asyncio.get_running_loop().time() - started >= 0.3


async def test_who_waits_too_long_for_a_turn_is_refused(fake: FakeModelServer) -> None:
    fake.script(fault="slow", slow_s=0.4)
    models = client(fake, max_in_flight=1, timeout_s=0.6)
    both = await asyncio.gather(*(models.ask(request(user=str(n))) for n in range(3)), return_exceptions=True)
    late = [b for b in both if isinstance(b, Refused)]
    assert late
    assert {b.reason for b in late} == {Reason.TIMEOUT}


def test_questions_of_several_event_loops_use_one_client(fake: FakeModelServer) -> None:
    models = client(fake)
    assert [asyncio.run(models.ask(request(user=str(n)))).value for n in range(3)] == [VALUE] * 3


async def test_tokens_are_reserved_before_and_counted_after(fake: FakeModelServer) -> None:
    models = client(fake, max_tokens=500, budgets=Budgets(question=Limit(tokens=1000)))
    with spending(Scope.QUESTION) as spent:
        many = await asyncio.gather(*(models.ask(request(user=str(n))) for n in range(4)), return_exceptions=True)
        assert [isinstance(m, Refused) for m in many].count(True) == 3, "at once, each reserves its worst case"
        for n in range(9):
            await models.ask(request(user=f"later {n}"))
    assert spent.total.tokens <= 1000
    with spending(Scope.QUESTION):
        await models.ask(request(user="another question has its own budget"))


async def test_money_is_counted_and_limited(fake: FakeModelServer) -> None:
    budgets = Budgets(question=Limit(cost=0.03))
    models = client(fake, max_tokens=20, price_in_per_mtok=1.0, price_out_per_mtok=1000.0, budgets=budgets)
    with spending(Scope.QUESTION) as spent:
        reply = await models.ask(request())
        assert reply.usage is not None
        assert reply.usage.cost == pytest.approx((reply.usage.tokens_in + 1000 * reply.usage.tokens_out) / 1e6)
        with pytest.raises(Refused, match=r"budget of 0\.03 cost"):
            await models.ask(request(user="b"))
    assert spent.summary()["cost"] == pytest.approx(reply.usage.cost)
    assert "cost" in str(models.models.budgets)


async def test_scopes_lie_in_each_other(fake: FakeModelServer) -> None:
    models = client(fake, "director", "writer", budgets=Budgets(cycle=Limit(calls=2)))
    with spending(Scope.CYCLE, "c-1") as cycle:
        with spending(Scope.QUESTION) as question:
            await asyncio.gather(models.ask(request()), models.ask(request("writer")))
        with pytest.raises(Refused) as bad:
            await models.ask(request(user="b"))
    assert bad.value.reason == Reason.BUDGET
    assert (len(cycle.calls), len(question.calls)) == (2, 2)
    assert [one["role"] for one in cycle.summary()["by_role"]] == ["director", "writer"]
    lines = cycle.lines("USD")
    assert lines[0].startswith("director (fake-model): 1 call, ")
    assert lines[-1] == "director: left to the rule mind 1 time (budget)"


async def test_a_call_that_nobody_waits_for_is_counted_and_gives_its_turn_back(fake: FakeModelServer) -> None:
    fake.script(fault="slow", slow_s=5)
    models = client(fake, max_in_flight=1)
    with spending(Scope.QUESTION) as spent:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await models.ask(request())
        assert [(c.outcome, c.usage) for c in spent.calls] == [("cancelled", None)]
        assert spent.total.tokens > 1024
    fake.script()
    assert (await models.ask(request())).value == VALUE
