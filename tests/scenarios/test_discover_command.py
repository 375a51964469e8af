"""`llo11ypop catalog discover` over real HTTP: what it prints and writes, twice alike, and what it says when it cannot."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from llo11ypop import cli
from llo11ypop.catalog import load_catalog
from llo11ypop.settings import packaged_config
from tests.conformance.store_tables import AT
from tests.fakes.elasticsearch import Fault, serving
from tests.fakes.elasticsearch_shippers import ShipperElasticsearch
from tests.fakes.faulty_http import Call, FaultyServer, Reply
from tests.fakes.shippers import EVENTS, NVIDIA, NVIDIA_MAPPING, SYSLOG, shipped
from tests.prometheus_server import UnavailableError, running


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fake() -> Iterator[ShipperElasticsearch]:
    with serving(shipped(AT)) as served:
        assert isinstance(served, ShipperElasticsearch)
        yield served
    assert served.problems == []


def discovered(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = cli.run(["catalog", "discover", *args])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_shippers_own_names_are_found_without_a_line_of_code(
    fake: ShipperElasticsearch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, said = discovered(capsys, "--elasticsearch", fake.url)
    table = yaml.safe_load(text)
    assert code == 0
    assert table["indices"] == {
        "gpu_metrics": "metrics-nvidia_gpu.stats-*",
        "k8s_events": "metrics-kubernetes.event-*",
        "node_hw": "telegraf-*",
        "slurm_jobs": "slurm",
        "syslog": "logs-system.syslog-*",
    }
    assert table["names"]["gpu_metrics.gpu_util_pct"][0]["factor"] == 100.0
    assert table["names"]["slurm_jobs.end_at"] == [{"name": "@end"}]
    assert "match_only_text" in table["unmapped"]["syslog.message"]
    assert "cluster is 'default' … in gpu_metrics and 'c-a' … in k8s_events" in said
    assert "node_hw          12 of 12 fields in telegraf-*" in said


def test_writing_twice_changes_nothing_and_what_a_person_changed_is_kept(
    fake: ShipperElasticsearch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--elasticsearch", fake.url, "--write", "own")
    file = Path("own/elasticsearch.yaml")
    assert discovered(capsys, *where)[0] == 0
    first = file.read_bytes()
    code, _, said = discovered(capsys, *where)
    assert (code, file.read_bytes()) == (0, first) and "nothing new" in said
    assert load_catalog(packaged_config(), Path("own")).own == ("elasticsearch",)
    file.write_text(file.read_text().replace("gpu.power.usage", "gpu.power.mine"))
    code, difference, said = discovered(capsys, *where)
    assert code == 2 and "--force" in said
    assert "-  gpu_metrics.power_w: [{name: gpu.power.mine}]" in difference
    assert discovered(capsys, *where, "--force")[0] == 0 and file.read_bytes() == first


def test_only_the_indices_that_are_named_are_looked_at(fake: ShipperElasticsearch, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = discovered(capsys, "--elasticsearch", fake.url, "--index", "metrics-*", "--json")
    assert code == 0
    assert set(json.loads(text)["elasticsearch"]["indices"]) == {"gpu_metrics", "k8s_events"}
    assert not any("slurm" in path or SYSLOG in path for _, path, _ in fake.requests)


def test_a_field_with_two_types_is_told_and_not_taken(fake: ShipperElasticsearch, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**NVIDIA_MAPPING, "gpu.power.usage": "keyword"}
    fake.put("metrics-nvidia_gpu.stats-other", other, [], stream=True)
    table = yaml.safe_load(discovered(capsys, "--elasticsearch", fake.url)[1])
    assert "float and keyword in different indices" in table["unmapped"]["gpu_metrics.power_w"]


def test_without_the_right_to_read_documents_the_names_are_found_and_the_values_unchecked(
    fake: ShipperElasticsearch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.faults.append(Fault("/metrics-nvidia_gpu.stats-*/_search", 403, "security_exception", "no read"))
    code, text, said = discovered(capsys, "--elasticsearch", fake.url)
    assert code == 0
    assert "gpu_util_pct: [{name: gpu.utilization.gpu, note:" in text
    assert "no document could be read, so its values are unchecked" in said


@pytest.mark.parametrize(
    ("status", "said"), [(401, "not allowed to use the index '*'"), (403, "API key"), (503, "busy or incomplete")]
)
def test_a_cluster_that_refuses_is_one_line(
    fake: ShipperElasticsearch, capsys: pytest.CaptureFixture[str], status: int, said: str
) -> None:
    fake.faults.append(Fault("/_resolve", status, "x_exception", "no", times=9))
    code, text, problem = discovered(capsys, "--elasticsearch", fake.url)
    assert (code, text) == (1, "") and said in problem and problem.count("\n") == 1


def test_an_empty_cluster_and_no_address_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(ShipperElasticsearch()) as empty:
        code, text, said = discovered(capsys, "--elasticsearch", empty.url, "--write", "own")
    assert (code, text) == (1, "") and "Nothing there for 43 datasets" in said and not Path("own").exists()
    code, _, said = discovered(capsys)
    assert code == 2 and "--elasticsearch or --prometheus" in said


def test_the_settings_say_where_when_the_command_does_not(
    fake: ShipperElasticsearch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.api_key = "secret"
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__URL", fake.url)
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__API_KEY", "secret")
    code, text, said = discovered(capsys)
    assert code == 0 and EVENTS.rpartition("-")[0] in text
    assert "secret" not in text + said and NVIDIA not in text


class Metadata:
    """A Prometheus with eight GPUs, as dcgm-exporter is scraped: names, labels, help texts, and values now."""

    metrics: ClassVar = {
        "DCGM_FI_DEV_GPU_TEMP": ("GPU temperature (in C).", (0.0, 62.0, 9.223372036854776e18), 8),
        "DCGM_FI_DEV_POWER_USAGE": ("Power draw (in W).", (80.0, 420.0, 700.0), 8),
        "DCGM_FI_DEV_GPU_UTIL": ("GPU utilization (in %).", (0.0, 97.0, 100.0), 8),
        "DCGM_FI_DEV_FB_USED": ("Framebuffer memory used (in MiB).", (4.0, 65000.0, 79000.0), 8),
        "DCGM_FI_DEV_FB_FREE": ("Framebuffer memory free (in MiB).", (4.0, 15000.0, 79000.0), 8),
        "DCGM_FI_DEV_SM_CLOCK": ("SM clock frequency (in MHz).", (345.0, 1755.0, 1980.0), 8),
        "DCGM_FI_DEV_MEM_CLOCK": ("Memory clock frequency (in MHz).", (2619.0, 2619.0, 2619.0), 8),
        "DCGM_FI_DEV_XID_ERRORS": ("Value of the last XID error encountered.", (0.0, 0.0, 79.0), 8),
        "DCGM_FI_DEV_THERMAL_VIOLATION": ("Throttling duration due to thermal constraints (in us).", (0.0, 0.0, 5e9), 7),
        "DCGM_FI_DEV_MEMORY_TEMP": ("Memory temperature (in C).", (70.0, 80.0, 90.0), 8),
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("Total energy consumption since boot (in mJ).", (1e9, 2e9, 3e9), 8),
        "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": ("Total number of PCIe retries.", (0.0, 0.0, 1.0), 8),
        "DCGM_FI_DEV_MEM_COPY_UTIL": ("Memory utilization (in %).", (0.0, 40.0, 80.0), 8),
        "DCGM_FI_PROF_SM_ACTIVE": ("The ratio of cycles an SM has at least 1 warp assigned.", (0.0, 0.5, 0.9), 8),
        "go_goroutines": ("Goroutines.", (5.0, 5.0, 5.0), 1),
    }  # fmt: skip
    without_metadata = False

    def handle(self, call: Call) -> Reply:
        match call.method, call.path:
            case "GET", "/api/v1/label/__name__/values":
                return self._ok(sorted(self.metrics))
            case "GET", "/api/v1/labels":
                return self._ok(["__name__", "Hostname", "UUID", "gpu", "instance", "modelName"])
            case "GET", "/api/v1/metadata" if not self.without_metadata:
                return self._ok({n: [{"type": "gauge", "help": h, "unit": ""}] for n, (h, _, _) in self.metrics.items()})
            case "POST", "/api/v1/query":
                which = ("min", "quantile", "max", "count").index(call.body.decode().split("query=")[1].split("+")[0])
                found = {n: (*values, count)[which] for n, (_, values, count) in self.metrics.items() if n.startswith("DCGM")}
                vector = [{"metric": {"__name__": n}, "value": [1.0, str(v)]} for n, v in found.items()]
                return self._ok({"resultType": "vector", "result": vector})
        return Reply(404, {"status": "error", "errorType": "not_found", "error": "no such path"})

    def _ok(self, data: Any) -> Reply:
        return Reply(200, {"status": "success", "data": data})


@pytest.mark.parametrize("without_metadata", [False, True])
def test_a_prometheus_is_read_by_its_metadata_and_labels(capsys: pytest.CaptureFixture[str], without_metadata: bool) -> None:
    app = Metadata()
    app.without_metadata = without_metadata
    with FaultyServer(app).running() as server:
        code, text, said = discovered(capsys, "--prometheus", server.url, "--write", "own")
    assert code == 0 and text == "" and "gpu_metrics" in said
    table = load_catalog(packaged_config(), Path("own")).aliases["prometheus"]
    assert table.series["gpu_metrics"].rows == "gpu_temp_c"
    assert table.names["gpu_metrics.node_id"][0].name == "Hostname"
    assert table.names["gpu_metrics.thermal_violation_ns_total"][0].factor == 1.0
    assert "gpu_metrics.cluster" in table.unmapped


def test_a_real_prometheus_gives_a_table_that_its_store_reads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [n for n in Metadata.metrics if n.startswith("DCGM")]
    now = time.time()
    labels = [{"UUID": f"GPU-{i}", "Hostname": f"gpu-a-{i // 4:03d}", "gpu": str(i % 4), "cluster": "c-a"} for i in range(8)]
    samples = [(n, one, now - 60 * t, 50.0) for n in names for one in labels for t in range(10)]
    try:
        with running(samples) as url:
            assert discovered(capsys, "--prometheus", url, "--write", "own")[0] == 0
            monkeypatch.setenv("LLO11YPOP__TELEMETRY__ALIASES", "own")
            monkeypatch.setenv("LLO11YPOP__TELEMETRY__PROMETHEUS__URL", url)
            assert cli.run(["simulate", "--seed", "7", "--gpus", "16", "--days", "1", "--out", "f.duckdb"]) == 0
            capsys.readouterr()
            assert cli.run(["catalog", "check", "--fleet", "f.duckdb"]) == 0
    except UnavailableError as why:
        pytest.skip(f"no Prometheus here: {why}")
    (line,) = [row for row in capsys.readouterr().out.splitlines() if row.strip().startswith("gpu_metrics:")]
    assert "power_w" not in line and "gpu_uuid" not in line and "remap_failed" in line
