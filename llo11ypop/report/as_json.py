"""A report as JSON: what was said, what was measured, and what it rests on."""

from typing import Any

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.window import iso
from llo11ypop.ooda.state import to_json
from llo11ypop.report.build import Report, cited


def report_json(report: Report) -> dict[str, Any]:
    """Keys: id, title, quiet, headline, sections, facts, charts (Vega-Lite by section), evidence (by id, without rows)."""
    said = to_json(report.said)
    return {
        "id": report.id,
        "title": said["title"],
        "quiet": said["quiet"],
        "headline": said["headline"],
        "sections": said["sections"],
        "facts": to_json(report.facts),
        "charts": {name: [dict(c.spec) for c in charts] for name, charts in report.charts.items()},
        "evidence": {i: evidence_summary(report.evidence[i]) for i in cited(report) if i in report.evidence},
    }


def evidence_summary(one: Evidence) -> dict[str, Any]:
    """What was asked, over which window, and how many rows came back."""
    return {
        "status": one.status.value,
        "at": iso(one.at),
        "window": [iso(one.window.start), iso(one.window.end)] if one.window else None,
        "datasets": list(dict.fromkeys(q.dataset for q in one.queries)),
        "rows": one.row_count,
        "truncated": one.truncated,
        "missing": list(one.missing),
    }
