"""`llo11ypop doctor` over real HTTP: each thing that is wrong with a store or Grafana is one line that says what to do."""

import asyncio
import http.server
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.cli.doctor_elasticsearch import examine_elasticsearch
from llo11ypop.cli.doctor_freshness import examine_freshness, examine_goals
from llo11ypop.cli.doctor_grafana import examine_grafana
from llo11ypop.cli.doctor_prometheus import examine_prometheus
from llo11ypop.playbooks import load_goals
from llo11ypop.settings import load_settings, packaged_config
from tests.conformance.store_tables import AT, catalog, minutes_ago, store_of
from tests.fakes.elasticsearch import Fault, serving
from tests.fakes.elasticsearch_shippers import ShipperElasticsearch
from tests.fakes.faulty_http import Call, FaultyServer, Reply
from tests.fakes.grafana import Grafana
from tests.fakes.shippers import NVIDIA, NVIDIA_MAPPING, SYSLOG, shipped

OWN = """\
source: a test
description: Where it lies.
indices: {gpu_metrics: metrics-nvidia_gpu.stats-*, syslog: logs-system.syslog-*}
names:
  gpu_metrics.gpu_uuid: [{name: gpu.labels.UUID}]
  gpu_metrics.node_id: [{name: gpu.labels.Hostname}]
  gpu_metrics.power_w: [{name: gpu.power.usage}]
  syslog.node_id: [{name: host.hostname}]
"""
Line = tuple[str, str]


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "es.yaml").write_text(OWN)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[ShipperElasticsearch]:
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__STORE", "elasticsearch")
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__ALIASES", "own")
    with serving(shipped(datetime.now(UTC).replace(microsecond=0), nodes=1, hours=1)) as served:
        assert isinstance(served, ShipperElasticsearch)
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__URL", served.url)
        yield served


@cache
def known(tables: str) -> Catalog:
    """The shipped catalog with tables of these texts; read once."""
    with TemporaryDirectory() as folder:
        for number, text in enumerate(tables.split("---")):
            (Path(folder) / f"own{number}.yaml").write_text(text)
        return load_catalog(packaged_config(), Path(folder))


def lines(probe: str) -> list[Line]:
    """(state, text) of one probe."""
    settings = load_settings()
    own = known("---".join(p.read_text() for p in sorted(Path("own").glob("*.yaml"))))
    probes: dict[str, Callable[[], Any]] = {
        "elasticsearch": lambda: examine_elasticsearch(settings, own),
        "prometheus": lambda: examine_prometheus(settings, own),
        "grafana": lambda: examine_grafana(settings),
    }
    found: list[Line] = asyncio.run(probes[probe]())
    assert all("\n" not in text for _, text in found)
    assert all(" — " in text for state, text in found if state != "ok")
    return found


def test_an_elasticsearch_that_is_well_has_nothing_but_ok(fake: ShipperElasticsearch) -> None:
    found = lines("elasticsearch")
    assert {state for state, _ in found} == {"ok"}
    said = "\n".join(text for _, text in found)
    for part in (
        "Elasticsearch 9.5.0, cluster 'fake'",
        "SQL is answered",
        "may read and view_index_metadata",
        "gpu_metrics: 4 of 42 fields",
    ):
        assert part in said
    assert fake.problems == []


def _no_key(fake: ShipperElasticsearch) -> None:
    fake.api_key = "secret"


def _no_sql(fake: ShipperElasticsearch) -> None:
    reason = "no handler found for uri [/_sql?format=json] and method [POST]"
    fake.faults.append(Fault("/_sql", 400, "illegal_argument_exception", reason, times=1))


def _not_it(fake: ShipperElasticsearch) -> None:
    fake.faults.append(Fault("/", body={"message": "It works!"}))


def _small_pages(fake: ShipperElasticsearch) -> None:
    fake.limits["index.max_result_window"] = "1000"


def _few_buckets(fake: ShipperElasticsearch) -> None:
    fake.limits["search.max_buckets"] = "10000"


def _no_read(fake: ShipperElasticsearch) -> None:
    fake.granted = {"*": {"view_index_metadata"}, "logs-*": {"read", "view_index_metadata"}}


def _no_index(fake: ShipperElasticsearch) -> None:
    del fake.mappings[SYSLOG], fake.of_stream[f".ds-{SYSLOG}-2026.05.01-000001"]


def _no_time(fake: ShipperElasticsearch) -> None:
    fake.put(SYSLOG, {"host.hostname": "keyword"}, [])


def _renamed(fake: ShipperElasticsearch) -> None:
    fake.put(NVIDIA, {n: t for n, t in NVIDIA_MAPPING.items() if n != "gpu.power.usage"}, [])


def _two_types(fake: ShipperElasticsearch) -> None:
    fake.put("metrics-nvidia_gpu.stats-b", {**NVIDIA_MAPPING, "gpu.power.usage": "keyword"}, [], stream=True)


def _ahead(fake: ShipperElasticsearch) -> None:
    fake.clock_off = timedelta(minutes=3)


def _open(fake: ShipperElasticsearch) -> None:
    fake.security = False


@pytest.mark.parametrize(
    ("broken", "state", "said"),
    [
        (_no_key, "fail", "not allowed to use its version (401) — give telemetry.elasticsearch an API key"),
        (_no_sql, "warn", "nothing: the Query DSL is used instead"),
        (_not_it, "fail", "what answers there is not Elasticsearch — check telemetry.elasticsearch.url"),
        (_no_read, "fail", "u lacks read on metrics-nvidia_gpu.stats-* — grant it"),
        (_no_index, "fail", "syslog: no index is called logs-system.syslog-* — see what is there with 'llo11ypop catalog"),
        (_no_time, "fail", "syslog: logs-system.syslog-* has no usable time of it ('ts')"),
        (_renamed, "warn", "gpu_metrics: power_w are not in the mapping any more — run 'llo11ypop catalog discover' again"),
        (_two_types, "warn", "gpu.power.usage of metrics-nvidia_gpu.stats-* have several types"),
        (_ahead, "fail", "s ahead of this machine — set both by NTP"),
        (_small_pages, "fail", f"{SYSLOG}: index.max_result_window is 1,000, and a page has 5,000 rows — raise it"),
        (_few_buckets, "warn", "search.max_buckets is 10,000, and an answer may have 60,000"),
        (_open, "warn", "its security is off"),
    ],
)
def test_what_is_wrong_with_elasticsearch_is_one_line_with_the_next_step(
    fake: ShipperElasticsearch,
    broken: Callable[[ShipperElasticsearch], None],
    state: str,
    said: str,
) -> None:
    broken(fake)
    found = lines("elasticsearch")
    assert [s for s, text in found if said in text] == [state], found


def test_where_the_settings_allow_only_sql_it_must_be_answered(
    fake: ShipperElasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__LANGUAGE", "sql")
    _no_sql(fake)
    assert [s for s, text in lines("elasticsearch") if "language to auto or dsl" in text] == ["fail"]


def test_where_esql_is_spoken_it_is_esql_that_must_be_answered(
    fake: ShipperElasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__LANGUAGE", "esql")
    found = lines("elasticsearch")
    assert {state for state, _ in found} == {"ok"}
    assert ("ok", "ES|QL is answered (POST /_query)") in found and not any("SQL is answered (POST /_sql)" in t for _, t in found)
    fake.faults.append(Fault("/_query", 400, "illegal_argument_exception", "no handler found for uri [/_query]"))
    fake.limits["esql.query.result_truncation_max_size"] = "1000"
    bad = {text.partition(" — ")[2]: state for state, text in lines("elasticsearch") if state != "ok"}
    assert bad == {
        "set telemetry.elasticsearch.language to auto": "fail",
        "raise it, or leave telemetry.elasticsearch.language at auto: a longer answer is cut without a word": "warn",
    }


def test_opensearch_is_asked_neither_for_sql_nor_for_privileges(fake: ShipperElasticsearch) -> None:
    fake.version = {"number": "3.8.0", "distribution": "opensearch"}
    found = lines("elasticsearch")
    assert found[0] == ("ok", f"{fake.url}: OpenSearch 3.8.0, asked in the Query DSL, cluster 'fake'")
    assert not any(path.startswith(("/_sql", "/_security")) for _, path, _ in fake.requests)


def test_a_key_for_indices_alone_is_enough(fake: ShipperElasticsearch) -> None:
    fake.version = None
    found = lines("elasticsearch")
    assert "its version is not told to this key" in found[0][1]


async def test_what_stopped_and_what_comes_from_the_future_is_named() -> None:
    gpus = [{"ts": minutes, "gpu_uuid": "g1", "node_id": "n1"} for minutes in (50, 60)]
    sensors = [{"ts": 5, "node_id": "n1", "sensor_id": "fan1"}]
    store = store_of({"gpu_metrics": gpus, "node_hw": sensors, "syslog": [{"ts": -120}], "net_probe": []})
    found = await examine_freshness(store, catalog(), AT, minutes_ago(5))
    assert [text for _, text in found] == [
        "gpu_metrics: its newest row is 45m older than the newest of all, expected every 5m — check what ships it",
        "net_probe: no row in 7d, expected every 10m — check what ships it",
        "syslog: its newest row is 2h in the future — look at a node's clock or time zone",
    ]
    assert {state for state, _ in found} == {"warn"}


async def test_goals_that_cannot_be_measured_are_counted_with_what_they_need() -> None:
    goals = load_goals(packaged_config(), catalog())
    exports = await store_of({"gpu_metrics": []}).exports()
    ((state, text),) = examine_goals(goals, catalog(), exports)
    assert state == "ok" and re.fullmatch(r"\d+ of 25 goals can be measured; the others need .*inventory_nodes.* …", text)


def test_without_stores_nothing_is_said_about_them() -> None:
    (Path("own") / "es.yaml").write_text("source: x\ndescription: y\nnames: {}\n")
    assert [lines(probe) for probe in ("elasticsearch", "prometheus", "grafana")] == [[], [], []]


class Prometheus:
    """Six metrics of eight GPUs, and a clock that may be off."""

    def __init__(self) -> None:
        self.off_s = 0.0
        self.labels = ["UUID", "Hostname"]
        self.metrics = ["DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE"]

    def handle(self, call: Call) -> Reply:
        match call.method, call.path:
            case "GET", "/api/v1/label/__name__/values":
                return self._ok(self.metrics)
            case "GET", "/api/v1/labels":
                return self._ok(self.labels)
            case "POST", "/api/v1/query" if b"query=time" in call.body:
                now = datetime.now(UTC).timestamp() + self.off_s
                return self._ok({"resultType": "scalar", "result": [now, str(now)]})
            case "POST", "/api/v1/query" if b"vector" in call.body:
                return self._ok({"resultType": "vector", "result": [{"metric": {}, "value": [1.0, "1"]}]})
            case "POST", "/api/v1/query":
                return self._ok({"resultType": "vector", "result": []})
        return Reply(404, {"status": "error", "error": "no such path"})

    def _ok(self, data: Any) -> Reply:
        return Reply(200, {"status": "success", "data": data})


@pytest.mark.parametrize(
    ("change", "state", "said"),
    [
        ({}, "ok", "gpu_metrics: 2 metrics and 2 labels of 42 fields"),
        ({"off_s": -600.0}, "fail", "behind this machine — set both by NTP"),
        ({"off_s": 20.0}, "warn", "s ahead of this machine"),
        ({"labels": ["Hostname"]}, "fail", "gpu_metrics: no label for gpu_uuid"),
        ({"metrics": ["up"]}, "fail", "it has no metric of gpu_metrics — check aliases and match"),
    ],
)
def test_a_prometheus_is_looked_at_too(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], state: str, said: str) -> None:
    app = Prometheus()
    vars(app).update(change)
    with FaultyServer(app).running() as server:
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__PROMETHEUS__URL", server.url)
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__PROMETHEUS__DATASETS", '{"gpu_metrics": {"aliases": "dcgm_exporter"}}')
        found = lines("prometheus")
    assert [s for s, text in found if said in text] == [state], found


def test_series_that_were_found_need_an_address() -> None:
    (Path("own") / "es.yaml").write_text("source: x\ndescription: y\nnames: {}\nseries: {gpu_metrics: {rows: power_w}}\n")
    assert lines("prometheus") == [
        ("warn", "telemetry.aliases finds gpu_metrics in a Prometheus, and telemetry.prometheus.url is not set — set it")
    ]


PROM = {"uid": "P1", "name": "Mimir", "type": "prometheus", "jsonData": {}}
ELASTIC = {"uid": "E1", "name": "Logs", "type": "elasticsearch", "jsonData": {"timeField": "@timestamp"}}


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Grafana, FaultyServer]]:
    app = Grafana()
    app.sources = [PROM, ELASTIC]
    for name, value in {"TOKEN": "t0ken", "PROMETHEUS": "P1", "ELASTICSEARCH": "E1"}.items():
        monkeypatch.setenv(f"LLO11YPOP__GRAFANA__{name}", value)
    with FaultyServer(app).running() as server:
        monkeypatch.setenv("LLO11YPOP__GRAFANA__URL", server.url)
        yield app, server


@pytest.mark.parametrize("reads", [True, False], ids=["datasources:read", "an Editor"])
def test_a_grafana_that_is_well_has_nothing_but_ok(grafana: tuple[Grafana, FaultyServer], reads: bool) -> None:
    grafana[0].reads_sources = reads
    found = lines("grafana")
    assert {state for state, _ in found} == {"ok"}
    said = "\n".join(text for _, text in found)
    for part in ("version 12.1.0", "'Main Org.'", "grafana.prometheus: 'Mimir'", "grafana.elasticsearch: 'Logs'", "'LLo11yPop'"):
        assert part in said


@pytest.mark.parametrize(
    ("change", "environment", "said"),
    [
        ({}, {"TOKEN": "old"}, "not allowed to GET /api/org (401) — give grafana.token of a service account"),
        ({"database": "failing"}, {}, "Grafana's database is 'failing' — look at Grafana's own log"),
        ({}, {"PROMETHEUS": "P9"}, "no data source has the uid 'P9'; there are: E1 (Logs, elasticsearch), P1 (Mimir"),
        ({"reads_sources": False}, {"PROMETHEUS": "P9"}, "no data source has the uid 'P9'"),
        ({}, {"PROMETHEUS": "E1"}, "grafana.prometheus: 'Logs' is of type elasticsearch — give the uid"),
        ({"sources": [PROM, {**ELASTIC, "jsonData": {"timeField": "ts"}}]}, {}, "'Logs' goes by 'ts' — make it @timestamp"),
        ({"permissions": {}}, {}, "may not write to the folder 'LLo11yPop' — make its service account Editor"),
    ],
)
def test_what_is_wrong_with_grafana_is_one_line_with_the_next_step(
    grafana: tuple[Grafana, FaultyServer],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    environment: dict[str, str],
    said: str,
) -> None:
    vars(grafana[0]).update(change)
    for name, value in environment.items():
        monkeypatch.setenv(f"LLO11YPOP__GRAFANA__{name}", value)
    found = lines("grafana")
    assert [s for s, text in found if said in text] == ["fail"], found


def test_grafana_that_is_gone_or_whose_clock_is_off(
    grafana: tuple[Grafana, FaultyServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    off = format_datetime(datetime.now(UTC) - timedelta(minutes=10), usegmt=True)
    with monkeypatch.context() as skewed:
        skewed.setattr(http.server.BaseHTTPRequestHandler, "date_time_string", lambda *_: off)
        found = lines("grafana")
    assert [s for s, text in found if "behind this machine — set both by NTP" in text] == ["fail"], found
    monkeypatch.setenv("LLO11YPOP__GRAFANA__URL", "http://127.0.0.1:9")
    found = lines("grafana")
    assert len(found) == 1 and "cannot be reached — check that it runs" in found[0][1]
