"""Telemetry in Elasticsearch, read through Elasticsearch SQL: the cluster scans, its few rows are put together here."""

from collections.abc import Mapping
from datetime import UTC, datetime

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.es_sql import MAX_ROWS, compiler
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.sql import Sql, joined, quoted, value
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Plan
from llo11ypop.query.prepare import Preparer
from llo11ypop.query.store import Coverage, Exports
from llo11ypop.stores.assembly import gathered
from llo11ypop.stores.elasticsearch_access import Access, connect
from llo11ypop.stores.elasticsearch_mapping import Place, read_indices
from llo11ypop.stores.elasticsearch_run import Run
from llo11ypop.stores.elasticsearch_sql import Reader

DEADLINE_S = 60.0
"""One query with all its pages and tries (our assumption: a cycle has five minutes)."""


class ElasticsearchStore:
    """A TelemetryStore over one Elasticsearch. Each call has connections of its own, so any event loop may use it."""

    def __init__(
        self,
        access: Access,
        catalog: Catalog,
        *,
        prefix: str = "llo11ypop-",
        places: Mapping[str, Place] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """`places` say where datasets lie that our own loader did not write; the others are `<prefix><dataset>`."""
        self._access = access
        self._catalog = catalog
        self._prefix = prefix
        self._places = dict(places or {})
        self._deadline_s = deadline_s
        self._combiner = Combiner()
        self._indices: dict[str, Index] = {}
        self._exports: Exports | None = None
        self._preparer = Preparer(catalog, compiler(lambda name: self._indices[name]))
        self._query_count = 0

    @property
    def query_count(self) -> int:
        """Native queries sent so far, tries that failed included."""
        return self._query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """One plan as of an instant. Raises PlanError, also for what Elasticsearch SQL cannot say, and StoreError."""
        return (await self._run({"plan": plan}, at, refuse=True))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """Many plans in few queries.

        A plan that Elasticsearch SQL cannot say gives evidence without rows, UNREAD, with the reason as its note: the
        others are answered all the same.
        """
        return await self._run(plans, at, refuse=False) if plans else {}

    async def exports(self) -> Exports:
        """Datasets and fields of the live mappings; read once, again after `refresh`."""
        async with connect(self._access) as client:
            return await self._read_exports(Reader(client, self._access, datetime.fromtimestamp(0, UTC), self._deadline_s))

    def refresh(self) -> None:
        """Forget what is exported; the next call looks again."""
        self._exports = None

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """Rows, latest row and, when asked, series in `[since, at)` of every dataset that has a time."""
        async with connect(self._access) as client:
            reader = Reader(client, self._access, at, self._deadline_s)
            try:
                await self._read_exports(reader)
                timed = [name for name, dataset in self._catalog.datasets.items() if dataset.time]
                found = await gathered(self._covered(reader, name, since, entities=entities) for name in timed)
            finally:
                self._query_count += reader.queries
        return dict(zip(timed, found, strict=True))

    async def _covered(self, reader: Reader, name: str, since: datetime, *, entities: bool) -> Coverage:
        dataset, index = self._catalog.datasets[name], self._indices.get(name)
        if index is None or any(g not in index.columns for g in (dataset.time, *dataset.grain)):
            return Coverage(name, exported=False, cadence=dataset.cadence)
        columns = Columns(self._catalog, dataset, index)
        time, source = columns.column(dataset.time), quoted(index.pattern)
        begin, end = ("CAST(" + value(t) + " AS DATETIME)" for t in (since, reader.at))
        rows = f" FROM {source} WHERE {time} >= " + begin + f" AND {time} < " + end
        text = f"SELECT COUNT(*) AS n, MAX({time}) AS last_at" + rows + " LIMIT 1"
        table, _ = await reader.rows(text, [("n", Kind.INTEGER), ("last_at", Kind.TIME)], name, cap=None)
        things = None
        if entities and dataset.grain:
            keys = [columns.column(g) for g in dataset.grain]
            grouped = joined(Sql(f"{k} AS k{i}") for i, k in enumerate(keys))
            text = "SELECT " + grouped + ", COUNT(*) AS n" + rows + f" GROUP BY {', '.join(keys)} LIMIT {MAX_ROWS:d}"
            kinds = [(f"k{i}", Kind.TEXT) for i in range(len(keys))]
            things = (await reader.rows(text, [*kinds, ("n", Kind.INTEGER)], name, cap=MAX_ROWS))[0].num_rows
        return Coverage(name, True, table["n"][0].as_py(), things, table["last_at"][0].as_py(), dataset.cadence)

    async def _read_exports(self, reader: Reader) -> Exports:
        if self._exports is None:
            found = await read_indices(reader.client, self._access, self._catalog, self._places, self._prefix)
            if not found:
                raise StoreError(
                    f"Elasticsearch at {self._access.name}: no index holds a dataset of the catalog",
                    next_step="load a fleet with 'llo11ypop load', or name indices under telemetry.elasticsearch.datasets",
                )
            self._indices = found
            self._exports = Exports({name: frozenset(index.columns) for name, index in found.items()})
        return self._exports

    async def _run(self, plans: Mapping[str, Plan], at: datetime, *, refuse: bool) -> dict[str, Evidence]:
        async with connect(self._access) as client:
            reader = Reader(client, self._access, at, self._deadline_s)
            try:
                prepared = self._preparer.prepare(plans, await self._read_exports(reader))
                return await Run(reader, self._catalog, self._indices, self._combiner, prepared, refuse).evidence()
            except StoreError as bad:
                if "Unknown column" in str(bad) or "is expected" in str(bad):
                    self.refresh()
                    message = f"{bad} (the mapping has changed since it was read)"
                    raise StoreError(message, next_step="try again: it is read anew", transient=True) from bad
                raise
            finally:
                self._query_count += reader.queries
