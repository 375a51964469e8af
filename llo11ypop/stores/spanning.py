"""Several stores as one: each dataset is read where it lies, and a plan over datasets of several is combined here."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.query.combine import Combiner
from llo11ypop.query.plan import Plan
from llo11ypop.query.prepare import Prepared, Preparer, select_key
from llo11ypop.query.rows import empty, typed
from llo11ypop.query.store import Coverage, Exports, TelemetryStore
from llo11ypop.stores.assembly import combined, made, status_of, unread

MAIN = "main"


class SpanningStore:
    """A TelemetryStore over a main store and others that hold single datasets.

    A store beside the main one that cannot be read takes only its own plans along: they give evidence without rows,
    UNREAD, with the reason as its note.
    """

    def __init__(
        self, main: TelemetryStore, others: Mapping[str, TelemetryStore], homes: Mapping[str, str], catalog: Catalog
    ) -> None:
        """`homes` says which of the others holds a dataset; all the rest lie in the main store."""
        self._stores = {MAIN: main, **others}
        self._homes = dict(homes)
        self._catalog = catalog
        self._combiner = Combiner()
        self._preparer = Preparer(catalog, lambda scan, _catalog, _few: scan)
        self._known: tuple[tuple[Exports, ...], Exports] | None = None

    @property
    def elsewhere(self) -> frozenset[str]:
        """The datasets that do not lie in the main store, of whatever stores it is made."""
        main = self._stores[MAIN]
        return frozenset(self._homes) | (main.elsewhere if isinstance(main, SpanningStore) else frozenset())

    @property
    def query_count(self) -> int:
        """Native queries sent so far, to all of them."""
        return sum(store.query_count for store in self._stores.values())

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """One plan as of an instant. Raises PlanError, also for what a store cannot say, and StoreError."""
        homes = self._homes_of(plan)
        if len(homes) == 1:
            return await self._stores[homes.pop()].run(plan, at)
        found = (await self.run_many({"plan": plan}, at))["plan"]
        if found.status is EvidenceStatus.UNREAD:
            raise PlanError(found.note)
        return found

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """Many plans in few queries. Raises StoreError where the main store cannot be read."""
        jobs: dict[str, dict[str, Plan]] = {}
        mixed: dict[str, Plan] = {}
        for name, plan in plans.items():
            homes = self._homes_of(plan)
            if len(homes) == 1:
                jobs.setdefault(homes.pop(), {})[name] = plan
                continue
            mixed[name] = plan
            for step, select in plan.selects.items():
                part = Plan(steps={step: select})
                jobs.setdefault(self._home(select.dataset), {})[select_key(name, step)] = part
        answers = await asyncio.gather(*(self._run(home, asked, at) for home, asked in jobs.items()))
        found = {name: evidence for answer in answers for name, evidence in answer.items()}
        if mixed:
            prepared = self._preparer.prepare(mixed, await self.exports())
            found |= {name: self._combined(name, one, found, at) for name, one in prepared.plans.items()}
        return {name: found[name] for name in plans}

    async def exports(self) -> Exports:
        """What is there in the stores that can be read; a dataset only where it lies."""
        names = list(self._stores)
        each = tuple(await asyncio.gather(*(self._exports(home) for home in names)))
        if self._known is None or self._known[0] != each:
            by_home = dict(zip(names, each, strict=True))
            datasets = {
                name: fields for home, one in by_home.items() for name, fields in one.datasets.items() if self._home(name) == home
            }
            sizes = {name: size for name, size in by_home[MAIN].sizes.items() if self._home(name) == MAIN}
            self._known = (each, Exports(datasets, sizes))
        return self._known[1]

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """What arrived in `[since, at)`; a dataset whose store cannot be read counts as not exported."""
        each = await asyncio.gather(*(self._coverage(home, at, since, entities) for home in self._stores))
        by_home = dict(zip(self._stores, each, strict=True))
        out = dict(by_home[MAIN])
        for name, home in self._homes.items():
            cadence = self._catalog.datasets[name].cadence
            out[name] = by_home[home].get(name, Coverage(name, exported=False, cadence=cadence))
        return out

    def _home(self, dataset: str) -> str:
        return self._homes.get(dataset, MAIN)

    def _homes_of(self, plan: Plan) -> set[str]:
        return {self._home(select.dataset) for select in plan.selects.values()}

    async def _run(self, home: str, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        try:
            return await self._stores[home].run_many(plans, at)
        except StoreError as bad:
            if home == MAIN:
                raise
            everything = Exports({name: frozenset(d.fields) for name, d in self._catalog.datasets.items()})
            preparer = Preparer(self._catalog, lambda scan, _catalog, _few: scan)
            prepared = preparer.prepare(plans, everything)
            return {name: unread(one, at, bad.line()) for name, one in prepared.plans.items()}

    async def _exports(self, home: str) -> Exports:
        try:
            return await self._stores[home].exports()
        except StoreError:
            if home == MAIN:
                raise
            return Exports({})

    async def _coverage(self, home: str, at: datetime, since: datetime, entities: bool) -> dict[str, Coverage]:
        try:
            return await self._stores[home].coverage(at, since, entities=entities)
        except StoreError:
            if home == MAIN:
                raise
            return {}

    def _combined(self, name: str, plan: Prepared, found: Mapping[str, Evidence], at: datetime) -> Evidence:
        """The evidence of a plan from that of its selects."""
        parts = {step: found[select_key(name, step)] for step in plan.plan.selects}
        for part in parts.values():
            if part.status is EvidenceStatus.UNREAD:
                return unread(plan, at, part.note)
            if part.status is EvidenceStatus.NOT_EXPORTED:
                return made(plan, at, empty(plan.schemas[plan.plan.result]), part.status, missing=part.missing)
        rows, cut = combined(plan, {step: part.rows for step, part in parts.items()}, self._combiner, at)
        rows = typed(rows, plan.schemas[plan.plan.result])
        return made(
            plan,
            at,
            rows,
            status_of([part.status is EvidenceStatus.NO_DATA for part in parts.values()], rows),
            queries=tuple(dict.fromkeys(q for part in parts.values() for q in part.queries)),
            truncated=cut or any(p.truncated for p in parts.values()),
            approximate=any(p.approximate for p in parts.values()),
            duration_s=sum(p.duration_s for p in parts.values()),
            note="; ".join(dict.fromkeys(p.note for p in parts.values() if p.note)),
        )
