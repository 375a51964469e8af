"""Where recorded telemetry ends: the last steady row, else the last event."""

from datetime import timedelta

import pytest

from llo11ypop.core.errors import StoreError
from llo11ypop.daemon.compose import latest_instant
from tests.conformance.store_tables import minutes_ago, store_of

SECOND = timedelta(seconds=1)


async def test_steady_rows_decide_and_without_them_events_do() -> None:
    jobs = [{"end_at": 3, "job_id": 1}]
    gpus = [{"ts": 10, "gpu_uuid": "g"}]
    assert await latest_instant(store_of({"slurm_jobs": jobs, "gpu_metrics": gpus})) == minutes_ago(10) + SECOND
    assert await latest_instant(store_of({"slurm_jobs": jobs})) == minutes_ago(3) + SECOND


async def test_no_rows_at_all_are_an_error() -> None:
    with pytest.raises(StoreError, match="telemetry store is empty"):
        await latest_instant(store_of({"slurm_jobs": []}))
