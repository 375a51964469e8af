"""Evidence as rows: plan and queries as JSON, the result as an Arrow stream, kept once however many cite it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.ids import content_hash
from llo11ypop.core.window import Window
from llo11ypop.ledger import tables as t
from llo11ypop.ledger.upsert import insert_new


def save(db: Connection, evidence: Iterable[Evidence]) -> int:
    """Store what is not stored yet; how many rows were new."""
    return sum(insert_new(db, t.evidence, _row(one)) for one in {e.id: e for e in evidence}.values())


def load(db: Connection, evidence_id: str) -> Evidence | None:
    """One piece of evidence; none when unknown."""
    row = db.execute(select(t.evidence).where(t.evidence.c.id == evidence_id)).mappings().one_or_none()
    return _evidence(dict(row)) if row else None


def hash_of(db: Connection, evidence_ids: Sequence[str]) -> str:
    """A hash over the stored hashes of the cited evidence: what an approval is bound to."""
    if not evidence_ids:
        return content_hash()
    found = db.execute(select(t.evidence.c.id, t.evidence.c.hash).where(t.evidence.c.id.in_(evidence_ids)))
    return content_hash(*sorted(f"{row.id}={row.hash}" for row in found))


def _row(one: Evidence) -> dict[str, Any]:
    return {
        "id": one.id,
        "plan": one.plan,
        "at": one.at,
        "window_start": one.window.start if one.window else None,
        "window_end": one.window.end if one.window else None,
        "queries": [{"engine": q.engine, "dataset": q.dataset, "text": q.text, "params": list(q.params)} for q in one.queries],
        "rows": _stream(one.rows),
        "row_count": one.row_count,
        "truncated": one.truncated,
        "approximate": one.approximate,
        "status": one.status.value,
        "missing": list(one.missing),
        "duration_s": one.duration_s,
        "hash": one.hash,
        "note": one.note,
    }


def _evidence(row: Mapping[str, Any]) -> Evidence:
    window = Window(row["window_start"], row["window_end"]) if row["window_start"] else None
    return Evidence(
        id=row["id"],
        plan=row["plan"],
        at=row["at"],
        window=window,
        queries=tuple(Query(q["engine"], q["dataset"], q["text"], tuple(q["params"])) for q in row["queries"]),
        rows=_table(row["rows"]),
        row_count=row["row_count"],
        truncated=row["truncated"],
        approximate=row["approximate"],
        status=EvidenceStatus(row["status"]),
        missing=tuple(row["missing"]),
        duration_s=row["duration_s"],
        hash=row["hash"],
        note=row["note"],
    )


def _stream(table: Any) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _table(stream: bytes) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(stream).read_all()
