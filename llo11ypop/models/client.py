"""`Endpoints`: the model port over the endpoints of `models.yaml`. Every failure is a Refused with its reason.

An answer that does not match its schema is asked for once more with the error; an endpoint that gives none is followed by the
role's fallback; after that it is for the caller's rule mind.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llo11ypop.core.clock import Clock, SystemClock
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.ids import content_hash
from llo11ypop.models.account import Account
from llo11ypop.models.answers import REPAIRABLE, Problem, printable
from llo11ypop.models.config import Endpoint, Method, Models
from llo11ypop.models.exchange import PAUSE_S, Exchange, Taken, Turn
from llo11ypop.models.memory import Memory
from llo11ypop.models.port import Reason, Refused, Reply, Request, Usage
from llo11ypop.models.record import Noted, Record
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

FINAL = frozenset({Reason.BUDGET, Reason.REFUSAL})
"""Another endpoint would not change it."""
_QUOTED = 4000
"""Characters of a bad answer that are shown again."""


class Endpoints:
    """The `Model` protocol. For many questions at a time, also in several event loops."""

    def __init__(
        self,
        models: Models,
        *,
        record: Record | None = None,
        methods: Mapping[tuple[str, str], Method] | None = None,
        clock: Clock | None = None,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.models = models
        self._record = record
        now = clock or SystemClock()
        self._account = Account(models.budgets, now, record)
        self._exchange = Exchange(models, self._account, now, record, methods or {}, pause_s)
        self._memory = Memory(models.cache)

    def has(self, role: str) -> bool:
        """See `Model.has`."""
        return self.models.endpoint(role) is not None

    async def ask(self, request: Request) -> Reply:
        """See `Model.ask`."""
        request = replace(request, system=printable(request.system), user=printable(request.user))
        why = Refused(Reason.NOT_CONFIGURED, f"no model is set for the role {request.role}", next_step="set it in models.yaml")
        for one in self.models.chain(request.role):
            try:
                return await self._asked(request, one)
            except Refused as bad:
                why = bad
                if bad.reason in FINAL:
                    break
        self._account.refused(request.role, why.reason)
        log.info(Event.MODEL_REFUSED, role=request.role, prompt=request.name, reason=why.reason, why=why.line())
        raise why

    async def noted(self, call_id: str, *, accepted: bool | None, why: str, preferred: Mapping[str, Any] | None) -> None:
        """See `Remembering.noted`."""
        if self._record is not None and call_id:
            try:
                await self._record.note(call_id, Noted(accepted, why, preferred))
            except LedgerError as bad:
                log.warning(Event.MODEL_NOT_RECORDED, why=bad.line())

    async def _asked(self, request: Request, one: Endpoint) -> Reply:
        asked = content_hash(one.place, one.max_tokens, one.extra, request.system, request.user, request.schema)
        if one.temperature == 0 and (before := self._memory.get(asked)) is not None:
            self._account.remembered(request.role, one)
            return replace(before, usage=Usage(0, 0), latency_s=0.0)
        turn = Turn(request, asked, one, (("system", request.system), ("user", request.user)))
        taken = await self._exchange.once(turn)
        if isinstance(taken.value, Problem) and taken.value.reason in REPAIRABLE:
            taken = await self._exchange.once(_repair(turn, taken, taken.value))
        if isinstance(taken.value, Problem):
            raise Refused(taken.value.reason, taken.value.text, call_id=taken.call_id)
        reply = Reply(taken.value, taken.usage, taken.latency_s, taken.call_id)
        if one.temperature == 0:
            self._memory.put(asked, reply)
        return reply


def _repair(turn: Turn, taken: Taken, problem: Problem) -> Turn:
    """The same prompt, which the server has cached, then the answer and what is wrong with it."""
    wrong = f"This was not accepted: {problem.text}\nAnswer again, with one JSON object that matches the schema and nothing else."
    said = (("assistant", taken.text[:_QUOTED] or "(empty)"), ("user", wrong))
    return replace(turn, messages=(*turn.messages, *said), repairs=taken.call_id)
