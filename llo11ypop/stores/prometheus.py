"""Telemetry in Prometheus, VictoriaMetrics, Mimir or Thanos, read through the Prometheus HTTP API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Kind
from llo11ypop.core.access import Access
from llo11ypop.core.errors import ConfigError, StoreError, UnknownNameError
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.promql import compiler
from llo11ypop.query.compile.promql_filter import Matcher
from llo11ypop.query.compile.promql_names import RANGE, Series, series_of
from llo11ypop.query.compile.promql_queries import Native
from llo11ypop.query.plan import Plan, Span
from llo11ypop.query.prepare import Preparer
from llo11ypop.query.store import Coverage, Exports
from llo11ypop.stores.assembly import gathered
from llo11ypop.stores.prometheus_access import connect
from llo11ypop.stores.prometheus_http import Reader, is_left_open
from llo11ypop.stores.prometheus_run import Run

DEADLINE_S = 60.0
"""One query with all its tries (our assumption: a cycle has five minutes)."""
_LOOKBACK = "5m"
"""How long Prometheus takes a sample for current (query.lookback-delta)."""


@dataclass(frozen=True)
class Place:
    """What the settings say about a dataset that lies in Prometheus."""

    aliases: str = ""
    """Alias table of the catalog: the exporter whose names it uses; empty for `<dataset>_<field>` and the fields' own names."""
    match: Mapping[str, str] = field(default_factory=dict)
    """Labels that all its series have."""
    rows: str = ""
    """The metric field that every row has, so that rows can be counted."""


class PrometheusStore:
    """A TelemetryStore for the metric datasets that lie there. Each call has connections of its own."""

    def __init__(self, access: Access, catalog: Catalog, places: Mapping[str, Place], *, deadline_s: float = DEADLINE_S) -> None:
        """Raises UnknownNameError and ConfigError for places that the catalog does not allow."""
        for name, place in places.items():
            dataset = catalog.dataset(name, where="telemetry.prometheus.datasets")
            if dataset.kind is not Kind.METRIC:
                message = f"telemetry.prometheus.datasets: '{name}' is a dataset of kind '{dataset.kind}'"
                raise ConfigError(message, next_step="only metrics can lie in Prometheus")
            if place.aliases and place.aliases not in catalog.aliases:
                raise UnknownNameError("alias table", place.aliases, catalog.aliases, where=f"telemetry.prometheus: {name}")
            if place.rows and place.rows not in dataset.fields:
                raise UnknownNameError("field", place.rows, dataset.fields, where=f"telemetry.prometheus: {name}")
        self._access = access
        self._catalog = catalog
        self._places = dict(places)
        self._deadline_s = deadline_s
        self._combiner = Combiner()
        self._series: dict[str, Series] = {}
        self._exports: Exports | None = None
        self._asked_of: Exports | None = None
        """The same, and every other dataset: what reaches over to one is refused by the compiler, with the reason."""
        self._left_open = True
        self._preparer = Preparer(catalog, compiler(self._lies))
        self._query_count = 0

    def _lies(self, name: str) -> Series | None:
        """Where a dataset's series are, as last read."""
        return self._series.get(name)

    @property
    def query_count(self) -> int:
        """Native queries sent so far, tries that failed included."""
        return self._query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """One plan as of an instant. Raises PlanError, also for what PromQL cannot say, and StoreError."""
        return (await self._run({"plan": plan}, at, refuse=True))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """Many plans in few queries.

        A plan that PromQL cannot say gives evidence without rows, UNREAD, with the reason as its note: the others are
        answered all the same.
        """
        return await self._run(plans, at, refuse=False) if plans else {}

    async def exports(self) -> Exports:
        """Datasets and fields of the metrics and labels that are there; read once, again after `refresh`."""
        async with connect(self._access) as client:
            reader = Reader(client, self._access, datetime.fromtimestamp(0, UTC), self._deadline_s)
            try:
                return await self._read_exports(reader)
            finally:
                self._query_count += reader.queries

    async def series(self) -> dict[str, Series]:
        """Dataset → the series that are there."""
        await self.exports()
        return dict(self._series)

    def refresh(self) -> None:
        """Forget what is exported; the next call looks again."""
        self._exports = None

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """Rows, latest row and, when asked, series in `[since, at)` of the datasets that lie here."""
        async with connect(self._access) as client:
            reader = Reader(client, self._access, at, self._deadline_s)
            try:
                await self._read_exports(reader)
                reader.left_open = self._left_open
                found = await gathered(self._covered(reader, name, since, entities=entities) for name in self._places)
            finally:
                self._query_count += reader.queries
        return dict(zip(self._places, found, strict=True))

    async def _covered(self, reader: Reader, name: str, since: datetime, *, entities: bool) -> Coverage:
        dataset, series = self._catalog.datasets[name], self._series.get(name)
        if series is None or any(g not in series.labels for g in dataset.grain):
            return Coverage(name, exported=False, cadence=dataset.cadence)
        match = ", ".join(str(Matcher(label, "=", value)) for label, value in series.match)
        of = f"{series.metrics[series.anchor].name}{{{match}}}"
        grain = ", ".join(series.labels[g] for g in dataset.grain)
        span = Span(start=reader.at - since)
        texts = {
            "rows": f"sum(count_over_time({of}[{RANGE}]))",
            "now": f"max(timestamp({of}))",
            "before": f"max(max_over_time(timestamp({of})[{RANGE}:{_LOOKBACK}]))",
        }
        if entities and grain:
            texts["things"] = f"count(group by ({grain}) (last_over_time({of}[{RANGE}])))"
        asked = await gathered(reader.samples(Native(text, (), (), span), name) for text in texts.values())
        got = {key: found[0][2] for key, found in zip(texts, asked, strict=True) if found}
        last = max((got[k] for k in ("now", "before") if k in got), default=None)
        last_at = datetime.fromtimestamp(last, UTC) if last is not None and last >= since.timestamp() else None
        things = int(got.get("things", 0)) if "things" in texts else None
        return Coverage(name, True, int(got.get("rows", 0)), things, last_at, dataset.cadence)

    async def _read_exports(self, reader: Reader) -> Exports:
        if self._exports is None:
            self._left_open = await is_left_open(reader)
            metrics = frozenset(await reader.ask("label/__name__/values", {}, ""))
            found: dict[str, Series] = {}
            for name, place in self._places.items():
                series = await self._read_series(reader, name, place, metrics)
                if series is not None:
                    found[name] = series
            if not found:
                raise StoreError(
                    f"Prometheus at {self._access.name}: it has no metric of {', '.join(self._places)}",
                    next_step="check aliases and match under telemetry.prometheus.datasets",
                )
            self._series = found
            fields = {n: {*s.metrics, *s.labels, self._catalog.datasets[n].time} for n, s in found.items()}
            self._exports = Exports({name: frozenset(names) for name, names in fields.items()})
            others = {n: frozenset(d.fields) for n, d in self._catalog.datasets.items() if n not in self._places}
            self._asked_of = Exports(others | dict(self._exports.datasets))
        return self._exports

    async def _read_series(self, reader: Reader, name: str, place: Place, metrics: frozenset[str]) -> Series | None:
        """The dataset's series: its metrics, and those labels that the first of them has."""
        dataset, aliases = self._catalog.datasets[name], self._catalog.aliases.get(place.aliases)
        bare = series_of(dataset, aliases, metrics, frozenset(), match=place.match, rows=place.rows)
        if bare is None:
            return None
        match = ", ".join(str(Matcher(label, "=", value)) for label, value in bare.match)
        of = f"{bare.metrics[bare.anchor].name}{{{match}}}"
        labels = frozenset(await reader.ask("labels", {"match[]": of}, ""))
        return series_of(dataset, aliases, metrics, labels, match=place.match, rows=place.rows) if labels else None

    async def _run(self, plans: Mapping[str, Plan], at: datetime, *, refuse: bool) -> dict[str, Evidence]:
        async with connect(self._access) as client:
            reader = Reader(client, self._access, at, self._deadline_s)
            try:
                exports = await self._read_exports(reader)
                prepared = self._preparer.prepare(plans, self._asked_of or exports)
                reader.left_open = self._left_open
                return await Run(reader, self._catalog, self._series, self._combiner, prepared, refuse).evidence()
            finally:
                self._query_count += reader.queries
