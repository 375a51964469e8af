"""The outbox: what channels must still be told, written in the transaction that made it necessary."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from llo11ypop.approvals.post import Dead, Delivery, Told
from llo11ypop.core.proposal import Outcome, Verdict, VerdictKind
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.upsert import insert_new

_O = t.outbox.c
INBOX = "inbox"
"""Console and command line read the ledger itself: only what is filed is noted for them."""
_APPROVING = (VerdictKind.APPROVE, VerdictKind.EDIT)


def file(db: Connection, proposal_id: str, event: str, at: datetime, channels: Sequence[str]) -> None:
    """One row per channel for something that is new or new again."""
    for channel in channels:
        _write(db, proposal_id, channel, event, at, {})


def tell(db: Connection, proposal_id: str, word: str, at: datetime, channels: Sequence[str], detail: Mapping[str, Any]) -> None:
    """One row per outer channel about what became of a proposal: `approved` or `closed`, once per round."""
    outer = [c for c in channels if c != INBOX]
    if not outer:
        return
    reopened = db.scalar(select(t.proposals.c.reopened).where(t.proposals.c.id == proposal_id))
    for channel in outer:
        _write(db, proposal_id, channel, f"{word}-{reopened or 0}", at, detail)


def tell_verdict(db: Connection, proposal_id: str, verdict: Verdict, channels: Sequence[str]) -> None:
    """What a verdict means for the channels; a snooze is nobody's business but ours."""
    if verdict.kind is VerdictKind.SNOOZE:
        return
    detail = {"status": verdict.kind.value, "by": verdict.rater, "comment": verdict.comment}
    if verdict.reason_code is not None:
        detail["reason_code"] = verdict.reason_code.value
    tell(db, proposal_id, "approved" if verdict.kind in _APPROVING else "closed", verdict.at, channels, detail)


def tell_outcome(db: Connection, outcome: Outcome, channels: Sequence[str]) -> None:
    """What came of an approved action."""
    detail = {"status": "done", "symptom_cleared": outcome.symptom_cleared, "improved": outcome.improved, "comment": outcome.note}
    tell(db, outcome.proposal_id, "closed", outcome.measured_at, channels, detail)


def _write(db: Connection, proposal_id: str, channel: str, event: str, at: datetime, detail: Mapping[str, Any]) -> None:
    row = {"proposal_id": proposal_id, "channel": channel, "event": event, "state": "waiting", "attempts": 0, "next_at": at}
    insert_new(db, t.outbox, {**row, "reference": "", "reason": "", "at": at, "detail": dict(detail)})


def due(db: Connection, channel: str, at: datetime, limit: int) -> list[Delivery]:
    """Waiting rows whose time has come, in order of writing, unless an earlier row of the proposal is put off."""
    before = t.outbox.alias()
    put_off = (
        select(before.c.seq)
        .where(before.c.proposal_id == _O.proposal_id, before.c.channel == channel, before.c.seq < _O.seq)
        .where(before.c.state == "waiting", before.c.next_at > at)
        .exists()
    )
    ready = and_(_O.channel == channel, _O.state == "waiting", _O.next_at <= at, ~put_off)
    query = select(t.outbox).where(ready).order_by(_O.seq).limit(limit)
    return [
        Delivery(r.seq, r.proposal_id, r.channel, r.event, r.attempts, r.at or r.next_at, r.detail or {})
        for r in db.execute(query)
    ]


def delivered(db: Connection, delivery_id: int, reference: str, at: datetime) -> None:
    """Done; the reference is what the channel calls it."""
    done = update(t.outbox).where(_O.seq == delivery_id)
    db.execute(done.values(state="delivered", reference=reference, reason="", delivered_at=at, attempts=_O.attempts + 1))


def put_off(db: Connection, delivery_id: int, reason: str, next_at: datetime, counted: bool) -> None:
    """Still waiting, for later."""
    later = update(t.outbox).where(_O.seq == delivery_id)
    db.execute(later.values(reason=reason, next_at=next_at, attempts=_O.attempts + int(counted)))


def bury(db: Connection, delivery_id: int, reason: str) -> None:
    """Given up."""
    db.execute(update(t.outbox).where(_O.seq == delivery_id).values(state="dead", reason=reason, attempts=_O.attempts + 1))


def revive(db: Connection, delivery_id: int, at: datetime) -> bool:
    """Waiting again, as if it had never been tried."""
    dead = update(t.outbox).where(_O.seq == delivery_id, _O.state == "dead")
    return db.execute(dead.values(state="waiting", attempts=0, next_at=at)).rowcount == 1


def told(db: Connection, where: ColumnElement[bool]) -> list[tuple[str, Told]]:
    """(channel, row) of what was delivered, in order of delivery."""
    query = select(t.outbox).where(_O.state == "delivered", where).order_by(_O.delivered_at, _O.seq)
    return [(r.channel, Told(r.proposal_id, r.event, r.reference, r.delivered_at or r.next_at)) for r in db.execute(query)]


def told_since(db: Connection, channel: str, since: datetime) -> list[Told]:
    """What one channel was told."""
    return [row for _, row in told(db, and_(_O.channel == channel, _O.delivered_at >= since))]


def told_about(db: Connection, proposal_id: str) -> list[tuple[str, Told]]:
    """What all channels were told about a proposal."""
    return told(db, _O.proposal_id == proposal_id)


def proposal_of(db: Connection, channel: str, reference: str) -> str | None:
    """The proposal that a channel calls so; the one told last where there are several."""
    known = select(_O.proposal_id).where(_O.channel == channel, _O.reference == reference, _O.reference != "")
    return db.scalars(known.order_by(_O.seq.desc()).limit(1)).one_or_none()


def dead(db: Connection, limit: int) -> list[Dead]:
    """Rows that were given up, newest first."""
    query = select(t.outbox).where(_O.state == "dead").order_by(_O.seq.desc()).limit(limit)
    return [Dead(r.seq, r.proposal_id, r.channel, r.event, r.attempts, r.reason) for r in db.execute(query)]


def counts(db: Connection) -> dict[str, tuple[int, int, datetime | None]]:
    """Per channel: rows that wait, rows given up, and when the oldest waiting one happened."""
    per_state = select(_O.channel, _O.state, func.count().label("n"), func.min(_O.at).label("oldest"))
    found: dict[str, tuple[int, int, datetime | None]] = {}
    for row in db.execute(per_state.where(_O.state != "delivered").group_by(_O.channel, _O.state)):
        waiting, given_up, oldest = found.get(row.channel, (0, 0, None))
        found[row.channel] = (row.n, given_up, row.oldest) if row.state == "waiting" else (waiting, row.n, oldest)
    return found
