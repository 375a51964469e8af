"""A new user's path: from an Elasticsearch with official shippers' indices to a first proposal, with no line of code."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llo11ypop import cli
from tests.fakes.elasticsearch import serving
from tests.fakes.shippers import BROKEN, shipped


@pytest.mark.timeout(300)
def test_from_the_shippers_indices_to_a_first_proposal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fake = shipped(datetime.now(UTC).replace(microsecond=0))
    with serving(fake):
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__STORE", "elasticsearch")
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__URL", fake.url)
        assert cli.run(["catalog", "discover", "--write", "telemetry"]) == 0
        assert [p.name for p in Path("telemetry").iterdir()] == ["elasticsearch.yaml"]
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__ALIASES", "telemetry")
        capsys.readouterr()

        assert cli.run(["doctor", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [f for f in found if f["state"] != "ok"] == []
        said = [f["text"] for f in found]
        assert "node_hw: 12 of 12 fields in telegraf-*" in said
        assert any(text.startswith("elasticsearch: 5 datasets, the newest row of") for text in said)

        assert cli.run(["once", "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["errors"] == []
        (proposal,) = report["proposals"]
        assert proposal["title"] == f"Fan failure: node {BROKEN}"
        assert proposal["why"] == [f"Fan 3 of {BROKEN} reads 900 rpm, its critical limit is 1500"]
        assert "cluster c-a" in proposal["summary"] and "rack r01" in proposal["summary"]
        values = {o["subject"]: o["value"] for o in report["observations"] if o["kind"] != "unknown"}
        assert values["queue_wait"] == 3600
        assert {"gpu_metrics", "k8s_events", "node_hw", "slurm_jobs", "syslog"} <= set(values)
    assert fake.problems == []
