"""How long nodes could not be used: Slurm's node states along time, without the hours of planned work.

Unavailable as in the goal `availability`: down, drained, draining, fail, failing, inval, reboot, unknown. A node that is
draining still works on its last job; it counts, since nobody else can use it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import Incident, Outage, Period, PlannedWork
from llo11ypop.core.window import Window
from llo11ypop.query.plan import Plan, Span
from llo11ypop.report.deps import Notebook, gap, rows
from llo11ypop.report.incidents import covers, overlap_h
from llo11ypop.report.period import span_of
from llo11ypop.report.places import Places

UNAVAILABLE = ("down", "drained", "draining", "fail", "failing", "inval", "reboot", "unknown")
BEFORE = timedelta(hours=2)
"""States are said again every hour: two hours before the period show in which state each node entered it."""
STALE = timedelta(hours=3)
"""A state that was not said again for so long holds no longer than that (three of Slurm's snapshots)."""
LATE = timedelta(hours=2)
"""An outage that begins this soon after an incident's last sign is ascribed to it (our assumption)."""

EARLY = timedelta(minutes=10)

Sample = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class Outages:
    """What was read about node states."""

    outages: tuple[Outage, ...]
    evidence: tuple[str, ...]
    gaps: tuple[str, ...]


def plan(period: Period) -> Plan:
    """The samples of every node that was unavailable at some time."""
    window = span_of(Window(period.start, period.end), period.at)
    longer = Span(start=window.start + BEFORE, end=window.end).model_dump()
    states = ", ".join(f"'{s}'" for s in UNAVAILABLE)
    steps = {
        "samples": {
            "dataset": "slurm_nodes", "window": longer, "by": ["node_id", "ts", "state"],
            "measures": {"gpus": {"agg": "max", "field": "gpus"}},
        },
        "out": {
            "dataset": "slurm_nodes", "window": longer, "where": f"state in ({states})", "by": ["node_id"],
            "measures": {"times": {"agg": "count"}},
        },
        "result": {"op": "join", "left": "samples", "right": "out", "on": ["node_id"], "how": "semi"},
    }  # fmt: skip
    return Plan.model_validate({"steps": steps})


async def read_outages(
    book: Notebook, period: Period, incidents: Sequence[Incident], work: Sequence[PlannedWork], places: Places
) -> Outages:
    """Unplanned outages inside the period, largest loss first. Raises what the store raises."""
    evidence = (await book.read({"states": plan(period)}))["states"]
    samples: dict[str, list[Sample]] = {}
    for row in rows(evidence):
        if isinstance(at := row["ts"], datetime):
            samples.setdefault(str(row["node_id"]), []).append((at, str(row["state"]), int(str(row["gpus"] or 0))))
    found = []
    for node, seen in samples.items():
        mine = [w for w in work if covers(w, node, places)]
        for start, end, gpus in stretches(sorted(seen), period.end):
            begins, ends = max(start, period.start), min(end, period.end)
            hours = (ends - begins).total_seconds() / 3600 - overlap_h(mine, begins, ends) if ends > begins else 0.0
            if hours > 0:
                place = places.of_node(node)
                incident = ascribed(node, start, end, incidents)
                before = start < period.start
                found.append(Outage(node, place.cluster, place.site, place.region, hours * gpus, before, incident))
    found = _per_node(found)
    gaps = tuple(g for g in (gap(evidence, "node states"),) if g)
    return Outages(tuple(sorted(found, key=lambda o: (-o.lost_h, o.node))), (evidence.id,), gaps)


def stretches(seen: Sequence[Sample], until: datetime) -> list[tuple[datetime, datetime, int]]:
    """(from, to, GPUs) of every stretch without use; the last state holds until the next is said, at most `STALE`."""
    found: list[tuple[datetime, datetime, int]] = []
    for number, (at, state, gpus) in enumerate(seen):
        following = seen[number + 1][0] if number + 1 < len(seen) else until
        ends = min(following, at + STALE)
        if state not in UNAVAILABLE or ends <= at:
            continue
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], ends, max(gpus, found[-1][2]))
        else:
            found.append((at, ends, gpus))
    return found


def ascribed(node: str, start: datetime, end: datetime, incidents: Sequence[Incident]) -> str:
    """The incident on the node that the outage began with or soon after; the latest such one.

    When an incident from before the period began is not known: an outage that was there with it may be its own.
    """
    mine = [
        i
        for i in incidents
        if node in i.nodes and start <= i.last_seen + LATE and (i.since - EARLY <= start or (i.before and end > i.since))
    ]
    return max(mine, key=lambda i: (i.since, i.id)).id if mine else ""


def _per_node(found: Sequence[Outage]) -> list[Outage]:
    summed: dict[tuple[str, str], Outage] = {}
    for one in found:
        key = (one.node, one.incident)
        known = summed.get(key)
        summed[key] = one if known is None else _added(known, one)
    return list(summed.values())


def _added(known: Outage, one: Outage) -> Outage:
    hours, before = known.lost_h + one.lost_h, known.began_before or one.began_before
    return Outage(one.node, one.cluster, one.site, one.region, hours, before, one.incident)


def by_incident(outages: Sequence[Outage]) -> Mapping[str, float]:
    """GPU-hours per incident id; '' for those that no incident accounts for."""
    summed: dict[str, float] = {}
    for one in outages:
        summed[one.incident] = summed.get(one.incident, 0.0) + one.lost_h
    return summed
