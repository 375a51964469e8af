"""A report as one HTML file: charts inside as SVG, nothing is fetched, prints on paper, readable by screen readers."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from llo11ypop.ask.draw import svg
from llo11ypop.core.question import Chart
from llo11ypop.report.as_json import evidence_summary
from llo11ypop.report.build import Report, cited
from llo11ypop.report.markdown import SHORT, foot

if TYPE_CHECKING:
    from jinja2 import Template


def html(report: Report) -> str:
    """The whole report. Text from telemetry is escaped; only our own charts are markup."""
    numbers = iter(range(1_000_000))
    return _template().render(
        report=report,
        said=report.said,
        facts=report.facts,
        charts={name: [inlined(c, numbers) for c in drawn] for name, drawn in report.charts.items()},
        evidence=[(i, evidence_summary(report.evidence[i])) for i in cited(report) if i in report.evidence],
        foot=foot,
        short=SHORT,
    )


def inlined(chart: Chart, numbers: Iterator[int]) -> Markup:
    """A chart as SVG with ids of its own, so that several fit on one page, scaled to the page's width."""
    text, prefix = svg(chart), f"c{next(numbers)}-"
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}\1"', text)
    return Markup(text)  # noqa: S704 - drawn by us; values were escaped by the drawing library


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    source = files("llo11ypop.report").joinpath("templates", "report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
