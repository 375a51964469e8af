"""Jobs that infrastructure ended, and how much work went with them.

A job counts when it ended NODE_FAIL or BOOT_FAIL; or FAILED with a fatal XID logged for the same job (the rule of the goal
`infra_job_failure_rate`); or FAILED or REQUEUED on a node of an incident within ten minutes before to fifteen after its onset,
or to thirty-five for a job over several nodes that lost the fabric; or FAILED with an I/O error in the cluster of a filesystem
that stalled, while it did.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import Incident, LostJob, Period
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.window import Window
from llo11ypop.query.plan import Plan, Span
from llo11ypop.report.deps import Notebook, Row, gap, rows
from llo11ypop.report.period import span_of

EARLY = timedelta(minutes=10)
LATE = timedelta(minutes=15)
"""Around an incident's onset: a job may die before the first sign arrives, or hang for a while first (our assumption)."""
HANGS = timedelta(minutes=35)
"""The same for a job over several nodes when the fabric fails: its collectives wait for the watchdog, which PyTorch sets to 10
minutes, and set to 30 before release 2.2 (ProcessGroupNCCL's default timeout)."""
FABRIC_QUEUE = "NETOPS"
LOOKED_BACK = timedelta(hours=24)
"""How far before the period a last good checkpoint is looked for (our assumption)."""
LOST = ("NODE_FAIL", "BOOT_FAIL")
USER_QUEUE = "USER"
MOUNT = "mount:"
IO_ERROR = "I/O error"
"""What Slurm's reason begins with when a job died of its filesystem."""


@dataclass(frozen=True, slots=True)
class Work:
    """What was read about the jobs of the period."""

    jobs: tuple[LostJob, ...]
    evidence: tuple[str, ...]
    gaps: tuple[str, ...]


def plans(period: Period, fatal_xids: Sequence[int]) -> dict[str, Plan]:
    """Jobs that may have been lost, fatal XIDs by job, and good checkpoints."""
    window = span_of(Window(period.start, period.end), period.at)
    codes = ", ".join(str(c) for c in fatal_xids) or "0"
    raw = {
        "jobs": {
            "dataset": "slurm_jobs",
            "where": "state in ('NODE_FAIL', 'BOOT_FAIL', 'FAILED', 'REQUEUED')",
            "by": ["job_id", "cluster", "account", "user", "state", "run_id", "node_list", "failed_node", "reason"],
            "measures": {
                "end_at": {"agg": "max", "field": "end_at"},
                "start_at": {"agg": "min", "field": "start_at"},
                "gpus": {"agg": "max", "field": "gpus"},
                "gpu_seconds": {"agg": "sum", "field": "gpu_seconds"},
            },
        },
        "xids": {
            "dataset": "gpu_events",
            "where": f"kind = 'xid' and code in ({codes}) and job_id is not null",
            "by": ["job_id"],
            "measures": {"fatal": {"agg": "count"}},
        },
        "saves": {
            "dataset": "checkpoints",
            "where": "kind = 'save' and outcome = 'ok'",
            "by": ["run_id", "ts"],
            "measures": {"saves": {"agg": "count"}},
        },
    }  # fmt: skip
    longer = Span(start=window.start + LOOKED_BACK, end=window.end)
    spans = {"jobs": window, "xids": longer, "saves": longer}
    return {name: Plan.model_validate({**plan, "window": spans[name]}) for name, plan in raw.items()}


async def lost_jobs(book: Notebook, period: Period, incidents: Sequence[Incident], fatal_xids: Sequence[int]) -> Work:
    """The lost jobs, largest loss first. Raises what the store raises."""
    found = await book.read(plans(period, fatal_xids))
    fatal = {r["job_id"] for r in rows(found["xids"])}
    saves = _saves(found["saves"])
    jobs = []
    for row in rows(found["jobs"]):
        incident = ascribed(row, incidents)
        by_slurm = row["state"] in LOST
        by_xid = row["state"] == "FAILED" and row["job_id"] in fatal
        by_onset = incident is not None and (at_onset(row, incident) or by_files(row, incident))
        if by_slurm or by_xid or by_onset:
            jobs.append(_lost(row, saves, incident.id if incident else ""))
    gaps = [gap(found["jobs"], "jobs"), gap(found["xids"], "fatal XIDs of jobs")]
    if any(j.run_id for j in jobs):
        gaps.append(gap(found["saves"], "checkpoints"))
    jobs.sort(key=lambda j: (-j.lost_h, j.job_id))
    return Work(tuple(jobs), tuple(e.id for e in found.values()), tuple(g for g in gaps if g))


def ascribed(row: Row, incidents: Sequence[Incident]) -> Incident | None:
    """The incident whose nodes (or run) the job was on when it ended, nearest in time; none when no incident reaches it."""
    ended = _at(row, "end_at")
    nodes = set(str(row["node_list"] or "").split(","))
    blamed = str(row["failed_node"] or "")
    found = []
    for incident in incidents:
        reaches = blamed in incident.nodes if blamed else bool(nodes.intersection(incident.nodes))
        reaches = reaches or (bool(row["run_id"]) and f"run:{row['run_id']}" in (incident.entity, *incident.others))
        reaches = reaches or by_files(row, incident)
        if reaches and incident.queue != USER_QUEUE and incident.since - EARLY <= ended <= incident.last_seen + LATE:
            found.append(incident)
    return min(found, key=lambda i: (abs(ended - i.since), i.severity, i.id), default=None)


def by_files(row: Row, incident: Incident) -> bool:
    """Whether a job failed with an I/O error in the cluster whose filesystem the incident is about."""
    here = incident.entity.startswith(MOUNT) and row["cluster"] == incident.cluster
    return here and row["state"] == "FAILED" and str(row["reason"] or "").startswith(IO_ERROR)


def at_onset(row: Row, incident: Incident) -> bool:
    """Whether a job ended so close to an incident's onset that it died of it."""
    waits = incident.queue == FABRIC_QUEUE and "," in str(row["node_list"] or "")
    return incident.since - EARLY <= _at(row, "end_at") <= incident.since + (HANGS if waits else LATE)


def _lost(row: Row, saves: Mapping[str, Sequence[datetime]], incident: str) -> LostJob:
    ended, run, gpus = _at(row, "end_at"), str(row["run_id"] or ""), int(str(row["gpus"] or 0))
    lost_h = float(str(row["gpu_seconds"] or 0)) / 3600
    began = row["start_at"] if isinstance(row["start_at"], datetime) else ended - timedelta(hours=lost_h / max(1, gpus))
    saved = saves.get(run, ())
    last = saved[bisect_right(saved, ended) - 1] if bisect_right(saved, ended) else None
    since_save = last is not None and last > began
    if last is not None and since_save:
        lost_h = (ended - last).total_seconds() / 3600 * gpus
    text = {k: str(row[k] or "") for k in ("cluster", "account", "user", "state")}
    return LostJob(
        job_id=int(str(row["job_id"])),
        **text,
        run_id=run,
        gpus=gpus,
        ended_at=ended,
        lost_h=lost_h,
        since_checkpoint=since_save,
        incident=incident,
    )


def _saves(evidence: Evidence) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {}
    for row in rows(evidence):
        found.setdefault(str(row["run_id"]), []).append(_at(row, "ts"))
    return {run: sorted(times) for run, times in found.items()}


def _at(row: Row, column: str) -> datetime:
    value = row[column]
    if not isinstance(value, datetime):
        raise ValueError(f"'{column}' is no instant: {value!r}")
    return value
