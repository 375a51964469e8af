"""The fake endpoint is honest about being one, and its script is what it says."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from llo11ypop import cli
from llo11ypop.core.errors import ConfigError
from llo11ypop.models.answers import violation
from llo11ypop.models.fake import FAULTS, FakeModelServer, Rule, load_rules
from llo11ypop.models.fake.samples import hostile, simplest

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 6}, "b": {"type": "null"}}},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "array", "minItems": 2, "items": {"type": "boolean"}}}},
    {"type": "object", "required": ["a"], "properties": {"a": {"anyOf": [{"type": "integer", "minimum": 3}, {"const": "x"}]}}},
    {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"$ref": "#/$defs/step"}},
        "$defs": {"step": {"type": ["string", "null"], "maxLength": 4}},
    },
    {"type": "object", "required": ["a"], "properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "number", "maximum": 0.5}}},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_made_up_answers_match_their_schema(schema: dict[str, Any]) -> None:
    assert violation(simplest(schema), schema) == ""
    assert violation(hostile(schema), schema) == ""


def post(fake: FakeModelServer, **body: Any) -> httpx.Response:
    said = {"model": "fake-model", "messages": [{"role": "user", "content": "hi"}], **body}
    return httpx.post(f"{fake.base_url}/chat/completions", json=said, trust_env=False)


def test_every_name_says_fake(fake: FakeModelServer) -> None:
    listed = httpx.get(f"{fake.base_url}/models", trust_env=False)
    assert all(m["id"].startswith("fake") for m in listed.json()["data"])
    assert "fake" in listed.headers["server"]
    reply = post(fake).json()
    assert "fake" in reply["id"]
    assert "fake" in reply["choices"][0]["message"]["content"]
    assert post(fake, model="gpt-5").status_code == 404


def test_rules_are_tried_in_order_and_used_up(fake: FakeModelServer) -> None:
    rules = [
        Rule(contains="gpu", times=1, answer={"n": 1}),
        Rule(role="judge", answer="judged"),
        Rule(schema="plan", answer="planned"),
        Rule(calls=({"name": "sql", "arguments": {"q": "SELECT 1"}},), times=1),
    ]
    fake.script(rules)
    gpu = [{"role": "user", "content": "gpu?"}]
    form = {"type": "json_schema", "json_schema": {"name": "plan", "schema": {"type": "object"}}}
    said = [post(fake, messages=gpu), post(fake, model="fake-judge"), post(fake, response_format=form), post(fake), post(fake)]
    messages = [r.json()["choices"][0]["message"] for r in said]
    assert [m["content"] for m in messages] == ['{"n": 1}', "judged", "planned", None, "This is a fake answer."]
    assert messages[3]["tool_calls"][0]["function"] == {"name": "sql", "arguments": '{"q": "SELECT 1"}'}
    assert said[3].json()["choices"][0]["finish_reason"] == "tool_calls"
    assert [b["model"] for b in fake.bodies][1] == "fake-judge"


def test_a_fault_may_come_now_and_then(fake: FakeModelServer) -> None:
    fake.script(fault="500", every=3)
    assert [post(fake).status_code for _ in range(6)] == [200, 200, 500, 200, 200, 500]


def test_rules_are_read_from_a_file_and_mistakes_have_their_line(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules:\n  - {schema: plan, answer: {steps: []}}\n  - {contains: x, fault: slow}\n", encoding="utf-8")
    first, second = load_rules(file)
    assert (first.schema_name, first.answer, second.fault) == ("plan", {"steps": []}, "slow")
    file.write_text("rules:\n  - {schema: plan}\n  - {fault: sloow}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"rules\.yaml:3: "):
        load_rules(file)


def test_the_command_lists_faults_and_refuses_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["fake-model", "--fault", "list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == list(FAULTS)
    assert cli.run(["fake-model", "--fault", "nonsense"]) == 2
    assert "no fault named 'nonsense'" in capsys.readouterr().err


def test_the_command_serves_until_it_is_stopped() -> None:
    command = [sys.executable, "-m", "llo11ypop", "fake-model", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        assert process.stdout is not None
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/v1", line)
        assert url, line
        assert "FAKE" in line
        assert httpx.get(f"{url[0]}/models", trust_env=False).json()["data"][0]["id"] == "fake-model"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
