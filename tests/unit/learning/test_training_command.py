"""`llo11ypop feedback export --format`, over a real ledger and a real fleet."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from llo11ypop import cli
from llo11ypop.ledger import SqlLedger
from llo11ypop.models.port import Usage
from llo11ypop.models.record import Call, Noted
from tests.ask_fleet import END, fleet_file

USERS = 'SELECT DISTINCT "user" FROM slurm_jobs WHERE "user" <> \'\' ORDER BY 1'


@pytest.fixture
def somebody() -> str:
    with duckdb.connect(str(fleet_file()), read_only=True) as db:
        found = db.execute(USERS).fetchall()
    return str(found[0][0])


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody: str) -> None:
    path = tmp_path / "ledger.sqlite"
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(path))
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__PATH", str(fleet_file()))
    call = Call(
        id="call-0",
        at=END,
        role="query_writer",
        name="plan",
        model="qwen",
        prompt_hash="p1",
        request_hash="r0",
        system="You write plans.",
        user="",
        schema="{}",
        output="{}",
        outcome="accepted",
        why="",
        usage=None,
        estimate=Usage(1, 1),
        latency_s=1.0,
    )

    async def work() -> None:
        ledger = SqlLedger.open(path, upgrade=True)
        for n in range(12):
            user = f"Question {n}: what did {somebody} run with password=hunter{n}2?"
            await ledger.model_calls.keep(replace(call, id=f"call-{n}", user=user, request_hash=f"r{n}"))
            await ledger.model_calls.note(f"call-{n}", Noted(n > 0, "", {"better": True} if n == 0 else None))
        await ledger.close()

    asyncio.run(work())


@pytest.mark.parametrize(("form", "lines"), [("sft", 12), ("dpo", 1), ("kto", 13)])
def test_files_without_people_and_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], somebody: str, form: str, lines: int
) -> None:
    assert cli.run(["feedback", "export", "--format", form, "--out", str(tmp_path / form)]) == 0
    assert f"{lines} line(s) in " in capsys.readouterr().out
    text = "".join((tmp_path / form / f"{name}.jsonl").read_text(encoding="utf-8") for name in ("train", "validation", "test"))
    assert len([json.loads(line) for line in text.splitlines()]) == lines
    assert somebody not in text
    assert "hunter" not in text
    assert "person-" in text
    assert "names of people were looked up in telemetry" in (tmp_path / form / "README.md").read_text(encoding="utf-8")


def test_without_telemetry_the_card_says_that_names_were_not_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody: str
) -> None:
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__PATH", str(tmp_path / "none.duckdb"))
    assert cli.run(["feedback", "export", "--format", "sft", "--out", str(tmp_path / "a")]) == 0
    assert "could not be looked up" in (tmp_path / "a" / "README.md").read_text(encoding="utf-8")
    assert somebody in (tmp_path / "a" / "train.jsonl").read_text(encoding="utf-8")


def test_training_data_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["feedback", "export", "--format", "sft"]) == 2
    assert "name a folder with --out" in capsys.readouterr().err
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert cli.run(["feedback", "export", "--format", "sft", "--out", str(tmp_path / "file"), "--no-names"]) == 2
    assert "cannot be written" in capsys.readouterr().err
