"""A plan that runs with others says what it says alone, also where only its own window is silent."""

from llo11ypop.core.evidence import EvidenceStatus
from tests.conformance.elasticsearch_samples import both, gpu_rows
from tests.conformance.store_tables import AT, plan

SHAPE = {"by": ["gpu_uuid"], "measures": {"n": {"agg": "count"}}}
PLANS = {
    "now": plan(dataset="gpu_metrics", window="2h", **SHAPE),
    "silent": plan(dataset="gpu_metrics", window={"start": "5h", "end": "4h"}, **SHAPE),
    "nothing like it": plan(dataset="gpu_metrics", window="2h", where="driver = 'none'", **SHAPE),
}


async def test_silence_is_that_of_a_plans_own_window() -> None:
    with both(gpu_rows()) as made:
        for store in (made.duck, made.es):
            together = await store.run_many(PLANS, AT)
            alone = {name: (await store.run(asked, AT)).status for name, asked in PLANS.items()}
            assert {name: e.status for name, e in together.items()} == alone
            assert list(alone.values()) == [EvidenceStatus.OK, EvidenceStatus.NO_DATA, EvidenceStatus.EMPTY]
