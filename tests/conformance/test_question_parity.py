"""A sample of the question suite means the same on every store; `benchmarks/parity.py` compares all of it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from benchmarks.parity import OPENERS, ROOT
from llo11ypop.core.access import Access
from llo11ypop.daemon.compose import latest_instant
from llo11ypop.evals.parity import compare
from llo11ypop.evals.parity_plans import Asked, once, questions
from llo11ypop.evals.parity_table import Target, compared, page
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import AUTO, DSL, ESQL, SQL, Language
from tests import opensearch_server, prometheus_server
from tests.conformance.elasticsearch_samples import both, gpu_rows
from tests.conformance.store_tables import AT, catalog, plan, store_of, write_tables

EVERY = 37
CASES = ROOT / "tests" / "evals"


class Sample(NamedTuple):
    """What is asked, of which fleet."""

    fleet: Path
    asked: list[Asked]
    duck: DuckDbStore


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    fleet = tmp_path_factory.mktemp("parity") / "fleet.duckdb"
    write_fleet(simulate(SimulationSpec(seed=5, gpus=8, days=0.25))[0], fleet)
    found = asyncio.run(questions(fleet, CASES, every=EVERY))
    duck = DuckDbStore.open(fleet, catalog(), read_only=True)
    at = asyncio.run(latest_instant(duck))
    yield Sample(fleet, once([Asked("questions", name, made, at) for name, made in found]), duck)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("name", "answered"), [("Elasticsearch SQL", 0.9), ("Query DSL", 0.9), ("PromQL", 0.3)])
async def test_a_question_has_the_same_rows_or_is_refused_with_the_reason(sample: Sample, name: str, answered: float) -> None:
    with ExitStack() as stack:
        try:
            target, store = await OPENERS[name](sample.fleet, catalog(), sample.duck, stack)
        except (opensearch_server.UnavailableError, prometheus_server.UnavailableError) as reason:
            pytest.skip(str(reason))
        await compared(target, sample.asked, sample.duck, store)
    counts = Counter(c.verdict for _, c in target.found)
    assert [(a.name, c.why) for a, c in target.found if c.verdict == "different"] == []
    assert all(c.why for _, c in target.found if c.verdict == "refused")
    assert (counts["equal"] + counts["estimated"]) / len(target.found) >= answered, counts


def test_a_plan_that_several_ask_is_compared_once() -> None:
    one, other = (plan(dataset="gpu_metrics", window=w, measures={"n": {"agg": "count"}}) for w in ("1h", "2h"))
    asked = [Asked("playbooks", "a", one, AT), Asked("questions", "b", one, AT), Asked("questions", "c", other, AT)]
    asked.append(Asked("questions", "d", other, datetime.fromisoformat("2026-01-01T00:00:00Z")))
    assert [a.name for a in once(asked)] == ["a", "c", "d"]


TICKETS = [
    {"ts": 100, "ticket_id": "late", "due_at": 60, "restored_at": 30},
    {"ts": 100, "ticket_id": "in time", "due_at": 20, "restored_at": 50},
    {"ts": 100, "ticket_id": "just", "due_at": 40, "restored_at": 40},
    {"ts": 100, "ticket_id": "open", "due_at": 10, "restored_at": None},
]


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=", "!="])
async def test_two_instants_of_a_row_are_compared_in_the_query_dsl(sign: str) -> None:

    made = plan(dataset="tickets", window="3h", where=f"restored_at {sign} due_at", fields=["ticket_id"], limit=9)
    try:
        with duckdb.connect(":memory:") as connection, opensearch_server.running() as url:
            write_tables(connection, {"tickets": TICKETS})
            await opensearch_server.filled(url, connection.cursor(), catalog())
            store = ElasticsearchStore(Access(url), catalog(), language=DSL)
            target = Target("Query DSL", "")
            await compared(target, [Asked("questions", sign, made, AT)], store_of({"tickets": TICKETS}), store)
    except opensearch_server.UnavailableError as reason:
        pytest.skip(str(reason))
    assert [c.verdict for _, c in target.found] == ["equal"]


@pytest.mark.parametrize("language", [SQL, ESQL, AUTO], ids=lambda one: one.name)
@pytest.mark.parametrize("first", ["all", "top"])
async def test_a_top_list_takes_nothing_from_the_whole_list_beside_it(first: str, language: Language) -> None:
    """The cluster cuts a top list; a query that another select reads too must not be cut."""
    whole = {"dataset": "gpu_metrics", "window": "2h", "by": ["gpu_uuid"], "order": [{"by": "m", "desc": True}]}
    whole["measures"] = {"m": {"agg": "sum", "field": "power_w"}}
    asked = {"all": plan(**whole), "top": plan(**whole, limit=2), "more": plan(**whole, limit=3)}
    with both(gpu_rows(6, 12), language=language) as made:
        ordered = dict(sorted(asked.items(), key=lambda one: one[0] != first))
        ours, theirs = await made.duck.run_many(ordered, AT), await made.es.run_many(ordered, AT)
    assert {n: (compare(ours[n], e).verdict, e.row_count) for n, e in theirs.items()} == {
        "all": ("equal", 6), "top": ("equal", 2), "more": ("equal", 3),
    }  # fmt: skip


def test_a_name_with_a_bar_stays_in_its_cell() -> None:
    lines = page([Target("ES|QL", "a fake")], "a command", "a fleet").splitlines()
    assert [line.count("|") - line.count("\\|") for line in lines if "QL" in line and line.startswith("|")] == [11, 3]
