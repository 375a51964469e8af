"""The state of a channel: who works on it, until when it is left alone, and how far its poller has read."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from llo11ypop.approvals.post import Standing
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.outbox_rows import counts
from llo11ypop.ledger.upsert import insert_new

_C = t.channels.c


def _known(db: Connection, name: str) -> None:
    insert_new(db, t.channels, {"name": name, "leased_by": "", "failures": 0, "reason": ""})


def take(db: Connection, name: str, owner: str, at: datetime, span: timedelta) -> bool:
    """Compare and set. A lease that ends later than one taken now was set by a clock that was ahead: void."""
    _known(db, name)
    free = or_(_C.lease_until.is_(None), _C.lease_until <= at, _C.lease_until > at + span, _C.leased_by == owner)
    mine = update(t.channels).where(_C.name == name, free)
    return db.execute(mine.values(leased_by=owner, lease_until=at + span)).rowcount == 1


def leave(db: Connection, name: str, owner: str) -> None:
    """Free again."""
    mine = update(t.channels).where(_C.name == name, _C.leased_by == owner)
    db.execute(mine.values(leased_by="", lease_until=None))


def hold(db: Connection, name: str, until: datetime, reason: str) -> None:
    """Left alone until then."""
    _known(db, name)
    held = update(t.channels).where(_C.name == name)
    db.execute(held.values(held_until=until, reason=reason, failures=_C.failures + 1))


def works(db: Connection, name: str) -> None:
    """No hold."""
    db.execute(update(t.channels).where(_C.name == name).values(held_until=None, reason="", failures=0))


def polled(db: Connection, name: str, at: datetime) -> None:
    """Read until then."""
    _known(db, name)
    db.execute(update(t.channels).where(_C.name == name).values(polled_at=at))


def state(db: Connection, name: str) -> Standing:
    """One channel, without counts."""
    row = db.execute(select(t.channels).where(_C.name == name)).one_or_none()
    if row is None:
        return Standing(name)
    return Standing(name, held_until=row.held_until, failures=row.failures, reason=row.reason, polled_at=row.polled_at)


def standing(db: Connection) -> list[Standing]:
    """All channels, by name."""
    counted = counts(db)
    names = sorted({*counted, *db.scalars(select(_C.name))})
    found = []
    for name in names:
        own, (waiting, dead, oldest) = state(db, name), counted.get(name, (0, 0, None))
        found.append(Standing(name, waiting, dead, oldest, own.held_until, own.failures, own.reason, own.polled_at))
    return found
