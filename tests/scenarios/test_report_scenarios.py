"""Reports on simulated nights whose truth is known: the right incidents, the right jobs, and one line when nothing happened."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llo11ypop import cli
from llo11ypop.core.clock import parse_instant
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet

pytestmark = [pytest.mark.slow, pytest.mark.scenario, pytest.mark.timeout(600)]

NIGHT = ["--since", "2026-05-01T20:00:00Z", "--until", "2026-05-02T06:00:00Z", "--at", "2026-05-02T06:00:00Z"]
BROKEN = """
- {mode: F26, entity: "node:gpu-a-002", start: "+24h", duration: "5h", strength: 0.9}
- {mode: F16, entity: "node:gpu-a-003", start: "+23h", duration: "6h", strength: 0.8}
"""


def fleet(folder: Path, scenario: str) -> Path:
    """64 GPUs and 30 hours; only what the scenario says goes wrong."""
    (folder / "scenario.yaml").write_text(scenario, encoding="utf-8")
    world, _ = simulate(SimulationSpec(seed=5, gpus=64, days=30 / 24, scenario=folder / "scenario.yaml"))
    write_fleet(world, folder / "fleet.duckdb")
    return folder / "fleet.duckdb"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet(tmp_path_factory.mktemp("broken"), BROKEN)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet(tmp_path_factory.mktemp("calm"), "[]")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`llo11ypop report …` with an hour between cycles, away from the checkout's own ledger; what it printed."""
    monkeypatch.setenv("LLO11YPOP__REPORT__REPLAY_EVERY", "1h")
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("LLO11YPOP__REPORT__FOLDER", str(tmp_path / "reports"))

    def report(*argv: str, code: int = 0) -> str:
        assert cli.run(["report", *NIGHT, *argv]) == code
        return capsys.readouterr().out

    return report


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as db:
        return db.execute(sql).fetchall()


def test_a_night_with_known_faults(broken: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLO11YPOP__REPORT__PRICE_PER_GPU_HOUR", "2.5")
    made = json.loads(run("--fleet", str(broken), "--format", "json"))
    facts = made["facts"]
    found = {(i["cause"], i["entity"]): i for i in facts["incidents"]}
    host, fan = found["F26", "node:gpu-a-002"], found["F16", "node:gpu-a-003"]
    for one, truth in ((host, "2026-05-02T00:00"), (fan, "2026-05-01T23:00")):
        assert abs(parse_instant(one["since"]) - parse_instant(truth)) < timedelta(minutes=30)
    assert {c["cause"] for c in host["considered"]} >= {"unknown", "planned work"}
    assert host["decision"]["status"] == "not asked"
    lost = rows(
        broken,
        "SELECT job_id, account, gpu_seconds / 3600 FROM slurm_jobs WHERE state = 'NODE_FAIL' AND run_id = '' "
        "AND end_at >= '2026-05-01 20:00' AND end_at < '2026-05-02 06:00'",
    )
    said = {j["job_id"]: j for j in facts["hit"]["jobs"] if j["state"] == "NODE_FAIL" and not j["run_id"]}
    assert {*said} == {job for job, _, _ in lost}
    for job, account, hours in lost:
        assert said[job]["account"] == account
        assert said[job]["lost_h"] == pytest.approx(hours)
        assert said[job]["incident"] == host["id"]
    total = sum(j["lost_h"] for j in facts["hit"]["jobs"]) + sum(o["lost_h"] for o in facts["hit"]["outages"])
    assert f"{total * 2.5:,.0f} USD" in " ".join(s["text"] for s in made["headline"]) or total * 2.5 < 100
    site, region = rows(broken, "SELECT site, region FROM inventory_clusters WHERE cluster = 'c-a'")[0]
    assert (host["site"], host["region"]) == (site, region)
    assert all(i in made["evidence"] for i in host["evidence"])


def test_a_night_without_faults_is_one_line(calm: Path, run: Callable[..., str]) -> None:
    made = json.loads(run("--fleet", str(calm), "--format", "json"))
    assert made["quiet"], made["facts"]["incidents"]
    assert len(made["headline"]) == 1
    assert "in a replay on 64 GPUs" in made["headline"][0]["text"]


def test_a_report_is_sent_once(calm: Path, run: Callable[..., str], tmp_path: Path) -> None:
    first = run("--fleet", str(calm), "--send")
    assert first.startswith("folder: delivered — ")
    assert "was delivered before" in run("--fleet", str(calm), "--send")
    assert len(list((tmp_path / "reports").glob("*.html"))) == 1


def test_the_default_profile_says_what_it_cannot_see(broken: Path, run: Callable[..., str], tmp_path: Path) -> None:
    with duckdb.connect(str(broken), read_only=True) as db:
        tables = [t for (t,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    thin = tmp_path / "thin.duckdb"
    with duckdb.connect(str(thin)) as db:
        db.execute(f"ATTACH '{broken}' AS whole (READ_ONLY)")
        for table in tables:
            if table not in ("checkpoints", "maintenance_windows", "supply_chain", "gpu_events"):
                db.execute(f'CREATE TABLE "{table}" AS FROM whole."{table}"')
    made = json.loads(run("--fleet", str(thin), "--format", "json"))
    blind = next(s for s in made["sections"] if s["id"] == "blind")
    told = " ".join(s["text"] for s in blind["statements"])
    assert "does not export checkpoints, gpu_events, maintenance_windows and supply_chain" in told
    notes = " ".join(n for s in made["sections"] for n in s["notes"])
    assert "not exported here (gpu_events)" in notes
    assert ("F16", "node:gpu-a-003") in {(i["cause"], i["entity"]) for i in made["facts"]["incidents"]}


@pytest.mark.parametrize(
    "argv",
    [["--last-night", "--last-week"], ["--again"], ["--since", "tomorrow"]],
)
def test_wrong_usage_is_one_line(argv: list[str], calm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", "--fleet", str(calm), *argv]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
