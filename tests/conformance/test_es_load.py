"""A fleet written into Elasticsearch by the command, and read back: the same rows as from its file."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from llo11ypop import cli
from llo11ypop.core.access import Access
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from tests.conformance.elasticsearch_samples import gpu_rows
from tests.conformance.store_tables import AT, catalog, plan, write_tables
from tests.fakes.elasticsearch import FakeElasticsearch, Fault, serving


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.duckdb"
    node = {"node_id": "n0", "rack": "r1", "valid_from": 9999, "valid_to": None}
    rows = {**gpu_rows(2, 6), "inventory_nodes": [node], "training_steps": [{"ts": 3, "run_id": "r", "loss": float("nan")}]}
    with duckdb.connect(str(path)) as connection:
        write_tables(connection, rows, leave_out=("gpu_metrics.temp_margin_c",))
    return path


@pytest.fixture
def fake() -> Iterator[FakeElasticsearch]:
    with serving(FakeElasticsearch()) as made:
        yield made
    assert made.problems == []


def load(
    fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, list[dict[str, object]]]:
    code = cli.run(["load", str(fleet), "--url", fake.url, "--json", *more])
    return code, json.loads(capsys.readouterr().out)


async def read_back(fleet: Path, fake: FakeElasticsearch) -> None:
    ours = DuckDbStore.open(fleet, catalog())
    theirs = ElasticsearchStore(Access(fake.url), catalog())
    shape = {"by": ["gpu_uuid", "driver"], "measures": {"n": {"agg": "count"}, "t": {"agg": "max", "field": "gpu_temp_c"}}}
    plans = {
        "gpu": plan(dataset="gpu_metrics", window="2h", **shape),
        "log": plan(dataset="syslog", window="1h", fields=["ts", "node_id", "message"], limit=5),
        "node": plan(dataset="inventory_nodes", fields=["node_id", "rack"], limit=5),
        "nan": plan(dataset="training_steps", window="1h", measures={"n": {"agg": "count", "field": "loss"}}),
    }
    expected, found = await ours.run_many(plans, AT), await theirs.run_many(plans, AT)
    assert {n: e.rows.to_pylist() for n, e in found.items()} == {n: e.rows.to_pylist() for n, e in expected.items()}
    assert not (await theirs.exports()).has("gpu_metrics", "temp_margin_c")


def test_what_was_loaded_reads_like_the_file(fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio

    code, said = load(fleet, fake, capsys)
    assert code == 0
    assert {d["dataset"]: d["created"] for d in said} == {
        "gpu_metrics": 12,
        "inventory_nodes": 1,
        "syslog": 40,
        "training_steps": 1,
    }
    assert fake.documents.streams == {"llo11ypop-gpu_metrics", "llo11ypop-syslog", "llo11ypop-training_steps"}
    assert all(t["template"]["mappings"]["dynamic"] == "strict" for t in fake.documents.templates.values())
    asyncio.run(read_back(fleet, fake))


def test_loading_again_writes_nothing_twice(fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str]) -> None:
    load(fleet, fake, capsys, "--only", "syslog")
    code, said = load(fleet, fake, capsys, "--only", "syslog")
    assert code == 0
    assert (said[0]["created"], said[0]["there"]) == (0, 40)


def test_rows_that_are_refused_are_counted_by_reason(
    fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str]
) -> None:
    mappings = {"dynamic": "strict", "properties": {"@timestamp": {"type": "date"}, "node_id": {"type": "keyword"}}}
    fake.documents.templates["narrow"] = {
        "index_patterns": ["llo11ypop-syslog"],
        "data_stream": {},
        "priority": 900,
        "template": {"mappings": mappings},
    }
    code, said = load(fleet, fake, capsys, "--only", "syslog")
    assert code == 1
    assert said[0]["created"] == 0
    reasons = said[0]["refused"]
    assert isinstance(reasons, dict)
    assert sum(reasons.values()) == 40
    assert next(iter(reasons)).startswith("strict_dynamic_mapping_exception")


def test_a_busy_cluster_is_asked_again(fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str]) -> None:
    fake.faults.append(Fault(path="/_bulk", status=429))
    code, said = load(fleet, fake, capsys, "--only", "inventory_nodes")
    assert (code, said[0]["created"]) == (0, 1)


def test_only_the_end_is_loaded(fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = load(fleet, fake, capsys, "--only", "syslog", "--last", "30m")
    assert code == 0
    assert said[0]["created"] == 11


@pytest.mark.parametrize(
    ("args", "message"), [(("nowhere.duckdb",), "no file at"), (("{fleet}", "--only", "sysl"), "no dataset named 'sysl'")]
)
def test_a_wrong_argument_is_one_line(
    fleet: Path, args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run(["load", *(a.format(fleet=fleet) for a in args), "--url", "http://127.0.0.1:9"])
    assert code == 2
    assert message in capsys.readouterr().err


def test_without_an_address_it_says_where_to_set_one(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["load", str(fleet)]) == 2
    assert "telemetry.elasticsearch.url is not set" in capsys.readouterr().err
