"""A report for one reader: what is read is confined to their clusters and accounts, and people become pseudonyms.

Plans that cannot be confined are not run: the report says what is missing instead. Incidents are found over the whole fleet
and those outside the reader's clusters are dropped; a reader with accounts sees only incidents that took jobs of theirs, and
none of the quoted signs, since those may name other people's work.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llo11ypop.agents.reporter.facts import Facts
from llo11ypop.catalog import Catalog
from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.ids import content_hash, derived_id
from llo11ypop.core.principal import OPERATOR, AccessError, Principal
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.window import iso
from llo11ypop.query.plan import Plan
from llo11ypop.query.pseudonyms import pseudonym, pseudonymise
from llo11ypop.query.store import Coverage, Exports, TelemetryStore
from llo11ypop.query.tenancy import ConfinedStore, confine

if TYPE_CHECKING:
    from llo11ypop.report.places import Places

PEOPLE = Plan.model_validate({"dataset": "slurm_jobs", "window": "60d", "by": ["user"], "measures": {"jobs": {"agg": "count"}}})
"""Everybody whose jobs ended lately: the names that may stand in the texts of proposals."""
_NAME = re.compile(r"[\w.@-]*\w")
OUTSIDE = "outside your scope"


@dataclass
class ScopedStore:
    """A store for one reader. A plan that cannot be confined comes back as not exported, and says so."""

    store: TelemetryStore
    principal: Principal
    catalog: Catalog
    salt: bytes = b""
    _seen: TelemetryStore = field(init=False)

    def __post_init__(self) -> None:
        """Confine before anything is read."""
        confined = self.principal.confined
        self._seen = ConfinedStore(self.store, self.principal, self.catalog) if confined else self.store

    @property
    def query_count(self) -> int:
        """Native queries sent so far."""
        return self._seen.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """As the store's."""
        return (await self.run_many({"plan": plan}, at))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """As the store's; what cannot be confined is not run."""
        refused = {name: plan for name, plan in plans.items() if self._refuses(plan)}
        found = await self._seen.run_many({n: p for n, p in plans.items() if n not in refused}, at)
        if self.principal.pseudonyms:
            found = {n: replace(e, rows=pseudonymise(e.rows, self.catalog, plans[n], self.salt)) for n, e in found.items()}
        return found | {name: _nothing(plan, at) for name, plan in refused.items()}

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """As the store's."""
        return await self._seen.coverage(at, since, entities=entities)

    async def exports(self) -> Exports:
        """As the store's."""
        return await self._seen.exports()

    def _refuses(self, plan: Plan) -> bool:
        try:
            confine(plan, self.principal, self.catalog)
        except AccessError:
            return True
        return False


def _nothing(plan: Plan, at: datetime) -> Evidence:
    described = plan.model_dump(mode="json")
    return Evidence(
        id=derived_id(OUTSIDE, described, iso(at)),
        plan=described,
        at=at,
        window=None,
        queries=(),
        rows=pa.table({}),
        row_count=0,
        truncated=False,
        approximate=False,
        status=EvidenceStatus.NOT_EXPORTED,
        missing=(OUTSIDE,),
        hash=content_hash(),
        note=OUTSIDE,
    )


@dataclass(frozen=True)
class Reader:
    """Who the report is for."""

    principal: Principal = OPERATOR
    salt: bytes = b""
    names: frozenset[str] = frozenset()
    """People whose names must not appear; filled by `known_to`."""

    @property
    def scope(self) -> str:
        """Part of the report's id: readers with different rights get different reports."""
        p = self.principal
        if not p.confined and not p.pseudonyms:
            return ""
        return content_hash(
            sorted(p.clusters or ()), p.clusters is None, sorted(p.accounts or ()), p.accounts is None, p.pseudonyms
        )

    def store(self, store: TelemetryStore, catalog: Catalog) -> TelemetryStore:
        """The store as this reader may see it."""
        if not self.principal.confined and not self.principal.pseudonyms:
            return store
        return ScopedStore(store, self.principal, catalog, self.salt)

    async def known_to(self, store: TelemetryStore, at: datetime) -> "Reader":
        """With the names to hide, read from the whole fleet. Raises StoreError."""
        if not self.principal.pseudonyms:
            return self
        rows = (await store.run(PEOPLE, at)).rows.to_pylist()
        return replace(self, names=frozenset(str(r["user"]) for r in rows if r["user"]))

    def sees(self, entity: str, places: "Places") -> bool:
        """Whether a thing stands in a cluster they may read."""
        allowed = self.principal.clusters
        return allowed is None or places.of((Entity.parse(entity),)).cluster in allowed

    def proposals(self, found: Sequence[Proposal], places: "Places") -> list[Proposal]:
        """Those on the reader's clusters; what stands in no cluster (a part, a driver) is an operator's business."""
        allowed = self.principal.clusters
        if allowed is None:
            return list(found)
        return [p for p in found if places.of((*p.entities, *_children(p))).cluster in allowed]

    def of_incidents(self, facts: Facts) -> Facts:
        """The facts with the incidents, and the conditions that wait, of which the reader may know."""
        if self.principal.accounts is None:
            return facts
        mine = {j.incident for j in facts.hit.jobs}
        incidents = tuple(replace(i, why=(), others=()) for i in facts.incidents if i.id in mine)
        return replace(facts, incidents=incidents, watch=replace(facts.watch, waiting=(), held_back=()))

    def hidden(self, record: Any) -> Any:
        """A JSON value with every known person's name replaced, also inside sentences."""
        if not self.names:
            return record

        def stand_in(found: re.Match[str]) -> str:
            name = found.group()
            return pseudonym(name, self.salt) if name in self.names else name

        return _in_texts(record, lambda text: _NAME.sub(stand_in, text))


def _in_texts(record: Any, change: Callable[[str], str]) -> Any:
    if isinstance(record, str):
        return change(record)
    if isinstance(record, Mapping):
        return {key: _in_texts(value, change) for key, value in record.items()}
    return [_in_texts(value, change) for value in record] if isinstance(record, (list, tuple)) else record


def _children(proposal: Proposal) -> tuple[Entity, ...]:
    return tuple(Entity.parse(c["entity"]) for c in proposal.children)
