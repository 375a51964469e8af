"""A report as Markdown: reads well as plain text too, in a terminal or a mail."""

import re

from llo11ypop.agents.reporter.said import Section, Table
from llo11ypop.core.window import Window
from llo11ypop.report.build import Report

SHORT = 8
"""Digits of an evidence id that are shown; `llo11ypop evidence` takes them."""
MOST_IDS = 12


def markdown(report: Report) -> str:
    """The whole report."""
    parts = [f"# {escaped(report.said.title)}", ""]
    parts += [f"**{escaped(s.text)}**" if report.said.quiet else f"- {escaped(s.text)}" for s in report.said.headline]
    for section in report.said.sections:
        parts += ["", f"## {escaped(section.title)}", *_section(section)]
    parts += ["", f"Report `{report.id}`. All times UTC."]
    return "\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    parts = [""]
    if any(s.detail for s in section.statements):
        parts += [f"{'  ' if s.detail else '- '}{escaped(s.text)}" for s in section.statements]
    elif section.statements:
        parts.append(" ".join(escaped(s.text) for s in section.statements))
    for table in section.tables:
        parts += ["", *_table(table)]
    for note in section.notes:
        parts += ["", f"*{escaped(note)}*"]
    if line := foot(section):
        parts += ["", f"<sub>{line}</sub>"]
    return parts


def _table(table: Table) -> list[str]:
    head = [f"*{escaped(table.title)}*", ""] if table.title else []
    rule = ["---:" if n in table.figures else "---" for n in range(len(table.columns))]
    lines = [table.columns, tuple(rule), *(tuple(escaped(c) for c in row) for row in table.rows)]
    note = ["", f"*{table.note}*"] if table.note else []
    return [*head, *(f"| {' | '.join(line)} |" for line in lines), *note]


def foot(section: Section) -> str:
    """Window and evidence of a section, on one line."""
    words = []
    if section.start and section.end:
        words.append(f"window {Window(section.start, section.end)}")
    elif section.end:
        words.append(f"at {section.end:%Y-%m-%d %H:%M}Z")
    if section.evidence:
        ids = [i[:SHORT] for i in section.evidence[:MOST_IDS]]
        more = f" and {len(section.evidence) - MOST_IDS} more" if len(section.evidence) > MOST_IDS else ""
        words.append(f"evidence {', '.join(ids)}{more}")
    return "; ".join(words)


def escaped(text: str) -> str:
    """Text as data: names and reasons from telemetry can neither break a table nor become markup."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", flat)
