"""Deliver what the outbox holds. A channel that is down leaves its rows waiting; nothing is lost, nothing told twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from llo11ypop.approvals.ledger import Delivery, Ledger
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.proposal import Proposal

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


class Channel(Protocol):
    """Somewhere people look. May be called again for the same proposal and event: it looks before it creates."""

    @property
    def name(self) -> str:
        """As in the outbox's `channel` column."""
        ...

    async def announce(self, proposal: Proposal, event: str) -> str:
        """Tell people; what the channel calls the result. Raises Llo11yPopError; the row then waits for later."""
        ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round of deliveries did."""

    sent: int = 0
    failed: int = 0


async def deliver_due(ledger: Ledger, channels: Sequence[Channel], at: datetime) -> Delivered:
    """Announce what is due on the channels that are configured; rows of other channels stay. Raises LedgerError."""
    by_name = {channel.name: channel for channel in channels}
    sent = failed = 0
    for delivery in await ledger.deliveries_due(at):
        proposal = await ledger.proposal(delivery.proposal_id)
        channel = by_name.get(delivery.channel)
        if channel is None or proposal is None:
            continue
        try:
            reference = await channel.announce(proposal, delivery.event)
        except Llo11yPopError as bad:
            await ledger.delivery_failed(delivery.id, bad.line(), at + wait_after(delivery))
            failed += 1
        else:
            await ledger.delivered(delivery.id, reference, at)
            sent += 1
    return Delivered(sent, failed)


def wait_after(delivery: Delivery) -> timedelta:
    """Doubles with each attempt, up to an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(delivery.attempts, 10)))
