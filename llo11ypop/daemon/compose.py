"""The composition root: the one place that knows which store, ledger and policy stand behind the ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from llo11ypop.core.clock import Clock, SystemClock
from llo11ypop.core.errors import StoreError
from llo11ypop.daemon.models import models_of, read_models
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.approvals.desk import Desk
    from llo11ypop.approvals.ledger import Ledger
    from llo11ypop.catalog import Catalog
    from llo11ypop.ooda.deps import Deps, Limits
    from llo11ypop.query.store import TelemetryStore


OTHER_TIME = timedelta(days=1)
"""A last cycle that is further away than this belongs to a fleet with a time of its own (our assumption)."""


@dataclass(frozen=True)
class Composed:
    """Everything that runs, built once per process."""

    settings: Settings
    store: "TelemetryStore"
    ledger: "Ledger"
    desk: "Desk"
    deps: "Deps"


def open_catalog(settings: Settings) -> "Catalog":
    """The catalog of the configuration directory. Raises ConfigError with file and line."""
    from llo11ypop.catalog import load_catalog

    return load_catalog(settings.config_dir, settings.telemetry.aliases)


def open_store(settings: Settings, catalog: "Catalog | None" = None) -> "TelemetryStore":
    """The telemetry, read-only: one store, or several as one. Raises StoreError where the file is missing."""
    catalog = catalog or open_catalog(settings)
    store = _main_store(settings, catalog)
    whole = _spanning(settings, catalog, store)
    if whole is store and settings.telemetry.store == "duckdb":
        return store
    from llo11ypop.stores.joining import JoiningStore, joined_within
    from llo11ypop.stores.spanning import SpanningStore

    elsewhere = whole.elsewhere if isinstance(whole, SpanningStore) else frozenset()
    joins = joined_within(catalog, elsewhere) if settings.telemetry.store == "duckdb" else None
    return JoiningStore(whole, catalog, joins)


def _spanning(settings: Settings, catalog: "Catalog", store: "TelemetryStore") -> "TelemetryStore":
    """The main store with those beside it that hold single datasets."""
    if settings.telemetry.store != "elasticsearch":
        from llo11ypop.daemon import elasticsearch

        if elasticsearch.places(settings.telemetry.elasticsearch, catalog):
            store = elasticsearch.beside(store, settings.telemetry.elasticsearch, catalog)
    if not settings.telemetry.prometheus.url:
        return store
    from llo11ypop.daemon.prometheus import beside

    return beside(store, settings.telemetry.prometheus, catalog)


def _main_store(settings: Settings, catalog: "Catalog") -> "TelemetryStore":
    if settings.telemetry.store == "elasticsearch":
        from llo11ypop.daemon.elasticsearch import elasticsearch

        return elasticsearch(settings.telemetry.elasticsearch, catalog)
    from llo11ypop.stores.duckdb import DuckDbStore

    path = settings.telemetry.path
    if not path.exists():
        raise StoreError(
            f"no telemetry at {path}",
            next_step="set telemetry.path, or write a fleet with 'llo11ypop simulate', or try 'llo11ypop up'",
        )
    return DuckDbStore.open(path, catalog, read_only=True)


def open_ledger(settings: Settings) -> "Ledger":
    """The ledger. An SQLite file is created when there is none; an older one must be migrated by `db upgrade`."""
    from llo11ypop.ledger import SqlLedger

    if settings.ledger.url is None:
        settings.ledger.path.parent.mkdir(parents=True, exist_ok=True)
    fresh = settings.ledger.url is None and not settings.ledger.path.exists()
    return SqlLedger.open(settings.ledger_url, upgrade=fresh, channels=settings.channel_names)


def limits(settings: Settings) -> "Limits":
    """The budgets of the settings in the loop's words."""
    from llo11ypop.ooda.deps import Limits

    return Limits(
        proposals_per_cycle=settings.budgets.proposals_per_cycle,
        proposals_per_day=settings.budgets.proposals_per_day,
        disruptive_share=settings.budgets.disruptive_share,
        reopen_within=settings.proposals.reopen_within,
        expires_after=settings.proposals.expire_after,
        planned_grace=settings.proposals.planned_grace,
    )


async def deps(
    settings: Settings,
    store: "TelemetryStore",
    ledger: "Ledger",
    on_filed: Callable[[str], Awaitable[None]] | None = None,
) -> "Deps":
    """What a cycle closes over. Raises ConfigError with file and line for a mistake in goals or playbooks."""
    made = await asyncio.to_thread(_deps, settings, store, ledger, on_filed)
    await made.policy.learn_from(ledger)
    return made


def _deps(
    settings: Settings, store: "TelemetryStore", ledger: "Ledger", on_filed: Callable[[str], Awaitable[None]] | None
) -> "Deps":
    from llo11ypop.learning.policy import RulePolicy
    from llo11ypop.ooda.deps import Deps
    from llo11ypop.playbooks import load_goals, load_playbooks

    catalog = open_catalog(settings)
    return Deps(
        catalog=catalog,
        store=store,
        playbooks=load_playbooks(settings.config_dir, catalog),
        goals=load_goals(settings.config_dir, catalog),
        ledger=ledger,
        policy=RulePolicy(),
        limits=limits(settings),
        config_hash=settings.config_hash,
        on_filed=on_filed,
        models=models_of(settings, ledger),
        minds=read_models(settings).cycle,
    )


@asynccontextmanager
async def composed(
    settings: Settings, store: "TelemetryStore | None" = None, clock: Clock | None = None
) -> AsyncIterator[Composed]:
    """Everything, opened and closed again. `store` and `clock` replace the configured ones (a live simulated fleet).

    Files are read in threads: a graph server refuses code that stops its event loop, and a daemon must not either.
    """
    from llo11ypop.approvals.arguments import InventoryAt
    from llo11ypop.approvals.desk import open_desk
    from llo11ypop.approvals.graph import ApprovalDeps
    from llo11ypop.query.topology import read_topology

    telemetry = store if store is not None else await asyncio.to_thread(open_store, settings)
    ledger = await asyncio.to_thread(open_ledger, settings)
    now = clock or SystemClock()
    try:
        inventory = InventoryAt(lambda: read_topology(telemetry, now.now()))
        approval = ApprovalDeps(ledger, check=inventory, clock=now)
        async with open_desk(approval, settings.approvals_at) as desk:
            yield Composed(settings, telemetry, ledger, desk, await deps(settings, telemetry, ledger, desk.start))
    finally:
        await ledger.close()


async def answer_instant(ledger: "Ledger") -> datetime:
    """When an answer from the command line is given, in the time of the fleet.

    That is now, unless the loop looks at another time than ours (a recorded or an accelerated fleet): where the last cycle
    stands for an instant more than a day away, it is that instant. Otherwise no outcome would ever come due.
    """
    now, last = SystemClock().now(), await ledger.last_cycle()
    return last.at if last is not None and abs(now - last.at) > OTHER_TIME else now


async def latest_instant(store: "TelemetryStore") -> datetime:
    """Just after the last row of telemetry, so that a recorded fleet is looked at when it ended.

    Rows that come steadily decide where there are any; events may be dated ahead (planned work) or be old. Raises StoreError
    when there is no telemetry at all.
    """
    now = SystemClock().now()
    seen = await store.coverage(now + timedelta(days=3650), now - timedelta(days=3650))
    ends = [c.last_at for c in seen.values() if c.last_at and c.cadence] or [c.last_at for c in seen.values() if c.last_at]
    if not ends:
        raise StoreError("the telemetry store is empty", next_step="load telemetry, or use --fleet")
    return min(now, max(ends) + timedelta(seconds=1))
