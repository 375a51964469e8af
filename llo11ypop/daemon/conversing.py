"""Put a conversation together: store, reader, playbooks, ledger and threads of the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llo11ypop.core.errors import LedgerError
from llo11ypop.daemon.compose import deps, latest_instant, open_ledger, open_store
from llo11ypop.daemon.models import models_of, read_models
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llo11ypop.approvals.ledger import Ledger
    from llo11ypop.ask.deps import AskDeps
    from llo11ypop.catalog import Catalog
    from llo11ypop.core.goal import Goal
    from llo11ypop.models.port import Model
    from llo11ypop.ooda.deps import Deps
    from llo11ypop.playbooks import PlaybookSet
    from llo11ypop.query.store import TelemetryStore


@dataclass(frozen=True)
class Knowledge:
    """What the loop knows too; its own `Deps` is one."""

    catalog: "Catalog"
    store: "TelemetryStore"
    playbooks: "PlaybookSet"
    goals: "tuple[Goal, ...]"
    ledger: "Ledger | None"
    models: "Model"


def ask_deps(
    settings: Settings, loop: "Knowledge | Deps", now: "Callable[[], Awaitable[datetime]]", checkpointer: Any
) -> "AskDeps":
    """A conversation over the same store, ledger and knowledge as the loop. Raises ConfigError with file and line."""
    from llo11ypop.agents.guardrail import load_guard
    from llo11ypop.ask.deps import AskDeps
    from llo11ypop.daemon.dashboards import Boards
    from llo11ypop.language.lexicon import load_lexicon

    return AskDeps(
        catalog=loop.catalog,
        store=loop.store,
        playbooks=loop.playbooks,
        goals=loop.goals,
        lexicon=load_lexicon(settings.config_dir, loop.catalog),
        guard=load_guard(settings.config_dir),
        now=now,
        ledger=loop.ledger,
        models=loop.models,
        votes=read_models(settings).votes,
        checkpointer=checkpointer,
        principal=settings.ask.principal(),
        salt=settings.ask.salt.get_secret_value().encode(),
        links=Boards(settings, loop.catalog, kept=loop.ledger is not None).of_answer,
    )


@asynccontextmanager
async def threads(settings: Settings) -> AsyncIterator[Any]:
    """The checkpointer of conversations. Raises LedgerError when the file cannot be used."""
    from llo11ypop.approvals.checkpoints import open_checkpoints
    from llo11ypop.approvals.postgres import CONVERSATIONS

    try:
        async with open_checkpoints(settings.conversations_at, CONVERSATIONS) as saver:
            yield saver
    except LedgerError as bad:
        if "checkpoints" not in str(bad):
            raise
        raise LedgerError(f"threads cannot be kept in {settings.ask.threads}", next_step="move the file away") from bad


async def forgotten(settings: Settings, before: datetime) -> int:
    """Delete conversations whose last turn was before an instant of the machine's clock; how many. Raises LedgerError."""
    from llo11ypop.ask.forgetting import forget_threads

    if settings.shared_url is None and not await asyncio.to_thread(settings.ask.threads.exists):
        return 0
    async with threads(settings) as saver:
        return await forget_threads(saver, before)


@asynccontextmanager
async def conversing(
    settings: Settings, *, store: "TelemetryStore | None" = None, foreign: bool = False, forget: bool = False, keep: bool = True
) -> AsyncIterator["AskDeps"]:
    """A conversation on its own, opened and closed again.

    `foreign`: the telemetry is not the configured fleet's, so the ledger's proposals are not about it. `forget`: threads end
    with the process. Without `keep` no ledger is opened. A ledger that cannot be opened is done without: answers stand, their
    evidence is not kept.
    """
    async with AsyncExitStack() as held:
        telemetry = store if store is not None else await asyncio.to_thread(open_store, settings)
        instants: list[datetime] = []

        async def now() -> datetime:
            if not instants:
                instants.append(await latest_instant(telemetry))
            return instants[0]

        saver = None if forget else await held.enter_async_context(threads(settings))
        known = await asyncio.to_thread(_knowledge, settings, telemetry, keep)
        if known.ledger is not None:
            held.push_async_callback(known.ledger.close)
        made = await asyncio.to_thread(ask_deps, settings, known, now, saver)
        made.reads_proposals = known.ledger is not None and not foreign
        from llo11ypop.daemon.ask_report import ask_report

        made.report = ask_report(settings, lambda: _loop(settings, telemetry, None if foreign else known.ledger))
        yield made


async def _loop(settings: Settings, store: "TelemetryStore", ledger: "Ledger | None") -> "Deps":
    """What a report is built from; a ledger of another fleet, or none, is replaced by an empty one."""
    from llo11ypop.ledger import SqlLedger

    return await deps(settings, store, ledger or SqlLedger.in_memory())


def _knowledge(settings: Settings, store: "TelemetryStore", keep: bool) -> Knowledge:
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.playbooks import load_goals, load_playbooks

    catalog = open_catalog(settings)
    try:
        ledger = open_ledger(settings) if keep else None
    except LedgerError:
        ledger = None
    return Knowledge(
        catalog=catalog,
        store=store,
        playbooks=load_playbooks(settings.config_dir, catalog),
        goals=load_goals(settings.config_dir, catalog),
        ledger=ledger,
        models=models_of(settings, ledger),
    )
