"""The Python API: plain calls, with or without an event loop around them."""

import asyncio
from pathlib import Path

import pytest

from llo11ypop.core.errors import StoreError, UnknownNameError
from llo11ypop.core.principal import Principal
from llo11ypop.core.question import Status
from llo11ypop.fleet import Fleet
from tests.ask_fleet import END, settings_for


def test_a_fleet_is_asked_and_goes_on(tmp_path: Path) -> None:
    with Fleet(settings_for(tmp_path)) as fleet:
        first = fleet.ask("Failed jobs per cluster in the last 2 days", at=END)
        second = fleet.ask("and for c-a?", thread=first.thread, at=END)
        kept = fleet.evidence(first.evidence[0].id)
        assert first.status is second.status is Status.ANSWERED
        assert second.window == first.window
        assert kept.rows.equals(first.evidence[0].rows)
        assert len(fleet.goals()) > 10
        assert list(fleet.proposals()) == []
        with pytest.raises(UnknownNameError):
            fleet.evidence("none")


async def test_it_works_where_a_loop_runs_already(tmp_path: Path) -> None:
    with Fleet(settings_for(tmp_path)) as fleet:
        assert fleet.ask("How many jobs failed in the last 24 hours?", at=END).status is Status.ANSWERED
    await asyncio.sleep(0)


def test_a_principal_reads_less(tmp_path: Path) -> None:
    with Fleet(settings_for(tmp_path), principal=Principal("tenant", clusters=frozenset({"c-a"}))) as fleet:
        answer = fleet.ask("Finished jobs per cluster in the last 3 days", at=END)
        assert answer.result is not None
        assert [r["cluster"] for r in answer.result.rows.to_pylist()] == ["c-a"]


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    fleet = Fleet(settings_for(tmp_path, tmp_path / "none.duckdb"))
    with pytest.raises(StoreError, match="no telemetry at"):
        fleet.ask("failed jobs")
    fleet.close()
    fleet.close()
