"""The same plans on DuckDB and on Elasticsearch SQL give the same rows, or are refused with the reason."""

from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings

from llo11ypop.core.access import Access
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.core.vocabulary import Area
from llo11ypop.evals.parity import Compared, compare
from llo11ypop.playbooks import load_goals, load_playbooks
from llo11ypop.query.plan import Plan
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from tests.ask_fleet import CONFIG, END, fleet_file
from tests.conformance.elasticsearch_samples import Both, both, gpu_rows
from tests.conformance.random_plans import plans
from tests.conformance.store_tables import AT, catalog
from tests.fakes.elasticsearch import FakeElasticsearch, serving


@pytest.fixture(scope="module")
def pair() -> Iterator[Both]:
    with both(gpu_rows()) as made:
        yield made


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=plans())
async def test_a_random_plan_gives_the_same_rows_or_is_refused_with_the_reason(pair: Both, made: Plan) -> None:
    ours = (await pair.duck.run_many({"p": made}, AT))["p"]
    theirs = (await pair.es.run_many({"p": made}, AT))["p"]
    result = compare(ours, theirs)
    assert result.verdict in ("equal", "refused", "estimated"), result
    if result.verdict == "refused":
        assert "Elasticsearch SQL" in result.why


@cache
def shipped() -> dict[str, Plan]:
    """Every plan that playbooks and goals run."""
    found = dict(load_playbooks(CONFIG, catalog()).plans(tuple(Area), at=END))
    for goal in load_goals(CONFIG, catalog()):
        found |= goal.plans()
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_every_playbook_and_goal_plan_gives_the_same_rows_or_is_refused_with_the_reason() -> None:
    fake = FakeElasticsearch()
    fake.hold(fleet_file(), catalog())
    with serving(fake):
        ours = await DuckDbStore.open(fleet_file(), catalog()).run_many(shipped(), END)
        theirs = await ElasticsearchStore(Access(fake.url), catalog()).run_many(shipped(), END)
    compared: dict[str, Compared] = {name: compare(ours[name], theirs[name]) for name in shipped()}
    assert {n: c for n, c in compared.items() if c.verdict == "different"} == {}
    assert sum(c.verdict == "refused" for c in compared.values()) <= 60
    assert fake.problems == []
    assert any(e.status is EvidenceStatus.OK for e in theirs.values())
