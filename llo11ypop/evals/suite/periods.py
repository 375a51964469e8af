"""Reports and cycles as outcomes: a report is its Markdown, a cycle is one row per proposal it files."""

import time
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.core.proposal import Proposal
from llo11ypop.core.question import Status
from llo11ypop.evals.loop import LoopRun
from llo11ypop.evals.suite.outcome import Outcome, datasets_of
from llo11ypop.evals.suite.rows import table

if TYPE_CHECKING:
    from llo11ypop.query.store import TelemetryStore
    from llo11ypop.settings import Settings

COLUMNS = ("mode", "title", "level", "entity", "cluster", "severity", "queue", "action", "confidence")
"""Of a cycle's rows."""


def cycle_outcome(run: LoopRun) -> Outcome:
    """What one cycle files."""
    rows = table([_row(p) for p in run.proposals])
    told = "\n".join([*(f"{p.title}\n{p.summary}" for p in run.proposals), *run.errors])
    if not run.proposals:
        told = f"No proposals.\n{told}"
    return Outcome(
        "cycle", Status.FAILED if run.errors else Status.ANSWERED, told.partition("\n")[0], told, rows, seconds=run.seconds
    )


def _row(proposal: Proposal) -> tuple[object, ...]:
    about = proposal.entities[0]
    cluster = next((e.id for e in proposal.entities if e.level == "cluster"), "")
    return (
        proposal.cause, proposal.title, about.level.value, about.id, cluster, proposal.severity.value, proposal.queue.value,
        proposal.action.name.value, proposal.confidence,
    )  # fmt: skip


async def report_outcome(which: str, at: datetime, settings: "Settings", store: "TelemetryStore") -> Outcome:
    """The report of last night or last week as its readers get it; its datasets are those its evidence was read from."""
    from llo11ypop.daemon.compose import deps
    from llo11ypop.daemon.reporting import night_of, report_deps
    from llo11ypop.ledger import SqlLedger
    from llo11ypop.report.build import build_report
    from llo11ypop.report.markdown import markdown
    from llo11ypop.report.period import last_night, last_week

    ledger = SqlLedger.in_memory()
    began = time.perf_counter()
    try:
        loop = await deps(settings, store, ledger)
        period = last_week(at) if which == "week" else last_night(at, night_of(settings))
        report = await build_report(report_deps(settings, loop), period)
    finally:
        await ledger.close()
    text = markdown(report)
    read = frozenset(d for e in report.evidence.values() for d in datasets_of(e.plan))
    charts = [c.kind for group in report.charts.values() for c in group]
    return Outcome(
        which, Status.ANSWERED, text, text, chart=charts[0] if charts else "", datasets=read, seconds=time.perf_counter() - began
    )
