"""The scorer over a small simulated fleet, from the command line."""

import json
from pathlib import Path

import pytest

from llo11ypop.cli import run
from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import StoreError
from llo11ypop.evals.fleet_score import Wanted, read_meta, score_scenario

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.timeout(300)]

FAN = '- {mode: F16, start: "+30h", duration: "8h"}\n'


def test_a_scenario_with_one_fan(tmp_path: Path) -> None:
    file = tmp_path / "fan.yaml"
    file.write_text(FAN)
    start = "2026-05-02T05:00:00+00:00"
    wanted = Wanted(start=parse_instant(start), until=parse_instant("2026-05-02T08:00:00Z"))
    out = score_scenario(file, tmp_path, days=2.0, wanted=wanted)
    assert [i.truth.mode for i in out.ours.matching.incidents] == ["F16"]
    assert out.errors == ()
    assert out.cycles == 13
    assert out.ours.matching.missed == []


def test_the_command_prints_its_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--gpus",
        "64",
        "--days",
        "2",
        "--until",
        "2026-05-02T02:00:00Z",
        "--jobs",
        "1",
        "--keep",
        str(tmp_path),
        "--json",
    ]
    assert run(["score", "--seed", "5", "--quiet", *arguments]) == 0
    out = json.loads(capsys.readouterr().out)
    assert (out["incidents"], out["cycles"]) == (0, 9)
    assert out["planned_or_quiet_proposals"] == out["false_proposals"]
    assert list(out["per_seed"]) == ["seed 5"]
    assert {"recall", "precision"} <= set(out["baseline"])


def test_a_missing_fleet_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", str(tmp_path / "no.duckdb")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["--cadence", "often"], ["--cadence", "0s"], ["--from", "then"], ["--seed", "1", "--gpus", "3"]]
)
def test_wrong_arguments_end_with_two(arguments: list[str]) -> None:
    assert run(["score", *arguments]) == 2


def test_a_file_that_is_no_fleet(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_text("no")
    with pytest.raises(StoreError, match="not a simulated fleet"):
        read_meta(tmp_path / "x.duckdb")
