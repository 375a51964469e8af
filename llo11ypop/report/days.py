"""A longer period day by day."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import Day, Hit, Incident, Period

LONGER_THAN = timedelta(days=2)


def by_day(period: Period, incidents: Sequence[Incident], hit: Hit) -> tuple[Day, ...]:
    """Incidents by the day they began, lost jobs by the day they ended; none for a period of two days or less.

    Outages are not split by day: a node may be out for many.
    """
    if period.end - period.start <= LONGER_THAN:
        return ()
    first = _midnight(period.start)
    days = [first + timedelta(days=n) for n in range(-(-(period.end - first) // timedelta(days=1)))]
    return tuple(_day(day, incidents, hit) for day in days)


def _day(day: datetime, incidents: Sequence[Incident], hit: Hit) -> Day:
    lost = [j for j in hit.jobs if _midnight(j.ended_at) == day]
    began = sum(1 for i in incidents if _midnight(i.since) == day)
    return Day(day, began, len(lost), sum(j.lost_h for j in lost))


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
