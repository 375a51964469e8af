"""The chart, the compose file and the alerts: rendered or parsed, and held against the program they are about."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from llo11ypop.observability import metrics
from llo11ypop.settings import Settings, load_settings

DEPLOY = Path(__file__).parents[3] / "deploy"
CHART = DEPLOY / "helm" / "llo11ypop"
RENDERED = DEPLOY / "helm" / "rendered.yaml"
"""What Helm 4.1 prints for `SET`; kept, so that the chart can be looked at, and tested, where there is no Helm."""
SET = ("existingSecret=llo11ypop", "serviceMonitor.enabled=true", "prometheusRule.enabled=true")


def program(name: str, variable: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"no {name} here: put it on the PATH, or name it in {variable}")
    return found


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=50)  # noqa: S603


def rendered() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all(RENDERED.read_text(encoding="utf-8")) if one}


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    return rendered()


def test_helm_renders_what_is_kept() -> None:
    helm = program("helm", "LLO11YPOP_HELM")
    done = run(helm, "template", "llo11ypop", str(CHART), *(w for s in SET for w in ("--set", s)))
    assert done.returncode == 0, done.stderr
    assert list(yaml.safe_load_all(done.stdout)) == list(yaml.safe_load_all(RENDERED.read_text(encoding="utf-8")))


def test_helm_asks_for_the_secret() -> None:
    done = run(program("helm", "LLO11YPOP_HELM"), "template", "llo11ypop", str(CHART))
    assert done.returncode != 0
    assert "existingSecret: name a Secret that holds ledger__url" in done.stderr


def test_the_chart_has_what_a_cluster_needs(objects: dict[str, Any]) -> None:
    assert set(objects) == {
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    }
    replicas = objects["Deployment"]["spec"]["replicas"]
    assert replicas == 2
    assert 0 < objects["PodDisruptionBudget"]["spec"]["minAvailable"] < replicas


def test_all_selectors_choose_the_pods(objects: dict[str, Any]) -> None:
    deployment = objects["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    for selector in (
        deployment["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    assert (
        objects["ServiceMonitor"]["spec"]["selector"]["matchLabels"].items() <= objects["Service"]["metadata"]["labels"].items()
    )


def test_the_pod_is_not_root_and_writes_only_to_scratch(objects: dict[str, Any]) -> None:
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}" in (DEPLOY.parent / "Dockerfile").read_text(encoding="utf-8")
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"]
        writable = {m["name"] for m in container["volumeMounts"] if not m.get("readOnly")}
        assert writable == {v["name"] for v in pod["volumes"] if "emptyDir" in v}


def test_the_ledger_is_upgraded_before_the_daemon_runs_and_probed_where_it_answers(objects: dict[str, Any]) -> None:
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    (upgrade,), (daemon,) = pod["initContainers"], pod["containers"]
    assert (upgrade["args"], daemon["args"]) == (["db", "upgrade"], ["run"])
    assert daemon["livenessProbe"]["httpGet"]["path"] == daemon["startupProbe"]["httpGet"]["path"] == "/livez"
    assert daemon["readinessProbe"]["httpGet"]["path"] == "/readyz"
    (port,) = daemon["ports"]
    assert port["containerPort"] == Settings().console.port
    assert objects["Service"]["spec"]["ports"][0]["targetPort"] == port["name"] == "http"


def test_the_settings_of_the_chart_are_settings_of_the_program(objects: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "llo11ypop.yaml").write_text(objects["ConfigMap"]["data"]["llo11ypop.yaml"], encoding="utf-8")
    loaded = load_settings(tmp_path)
    grace_s = objects["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace_s > loaded.cycle.drain.total_seconds() + 10
    assert loaded.console.host == "0.0.0.0"  # noqa: S104 - inside a pod


def test_secrets_are_referred_to_and_never_written() -> None:
    text = RENDERED.read_text(encoding="utf-8") + (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert "kind: Secret\n" not in text
    (volume,) = [v for v in rendered()["Deployment"]["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets"]
    assert volume["secret"]["secretName"] == "llo11ypop"
    for said in re.findall(r"(?:PASSWORD: |://llo11ypop:)(\S+)", text):
        assert said.startswith("${"), said


def test_nobody_reaches_the_console_but_who_is_named(objects: dict[str, Any]) -> None:
    policy = objects["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    peers = [peer for rule in policy["ingress"] for peer in rule["from"]]
    assert peers == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    assert all(rule.get("ports") for rule in policy["egress"])


def test_every_alert_is_about_a_metric_that_exists(objects: dict[str, Any]) -> None:
    known = {sample.name for family in metrics.REGISTRY.collect() for sample in family.samples}
    known |= {f"{family.name}_total" for family in metrics.REGISTRY.collect() if family.type == "counter"}
    known |= {family.name for family in metrics.REGISTRY.collect() if family.type == "gauge"}
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    for rule in alerts["groups"][0]["rules"]:
        named = set(re.findall(r"llo11ypop_\w+", rule["expr"]))
        assert named, rule["alert"]
        assert named <= known, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}
    assert objects["PrometheusRule"]["spec"] == alerts
    assert (CHART / "alerts.yaml").read_bytes() == (DEPLOY / "prometheus" / "alerts.yaml").read_bytes()


def test_promtool_accepts_rules_and_configuration() -> None:
    done = run(program("promtool", "LLO11YPOP_PROMTOOL"), "check", "config", str(DEPLOY / "prometheus" / "prometheus.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_runs_two_replicas_after_one_upgrade_and_opens_nothing_to_the_network() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    replicas = {name for name, service in services.items() if name.startswith("daemon-")}
    assert len(replicas) == 2
    for name in replicas:
        assert services[name]["environment"] == services["upgrade"]["environment"]
        assert services[name]["depends_on"]["upgrade"]["condition"] == "service_completed_successfully"
        assert services[name]["read_only"] is True
    assert {"postgres", "elasticsearch", "prometheus", "grafana"} <= services.keys()
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        named = {volume.partition(":")[0] for volume in service.get("volumes", ()) if not volume.startswith("./")}
        assert named <= compose["volumes"].keys()
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    assert {target.partition(":")[0] for job in scraped for one in job["static_configs"] for target in one["targets"]} == replicas
