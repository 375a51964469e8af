"""Rules, model and both side by side: shares, intervals, pairs, and the whole pipeline against a fake endpoint.

What the fake answers is scripted: these figures test the pipeline, and say nothing about any model.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.evals.suite.minds import result, text, wilson
from llo11ypop.evals.suite.side import Side
from llo11ypop.models.fake import FakeModelServer, Rule
from tests.ask_fleet import fleet_file

CASE = """
id: {id}
level: question
analyst: slurm
question: "{question}"
paraphrases: ["{other}", "{other} please"]
expect: {{sql: "SELECT cluster, count(*) FROM slurm_jobs WHERE state IN {failed} GROUP BY cluster"}}
"""
FAILED = "('FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY', 'BOOT_FAIL', 'DEADLINE', 'TIMEOUT')"


@pytest.mark.parametrize(
    ("share", "n", "low", "high"), [(0.5, 10, 0.237, 0.763), (1.0, 20, 0.839, 1.0), (0.0, 20, 0.0, 0.161), (0.0, 0, 0.0, 1.0)]
)
def test_an_interval_is_wilsons(share: float, n: int, low: float, high: float) -> None:
    assert wilson(share, n) == pytest.approx((low, high), abs=5e-4)


def test_passing_once_is_a_mean_and_passing_every_time_is_all_of_them() -> None:
    rules, both = Side(Minds.RULE), Side(Minds.BOTH)
    rules.units = {("query_writer", str(n)): [n < 4] * 3 for n in range(10)}
    both.units = {("query_writer", str(n)): [n < 9, n < 9, n < 5] for n in range(10)}
    found = result([rules, both], 3)
    shares = found["minds"]["both"]["agents"]["query_writer"]
    assert (shares["pass_1"], shares["pass_k"]) == (pytest.approx((9 + 9 + 5) / 30), 0.5)
    against = found["against_rules"]["both"]["query_writer"]
    assert (against["mended"], against["broken"]) == (5, 0)
    assert against["p_value"] == pytest.approx(2 / 2**5)
    assert "5 mended, 0 broken" in text(found)


def own(folder: Path) -> Path:
    """A copy of the shared fleet: what this process has open elsewhere is locked against other settings."""
    return Path(shutil.copy(fleet_file(), folder / "fleet.duckdb"))


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    for name, question, other in (
        ("known", "Failed jobs per cluster", "jobs that failed, by cluster"),
        ("unknown", "failed jobs per gizmo", "failed jobs per widget"),
    ):
        folder = tmp_path / "cases" / name
        folder.mkdir(parents=True)
        (folder / "case.yaml").write_text(CASE.format(id=name, question=question, other=other, failed=FAILED), encoding="utf-8")
    return tmp_path / "cases"


@pytest.mark.timeout(240)
def test_the_pipeline_compares_rules_model_and_both(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from llo11ypop.cli.evaluate import app

    meanings = [Rule(schema="glosses", contains=f"per {w}", answer={w: ["cluster"]}) for w in ("gizmo", "widget")]
    scripted = [Rule(schema="query_form", answer={"measure": "failed jobs", "by": ["cluster"]}), *meanings]
    with FakeModelServer(scripted) as server:
        models = {"roles": {"query_writer": {"base_url": server.base_url, "model": "fake-query_writer"}}, "cache": 0}
        (tmp_path / "models.yaml").write_text(json.dumps(models), encoding="utf-8")
        monkeypatch.setenv("LLO11YPOP__MODELS__FILE", str(tmp_path / "models.yaml"))
        asked = ["--cases", str(cases), "--fleet", str(own(tmp_path)), "--mind", "model", "--k", "1", "--json"]
        ended = CliRunner().invoke(app, asked, catch_exceptions=False)
        assert len(server.bodies) == 3 + 3 * 3
    found: dict[str, Any] = json.loads(ended.stdout[ended.stdout.index("{") :])
    assert ended.exit_code == 0
    assert set(found["minds"]) == {"rule", "model", "both"}
    shares = {m: s["agents"]["query_writer"] for m, s in found["minds"].items()}
    assert shares["rule"]["units"] == shares["both"]["units"] == 6
    assert shares["rule"]["pass_1"] == 0.5
    assert shares["both"]["pass_1"] == shares["both"]["pass_k"] == 1.0
    assert shares["model"]["pass_1"] == 1.0
    assert found["against_rules"]["both"]["query_writer"] == {"broken": 0, "mended": 3, "p_value": 0.25}
    back = found["where_rules_asked_back"]["both"]["answerable"]
    assert back == {"units": 3, "runs": {"right": 3}}
    assert found["minds"]["both"]["second_readings"] == {"agrees": {"right": 3}, "alone": {"right": 3}}
    assert [c["rules"] for c in found["changed"]["both"]] == ["asked_back"] * 3
    assert all(c["runs"][0]["reading"] for c in found["changed"]["both"])
    assert found["minds"]["both"]["groundedness"] == 1.0
    assert found["minds"]["both"]["spent"]["calls"] + found["minds"]["both"]["spent"]["from_memory"] >= 12
    assert found["minds"]["rule"]["spent"]["calls"] == 0
    assert found["minds"]["model"]["spent"] == found["minds"]["both"]["spent"]


def test_without_a_model_it_says_what_to_set(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from llo11ypop.cli.evaluate import app
    from llo11ypop.core.errors import ConfigError

    (tmp_path / "models.yaml").write_text("roles: {}\n", encoding="utf-8")
    monkeypatch.setenv("LLO11YPOP__MODELS__FILE", str(tmp_path / "models.yaml"))
    asked = ["--cases", str(cases), "--fleet", str(own(tmp_path)), "--mind", "both", "--k", "1"]
    with pytest.raises(ConfigError, match="query_writer"):
        CliRunner().invoke(app, asked, catch_exceptions=False)
