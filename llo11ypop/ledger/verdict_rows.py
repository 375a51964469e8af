"""Verdicts: one final answer per round, its feedback record, and the right of one process to carry it out."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, or_, select, update

from llo11ypop.approvals.feedback import feedback_record
from llo11ypop.approvals.ledger import ApprovalThread, Stored, ThreadState
from llo11ypop.approvals.orders import APPROVING
from llo11ypop.approvals.records import verdict_from, verdict_json
from llo11ypop.core.proposal import Proposal, ProposalStatus, Verdict, VerdictKind
from llo11ypop.ledger import evidence_rows
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.filing import WAITING
from llo11ypop.ledger.proposal_rows import Bodies, changing
from llo11ypop.ledger.turns import in_turn

_P, _T, _V = t.proposals.c, t.approval_threads.c, t.verdicts.c
_BECOMES = {
    VerdictKind.APPROVE: ProposalStatus.APPROVED,
    VerdictKind.EDIT: ProposalStatus.APPROVED,
    VerdictKind.REJECT: ProposalStatus.REJECTED,
    VerdictKind.EXPIRED: ProposalStatus.EXPIRED,
    VerdictKind.SNOOZE: ProposalStatus.SNOOZED,
}


def record(
    db: Connection,
    bodies: Bodies,
    proposal_id: str,
    verdict: Verdict,
    *,
    shown: str,
    autonomy: str,
    lease: timedelta,
) -> Stored:
    """Verdict, feedback and new status, if the proposal waits. The row lock lets one caller win."""
    proposal = bodies.one(db, changing().where(_P.id == proposal_id).with_for_update())
    thread = of_proposal(db, proposal_id)
    if proposal is None or thread is None:
        return Stored.UNKNOWN
    if proposal.status.value not in WAITING or thread.state is not ThreadState.WAITING:
        return Stored.ALREADY
    if verdict.kind in APPROVING and evidence_rows.hash_of(db, proposal.evidence) != thread.evidence_hash:
        return Stored.CHANGED
    final = verdict.kind is not VerdictKind.SNOOZE
    row = {"proposal_id": proposal_id, "round": thread.round, "at": verdict.at}
    db.execute(t.verdicts.insert(), {**row, "final": final, "body": verdict_json(verdict)})
    db.execute(update(t.proposals).where(_P.id == proposal_id).values(**_changes(proposal, verdict)))
    if final:
        leased = {"state": ThreadState.ANSWERED.value, "lease_until": verdict.at + lease}
        db.execute(update(t.approval_threads).where(_T.proposal_id == proposal_id).values(**leased))
    seen = [e for i in proposal.evidence if (e := evidence_rows.load(db, i))]
    said = feedback_record(
        proposal,
        verdict,
        seen,
        evidence_hash=thread.evidence_hash,
        round_=thread.round,
        shown=shown,
        autonomy=autonomy,
    )
    in_turn(db, "feedback")
    db.execute(t.feedback.insert(), {"proposal_id": proposal_id, "at": verdict.at, "record": said})
    return Stored.NOW


def _changes(proposal: Proposal, verdict: Verdict) -> dict[str, Any]:
    changes: dict[str, Any] = {"status": _BECOMES[verdict.kind].value, "snoozed_until": verdict.snooze_until}
    if verdict.kind is VerdictKind.SNOOZE and verdict.snooze_until:
        patience = proposal.expires_at - proposal.created_at
        changes["expires_at"] = max(proposal.expires_at, verdict.snooze_until + patience)
    if verdict.kind in (VerdictKind.REJECT, VerdictKind.EXPIRED):
        changes["closed_at"] = verdict.at
    return changes


def of_proposal(db: Connection, proposal_id: str) -> ApprovalThread | None:
    """The approval thread of a proposal."""
    row = db.execute(select(t.approval_threads).where(_T.proposal_id == proposal_id)).one_or_none()
    return _thread(row) if row else None


def in_state(db: Connection, state: ThreadState) -> list[ApprovalThread]:
    """Approval threads in a state; waiting ones only while their proposal waits, too."""
    query = select(t.approval_threads).join(t.proposals, _P.id == _T.proposal_id).where(_T.state == state.value)
    if state is ThreadState.WAITING:
        query = query.where(_P.status.in_(WAITING))
    return [_thread(row) for row in db.execute(query.order_by(_P.seq))]


def _thread(row: Any) -> ApprovalThread:
    return ApprovalThread(row.proposal_id, row.round, ThreadState(row.state), row.evidence_hash, row.lease_until)


def lease(db: Connection, proposal_id: str, at: datetime, span: timedelta) -> bool:
    """Compare and set. A lease that ends later than one taken now was set by a clock that was ahead: void."""
    free = or_(_T.lease_until.is_(None), _T.lease_until <= at, _T.lease_until > at + span)
    mine = update(t.approval_threads).where(_T.proposal_id == proposal_id, _T.state == ThreadState.ANSWERED.value)
    return db.execute(mine.where(free).values(lease_until=at + span)).rowcount == 1


def close(db: Connection, proposal_id: str, round_: int) -> None:
    """The answered round is recorded."""
    done = update(t.approval_threads).where(_T.proposal_id == proposal_id, _T.round == round_)
    answered = done.where(_T.state == ThreadState.ANSWERED.value)
    db.execute(answered.values(state=ThreadState.RECORDED.value, lease_until=None))


def said(db: Connection, proposal_id: str) -> list[Verdict]:
    """All verdicts of a proposal, oldest first."""
    query = select(_V.body).where(_V.proposal_id == proposal_id).order_by(_V.seq)
    return [verdict_from(body) for body in db.scalars(query)]


def final(db: Connection, proposal_id: str) -> Verdict | None:
    """The final verdict of the current round."""
    body = db.scalars(_final().where(_V.proposal_id == proposal_id)).one_or_none()
    return verdict_from(body) if body else None


def _final() -> Select[Any]:
    current = (_T.proposal_id == _V.proposal_id) & (_T.round == _V.round)
    return select(_V.body).join(t.approval_threads, current).where(_V.final)
