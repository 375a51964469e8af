"""Questions in the daemon: the conversation over the configuration in force, opened by the first question."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llo11ypop.core.clock import Clock
from llo11ypop.core.principal import Principal
from llo11ypop.daemon.ask_report import ask_report
from llo11ypop.daemon.conversing import ask_deps, threads
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.ask.conversation import Conversation
    from llo11ypop.ask.work import OnStep
    from llo11ypop.core.question import Answer
    from llo11ypop.ooda.deps import Deps


class DaemonQuestions:
    """The console's `Questions`. A reloaded configuration is taken up by the next question; threads go on."""

    def __init__(self, settings: Settings, deps: "Callable[[], Deps]", clock: Clock) -> None:
        self._settings, self._deps, self._clock = settings, deps, clock
        self._held = AsyncExitStack()
        self._saver: Any = None
        self._made: tuple[Deps, Conversation] | None = None
        self._opening = asyncio.Lock()

    @property
    def principal(self) -> Principal:
        """Who asks: what the settings allow."""
        return self._settings.ask.principal()

    async def ask(
        self,
        question: str,
        *,
        thread: str | None = None,
        at: datetime | None = None,
        principal: Principal | None = None,
        on_step: "OnStep | None" = None,
    ) -> "Answer":
        """See `console.ask_ports.Questions`."""
        conversation = await self._conversation()
        return await conversation.ask(question, thread=thread, at=at, principal=principal, on_step=on_step)

    async def turns(self, thread: str) -> Sequence[dict[str, Any]]:
        """See `console.ask_ports.Questions`."""
        return [dict(turn) for turn in await (await self._conversation()).turns(thread)]

    async def close(self) -> None:
        """Let go of the threads' file."""
        await self._held.aclose()
        self._saver = self._made = None

    async def _conversation(self) -> "Conversation":
        from llo11ypop.ask.conversation import Conversation

        async with self._opening:
            current = self._deps()
            if self._saver is None:
                self._saver = await self._held.enter_async_context(threads(self._settings))
            if self._made is None or self._made[0] is not current:
                deps = await asyncio.to_thread(ask_deps, self._settings, current, self._now, self._saver)
                deps.report = ask_report(self._settings, self._loop)
                self._made = (current, Conversation(deps))
            return self._made[1]

    async def _loop(self) -> "Deps":
        return self._deps()

    async def _now(self) -> datetime:
        return self._clock.now()
