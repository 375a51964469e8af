"""The daemon as a process: up, seen, drained; and one in-process with a loop of its own."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.scenario, pytest.mark.timeout(150)]


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own loopback address
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as bad:
        with bad:
            return bad.code, bad.read().decode()


def _waiting(url: str, cause: str) -> list[dict[str, Any]]:
    found = json.loads(_get(f"{url}/api/v1/proposals?status=pending")[1])
    return [p for p in found if p["cause"] == cause]


def _until(what: Any, seconds: float = 60) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = what()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    words = ["up", "--dir", str(tmp_path / "up"), "--gpus", "64", "--hours", "6", "--break", "F16"]
    command = [sys.executable, "-m", "llo11ypop", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    assert process.stdout is not None
    url = ""
    for line in process.stdout:
        if "Console" in line:
            url = line.split()[-1]
            break
    try:
        yield process, url, tmp_path / "up"
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_up_proposes_answers_and_drains(started: tuple[subprocess.Popen[str], str, Path]) -> None:
    process, url, directory = started
    assert _get(f"{url}/livez") == (200, "ok")
    proposals = _until(lambda: _waiting(url, "F16"), 90)
    assert _get(f"{url}/readyz") == (200, "ok")
    assert "llo11ypop_cycles_total" in _get(f"{url}/metrics")[1]
    for path in ("/", "/proposals", "/cycles", f"/proposals/{proposals[0]['id']}"):
        assert _get(url + path)[0] == 200
    body = json.dumps({"verdict": "approve", "rater": "test"}).encode()
    sent = urllib.request.Request(  # noqa: S310
        f"{url}/api/v1/proposals/{proposals[0]['id']}/answer", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=10) as reply:  # noqa: S310
        assert json.loads(reply.read())["status"] == "approved"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    events = [json.loads(line)["event"] for line in (directory / "daemon.log").read_text().splitlines()]
    assert events[-1] == "daemon.stopped"
    assert "daemon.draining" in events
    assert "daemon.crashed" not in events


async def test_a_crashing_companion_ends_the_process(tmp_path: Path) -> None:
    """The first crash ends everything, so that whoever started the process starts it again."""
    from llo11ypop.core.clock import SystemClock
    from llo11ypop.daemon.daemon import Daemon
    from llo11ypop.settings import load_settings

    async def explode() -> None:
        await asyncio.sleep(0.2)
        raise RuntimeError("the fleet is gone")

    telemetry = tmp_path / "fleet.duckdb"
    import duckdb

    duckdb.connect(str(telemetry)).close()
    settings = load_settings(
        None,
        telemetry={"path": telemetry},
        ledger={"path": tmp_path / "ledger.sqlite", "checkpoints": tmp_path / "checkpoints.sqlite"},
        console={"port": 0},
    )

    async def cycle(deps: Any, at: Any) -> Any:
        await asyncio.sleep(60)

    daemon = Daemon(settings, clock=SystemClock(), companions={"fleet": explode}, run_cycle=cycle)
    daemon.settings = settings.model_copy(
        update={"cycle": settings.cycle.model_copy(update={"drain": settings.jobs.expiry / 600})}
    )
    with pytest.raises(RuntimeError, match="the fleet is gone"):
        await daemon.run()
