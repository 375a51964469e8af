"""Why GPUs are idle while jobs wait: what the scheduler says they wait for, what is free where, and what was changed."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from llo11ypop.agents.investigators.inquiry import HOUR, Inquiry
from llo11ypop.agents.investigators.planned import planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, measure, minute, moment, said
from llo11ypop.core.window import Window

DEFAULT_WINDOW = timedelta(hours=1)
USUAL = timedelta(days=7)
MEANING = {
    "Resources": "not enough GPUs are free where the job may run, or not enough of them on one node",
    "Priority": "jobs with a higher priority wait before it",
    "Dependency": "it waits for another job to end",
    "BadConstraints": "no node can ever satisfy what it asks for: a limit or partition was changed, or the request is wrong",
    "ReqNodeNotAvail": "the nodes it asks for are down, reserved or drained",
}
LIMIT = "its user or account has reached a limit"
CONFIGURED = ("BadConstraints", "ReqNodeNotAvail")
MISCONFIGURED = 2.0
"""Times the usual GPUs waiting for a configured reason from which the configuration is suspected (our assumption)."""
COLUMNS = (
    measure("rank"),
    dimension("cluster"),
    dimension("partition"),
    dimension("reason"),
    measure("jobs", "jobs waiting"),
    measure("gpus", "GPUs they ask for", better="lower"),
    measure("usual_gpus", "usual"),
    measure("idle_gpus", "GPUs idle in the cluster"),
    measure("unavailable_gpus", "GPUs out of service"),
    dimension("meaning"),
    moment("changed_at", "configuration changed"),
    dimension("change"),
)


async def idle_while_pending(inquiry: Inquiry) -> Investigated:
    """Hold what waits against what is free, per cluster, partition and reason."""
    window = inquiry.window(DEFAULT_WINDOW, recent=True)
    rows = await inquiry.ask(_plans(inquiry, window))
    calendar = await planned_work(inquiry, window)
    free = {r["cluster"]: r for r in rows["free"]}
    changes: dict[tuple[str, str], Row] = {}
    for change in sorted(rows["changes"], key=lambda r: r["changed_at"]):
        changes[change["cluster"], change["partition"] or ""] = change
    table = [_row(r, free.get(r["cluster"], {}), changes) for r in rows["waiting"] if r["gpus"]]
    table.sort(key=lambda r: (-_suspicion(r), -(r["gpus"] or 0), r["cluster"]))
    ranked = [{"rank": n, **r} for n, r in enumerate(table, start=1)]
    idle = sum(r["idle"] or 0.0 for r in free.values())
    waiting = sum(r["gpus"] or 0.0 for r in rows["waiting"])
    whole = {
        "rank": 0,
        "cluster": "all",
        "jobs": figure(sum(r["jobs"] or 0.0 for r in rows["waiting"]), 0),
        "gpus": figure(waiting, 0),
        "idle_gpus": figure(idle, 0),
        "unavailable_gpus": figure(sum(r["unavailable"] or 0.0 for r in free.values()), 0),
    }
    inquiry.note(f"means from {minute(window.start)} to {minute(window.end)}; usual is the week before")
    for work in calendar.works[:3]:
        inquiry.note(f"planned work: {work}")
    suspects = [r for r in ranked if _suspicion(r) >= 1]
    causes = [_cause(r) for r in ranked[:4]]
    return inquiry.found(_sentence(whole, ranked, suspects), COLUMNS, [whole, *ranked], causes, confident=bool(ranked))


def _plans(inquiry: Inquiry, window: Window) -> Mapping[str, Mapping[str, object]]:
    now, week = inquiry.span(window), inquiry.span(Window(window.start - USUAL, window.start))
    outer = inquiry.span(Window(window.start - USUAL, window.end))
    steps = max(1, round((window.end - window.start) / HOUR * 12))
    weeks = round(USUAL / HOUR * 12)
    return {
        "waiting": {
            "steps": {
                "rows": {
                    "dataset": "slurm_queue",
                    "window": outer,
                    "where": inquiry.where("slurm_queue") or "gpus >= 0",
                    "by": ["cluster", "partition", "reason"],
                    "measures": {
                        "sum_now": {"agg": "sum", "field": "gpus", "over": now},
                        "sum_week": {"agg": "sum", "field": "gpus", "over": week},
                        "jobs_now": {"agg": "sum", "field": "jobs", "over": now},
                    },
                },
                "result": {
                    "op": "derive",
                    "source": "rows",
                    "columns": {
                        "gpus": f"coalesce(sum_now, 0) / {steps}.0",
                        "usual": f"coalesce(sum_week, 0) / {weeks}.0",
                        "jobs": f"coalesce(jobs_now, 0) / {steps}.0",
                    },
                },
            }
        },
        "free": {
            "dataset": "slurm_sched",
            "window": now,
            "where": inquiry.where("slurm_sched"),
            "by": ["cluster"],
            "measures": {
                "idle": {"agg": "avg", "field": "gpus_idle"},
                "unavailable": {"agg": "avg", "field": "gpus_unavailable"},
            },
        },
        "changes": {
            "dataset": "slurm_config_changes",
            "window": outer,
            "where": inquiry.where("slurm_config_changes"),
            "by": ["cluster", "partition", "what", "detail"],
            "measures": {"changed_at": {"agg": "max", "field": "ts"}},
        },
    }


def _row(waiting: Row, free: Row, changes: Mapping[tuple[str, str], Row]) -> Row:
    reason = str(waiting["reason"])
    change = changes.get((waiting["cluster"], waiting["partition"])) or changes.get((waiting["cluster"], ""))
    return {
        "cluster": waiting["cluster"],
        "partition": waiting["partition"],
        "reason": reason,
        "jobs": figure(waiting["jobs"]),
        "gpus": figure(waiting["gpus"]),
        "usual_gpus": figure(waiting["usual"]),
        "idle_gpus": figure(free.get("idle"), 0),
        "unavailable_gpus": figure(free.get("unavailable"), 0),
        "meaning": MEANING.get(reason, LIMIT),
        "changed_at": change["changed_at"] if change else None,
        "change": f"{change['what']}: {change['detail']}" if change else "",
    }


def _suspicion(row: Row) -> float:
    """2: looks misconfigured; 1: waits although as many are idle in its cluster; 0: plain shortage or waiting for others."""
    if row["reason"] in CONFIGURED and (row["gpus"] or 0) > MISCONFIGURED * (row["usual_gpus"] or 0):
        return 2.0
    if row["reason"] != "Dependency" and (row["idle_gpus"] or 0) >= (row["gpus"] or 0) >= 1:
        return 1.0
    return 0.0


def _cause(row: Row) -> Cause:
    for_ = [
        f"{row['gpus']} GPUs wait for {row['reason']} in {row['partition']} of {row['cluster']}, usual are {row['usual_gpus']}"
    ]
    if row["change"]:
        for_.append(f"changed at {minute(row['changed_at'])}: {row['change']}")
    against = () if _suspicion(row) else ("no more idle GPUs there than it asks for: a plain shortage",)
    return Cause(f"{row['reason']} in {row['cluster']}/{row['partition']}", 0.3 + 0.3 * _suspicion(row), tuple(for_), against)


def _sentence(whole: Row, rows: Sequence[Row], suspects: Sequence[Row]) -> str:
    idle = f"{count_of(whole['idle_gpus'], 'GPU')} {'is' if whole['idle_gpus'] == 1 else 'are'} idle"
    lead = f"{idle} while jobs wait for {said(whole['gpus'])}"
    if not rows:
        return f"{idle} and no job waits."
    if not suspects:
        first = rows[0]
        most = f"{first['reason']} in {first['cluster']} ({count_of(first['gpus'], 'GPU')})"
        return f"{lead}; nothing stands out: most wait for {most}."
    first = suspects[0]
    where = f"{said(first['gpus'])} GPUs wait for {first['reason']} in {first['partition']} of {first['cluster']}"
    change = f", where {first['change']} was changed at {minute(first['changed_at'])}" if first["change"] else ""
    if _suspicion(first) > 1:
        return f"{lead}; the configuration is the likely cause: {where} (usual {said(first['usual_gpus'])}){change}."
    return f"{lead}; {where} although {said(first['idle_gpus'])} are idle there: {first['meaning']}."
