"""Deliver what the outbox holds: per channel in order, at least once, by one process at a time.

A channel that is down holds everything back until it works again; nothing is given up for that, however long it takes. What a
channel that works refuses is tried a few times and then given up visibly, while the rest goes on; later news of the same
proposal wait for it until then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.post import Delivery, Post, Told
from llo11ypop.channels.failure import ChannelDown, ChannelRefused
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.question import Link
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
LEASE = timedelta(minutes=5)
"""How long one delivery may take before another process takes the channel over; longer than all its requests (our assumption)."""
TRIES = 8
"""How often a channel that works may refuse one thing: with the waits above, about two hours."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """What a channel is told, with all it may want to say about it."""

    proposal: Proposal
    """As it stands now, which may be later than the news."""
    delivery: Delivery
    evidence: tuple[Evidence, ...]
    at: datetime
    before: tuple[tuple[str, Told], ...] = ()
    """(channel, row) of everything that was told about the proposal before."""
    links: tuple[Link, ...] = ()
    """Where else it can be seen, beside the console."""

    def reference(self, channel: str) -> str:
        """What a channel calls the proposal by now; empty when it was never told."""
        return next((told.reference for name, told in reversed(self.before) if name == channel and told.reference), "")


class Channel(Protocol):
    """Somewhere people look. May be told the same news again: it looks before it creates."""

    @property
    def name(self) -> str:
        """As in the outbox's `channel` column."""
        ...

    async def announce(self, news: News) -> str:
        """Tell people; what the channel calls the proposal, empty for nothing. Raises ChannelDown or ChannelRefused."""
        ...

    async def check(self) -> str:
        """Whether it can be reached and allows what is needed, in a line. Raises ChannelDown."""
        ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round of deliveries did."""

    sent: int = 0
    failed: int = 0
    dead: int = 0

    def __add__(self, other: "Delivered") -> "Delivered":
        """Both together."""
        return Delivered(self.sent + other.sent, self.failed + other.failed, self.dead + other.dead)


async def deliver_due(
    ledger: Ledger,
    channels: Sequence[Channel],
    at: datetime,
    *,
    owner: str = "",
    tries: int = TRIES,
    links: Callable[[Proposal], tuple[Link, ...]] = lambda _: (),
) -> Delivered:
    """Tell each channel what is due; rows of channels that are not given stay. Raises LedgerError."""
    done = Delivered()
    for channel in channels:
        done += await _Round(ledger, channel, at, owner, tries, links).run()
    return done


def wait_after(failures: int) -> timedelta:
    """Doubles with each failure, up to an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(failures, 10)))


@dataclass(frozen=True, slots=True)
class _Round:
    """One channel, once."""

    ledger: Ledger
    channel: Channel
    at: datetime
    owner: str
    tries: int
    links: Callable[[Proposal], tuple[Link, ...]]

    @property
    def post(self) -> Post:
        return self.ledger.post

    async def run(self) -> Delivered:
        name, done = self.channel.name, Delivered()
        if not await self.post.due(name, self.at, 1) or await self._held():
            return done
        if not await self.post.take(name, self.owner, self.at, LEASE):
            return done
        try:
            while rows := await self.post.due(name, self.at):
                refused: set[str] = set()
                for delivery in rows:
                    if delivery.proposal_id in refused:
                        continue
                    step = await self._one(delivery)
                    done += step or Delivered(failed=1)
                    if step is None:
                        return done
                    if not step.sent:
                        refused.add(delivery.proposal_id)
        finally:
            await self.post.leave(name, self.owner)
        return done

    async def _held(self) -> bool:
        until = (await self.post.state(self.channel.name)).held_until
        return until is not None and self.at < until <= self.at + timedelta(days=1)

    async def _one(self, delivery: Delivery) -> Delivered | None:
        """What became of a row; none when the channel is down and nothing more is to be tried."""
        name = self.channel.name
        proposal = await self.ledger.proposal(delivery.proposal_id)
        if proposal is None:
            return await self._refused(delivery, "the proposal is gone")
        cited = [await self.ledger.evidence(i) for i in proposal.evidence]
        before = await self.post.told_about(proposal.id)
        evidence, links = tuple(e for e in cited if e is not None), self.links(proposal)
        news = News(proposal, delivery, evidence, self.at, tuple(before), links)
        await self.post.take(name, self.owner, self.at, LEASE)
        try:
            reference = await self.channel.announce(news)
        except ChannelRefused as bad:
            return await self._refused(delivery, bad.line())
        except ChannelDown as bad:
            return await self._down(delivery, bad)
        await self.post.delivered(delivery.id, reference, self.at)
        await self.post.works(name)
        metrics.DELIVERIES.labels(name, "delivered").inc()
        log.info(Event.DELIVERED, channel=name, proposal_id=proposal.id, news=delivery.event, reference=reference)
        return Delivered(sent=1)

    async def _down(self, delivery: Delivery, bad: ChannelDown) -> Delivered | None:
        if bad.answered and await self._answers():
            return await self._refused(delivery, bad.line())
        name = self.channel.name
        failures = (await self.post.state(name)).failures
        until = self.at + max(wait_after(failures), bad.wait)
        await self.post.put_off(delivery.id, bad.line(), self.at, counted=False)
        await self.post.hold(name, until, bad.line())
        metrics.DELIVERIES.labels(name, "down").inc()
        log.warning(Event.CHANNEL_DOWN, channel=name, why=bad.line(), until=until.isoformat())
        return None

    async def _answers(self) -> bool:
        """Whether the channel works otherwise: then what was sent is to blame for the error."""
        try:
            await self.channel.check()
        except (ChannelDown, ChannelRefused):
            return False
        return True

    async def _refused(self, delivery: Delivery, why: str) -> Delivered:
        name = self.channel.name
        if delivery.attempts + 1 >= self.tries:
            await self.post.bury(delivery.id, why)
            outcome, state = Delivered(dead=1), "dead"
        else:
            await self.post.put_off(delivery.id, why, self.at + wait_after(delivery.attempts))
            outcome, state = Delivered(failed=1), "refused"
        metrics.DELIVERIES.labels(name, state).inc()
        log.warning(
            Event.DELIVERY_REFUSED, channel=name, proposal_id=delivery.proposal_id, news=delivery.event, state=state, why=why
        )
        return outcome
