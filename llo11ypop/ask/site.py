"""The fleet as one principal may see it: every plan of every agent is confined, and the reader knows only what it may name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from llo11ypop.agents.guardrail import CatalogWords, Known
from llo11ypop.agents.query_writer.terms import Terms
from llo11ypop.catalog import Catalog
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.fleet import Topology
from llo11ypop.core.ids import derived_id
from llo11ypop.core.principal import AccessError, Principal
from llo11ypop.language import ValueIndex
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.reader import Reader
from llo11ypop.query.plan import Plan
from llo11ypop.query.pseudonyms import PSEUDONYMS, pseudonymise
from llo11ypop.query.rows import rows_hash
from llo11ypop.query.store import Coverage, Exports, TelemetryStore
from llo11ypop.query.tenancy import ConfinedStore, confine
from llo11ypop.query.topology import read_topology

STANDS_FOR = timedelta(hours=1)
"""Inventory changes seldom; names and topology are read again after this long (our choice)."""


@dataclass
class PseudonymStore:
    """A telemetry store whose rows name nobody: personal fields are stand-ins before anything else sees them."""

    store: TelemetryStore
    catalog: Catalog
    salt: bytes

    @property
    def query_count(self) -> int:
        """Native queries sent so far."""
        return self.store.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """As the store's."""
        return (await self.run_many({"plan": plan}, at))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """As the store's."""
        found = await self.store.run_many(plans, at)
        return {n: self._told(e, plans[n]) for n, e in found.items()}

    def _told(self, evidence: Evidence, plan: Plan) -> Evidence:
        """Evidence that names people by stand-ins is another piece than the one with their names: own id, hash and note."""
        rows = pseudonymise(evidence.rows, self.catalog, plan, self.salt)
        if rows is evidence.rows:
            return evidence
        own = derived_id("evidence", evidence.id, PSEUDONYMS)
        return replace(evidence, id=own, rows=rows, hash=rows_hash(rows), note=PSEUDONYMS)

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """As the store's."""
        return await self.store.coverage(at, since, entities=entities)

    async def exports(self) -> Exports:
        """As the store's."""
        return await self.store.exports()


@dataclass
class _Readable:
    """A confined store that says it has only what can be confined: names are read from nothing else."""

    store: TelemetryStore
    principal: Principal
    catalog: Catalog

    @property
    def query_count(self) -> int:
        return self.store.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        return await self.store.run(plan, at)

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        return await self.store.run_many(plans, at)

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        return await self.store.coverage(at, since, entities=entities)

    async def exports(self) -> Exports:
        known = await self.store.exports()
        kept = {name: fields for name, fields in known.datasets.items() if name in self.catalog.datasets and self._may(name)}
        return Exports(kept, known.sizes)

    def _may(self, dataset: str) -> bool:
        window = timedelta(hours=1) if self.catalog.datasets[dataset].timed else None
        plan = Plan.model_validate({"dataset": dataset, "window": window, "measures": {"rows": {"agg": "count"}}})
        try:
            confine(plan, self.principal, self.catalog)
        except AccessError:
            return False
        return True


@dataclass
class Site:
    """Store, reader and words of one principal as of an instant."""

    store: TelemetryStore
    reader: Reader
    known: Known
    values: ValueIndex
    exports: Exports
    catalog: Catalog
    at: datetime
    newest: dict[tuple[str, datetime], datetime | None] = field(default_factory=dict)
    """(dataset, instant) → its newest row before it."""
    _topology: Topology | None = None
    _terms: Terms | None = None

    @property
    def terms(self) -> Terms:
        """What a model may name; made once."""
        if self._terms is None:
            self._terms = Terms(self.reader)
        return self._terms

    def stands_at(self, at: datetime) -> bool:
        """Whether it may be used for a question as of `at`."""
        return timedelta(0) <= at - self.at < STANDS_FOR

    async def topology(self) -> Topology:
        """Which thing stands in which; read once. Raises StoreError."""
        if self._topology is None:
            self._topology = await read_topology(self.store, self.at)
        return self._topology


async def open_site(
    store: TelemetryStore, catalog: Catalog, lexicon: Lexicon, principal: Principal, salt: bytes, at: datetime
) -> Site:
    """Read the values that this principal may name. Raises StoreError."""
    seen: TelemetryStore = ConfinedStore(store, principal, catalog) if principal.confined else store
    seen = PseudonymStore(seen, catalog, salt) if principal.pseudonyms else seen
    exports = await seen.exports()
    values = await ValueIndex.read(_Readable(seen, principal, catalog) if principal.confined else seen, catalog, at)
    reader = Reader(catalog, lexicon, values, exports)
    return Site(seen, reader, CatalogWords(catalog, reader), values, exports, catalog, at)
