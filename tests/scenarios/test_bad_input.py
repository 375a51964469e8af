"""What is wrong from outside is one line on stderr that names it, exit code 1 or 2, and nothing is lost."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llo11ypop import cli, settings
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import evidence, proposal

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]
CONFIG = Path(__file__).parents[2] / "config"
HOLD_DUCKDB = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
HOLD_SQLITE = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE'); "
    "print('held', flush=True); sys.stdin.read()"
)


@dataclass
class Site:
    """A configuration of its own, a fleet, and a ledger that is not there yet."""

    root: Path
    fleet: Path
    capsys: Any
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    def run(self, *words: str | Path) -> tuple[int, str]:
        """Exit code and stderr, in this process."""
        self.capsys.readouterr()
        code = cli.run([str(w) for w in words])
        return code, self.capsys.readouterr().err

    def spawn(self, *words: str | Path, **more: str) -> tuple[int, str]:
        """Exit code and stderr of the program."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "llo11ypop", *map(str, words)],
            env={**os.environ, **more}, cwd=self.root, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        return done.returncode, done.stderr

    def replace(self, file: str, old: str, new: str) -> int:
        """Change the first `old` in a configuration file; the line it stands on."""
        path = self.root / "config" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1


@pytest.fixture(scope="module")
def small_fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from llo11ypop.simulator.simulate import simulate
    from llo11ypop.simulator.spec import SimulationSpec
    from llo11ypop.simulator.writer import write_fleet

    path = tmp_path_factory.mktemp("fleet") / "fleet.duckdb"
    world, _ = simulate(SimulationSpec(seed=1, gpus=16, days=0.1))
    write_fleet(world, path)
    return path


@pytest.fixture
def site(tmp_path: Path, small_fleet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Site:
    shutil.copytree(CONFIG, tmp_path / "config")
    monkeypatch.setattr(settings, "_chosen", [])
    monkeypatch.setenv("LLO11YPOP_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__PATH", str(small_fleet))
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("LLO11YPOP__LEDGER__CHECKPOINTS", str(tmp_path / "checkpoints.sqlite"))
    return Site(tmp_path, small_fleet, capsys)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False)  # noqa: S603
    if made.returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


@pytest.fixture
def held() -> Iterator[Any]:
    """Has another process hold a file."""
    holding: list[subprocess.Popen[str]] = []

    def hold(program: str, path: Path) -> None:
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        holding.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"

    yield hold
    for child in holding:
        child.communicate("")


def amiss(result: tuple[int, str], code: int, *parts: str | Path) -> list[str]:
    """What is not as it should be: one line of ours on stderr that holds these parts, and this exit code."""
    exit_code, stderr = result
    wanted = {
        "one line": stderr.count("\n") == 1,
        "ours": stderr.startswith("llo11ypop: "),
        "expected by the program": "unexpected" not in stderr,
        f"exit code {code}": exit_code == code,
        **{str(part): str(part) in stderr for part in parts},
    }
    return [f"not {what}: {exit_code} {stderr}" for what, there in wanted.items() if not there]


def filed(path: Path) -> None:
    """A ledger with one proposal."""

    async def work() -> None:
        ledger = SqlLedger.open(path, upgrade=True)
        await ledger.file(proposal(1), [evidence()])
        await ledger.close()

    asyncio.run(work())


def kept(path: Path) -> int:
    """How many proposals are in a ledger."""
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM proposals").fetchone()[0])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("catalog/gpu_metrics.yaml", "fields:", "fields: ["),
        ("catalog/gpu_metrics.yaml", "grain:", "grane:"),
        ("goals.yaml", "    title:", "    titel:"),
        ("playbooks/f16-fan.yaml", "signals:", "signals: ["),
        ("playbooks/f16-fan.yaml", "title:", "titel:"),
        ("llo11ypop.yaml", "  every: 5m", "  evry: 5m"),
        ("llo11ypop.yaml", "cycle:", "cycle: ["),
    ],
)
def test_a_broken_configuration_file(site: Site, file: str, old: str, new: str) -> None:
    line = site.replace(file, old, new)
    exit_code, stderr = site.run("once")
    assert amiss((exit_code, stderr), 2, f"{site.root / 'config' / file}:") == []
    if "[" in new:
        assert int(stderr.split(f"{file}:")[1].split(":")[0]) >= line
    else:
        assert f"{file}:{line}: " in stderr
        assert new.strip(": ").split(":")[0].strip() in stderr
    assert not site.ledger.exists() or kept(site.ledger) == 0


def test_the_program_itself_says_the_same(site: Site) -> None:
    line = site.replace("playbooks/f16-fan.yaml", "title:", "titel:")
    assert amiss(site.spawn("once"), 2, f"f16-fan.yaml:{line}: titel") == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('- mode: F16\n  entity: any\n  strt: "+1h"\n', ":3: "),
        ("- {mode: F16\n", ":2: "),
        ('- {mode: F99, entity: any, start: "+1h"}\n', ":1: "),
        ('- {mode: F16, entity: gpu-z-999, start: "+1h", duration: "1h", strength: 0.5}\n', "gpu-z-999"),
    ],
)
def test_a_broken_scenario(site: Site, text: str, place: str) -> None:
    scenario = site.root / "scenario.yaml"
    scenario.write_text(text, encoding="utf-8")
    out = site.root / "out.duckdb"
    assert (
        amiss(site.run("simulate", "--gpus", "16", "--days", "0.1", "--scenario", scenario, "--out", out), 2, scenario, place)
        == []
    )
    assert not list(site.root.glob("*out.duckdb*"))


START = {"node_id": "n1", "event_time": 1.0, "event_type": "fault_start", "fault_type": {"Desc": "GPU Lost"}}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[{"node_id": "n1",\n', "trace.json:2:1: "),
        (json.dumps([START, {k: v for k, v in START.items() if k != "event_time"}]), "event 2: 'event_time'"),
        (json.dumps([{**START, "event_type": "fault_end"}]), "event 1: "),
        ("", "trace.json:"),
    ],
)
def test_a_broken_trace(site: Site, text: str, place: str) -> None:
    trace = site.root / "trace.json"
    trace.write_text(text, encoding="utf-8")
    assert amiss(site.run("replay", trace), 2, trace, place) == []


def test_a_trace_that_is_not_there(site: Site) -> None:
    assert amiss(site.run("replay", site.root / "none.json"), 2, "none.json") == []


def test_an_unknown_goal(site: Site) -> None:
    assert amiss(site.run("once", "--goal", "fan_failure"), 2, "no goal named 'fan_failure'", "did you mean fan_failures") == []


def test_telemetry_that_is_not_there(site: Site) -> None:
    assert amiss(site.run("once", "--fleet", site.root / "none.duckdb"), 1, "none.duckdb", "llo11ypop simulate") == []


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000])
def test_telemetry_that_is_no_database(site: Site, content: bytes) -> None:
    (site.root / "bad.duckdb").write_bytes(content)
    assert amiss(site.run("once", "--fleet", site.root / "bad.duckdb"), 1, "bad.duckdb", "damaged") == []


def test_telemetry_that_was_cut_off(site: Site) -> None:
    whole = site.fleet.read_bytes()
    (site.root / "cut.duckdb").write_bytes(whole[: len(whole) // 2])
    assert amiss(site.run("once", "--fleet", site.root / "cut.duckdb"), 1, "cut.duckdb") == []


def test_telemetry_without_a_known_table(site: Site) -> None:
    duckdb.connect(str(site.root / "other.duckdb")).close()
    assert amiss(site.run("once", "--fleet", site.root / "other.duckdb"), 1, "other.duckdb") == []


def test_telemetry_that_another_process_writes(site: Site, held: Any) -> None:
    fleet = site.root / "held.duckdb"
    shutil.copy(site.fleet, fleet)
    held(HOLD_DUCKDB, fleet)
    assert amiss(site.spawn("once", "--fleet", fleet), 1, fleet, "another process") == []


def test_a_ledger_that_another_process_holds(site: Site, held: Any) -> None:
    filed(site.ledger)
    held(HOLD_SQLITE, site.ledger)
    assert amiss(site.spawn("once"), 1, site.ledger, "locked by another process") == []


@pytest.mark.parametrize("words", [("once",), ("proposals", "list"), ("db", "upgrade"), ("feedback", "export")])
def test_a_ledger_that_is_damaged(site: Site, words: tuple[str, ...]) -> None:
    site.ledger.write_bytes(b"not a database" * 1000)
    assert amiss(site.run(*words), 1, site.ledger, "not an SQLite database") == []
    assert site.ledger.read_bytes() == b"not a database" * 1000


def test_checkpoints_that_are_damaged(site: Site) -> None:
    checkpoints = site.root / "checkpoints.sqlite"
    checkpoints.write_bytes(b"not a database" * 1000)
    assert amiss(site.run("once"), 1, checkpoints, "move the file away") == []


def test_a_new_ledger_on_a_full_disk(site: Site, full_disk: Path) -> None:
    ledger = full_disk / "ledger.sqlite"
    (full_disk / "ballast").write_bytes(bytes(40_000))
    assert amiss(site.spawn("once", LLO11YPOP__LEDGER__PATH=str(ledger)), 1, ledger, "free space") == []


def test_a_ledger_whose_disk_fills_up_keeps_what_it_has(site: Site, full_disk: Path) -> None:
    home = site.root / "filed.sqlite"
    filed(home)
    subprocess.run(["mount", "-o", "remount,size=1m", str(full_disk)], check=True)  # noqa: S603, S607
    ledger = full_disk / "ledger.sqlite"
    shutil.copy(home, ledger)
    ballast = full_disk / "ballast"
    with ballast.open("wb", buffering=0) as filling, pytest.raises(OSError, match="No space left"):
        while True:
            filling.write(bytes(4096))
    words = ("proposals", "approve", proposal(1).id, "--at", "2026-05-01T12:10Z")
    result = site.spawn(*words, LLO11YPOP__LEDGER__PATH=str(ledger))
    assert amiss(result, 1, ledger) == []
    ballast.unlink()
    assert kept(ledger) == 1
    code, stderr = site.spawn(*words, LLO11YPOP__LEDGER__PATH=str(ledger))
    assert (code, stderr) == (0, "")


def test_simulating_onto_a_full_disk(site: Site, full_disk: Path) -> None:
    out = full_disk / "out.duckdb"
    assert amiss(site.spawn("simulate", "--gpus", "16", "--days", "0.1", "--out", out), 1, out, "free space") == []
    assert not list(full_disk.iterdir())


def test_simulating_into_a_folder_that_is_not_there(site: Site) -> None:
    out = site.root / "none" / "out.duckdb"
    assert amiss(site.run("simulate", "--gpus", "16", "--days", "0.1", "--out", out), 1, out) == []


def test_simulating_into_a_folder_that_cannot_be_written(site: Site) -> None:
    folder = Path("/proc") if os.geteuid() == 0 else site.root / "closed"
    if os.geteuid() != 0:
        folder.mkdir(mode=0o555)
    assert (
        amiss(site.run("simulate", "--gpus", "16", "--days", "0.1", "--out", folder / "out.duckdb"), 1, folder / "out.duckdb")
        == []
    )


async def test_a_clock_that_jumps_files_the_same_trouble_once(site: Site, tmp_path: Path) -> None:
    from llo11ypop.daemon.compose import composed
    from llo11ypop.ooda.cycle import Cycle
    from llo11ypop.simulator.simulate import simulate
    from llo11ypop.simulator.spec import SimulationSpec
    from llo11ypop.simulator.writer import write_fleet

    scenario = tmp_path / "fan.yaml"
    scenario.write_text('- {mode: F16, entity: any, start: "+2h", duration: "12h", strength: 0.8}\n', encoding="utf-8")
    world, _ = simulate(SimulationSpec(seed=5, gpus=64, days=6 / 24, scenario=scenario))
    write_fleet(world, tmp_path / "fan.duckdb")
    start = datetime(2026, 5, 1, tzinfo=UTC)
    chosen = settings.load_settings(telemetry={"path": tmp_path / "fan.duckdb"})
    async with composed(chosen) as built:
        cycle = Cycle(built.deps)
        for hours in (3.5, 3.75, 3.0, 5.5, 3.75, 4.0, 1.0, 5.75):
            await cycle.run(start + timedelta(hours=hours), ["fan_failures"])
        found = [p for p in await built.ledger.proposals() if p.cause == "F16"]
        assert len(found) == 1
