"""When a cycle runs, and when it must not."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llo11ypop.core.errors import StoreError
from llo11ypop.observability import metrics


def _count(outcome: str) -> float:
    return metrics.REGISTRY.get_sample_value("llo11ypop_cycles_total", {"outcome": outcome}) or 0.0


async def test_a_cycle_stands_for_a_whole_multiple_of_the_cadence(bench: Any) -> None:
    assert await bench.turn()
    assert bench.loop.seen == [datetime(2026, 5, 3, 12, 0, tzinfo=UTC)]


async def test_a_second_trigger_in_the_same_span_is_skipped_as_repeated(bench: Any) -> None:
    await bench.turn()
    assert not await bench.turn(1)
    assert bench.cycles.skipped == {"repeated": 1}


async def test_overlap_is_skipped_and_counted(bench: Any) -> None:
    before = _count("skipped")
    bench.loop.gate.clear()
    bench.cycles.trigger()
    await asyncio.sleep(0)
    bench.clock.advance(timedelta(minutes=5))
    assert not bench.cycles.trigger()
    assert bench.cycles.skipped == {"overlap": 1}
    assert _count("skipped") == before + 1
    bench.loop.gate.set()
    await bench.cycles.settled()
    assert len(bench.loop.seen) == 1


async def test_a_clock_that_jumps_forward_runs_one_cycle_not_many(bench: Any) -> None:
    await bench.turn()
    assert await bench.turn(60 * 7)
    assert len(bench.loop.seen) == 2


async def test_a_clock_that_jumps_back_does_not_stop_cycles(bench: Any) -> None:
    await bench.turn()
    bench.cycles.clock_jumped()
    for minutes in (-120, 5, 5):
        assert await bench.turn(minutes)
    assert len(set(bench.loop.seen)) == 4


async def test_a_clock_that_jumps_back_within_the_span_repeats_nothing(bench: Any) -> None:
    await bench.turn()
    assert not await bench.turn(-1)
    assert len(bench.loop.seen) == 1


async def test_a_failed_cycle_is_said_and_the_next_one_runs(bench: Any) -> None:
    bench.loop.fails = StoreError("telemetry is gone", next_step="look at the disk")
    await bench.turn()
    assert bench.cycles.last_error == "telemetry is gone — look at the disk"
    bench.loop.fails = None
    assert await bench.turn(5)
    assert bench.cycles.last_error == ""


async def test_an_unforeseen_error_does_not_end_the_daemon(bench: Any) -> None:
    bench.loop.fails = ZeroDivisionError("oops")
    await bench.turn()
    assert bench.cycles.last_error == "ZeroDivisionError: oops"


async def test_a_cycle_that_takes_too_long_is_given_up(bench: Any) -> None:
    bench.cycles.timeout = timedelta(milliseconds=20)
    bench.loop.gate.clear()
    before = _count("timed_out")
    await bench.turn()
    assert _count("timed_out") == before + 1


async def test_failures_open_the_circuit_and_rest_closes_it(bench: Any) -> None:
    bench.loop.fails = StoreError("gone")
    for _ in range(3):
        await bench.turn(5)
    assert not await bench.turn(5)
    assert bench.cycles.skipped == {"circuit_open": 1}
    bench.loop.fails = None
    assert await bench.turn(15)
    assert bench.cycles.breaker.open_until_s is None


async def test_one_more_failure_after_the_rest_opens_it_again(bench: Any) -> None:
    bench.loop.fails = StoreError("gone")
    for minutes in (5, 5, 5, 20):
        await bench.turn(minutes)
    assert len(bench.loop.seen) == 4
    assert not await bench.turn(5)


async def test_drain_waits_for_the_running_cycle(bench: Any) -> None:
    asked: list[bool] = []
    bench.cycles.request_drain = lambda: (asked.append(True), bench.loop.gate.set())[0]
    bench.loop.gate.clear()
    bench.cycles.trigger()
    await asyncio.sleep(0)
    assert await bench.cycles.drain(timedelta(seconds=2))
    assert asked == [True]
    assert bench.cycles.last_report is not None


async def test_drain_cuts_off_what_does_not_end(bench: Any) -> None:
    bench.loop.gate.clear()
    bench.cycles.trigger()
    await asyncio.sleep(0)
    assert not await bench.cycles.drain(timedelta(milliseconds=20))
    assert not bench.cycles.running


async def test_nothing_starts_while_draining(bench: Any) -> None:
    assert await bench.cycles.drain(timedelta(seconds=1))
    assert not await bench.turn(5)
    assert bench.cycles.skipped == {"draining": 1}


async def test_a_new_configuration_is_taken_over_at_the_border(bench: Any) -> None:
    taken: list[int] = []
    bench.cycles.before = lambda: taken.append(len(bench.loop.seen))
    await bench.turn()
    await bench.turn(5)
    assert taken == [0, 1]


async def test_the_queries_of_a_cycle_are_counted(bench: Any) -> None:
    before = metrics.REGISTRY.get_sample_value("llo11ypop_queries_total") or 0.0
    await bench.turn()
    assert metrics.REGISTRY.get_sample_value("llo11ypop_queries_total") == before + bench.cycles.last_report.queries > before


async def test_the_report_is_handed_on(bench: Any) -> None:
    seen: list[Any] = []

    async def after(report: Any) -> None:
        seen.append(report.at)

    bench.cycles.after = after
    await bench.turn()
    assert seen == bench.loop.seen


@pytest.mark.parametrize("minutes", [1, 5, 15, 60])
async def test_many_turns_never_run_an_instant_twice(bench: Any, minutes: int) -> None:
    for _ in range(30):
        await bench.turn(minutes)
    assert len(bench.loop.seen) == len(set(bench.loop.seen))
