"""The retriever's rule mind: run the plans of all called analysts as few fused scans, and reuse what need not run yet."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from llo11ypop.core.evidence import Evidence
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import TelemetryStore


async def retrieve(
    store: TelemetryStore,
    plans: Mapping[str, Plan],
    cadences: Mapping[str, timedelta],
    remembered: dict[str, tuple[datetime, Evidence]],
    at: datetime,
) -> dict[str, Evidence]:
    """Evidence for every plan, by the plan's name.

    A plan with a cadence runs when its last run is that old (or lies in the future: the clock was set back); in between its last
    evidence stands. `remembered` is updated.
    """
    due = {name: plan for name, plan in plans.items() if _due(remembered.get(name), cadences.get(name), at)}
    fresh = await store.run_many(due, at) if due else {}
    for name in due:
        if name in cadences:
            remembered[name] = (at, fresh[name])
    return {name: fresh[name] if name in fresh else remembered[name][1] for name in plans}


def _due(last: tuple[datetime, Evidence] | None, cadence: timedelta | None, at: datetime) -> bool:
    return cadence is None or last is None or not timedelta(0) <= at - last[0] < cadence
