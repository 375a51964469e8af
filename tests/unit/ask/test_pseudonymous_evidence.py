"""Evidence that names people by stand-ins is a piece of its own, and comes back the same when it is run again."""

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from llo11ypop.ask.site import PseudonymStore
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.query.plan import Plan
from llo11ypop.query.pseudonyms import PSEUDONYMS
from llo11ypop.query.rerun import rerun
from llo11ypop.query.rows import rows_hash
from llo11ypop.query.store import Coverage, Exports
from tests.reader_sample import catalog

AT = datetime(2026, 5, 21, 18, tzinfo=UTC)
PLAN = {"dataset": "slurm_jobs", "window": "7d", "by": ["user"], "measures": {"jobs": {"agg": "count"}}}
ROWS = pa.table({"user": ["u1001", "u1002"], "jobs": [3, 4]})


class OneAnswer:
    """A store that always returns the same rows."""

    query_count = 0

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        return (await self.run_many({"plan": plan}, at))["plan"]

    async def run_many(self, plans: dict[str, Plan], at: datetime) -> dict[str, Evidence]:
        one = Evidence("e-1", PLAN, at, None, (), ROWS, 2, False, False, EvidenceStatus.OK, hash=rows_hash(ROWS))
        return {name: one for name in plans}

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        return {}

    async def exports(self) -> Exports:
        return Exports({})


async def test_it_is_the_same_when_it_is_run_again_with_the_same_salt() -> None:
    masked = PseudonymStore(OneAnswer(), catalog(), b"salt")  # type: ignore[arg-type]
    evidence = await masked.run(Plan.model_validate(PLAN), AT)
    assert evidence.id != "e-1"
    assert evidence.note == PSEUDONYMS
    assert evidence.hash == rows_hash(evidence.rows)
    assert not {"u1001", "u1002"} & set(evidence.rows.column("user").to_pylist())
    assert (await rerun(evidence, masked)).same
    assert not (await rerun(evidence, replace(masked, salt=b"other"))).same


async def test_rows_that_name_nobody_stay_as_they_are() -> None:
    store = OneAnswer()
    nobody = {"dataset": "slurm_jobs", "window": "7d", "by": ["cluster"], "measures": {"jobs": {"agg": "count"}}}
    masked = PseudonymStore(store, catalog(), b"salt")  # type: ignore[arg-type]
    evidence = await masked.run(Plan.model_validate(nobody), AT)
    assert (evidence.id, evidence.note) == ("e-1", "")
