"""`SqlPost`: the outbox, the channels' state and what was heard, over the ledger's own transactions."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection

from llo11ypop.approvals.post import Dead, Delivery, Standing, Statement, Told
from llo11ypop.ledger import channel_rows, heard_rows, outbox_rows

Run: TypeAlias = Callable[[Callable[[Connection], Any]], Awaitable[Any]]
"""Runs one function in a transaction."""


class SqlPost:
    """The `Post` protocol in SQL."""

    def __init__(self, read: Run, write: Run) -> None:
        self._read, self._write = read, write

    async def due(self, channel: str, at: datetime, limit: int = 100) -> list[Delivery]:
        """See `Post.due`."""
        found: list[Delivery] = await self._read(lambda db: outbox_rows.due(db, channel, at, limit))
        return found

    async def delivered(self, delivery_id: int, reference: str, at: datetime) -> None:
        """See `Post.delivered`."""
        await self._write(lambda db: outbox_rows.delivered(db, delivery_id, reference, at))

    async def put_off(self, delivery_id: int, reason: str, next_at: datetime, *, counted: bool = True) -> None:
        """See `Post.put_off`."""
        await self._write(lambda db: outbox_rows.put_off(db, delivery_id, reason, next_at, counted))

    async def bury(self, delivery_id: int, reason: str) -> None:
        """See `Post.bury`."""
        await self._write(lambda db: outbox_rows.bury(db, delivery_id, reason))

    async def revive(self, delivery_id: int, at: datetime) -> bool:
        """See `Post.revive`."""
        return bool(await self._write(lambda db: outbox_rows.revive(db, delivery_id, at)))

    async def told(self, channel: str, since: datetime) -> list[Told]:
        """See `Post.told`."""
        found: list[Told] = await self._read(lambda db: outbox_rows.told_since(db, channel, since))
        return found

    async def told_about(self, proposal_id: str) -> list[tuple[str, Told]]:
        """See `Post.told_about`."""
        found: list[tuple[str, Told]] = await self._read(lambda db: outbox_rows.told_about(db, proposal_id))
        return found

    async def proposal_of(self, channel: str, reference: str) -> str | None:
        """See `Post.proposal_of`."""
        found: str | None = await self._read(lambda db: outbox_rows.proposal_of(db, channel, reference))
        return found

    async def standing(self) -> list[Standing]:
        """See `Post.standing`."""
        found: list[Standing] = await self._read(channel_rows.standing)
        return found

    async def dead(self, limit: int = 100) -> list[Dead]:
        """See `Post.dead`."""
        found: list[Dead] = await self._read(lambda db: outbox_rows.dead(db, limit))
        return found

    async def take(self, channel: str, owner: str, at: datetime, span: timedelta) -> bool:
        """See `Post.take`."""
        return bool(await self._write(lambda db: channel_rows.take(db, channel, owner, at, span)))

    async def leave(self, channel: str, owner: str) -> None:
        """See `Post.leave`."""
        await self._write(lambda db: channel_rows.leave(db, channel, owner))

    async def hold(self, channel: str, until: datetime, reason: str) -> None:
        """See `Post.hold`."""
        await self._write(lambda db: channel_rows.hold(db, channel, until, reason))

    async def works(self, channel: str) -> None:
        """See `Post.works`."""
        await self._write(lambda db: channel_rows.works(db, channel))

    async def state(self, channel: str) -> Standing:
        """See `Post.state`."""
        found: Standing = await self._read(lambda db: channel_rows.state(db, channel))
        return found

    async def polled(self, channel: str, at: datetime) -> None:
        """See `Post.polled`."""
        await self._write(lambda db: channel_rows.polled(db, channel, at))

    async def hear(self, said: Statement, at: datetime) -> str | None:
        """See `Post.hear`."""
        before: str | None = await self._write(lambda db: heard_rows.hear(db, said, at))
        return before

    async def concluded(self, channel: str, key: str, result: str) -> None:
        """See `Post.concluded`."""
        await self._write(lambda db: heard_rows.concluded(db, channel, key, result))

    async def heard(self, proposal_id: str) -> list[Statement]:
        """See `Post.heard`."""
        found: list[Statement] = await self._read(lambda db: heard_rows.heard(db, proposal_id))
        return found

    async def forget(self, before: datetime) -> int:
        """See `Post.forget`."""
        return int(await self._write(lambda db: heard_rows.forget(db, before)))
