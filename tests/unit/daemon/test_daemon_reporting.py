"""When the daemon makes reports: at the crontab's instants, once, late if need be, and again only to who lacks it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llo11ypop.agents.reporter.agent import report_on
from llo11ypop.agents.reporter.facts import Period
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.errors import ConfigError
from llo11ypop.daemon.compose import deps, open_catalog
from llo11ypop.daemon.reporting import LATE, Reporting, last_due, outlets, trigger_of
from llo11ypop.ledger import SqlLedger
from llo11ypop.report import build, letter
from llo11ypop.report.build import Report, report_id
from llo11ypop.settings import Settings, load_settings
from llo11ypop.stores.duckdb import DuckDbStore
from tests.report_samples import quiet


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def settings(root: Path, **report: Any) -> Settings:
    plain = {"nightly": "30 7 * * *", "folder": root / "reports"}
    return load_settings(None, ledger={"path": root / "ledger.sqlite"}, report=plain | report)


@pytest.mark.parametrize(
    ("line", "now", "due"),
    [
        ("30 7 * * *", "2026-05-21T07:30:00", "2026-05-21T07:30"),
        ("30 7 * * *", "2026-05-21T13:29:59", "2026-05-21T07:30"),
        ("30 7 * * *", "2026-05-21T13:31:00", None),
        ("30 7 * * *", "2026-05-21T07:29:59", None),
        ("0 */2 * * *", "2026-05-21T07:10:00", "2026-05-21T06:00"),
        ("0 7 * * mon", "2026-05-18T07:05:00", "2026-05-18T07:00"),
        ("0 7 * * mon", "2026-05-19T07:05:00", None),
    ],
)
def test_what_came_due_last(line: str, now: str, due: str | None) -> None:
    assert last_due(trigger_of("report.nightly", line), utc(now)) == (utc(due) if due else None)


@pytest.mark.parametrize("line", ["30 7 * * 1", "0 7 * *", "61 7 * * *", "daily", ""])
def test_a_wrong_crontab_line_names_its_setting(line: str) -> None:
    with pytest.raises(ConfigError, match=r"report\.weekly"):
        trigger_of("report.weekly", line)


def test_nothing_is_scheduled_unless_asked_for(tmp_path: Path) -> None:
    assert not Reporting(settings(tmp_path, nightly=None), ManualClock(utc("2026-05-21")), lambda: None).wanted  # type: ignore[arg-type,return-value]
    assert Reporting(settings(tmp_path), ManualClock(utc("2026-05-21")), lambda: None).wanted  # type: ignore[arg-type,return-value]


def test_only_configured_outlets_are_used(tmp_path: Path) -> None:
    assert [o.name for o in outlets(settings(tmp_path))] == ["folder"]
    mail = {"host": "mail.example.org", "to": ["sre@example.org"], "password": "s3cret"}
    every = settings(tmp_path, mail=mail, webhook={"url": "https://example.org/hooks/t0ken"})
    assert [o.name for o in outlets(every)] == ["folder", "mail", "webhook"]
    assert "s3cret" not in str(every.model_dump(mode="json")) and "t0ken" not in str(every.model_dump(mode="json"))
    assert outlets(settings(tmp_path, folder=None)) == []


@pytest.fixture
async def turning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A daemon's reports over an empty fleet, with building replaced; remembers the periods."""
    chosen = settings(tmp_path)
    ledger = SqlLedger.open(chosen.ledger_url, upgrade=True)
    loop = await deps(chosen, DuckDbStore.attach(duckdb.connect(), open_catalog(chosen)), ledger)
    clock, built = ManualClock(utc("2026-05-21T06:00")), list[Period]()

    async def made(_: Any, period: Period) -> Report:
        built.append(period)
        return Report(report_id(period), quiet(period=period), report_on(quiet(period=period)))

    monkeypatch.setattr(build, "build_report", made)
    monkeypatch.setattr(letter, "html", lambda report: report.said.title)
    yield Reporting(chosen, clock, lambda: loop), clock, built, tmp_path / "reports"
    await ledger.close()


async def test_a_report_is_made_at_its_time_and_only_once(turning: Any) -> None:
    reports, clock, built, folder = turning
    await reports.turn()
    assert built == []
    for _ in range(8 * 60):
        clock.advance(timedelta(minutes=1))
        if clock.now().minute in (29, 30, 31, 45):
            await reports.turn()
    (period,) = built
    assert (period.start, period.end) == (utc("2026-05-20T20:00"), utc("2026-05-21T07:30"))
    assert len(list(folder.glob("*.html"))) == 1


async def test_a_daemon_that_was_down_is_late_but_not_for_ever(turning: Any) -> None:
    reports, clock, built, _ = turning
    clock.at = utc("2026-05-21T07:30") + LATE - timedelta(minutes=1)
    await reports.turn()
    assert [p.end for p in built] == [utc("2026-05-21T07:30")], "about the night as it would have been"
    clock.at = utc("2026-05-22T07:30") + LATE + timedelta(minutes=1)
    await reports.turn()
    assert len(built) == 1


async def test_a_clock_that_jumps_back_makes_no_second_report(turning: Any) -> None:
    reports, clock, built, _ = turning
    for at in ("2026-05-21T07:31", "2026-05-21T07:30", "2026-05-21T08:00"):
        clock.at = utc(at)
        await reports.turn()
    assert len(built) == 1


async def test_a_crash_between_keeping_and_delivering_is_made_good(turning: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reports, clock, built, folder = turning
    clock.at = utc("2026-05-21T07:31")
    whole, reports._outlets = reports._outlets, []
    await reports.turn()
    assert not folder.exists()
    reports._outlets = whole
    await reports.turn()
    assert len(built) == 1
    assert len(list(folder.glob("*.html"))) == 1
