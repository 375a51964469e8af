"""The Python API: `Fleet("fleet.duckdb").ask("failed jobs per cluster this week")`, and what the loop knows.

Every method can be called from ordinary code; an event loop of its own runs in a thread of its own, so that notebooks, which
already have a loop, work too. Close it, or use it as a context manager.
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from llo11ypop.core.errors import LedgerError, UnknownNameError
from llo11ypop.settings import Settings, load_settings

if TYPE_CHECKING:
    from llo11ypop.ask.deps import AskDeps
    from llo11ypop.ask.work import OnStep
    from llo11ypop.core.evidence import Evidence
    from llo11ypop.core.goal import Goal
    from llo11ypop.core.principal import Principal
    from llo11ypop.core.proposal import Proposal
    from llo11ypop.core.question import Answer

T = TypeVar("T")


class Fleet:
    """A fleet that can be asked. Opened at the first use; read-only."""

    def __init__(self, source: "str | Path | Settings | None" = None, *, principal: "Principal | None" = None) -> None:
        """`source` is a telemetry file, settings, or nothing for the configured fleet. `principal` may read less than all."""
        self._foreign = isinstance(source, (str, Path))
        self._settings = source if isinstance(source, Settings) else _settings(source)
        self._principal = principal
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened: AbstractAsyncContextManager[AskDeps] | None = None
        self._deps: AskDeps | None = None

    def ask(
        self, question: str, *, thread: str | None = None, at: datetime | None = None, on_step: "OnStep | None" = None
    ) -> "Answer":
        """Answer a question; the answer's `thread` goes on with the conversation.

        Raises ConfigError and StoreError where the fleet cannot be opened; what goes wrong later is an answer that says so.
        """
        from llo11ypop.ask.conversation import ask

        deps = self._open()
        return self._run(ask(question, deps, thread=thread, at=at, principal=self._principal, on_step=on_step))

    def goals(self) -> "tuple[Goal, ...]":
        """The metric goals of the configuration."""
        return self._open().goals

    def proposals(self, *, open_only: bool = True, limit: int | None = None) -> "Sequence[Proposal]":
        """What the loop proposed, oldest first; only those that still wait, or all. Raises LedgerError."""
        from llo11ypop.core.proposal import OPEN_STATUSES

        deps = self._open()
        if deps.ledger is None:
            raise LedgerError("there is no ledger to read", next_step="run 'llo11ypop db upgrade'")
        return self._run(deps.ledger.proposals(OPEN_STATUSES if open_only else None, limit=limit))

    def evidence(self, evidence_id: str) -> "Evidence":
        """What an answer or a proposal cites, with its rows. Raises UnknownNameError and LedgerError."""
        deps = self._open()
        found = self._run(deps.ledger.evidence(evidence_id)) if deps.ledger is not None else None
        if found is None:
            raise UnknownNameError("evidence", evidence_id, ())
        return found

    def close(self) -> None:
        """Let go of files and thread; using it again opens it again."""
        if self._loop is None:
            return
        if self._opened is not None:
            self._run(self._opened.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._opened = self._deps = None

    def __enter__(self) -> "Fleet":
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, bad: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    def _open(self) -> "AskDeps":
        if self._deps is None:
            from llo11ypop.daemon.conversing import conversing

            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="llo11ypop-fleet", daemon=True)
                self._thread.start()
            self._opened = conversing(self._settings, foreign=self._foreign)
            self._deps = self._run(self._opened.__aenter__())
        return self._deps

    def _run(self, work: "Coroutine[Any, Any, T] | Any") -> T:
        if self._loop is None:
            raise RuntimeError("the fleet is closed")
        done: T = asyncio.run_coroutine_threadsafe(work, self._loop).result()
        return done


def _settings(path: str | Path | None) -> Settings:
    return load_settings(None, **({"telemetry": {"path": Path(path)}} if path is not None else {}))
