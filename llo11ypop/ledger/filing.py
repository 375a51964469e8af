"""Filing a proposal exactly once, and what befalls it without an answer: seen again, cleared, reopened."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select, text, update
from sqlalchemy.exc import IntegrityError

from llo11ypop.approvals.ledger import Filed, ThreadState, Touch
from llo11ypop.core.errors import LedgerError
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus
from llo11ypop.ledger import evidence_rows, outbox_rows
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.proposal_rows import row_of
from llo11ypop.ledger.upsert import insert_new

_P = t.proposals.c
_OPEN = tuple(sorted(s.value for s in OPEN_STATUSES))
WAITING = (ProposalStatus.PENDING.value, ProposalStatus.SNOOZED.value)

_TOUCH = (
    update(t.proposals)
    .where(_P.id == bindparam("b_id"), text(t.OPEN_SQL))
    .values(last_seen_at=bindparam("b_at"), confidence=bindparam("b_confidence"), children=bindparam("b_children"))
)


def file(db: Connection, proposal: Proposal, evidence: Sequence[Evidence], channels: Sequence[str]) -> Filed:
    """Proposal, evidence, approval thread and outbox rows, in the caller's transaction."""
    if not insert_new(db, t.proposals, row_of(proposal)):
        return Filed.EXISTING
    evidence_rows.save(db, evidence)
    cited = list(dict.fromkeys(proposal.evidence))
    if cited:
        try:
            db.execute(t.proposal_evidence.insert(), [{"proposal_id": proposal.id, "evidence_id": e} for e in cited])
        except IntegrityError as bad:
            raise LedgerError(
                f"proposal {proposal.id} cites evidence that is neither given nor stored",
                next_step="nothing was filed",
            ) from bad
    db.execute(
        t.approval_threads.insert(),
        {
            "proposal_id": proposal.id,
            "round": 0,
            "state": ThreadState.WAITING.value,
            "evidence_hash": evidence_rows.hash_of(db, cited),
        },
    )
    outbox_rows.file(db, proposal.id, "filed", proposal.created_at, channels)
    return Filed.NEW


def touch_many(db: Connection, touches: Sequence[Touch]) -> int:
    """Note that open proposals were seen again; how many were open."""
    if not touches:
        return 0
    return db.execute(
        _TOUCH,
        [
            {
                "b_id": x.proposal_id,
                "b_at": x.at,
                "b_confidence": x.confidence,
                "b_children": list(x.children),
            }
            for x in sorted(touches, key=lambda x: x.proposal_id)  # one order for all: two replicas never wait for each other
        ],
    ).rowcount


def clear(db: Connection, proposal_id: str, at: datetime, channels: Sequence[str]) -> bool:
    """Close a proposal that still waits."""
    cleared = update(t.proposals).where(_P.id == proposal_id, _P.status.in_(WAITING))
    if db.execute(cleared.values(status=ProposalStatus.CLEARED.value, closed_at=at)).rowcount != 1:
        return False
    outbox_rows.tell(db, proposal_id, "closed", at, channels, {"status": ProposalStatus.CLEARED.value})
    return True


def reopen(db: Connection, proposal_id: str, at: datetime, cycle_id: str, channels: Sequence[str]) -> bool:
    """Pending again for as long as it was given at first. A finished approval gets a new round."""
    query = select(_P.dedup_key, _P.created_at, _P.expires_at, _P.last_seen_at, _P.reopened, _P.body)
    row = db.execute(query.where(_P.id == proposal_id, _P.status.not_in(_OPEN)).with_for_update()).one_or_none()
    if row is None or db.scalar(
        select(exists().where(_P.dedup_key == row.dedup_key, _P.status.in_(_OPEN), _P.id != proposal_id))
    ):
        return False
    patience = datetime.fromisoformat(row.body["expires_at"]) - datetime.fromisoformat(row.body["created_at"])
    db.execute(
        update(t.proposals)
        .where(_P.id == proposal_id)
        .values(
            status=ProposalStatus.PENDING.value,
            cycle_id=cycle_id,
            expires_at=at + patience,
            snoozed_until=None,
            closed_at=None,
            last_seen_at=at,
            reopened=row.reopened + 1,
        )
    )
    threads = t.approval_threads
    db.execute(
        update(threads)
        .where(threads.c.proposal_id == proposal_id, threads.c.state != ThreadState.WAITING.value)
        .values(round=threads.c.round + 1, state=ThreadState.WAITING.value, lease_until=None)
    )
    outbox_rows.file(db, proposal_id, f"reopened-{row.reopened + 1}", at, channels)
    return True
