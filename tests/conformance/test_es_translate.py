"""SQL held against POST /_sql/translate: what a cluster would refuse is known, and nothing is run."""

from collections.abc import Iterator

import pytest

from llo11ypop.stores.elasticsearch_translate import inlined
from tests.conformance.elasticsearch_samples import Both, both, gpu_rows
from tests.conformance.store_tables import AT, plan
from tests.fakes.elasticsearch import Fault

PLANS = {
    "hot": plan(dataset="gpu_metrics", window="2h", by=["gpu_uuid"], where="node_id = 'it''s'", measures={"n": {"agg": "count"}}),
    "nodes": plan(dataset="gpu_metrics", window="4h", by=["node_id"], measures={"t": {"agg": "max", "field": "gpu_temp_c"}}),
}


@pytest.fixture
def pair() -> Iterator[Both]:
    with both(gpu_rows()) as made:
        yield made


async def test_what_would_be_run_is_counted_and_nothing_is(pair: Both) -> None:
    found = await pair.es.preflight(PLANS, AT)
    assert (found.accepted, found.refused, found.left) == (3, (), 0)
    asked = [(path, body) for _, path, body in pair.fake.requests if path.startswith("/_sql")]
    assert {path for path, _ in asked} == {"/_sql/translate"}
    assert any("'it''s'" in body["query"] for _, body in asked) and all("?" not in body["query"] for _, body in asked)


async def test_what_would_be_refused_is_named_with_its_dataset(pair: Both) -> None:
    pair.fake.faults.append(Fault("/_sql/translate", 400, "verification_exception", "Unknown function [MAX]"))
    found = await pair.es.preflight(PLANS, AT)
    assert found.accepted == 2
    assert found.refused == (("gpu_metrics", "verification_exception: Unknown function [MAX]"),)


def test_values_stand_quoted_in_a_query_that_takes_none() -> None:
    assert inlined("a = ? AND b > ? AND c = ?", ["it's", 2, None]) == "a = 'it''s' AND b > 2 AND c = NULL"
    with pytest.raises(ValueError, match="1 values for 2 places"):
        inlined("a = ? AND b = ?", [1])
