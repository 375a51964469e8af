"""The small parts: instants, clock watch, lock, tracked jobs, reload, schedule, server socket."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.core.clock import ManualClock
from llo11ypop.core.errors import ConfigError, ConflictError, LedgerError
from llo11ypop.daemon.clock_watch import ClockWatch
from llo11ypop.daemon.instants import floor_instant, wait_s
from llo11ypop.daemon.lock import single_instance
from llo11ypop.daemon.reload import Reload, Swap
from llo11ypop.daemon.schedule import Schedule, Trigger
from llo11ypop.daemon.serve import listen, url_of
from llo11ypop.daemon.tracked import Tracked
from llo11ypop.observability import metrics
from llo11ypop.settings import load_settings

AT = datetime(2026, 5, 3, 12, 2, 30, tzinfo=UTC)
FIVE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (FIVE, datetime(2026, 5, 3, 12, 0, tzinfo=UTC)),
        (timedelta(minutes=1), datetime(2026, 5, 3, 12, 2, tzinfo=UTC)),
        (timedelta(hours=24), datetime(2026, 5, 3, tzinfo=UTC)),
    ],
)
def test_floor_instant(every: timedelta, expected: datetime) -> None:
    assert floor_instant(AT, every) == expected


@pytest.mark.parametrize(
    ("last", "pace", "expected_s"),
    [
        (None, 1.0, 0.0),
        (datetime(2026, 5, 3, 11, 55, tzinfo=UTC), 1.0, 0.0),
        (datetime(2026, 5, 3, 12, 0, tzinfo=UTC), 1.0, 150.0),
        (datetime(2026, 5, 3, 12, 0, tzinfo=UTC), 150.0, 1.0),
        (datetime(2026, 5, 4, 12, 0, tzinfo=UTC), 1.0, 150.0),
    ],
)
def test_first_cycle_follows_from_the_last_one(last: datetime | None, pace: float, expected_s: float) -> None:
    assert wait_s(AT, FIVE, last, pace) == expected_s


@pytest.mark.parametrize(("wall_s", "real_s", "jumped"), [(1, 1, False), (60, 60, False), (61, 1, True), (-3600, 1, True)])
def test_clock_watch(wall_s: float, real_s: float, jumped: bool) -> None:
    clock, seconds = ManualClock(AT), [0.0]
    watch = ClockWatch(clock, lambda: seconds[0])
    clock.advance(timedelta(seconds=wall_s))
    seconds[0] += real_s
    assert (watch.jump() is not None) is jumped
    assert watch.jump() is None


def test_clock_watch_knows_an_accelerated_clock() -> None:
    clock, seconds = ManualClock(AT), [0.0]
    watch = ClockWatch(clock, lambda: seconds[0], pace=180)
    clock.advance(timedelta(seconds=180))
    seconds[0] += 1
    assert watch.jump() is None


def test_only_one_daemon_per_ledger(tmp_path: Path) -> None:
    with single_instance(tmp_path / "a.lock"), pytest.raises(ConflictError, match="another daemon"):
        single_instance(tmp_path / "a.lock").__enter__()
    with single_instance(tmp_path / "a.lock"):
        pass


async def test_tracked_runs_one_of_each_name() -> None:
    tracked, gate, runs = Tracked(), asyncio.Event(), []

    async def job() -> None:
        runs.append(1)
        await gate.wait()

    assert tracked.start("job", job)
    await asyncio.sleep(0)
    assert not tracked.start("job", job)
    gate.set()
    await tracked.drain(timedelta(seconds=1))
    assert runs == [1]


@pytest.mark.parametrize("bad", [LedgerError("locked"), ValueError("odd")])
async def test_a_failed_job_is_counted_and_tried_again(bad: Exception) -> None:
    tracked = Tracked()

    async def job() -> None:
        raise bad

    name = f"job-{type(bad).__name__}"
    for _ in range(2):
        assert tracked.start(name, job)
        await tracked.drain(timedelta(seconds=1))
    counted = metrics.REGISTRY.get_sample_value("llo11ypop_jobs_total", {"job": name, "outcome": "failed"})
    assert counted == 2


async def test_drain_cancels_a_job_that_hangs() -> None:
    tracked = Tracked()
    tracked.start("hang", lambda: asyncio.Event().wait())
    await asyncio.sleep(0)
    await tracked.drain(timedelta(milliseconds=10))
    assert tracked.start("hang", lambda: asyncio.sleep(0))
    await tracked.drain(timedelta(seconds=1))


def _reload(tmp_path: Path) -> tuple[Reload[str], Path]:
    file = tmp_path / "llo11ypop.yaml"
    file.write_text("budgets: {proposals_per_day: 5}\n", encoding="utf-8")

    async def build(settings: Any) -> str:
        return str(settings.budgets.proposals_per_day)

    return Reload(lambda: load_settings(tmp_path), build, Swap("first"), load_settings(tmp_path)), file


async def test_a_changed_configuration_lies_ready_for_the_border(tmp_path: Path) -> None:
    reload, file = _reload(tmp_path)
    assert not await reload.check()
    file.write_text("budgets: {proposals_per_day: 6}\n", encoding="utf-8")
    assert await reload.check()
    assert reload.swap.current == "first"
    assert reload.swap.take()
    assert reload.swap.current == "6"
    assert not reload.swap.take()


async def test_a_wrong_configuration_keeps_the_old_one(tmp_path: Path) -> None:
    reload, file = _reload(tmp_path)
    before = metrics.REGISTRY.get_sample_value("llo11ypop_config_reload_failures_total") or 0
    file.write_text("budgets: {proposals_per_dya: 6}\n", encoding="utf-8")
    assert not await reload.check()
    assert "llo11ypop.yaml:1" in reload.last_error
    assert reload.swap.pending is None
    assert metrics.REGISTRY.get_sample_value("llo11ypop_config_reload_failures_total") == before + 1


async def test_mending_a_wrong_configuration_clears_the_error(tmp_path: Path) -> None:
    reload, file = _reload(tmp_path)
    file.write_text("nonsense: 1\n", encoding="utf-8")
    await reload.check()
    file.write_text("budgets: {proposals_per_day: 7}\n", encoding="utf-8")
    assert await reload.check()
    assert reload.last_error == ""


async def test_the_watcher_sees_a_file_replaced_by_rename(tmp_path: Path) -> None:
    reload, file = _reload(tmp_path)
    stop = asyncio.Event()
    watching = asyncio.create_task(reload.watch(tmp_path, stop))
    await asyncio.sleep(0.3)
    fresh = tmp_path / "new"
    fresh.write_text("budgets: {proposals_per_day: 8}\n", encoding="utf-8")
    fresh.replace(file)
    for _ in range(60):
        await asyncio.sleep(0.05)
        if reload.swap.pending is not None:
            break
    stop.set()
    await asyncio.wait_for(watching, 5)
    assert reload.swap.pending == "8"


async def test_the_schedule_calls_and_lays_itself_anew() -> None:
    calls: list[int] = []

    def call() -> None:
        asyncio.get_running_loop()
        calls.append(1)

    schedule = Schedule({"cycle": Trigger(call, 60.0)}, timedelta(seconds=60))
    schedule.start()
    await asyncio.sleep(0.1)
    schedule.restart()
    await asyncio.sleep(0.1)
    schedule.stop()
    assert calls == [1, 1]


def test_a_taken_port_is_said_or_stepped_over() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match="cannot listen"):
            listen("127.0.0.1", port)
        with listen("127.0.0.1", port, search=20) as second:
            assert second.getsockname()[1] > port
            assert url_of(second).startswith("http://127.0.0.1:")


def test_a_bad_host_is_said() -> None:
    with pytest.raises((ConfigError, socket.gaierror)):
        listen("203.0.113.1", 8080)
