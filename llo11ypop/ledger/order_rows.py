"""Orders and their receipts, outcomes, and the feedback that outcomes are joined to."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from llo11ypop.approvals.ledger import Due, Order, ThreadState
from llo11ypop.approvals.orders import order_of
from llo11ypop.approvals.records import outcome_from, outcome_json, verdict_from
from llo11ypop.core.proposal import Outcome, ProposalStatus
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.proposal_rows import Bodies, changing
from llo11ypop.ledger.upsert import insert_new

_P, _T, _V, _R, _F, _O = (
    t.proposals.c,
    t.approval_threads.c,
    t.verdicts.c,
    t.receipts.c,
    t.feedback.c,
    t.outcomes.c,
)


def begin(db: Connection, order: Order, at: datetime) -> dict[str, Any] | None:
    """Note the order unless it is noted; the receipt when it is finished."""
    row = {
        "key": order.key,
        "proposal_id": order.proposal_id,
        "action": order.action.value,
        "arguments": order.arguments,
        "begun_at": at,
    }
    return None if insert_new(db, t.receipts, row) else receipt(db, order.key)


def finish(db: Connection, key: str, returned: Mapping[str, Any], at: datetime) -> None:
    """Keep the first receipt."""
    unfinished = update(t.receipts).where(_R.key == key, _R.finished_at.is_(None))
    db.execute(unfinished.values(receipt=dict(returned), finished_at=at))


def receipt(db: Connection, key: str) -> dict[str, Any] | None:
    """What the executor returned."""
    return db.scalars(select(_R.receipt).where(_R.key == key, _R.finished_at.is_not(None))).one_or_none()


def due(db: Connection, bodies: Bodies, at: datetime, after: timedelta) -> list[Due]:
    """Approved and recorded at least `after` ago, no final outcome yet."""
    query = (
        changing()
        .add_columns(_V.body.label("verdict"), _V.round)
        .join(t.approval_threads, _T.proposal_id == _P.id)
        .join(t.verdicts, (_V.proposal_id == _P.id) & (_V.round == _T.round) & _V.final)
        .where(_P.status == ProposalStatus.APPROVED.value, _T.state == ThreadState.RECORDED.value)
        .where(_V.at <= at - after)
        .order_by(_P.seq)
    )
    rows = db.execute(query).all()
    out = []
    for proposal, row in zip(bodies.read(db, query), rows, strict=True):
        verdict = verdict_from(row.verdict)
        order = order_of(proposal, verdict, row.round)
        out.append(Due(proposal, verdict.at, order.action, order.arguments))
    return out


def record_outcome(db: Connection, outcome: Outcome, is_final: bool) -> bool:
    """Store it, join it to the latest feedback, and close the proposal when it is final."""
    if db.scalar(select(_P.status).where(_P.id == outcome.proposal_id).with_for_update()) != ProposalStatus.APPROVED.value:
        return False
    body = outcome_json(outcome)
    row = {"proposal_id": outcome.proposal_id, "measured_at": outcome.measured_at, "final": is_final}
    db.execute(t.outcomes.insert(), {**row, "body": body})
    latest = select(func.max(_F.seq)).where(_F.proposal_id == outcome.proposal_id).scalar_subquery()
    db.execute(update(t.feedback).where(_F.seq == latest).values(outcome=body))
    if is_final:
        done = {"status": ProposalStatus.DONE.value, "closed_at": outcome.measured_at}
        db.execute(update(t.proposals).where(_P.id == outcome.proposal_id).values(**done))
    return True


def outcomes(db: Connection, proposal_id: str) -> list[Outcome]:
    """In order of recording."""
    query = select(_O.body).where(_O.proposal_id == proposal_id).order_by(_O.seq)
    return [outcome_from(body) for body in db.scalars(query)]


def feedback(db: Connection, after_seq: int, limit: int | None) -> list[dict[str, Any]]:
    """Records in order of writing, each with its `seq` and `outcome`."""
    query = select(_F.seq, _F.record, _F.outcome).where(_F.seq > after_seq).order_by(_F.seq).limit(limit)
    return [{"seq": row.seq, **row.record, "outcome": row.outcome} for row in db.execute(query)]
