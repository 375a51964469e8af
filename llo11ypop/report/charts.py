"""The charts of a report, from the same facts as its tables: when things were broken, who lost what, failed jobs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import altair as alt

from llo11ypop.agents.reporter.damage import by_account
from llo11ypop.agents.reporter.facts import Facts, Incident, Kind
from llo11ypop.agents.reporter.happened import ranked
from llo11ypop.agents.reporter.said import losses, subject
from llo11ypop.ask.marks import AMBER, BLUE, FONT, GREY
from llo11ypop.core.question import Chart
from llo11ypop.core.window import iso

WIDTH, HEIGHT, STEP = 640, 150, 22
MOST_BARS = 12
LONG = timedelta(days=2)
LONGEST_LABEL = 380
SEVERITY = {"S1": "#8f1d15", "S2": "#c2410c", "S3": "#2457c5", "S4": "#64748b", "planned": AMBER}
"""Darkest is worst; planned work is amber in every chart."""
Rows = list[dict[str, Any]]


def charts_of(facts: Facts) -> dict[str, tuple[Chart, ...]]:
    """Charts by section id; only where there is something to see."""
    found: dict[str, tuple[Chart, ...]] = {}
    if facts.by_day:
        found["happened"] = (daily(facts),)
    elif facts.incidents:
        found["happened"] = (timeline(facts),)
    who = tuple(c for c in (lost_by_account(facts), failed_jobs(facts)) if c is not None)
    if who and facts.period.kind is not Kind.WEEK:
        found["hit"] = who
    return found


def timeline(facts: Facts) -> Chart:
    """One bar per incident, from its onset to its last sign, inside the period; planned work below."""
    start, end = facts.period.start, facts.period.end
    shown = sorted(ranked(facts)[:MOST_BARS], key=lambda i: (i.since, i.severity))
    rows = [_bar(i, facts) for i in shown]
    rows += [_span(f"planned {w.id}", w.start, w.end, "planned", facts) for w in facts.planned[:MOST_BARS]]
    present = [s for s in SEVERITY if any(r["kind"] == s for r in rows)]
    x = alt.X("from:T", title="UTC", scale=alt.Scale(type="utc", domain=[iso(start), iso(end)]), axis=_hours(facts))
    bars = (
        _drawn(rows)
        .mark_bar(cornerRadius=2, height=12)
        .encode(
            x=x,
            x2="to:T",
            y=alt.Y("what:N", sort=None, title=None),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=present, range=[SEVERITY[s] for s in present]),
                legend=alt.Legend(orient="top"),
            ),
        )
    )
    left = len(facts.incidents) - len(shown)
    note = f"{left} less severe not drawn" if left > 0 else ""
    return Chart("bar", _spec(bars.properties(width=WIDTH, height=alt.Step(STEP)), "When things were broken", note))


def _bar(incident: Incident, facts: Facts) -> dict[str, Any]:
    end = incident.last_seen if incident.over else facts.period.end
    return _span(f"{incident.title}: {subject(incident)}", incident.since, end, incident.severity, facts)


def _span(what: str, start: datetime, end: datetime, kind: str, facts: Facts) -> dict[str, Any]:
    """Cut to the period, and wide enough to be seen."""
    first, last = facts.period.start, facts.period.end
    least = (last - first) / 120
    begin = min(max(start, first), last - least)
    return {"what": what, "from": iso(begin), "to": iso(max(min(end, last), begin + least)), "kind": kind}


def lost_by_account(facts: Facts) -> Chart | None:
    """GPU-hours of lost work by customer; none below two customers (the table says it)."""
    rows = [{"who": name, "lost": round(tally.job_h, 3)} for name, tally in by_account(facts.hit)][:MOST_BARS]
    if len(rows) < 2:  # noqa: PLR2004 - one bar is no comparison
        return None
    bars = (
        _drawn(rows)
        .mark_bar(color=BLUE, cornerRadiusEnd=2)
        .encode(x=alt.X("lost:Q", title="GPU-hours of work lost"), y=alt.Y("who:N", sort=None, title=None))
    )
    return Chart("bar", _spec(bars.properties(width=WIDTH, height=alt.Step(STEP)), "Work lost, by customer"))


def failed_jobs(facts: Facts) -> Chart | None:
    """Failed jobs per hour (or day), the usual number as a line; none without any."""
    curve = facts.hit.by_hour
    if not any(n or usual for _, n, usual in curve):
        return None
    rows = [{"at": iso(at), "failed": n, "usual": usual} for at, n, usual in curve]
    unit = "day" if facts.hit.bucket_s > 3600 else "hour"  # noqa: PLR2004 - seconds of an hour
    x = alt.X("at:T", title="UTC", scale=alt.Scale(type="utc"), axis=_hours(facts))
    whole = alt.Axis(tickMinStep=1, format="d")
    y = alt.Y("failed:Q", title=f"jobs per {unit}", axis=whole)
    width = max(4, min(26, int(WIDTH / max(1, len(rows)) * 0.7)))
    layers: list[Any] = [_drawn(rows).mark_bar(color=BLUE, width=width).encode(x=x, y=y)]
    note = ""
    if any(usual is not None for _, _, usual in curve):
        usual = _drawn(rows).mark_tick(color="#1b2230", thickness=2, width=width)
        layers.append(usual.encode(x="at:T", y=alt.Y("usual:Q", title=f"jobs per {unit}", axis=whole)))
        note = "black line: median of the same hours before"
    return Chart(
        "line", _spec(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT), "Failed jobs, whatever the reason", note)
    )


def daily(facts: Facts) -> Chart:
    """Incidents and lost work by day of a longer report."""
    rows = [{"day": f"{d.day:%a} {d.day.day}", "incidents": d.incidents, "lost": round(d.job_h, 3)} for d in facts.by_day]
    half = (WIDTH - 90) // 2

    def bars(column: str, title: str, color: str) -> Any:
        marks = _drawn(rows).mark_bar(color=color, cornerRadiusEnd=2)
        drawn = marks.encode(
            x=alt.X("day:N", sort=None, title=None, axis=alt.Axis(labelAngle=0)), y=alt.Y(f"{column}:Q", title=title)
        )
        return drawn.properties(width=half, height=110)

    both = alt.hconcat(bars("incidents", "incidents begun", "#c2410c"), bars("lost", "GPU-hours of work lost", BLUE))
    return Chart("bar", _spec(both, "Day by day"))


def worst_first(incidents: Sequence[Incident], facts: Facts) -> list[Incident]:
    """Incidents by what they cost."""
    lost = losses(facts)
    return sorted(incidents, key=lambda i: -(lost[i.id].lost_h if i.id in lost else 0.0))


def _hours(facts: Facts) -> Any:
    """Clock times for a night, days for longer."""
    long = facts.period.end - facts.period.start > LONG
    return alt.Axis(tickCount=8, format="%a %d" if long else "%H:%M", labelOverlap=True)


def _drawn(rows: Rows) -> Any:
    return alt.Chart(cast("Any", alt).Data(values=rows))


def _spec(chart: Any, head: str, note: str = "") -> dict[str, Any]:
    words = alt.TitleParams(text=head, subtitle=note or alt.Undefined, anchor="start", fontSize=13, subtitleColor=GREY)
    styled = (
        chart.properties(title=words)
        .configure(font=FONT, background="white", padding=6)
        .configure_axis(
            labelFontSize=11, titleFontSize=11, titleFontWeight="normal", gridColor="#e6e9ef", labelLimit=LONGEST_LABEL
        )
        .configure_view(stroke=None)
    )
    return cast("dict[str, Any]", styled.to_dict(validate=False))
