"""A panel as the query of a Grafana data source: PromQL, or Lucene with aggregations for Elasticsearch.

The same select that gives the evidence is compiled, its range being Grafana's interval; what the data source cannot say is
refused with the reason, which the panel then shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.dashboards.lucene import Lucene, bare
from llo11ypop.dashboards.panels import Panel
from llo11ypop.query.compile.es_sql_names import AT_TIMESTAMP, Index
from llo11ypop.query.compile.promql import Compilation
from llo11ypop.query.compile.promql_filter import filter_of
from llo11ypop.query.compile.promql_names import RANGE, Names, Series
from llo11ypop.query.compile.promql_queries import Native
from llo11ypop.query.expr import Name
from llo11ypop.query.plan import Select

if TYPE_CHECKING:
    from llo11ypop.query.plan import Measure

VARIABLES = {"provider": "provider", "site": "site", "cluster": "cluster", "node": "node_id"}
"""Variable of the dashboard → field, from large to small."""
TERMS = "10"
"""Series of a panel where the plan has no limit (our assumption)."""
_METRICS = {"avg": "avg", "min": "min", "max": "max", "sum": "sum", "count_distinct": "cardinality"}


@dataclass(frozen=True)
class Source:
    """Where Grafana finds a dataset."""

    type: Literal["prometheus", "elasticsearch"]
    uid: str
    series: Series | None = None
    index: Index | None = None


@dataclass(frozen=True)
class PrometheusTarget:
    """A range query."""

    expr: str
    legend: str
    min_interval: str
    """Not shorter than the cadence, so that each step has a reading."""


@dataclass(frozen=True)
class ElasticsearchTarget:
    """Lucene text, a metric, and the buckets: terms first, time last."""

    query: str
    time_field: str
    metric: str
    metric_field: str
    terms: tuple[str, ...]
    interval: str
    percent: str = ""
    size: str = TERMS
    variables: Mapping[str, str] = field(default_factory=dict)


Target = PrometheusTarget | ElasticsearchTarget


def target_of(panel: Panel, catalog: Catalog, sources: Mapping[str, Source]) -> tuple[Source, Target]:
    """Where and what to ask for a panel. Raises PlanError with the reason where no data source of Grafana can say it."""
    source = sources.get(panel.select.dataset)
    if source is None:
        raise PlanError(f"dataset '{panel.select.dataset}' lies in no data source of Grafana")
    if source.series is not None:
        return source, _prometheus(panel, catalog, source.series)
    if source.index is not None:
        return source, _elasticsearch(panel, catalog, source.index)
    raise PlanError(f"dataset '{panel.select.dataset}' has neither series nor an index")


def variables_of(catalog: Catalog, dataset: str, names: Mapping[str, str]) -> dict[str, str]:
    """Variable → label or field of a dataset's own that it narrows down."""
    fields = catalog.datasets[dataset].fields
    return {variable: names[name] for variable, name in VARIABLES.items() if name in fields and name in names}


def _prometheus(panel: Panel, catalog: Catalog, series: Series) -> PrometheusTarget:
    select, measure = panel.select, panel.select.measures[panel.measure]
    dataset = catalog.datasets[select.dataset]
    variables = variables_of(catalog, select.dataset, series.labels)
    matched = (*series.match, *((label, f"${variable}") for variable, label in variables.items()))
    narrowed = Series(series.metrics, series.labels, matched, series.rows)
    names = Names(dataset, narrowed)
    _no_variables(select, measure, names)
    lone = select.model_copy(update={"order": (), "limit": None, "having": None, "bucket": None})
    natives: list[Native] = []
    compilation = Compilation(lone, dataset, names, natives, [], drawn=True)
    compilation.answer()
    text = natives[-1].text
    name = measure.field.node.name if measure.field and isinstance(measure.field.node, Name) else ""
    if measure.agg == "increase":
        of = compilation.range_of(names.metric(name), compilation.filter.also(filter_of(measure.where, names)))
        text = f"sum{compilation.grouped_by()} (increase({of}))"
    if measure.agg == "list":
        raise PlanError("a list of names is no line over time")
    if measure.agg == "count_distinct":
        text = f"count{compilation.grouped_by()} ({text})"
    foreign = series.metrics.get(name)
    if foreign is not None and measure.agg != "count":
        text = f"({text}) * {foreign.factor!r}" if foreign.factor != 1.0 else text
        text = f"{text} + {foreign.offset!r}" if foreign.offset and measure.agg != "stddev" else text
    if select.limit and select.order and select.order[0].by == panel.measure:
        text = f"{'topk' if select.order[0].desc else 'bottomk'}({select.limit}, {text})"
    width = "$__rate_interval" if measure.agg in ("increase", "rate") else "$__interval"
    text = text.replace(RANGE, width)
    for variable, label in variables.items():
        text = text.replace(f'{label}="${variable}"', f'{label}=~"${variable}"')
    legend = " ".join(f"{{{{{series.labels[name]}}}}}" for name in sorted(set(select.by)))
    cadence = dataset.cadence.total_seconds() if dataset.cadence else 60
    return PrometheusTarget(text, legend, f"{cadence:.0f}s")


def _no_variables(select: Select, measure: "Measure", names: Names) -> None:
    """Refuse values that Grafana would read as a variable."""
    for where in (select.where, measure.where):
        if any("$" in m.value or "[[" in m.value for m in filter_of(where, names).matchers):
            raise PlanError("a value in the condition would be read as a variable by Grafana")


def _elasticsearch(panel: Panel, catalog: Catalog, index: Index) -> ElasticsearchTarget:
    select, measure = panel.select, panel.select.measures[panel.measure]
    dataset = catalog.datasets[select.dataset]
    lucene = Lucene(dataset, index)
    if lucene.field(dataset.time) != AT_TIMESTAMP:
        raise PlanError(f"'{select.dataset}' goes by {lucene.field(dataset.time)}, and the data source by {AT_TIMESTAMP}")
    parts = [f"_index:*{'*'.join(map(bare, index.pattern.split('*')))}*"]
    parts += [lucene.condition(where.node) for where in (select.where, measure.where) if where]
    name = measure.field.node.name if measure.field and isinstance(measure.field.node, Name) else ""
    if measure.field and not name:
        raise PlanError("Grafana's Elasticsearch panels take a field, not arithmetic over fields")
    column, percent = "", ""
    if name:
        column = lucene.field(name)
        parts += lucene.reading(name)
    if measure.agg == "count":
        metric = "count"
        parts += [f"_exists_:{column}"] if column else []
    elif measure.agg == "percentile":
        metric, percent = "percentiles", f"{(measure.q or 0) * 100:g}"
    elif measure.agg in _METRICS:
        metric = _METRICS[measure.agg]
    else:
        raise PlanError(f"Grafana's Elasticsearch panels have no '{measure.agg}'")
    stored = {field: foreign.name for field, foreign in index.columns.items()}
    variables = variables_of(catalog, select.dataset, stored)
    parts += [f"{column}:${variable}" for variable, column in variables.items()]
    cadence = dataset.cadence.total_seconds() if dataset.cadence else 60
    return ElasticsearchTarget(
        query=" AND ".join(parts),
        time_field=lucene.field(dataset.time),
        metric=metric,
        metric_field="" if measure.agg == "count" else column,
        terms=tuple(lucene.field(by) for by in select.by),
        interval="auto" if cadence <= 60 else f"{cadence:.0f}s",  # noqa: PLR2004 - Grafana's own choice is fine enough
        percent=percent,
        size=str(select.limit) if select.limit else TERMS,
        variables=variables,
    )
