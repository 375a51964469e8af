"""What is read beside the rows themselves: how fresh the data is, and which planned work lies behind a course."""

from datetime import datetime, timedelta

from llo11ypop.ask.chart import Planned
from llo11ypop.ask.site import Site
from llo11ypop.ask.wording import age
from llo11ypop.catalog import Catalog, Kind
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.language.reading import Reading
from llo11ypop.query.plan import Plan

LOOK_BACK = timedelta(days=1)
"""How far back the newest row is looked for; twice its cadence where rows come more seldom."""
MOST_WINDOWS = 12
"""Planned work that is drawn; the longest first."""
SHORTEST = 0.002
"""A window shorter than this share of the chart would be a hairline."""
WORK = "maintenance_windows"


def fresh_plans(datasets: set[str], catalog: Catalog, site: Site, at: datetime) -> dict[str, Plan]:
    """Dataset → plan for its newest row; none for what has no time of its own or was looked at before."""
    plans = {}
    for name in sorted(datasets):
        dataset = catalog.datasets[name]
        timed = dataset.time and dataset.kind is not Kind.DIMENSION and not dataset.known_at
        if timed and site.exports.has(name, dataset.time) and (name, at) not in site.newest:
            newest = {"agg": "max", "field": dataset.time}
            span = max(LOOK_BACK, 2 * (dataset.cadence or LOOK_BACK))
            plans[name] = Plan.model_validate({"dataset": name, "window": span, "measures": {"newest": newest}})
    return plans


def note_newest(found: dict[str, Evidence], site: Site, at: datetime) -> None:
    """Remember the newest row of each dataset."""
    if len(site.newest) > 2000:  # noqa: PLR2004 - instants asked for, so that a long-lived process does not fill up
        site.newest.clear()
    for name, evidence in found.items():
        rows = evidence.rows.to_pylist()
        site.newest[name, at] = rows[0]["newest"] if rows else None


def freshness(datasets: set[str], catalog: Catalog, site: Site, at: datetime) -> str:
    """How old the newest row behind an answer is: that of the dataset that lags most, by its name when there are several."""
    known = {d: site.newest[d, at] for d in sorted(datasets) if (d, at) in site.newest}
    often = {d: t for d, t in known.items() if (catalog.datasets[d].cadence or LOOK_BACK) < LOOK_BACK}
    steady = often or {d: t for d, t in known.items() if t is not None} or known
    if not steady:
        return "inventory as of the instant of the answer" if datasets else ""
    slowest = min(steady, key=lambda d: (steady[d] is not None, steady[d]))
    named = f"{slowest}: " if len(datasets) > 1 else ""
    return f"{named}{age(steady[slowest], at)}"


def work_plan(reading: Reading, site: Site, at: datetime) -> Plan | None:
    """A plan for the planned work in the window of a course; none where there is no course, or no calendar."""
    if reading.window is None or not reading.scope.bucket or not site.exports.has(WORK) or reading.window.start >= at:
        return None
    clusters = ", ".join(f"'{c}'" for c in reading.scope.values("cluster") if "'" not in c)
    span = {"start": at - reading.window.start, "end": max(timedelta(0), at - reading.window.end)}
    return Plan.model_validate(
        {
            "dataset": WORK,
            "window": span,
            "fields": ["start_at", "end_at", "scope_level", "scope_id", "kind"],
            "limit": 500,
            **({"where": f"cluster in ({clusters})"} if clusters else {}),
        }
    )


def planned_of(evidence: Evidence, reading: Reading) -> list[Planned]:
    """The windows that can be seen on the chart: those of many nodes first, then the longest."""
    if evidence.status is not EvidenceStatus.OK or reading.window is None:
        return []
    window, found = reading.window, {}
    for row in evidence.rows.to_pylist():
        if row["start_at"] is None or row["end_at"] is None:
            continue
        start, end = max(row["start_at"], window.start), min(row["end_at"], window.end)
        if end - start >= (window.end - window.start) * SHORTEST:
            wide = row["scope_level"] not in ("node", "gpu")
            found[start, end] = (wide, Planned(start, end, f"{row['kind']} on {row['scope_level']} {row['scope_id']}"))
    ranked = sorted(found.values(), key=lambda f: (not f[0], f[1].start - f[1].end))
    return sorted((p for _, p in ranked[:MOST_WINDOWS]), key=_start)


def _start(planned: Planned) -> datetime:
    return planned.start
