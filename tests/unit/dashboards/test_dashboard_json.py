"""Boards as Grafana's JSON: the schema holds, the queries are those of the plans, and what cannot be drawn says why."""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.core.window import Window
from llo11ypop.dashboards.build import dashboard_json
from llo11ypop.dashboards.panels import Board, answer_board, goal_board, panels_of
from llo11ypop.dashboards.targets import ElasticsearchTarget, PrometheusTarget, Source, target_of
from llo11ypop.playbooks import load_goals
from llo11ypop.query.compile.es_sql_names import own_index
from llo11ypop.query.compile.promql_names import Series, series_of
from tests.conformance.store_tables import AT, catalog, plan, store_of
from tests.shared_data import shared_folder

METRICS = frozenset({"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_PCIE_REPLAY_COUNTER"})
LABELS = frozenset({"UUID", "gpu", "Hostname", "cluster", "modelName"})


@cache
def dcgm() -> Series:
    found = series_of(catalog().datasets["gpu_metrics"], catalog().aliases["dcgm_exporter"], METRICS, LABELS, rows="power_w")
    assert found is not None
    return found


@cache
def sources() -> Mapping[str, Source]:
    elastic = {n: Source("elasticsearch", "es", index=own_index(d, "llo11ypop-")) for n, d in catalog().datasets.items()}
    return elastic | {"gpu_metrics": Source("prometheus", "prom", series=dcgm())}


def board(**parts: Any) -> Board:
    panels = tuple(panels_of(plan(**{"window": "1h", **parts}), catalog()))
    return Board("answer", "key", "Title", "About", panels, Window(AT - timedelta(hours=1), AT), "/evidence/e1")


def only_target(**parts: Any) -> Any:
    return target_of(board(**parts).panels[0], catalog(), sources())[1]


def goal_boards() -> list[Board]:
    return [goal_board(goal, catalog(), AT) for goal in load_goals(Path(__file__).parents[3] / "config", catalog())]


GPUS: dict[str, Any] = {"dataset": "gpu_metrics", "by": ["node_id"]}


@pytest.mark.parametrize(
    ("parts", "expr"),
    [
        (
            {**GPUS, "measures": {"m": {"agg": "increase", "field": "pcie_replay_total"}}},
            "sum by (Hostname) (increase(DCGM_FI_DEV_PCIE_REPLAY_COUNTER"
            '{Hostname=~"$node", cluster=~"$cluster"}[$__rate_interval]))',
        ),
        (
            {**GPUS, "measures": {"m": {"agg": "count"}}},
            'sum by (Hostname) (count_over_time(DCGM_FI_DEV_POWER_USAGE{Hostname=~"$node", cluster=~"$cluster"}[$__interval]))',
        ),
        (
            {**GPUS, "where": "cluster = 'c1'", "measures": {"m": {"agg": "count_distinct", "field": "gpu_uuid"}}, "limit": 3,
             "order": [{"by": "m", "desc": True}]},
            'topk(3, count by (Hostname) (group by (Hostname, UUID) (last_over_time(DCGM_FI_DEV_POWER_USAGE'
            '{Hostname=~"$node", cluster=~"$cluster", cluster="c1"}[$__interval]))))',
        ),
    ],
)  # fmt: skip
def test_prometheus_targets(parts: dict[str, Any], expr: str) -> None:
    target = only_target(**parts)
    assert isinstance(target, PrometheusTarget)
    assert target.expr == expr
    assert target.legend == "{{Hostname}}" and target.min_interval == "300s"


def test_a_span_with_a_blank_is_a_gap_in_a_picture() -> None:
    target = only_target(**GPUS, measures={"m": {"agg": "max", "field": "gpu_temp_c"}})
    assert "unless ((min_over_time(DCGM_FI_DEV_GPU_TEMP" in target.expr


def test_an_elasticsearch_target() -> None:
    asked = {"agg": "count_distinct", "field": "gpu_uuid", "where": "code in (79, 48) and not kind = 'sxid'"}
    target = only_target(dataset="gpu_events", by=["cluster"], where="starts_with(node_id, 'gpu-a')", measures={"m": asked})
    assert isinstance(target, ElasticsearchTarget)
    assert target.query == (
        '_index:*llo11ypop\\-gpu_events* AND node_id:gpu\\-a* AND (code:(79 OR 48) AND (_exists_:kind AND NOT kind:"sxid"))'
        " AND cluster:$cluster AND node_id:$node"
    )
    assert (target.metric, target.metric_field, target.terms) == ("cardinality", "gpu_uuid", ("cluster",))
    assert target.time_field == "@timestamp"


def test_blanks_are_left_out_of_an_elasticsearch_target() -> None:
    target = only_target(dataset="facility_env", measures={"m": {"agg": "avg", "field": "inlet_c"}})
    assert "inlet_c:[1 TO 80]" in target.query


@pytest.mark.parametrize("value", ["$node", "[[node]]", 'a" OR *:* OR "', "a\\", "x) OR (y", "*"])
def test_a_value_stays_a_value(value: str) -> None:
    where = f"message like '%' and node_id = '{value}'"
    shown = dashboard_json(board(dataset="syslog", where=where, measures={"m": {"agg": "count"}}), catalog(), sources())
    (panel,) = shown["panels"]
    if "$" in value or "[[" in value:
        assert panel["type"] == "text" and "would read as a variable" in panel["options"]["content"]
        return
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    assert f'node_id:"{escaped}"' in panel["targets"][0]["query"]


def test_a_value_with_a_dollar_is_no_variable_in_promql() -> None:
    shown = dashboard_json(board(**GPUS, where="node_id = '$x'", measures={"m": {"agg": "count"}}), catalog(), sources())
    assert shown["panels"][0]["type"] == "text"


def test_what_cannot_be_drawn_says_why() -> None:
    shown = dashboard_json(board(dataset="tickets", measures={"m": {"agg": "first", "field": "severity"}}), catalog(), {})
    assert "lies in no data source of Grafana" in shown["panels"][0]["options"]["content"]


def test_the_same_thing_has_the_same_uid_and_other_things_another() -> None:
    uids = [b.uid for b in goal_boards()]
    assert uids == [b.uid for b in goal_boards()] and len(set(uids)) == len(uids)
    assert all(len(uid) <= 40 and uid.replace("-", "").isalnum() for uid in uids)


async def test_an_answer_has_the_panels_of_its_evidence() -> None:
    store = store_of({"gpu_metrics": [{"ts": 5, "gpu_uuid": "g", "node_id": "n", "power_w": 5.0}]})
    asked = plan(dataset="gpu_metrics", window="1h", by=["node_id"], measures={"m": {"agg": "avg", "field": "power_w"}})
    found = answer_board("Power?", (await store.run(asked, AT),), catalog())
    assert [p.title for p in found.panels] == ["avg power_w of gpu_metrics by node_id"]
    assert found.window == Window(AT - timedelta(hours=1), AT) and found.page.startswith("/evidence/")
    with pytest.raises(ValueError, match="nothing was read"):
        answer_board("What?", (), catalog())


def test_levels_are_variables_from_large_to_small() -> None:
    shown = dashboard_json(board(**GPUS, measures={"m": {"agg": "count"}}), catalog(), sources(), "https://console/")
    assert [(v["name"], v["query"]) for v in shown["templating"]["list"]] == [
        ("cluster", "label_values(DCGM_FI_DEV_POWER_USAGE, cluster)"),
        ("node", "label_values(DCGM_FI_DEV_POWER_USAGE, Hostname)"),
    ]
    assert shown["links"][0]["url"] == "https://console/evidence/e1"
    assert shown["annotations"]["list"][0]["target"]["tags"] == ["llo11ypop"]


# ---- the schema ------------------------------------------------------------------------------------------------
@cache
def schema(name: str) -> dict[str, Any]:
    path = shared_folder() / "specs" / "grafana" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no specs/grafana/{name}.json in {shared_folder()}; set LLO11YPOP_SHARED to test with it")
    text = path.read_text(encoding="utf-8")
    return json.loads(text.replace('"oneOf"', '"anyOf"') if name == "elasticsearch" else text)  # type: ignore[no-any-return]


def errors(name: str, part: str, value: Any) -> list[str]:
    """What the schema says against a value; a date histogram also fits 'histogram', hence anyOf."""
    jsonschema = pytest.importorskip("jsonschema")
    whole = schema(name)
    wanted = {**whole, "$ref": f"#/definitions/{part}"} if part else whole
    return [f"{list(e.absolute_path)}: {e.message}"[:300] for e in jsonschema.Draft7Validator(wanted).iter_errors(value)]


def test_every_goals_dashboard_fits_the_schema() -> None:
    drawn = 0
    for one in goal_boards():
        shown = dashboard_json(one, catalog(), sources(), "https://console")
        assert errors("dashboard", "", shown) == []
        assert_laid_out(shown)
        for panel in shown["panels"]:
            if panel["type"] == "timeseries":
                drawn += 1
                assert errors("timeseries", "Options", panel["options"]) == []
                assert errors("timeseries", "FieldConfig", panel["fieldConfig"]["defaults"]["custom"]) == []
                (target,) = panel["targets"]
                kind = "prometheus" if target["datasource"]["type"] == "prometheus" else "elasticsearch"
                assert errors(kind, "", target) == []
    assert drawn > 40


def test_the_schema_sees_mistakes() -> None:
    shown = dashboard_json(board(**GPUS, measures={"m": {"agg": "count"}}), catalog(), sources())
    assert errors("dashboard", "", {**shown, "titel": "x"})
    assert errors("prometheus", "", {**shown["panels"][0]["targets"][0], "exprr": "up"})


def assert_laid_out(shown: Mapping[str, Any]) -> None:
    """Panel ids are unique and no two panels overlap."""
    ids = [panel["id"] for panel in shown["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for panel in shown["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells) and all(x < 24 for x, _ in cells)
