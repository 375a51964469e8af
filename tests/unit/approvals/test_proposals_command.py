"""`llo11ypop proposals`, `feedback`, `autonomy` and `db`, as a person uses them."""

import asyncio
import json
from pathlib import Path

import pytest

from llo11ypop import cli
from llo11ypop.core.errors import ConfigError, ConflictError
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import evidence, proposal

ONE = proposal(1).id
AT = ("--at", "2026-05-01T12:10Z", "--as", "ana")


@pytest.fixture(autouse=True)
def ledger_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "state" / "ledger.sqlite"
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(path))
    monkeypatch.setenv("LLO11YPOP__LEDGER__CHECKPOINTS", str(tmp_path / "state" / "checkpoints.sqlite"))
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__PATH", str(tmp_path / "none.duckdb"))
    monkeypatch.setenv("COLUMNS", "140")
    return path


@pytest.fixture
def filed(ledger_file: Path) -> None:
    async def work() -> None:
        ledger_file.parent.mkdir()
        ledger = SqlLedger.open(ledger_file, upgrade=True)
        for number in (1, 2):
            await ledger.file(proposal(number), [evidence()])
        await ledger.close()

    asyncio.run(work())


def status_of(capsys: pytest.CaptureFixture[str], number: int = 1) -> str:
    capsys.readouterr()
    assert cli.run(["proposals", "list", "--json"]) == 0
    listed = {p["id"]: p["status"] for p in json.loads(capsys.readouterr().out)}
    return str(listed[proposal(number).id])


def test_an_empty_ledger_lists_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["proposals", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert cli.run(["proposals", "list"]) == 0
    assert "no proposals" in capsys.readouterr().out


@pytest.mark.usefixtures("filed")
def test_the_list_has_the_keys_that_scripts_rely_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["proposals", "list", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    wanted = "id status title goal cause confidence entities severity queue action evidence alternatives created_at"
    assert {*wanted.split(), "dedup_key"} <= first.keys()
    assert first["action"] == {"name": "TECH", "arguments": {"node": "gpu-a-001", "part": "fan", "slot": 3}}
    assert first["entities"][0] == "node:gpu-a-001"


@pytest.mark.usefixtures("filed")
def test_show_is_for_people_and_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["proposals", "show", ONE[:8]]) == 0
    text = capsys.readouterr().out
    assert "gpu-a-001: fan FAN3 stopped" in text
    assert f"proposals approve {ONE[:8]}" in text
    assert cli.run(["proposals", "show", ONE, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["evidence_rows"][0]["rows"][0] == {"sensor": "FAN3", "rpm": 0.0}
    assert found["verdicts"] == []


@pytest.mark.usefixtures("filed")
def test_approving_records_the_exact_action_and_a_second_time_says_who_was_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["proposals", "approve", ONE, *AT]) == 0
    assert '"slot": 3' in capsys.readouterr().out
    assert cli.run(["proposals", "approve", ONE, *AT]) == ConflictError.exit_code
    assert "already approved by ana" in capsys.readouterr().err
    assert status_of(capsys) == "approved"


@pytest.mark.usefixtures("filed")
def test_rejecting_needs_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["proposals", "reject", ONE, *AT]) == 2
    assert cli.run(["proposals", "reject", ONE, "--reason", "wrong_action", *AT]) == 0
    assert status_of(capsys) == "rejected"


@pytest.mark.usefixtures("filed")
def test_snoozing_takes_a_duration_or_an_instant(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["proposals", "snooze", ONE, "--for", "4h", "--until", "2026-05-02T00:00Z", *AT]) == 2
    assert cli.run(["proposals", "snooze", ONE, "--for", "soon", *AT]) == 2
    assert cli.run(["proposals", "snooze", ONE, *AT]) == 0
    assert "snoozed until 2026-05-01 16:10Z" in capsys.readouterr().out
    assert cli.run(["proposals", "snooze", proposal(2).id, "--until", "2026-05-02T00:00Z", *AT]) == 0


@pytest.mark.usefixtures("filed")
def test_editing_changes_only_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["proposals", "edit", ONE, "--set", "slot=x", *AT]) == 1
    assert "must be a whole number" in capsys.readouterr().err
    assert cli.run(["proposals", "edit", ONE, "--set", "slot", *AT]) == 2
    assert cli.run(["proposals", "edit", ONE, "--set", "node=nowhere", *AT]) == 1
    assert cli.run(["proposals", "edit", ONE, "--set", "slot=4", *AT]) == 0
    assert '{"node": "gpu-a-001", "part": "fan", "slot": 4}' in capsys.readouterr().out
    assert cli.run(["proposals", "edit", proposal(2).id, "--action", "DRAIN", *AT]) == 0


@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize("wanted", ["nope", ""])
def test_an_unknown_id_is_a_usage_error(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["proposals", "show", wanted]) == ConfigError.exit_code
    assert "no proposal named" in capsys.readouterr().err


@pytest.mark.usefixtures("filed")
def test_feedback_is_one_json_document_per_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cli.run(["proposals", "approve", ONE, *AT])
    cli.run(["proposals", "reject", proposal(2).id, "--reason", "noise", *AT])
    capsys.readouterr()
    assert cli.run(["feedback", "export"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["verdict"]["kind"] for r in records] == ["approve", "reject"]
    assert cli.run(["feedback", "export", "--out", str(tmp_path / "f.jsonl")]) == 0
    assert [json.loads(line) for line in (tmp_path / "f.jsonl").read_text().splitlines()] == records


@pytest.mark.usefixtures("filed")
def test_autonomy_shows_counts_and_grants_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["proposals", "approve", ONE, *AT])
    capsys.readouterr()
    assert cli.run(["autonomy", "show"]) == 0
    assert "level: propose" in capsys.readouterr().out
    assert cli.run(["autonomy", "show", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["action"], record["approved"], record["level"]) == ("TECH", 1, "propose")
    assert cli.run(["autonomy", "grant", "TECH", "c-a"]) == 2
    assert "cannot be granted" in capsys.readouterr().err
    assert cli.run(["autonomy", "revoke", "TECH", "c-a"]) == 2


def test_the_database_is_made_and_pruned(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["db", "upgrade"]) == 0
    assert "empty → 0004" in capsys.readouterr().out
    assert cli.run(["db", "upgrade"]) == 0
    assert "already at 0004" in capsys.readouterr().out
    assert cli.run(["db", "prune", "--older-than", "90d"]) == 0
    assert "removed 0 proposal(s)" in capsys.readouterr().out
    assert cli.run(["db", "prune"]) == 2


async def test_the_studio_export_answers_on_the_configured_ledger() -> None:
    from graphs.approval import make

    async with make() as graph:
        assert {"ask", "execute", "record"} <= set(graph.get_graph().nodes)
