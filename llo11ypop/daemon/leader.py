"""Which of several replicas schedules: the one whose session holds an advisory lock of the ledger's PostgreSQL.

The lock ends with the session, so a leader that dies is followed within seconds, and no clock is asked. A leader that cannot
reach the database stops by itself, before the database gives the lock to another. Should two lead for a moment nevertheless,
filing and delivering are idempotent. Everything but the schedule works on every replica.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from psycopg import AsyncConnection

from llo11ypop.approvals.postgres import explained, parameters, place_of
from llo11ypop.core.clock import Clock
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

LOCK = "llo11ypop:leader"
SEEK_S = 1.0
PROBE_S = 1.0
PROBE_TIMEOUT_S = 10.0
"""A leader that gets no answer for this long has lost. Longer than a busy event loop stands still, and shorter than the server
needs to notice that a machine is gone. Our assumption."""
SKEW = timedelta(seconds=30)
HANDICAP_S = 15.0
"""A replica whose clock differs from the database's by more than `SKEW` tries this seldom, so that another one is first."""
_SERVER_NOTICES = ("SET tcp_keepalives_idle = 10", "SET tcp_keepalives_interval = 3", "SET tcp_keepalives_count = 3")
_TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"


@dataclass
class Leadership:
    """Seeks the lock, and holds it while it can. One per process."""

    url: str
    gained: Callable[[], Awaitable[None]]
    """Recovers what the leader before left, and begins to schedule. Raises Llo11yPopError: then it is tried again."""
    lost: Callable[[], None]
    """Schedules nothing any more."""
    clock: Clock | None = None
    """Compared with the database's; none where the fleet has a time of its own."""
    seek_s: float = SEEK_S
    handicap_s: float = HANDICAP_S
    leading: bool = False
    problem: str = ""
    """Why the database cannot be asked; empty while it can."""
    skew_s: float = 0.0
    """How far this machine's clock is ahead of the database's."""

    async def keep(self) -> None:
        """Until cancelled. The lock is let go at the end, and whenever the connection is lost."""
        while True:
            try:
                await self._session()
            except psycopg.Error as bad:
                self._trouble(explained(place_of(self.url), bad).line())
            except Llo11yPopError as bad:
                self._trouble(bad.line())
            except TimeoutError:
                self._trouble(f"the ledger {place_of(self.url)} did not answer within {PROBE_TIMEOUT_S:.0f} s")
            await asyncio.sleep(self.seek_s)

    async def _session(self) -> None:
        async with await AsyncConnection.connect(**parameters(self.url), autocommit=True) as db:
            for setting in _SERVER_NOTICES:
                await db.execute(setting)
            while True:
                await self._compare(db)
                if self.skewed:
                    await asyncio.sleep(self.handicap_s)
                if await self._taken(db):
                    await self._lead(db)
                await asyncio.sleep(self.seek_s)

    @property
    def skewed(self) -> bool:
        """Whether this machine's clock is wrong, or the database's."""
        return abs(self.skew_s) > SKEW.total_seconds()

    async def _compare(self, db: AsyncConnection[tuple[object, ...]]) -> None:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            row = await (await db.execute("SELECT clock_timestamp()")).fetchone()
        self.problem = ""
        if self.clock is None or row is None:
            return
        was, self.skew_s = self.skewed, (self.clock.now() - row[0]).total_seconds()  # type: ignore[operator]
        metrics.CLOCK_SKEW.set(self.skew_s)
        if self.skewed and not was:
            log.warning(Event.CLOCK_SKEWED, seconds=round(self.skew_s, 1))

    async def _taken(self, db: AsyncConnection[tuple[object, ...]]) -> bool:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            row = await (await db.execute(_TRY, (LOCK,))).fetchone()
        return bool(row and row[0])

    async def _lead(self, db: AsyncConnection[tuple[object, ...]]) -> None:
        self.leading = True
        metrics.LEADER.set(1)
        metrics.LEADER_CHANGES.inc()
        log.info(Event.LEADER_GAINED)
        try:
            await self.gained()
            while True:
                await asyncio.sleep(PROBE_S)
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    await db.execute("SELECT 1")
        finally:
            self.leading = False
            metrics.LEADER.set(0)
            self.lost()
            log.info(Event.LEADER_LOST)

    def _trouble(self, why: str) -> None:
        if why != self.problem:
            log.warning(Event.LEADER_LOCK_UNREACHABLE, why=why)
        self.problem = why
