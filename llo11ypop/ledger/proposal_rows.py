"""Proposals as rows: columns for what changes, a JSON document for what does not, parsed once per process."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from llo11ypop.approvals.records import proposal_from, proposal_json
from llo11ypop.core.proposal import Proposal, ProposalStatus
from llo11ypop.ledger import tables as t

_P = t.proposals.c
_CHANGING = (
    _P.id,
    _P.cycle_id,
    _P.status,
    _P.expires_at,
    _P.snoozed_until,
    _P.last_seen_at,
    _P.reopened,
    _P.confidence,
    _P.children,
)
CACHED = 20_000
"""Parsed bodies kept per process, about 5 kB each."""


def row_of(proposal: Proposal) -> dict[str, Any]:
    """The row of a proposal that is about to be filed."""
    p = proposal
    return {
        "id": p.id,
        "dedup_key": p.dedup_key,
        "cycle_id": p.cycle_id,
        "goal": p.goal,
        "cause": p.cause,
        "status": p.status.value,
        "created_at": p.created_at,
        "expires_at": p.expires_at,
        "snoozed_until": p.snoozed_until,
        "closed_at": None,
        "last_seen_at": p.last_seen_at,
        "reopened": p.reopened,
        "confidence": p.confidence,
        "children": list(p.children),
        "body": proposal_json(p),
    }


class Bodies:
    """Reads proposals; the unchanging part of each is fetched and parsed once. Threads may share it."""

    def __init__(self) -> None:
        self._known: dict[str, Proposal] = {}

    def read(self, db: Connection, query: Select[Any]) -> list[Proposal]:
        """The proposals that `changing()` with further clauses selects, in its order."""
        rows = db.execute(query).all()
        bodies = self._fetch(db, [row.id for row in rows])
        return [_current(bodies[row.id], row) for row in rows]

    def one(self, db: Connection, query: Select[Any]) -> Proposal | None:
        """The first of them; none when nothing matches."""
        return next(iter(self.read(db, query.limit(1))), None)

    def _fetch(self, db: Connection, ids: Iterable[str]) -> dict[str, Proposal]:
        known = self._known
        found = {i: known[i] for i in ids if i in known}
        missing = [i for i in ids if i not in found]
        for some in _chunks(missing, 500):
            for row in db.execute(select(_P.id, _P.body).where(_P.id.in_(some))):
                found[row.id] = proposal_from(row.body)
        if len(known) + len(missing) > CACHED:
            known = self._known = {}
        known.update(found)
        return found


def changing() -> Select[Any]:
    """A select of the columns that `Bodies.read` needs."""
    return select(*_CHANGING)


def listed(status: ProposalStatus | Iterable[ProposalStatus] | None, since: datetime | None, limit: int | None) -> Select[Any]:
    """The query of `Ledger.proposals`."""
    query = changing()
    if status is not None:
        wanted = [status] if isinstance(status, ProposalStatus) else list(status)
        query = query.where(_P.status.in_([s.value for s in wanted]))
    if since is not None:
        query = query.where(_P.created_at >= since)
    if limit is not None:
        latest = query.with_only_columns(_P.seq).order_by(_P.seq.desc()).limit(limit)
        query = changing().where(_P.seq.in_(latest))
    return query.order_by(_P.seq)


def with_key(dedup_key: str, since: datetime | None) -> Select[Any]:
    """The query of `Ledger.find_by_dedup`: filed last first."""
    query = changing().where(_P.dedup_key == dedup_key)
    if since is not None:
        query = query.where(func.coalesce(_P.last_seen_at, _P.created_at) >= since)
    return query.order_by(_P.seq.desc())


def _current(base: Proposal, row: Row[Any]) -> Proposal:
    return replace(
        base,
        cycle_id=row.cycle_id,
        status=ProposalStatus(row.status),
        expires_at=row.expires_at,
        snoozed_until=row.snoozed_until,
        last_seen_at=row.last_seen_at,
        reopened=row.reopened,
        confidence=row.confidence,
        children=tuple(row.children),
    )


def _chunks(values: list[str], size: int) -> Iterator[list[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
