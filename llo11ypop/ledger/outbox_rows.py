"""The outbox: what channels must still be told, written in the transaction that made it necessary."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from llo11ypop.approvals.ledger import Delivery
from llo11ypop.ledger import tables as t

_O = t.outbox.c


def due(db: Connection, at: datetime) -> list[Delivery]:
    """Waiting rows whose time has come, in order of writing."""
    query = select(t.outbox).where(_O.state == "waiting", _O.next_at <= at).order_by(_O.seq)
    return [Delivery(r.seq, r.proposal_id, r.channel, r.event, r.attempts) for r in db.execute(query)]


def delivered(db: Connection, delivery_id: int, reference: str) -> None:
    """Done; the reference is what the channel calls it."""
    done = update(t.outbox).where(_O.seq == delivery_id)
    db.execute(done.values(state="delivered", reference=reference, reason="", attempts=_O.attempts + 1))


def failed(db: Connection, delivery_id: int, reason: str, next_at: datetime) -> None:
    """Still waiting, for later."""
    later = update(t.outbox).where(_O.seq == delivery_id)
    db.execute(later.values(reason=reason, next_at=next_at, attempts=_O.attempts + 1))
