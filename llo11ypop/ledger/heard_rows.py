"""What people said in channels: each statement once, whoever brings it."""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from llo11ypop.approvals.post import Statement
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.upsert import insert_new

_H = t.heard.c


def hear(db: Connection, said: Statement, at: datetime) -> str | None:
    """None when it is new; else what came of it."""
    row = {
        "channel": said.channel,
        "key": said.key,
        "proposal_id": said.proposal_id,
        "at": at,
        "said_at": said.said_at,
        "author": said.author,
        "kind": said.kind,
        "reason_code": said.reason_code,
        "text": said.text,
        "result": said.result,
    }
    if insert_new(db, t.heard, row):
        return None
    known = select(_H.result).where(_H.channel == said.channel, _H.key == said.key)
    return str(db.scalars(known).one())


def concluded(db: Connection, channel: str, key: str, result: str) -> None:
    """The first conclusion stays."""
    mine = update(t.heard).where(_H.channel == channel, _H.key == key, _H.result == "")
    db.execute(mine.values(result=result))


def heard(db: Connection, proposal_id: str) -> list[Statement]:
    """In order of hearing."""
    query = select(t.heard).where(_H.proposal_id == proposal_id).order_by(_H.seq)
    return [
        Statement(r.channel, r.key, r.proposal_id, r.author, r.kind, r.said_at, r.reason_code, r.text, r.result)
        for r in db.execute(query)
    ]


def forget(db: Connection, before: datetime) -> int:
    """Older ones go."""
    return db.execute(delete(t.heard).where(_H.at < before)).rowcount
