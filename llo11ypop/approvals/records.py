"""Proposals, verdicts and outcomes as plain JSON, and back: for ledger, checkpoints, feedback and HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import (
    Alternative,
    Outcome,
    Proposal,
    ProposalStatus,
    ProposedAction,
    ReasonCode,
    Verdict,
    VerdictKind,
)
from llo11ypop.core.vocabulary import Action, Queue, Severity
from llo11ypop.core.window import iso

Json = dict[str, Any]


def proposal_json(proposal: Proposal) -> Json:
    """Every field of a proposal."""
    p = proposal
    return {
        "id": p.id,
        "dedup_key": p.dedup_key,
        "cycle_id": p.cycle_id,
        "goal": p.goal,
        "cause": p.cause,
        "cause_title": p.cause_title,
        "title": p.title,
        "summary": p.summary,
        "entities": [str(e) for e in p.entities],
        "since": iso(p.since),
        "confidence": p.confidence,
        "why": list(p.why),
        "alternatives": [{"cause": a.cause, "confidence": a.confidence, "why": a.why} for a in p.alternatives],
        "evidence": list(p.evidence),
        "severity": p.severity.value,
        "queue": p.queue.value,
        "action": action_json(p.action),
        "other_actions": [action_json(a) for a in p.other_actions],
        "forbidden_actions": [a.value for a in p.forbidden_actions],
        "blast_radius": p.blast_radius,
        "if_nothing_done": p.if_nothing_done,
        "success_measure": p.success_measure,
        "created_at": iso(p.created_at),
        "expires_at": iso(p.expires_at),
        "status": p.status.value,
        "snoozed_until": _iso(p.snoozed_until),
        "reopened": p.reopened,
        "last_seen_at": _iso(p.last_seen_at),
        "children": list(p.children),
        "state": p.state,
        "policy_version": p.policy_version,
    }


def summary_json(proposal: Proposal) -> Json:
    """A proposal as `proposals list --json` and the console's API print it."""
    keys = ("id", "status", "severity", "queue", "title", "summary", "goal", "cause", "confidence", "entities")
    more = ("since", "alternatives", "evidence", "created_at", "last_seen_at", "expires_at", "dedup_key", "children")
    whole = proposal_json(proposal)
    action = {"name": proposal.action.name.value, "arguments": proposal.action.arguments}
    return {**{k: whole[k] for k in keys}, "action": action, **{k: whole[k] for k in more}}


def evidence_json(one: Evidence) -> Json:
    """Evidence with all its rows."""
    return {
        "id": one.id,
        "status": one.status.value,
        "at": iso(one.at),
        "window": [iso(one.window.start), iso(one.window.end)] if one.window else None,
        "plan": one.plan,
        "queries": [{"engine": q.engine, "dataset": q.dataset, "text": q.text, "params": list(q.params)} for q in one.queries],
        "row_count": one.row_count,
        "truncated": one.truncated,
        "approximate": one.approximate,
        "missing": list(one.missing),
        "hash": one.hash,
        "rows": one.rows.to_pylist(),
    }


def proposal_from(raw: Mapping[str, Any]) -> Proposal:
    """Read `proposal_json` back."""
    return Proposal(
        id=raw["id"],
        dedup_key=raw["dedup_key"],
        cycle_id=raw["cycle_id"],
        goal=raw["goal"],
        cause=raw["cause"],
        cause_title=raw["cause_title"],
        title=raw["title"],
        summary=raw["summary"],
        entities=tuple(Entity.parse(e) for e in raw["entities"]),
        since=parse_instant(raw["since"]),
        confidence=raw["confidence"],
        why=tuple(raw["why"]),
        alternatives=tuple(Alternative(a["cause"], a["confidence"], a["why"]) for a in raw["alternatives"]),
        evidence=tuple(raw["evidence"]),
        severity=Severity(raw["severity"]),
        queue=Queue(raw["queue"]),
        action=action_from(raw["action"]),
        other_actions=tuple(action_from(a) for a in raw["other_actions"]),
        forbidden_actions=tuple(Action(a) for a in raw["forbidden_actions"]),
        blast_radius=raw["blast_radius"],
        if_nothing_done=raw["if_nothing_done"],
        success_measure=raw["success_measure"],
        created_at=parse_instant(raw["created_at"]),
        expires_at=parse_instant(raw["expires_at"]),
        status=ProposalStatus(raw["status"]),
        snoozed_until=_instant(raw["snoozed_until"]),
        reopened=raw["reopened"],
        last_seen_at=_instant(raw["last_seen_at"]),
        children=tuple(raw["children"]),
        state=raw["state"],
        policy_version=raw["policy_version"],
    )


def action_json(action: ProposedAction) -> Json:
    """Name, arguments and score."""
    return {"name": action.name.value, "arguments": action.arguments, "score": action.score}


def action_from(raw: Mapping[str, Any]) -> ProposedAction:
    """Read `action_json` back."""
    return ProposedAction(Action(raw["name"]), raw["arguments"], raw["score"])


def verdict_json(verdict: Verdict) -> Json:
    """Every field of a verdict."""
    v = verdict
    return {
        "kind": v.kind.value,
        "rater": v.rater,
        "at": iso(v.at),
        "reason_code": v.reason_code.value if v.reason_code else None,
        "comment": v.comment,
        "arguments": v.arguments,
        "action": v.action.value if v.action else None,
        "snooze_until": _iso(v.snooze_until),
    }


def verdict_from(raw: Mapping[str, Any]) -> Verdict:
    """Read `verdict_json` back; only `kind`, `rater` and `at` are required. Raises ValueError or KeyError."""
    return Verdict(
        kind=VerdictKind(raw["kind"]),
        rater=str(raw["rater"]),
        at=parse_instant(raw["at"]),
        reason_code=ReasonCode(raw["reason_code"]) if raw.get("reason_code") else None,
        comment=str(raw.get("comment") or ""),
        arguments=raw.get("arguments"),
        action=Action(raw["action"]) if raw.get("action") else None,
        snooze_until=_instant(raw.get("snooze_until")),
    )


def outcome_json(outcome: Outcome) -> Json:
    """Every field of an outcome."""
    return {
        "proposal_id": outcome.proposal_id,
        "measured_at": iso(outcome.measured_at),
        "symptom_cleared": outcome.symptom_cleared,
        "goal_before": outcome.goal_before,
        "goal_after": outcome.goal_after,
        "improved": outcome.improved,
        "note": outcome.note,
    }


def outcome_from(raw: Mapping[str, Any]) -> Outcome:
    """Read `outcome_json` back."""
    return Outcome(**{**raw, "measured_at": parse_instant(raw["measured_at"])})


def _iso(at: datetime | None) -> str | None:
    return iso(at) if at else None


def _instant(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None
