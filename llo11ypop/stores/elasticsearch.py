"""Telemetry in Elasticsearch or OpenSearch: the cluster scans and groups, its few rows are put together here."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import RuntimeField
from llo11ypop.core.access import Access
from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.check import names_used
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.es_sql_names import Index
from llo11ypop.query.compile.esql_lookup import joinable
from llo11ypop.query.expr import Expr, Name, Op, Value
from llo11ypop.query.plan import Measure, Plan, Select
from llo11ypop.query.prepare import Preparer
from llo11ypop.query.store import Coverage, Exports
from llo11ypop.stores.assembly import gathered
from llo11ypop.stores.elasticsearch_access import NotThisWayError, connect
from llo11ypop.stores.elasticsearch_languages import SQL, Language
from llo11ypop.stores.elasticsearch_mapping import Place, live_fields, read_indices
from llo11ypop.stores.elasticsearch_read import Reader, iso
from llo11ypop.stores.elasticsearch_run import PlansRun, Run
from llo11ypop.stores.elasticsearch_translate import Preflight, translated

T = TypeVar("T")

CHANGED = ("Unknown column", "is expected", "No mapping found for")
"""What an answer says when a field is gone or has another type."""
DEADLINE_S = 60.0
"""One query with all its pages and tries (our assumption: a cycle has five minutes)."""


class ElasticsearchStore:
    """A TelemetryStore over one cluster. Each call has connections of its own, so any event loop may use it."""

    def __init__(
        self,
        access: Access,
        catalog: Catalog,
        *,
        prefix: str = "llo11ypop-",
        places: Mapping[str, Place] | None = None,
        deadline_s: float = DEADLINE_S,
        language: Language = SQL,
        otherwise: Language | None = None,
    ) -> None:
        """`places` say where datasets lie that our own loader did not write; the others are `<prefix><dataset>`.

        `otherwise` is spoken from then on where the cluster does not know the `language`.
        """
        self._access = access
        self._catalog = catalog
        self._prefix = prefix
        self._places = dict(places or {})
        self._deadline_s = deadline_s
        self._otherwise = otherwise
        self._combiner = Combiner()
        self._indices: dict[str, Index] = {}
        self._exports: Exports | None = None
        self._query_count = 0
        self._speak(language)

    def _speak(self, language: Language) -> None:
        self._language = language
        self._compile_scan = language.compiler(lambda name: self._indices[name])
        self._preparer = Preparer(self._catalog, self._compile_scan)

    @property
    def language(self) -> Language:
        """What the cluster is asked in."""
        return self._language

    @property
    def query_count(self) -> int:
        """Native queries sent so far, tries that failed included."""
        return self._query_count

    def joins(self, select: Select) -> bool:
        """Whether the cluster itself joins what a select reaches over to: ES|QL does, where the dimensions are lookup indices."""
        dataset = self._catalog.datasets[select.dataset]
        foreign = names_used(select) - set(dataset.fields)
        lookups = {name for name, place in self._places.items() if place.lookup}
        return self._language.joins and joinable(self._catalog, dataset, foreign, lookups.__contains__)

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """One plan as of an instant. Raises PlanError, also for what the language cannot say, and StoreError."""
        return (await self._run({"plan": plan}, at, refuse=True))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """Many plans in few queries.

        A plan that the language cannot say gives evidence without rows, UNREAD, with the reason as its note: the
        others are answered all the same.
        """
        return await self._run(plans, at, refuse=False) if plans else {}

    async def preflight(self, plans: Mapping[str, Plan], at: datetime) -> Preflight:
        """Have the cluster translate the SQL of plans without running it. Raises StoreError."""

        async def read(reader: Reader) -> Preflight:
            prepared = self._preparer.prepare(plans, await self._read_exports(reader))
            return await translated(reader, prepared.scans)

        return await self._with_reader(at, read)

    async def exports(self) -> Exports:
        """Datasets and fields of the live mappings; read once, again after `refresh`."""

        async def read(reader: Reader) -> Exports:
            return await self._read_exports(reader)

        return await self._with_reader(datetime.fromtimestamp(0, UTC), read)

    def refresh(self) -> None:
        """Forget what is exported; the next call looks again."""
        self._exports = None

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """Rows, latest row and, when asked, series in `[since, at)` of every dataset that has a time."""
        timed = [name for name, dataset in self._catalog.datasets.items() if dataset.time]

        async def read(reader: Reader) -> list[Coverage]:
            await self._read_exports(reader)
            run = Run(reader, self._catalog, self._compile_scan, self._combiner)
            return await gathered(self._covered(run, name, since, entities=entities) for name in timed)

        return dict(zip(timed, await self._with_reader(at, read), strict=True))

    async def _covered(self, run: Run, name: str, since: datetime, *, entities: bool) -> Coverage:
        dataset, index = self._catalog.datasets[name], self._indices.get(name)
        if index is None or any(g not in index.columns for g in (dataset.time, *dataset.grain)):
            return Coverage(name, exported=False, cadence=dataset.cadence)
        time = Name(dataset.time)
        arrived = Op("and", (Op(">=", (time, Value(iso(since)))), Op("<", (time, Value(iso(run.reader.at))))))
        where = Expr(arrived, "arrived in the window")
        counted = {"n": Measure(agg="count")}
        last = {"last_at": Measure(agg="max", field=Expr(time, dataset.time))}
        table = await run.table(Select(dataset=name, where=where, measures=counted | last))
        things = None
        if entities and dataset.grain:
            things = (await run.table(Select(dataset=name, where=where, by=dataset.grain, measures=counted))).num_rows
        last_at = table["last_at"][0].as_py()
        latest = last_at.replace(tzinfo=UTC) if last_at else None
        return Coverage(name, True, table["n"][0].as_py(), things, latest, dataset.cadence)

    async def _read_exports(self, reader: Reader) -> Exports:
        if self._exports is None:
            found = await read_indices(reader.client, self._access, self._catalog, self._places, self._prefix)
            if not found:
                raise StoreError(
                    f"Elasticsearch at {self._access.name}: no index holds a dataset of the catalog",
                    next_step="find yours with 'llo11ypop catalog discover', or load a fleet with 'llo11ypop load'",
                )
            self._indices = found
            self._exports = Exports({name: frozenset(index.columns) for name, index in found.items()})
        return self._exports

    async def _run(self, plans: Mapping[str, Plan], at: datetime, *, refuse: bool) -> dict[str, Evidence]:
        async def read(reader: Reader) -> dict[str, Evidence]:
            prepared = self._preparer.prepare(plans, await self._read_exports(reader))
            run = PlansRun(reader, self._catalog, self._compile_scan, self._combiner, prepared, refuse)
            try:
                found = await run.evidence()
            except StoreError as bad:
                if any(said in str(bad) for said in CHANGED):
                    raise self._changed(f"{bad}") from bad
                raise
            if not self._language.strict:
                await gathered(self._still(reader, name) for name in {scan.dataset for scan in prepared.scans})
            return found

        return await self._with_reader(at, read)

    def _changed(self, what: str) -> StoreError:
        self.refresh()
        message = f"{what} (the mapping has changed since it was read)"
        return StoreError(message, next_step="try again: it is read anew", transient=True)

    async def _still(self, reader: Reader, name: str) -> None:
        """Raise StoreError where an index no longer has a field that was read: it answers as if that were empty."""
        index = self._indices[name]
        there = await live_fields(reader.client, self._access, index.pattern)
        gone = sorted({c.name for c in index.columns.values()} - set(there) - set(index.runtime))
        if gone:
            raise self._changed(f"{self._access.name}: the index '{index.pattern}' no longer has {', '.join(gone)}")

    def _runtime(self, name: str) -> Mapping[str, RuntimeField]:
        return self._indices[name].runtime if name in self._indices else {}

    async def _with_reader(self, at: datetime, read: Callable[[Reader], Awaitable[T]]) -> T:
        """What is read over a connection of its own; in the other language from now on where the cluster wants that."""
        language = self._language
        try:
            async with connect(self._access, plain=language.plain) as client:
                reader = language.reader(client, self._access, at, self._deadline_s, runtime=self._runtime)
                try:
                    return await read(reader)
                finally:
                    self._query_count += reader.queries
        except NotThisWayError:
            if self._otherwise is None or self._otherwise is language:
                raise
            if self._language is language:
                self._speak(self._otherwise)
        return await self._with_reader(at, read)
