"""The feedback record: what the policy saw and offered, what a person said, and the text they said it about.

One record per verdict, written in the verdict's own transaction; the outcome is joined later. The fields are what
offline evaluation of a logging policy needs: state, candidates with "do nothing", chosen, propensity, policy
version (Dudík et al. 2014, "Doubly Robust Policy Evaluation and Optimization").
"""

from collections.abc import Sequence
from typing import Any

from llo11ypop.approvals.orders import APPROVING, order_of
from llo11ypop.approvals.records import Json, action_json, verdict_json
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.ids import content_hash
from llo11ypop.core.proposal import Proposal, Verdict
from llo11ypop.core.vocabulary import Action
from llo11ypop.core.window import iso

SCHEMA_VERSION = 1
SAMPLE_ROWS = 5


def feedback_record(
    proposal: Proposal,
    verdict: Verdict,
    evidence: Sequence[Evidence],
    *,
    evidence_hash: str,
    round_: int,
    shown: str,
    autonomy: str,
) -> Json:
    """The record as plain JSON. The rater is a pseudonym: the same person gives the same hash."""
    return {
        "schema_version": SCHEMA_VERSION,
        "proposal_id": proposal.id,
        "round": round_,
        "ts": iso(verdict.at),
        "cycle_id": proposal.cycle_id,
        "dedup_key": proposal.dedup_key,
        "trigger": {
            "goal": proposal.goal,
            "cause": proposal.cause,
            "severity": proposal.severity.value,
            "queue": proposal.queue.value,
            "signals": list(proposal.why),
        },
        "entities": [str(e) for e in proposal.entities],
        "blast_radius": proposal.blast_radius,
        "confidence": proposal.confidence,
        "alternatives": [{"cause": a.cause, "confidence": a.confidence, "why": a.why} for a in proposal.alternatives],
        "state": proposal.state,
        "state_hash": content_hash(proposal.state),
        "evidence": [_evidence_json(e) for e in evidence],
        "evidence_hash": evidence_hash,
        "candidates": _candidates(proposal),
        "chosen": action_json(proposal.action),
        "policy": {"version": proposal.policy_version},
        "autonomy": autonomy,
        "shown": shown,
        "verdict": {
            **verdict_json(verdict),
            "rater": pseudonym(verdict.rater),
            "latency_s": (verdict.at - proposal.created_at).total_seconds(),
            "edit": _edit(proposal, verdict, round_),
        },
    }


def pseudonym(rater: str) -> str:
    """A stable stand-in for a person's name."""
    return f"rater-{content_hash('rater', rater)[:12]}"


def _candidates(proposal: Proposal) -> list[Json]:
    """Every action offered, best first, and doing nothing, each with its probability under the policy."""
    chances: dict[str, float] = proposal.state.get("propensity", {})
    offered = [action_json(a) for a in (proposal.action, *proposal.other_actions)]
    if not any(c["name"] == Action.NONE.value for c in offered):
        offered.append({"name": Action.NONE.value, "arguments": {}, "score": 0.0})
    for rank, candidate in enumerate(offered):
        candidate["rank"] = rank
        candidate["propensity"] = chances.get(candidate["name"], 1.0 if rank == 0 else 0.0)
    return offered


def _evidence_json(one: Evidence) -> Json:
    return {
        "id": one.id,
        "plan": one.plan,
        "engines": sorted({q.engine for q in one.queries}),
        "window": [iso(one.window.start), iso(one.window.end)] if one.window else None,
        "status": one.status.value,
        "row_count": one.row_count,
        "rows_hash": one.hash,
        "rows_sample": one.rows.slice(0, SAMPLE_ROWS).to_pylist(),
    }


def _edit(proposal: Proposal, verdict: Verdict, round_: int) -> list[Json]:
    """RFC 6902 operations from the shown action to the approved one; empty when nothing was changed."""
    if verdict.kind not in APPROVING:
        return []
    order = order_of(proposal, verdict, round_)
    before: dict[str, Any] = {"/name": proposal.action.name.value}
    after: dict[str, Any] = {"/name": order.action.value}
    before |= {f"/arguments/{k}": v for k, v in proposal.action.arguments.items()}
    after |= {f"/arguments/{k}": v for k, v in order.arguments.items()}
    gone = [{"op": "remove", "path": path} for path in before if path not in after]
    changed = [
        {"op": "replace" if path in before else "add", "path": path, "value": value}
        for path, value in after.items()
        if path not in before or before[path] != value
    ]
    return gone + changed
