"""Cycles: opened, closed with a report, or abandoned by the next start."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from llo11ypop.approvals.ledger import Cycle
from llo11ypop.ledger import tables as t

_C = t.cycles.c


def begin(db: Connection, cycle_id: str, at: datetime, config_hash: str) -> None:
    """Insert an open cycle."""
    db.execute(
        t.cycles.insert(),
        {"id": cycle_id, "at": at, "config_hash": config_hash, "status": "open", "report": {}},
    )


def end(db: Connection, cycle_id: str, report: Mapping[str, Any], at: datetime | None) -> None:
    """Keep the report."""
    done = update(t.cycles).where(_C.id == cycle_id)
    db.execute(done.values(status="done", report=dict(report), closed_at=at))


def abandon(db: Connection) -> int:
    """Mark all open cycles abandoned."""
    return db.execute(update(t.cycles).where(_C.status == "open").values(status="abandoned")).rowcount


def latest(db: Connection, limit: int) -> list[Cycle]:
    """Newest first, in order of opening."""
    rows = db.execute(select(t.cycles).order_by(_C.seq.desc()).limit(limit))
    return [Cycle(r.id, r.at, r.config_hash, r.status, r.report) for r in rows]
