"""One request with everything around it: budgets, queue, circuit breaker, the way of asking for JSON, another try, the record."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llo11ypop.core.clock import Clock
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.ids import canonical_json, new_id
from llo11ypop.models import answers
from llo11ypop.models.account import Account, Bill
from llo11ypop.models.answers import Problem
from llo11ypop.models.config import METHODS, Endpoint, Method, Models
from llo11ypop.models.places import Places
from llo11ypop.models.port import Reason, Request, Usage
from llo11ypop.models.record import Call, Record
from llo11ypop.models.spending import ACCEPTED, NOTHING, Spent, estimated_tokens, priced
from llo11ypop.models.wire import Answer, Failed, Messages, ready, send
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

AGAIN = frozenset({Reason.RATE_LIMITED, Reason.UNREACHABLE})
"""Worth the same request again, after a pause."""
PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
"""A server that asks for a longer one is not waited for: a person waits for the answer. Our assumption."""
CANCELLED = "cancelled"
"""The outcome of a request that nobody waited for any longer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a question: the first, or the repair."""

    request: Request
    request_hash: str
    one: Endpoint
    messages: Messages
    repairs: str = ""
    """The call whose answer this one is to mend."""

    @property
    def prompt_tokens(self) -> int:
        """About how long the prompt is."""
        return estimated_tokens(*(text for _, text in self.messages), canonical_json(self.request.schema))


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer: the object that was asked for, or what is wrong with it."""

    value: Mapping[str, Any] | Problem
    text: str
    usage: Usage | None
    latency_s: float
    call_id: str


class Exchange:
    """Makes requests."""

    def __init__(
        self,
        models: Models,
        account: Account,
        clock: Clock,
        record: Record | None,
        methods: Mapping[tuple[str, str], Method],
        pause_s: float = PAUSE_S,
    ) -> None:
        self._account, self._clock, self._record, self._pause_s = account, clock, record, pause_s
        self._methods = dict(methods)
        self._places = Places(models)

    async def once(self, turn: Turn) -> Taken:
        """The answer, good or bad; every try is counted and kept. Raises Refused where there is none."""
        await ready()
        tries = 0
        while True:
            method = self._method(turn.one)
            try:
                return await self._try(turn, method)
            except Failed as bad:
                pause = self._pause_s * 2**tries if bad.retry_after_s is None else bad.retry_after_s
                if not (bad.wants_other_method and self._other_method(turn.one, method)):
                    if bad.reason not in AGAIN or tries >= turn.one.retries or pause > LONGEST_PAUSE_S:
                        raise
                    tries += 1
                    await asyncio.sleep(pause)

    def _method(self, one: Endpoint) -> Method:
        return self._methods.get(one.place, METHODS[0]) if one.structured == "auto" else one.structured

    def _other_method(self, one: Endpoint, refused: Method) -> bool:
        """Go on with the next way of asking, where that is ours to choose; whether there is one."""
        after = METHODS.index(refused) + 1
        if one.structured != "auto" or after == len(METHODS):
            return False
        if self._method(one) == refused:  # another question may have gone on already
            self._methods[one.place] = METHODS[after]
        return True

    async def _try(self, turn: Turn, method: Method) -> Taken:
        one, place, call_id = turn.one, self._places.of(turn.one), new_id()
        async with self._account.bill(one, turn.prompt_tokens) as bill, place.turn(one.timeout_s):
            started = time.monotonic()
            self._charge(bill, turn, CANCELLED, 0.0, None, Usage(turn.prompt_tokens, one.max_tokens))
            try:
                answer = await send(one, method, _worded(turn, method), turn.request.name, turn.request.schema)
            except Failed as bad:
                place.ended(bad.reason)
                worked = bad.reason == Reason.TIMEOUT
                estimate = Usage(turn.prompt_tokens, one.max_tokens) if worked else NOTHING
                self._charge(bill, turn, bad.reason, time.monotonic() - started, None, estimate)
                await self._keep(turn, bill, call_id, "", str(bad))
                bad.call_id = call_id
                raise
            place.ended(None)
            value, text = answers.read(answer, turn.request.schema), answers.printable(answer.text)
            outcome, why = (value.reason.value, value.text) if isinstance(value, Problem) else (ACCEPTED, "")
            latency_s = time.monotonic() - started
            estimate = Usage(turn.prompt_tokens, estimated_tokens(text))
            self._charge(bill, turn, outcome, latency_s, answer, estimate)
            await self._keep(turn, bill, call_id, text, answers.printable(why))
            return Taken(value, text, bill.spent.usage if bill.spent else None, latency_s, call_id)

    def _charge(self, bill: Bill, turn: Turn, outcome: str, latency_s: float, answer: Answer | None, estimate: Usage) -> None:
        usage = priced(turn.one, answer.usage) if answer is not None and answer.usage is not None else None
        role, model = turn.request.role, turn.one.model
        bill.spent = Spent(role, model, outcome, latency_s, usage, priced(turn.one, estimate))

    async def _keep(self, turn: Turn, bill: Bill, call_id: str, output: str, why: str) -> None:
        if self._record is None or bill.spent is None:
            return
        request, spent = turn.request, bill.spent
        call = Call(
            id=call_id,
            at=self._clock.now(),
            role=request.role,
            name=request.name,
            model=turn.one.model,
            prompt_hash=request.prompt_hash,
            request_hash=turn.request_hash,
            system=request.system,
            user=request.user,
            schema=canonical_json(request.schema),
            output=output,
            outcome=spent.outcome,
            why=why,
            usage=spent.usage,
            estimate=spent.estimate,
            latency_s=spent.latency_s,
            repairs=turn.repairs,
            refs=request.refs,
        )
        try:
            await self._record.keep(call)
        except LedgerError as bad:
            log.warning(Event.MODEL_NOT_RECORDED, why=bad.line())


def _worded(turn: Turn, method: Method) -> Messages:
    if method != "json_mode":
        return turn.messages
    (_, system), (_, user), *more = turn.messages
    return (("system", system), ("user", answers.with_schema(user, turn.request.schema)), *more)
