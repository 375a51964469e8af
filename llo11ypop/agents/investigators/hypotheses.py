"""The playbooks' hypotheses of a window: matched at instants inside it, merged upward, each with what it cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.agents.investigators.inquiry import HOUR, MINUTE, Inquiry, any_of
from llo11ypop.agents.investigators.losses import BEFORE_END, FAILED, LOST_WITH_NODE, Losses, Lost, losses, nodes_of
from llo11ypop.agents.investigators.planned import GRACE, Calendar, Work, planned_work
from llo11ypop.agents.investigators.tables import Row, dimension, figure, measure, moment, place
from llo11ypop.analysis.counts import poisson_tail
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Area, Level, Severity
from llo11ypop.core.window import Window
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.playbooks.reach import places_of, rivals, within_reach

MOST_INSTANTS = 7
"""Looks into a window beside the one at its start: each costs one run of all playbooks (our assumption)."""
SUSPECT_COLUMNS = (
    measure("rank"),
    dimension("cause"),
    dimension("mode"),
    dimension("entity", "where"),
    moment("since"),
    dimension("new", "new in the window"),
    measure("strength_pct", "strength of its signs", "%"),
    measure("failed_jobs", "failed jobs there", better="lower"),
    measure("expected_failed_jobs", "failed jobs to be expected there", better="lower"),
    measure("lost_jobs", "failed jobs put down to it", better="lower"),
    measure("gpu_hours", "GPU-hours lost", "h", "lower"),
    measure("explains", "findings it explains"),
    dimension("evidence"),
)
"""Columns of `row_of`."""
MOST_OFTEN = 8
"""Half hours with a sign from which the middle one is taken for usual; a sign that comes so rarely usually does not (ours)."""
WARM_INLET_C = 27
"""Upper end of the recommended inlet temperature (ASHRAE TC 9.9, classes A1 to A4)."""
SLOW_QUEUE_MS = 10
"""Wait at a file server that stands out on any: a healthy one's is a few at most (our assumption)."""
LARGE_NODES, FEW_INSTANTS = 300, 3
"""From so many nodes on, a look costs seconds and fewer are taken (our assumption)."""
MOST_EVIDENCE = 12
"""Pieces of evidence that a hypothesis names; the finding carries all that was read."""
SETTLED = 20 * MINUTE
"""How long after a burst of signs they are all in: playbooks average over up to 20 minutes."""
BASE_WEIGHT, COST_WEIGHT, SEVERITY_WEIGHT, REACH_WEIGHT = 0.2, 0.35, 0.2, 0.25
"""Parts of a hypothesis' rank beside the strength of its signs: any, its cost, how serious such a thing is, and how many nodes
it touches (our assumption)."""
SERIOUS = {Severity.S1: 1.0, Severity.S2: 0.7, Severity.S3: 0.3, Severity.S4: 0.0}
RARE = 0.01
"""Chance of as many failed jobs at a place below which what is wrong there is named for them (our assumption)."""
LEAST_EXCESS = 2
"""Failed jobs beyond the expected ones from which a place is named."""
CHANCE = 0.05
"""Chance of as many failed jobs at a place from which all of them are put down to what is wrong there (our assumption)."""
ONSET = timedelta(minutes=15)
"""A job that ends so soon after the first sign is put down to it (our assumption)."""
FOLLOWS, AFTERWARDS = frozenset({"C3", "C10"}), 0.1
"""Playbooks about stock and repairs: what they find follows from faults, and comes after them (our assumption)."""
OLDER, GONE = 0.4, 0.2
"""Factor on what was there when the window began: it is less likely to be what is new in it, and less still when nothing was
seen of it in the later half (our assumption)."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A known way to fail that matched somewhere in the window."""

    mode: str
    title: str
    entity: Entity
    since: datetime
    first: datetime
    """The earliest instant at which it matched."""
    last: datetime
    """The latest instant at which it still matched."""
    strength: float
    lines: tuple[str, ...]
    """Its signs, one sentence each."""
    evidence: tuple[str, ...] = ()
    """Ids of the evidence that its signs rest on."""
    related: tuple[Entity, ...] = ()
    symptoms: tuple[str, ...] = ()
    """`F13 on gpu:…`: findings that it explains."""
    failed_jobs: int = 0
    expected_jobs: float = 0.0
    """Jobs that would have failed there anyway, at the fleet's rate."""
    lost_jobs: int = 0
    """Those that are put down to it: all when they are too many for chance, else those that ended as it began or with a node."""
    idle_gpu_hours: float = 0.0
    """GPUs × hours out of service."""
    gpu_hours: float = 0.0
    """Work lost by the jobs put down to it, and hours out of service."""
    older: bool = False
    """Whether it matched already when the window began."""
    gone: bool = False
    """Whether it did not match any more in the later half of the window."""
    planned: Work | None = None
    score: float = 0.0

    @property
    def costly(self) -> bool:
        """Whether so many jobs failed there that it bears on failed jobs: too many for chance, and by more than one."""
        excess = self.failed_jobs - self.expected_jobs
        return excess >= LEAST_EXCESS and poisson_tail(self.failed_jobs, self.expected_jobs) < RARE


@dataclass(frozen=True, slots=True)
class Scene:
    """The hypotheses of a window and what they were judged by."""

    suspects: tuple[Suspect, ...]
    """Best first; those that planned work accounts for are not among them."""
    excluded: tuple[Suspect, ...]
    """Those that planned work accounts for."""
    lost: Losses
    calendar: Calendar
    instants: tuple[datetime, ...]


async def hypotheses(
    inquiry: Inquiry,
    window: Window,
    areas: Sequence[Area] = tuple(Area),
    *,
    within: frozenset[str] | None = None,
    also: Sequence[datetime] = (),
) -> Scene:
    """Match every playbook of some areas at telling instants of a window, and at those given.

    `within` keeps what touches these nodes.
    """
    calendar = await planned_work(inquiry, window)
    lost = await losses(inquiry, window)
    inside = {*await telling_instants(inquiry, window, within), *(a for a in also if window.start < a <= window.end)}
    instants = [window.start, *sorted(inside)]
    seen: list[tuple[Finding, datetime]] = []
    for at in instants:
        seen += [(f, at) for f in await match_at(inquiry, at, areas)]
    topology, book = inquiry.ground.topology, inquiry.ground.playbooks
    merged = [_aged(s, window) for s in _merged(seen, book) if s.since < window.end and s.last > window.start]
    if within is not None:
        merged = [s for s in merged if not within.isdisjoint(nodes_of(s.entity, topology)) or s.entity.level is Level.RUN]
    causes = _costed(_rooted(merged, book, topology), lost, topology, window)
    planned = [replace(s, planned=planned_by(s, calendar, book)) for s in causes]
    kept = tuple(s for s in planned if s.planned is None or book[s.mode].despite_planned_work)
    return Scene(ranked(kept, book, topology), tuple(s for s in planned if s not in kept), lost, calendar, tuple(instants))


def planned_by(s: Suspect, calendar: Calendar, book: PlaybookSet) -> Work | None:
    """The work on the thing, or on every node that its signs name, else that hangs on it: a switch whose rack is worked on."""
    nodes = _named(s) or nodes_of(s.entity, calendar.topology) if _local(s.entity) else frozenset()
    grace = max(GRACE, book[s.mode].planned_grace)
    return calendar.accounting_for(s.entity, s.since, s.last, grace) or calendar.covering(nodes, s.since, s.last, grace)


def _named(s: Suspect) -> frozenset[str]:
    return frozenset(e.id for e in s.related if e.level is Level.NODE)


def _aged(suspect: Suspect, window: Window) -> Suspect:
    """Old when it matched at the beginning already; many signs look back only a few hours, so their onset does not tell."""
    older = suspect.first <= window.start or suspect.since < window.start - HOUR
    return replace(suspect, older=older, gone=suspect.last < window.start + (window.end - window.start) / 2)


async def match_at(inquiry: Inquiry, at: datetime, areas: Sequence[Area] = tuple(Area)) -> list[Finding]:
    """Findings of the playbooks as of one instant; harmless look-alikes compete and are left out."""
    book, topology = inquiry.ground.playbooks, inquiry.ground.topology
    first = book.first_plans(areas)
    await inquiry.ask(first, at)
    evidence = {name: inquiry.last[name] for name in first}
    suspected = {f.playbook for f in book.match(areas, evidence, topology, at)}
    more = {k: p for k, p in book.next_plans(suspected).items() if k not in evidence}
    if more:
        await inquiry.ask(more, at)
        evidence |= {name: inquiry.last[name] for name in more}
    found = book.match(areas, evidence, topology, at)
    return [f for f in found if not book[f.playbook].benign and not _outdone(f, found, book, topology)]


async def telling_instants(inquiry: Inquiry, window: Window, within: frozenset[str] | None = None) -> list[datetime]:
    """The end of a window, its middle, and when most signs of trouble had just come in on some nodes; never more than seven."""
    count = {"n": {"agg": "count"}}
    half_hours = {"window": inquiry.span(window), "bucket": {"every": "30m"}, "measures": count}

    def here(dataset: str, condition: str) -> dict[str, Any]:
        known = within is not None and "node_id" in inquiry.ground.catalog.dataset(dataset).fields
        nodes = f" and {any_of('node_id', within)}" if within is not None and known else ""
        return {"dataset": dataset, "where": f"({condition}){nodes}", **half_hours}

    rows = await inquiry.ask(
        {
            "when jobs failed": here("slurm_job_nodes", FAILED),
            "when checks failed": here("health_checks", "result = 2"),
            "when GPUs erred": here("gpu_events", "kind = 'xid'"),
            "when nodes were lost": here("k8s_events", "type = 'Warning'"),
            "when files waited": here("fs_metrics", f"role = 'server' and rpc_queue_ms > {SLOW_QUEUE_MS}"),
            "when ports were down": here("fabric_ports", "port_state = 'DOWN'"),
            "when inlets were warm": here("node_hw", f"sensor_type = 'inlet_temp' and reading > {WARM_INLET_C}"),
        }
    )
    large = sum(e.level is Level.NODE for e in inquiry.ground.topology.parents) >= LARGE_NODES
    busy = rises([[(r["bucket"], r["n"]) for r in series] for series in rows.values()])
    return choose(busy, window, FEW_INSTANTS if large else MOST_INSTANTS)


def rises(series: Sequence[Sequence[tuple[datetime, int]]]) -> dict[datetime, float]:
    """How much each half hour rose above the one before and above what is usual, over every kind of sign.

    The largest rise of a kind counts 1, so that what has many rows does not outshout what has few.
    """
    busy: dict[datetime, float] = {}
    for counts in series:
        usual = sorted(n for _, n in counts)[len(counts) // 2] if len(counts) > MOST_OFTEN else 0
        before = {at + HOUR / 2: n for at, n in counts}
        grown = {at: max(0, n - max(usual, before.get(at, 0))) for at, n in counts}
        most = max(grown.values(), default=0)
        for at, rise in grown.items():
            busy[at] = busy.get(at, 0.0) + (rise / most if most else 0.0)
    return busy


def choose(busy: dict[datetime, float], window: Window, most: int = MOST_INSTANTS) -> list[datetime]:
    """Instants for looking: the busiest half hours once settled, at least an hour apart, with the window's middle and end."""
    chosen = [window.end]
    wanted = [at + HOUR / 2 + SETTLED for at in sorted((a for a in busy if busy[a] > 0), key=lambda a: (-busy[a], a))]
    for at in [*wanted[: 3 * most], window.start + (window.end - window.start) / 2]:
        inside = min(at, window.end)
        if len(chosen) < most and inside > window.start and all(abs(inside - c) >= HOUR for c in chosen):
            chosen.append(inside)
    return sorted(chosen)


def _merged(seen: Sequence[tuple[Finding, datetime]], book: PlaybookSet) -> list[Suspect]:
    """One suspect per mode and place, over all instants."""
    kept: dict[tuple[str, Entity], Suspect] = {}
    for finding, at in seen:
        key = (finding.playbook, finding.entity)
        lines = tuple(hit.text for hit in finding.hits)
        ids = tuple(dict.fromkeys(hit.evidence_id for hit in finding.hits))
        other = kept.get(key)
        if other is None:
            kept[key] = Suspect(
                mode=finding.playbook,
                title=book[finding.playbook].title,
                entity=finding.entity,
                since=finding.since,
                first=at,
                last=at,
                strength=finding.strength,
                lines=lines,
                evidence=ids,
                related=finding.related,
            )
            continue
        kept[key] = replace(
            other,
            since=min(other.since, finding.since),
            first=min(other.first, at),
            last=max(other.last, at),
            lines=lines if finding.strength > other.strength else other.lines,
            strength=max(other.strength, finding.strength),
            evidence=tuple(dict.fromkeys((*other.evidence, *ids)))[:MOST_EVIDENCE],
            related=tuple(dict.fromkeys((*other.related, *finding.related))),
        )
    return list(kept.values())


def _outdone(finding: Finding, found: Sequence[Finding], book: PlaybookSet, topology: Topology) -> bool:
    """Whether a rival reading of the same signs on the same thing is stronger."""
    stronger = [o for o in found if (-o.strength, o.playbook) < (-finding.strength, finding.playbook)]
    return any(o is not finding and rivals(finding, o, book, topology) for o in stronger)


def _rooted(suspects: Sequence[Suspect], book: PlaybookSet, topology: Topology) -> list[Suspect]:
    """Suspects without those that a broader or declared cause among them explains; causes list what they explain."""
    order = {level: rank for rank, level in enumerate(Level)}
    parent: dict[int, int] = {}
    for i, cause in enumerate(suspects):
        for j, symptom in enumerate(suspects):
            if i != j and explains(cause, symptom, book, topology):
                best = suspects[parent[j]] if j in parent else None
                weight = (order[cause.entity.level], cause.strength)
                if best is None or weight > (order[best.entity.level], best.strength):
                    parent[j] = i
    symptoms: dict[int, list[str]] = {}
    for j in parent:
        root, seen = j, {j}
        while root in parent and parent[root] not in seen:
            root = parent[root]
            seen.add(root)
        if root != j and root not in parent:
            symptoms.setdefault(root, []).append(f"{suspects[j].mode} on {suspects[j].entity}")
    return [replace(s, symptoms=tuple(symptoms.get(i, ()))) for i, s in enumerate(suspects) if i in symptoms or i not in parent]


def explains(cause: Suspect, symptom: Suspect, book: PlaybookSet, topology: Topology) -> bool:
    """Whether a playbook declares that one suspect brings about another that lies within its reach and came no earlier."""
    for rule in book[cause.mode].explains:
        if (
            symptom.mode in rule.modes
            and symptom.since >= cause.since - rule.lag
            and symptom.since <= cause.last + timedelta(hours=1)
        ):
            here, there = (places_of((s.entity, *s.related), topology) for s in (cause, symptom))
            if within_reach(rule.within, here, there):
                return True
    return False


def _costed(suspects: Sequence[Suspect], lost: Losses, topology: Topology, window: Window) -> list[Suspect]:
    out = []
    for s in suspects:
        nodes = nodes_of(s.entity, topology)
        user, run = (s.entity.id if s.entity.level is level else "" for level in (Level.USER, Level.RUN))
        since, until = max(s.since, window.start), min(s.last, window.end)
        mount = s.entity.level is Level.MOUNT
        jobs = lost.at(nodes, max(since - HOUR, window.start) if mount else since, until, user=user, run=run)
        if mount:
            jobs = [job for job in jobs if job.io_error]
        expected = 0.0 if user or run or mount else lost.expected(nodes, since, until)
        mine = put_down_to(s, jobs, expected)
        idle = lost.idle_hours(nodes if _local(s.entity) else frozenset(), since, until)
        hours = idle + sum(job.gpu_hours for job in mine)
        costed = replace(s, failed_jobs=len(jobs), expected_jobs=expected, lost_jobs=len(mine))
        out.append(replace(costed, idle_gpu_hours=idle, gpu_hours=hours))
    return out


def put_down_to(s: Suspect, jobs: Sequence[Lost], expected: float) -> list[Lost]:
    """The failed jobs of a place that speak for a suspect, and not for what makes jobs fail everywhere."""
    if poisson_tail(len(jobs), expected) < CHANCE:
        return list(jobs)
    return [job for job in jobs if job.state in LOST_WITH_NODE or s.since - BEFORE_END <= job.end_at <= s.since + ONSET]


def _local(entity: Entity) -> bool:
    """Whether nodes that stand still there stand still because of it: not for what a whole cluster shares."""
    return entity.level in (Level.GPU, Level.PORT, Level.NODE, Level.RACK, Level.ROW, Level.SWITCH)


def _excess(s: Suspect) -> float:
    """What it cost beyond what would have been lost anyway."""
    share = max(0.0, 1 - s.expected_jobs / s.failed_jobs) if s.failed_jobs else 1.0
    return s.idle_gpu_hours + (s.gpu_hours - s.idle_gpu_hours) * share


def reach(s: Suspect, topology: Topology) -> int:
    """How many nodes a suspect touches: those in it, or that its signs name; one where it names none."""
    return max(1, len(nodes_of(s.entity, topology) if _local(s.entity) else _named(s)))


def ranked(suspects: Sequence[Suspect], book: PlaybookSet, topology: Topology) -> tuple[Suspect, ...]:
    """Suspects with their scores, the likeliest cause of the window's trouble first."""
    most = max((_excess(s) for s in suspects), default=0.0)
    widest = math.log(max((reach(s, topology) for s in suspects), default=1))
    scored = []
    for s in suspects:
        cost = _excess(s) / most if most else 0.0
        width = math.log(reach(s, topology)) / widest if widest else 0.0
        parts = BASE_WEIGHT + COST_WEIGHT * cost + SEVERITY_WEIGHT * SERIOUS[book[s.mode].severity] + REACH_WEIGHT * width
        age = AFTERWARDS if s.mode in FOLLOWS else 1.0 if not s.older else GONE if s.gone else OLDER
        scored.append(replace(s, score=s.strength * parts * age))
    return tuple(sorted(scored, key=lambda s: (-s.score, s.mode, str(s.entity))))


def row_of(suspect: Suspect, rank: int, topology: Topology) -> Row:
    """A suspect as a row of a ranked table."""
    return {
        "rank": rank, "cause": suspect.title, "mode": suspect.mode, "entity": place(suspect.entity, topology),
        "since": suspect.since, "new": "no" if suspect.older else "yes",
        "strength_pct": figure(100 * suspect.strength, 0), "failed_jobs": suspect.failed_jobs,
        "expected_failed_jobs": figure(suspect.expected_jobs), "lost_jobs": suspect.lost_jobs,
        "gpu_hours": figure(suspect.gpu_hours),
        "explains": len(suspect.symptoms), "evidence": "; ".join(suspect.lines[:3]),
    }  # fmt: skip
