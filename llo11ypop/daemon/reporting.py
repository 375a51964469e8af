"""Reports of the settings: what one is built from, where it goes, and when the daemon makes one.

The schedule is asked once a minute of fleet time which line of the crontab came due last; a report that is on the shelf already
is not made again, so restarts, jumps of the clock and a second daemon do no harm.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.triggers.cron import CronTrigger

from llo11ypop.core.clock import Clock
from llo11ypop.core.errors import ConfigError
from llo11ypop.daemon.compose import deps, latest_instant, open_ledger, open_store
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.agents.reporter.facts import FoundBy, Period
    from llo11ypop.ledger.reports import SqlReports
    from llo11ypop.ooda.deps import Deps
    from llo11ypop.report.delivery import Handed, Outlet
    from llo11ypop.report.deps import ReportDeps
    from llo11ypop.report.period import Night

LATE = timedelta(hours=6)
"""A report whose time came while nothing ran is still made this much later (our assumption: a shift)."""
EVERY = timedelta(minutes=1)
DAY_OF_WEEK = 4
FIELDS = 5

log = logger(__name__)


def night_of(settings: Settings) -> "Night":
    """From when to when a night lasts."""
    from datetime import time

    from llo11ypop.report.period import Night

    return Night(time.fromisoformat(settings.report.night_begins), time.fromisoformat(settings.report.night_ends))


def report_deps(settings: Settings, loop: "Deps", found_by: "FoundBy | None" = None) -> "ReportDeps":
    """What reports are built from, with the loop's own store, ledger and knowledge. Raises ConfigError with file and line."""
    from llo11ypop.ledger import SqlLedger
    from llo11ypop.playbooks import load_xid_table
    from llo11ypop.report.deps import ReportDeps, Terms
    from llo11ypop.report.scope import Reader

    wanted = settings.report
    return ReportDeps(
        loop=loop,
        scratch_ledger=SqlLedger.in_memory,
        fatal_xids=load_xid_table(settings.config_dir).codes("xid", "fatal"),
        cadence=settings.cycle.every,
        terms=Terms(night_of(settings), wanted.price_per_gpu_hour, wanted.currency, wanted.replay_every, wanted.replay_cycles),
        reader=Reader(settings.ask.principal(), settings.ask.salt.get_secret_value().encode()),
        found_by=found_by,
    )


def outlets(settings: Settings) -> "list[Outlet]":
    """The outlets that are configured. Raises ConfigError for one that cannot work."""
    from llo11ypop.report.outlets.folder import Folder
    from llo11ypop.report.outlets.mail import Mail
    from llo11ypop.report.outlets.webhook import Webhook

    wanted = settings.report
    found: list[Outlet] = []
    if wanted.folder is not None:
        found.append(Folder(wanted.folder))
    if wanted.mail.host and wanted.mail.to:
        mail = wanted.mail
        password = mail.password.get_secret_value()
        timeout_s = mail.timeout.total_seconds()
        found.append(Mail(mail.host, mail.port, mail.sender, mail.to, mail.user, password, mail.starttls, timeout_s))
    if url := wanted.webhook.url.get_secret_value():
        found.append(Webhook(url, wanted.webhook.secret.get_secret_value(), wanted.webhook.timeout.total_seconds()))
    return found


@asynccontextmanager
async def shelf(settings: Settings) -> "AsyncIterator[SqlReports]":
    """The shelf in the ledger's database, opened and closed again. Raises LedgerError."""
    from llo11ypop.ledger.reports import SqlReports

    opened = SqlReports.open(settings.ledger_url)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def reporting(
    settings: Settings, found_by: str | None, *, keep: bool
) -> "AsyncIterator[tuple[ReportDeps, Callable[[], Awaitable[datetime]]]]":
    """What one report needs, and the end of the telemetry, opened and closed again.

    `keep`: with the configured ledger, which is made where there is none; else with one that is thrown away.
    """
    from llo11ypop.agents.reporter.facts import FoundBy
    from llo11ypop.ledger import SqlLedger

    store = await asyncio.to_thread(open_store, settings)
    ledger = await asyncio.to_thread(open_ledger, settings) if keep else SqlLedger.in_memory()
    try:
        loop = await deps(settings, store, ledger)
        yield report_deps(settings, loop, FoundBy(found_by) if found_by else None), lambda: latest_instant(store)
    finally:
        await ledger.close()


def trigger_of(setting: str, line: str) -> CronTrigger:
    """A crontab line in UTC. Raises ConfigError, also for weekdays as figures: cron and the library count them differently."""
    fields = line.split()
    if len(fields) == FIELDS and any(c.isdigit() for c in fields[DAY_OF_WEEK].partition("#")[0]):
        raise ConfigError(f"{setting}: '{line}' has weekdays as figures", next_step="write them as mon, tue, wed …")
    try:
        return CronTrigger.from_crontab(line, timezone=UTC)
    except ValueError as bad:
        raise ConfigError(
            f"{setting}: '{line}' is not a crontab line: {bad}", next_step='write for example "30 7 * * *"'
        ) from bad


def last_due(trigger: CronTrigger, now: datetime) -> datetime | None:
    """The latest instant at or before `now` at which a report was due; none within `LATE`."""
    found, following = None, trigger.get_next_fire_time(None, now - LATE)
    while following is not None and following <= now:
        found, following = following, trigger.get_next_fire_time(following, following)
    return found.astimezone(UTC) if found else None


@dataclass
class Reporting:
    """The daemon's reports. One turn a minute; each may raise LedgerError or StoreError and is tried again at its next turn."""

    settings: Settings
    clock: Clock
    deps: "Callable[[], Deps]"
    """The configuration in force."""

    def __post_init__(self) -> None:
        """Read the crontab lines and outlets. Raises ConfigError."""
        wanted = self.settings.report
        lines = {"nightly": wanted.nightly, "weekly": wanted.weekly}
        self._triggers = {name: trigger_of(f"report.{name}", line) for name, line in lines.items() if line}
        self._outlets = outlets(self.settings) if self._triggers else []

    @property
    def wanted(self) -> bool:
        """Whether any report is scheduled."""
        return bool(self._triggers)

    async def turn(self) -> None:
        """Make what came due, and deliver again what could not be delivered."""
        from llo11ypop.report.delivery import retry_due

        now = self.clock.now()
        async with shelf(self.settings) as kept:
            for name, trigger in self._triggers.items():
                if due := last_due(trigger, now):
                    await self._make(kept, self._period(name, due), now)
            self._tell(await retry_due(kept, self._outlets, now))

    def _period(self, name: str, due: datetime) -> "Period":
        from llo11ypop.report.period import last_night, last_week

        return last_week(due) if name == "weekly" else last_night(due, night_of(self.settings))

    async def _make(self, kept: "SqlReports", period: "Period", now: datetime) -> None:
        from llo11ypop.report.build import build_report, report_id
        from llo11ypop.report.delivery import hand_out
        from llo11ypop.report.letter import letter_of

        made = report_deps(self.settings, self.deps())
        known = await kept.letter(report_id(period, made.reader.scope))
        if known is not None:
            begun = {h.outlet for h in await kept.deliveries(known.id)}
            left = [o for o in self._outlets if o.name not in begun]
            self._tell(await hand_out(kept, left, known, now) if left else [])
            return
        report = await build_report(made, period)
        await made.loop.ledger.save_evidence(list(report.evidence.values()))
        letter = letter_of(report, now)
        log.info(Event.REPORT_MADE, report_id=letter.id, title=letter.title, quiet=report.said.quiet)
        self._tell(await hand_out(kept, self._outlets, letter, now))

    def _tell(self, handed: "Sequence[Handed]") -> None:
        for one in handed:
            tell = log.info if one.state == "delivered" else log.warning
            tell(Event.REPORT_HANDED, outlet=one.outlet, state=one.state.value, reference=one.reference, why=one.why)
