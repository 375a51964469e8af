"""`llo11ypop parity` says whether the configured store says what the file says that was loaded into it."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from llo11ypop import cli
from tests.conformance.elasticsearch_samples import gpu_rows
from tests.conformance.store_tables import catalog, write_tables
from tests.fakes.elasticsearch import FakeElasticsearch, serving


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.duckdb"
    with duckdb.connect(str(path)) as connection:
        write_tables(connection, gpu_rows(2, 6))
    return path


@pytest.fixture
def fake(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeElasticsearch]:
    made = FakeElasticsearch()
    made.hold(fleet, catalog())
    with serving(made):
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__STORE", "elasticsearch")
        monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__URL", made.url)
        yield made


def figures(fleet: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    code = cli.run(["parity", str(fleet), "--json"])
    return code, json.loads(capsys.readouterr().out)[0]


def test_the_same_rows_are_no_difference(fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = figures(fleet, capsys)
    assert (code, found.get("different", 0)) == (0, 0)
    assert isinstance(found["equal"], int) and found["equal"] > 100


def test_a_store_that_says_otherwise_is_a_failure(
    fleet: Path, fake: FakeElasticsearch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "parity.md"
    shown = 'SELECT * EXCLUDE (power_w), power_w + 1 AS power_w, ts AS "@timestamp" FROM fleet.main.gpu_metrics LIMIT 3'
    fake.connection.execute(f'CREATE OR REPLACE VIEW "llo11ypop-gpu_metrics" AS {shown}')
    assert cli.run(["parity", str(fleet), "--out", str(page)]) == 1
    assert "- different: " in page.read_text(encoding="utf-8")
    capsys.readouterr()


def test_without_another_store_it_says_what_to_set(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["parity", str(fleet)]) == 2
    assert "telemetry.store" in capsys.readouterr().err
