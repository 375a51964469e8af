"""A report that was asked for in the conversation: built by the reporter, handed over as what an investigator finds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llo11ypop.core.question import Column, Result
from llo11ypop.daemon.reporting import night_of, report_deps
from llo11ypop.language.figures import percent
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.agents.investigators import Ground, Investigated
    from llo11ypop.agents.reporter.facts import Incident, Period
    from llo11ypop.core.principal import Principal
    from llo11ypop.language.reading import Reading
    from llo11ypop.ooda.deps import Deps
    from llo11ypop.report.build import Report

    AskReport = Callable[[Reading, Ground, Principal], Awaitable[Investigated]]

CYCLES = 12
"""Most cycles that are replayed for a question; `llo11ypop report` takes its time and replays more (our choice)."""
COLUMNS = (
    Column("severity", "severity", "dimension"),
    Column("cause", "cause", "dimension"),
    Column("entity", "where", "dimension"),
    Column("cluster", "cluster", "dimension"),
    Column("began", "began", "time"),
    Column("jobs", "jobs lost", "measure", "1", "lower"),
    Column("lost_h", "GPU-hours lost", "measure", "1", "lower"),
    Column("confidence", "confidence", "measure", "1"),
    Column("state", "state", "dimension"),
)


def ask_report(settings: Settings, loop: "Callable[[], Awaitable[Deps]]") -> "AskReport":
    """What `AskDeps.report` is: a function from a reading to the report as a finding."""

    async def report(reading: "Reading", ground: "Ground", principal: "Principal") -> "Investigated":
        from llo11ypop.report.build import build_report

        made = report_deps(settings, await loop())
        terms = replace(made.terms, most_cycles=min(CYCLES, made.terms.most_cycles))
        deps = replace(made, terms=terms, reader=replace(made.reader, principal=principal))
        return finding(await build_report(deps, period_of(settings, reading, ground)))

    return report


def period_of(settings: Settings, reading: "Reading", ground: "Ground") -> "Period":
    """The week or night that the question names, else the stretch it names, else last night."""
    from llo11ypop.report.period import between, last_night, last_week

    asked = reading.question.casefold()
    if "week" in asked:
        return last_week(ground.at)
    window = reading.scope.window
    if window is None or window.defaulted or "night" in asked or window.start_at >= ground.at:
        return last_night(ground.at, night_of(settings))
    return between(window.start_at.isoformat(), min(window.end_at, ground.at).isoformat(), ground.at)


def finding(made: "Report") -> "Investigated":
    """The headline, and a row per incident."""
    from llo11ypop.agents.investigators import Investigated
    from llo11ypop.agents.reporter.said import losses

    lost = losses(made.facts)
    rows = [
        _row(i, lost[i.id].jobs if i.id in lost else 0, lost[i.id].lost_h if i.id in lost else 0.0) for i in made.facts.incidents
    ]
    kinds = {"dimension": pa.string(), "time": pa.timestamp("us", "UTC")}
    schema = pa.schema([(c.name, kinds.get(c.role, pa.int64() if c.name == "jobs" else pa.float64())) for c in COLUMNS])
    table = pa.Table.from_pylist(sorted(rows, key=lambda r: (r["severity"], -r["lost_h"])), schema=schema)
    result = Result(COLUMNS, table, tuple(made.evidence.values()))
    period = made.facts.period
    about = f"The report is about the {period.label}, {period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC."
    notes = (about, *(s.text for s in made.said.headline), "The whole report, with charts: llo11ypop report.")
    return Investigated(sentence=_sentence(table.to_pylist(), made), result=result, confident=True, notes=notes)


def _sentence(rows: "Sequence[dict[str, Any]]", made: "Report") -> str:
    lead = made.said.title.replace(": ", ", ", 1)
    if not rows:
        jobs = "" if made.facts.hit.jobs else ", and no job was lost to infrastructure"
        return f"{lead}: no incident was found{jobs}."
    worst = rows[0]
    count = f"{len(rows):,} incident{'' if len(rows) == 1 else 's'}"
    return f"{lead}: {count}; the most serious is {worst['cause']} on {worst['entity']}, {percent(worst['confidence'])} sure."


def _row(incident: "Incident", jobs: int, lost_h: float) -> dict[str, Any]:
    return {
        "severity": incident.severity,
        "cause": incident.title,
        "entity": incident.entity.replace(":", " ", 1),
        "cluster": incident.cluster,
        "began": incident.since,
        "jobs": jobs,
        "lost_h": round(lost_h, 2),
        "confidence": incident.confidence,
        "state": "over" if incident.over else "goes on",
    }
