"""Who pays: every request is reserved in all open scopes and in the day before it is made, and counted when it has ended."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from llo11ypop.core.clock import Clock
from llo11ypop.core.errors import LedgerError
from llo11ypop.models.config import Budgets, Endpoint
from llo11ypop.models.port import Usage
from llo11ypop.models.record import Record
from llo11ypop.models.spending import ACCEPTED, Amount, Scope, Spending, Spent, amount_of, current, limit_of, priced
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

FRESH_S = 60.0
"""How long the sum of what other processes spent today is believed."""


@dataclass
class Bill:
    """What a request came to; None while nothing was sent."""

    spent: Spent | None = None


class Account:
    """The budgets of `models.yaml`. The day is the machine's, in UTC, and survives a restart where calls are kept."""

    def __init__(self, budgets: Budgets, clock: Clock, record: Record | None) -> None:
        self._budgets, self._clock, self._record = budgets, clock, record
        self._day = Spending(Scope.DAY)
        self._read_at_s = 0.0

    @asynccontextmanager
    async def bill(self, one: Endpoint, prompt_tokens: int) -> AsyncIterator[Bill]:
        """Reserve the most that the request can come to. Raises Refused where that is more than is left."""
        amount = amount_of(priced(one, Usage(prompt_tokens, one.max_tokens)))
        bill, reserved = Bill(), list[Spending]()
        try:
            for scope in (*current(), await self._today()):
                scope.reserve(amount, limit_of(self._budgets, scope.scope))
                reserved.append(scope)
            yield bill
        finally:
            for scope in reserved:
                scope.settle(amount, bill.spent)
            if bill.spent is not None:
                _count(bill.spent)

    def remembered(self, role: str, one: Endpoint) -> None:
        """An answer came from memory."""
        spent = Spent(role, one.model, ACCEPTED, 0.0, None, cached=True)
        for scope in (*current(), self._day):
            scope.settle(Amount(), spent)
        metrics.MODEL_MEMORY_HITS.labels(role).inc()

    def refused(self, role: str, reason: str) -> None:
        """A question was left to the rule mind."""
        for scope in (*current(), self._day):
            scope.refused[(role, reason)] += 1
        metrics.MODEL_REFUSED.labels(role, reason).inc()

    async def _today(self) -> Spending:
        now = self._clock.now().astimezone(UTC)
        if self._day.name != now.date().isoformat():
            self._day, self._read_at_s = Spending(Scope.DAY, now.date().isoformat()), 0.0
        limited = limit_of(self._budgets, Scope.DAY).model_dump(exclude_none=True)
        if self._record is not None and limited and time.monotonic() - self._read_at_s > FRESH_S:
            await self._read(self._record, now)
        return self._day

    async def _read(self, record: Record, now: datetime) -> None:
        self._read_at_s = time.monotonic()
        try:
            all_of_us = await record.spent(now.replace(hour=0, minute=0, second=0, microsecond=0))
        except LedgerError as bad:
            log.warning(Event.MODEL_NOT_RECORDED, why=bad.line())
            return
        others = all_of_us - self._day.total
        self._day.before = Amount(max(0, others.calls), max(0, others.tokens), max(0.0, others.cost))


def _count(spent: Spent) -> None:
    where = (spent.role, spent.model)
    metrics.MODEL_CALLS.labels(*where, spent.outcome).inc()
    metrics.MODEL_CALL_DURATION.labels(*where).observe(spent.latency_s)
    if spent.unmetered:
        metrics.MODEL_UNMETERED.labels(*where).inc()
    if spent.usage is None:
        return
    for kind, tokens in (("in", spent.usage.tokens_in), ("out", spent.usage.tokens_out), ("cached", spent.usage.tokens_cached)):
        metrics.MODEL_TOKENS.labels(*where, kind).inc(tokens)
    if spent.usage.cost is not None:
        metrics.MODEL_COST.labels(*where).inc(spent.usage.cost)
