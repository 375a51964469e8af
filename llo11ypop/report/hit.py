"""Who was hit: lost jobs, nodes out of use, and failed jobs against the same hours of the days before."""

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import Hit, Incident, Period, PlannedWork
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.plan import Plan, Span
from llo11ypop.report.deps import Notebook, Terms, gap, rows
from llo11ypop.report.jobs import lost_jobs
from llo11ypop.report.outages import read_outages
from llo11ypop.report.places import Places

FAILED = "state in ('FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY', 'BOOT_FAIL', 'DEADLINE', 'TIMEOUT')"
"""The catalog's `failed_jobs`: cancelled, preempted, requeued and revoked ones are not failures."""
DAYS_BEFORE = 7
LONG = timedelta(days=2)
"""Longer periods are counted by day and compared with the weeks before (our choice)."""

Curve = dict[datetime, tuple[int, int]]
"""Bucket → (ended, failed)."""


async def measure_hit(
    book: Notebook,
    period: Period,
    incidents: Sequence[Incident],
    work: Sequence[PlannedWork],
    places: Places,
    fatal_xids: Sequence[int],
    terms: Terms,
) -> Hit:
    """Everything about the damage. Raises what the store raises."""
    lost = await lost_jobs(book, period, incidents, fatal_xids)
    out = await read_outages(book, period, incidents, work, places)
    counted = (await book.read({"counts": counts_plan(period)}))["counts"]
    curve = _curve(counted)
    shifts = _shifts(curve, period)
    inside = [b for b in curve if _bucket(period.start, period) <= b < period.end]
    wanted = _buckets(period)
    by_bucket = tuple((b, curve.get(b, (0, 0))[1], _median(curve, b, shifts)) for b in wanted)
    totals = [sum(curve.get(b - s, (0, 0))[1] for b in wanted) for s in shifts]
    return Hit(
        jobs=lost.jobs,
        outages=out.outages,
        ended=sum(curve[b][0] for b in inside),
        failed=sum(curve[b][1] for b in inside),
        baseline_failed=float(statistics.median(totals)) if totals else None,
        baseline_days=len(shifts),
        by_hour=by_bucket,
        bucket_s=_step(period).total_seconds(),
        price_per_gpu_hour=terms.price_per_gpu_hour,
        currency=terms.currency,
        evidence=(*lost.evidence, *out.evidence, counted.id),
        gaps=tuple(dict.fromkeys(g for g in (*lost.gaps, *out.gaps, gap(counted, "jobs")) if g)),
    )


def counts_plan(period: Period) -> Plan:
    """Jobs that ended and failed per bucket, in the period and long enough before it to compare."""
    back = _far(period)
    window = Span(start=period.at - _bucket(period.start, period) + back, end=max(timedelta(0), period.at - period.end))
    return Plan.model_validate(
        {
            "dataset": "slurm_jobs",
            "window": window,
            "bucket": {"every": _step(period)},
            "measures": {"ended": {"agg": "count"}, "failed": {"agg": "count", "where": FAILED}},
        }
    )


def _step(period: Period) -> timedelta:
    return timedelta(days=1) if period.end - period.start > LONG else timedelta(hours=1)


def _shift(period: Period) -> timedelta:
    """One step back to something comparable: the same hours the day before, the same weekdays the week before."""
    return timedelta(days=1) if period.end - period.start <= timedelta(days=1) else timedelta(weeks=1)


def _far(period: Period) -> timedelta:
    shift = _shift(period)
    many = DAYS_BEFORE if shift == timedelta(days=1) else 3
    length = period.end - period.start
    return max(shift * many, -(-length // shift) * shift)


def _bucket(at: datetime, period: Period) -> datetime:
    hour = 0 if _step(period) == timedelta(days=1) else at.hour
    return at.replace(hour=hour, minute=0, second=0, microsecond=0)


def _buckets(period: Period) -> list[datetime]:
    step, first = _step(period), _bucket(period.start, period)
    return [first + step * n for n in range(-(-(period.end - first) // step))]


def _curve(counted: Evidence) -> Curve:
    found: Curve = {}
    for row in rows(counted):
        if isinstance(at := row["bucket"], datetime):
            found[at] = (int(str(row["ended"] or 0)), int(str(row["failed"] or 0)))
    return found


def _shifts(curve: Curve, period: Period) -> list[timedelta]:
    """How far back to compare; only where telemetry already was, and never with the period itself."""
    first, shift = min(curve, default=period.start), _shift(period)
    least = -(-(period.end - period.start) // shift)
    many = _far(period) // shift
    return [shift * n for n in range(least, many + 1) if _bucket(period.start, period) - shift * n >= first]


def _median(curve: Curve, bucket: datetime, shifts: Sequence[timedelta]) -> float | None:
    return float(statistics.median(curve.get(bucket - s, (0, 0))[1] for s in shifts)) if shifts else None
