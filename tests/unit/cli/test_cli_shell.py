"""The shell of the command line: lazy, one line per error, exit codes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from llo11ypop import cli
from llo11ypop.core.errors import ConfigError

HEAVY = ("duckdb", "langgraph", "sqlalchemy", "fastapi", "pyarrow", "numpy", "pydantic", "structlog", "rich")


def _python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - our own code


def test_help_imports_nothing_heavy() -> None:
    done = _python(
        "import sys; from llo11ypop.cli import run; code = run(['--help']); "
        f"print(code, [m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "0 []"


def test_help_is_quick() -> None:
    began = time.perf_counter()
    _python("from llo11ypop.cli import run; run(['--help'])")
    assert time.perf_counter() - began < 3.0, "0.14 s on an idle machine; this bound is for a busy one"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in cli.COMMANDS)
    assert "..." not in shown.replace("[ARGS]...", "")


@pytest.mark.parametrize("name", ["up", "run", "once", "goals", "doctor", "evidence", "catalog"])
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([name, "--help"]) == 0
    assert "Usage: llo11ypop" in capsys.readouterr().out


def test_an_unknown_command_is_bad_usage_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["onse"]) == 2
    assert "Did you mean 'once'" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["once", "--bogus"], ["--bogus"], ["once", "--at"]])
def test_bad_usage_exits_2(argv: list[str]) -> None:
    assert cli.run(argv) == 2


@pytest.mark.parametrize("where", ["before", "behind", "equals"])
def test_config_may_stand_before_or_behind_the_command(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from llo11ypop import settings

    monkeypatch.setattr(settings, "_chosen", [])
    (tmp_path / "llo11ypop.yaml").write_text("cycle:\n  evry: 1\n", encoding="utf-8")
    option = ["--config", str(tmp_path)]
    argv = {"before": [*option, "goals"], "behind": ["goals", *option], "equals": ["goals", f"--config={tmp_path}"]}
    assert cli.run(argv[where]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"llo11ypop: {tmp_path}/llo11ypop.yaml:2: cycle.evry")
    assert error.count("\n") == 1


def test_a_known_error_is_one_line_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise ConfigError("two\nlines", next_step="mend it")

    monkeypatch.setattr(cli, "load_command", explode)
    assert cli.run(["once"]) == 2
    assert capsys.readouterr().err == "llo11ypop: two lines — mend it\n"


def test_missing_telemetry_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__PATH", str(tmp_path / "none.duckdb"))
    assert cli.run(["once"]) == 1
    error = capsys.readouterr().err
    assert "no telemetry at" in error
    assert "llo11ypop up" in error


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01"])
def test_a_bad_instant_is_bad_usage(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["once", "--at", at]) == 2
    assert "is not an instant" in capsys.readouterr().err


def test_the_unforeseen_is_one_line_and_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError as bad:
        cli.report_unexpected(type(bad), bad, bad.__traceback__)
    error = capsys.readouterr().err
    assert error.startswith("llo11ypop: unexpected ZeroDivisionError: oops — the traceback is in ")
    path = Path(error.split("the traceback is in ")[1].split(" (or")[0])
    assert "raise ZeroDivisionError" in path.read_text(encoding="utf-8")
    path.unlink()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("llo11ypop ")


def test_a_flag_behind_two_dashes_is_left_alone() -> None:
    assert cli._take_globals(["--", "--debug"], set()) == ["--", "--debug"]


def test_goals_are_listed_without_a_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(tmp_path / "ledger.sqlite"))
    assert cli.run(["goals"]) == 0
    assert capsys.readouterr().out.startswith("STATE")


def test_doctor_exits_1_when_something_must_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__PATH", str(tmp_path / "none.duckdb"))
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(tmp_path / "ledger.sqlite"))
    assert cli.run(["doctor"]) == 1
    assert "FAIL  telemetry" in capsys.readouterr().out
