"""What every endpoint must do through our client: the fake one always, a real one where LLO11YPOP_TEST_MODEL_URL names it.

LLO11YPOP_TEST_MODEL is its model, LLO11YPOP_TEST_MODEL_KEY_FILE its key. Nothing here judges how good the answers are.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.core.clock import SystemClock
from llo11ypop.models.answers import violation
from llo11ypop.models.client import Endpoints
from llo11ypop.models.config import Endpoint, Models
from llo11ypop.models.fake import FakeModelServer
from llo11ypop.models.port import Reason, Refused, Request
from llo11ypop.models.probe import probe
from llo11ypop.models.prompting import DATA_RULE, data_block
from llo11ypop.models.spending import Scope, spending

pytestmark = pytest.mark.timeout(300)  # a small model on a busy CPU
SYSTEM = f"You route a question about a GPU fleet to one area. {DATA_RULE} Answer as JSON with area, sure and words."
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["area", "sure", "words"],
    "properties": {
        "area": {"enum": ["gpu", "slurm", "network", "none"]},
        "sure": {"type": "boolean"},
        "words": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 20}},
    },
}


@pytest.fixture(params=["fake", "real"])
def one(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    if request.param == "fake":
        with FakeModelServer() as fake:
            yield Endpoint(base_url=fake.base_url, model="fake-model")
        return
    url = os.environ.get("LLO11YPOP_TEST_MODEL_URL")
    if not url:
        pytest.skip("LLO11YPOP_TEST_MODEL_URL names no endpoint")
    key = os.environ.get("LLO11YPOP_TEST_MODEL_KEY_FILE")
    model = os.environ.get("LLO11YPOP_TEST_MODEL", "")
    yield Endpoint(base_url=url, model=model, api_key_file=Path(key) if key else None, timeout_s=250, max_tokens=200)


def ask(question: str, **more: Any) -> Request:
    return Request(
        "director", "route", "conformance", SYSTEM, data_block("question", question), more.pop("schema", SCHEMA), **more
    )


async def test_a_probe_finds_a_way_that_works(one: Endpoint) -> None:
    found, listed, why = await probe(one, SystemClock())
    assert found.method is not None, why
    assert listed.names is None or one.model in listed.names


async def test_answers_keep_to_the_schema_and_are_counted(one: Endpoint) -> None:
    models = Endpoints(Models(endpoints={"director": one}))
    with spending(Scope.QUESTION) as spent:
        for question in ("Which GPUs are too hot?", "Какие задания ждут в очереди?", "哪些链路在抖动？ 🌡️"):
            reply = await models.ask(ask(question))
            assert violation(reply.value, SCHEMA) == ""
            assert reply.latency_s > 0
    summary = spent.summary()
    assert summary["calls"] >= 3
    assert summary["unmetered"] or summary["tokens_in"] > 100


async def test_an_answer_that_does_not_fit_is_cut_off_and_not_half_an_answer(one: Endpoint) -> None:
    short = one.model_copy(update={"max_tokens": 3})
    with pytest.raises(Refused) as bad:
        await Endpoints(Models(endpoints={"director": short})).ask(ask("Which GPUs are too hot?"))
    assert bad.value.reason == Reason.CUT_OFF


async def test_a_model_that_is_not_there_is_refused_or_ignored(one: Endpoint) -> None:
    other = one.model_copy(update={"model": "no-such-model"})
    try:
        reply = await Endpoints(Models(endpoints={"director": other})).ask(ask("Which GPUs are too hot?"))
    except Refused as bad:
        assert bad.reason in (Reason.NOT_CONFIGURED, Reason.SCHEMA)
    else:
        assert violation(reply.value, SCHEMA) == "", "llama.cpp serves one model whatever is asked for"
