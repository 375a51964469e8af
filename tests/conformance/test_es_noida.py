"""Transport, bulk and errors against an Elasticsearch that is not of our making: the loader, and the Query DSL without groups."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest

from llo11ypop import cli
from llo11ypop.core.access import Access
from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import DSL, SQL
from llo11ypop.stores.elasticsearch_mapping import Place
from tests import noida_server
from tests.conformance.store_tables import AT, catalog, plan, write_tables

RACKS = [{"rack": f"r{n}", "cluster": "c-a", "row": f"row{n % 2}"} for n in range(5)]
COUNTED = plan(dataset="inventory_racks", where="rack != 'r0'", measures={"n": {"agg": "count"}})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    try:
        with noida_server.running() as address:
            yield address
    except noida_server.UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fleet") / "fleet.duckdb"
    with duckdb.connect(str(path)) as connection:
        write_tables(connection, {"inventory_racks": RACKS})
    return path


def load(fleet: Path, url: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    code = cli.run(["load", str(fleet), "--url", url, "--json"])
    said = capsys.readouterr()
    assert said.out, said.err
    return code, json.loads(said.out)[0]


@pytest.fixture
def loaded(fleet: Path, url: str, capsys: pytest.CaptureFixture[str]) -> str:
    code, said = load(fleet, url, capsys)
    assert (code, said["refused"]) == (0, {})
    assert (said["created"], said["there"]) in ((5, 0), (0, 5))
    return url


def test_loading_again_writes_nothing_twice(loaded: str, fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = load(fleet, loaded, capsys)
    assert (code, said["created"], said["there"]) == (0, 0, 5)


def test_documents_that_the_mapping_does_not_allow_are_counted_by_reason(
    fleet: Path, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = {"mappings": {"dynamic": "strict", "properties": {"rack": {"type": "keyword"}}}}
    assert httpx.put(f"{url}/narrow-inventory_racks", json=narrow).status_code == 200
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__ELASTICSEARCH__PREFIX", "narrow-")
    code, said = load(fleet, url, capsys)
    refused = said["refused"]
    assert isinstance(refused, dict)
    assert (code, said["created"], sum(refused.values())) == (1, 0, 5)
    assert next(iter(refused)).startswith("strict_dynamic_mapping_exception")


async def test_totals_and_rows_are_what_duckdb_says(loaded: str, fleet: Path) -> None:
    rows = plan(dataset="inventory_racks", fields=["rack", "row"], order=[{"by": "rack"}], limit=3)
    ours = DuckDbStore.open(fleet, catalog(), read_only=True)
    theirs = ElasticsearchStore(Access(loaded), catalog(), language=SQL, otherwise=DSL)
    for asked in (COUNTED, rows):
        expected, found = await ours.run(asked, AT), await theirs.run(asked, AT)
        assert (found.rows.to_pylist(), found.truncated) == (expected.rows.to_pylist(), expected.truncated)
    assert theirs.language is DSL


async def test_what_it_cannot_do_is_one_line_and_not_a_part(loaded: str) -> None:
    grouped = plan(dataset="inventory_racks", by=["row"], measures={"n": {"agg": "count"}})
    store = ElasticsearchStore(Access(loaded), catalog(), language=DSL)
    with pytest.raises(StoreError, match="refused dataset 'inventory_racks'") as failed:
        await store.run(grouped, AT)
    assert not failed.value.transient and "\n" not in failed.value.line()


async def test_an_index_that_is_not_there_exports_nothing(loaded: str) -> None:
    places = {"inventory_racks": Place("nowhere")}
    store = ElasticsearchStore(Access(loaded), catalog(), places=places, prefix="none-", language=DSL)
    with pytest.raises((StoreError, PlanError), match="no index holds a dataset"):
        await store.run(COUNTED, AT)
