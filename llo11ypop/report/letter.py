"""A report rendered once in every form it is delivered in."""

import json
from datetime import datetime

from llo11ypop.report.as_json import report_json
from llo11ypop.report.build import Report
from llo11ypop.report.delivery import Letter
from llo11ypop.report.html import html
from llo11ypop.report.markdown import markdown


def letter_of(report: Report, made_at: datetime) -> Letter:
    """The report as it is kept and sent."""
    period = report.facts.period
    return Letter(
        id=report.id,
        kind=period.kind.value,
        title=report.said.title,
        start=period.start,
        end=period.end,
        made_at=made_at,
        headline=" ".join(s.text for s in report.said.headline),
        markdown=markdown(report),
        html=html(report),
        json=json.dumps(report_json(report), default=str, ensure_ascii=False),
    )


def file_name(letter: Letter) -> str:
    """'report-night-2026-05-14-5b9789e1', without an ending."""
    return f"report-{letter.kind}-{letter.start:%Y-%m-%d}-{letter.id[:8]}"
