"""An answer as JSON (`ask --json`, HTTP, MCP) and as CSV; field names are a contract."""

import csv
import io
import math
from datetime import datetime
from typing import Any

from llo11ypop.core.question import Answer, Column
from llo11ypop.core.window import iso

Json = dict[str, Any]
QUERIES = 100
"""Native queries that are written out; an investigation may send several hundred."""


def answer_json(answer: Answer, *, rows: int | None = None, chart: bool = True) -> Json:
    """The answer with all its rows, or the first of them."""
    result = answer.result
    return {
        "status": answer.status.value,
        "answer": answer.text,
        "reading": answer.reading,
        "columns": [_column(c) for c in result.columns] if result else [],
        "rows": _rows(answer, rows),
        "row_count": result.rows.num_rows if result else 0,
        "truncated": bool(result and result.truncated),
        "window": [iso(answer.window.start), iso(answer.window.end)] if answer.window else None,
        "definition": answer.definition,
        "freshness": answer.freshness,
        "evidence": [e.id for e in answer.evidence],
        "queries": [{"engine": q.engine, "dataset": q.dataset, "text": q.text, "params": [_cell(p) for p in q.params]}
                    for q in answer.queries[:QUERIES]],
        "query_count": len(answer.queries),
        "chart": {"kind": answer.chart.kind, "spec": answer.chart.spec, "path": answer.chart.path}
        if answer.chart and chart else None,
        "analysts": [a.value for a in answer.areas],
        "followups": list(answer.followups),
        "notes": list(answer.notes),
        "links": [{"title": link.title, "url": link.url} for link in answer.links],
        "steps": [{"agent": s.agent, "did": s.did, "seconds": round(s.seconds, 6)} for s in answer.steps],
        "thread": answer.thread,
        "at": iso(answer.at),
        "seconds": round(answer.seconds, 6),
    }  # fmt: skip


def _column(column: Column) -> Json:
    return {"name": column.name, "label": column.label, "role": column.role, "unit": column.unit, "better": column.better}


def _rows(answer: Answer, most: int | None) -> list[Json]:
    if answer.result is None:
        return []
    table = answer.result.rows if most is None else answer.result.rows.slice(0, most)
    return [{name: _cell(value) for name, value in row.items()} for row in table.to_pylist()]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def answer_csv(answer: Answer) -> str:
    """The rows as CSV with a header; empty without a result. What a spreadsheet would run as a formula gets a quote in front."""
    if answer.result is None:
        return ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = answer.result.rows.column_names
    writer.writerow(names)
    for row in _rows(answer, None):
        writer.writerow([_inert(row[n]) for n in names])
    return out.getvalue()


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "@", "\t", "\r"} else value
