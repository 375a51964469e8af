"""The same plans on DuckDB and on the Query DSL, run by an OpenSearch in memory: equal, or refused with the reason."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from llo11ypop import cli
from llo11ypop.core.access import Access
from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.evals.parity import compare
from llo11ypop.evals.parity_plans import Asked
from llo11ypop.evals.parity_table import Target, compared
from llo11ypop.query.compile.es_select import Compilation
from llo11ypop.query.plan import Plan
from llo11ypop.stores import elasticsearch_search, retrying
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import DSL, SQL
from tests import opensearch_server
from tests.conformance.elasticsearch_samples import gpu_rows
from tests.conformance.random_plans import plans, shapes
from tests.conformance.store_tables import AT, catalog, minutes_ago, plan, write_tables

COUNTED = plan(dataset="gpu_metrics", window="2h", by=["gpu_uuid"], measures={"n": {"agg": "count"}})


@dataclass
class Pair:
    """The two stores over the same rows."""

    duck: DuckDbStore
    url: str

    @property
    def dsl(self) -> ElasticsearchStore:
        """A store that knows nothing of the mappings yet."""
        return ElasticsearchStore(Access(self.url), catalog(), language=DSL)

    @cached_property
    def known(self) -> ElasticsearchStore:
        """One that has read the mappings, as a daemon's has."""
        return self.dsl


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    try:
        with duckdb.connect(":memory:") as connection, opensearch_server.running() as url:
            write_tables(connection, gpu_rows())
            opensearch_server.fill(url, connection.cursor(), catalog())
            yield Pair(DuckDbStore.attach(connection, catalog()), url)
    except opensearch_server.UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", list(shapes()))
async def test_every_way_of_saying_something_means_the_same(pair: Pair, name: str) -> None:
    made = shapes()[name]
    ours, theirs = await pair.duck.run(made, AT), await pair.known.run(made, AT)
    assert compare(ours, theirs).verdict == ("estimated" if name == "percentile" else "equal")
    assert {q.engine for q in theirs.queries} == {"elasticsearch-dsl"}


@pytest.mark.slow
@pytest.mark.timeout(120)
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=plans())
async def test_a_random_plan_gives_the_same_rows_or_is_refused_with_the_reason(pair: Pair, made: Plan) -> None:
    ours = (await pair.duck.run_many({"p": made}, AT))["p"]
    theirs = (await pair.known.run_many({"p": made}, AT))["p"]
    result = compare(ours, theirs)
    assert result.verdict in ("equal", "refused", "estimated"), result
    if result.verdict == "refused":
        assert "Query DSL" in result.why


async def test_every_page_of_groups_is_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_search, "PAGE_GROUPS", 3)
    store = pair.dsl
    assert (await store.run(COUNTED, AT)).row_count == 4


async def test_as_many_groups_as_the_cap_is_an_error_and_not_a_part(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Compilation, "most_groups", 4)
    with pytest.raises(StoreError, match="4 groups or more"):
        await pair.dsl.run(COUNTED, AT)


async def test_a_limit_at_the_largest_page_still_says_that_there_is_more(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_search, "MOST_ROWS", 5)
    made = plan(dataset="syslog", window="2h", fields=["ts", "node_id"], limit=5)
    ours, theirs = await pair.duck.run(made, AT), await pair.dsl.run(made, AT)
    assert (theirs.truncated, theirs.rows.to_pylist()) == (True, ours.rows.to_pylist())


async def test_coverage_is_what_duckdb_says(pair: Pair) -> None:
    since = minutes_ago(60)
    ours = await pair.duck.coverage(AT, since, entities=True)
    theirs = await pair.dsl.coverage(AT, since, entities=True)
    for name in ("gpu_metrics", "syslog", "net_probe"):
        assert theirs[name] == ours[name]


async def test_silence_zero_and_not_exported_are_three_things(pair: Pair) -> None:
    shape = {"measures": {"n": {"agg": "count"}}}
    asked = {
        "silence": plan(dataset="gpu_metrics", window={"start": "9h", "end": "8h"}, **shape),
        "zero": plan(dataset="gpu_metrics", window="1h", where="driver = 'none'", **shape),
        "absent": plan(dataset="net_probe", window="1h", **shape),
    }
    found = await pair.dsl.run_many(asked, AT)
    assert [e.status for e in found.values()] == [EvidenceStatus.NO_DATA, EvidenceStatus.OK, EvidenceStatus.NOT_EXPORTED]


async def test_a_cluster_without_sql_is_asked_otherwise_from_then_on(pair: Pair) -> None:
    store = ElasticsearchStore(Access(pair.url), catalog(), language=SQL, otherwise=DSL)
    assert (await store.run(COUNTED, AT)).row_count == 4
    assert store.language is DSL
    with pytest.raises(StoreError, match="cannot be asked this way") as failed:
        await ElasticsearchStore(Access(pair.url), catalog(), language=SQL).run(COUNTED, AT)
    assert "language to dsl" in failed.value.line()


async def test_a_field_that_goes_while_it_is_used_is_an_error_and_not_a_silence(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.01)
    moved = f"{pair.url}/llo11ypop-net_probe"
    properties = {"@timestamp": {"type": "date"}, "src_node": {"type": "keyword"}, "rtt_p99_us": {"type": "float"}}
    asked = plan(dataset="net_probe", window="1h", by=["src_node"], measures={"m": {"agg": "max", "field": "rtt_p99_us"}})
    async with httpx.AsyncClient() as client:
        await client.put(moved, json={"mappings": {"properties": properties}})
        store = pair.dsl
        await store.run(asked, AT)
        await client.delete(moved)
        del properties["rtt_p99_us"]
        await client.put(moved, json={"mappings": {"properties": properties}})
        try:
            with pytest.raises(StoreError, match="mapping has changed") as failed:
                await store.run(asked, AT)
            assert failed.value.transient
            assert (await store.run(asked, AT)).status is EvidenceStatus.NOT_EXPORTED
        finally:
            await client.delete(moved)


def test_the_loader_writes_into_it_too(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fleet.duckdb"
    with duckdb.connect(str(path)) as connection:
        write_tables(connection, {"inventory_racks": [{"rack": "r1", "cluster": "c-a"}, {"rack": "r2", "cluster": "c-a"}]})
    for created, there in ((2, 0), (0, 2)):
        assert cli.run(["load", str(path), "--url", pair.url, "--only", "inventory_racks", "--json"]) == 0
        (said,) = json.loads(capsys.readouterr().out)
        assert (said["created"], said["there"], said["refused"]) == (created, there, {})


@pytest.mark.parametrize(("q", "theirs", "verdict"), [(0.5, 0.5, "estimated"), (0.5, 0.9, "different")])
async def test_a_percentile_of_few_values_may_be_off_by_rank_but_not_by_more(
    pair: Pair, q: float, theirs: float, verdict: str
) -> None:
    def asked(quantile: float) -> Plan:
        measure = {"agg": "percentile", "field": "power_w", "q": quantile}
        return plan(dataset="gpu_metrics", window="20m", by=["node_id"], bucket={"every": "10m"}, measures={"m": measure})

    class Other(ElasticsearchStore):
        async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
            return await super().run_many(dict.fromkeys(plans, asked(theirs)), at)

    target = Target("Query DSL", "")
    other = Other(Access(pair.url), catalog(), language=DSL)
    await compared(target, [Asked("questions", "few", asked(q), AT)], pair.duck, other)
    assert [c.verdict for _, c in target.found] == [verdict]
