"""A board as Grafana's dashboard JSON, by the Grafana foundation SDK (classic schema, Grafana 10 and newer)."""

import json
from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders import elasticsearch as es
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.builders import text as words
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, VariableRefresh
from grafana_foundation_sdk.models.elasticsearch import TermsOrder

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.core.window import iso
from llo11ypop.dashboards.panels import Board, Panel
from llo11ypop.dashboards.targets import (
    VARIABLES,
    ElasticsearchTarget,
    PrometheusTarget,
    Source,
    Target,
    target_of,
    variables_of,
)

WIDTH, HEIGHT = 12, 8
UNITS = {
    "Cel": "celsius", "W": "watt", "%": "percent", "By/s": "Bps", "By": "bytes", "MiBy": "mbytes", "s": "s",
    "ms": "ms", "ns": "ns", "V": "volt", "A": "amp", "kPa": "pressurekpa", "1/s": "ops",
}  # fmt: skip
"""UCUM → Grafana unit id, where there is one of the same meaning; other units are shown as a suffix."""


def dashboard_json(
    board: Board,
    catalog: Catalog,
    sources: Mapping[str, Source],
    console_url: str = "",
    links: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The dashboard as it is pushed or saved to a file: no id, a uid of its own. `links` are title → address."""
    built = (
        grafana.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["llo11ypop", board.kind])
        .time(iso(board.window.start), iso(board.window.end))
        .timezone("utc")
        .readonly()
    )
    used = _used(board, sources)
    for variable in _variables(used, catalog, sources):
        built.with_variable(variable)
    built.annotation(_annotations())
    own = {"LLo11yPop": console_url.rstrip("/") + board.page} if console_url else {}
    for title, url in {**own, **(links or {})}.items():
        built.link(grafana.DashboardLink(title).type(DashboardLinkType.LINK).url(url))
    for number, panel in enumerate(board.panels, 1):
        built.with_panel(_panel(number, panel, catalog, sources))
    found: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    return found


def _used(board: Board, sources: Mapping[str, Source]) -> list[str]:
    return list(dict.fromkeys(p.select.dataset for p in board.panels if p.select.dataset in sources))


def _panel(number: int, panel: Panel, catalog: Catalog, sources: Mapping[str, Source]) -> Any:
    try:
        source, target = target_of(panel, catalog, sources)
    except PlanError as bad:
        said = f"Not drawn here: {bad.line()}"
        return words.Panel().id(number).title(panel.title).content(said).height(HEIGHT).span(WIDTH)
    built = (
        timeseries.Panel().id(number).title(panel.title).description(panel.definition).datasource(_ref(source))
        .height(HEIGHT).span(WIDTH).unit(_unit(panel.unit)).with_target(query(target, source))
    )  # fmt: skip
    return built.interval(target.min_interval) if isinstance(target, PrometheusTarget) else built


def query(target: Target, source: Source) -> Any:
    """The SDK's builder of a target."""
    if isinstance(target, PrometheusTarget):
        built = prom.Dataquery().ref_id("A").datasource(_ref(source)).expr(target.expr).range()
        return built.legend_format(target.legend) if target.legend else built
    return _elasticsearch(target, source)


def _elasticsearch(target: ElasticsearchTarget, source: Source) -> Any:
    terms = [
        es.Terms()
        .id(str(i + 2))
        .field(field)
        .settings(es.ElasticsearchTermsSettings().size(target.size).order(TermsOrder.DESC).order_by("_count"))
        for i, field in enumerate(target.terms)
    ]
    step = es.ElasticsearchDateHistogramSettings().interval(target.interval).min_doc_count("1").trim_edges("0")
    days = es.DateHistogram().id(str(len(terms) + 2)).field(target.time_field).settings(step)
    return (
        es.Dataquery().ref_id("A").datasource(_ref(source)).query(target.query).time_field(target.time_field)
        .metrics([_metric(target)]).bucket_aggs([*terms, days])
    )  # fmt: skip


def _metric(target: ElasticsearchTarget) -> Any:
    match target.metric:
        case "count":
            return es.Count().id("1")
        case "cardinality":
            return es.UniqueCount().id("1").field(target.metric_field)
        case "percentiles":
            settings = es.ElasticsearchPercentilesSettings().percents([target.percent])
            return es.Percentiles().id("1").field(target.metric_field).settings(settings)
        case "avg":
            return es.Average().id("1").field(target.metric_field)
        case "min":
            return es.Min().id("1").field(target.metric_field)
        case "max":
            return es.Max().id("1").field(target.metric_field)
    return es.Sum().id("1").field(target.metric_field)


def _ref(source: Source) -> DataSourceRef:
    return DataSourceRef(type_val=source.type, uid=source.uid)


def _unit(unit: str) -> str:
    if unit in ("", "1"):
        return "short"
    return UNITS.get(unit) or f"suffix: {unit}"


def _annotations() -> Any:
    target: Any = grafana.AnnotationTarget().limit(100).match_any(False).tags(["llo11ypop"]).type("tags")
    return (
        grafana.AnnotationQuery().name("Proposals and verdicts").datasource(DataSourceRef("grafana", "-- Grafana --"))
        .enable(True).icon_color("purple").target(target)
    )  # fmt: skip


def _variables(used: list[str], catalog: Catalog, sources: Mapping[str, Source]) -> list[Any]:
    """A variable per level that some dataset of the board has itself, filled by the first data source that has it."""
    found: list[Any] = []
    for variable in VARIABLES:
        for dataset in used:
            source = sources[dataset]
            if source.series is not None:
                labels = variables_of(catalog, dataset, source.series.labels)
                metric = source.series.metrics[source.series.anchor].name
                text: Any = f"label_values({metric}, {labels[variable]})" if variable in labels else ""
                every = ".*"
            else:
                stored = {n: f.name for n, f in (source.index.columns if source.index else {}).items()}
                labels = variables_of(catalog, dataset, stored)
                text = json.dumps({"find": "terms", "field": labels[variable]}) if variable in labels else ""
                every = "*"
            if text:
                found.append(
                    grafana.QueryVariable(variable).label(variable).datasource(_ref(source)).query(text).multi(True)
                    .include_all(True).all_value(every).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
                )  # fmt: skip
                break
    return found
