"""Ask a question on a thread: runs the graph once and hands back what the person gets."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph

from llo11ypop.ask.deps import AskDeps
from llo11ypop.ask.graph import build_ask
from llo11ypop.ask.state import AskState, Turn
from llo11ypop.ask.work import OnStep, Work
from llo11ypop.core.errors import ConfigError, LedgerError
from llo11ypop.core.ids import new_id
from llo11ypop.core.principal import Principal
from llo11ypop.core.question import Answer
from llo11ypop.models.spending import Scope, spending

RECURSION_LIMIT = 12
"""A turn has five steps; LangGraph's own default lets a loop run silently."""
LONGEST_THREAD = 100
KEPT_ROWS = 5000
"""Evidence with more rows than this is not kept in the ledger (our choice); its query still stands in the answer."""

KEPT_PIECES = 100
"""Pieces of evidence of one answer that are kept; an investigation that weighs everything reads several hundred."""


class Conversation:
    """A compiled graph with its threads, reused from one question to the next. One per process."""

    def __init__(self, deps: AskDeps) -> None:
        self.deps = deps
        self._memory = deps.checkpointer if deps.checkpointer is not None else InMemorySaver()
        self._graph: CompiledStateGraph[AskState, Any, Any, Any] = build_ask(deps).compile(checkpointer=self._memory)
        self._durability: Literal["exit"] = "exit"
        self._locks: dict[str, asyncio.Lock] = {}

    async def ask(
        self,
        question: str,
        *,
        thread: str | None = None,
        at: datetime | None = None,
        principal: Principal | None = None,
        on_step: OnStep | None = None,
    ) -> Answer:
        """Answer one question; two on the same thread wait for each other.

        Raises ConfigError for an impossible thread name, StoreError where not even the instant can be found, and LedgerError
        where threads cannot be read. Everything else that goes wrong is an answer with status `failed`.
        """
        who = principal or self.deps.principal
        name = _thread(thread)
        key = f"ask:{who.name}:{name}"
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return await self._turn(question, name, key, at or await self.deps.now(), who, on_step)
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    async def _turn(self, question: str, name: str, key: str, at: datetime, who: Principal, on_step: OnStep | None) -> Answer:
        turn = new_id()
        work = self.deps.bench[turn] = Work(at, on_step=on_step, principal=who, thread=name)
        config = RunnableConfig(
            configurable={"thread_id": key}, metadata={"kind": "ask"}, recursion_limit=RECURSION_LIMIT, max_concurrency=8
        )
        try:
            with spending(Scope.QUESTION, turn):
                await self._graph.ainvoke(
                    {"question": question, "turn": turn, "at": at.isoformat()}, config, durability=self._durability
                )
        finally:
            self.deps.bench.pop(turn, None)
        if work.answer is None:
            raise LedgerError("the turn ended without an answer", next_step="ask again")
        kept = await self._kept(work.answer)
        return replace(kept, links=await self.deps.links(question, kept)) if self.deps.links else kept

    async def turns(self, thread: str, principal: Principal | None = None) -> Sequence[Turn]:
        """What a thread remembers, oldest first; nothing for a thread that does not exist."""
        who = principal or self.deps.principal
        config = RunnableConfig(configurable={"thread_id": f"ask:{who.name}:{_thread(thread)}"})
        kept = await self._graph.aget_state(config)
        return list(kept.values.get("turns", []))

    async def _kept(self, answer: Answer) -> Answer:
        """Store what was read, so that `llo11ypop evidence ID --rerun` can ask again. An answer stands without it."""
        if self.deps.ledger is None:
            return answer
        try:
            await self.deps.ledger.save_evidence([e for e in answer.evidence if e.row_count <= KEPT_ROWS][:KEPT_PIECES])
        except LedgerError as bad:
            return replace(answer, notes=(*answer.notes, f"The evidence could not be kept: {bad.line()}"))
        return answer


def _thread(name: str | None) -> str:
    if name is None:
        return new_id()
    if not name.strip() or len(name) > LONGEST_THREAD:
        raise ConfigError("a thread's name has 1 to 100 characters", next_step="leave it out for a new thread")
    return name.strip()


async def ask(
    question: str,
    deps: AskDeps,
    *,
    thread: str | None = None,
    at: datetime | None = None,
    principal: Principal | None = None,
    on_step: OnStep | None = None,
) -> Answer:
    """Answer one question with these dependencies; the graph is compiled once per `deps`. Raises as `Conversation.ask`."""
    if deps.conversation is None:
        deps.conversation = Conversation(deps)
    return await deps.conversation.ask(question, thread=thread, at=at, principal=principal, on_step=on_step)
