"""What each page shows, as plain dicts: the same for the pages and the HTTP API."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llo11ypop.approvals.ledger import Cycle
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus
from llo11ypop.core.window import format_duration, iso

if TYPE_CHECKING:
    from llo11ypop.core.goal import Goal

ROWS_SHOWN = 50
_STATE_ORDER = {"breach": 0, "drift": 1, "unknown": 2, "silence": 2, "ok": 3, "quiet": 4}


def goal_views(goals: "Sequence[Goal]", cycles: Sequence[Cycle]) -> list[dict[str, Any]]:
    """Every goal with its latest value and its course over `cycles` (newest first); those that miss come first."""
    latest = _observed(cycles[0]) if cycles else {}
    older = [_observed(c) for c in reversed(cycles)]
    views = [_goal_view(goal, latest.get(goal.id), [o.get(goal.id, {}).get("value") for o in older]) for goal in goals]
    return sorted(views, key=lambda v: _STATE_ORDER.get(v["state"], 2))


def _observed(cycle: Cycle) -> dict[str, dict[str, Any]]:
    """The observation of each goal as a whole."""
    seen = cycle.report.get("observations", [])
    return {o["subject"]: o for o in seen if not o.get("slice") and o["kind"] not in ("activity", "silence")}


def _goal_view(goal: "Goal", seen: Mapping[str, Any] | None, course: list[float | None]) -> dict[str, Any]:
    seen = seen or {}
    quiet = seen.get("kind") == "ok" and seen.get("value") is None
    return {
        "id": goal.id,
        "title": goal.title,
        "definition": goal.definition,
        "owner": goal.owner,
        "unit": goal.unit,
        "direction": str(getattr(goal.direction, "value", goal.direction)),
        "target": goal.target,
        "window": format_duration(goal.window),
        "value": seen.get("value"),
        "baseline": seen.get("baseline"),
        "state": "quiet" if quiet else seen.get("kind", "unknown"),
        "note": seen.get("note") or ("nothing to measure yet" if quiet else "" if seen else "not measured yet"),
        "evidence": list(seen.get("evidence", ())),
        "course": course,
    }


def slice_views(cycle: Cycle | None) -> list[dict[str, Any]]:
    """Parts of the fleet that miss a goal's target in the last cycle."""
    seen = cycle.report.get("observations", []) if cycle else []
    return [o for o in seen if o.get("slice")]


def silence_views(cycle: Cycle | None) -> list[dict[str, Any]]:
    """Datasets that fell silent."""
    seen = cycle.report.get("observations", []) if cycle else []
    return [o for o in seen if o["kind"] == "silence"]


def by_urgency(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Waiting ones first, then the most severe, then the newest."""
    waiting = {ProposalStatus.PENDING: 0, ProposalStatus.SNOOZED: 1, ProposalStatus.APPROVED: 2}
    return sorted(proposals, key=lambda p: (waiting.get(p.status, 3), p.severity.value, -p.created_at.timestamp()))


def is_open(proposal: Proposal) -> bool:
    """Whether the proposal still blocks a second one about the same trouble."""
    return proposal.status in OPEN_STATUSES


def radius_views(radius: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """(what, how much, unit) of a blast radius."""
    return [
        (name.removesuffix("_ratio").replace("_", " "), value, "ratio" if name.endswith(("share", "_ratio")) else "")
        for name, value in radius.items()
        if isinstance(value, (int, float))
    ]


def evidence_view(evidence: Evidence, *, rows: int = ROWS_SHOWN) -> dict[str, Any]:
    """A piece of evidence with its first rows."""
    return {
        "id": evidence.id,
        "at": iso(evidence.at),
        "window": [iso(evidence.window.start), iso(evidence.window.end)] if evidence.window else None,
        "status": evidence.status.value,
        "missing": list(evidence.missing),
        "row_count": evidence.row_count,
        "truncated": evidence.truncated,
        "approximate": evidence.approximate,
        "duration_s": evidence.duration_s,
        "hash": evidence.hash,
        "note": evidence.note,
        "plan": evidence.plan,
        "queries": [
            {"engine": q.engine, "dataset": q.dataset, "text": q.text, "params": [str(p) for p in q.params]}
            for q in evidence.queries
        ],
        "columns": list(evidence.rows.column_names),
        "rows": evidence.rows.slice(0, rows).to_pylist(),
    }


def cycle_view(cycle: Cycle) -> dict[str, Any]:
    """A cycle with its report."""
    report = cycle.report
    return {
        "id": cycle.id,
        "at": iso(cycle.at),
        "status": cycle.status,
        "config_hash": cycle.config_hash,
        "observations": report.get("observations", []),
        "findings": report.get("findings", 0),
        "hypotheses": report.get("hypotheses", []),
        "proposals": report.get("proposals", []),
        "suppressed": report.get("suppressed", []),
        "queries": report.get("queries"),
        "duration_s": report.get("duration_s"),
        "errors": report.get("errors", []),
        "unread": report.get("unread", {}),
    }
