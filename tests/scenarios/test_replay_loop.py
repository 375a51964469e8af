"""The real loop over replayed traces: a small made-up one, and the recorded one where it is at hand."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.cli import run
from llo11ypop.evals.replay_run import RUN_IN, ReplayPlan, interesting, parts
from llo11ypop.simulator.trace_format import TRACE_ORIGIN, load_trace
from tests.shared_data import shared_file

pytestmark = [pytest.mark.replay, pytest.mark.slow, pytest.mark.timeout(300)]


def _events(faults: list[tuple[str, float, float | None, str, str]]) -> list[dict[str, Any]]:
    out = []
    for node, start, end, cls, desc in faults:
        kind = {"Level": "x", "Class": cls, "Desc": desc}
        out.append({"node_id": node, "event_time": start, "event_type": "fault_start", "fault_type": kind})
        if end is not None:
            out.append({"node_id": node, "event_time": end, "event_type": "fault_end", "fault_type": kind})
    return out


MADE_UP = [
    ("n-fan", 1.30, 3.0, "Fan", "Speed Critical (Sensor)"),
    ("n-gone", 1.41, 1.7, "Unknown Error", "Unknown Error"),
    ("n-work", 1.52, 1.9, "Stress Test Failure", "Unknown Error"),
    ("n-blink", 1.6001, 1.6005, "Unknown Error", "Unknown Error"),
    ("n-end", 2.0, None, "Change", "planned"),
]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(_events(MADE_UP)))
    return path


def test_a_small_trace_end_to_end(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(trace), "--nodes", "16", "--jobs", "1", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert (out["faults"], out["eligible"]) == (3, 2)
    assert out["recall"] == 1.0
    assert (out["planned_proposals"], out["silent_proposals"], out["unknown_given_cause"]) == (0, 0, 0)
    assert {"two_in_30", "three_in_60", "brier", "brier_base"} <= set(out["offenders"])


BURST = [
    ("n-b", 1.4118, 1.8, "Unknown Error", "Unknown Error"),
    ("n-d", 1.4121, 1.8, "Unknown Error", "Unknown Error"),
    ("n-g", 1.4130, 1.8, "Unknown Error", "Unknown Error"),
    ("n-k", 1.4169, 1.8, "Unknown Error", "Unknown Error"),
]
"""The last one shows a cycle later than the others."""


def test_a_burst_is_one_proposal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "burst.json"
    quiet = ("n-work", 0.2, 2.0, "Stress Test Failure", "Unknown Error")
    path.write_text(json.dumps(_events([*BURST, quiet])))
    assert run(["replay", str(path), "--nodes", "24", "--jobs", "1", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert (out["faults"], out["eligible"], out["found"], out["proposals"]) == (4, 1, 1, 1)
    assert (out["planned_proposals"], out["silent_proposals"], out["unknown_given_cause"]) == (0, 0, 0)


def test_a_broken_trace_ends_with_two(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace.write_text('[{"node_id": "n"}]')
    assert run(["replay", str(trace)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "event 1: 'event_time' is missing" in said[0]


@pytest.mark.parametrize("arguments", [["--cadence", "soon"], ["--cadence", "0s"], ["--origin", "then"], ["--from", "900"]])
def test_wrong_arguments_end_with_two(trace: Path, arguments: list[str]) -> None:
    assert run(["replay", str(trace), *arguments]) == 2


def test_ticks_are_chosen_round_the_edges(trace: Path) -> None:
    plan = ReplayPlan(load_trace(trace), timedelta(minutes=15), 16)
    chosen = [(i - TRACE_ORIGIN) / timedelta(days=1) for i in interesting(plan)]
    for _, start, end, *_ in MADE_UP:
        assert any(start < day <= start + 1 / 96 for day in chosen)
        assert end is None or any(end < day <= end + 1 / 96 for day in chosen)
    every = ReplayPlan(load_trace(trace), timedelta(minutes=15), 16, every_tick=True)
    assert set(interesting(plan)) <= set(interesting(every))


def test_workers_share_the_time_without_a_gap(trace: Path) -> None:
    instants = [TRACE_ORIGIN + timedelta(hours=n) for n in range(400)]
    pieces = parts(instants, 2)
    counted = [i for piece, start in pieces for i in piece if i >= start]
    assert counted == instants
    assert pieces[1][0][0] <= pieces[1][1] - RUN_IN + timedelta(hours=1)
    assert parts([], 2) == []


def test_skipping_ticks_proposes_what_every_tick_would(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, cycles = [], []
    for extra in ([], ["--every-tick"]):
        trace.write_text(
            json.dumps(_events([("n-fan", 0.10, 0.36, "Fan", "Speed"), ("n-gone", 0.15, 0.26, "Unknown Error", "x")]))
        )
        assert run(["replay", str(trace), "--nodes", "8", "--jobs", "1", "--json", *extra]) == 0
        out = json.loads(capsys.readouterr().out)
        cycles.append(out["cycles"])
        said.append({k: out[k] for k in ("recall", "proposals", "duplicates", "silent_proposals", "unknown_given_cause")})
    assert said[0] == said[1]
    assert (said[0]["recall"], said[0]["proposals"]) == (1.0, 2)
    assert 3 * cycles[0] < cycles[1], "most ticks are skipped"


@pytest.mark.timeout(1800)
def test_the_recorded_trace(capsys: pytest.CaptureFixture[str]) -> None:
    if "LLO11YPOP_SHARED" not in os.environ:
        pytest.skip("many minutes of replay; set LLO11YPOP_SHARED to the folder with outside data")
    path = shared_file("infinitehbd", "fault_trace.json")
    assert run(["replay", str(path), "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["recall"] >= 0.98
    assert (out["planned_proposals"], out["silent_proposals"], out["unknown_given_cause"]) == (0, 0, 0)
    assert out["duplicates"] <= 0.02
    rules = out["offenders"]
    assert rules["ours_at_two_in_30"] >= rules["two_in_30"]["precision"]
    assert rules["ours_at_three_in_60"] >= rules["three_in_60"]["precision"]
    assert rules["brier"] <= rules["brier_base"]
