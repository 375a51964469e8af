"""What channels need to remember, in the ledger's database: what must be told, what was told, and what people said there.

A row of the outbox is written in the transaction that makes it necessary. Everything here is told again and again until it is
done, so every call is safe to repeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outbox row: something about a proposal that a channel must be told."""

    id: int
    proposal_id: str
    channel: str
    event: str
    """`filed`, `reopened-n`, `approved-n` or `closed-n`; n counts how often the proposal was reopened before."""
    attempts: int
    """How often the channel refused this row; a channel that was down does not count."""
    at: datetime
    """When it happened."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """How it stood then: `{"status", "by", "reason_code", "comment", …}`; the proposal may have moved on since."""


@dataclass(frozen=True, slots=True)
class Told:
    """A row that was delivered."""

    proposal_id: str
    event: str
    reference: str
    """What the channel calls it: a ticket key, a deduplication key."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Dead:
    """A row that was given up."""

    id: int
    proposal_id: str
    channel: str
    event: str
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel stands."""

    channel: str
    waiting: int = 0
    dead: int = 0
    oldest_at: datetime | None = None
    """When what waits longest happened."""
    held_until: datetime | None = None
    """Nothing is sent before this instant."""
    failures: int = 0
    """How often in a row the channel did not work."""
    reason: str = ""
    """Why not, and what to do."""
    polled_at: datetime | None = None
    """When the channel was last asked what people said there."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Something a person did or wrote in a channel. Text is data: it is kept and shown, never carried out."""

    channel: str
    key: str
    """The channel's own id of it, so that webhook and poller count it once."""
    proposal_id: str
    author: str
    kind: str
    """`approve`, `reject`, `duplicate`, `acknowledge`, `note` or `request` (one webhook call, by its digest)."""
    said_at: datetime
    reason_code: str = ""
    text: str = ""
    result: str = ""
    """What came of it; empty while it is being worked on."""


class Post(Protocol):
    """The outbox, the channels' state and what was heard. Each call is one transaction and may raise LedgerError."""

    async def due(self, channel: str, at: datetime, limit: int = 100) -> list[Delivery]:
        """Rows whose time has come, in order; none of a proposal that has an earlier row still put off."""
        ...

    async def delivered(self, delivery_id: int, reference: str, at: datetime) -> None:
        """Note what the channel calls it."""
        ...

    async def put_off(self, delivery_id: int, reason: str, next_at: datetime, *, counted: bool = True) -> None:
        """Leave a row waiting until `next_at`."""
        ...

    async def bury(self, delivery_id: int, reason: str) -> None:
        """Give a row up: it is shown until a person revives it."""
        ...

    async def revive(self, delivery_id: int, at: datetime) -> bool:
        """Try a row again that was given up; False when it was not."""
        ...

    async def told(self, channel: str, since: datetime) -> list[Told]:
        """What was delivered at or after `since`, in order of delivery."""
        ...

    async def told_about(self, proposal_id: str) -> list[tuple[str, Told]]:
        """(channel, row) of what was delivered about a proposal, oldest first."""
        ...

    async def proposal_of(self, channel: str, reference: str) -> str | None:
        """The proposal that a channel calls so; none when it was not told by us."""
        ...

    async def standing(self) -> list[Standing]:
        """Every channel that ever had anything to do."""
        ...

    async def dead(self, limit: int = 100) -> list[Dead]:
        """Rows that were given up, newest first."""
        ...

    async def take(self, channel: str, owner: str, at: datetime, span: timedelta) -> bool:
        """Take the right to work on a channel for `span`; False while another has it. The owner may renew."""
        ...

    async def leave(self, channel: str, owner: str) -> None:
        """Give the right back."""
        ...

    async def hold(self, channel: str, until: datetime, reason: str) -> None:
        """Send nothing before `until`; one more failure in a row."""
        ...

    async def works(self, channel: str) -> None:
        """The channel took something: no hold, no failures."""
        ...

    async def state(self, channel: str) -> Standing:
        """A channel's hold, failures and last poll; its counts are not looked up."""
        ...

    async def polled(self, channel: str, at: datetime) -> None:
        """Everything that was said until `at` has been read."""
        ...

    async def hear(self, said: Statement, at: datetime) -> str | None:
        """Note a statement; none when it is new, else what came of it (empty: a process ended before it was done)."""
        ...

    async def concluded(self, channel: str, key: str, result: str) -> None:
        """Note what came of a statement."""
        ...

    async def heard(self, proposal_id: str) -> list[Statement]:
        """What people said about a proposal in channels, oldest first."""
        ...

    async def forget(self, before: datetime) -> int:
        """Remove statements that were heard before this instant; how many."""
        ...
