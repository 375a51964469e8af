"""Calls of models: rows that name their texts by hash, the sum of a day, and retention."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, or_, select, update

from llo11ypop.core.ids import content_hash
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.turns import in_turn
from llo11ypop.ledger.upsert import insert_new
from llo11ypop.models.port import Usage
from llo11ypop.models.record import Call, Kept, Noted
from llo11ypop.models.spending import NOTHING, Amount

_C, _T = t.model_calls.c, t.model_texts.c


def keep(db: Connection, call: Call) -> None:
    """The call, and those of its texts that are new. A call that is kept already stays as it is."""
    in_turn(db, "model_texts")
    hashes = {}
    for name in ("system", "user", "schema"):
        text = getattr(call, name)
        hashes[f"{name}_hash"] = content_hash(text)
        insert_new(db, t.model_texts, {"hash": hashes[f"{name}_hash"], "body": text})
    usage, counted = call.usage, call.usage or call.estimate
    row = {name: getattr(call, name) for name in _PLAIN}
    figures = {
        "tokens_in": usage.tokens_in if usage else None,
        "tokens_out": usage.tokens_out if usage else None,
        "tokens_cached": usage.tokens_cached if usage else None,
        "cost": usage.cost if usage else None,
        "counted_tokens": counted.tokens_in + counted.tokens_out,
        "counted_cost": counted.cost or 0.0,
    }
    insert_new(db, t.model_calls, {**row, **hashes, **figures, "refs": list(call.refs), "taken_why": ""})


_PLAIN = (
    "id", "at", "role", "name", "model", "prompt_hash", "request_hash", "output", "outcome", "why", "latency_s", "repairs",
)  # fmt: skip


def note(db: Connection, call_id: str, noted: Noted) -> bool:
    """What became of the answer; the last word counts."""
    values = {"taken": noted.accepted, "taken_why": noted.why, "preferred": dict(noted.preferred) if noted.preferred else None}
    return db.execute(update(t.model_calls).where(_C.id == call_id).values(**values)).rowcount == 1


def spent(db: Connection, since: datetime) -> Amount:
    """The sum of all calls since then."""
    query = select(func.count(), func.sum(_C.counted_tokens), func.sum(_C.counted_cost)).where(_C.at >= since)
    calls, tokens, cost = db.execute(query).one()
    return Amount(int(calls), int(tokens or 0), float(cost or 0.0))


def calls(db: Connection, after_seq: int, limit: int) -> list[tuple[int, Kept]]:
    """Calls in order of writing, each with its place in that order."""
    rows = db.execute(select(t.model_calls).where(_C.seq > after_seq).order_by(_C.seq).limit(limit)).all()
    texts = dict(_texts(db, rows))
    return [(row.seq, _kept(row, texts)) for row in rows]


def prune(db: Connection, before: datetime) -> int:
    """Delete older calls, then texts that no call needs any more; how many calls."""
    in_turn(db, "model_texts")
    gone = db.execute(delete(t.model_calls).where(_C.at < before)).rowcount
    if gone:
        used = exists().where(or_(_C.system_hash == _T.hash, _C.user_hash == _T.hash, _C.schema_hash == _T.hash))
        db.execute(delete(t.model_texts).where(~used))
    return int(gone)


def _texts(db: Connection, rows: Any) -> Iterator[tuple[str, str]]:
    hashes = {h for row in rows for h in (row.system_hash, row.user_hash, row.schema_hash)}
    for row in db.execute(select(t.model_texts).where(_T.hash.in_(hashes))):
        yield row.hash, row.body


def _kept(row: Row[Any], texts: dict[str, str]) -> Kept:
    known = row.tokens_in is not None
    call = Call(
        **{name: getattr(row, name) for name in _PLAIN},
        system=texts[row.system_hash],
        user=texts[row.user_hash],
        schema=texts[row.schema_hash],
        usage=Usage(row.tokens_in, row.tokens_out, row.tokens_cached, row.cost) if known else None,
        estimate=NOTHING if known else Usage(row.counted_tokens, 0, cost=row.counted_cost),
        refs=tuple(row.refs),
    )
    return Kept(call, Noted(row.taken, row.taken_why, row.preferred) if row.taken is not None or row.taken_why else None)
