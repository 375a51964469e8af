"""What doctor finds out about endpoints, and that the client uses it."""

import json
from pathlib import Path
from typing import Any

import pytest

from llo11ypop import cli
from llo11ypop.cli.doctor_models import examine_models
from llo11ypop.core.errors import ConfigError
from llo11ypop.daemon.models import models_of
from llo11ypop.ledger import SqlLedger
from llo11ypop.models.fake import FakeModelServer
from llo11ypop.models.port import NO_MODELS
from llo11ypop.settings import Settings, load_settings
from tests.model_samples import VALUE, request


def settings(tmp_path: Path, fake: FakeModelServer, roles: str = "  writer: {}\n", **more: Any) -> Settings:
    defaults = json.dumps({"base_url": fake.base_url, "model": "fake-model", "retries": 0, **more})
    (tmp_path / "models.yaml").write_text(f"defaults: {defaults}\nroles:\n{roles}", encoding="utf-8")
    return load_settings(models={"file": tmp_path / "models.yaml", "probed": tmp_path / "found" / "models.json"})


async def test_without_roles_there_is_nothing_to_probe() -> None:
    found = load_settings()
    assert [state for state, _ in await examine_models(found)] == ["ok"]
    assert models_of(found) is NO_MODELS


async def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no models at"):
        models_of(load_settings(models={"file": tmp_path / "models.yaml"}))


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
async def test_the_strictest_way_that_works_is_found_kept_and_used(fake: FakeModelServer, tmp_path: Path, method: str) -> None:
    methods = ("json_schema", "function_calling", "json_mode")
    fake.script(methods=methods[methods.index(method) :])
    found = settings(tmp_path, fake, "  writer: {}\n  analyst: {}\n")
    (state, text), (other, unused) = await examine_models(found)
    assert (state, other) == ("ok", "warn")
    assert unused.startswith("analyst: no analyst asks a model")
    assert text.startswith(f"writer, analyst: fake-model at {fake.base_url}, {method}, 32,768 tokens of context, ")
    fake.script(methods=methods[methods.index(method) :])
    assert (await models_of(found).ask(request("writer"))).value == VALUE
    assert len(fake.bodies) == 1, "no way was tried that does not work"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("prose", "gives no JSON that keeps to a schema — json_schema: the answer is text"),
        ("wrong_json", "gives no JSON that keeps to a schema"),
        ("500", "failed (500)"),
        ("401", "refused the key"),
        ("404", "is not there"),
        ("html", "does not speak the OpenAI protocol"),
    ],
)
async def test_what_cannot_be_used_fails_with_its_reason(fake: FakeModelServer, tmp_path: Path, fault: str, words: str) -> None:
    fake.script(fault=fault)
    lines = await examine_models(settings(tmp_path, fake))
    assert [state for state, _ in lines] == ["fail"]
    assert words in lines[0][1]


async def test_a_server_that_is_not_there(fake: FakeModelServer, tmp_path: Path) -> None:
    lines = await examine_models(settings(tmp_path, fake, base_url="http://127.0.0.1:9/v1"))
    assert [state for state, _ in lines] == ["fail"]
    assert "cannot be reached" in lines[0][1]


async def test_warnings_say_what_to_expect(fake: FakeModelServer, tmp_path: Path) -> None:
    fake.script(fault="no_usage")
    lines = await examine_models(settings(tmp_path, fake, "  writer: {model: fake-other, max_tokens: 30000}\n"))
    states = [state for state, _ in lines]
    text = " ".join(text for _, text in lines)
    assert states == ["warn", "ok", "warn"]
    assert "lists no model fake-other" in text
    assert "counts no tokens" in text


async def test_a_small_context_is_said(tmp_path: Path) -> None:
    with FakeModelServer(context=4096) as small:
        lines = await examine_models(settings(tmp_path, small))
    assert [state for state, _ in lines] == ["ok", "warn"]
    assert "7,024 tokens of context" in lines[1][1]


def test_doctor_prints_it(
    fake: FakeModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(tmp_path, fake)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLO11YPOP__MODELS__FILE", str(tmp_path / "models.yaml"))
    cli.run(["doctor"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith(f"ok models writer: fake-model at {fake.base_url}, json_schema") for line in lines)


async def test_calls_are_kept_in_the_ledger_and_count_for_the_day(fake: FakeModelServer, tmp_path: Path) -> None:
    found = settings(tmp_path, fake)
    file = tmp_path / "models.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "budgets: {day: {calls: 2}}\ncache: 0\n", encoding="utf-8")
    ledger = SqlLedger.in_memory()
    for _ in range(2):  # as two processes, or one that is started again
        await models_of(found, ledger).ask(request("writer", refs=("evidence-1",)))
    late = models_of(found, ledger)
    with pytest.raises(Exception, match="the day's budget of 2 calls is used up"):
        await late.ask(request("writer"))
    kept = [one.call async for one in ledger.model_calls.all()]
    assert [(c.role, c.outcome, c.refs, json.loads(c.output)) for c in kept] == [
        ("writer", "accepted", ("evidence-1",), VALUE)
    ] * 2
    assert kept[0].request_hash == kept[1].request_hash
    await ledger.close()


async def test_no_call_is_kept_where_that_is_not_wanted(fake: FakeModelServer, tmp_path: Path) -> None:
    settings(tmp_path, fake)
    quiet = load_settings(models={"file": tmp_path / "models.yaml", "record": False})
    ledger = SqlLedger.in_memory()
    await models_of(quiet, ledger).ask(request("writer"))
    assert [one async for one in ledger.model_calls.all()] == []
    await ledger.close()
