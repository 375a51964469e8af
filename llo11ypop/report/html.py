"""A report as one HTML file: charts inside as SVG, nothing is fetched, prints on paper, readable by screen readers."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from llo11ypop.agents.reporter.saying import Statement
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
        grouped=grouped,
        short=SHORT,
    )


def grouped(statements: Sequence[Statement]) -> list[list[Statement]]:
    """Each statement with the details that go on from it."""
    groups: list[list[Statement]] = []
    for statement in statements:
        if statement.detail and groups:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return groups


def inlined(chart: Chart, numbers: Iterator[int]) -> Markup:
    """A chart as SVG with ids of its own, so that several fit on one page, scaled to the page's width."""
    text, prefix = svg(chart), f"c{next(numbers)}-"
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}\1"', text)
    return Markup(text)  # noqa: S704 - drawn by us; values were escaped by the drawing library


_HYPHENED = re.compile(r"(?<![^\s(])[^\s]*[\w/]-[^\s]*")
LONGEST_WORD = 40


def words(text: str) -> Markup:
    """Text with names such as gpu-a-003 kept on one line."""
    done, parts = 0, []
    for found in _HYPHENED.finditer(text):
        if len(found.group()) <= LONGEST_WORD:
            parts += [escape(text[done : found.start()]), Markup('<span class="w">{}</span>').format(found.group())]
            done = found.end()
    return Markup("").join([*parts, escape(text[done:])])


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    source = files("llo11ypop.report").joinpath("templates", "report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["words"] = words
    return environment.from_string(source)
