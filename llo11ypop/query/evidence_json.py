"""Evidence as plain JSON and back, for the ledger, feedback exports and `--json`. Nothing is lost on the way."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.window import Window, iso
from llo11ypop.query.rows import TYPES

Json = dict[str, Any]

TYPE_NAMES = {kind.value: arrow for kind, arrow in TYPES.items()}
"""integer, number, text, time, bool: the types that result columns have."""


def to_json(evidence: Evidence) -> Json:
    """Evidence as JSON: rows column by column, instants as ISO 8601 text."""
    return {
        "id": evidence.id,
        "plan": evidence.plan,
        "at": iso(evidence.at),
        "window": [iso(evidence.window.start), iso(evidence.window.end)] if evidence.window else None,
        "queries": [
            {"engine": q.engine, "dataset": q.dataset, "text": q.text, "params": [_written(p) for p in q.params]}
            for q in evidence.queries
        ],
        "columns": [
            {
                "name": f.name,
                "type": _type_name(f.type),
                "values": [_written(v) for v in evidence.rows.column(f.name).to_pylist()],
            }
            for f in evidence.rows.schema
        ],
        "row_count": evidence.row_count,
        "truncated": evidence.truncated,
        "approximate": evidence.approximate,
        "status": evidence.status.value,
        "missing": list(evidence.missing),
        "duration_s": evidence.duration_s,
        "hash": evidence.hash,
        "note": evidence.note,
    }


def from_json(value: Json) -> Evidence:
    """Evidence as it was. Raises KeyError or ValueError for anything that `to_json` did not write."""
    window = value["window"]
    return Evidence(
        id=value["id"],
        plan=value["plan"],
        at=parse_instant(value["at"]),
        window=Window(parse_instant(window[0]), parse_instant(window[1])) if window else None,
        queries=tuple(
            Query(q["engine"], q["dataset"], q["text"], tuple(_read(p) for p in q["params"])) for q in value["queries"]
        ),
        rows=pa.table({c["name"]: _column(c) for c in value["columns"]}),
        row_count=value["row_count"],
        truncated=value["truncated"],
        approximate=value["approximate"],
        status=EvidenceStatus(value["status"]),
        missing=tuple(value["missing"]),
        duration_s=value["duration_s"],
        hash=value["hash"],
        note=value["note"],
    )


def _type_name(arrow: pa.DataType) -> str:
    return next((name for name, known in TYPE_NAMES.items() if known == arrow), "text")


def _column(column: Json) -> pa.Array:
    values = [_read(v) for v in column["values"]]
    return pa.array(values, TYPE_NAMES[column["type"]])


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": iso(value) if value.tzinfo else value.isoformat()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        return {"float": repr(value)}
    return value


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return float(value["float"]) if "float" in value else datetime.fromisoformat(value["at"])
