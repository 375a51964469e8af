"""What time alone brings about: expiry, the end of a snooze, and retention."""

from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select, update

from llo11ypop.approvals.ledger import Pruned
from llo11ypop.core.proposal import OPEN_STATUSES, ProposalStatus
from llo11ypop.ledger import tables as t

_P, _E, _C = t.proposals.c, t.evidence.c, t.cycles.c


def overdue(db: Connection, at: datetime) -> list[str]:
    """Pending proposals whose time is over."""
    late = select(_P.id).where(_P.status == ProposalStatus.PENDING.value, _P.expires_at <= at)
    return list(db.scalars(late.order_by(_P.seq)))


def unsnooze(db: Connection, at: datetime) -> list[str]:
    """Snoozed proposals whose time has come are pending again."""
    awake = (_P.status == ProposalStatus.SNOOZED.value) & (_P.snoozed_until <= at)
    ids = list(db.scalars(select(_P.id).where(awake).order_by(_P.seq)))
    if ids:
        db.execute(update(t.proposals).where(awake).values(status=ProposalStatus.PENDING.value, snoozed_until=None))
    return ids


def prune(db: Connection, before: datetime) -> Pruned:
    """Closed proposals with all that hangs on them, then evidence that nothing cites, then cycles and reports."""
    is_open = _P.status.in_([s.value for s in OPEN_STATUSES])
    old = ~is_open & (func.coalesce(_P.closed_at, _P.created_at) < before)
    gone = list(db.scalars(select(_P.id).where(old)))
    db.execute(delete(t.proposals).where(old))
    cited = exists().where(t.proposal_evidence.c.evidence_id == _E.id)
    evidence = db.execute(delete(t.evidence).where(_E.at < before, ~cited)).rowcount
    db.execute(delete(t.reports).where(t.reports.c.made_at < before))
    cycles = db.execute(delete(t.cycles).where(_C.at < before, _C.status != "open")).rowcount
    return Pruned(tuple(gone), evidence, cycles)
