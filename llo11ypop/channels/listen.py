"""Webhooks that channels call: signature first, then age, then whether it was heard before; only then is anything read.

Nothing that is not signed decides anything: a header can be changed by whoever repeats a call. So a repetition is known by the
digest of its signed body, kept longer than the age at which a call is refused anyway.
"""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.post import Statement
from llo11ypop.channels.said import take_in
from llo11ypop.console.ports import Answer
from llo11ypop.console.webhooks import WebhookRefused
from llo11ypop.core.clock import Clock, SystemClock

AHEAD = timedelta(minutes=5)
"""By how much a sender's clock may be ahead of ours (our assumption)."""
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Signed:
    """How a channel signs its calls, and how old a call may be."""

    channel: str
    header: str
    prefix: str
    """Before the hex digest: `sha256=` (Jira), `v1=` (PagerDuty)."""
    secret: str = field(repr=False)
    age: timedelta = timedelta(hours=48)

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises WebhookRefused unless one of the signatures given is ours."""
        if not self.secret:
            step = f"set LLO11YPOP__CHANNELS__{self.channel.upper()}__WEBHOOK_SECRET"
            raise WebhookRefused(f"webhooks of {self.channel} are refused while no secret is set: {step}")
        ours = f"{self.prefix}{hmac.digest(self.secret.encode(), body, 'sha256').hex()}".encode()
        given = [one.strip().encode() for one in headers.get(self.header, "").split(",")]
        if not any([hmac.compare_digest(ours, one) for one in given]):
            raise WebhookRefused("the signature is missing or wrong")

    def check_age(self, said_at: datetime, now: datetime) -> None:
        """Raises WebhookRefused for what is too old, or not yet."""
        if not now - self.age <= said_at <= now + AHEAD:
            raise WebhookRefused("it is too old, or its clock is wrong")


@dataclass(frozen=True)
class Listening:
    """The webhook of one channel."""

    signed: Signed
    ledger: Ledger
    answer: Answer
    clock: Clock
    """The fleet's, for verdicts; calls are dated by the machine's."""
    said_at: Callable[[Json], datetime]
    """When a call was made, by its own body. Raises ValueError."""
    read: Callable[[Json], Awaitable[Sequence[Statement]]]
    """What it says, of proposals that the channel was told about. Raises ChannelDown where the channel must be asked."""
    real_clock: Clock = field(default_factory=SystemClock)

    async def hear(self, headers: Mapping[str, str], body: bytes) -> list[str]:
        """See `Listener.hear`."""
        self.signed.check(headers, body)
        now = self.real_clock.now()
        try:
            raw = json.loads(body)
            if not isinstance(raw, dict):
                raise TypeError("no object")
            said_at = self.said_at(raw)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as bad:
            raise WebhookRefused("this is not what the channel sends", status=400) from bad
        self.signed.check_age(said_at, now)
        call = Statement(self.signed.channel, f"call:{hashlib.sha256(body).hexdigest()}", "", "", "request", said_at)
        if await self.ledger.post.hear(call, now):
            raise WebhookRefused("it was heard before")
        results = await self._take_in(raw, now)
        await self.ledger.post.concluded(call.channel, call.key, f"heard {len(results)}")
        return results

    async def _take_in(self, raw: Json, now: datetime) -> list[str]:
        try:
            statements = await self.read(raw)
        except (ValueError, TypeError, KeyError, AttributeError) as bad:
            raise WebhookRefused("this is not what the channel sends", status=400) from bad
        found = [await take_in(self.ledger, self.answer, one, self.clock.now(), now) for one in statements]
        return [result for result in found if result]
