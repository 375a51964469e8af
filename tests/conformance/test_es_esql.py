"""The same plans on DuckDB and in ES|QL give the same rows, or are refused with the reason: over HTTP, with the real client."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from llo11ypop.evals.parity import compare
from llo11ypop.query.plan import Plan
from llo11ypop.stores.elasticsearch_languages import ESQL
from tests.conformance.elasticsearch_samples import Both, both, gpu_rows
from tests.conformance.random_plans import plans, shapes
from tests.conformance.store_tables import AT


@pytest.fixture(scope="module")
def pair() -> Iterator[Both]:
    with both(gpu_rows(), language=ESQL) as made:
        yield made


@pytest.mark.parametrize("name", list(shapes()))
async def test_every_way_of_saying_something_means_the_same(pair: Both, name: str) -> None:
    made = shapes()[name]
    ours, theirs = await pair.duck.run(made, AT), await pair.es.run(made, AT)
    assert compare(ours, theirs).verdict in ("equal", "estimated")
    assert theirs.approximate == (name in ("percentile", "count_distinct"))
    assert {q.engine for q in theirs.queries} == {"elasticsearch-esql"}


@pytest.mark.timeout(120)
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=plans())
async def test_a_random_plan_gives_the_same_rows_or_is_refused_with_the_reason(pair: Both, made: Plan) -> None:
    ours = (await pair.duck.run_many({"p": made}, AT))["p"]
    theirs = (await pair.es.run_many({"p": made}, AT))["p"]
    result = compare(ours, theirs)
    assert result.verdict in ("equal", "refused", "estimated"), result
    if result.verdict == "refused":
        assert "ES|QL" in result.why
