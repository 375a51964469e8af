"""Hand a report to people, and never twice: each delivery is claimed in the ledger before it is tried.

Only what surely did not arrive is tried again. When the connection breaks after the last byte was handed over, nobody can
know; such a delivery stays `uncertain` until a person asks for it again. A folder is written again without harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from llo11ypop.core.errors import Llo11yPopError

LEASE = timedelta(minutes=10)
"""A claim older than this was left by a process that died (longer than any outlet may take)."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
GIVE_UP = timedelta(hours=24)
"""A morning report that is a day old is no news (our assumption)."""


class NotDelivered(Llo11yPopError):
    """It surely did not arrive. `transient`: trying later may help."""

    reason = "delivery"

    def __init__(self, message: str, *, next_step: str = "", transient: bool = True) -> None:
        super().__init__(message, next_step=next_step)
        self.transient = transient


class MaybeDelivered(Llo11yPopError):
    """The connection broke after the report was handed over: it may have arrived, so it is not sent again."""

    reason = "delivery"


class State(StrEnum):
    """Where one delivery stands."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    """Refused for good, or given up."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered report, as it is kept and sent: a later try sends the same words."""

    id: str
    kind: str
    title: str
    start: datetime
    end: datetime
    made_at: datetime
    headline: str
    markdown: str
    html: str
    json: str


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of one delivery."""

    outlet: str
    state: State
    reference: str = ""
    """What the outlet calls it: a path, a message id."""
    why: str = ""
    attempts: int = 0


class Outlet(Protocol):
    """Somewhere a report can go."""

    @property
    def name(self) -> str:
        """`folder`, `mail`, `webhook`: part of the key under which a delivery is recorded."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether delivering a second time changes nothing."""
        ...

    async def deliver(self, letter: Letter) -> str:
        """Hand it over; a reference. Raises NotDelivered or MaybeDelivered."""
        ...


class Shelf(Protocol):
    """Where reports and their deliveries are remembered. Every call is one transaction and may raise LedgerError."""

    async def keep(self, letter: Letter) -> bool:
        """Store a report unless it is there; whether it was new."""
        ...

    async def letter(self, report_id: str) -> Letter | None:
        """A kept report; none when unknown."""
        ...

    async def letters(self, limit: int = 20) -> list[Letter]:
        """The latest reports, newest first."""
        ...

    async def claim(self, report_id: str, outlet: str, at: datetime, *, repeatable: bool, again: bool = False) -> Handed | None:
        """Take the right to deliver now; none when it is ours. Otherwise how the delivery stands.

        A claim that a dead process left is `uncertain` afterwards, or taken over where the outlet is repeatable. `again` takes
        what is delivered, uncertain or failed as well: a person asked for it.
        """
        ...

    async def settle(self, report_id: str, outlet: str, state: State, *, text: str, next_at: datetime | None = None) -> int:
        """Write down how a claimed delivery ended; how often it was tried."""
        ...

    async def deliveries(self, report_id: str) -> list[Handed]:
        """How all deliveries of a report stand."""
        ...

    async def waiting(self, at: datetime) -> list[tuple[str, str]]:
        """(report, outlet) of what is due to be tried again, and of claims that a dead process left."""
        ...


async def hand_out(shelf: Shelf, outlets: Sequence[Outlet], letter: Letter, at: datetime, *, again: bool = False) -> list[Handed]:
    """Keep the report and deliver it to every outlet that does not have it yet. Raises LedgerError."""
    await shelf.keep(letter)
    return [await hand_to(shelf, outlet, letter, at, again=again) for outlet in outlets]


async def hand_to(shelf: Shelf, outlet: Outlet, letter: Letter, at: datetime, *, again: bool = False) -> Handed:
    """One delivery, claimed first. Raises LedgerError."""
    standing = await shelf.claim(letter.id, outlet.name, at, repeatable=outlet.repeatable, again=again)
    if standing is not None:
        return standing
    state, text, next_at = State.DELIVERED, "", None
    try:
        text = await outlet.deliver(letter)
    except MaybeDelivered as unknown:
        state, text = State.UNCERTAIN, unknown.line()
    except NotDelivered as bad:
        tried = next((h.attempts for h in await shelf.deliveries(letter.id) if h.outlet == outlet.name), 0)
        next_at = at + min(LONGEST_WAIT, FIRST_WAIT * (1 << min(tried, 10)))
        hopeless = not bad.transient or next_at - letter.made_at > GIVE_UP
        state, text = State.FAILED if hopeless else State.WAITING, bad.line()
    attempts = await shelf.settle(letter.id, outlet.name, state, text=text, next_at=next_at)
    arrived = state is State.DELIVERED
    return Handed(outlet.name, state, text if arrived else "", "" if arrived else text, attempts)


async def retry_due(shelf: Shelf, outlets: Sequence[Outlet], at: datetime) -> list[Handed]:
    """Try again what is due; outlets that are no longer configured are left alone. Raises LedgerError."""
    by_name = {outlet.name: outlet for outlet in outlets}
    done = []
    for report_id, name in await shelf.waiting(at):
        letter = await shelf.letter(report_id)
        if letter is not None and name in by_name:
            done.append(await hand_to(shelf, by_name[name], letter, at))
    return done
