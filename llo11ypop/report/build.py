"""Build one report: run its graph, draw its charts, keep what it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from langchain_core.runnables import RunnableConfig

from llo11ypop.agents.reporter.facts import Facts, Kind, Period
from llo11ypop.agents.reporter.said import Said
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.ids import derived_id
from llo11ypop.core.question import Chart
from llo11ypop.ooda.state import from_json, to_json
from llo11ypop.report.charts import charts_of
from llo11ypop.report.deps import Notebook, ReportDeps
from llo11ypop.report.graph import ReportState, build_report_graph

RECURSION_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Report:
    """A report, ready to be rendered and delivered."""

    id: str
    """The same for the same night, week or span: delivering it a second time is noticed."""
    facts: Facts
    said: Said
    charts: Mapping[str, tuple[Chart, ...]] = field(default_factory=dict)
    """By section id."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """What was read, by id; ids of pruned evidence are cited but not here."""


def report_id(period: Period, scope: str = "") -> str:
    """Derived from what the report is about, not from when it was made. `scope` tells readers with different rights apart."""
    end = period.end if period.kind is Kind.SPAN else None
    return derived_id("report", period.kind.value, period.start, end, scope)


async def build_report(deps: ReportDeps, period: Period) -> Report:
    """Measure and say everything about a period.

    Raises StoreError or LedgerError (a retry helps where they are transient) and ConfigError for a goal or playbook that the
    catalog does not allow. Nothing is written.
    """
    book = Notebook(deps.reader.store(deps.loop.store, deps.loop.catalog))
    graph = build_report_graph(deps, book).compile()
    config = RunnableConfig(recursion_limit=RECURSION_LIMIT, metadata={"kind": "report"})
    out = cast("ReportState", await graph.ainvoke(ReportState(period=to_json(period)), config))
    facts, said = from_json(Facts, out["facts"]), from_json(Said, out["said"])
    return Report(report_id(period, deps.reader.scope), facts, said, charts_of(facts), book.kept)


def cited(report: Report) -> tuple[str, ...]:
    """Every evidence id the report names, once, in order."""
    found: dict[str, None] = {}
    for statement in report.said.headline:
        found.update(dict.fromkeys(statement.evidence))
    for section in report.said.sections:
        found.update(dict.fromkeys(section.evidence))
        for statement in section.statements:
            found.update(dict.fromkeys(statement.evidence))
    return tuple(found)
