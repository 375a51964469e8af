"""One altair chart per kind, as a Vega-Lite specification with its values inside. Nothing is fetched: no fonts, no data."""

from collections.abc import Sequence
from typing import Any, cast

import altair as alt

from llo11ypop.core.question import Column
from llo11ypop.language.figures import SYMBOLS, figure, scales

Rows = list[dict[str, Any]]
Data: Any = alt.Data
"""Untyped in altair; unlike `InlineData` it stays where it is written instead of being moved to `datasets`."""
BLUE, GREY, AMBER = "#2457c5", "#5b6577", "#e3a008"
PALETTE = ["#2457c5", "#c2410c", "#1d7a46", "#8b3fa0", "#0e7490", "#b3261e", "#8a5a00", "#64748b"]
WIDTH, HEIGHT, STEP = 560, 260, 20
FONT = "DejaVu Sans, Liberation Sans, Arial, sans-serif"
_LONGEST_LABEL = 260
_MANY_ROWS = 60


def _spec(chart: Any, head: str, note: str = "") -> dict[str, Any]:
    words = alt.TitleParams(text=_wrapped(head), subtitle=note or alt.Undefined, anchor="start", fontSize=13, subtitleColor=GREY)
    styled = (
        chart.properties(title=words)
        .configure(font=FONT, background="white", padding=8)
        .configure_axis(
            labelFontSize=11, titleFontSize=11, titleFontWeight="normal", gridColor="#e6e9ef", labelLimit=_LONGEST_LABEL
        )
        .configure_view(stroke=None)
        .configure_range(category=PALETTE)
        .configure_legend(labelLimit=200)
    )
    return cast("dict[str, Any]", styled.to_dict(validate=False))


def _wrapped(head: str, width: int = 78) -> list[str]:
    lines = [""]
    for word in head.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _scaled(rows: Rows, column: Column) -> tuple[str, float]:
    """(symbol, divisor) in which the largest value reads well."""
    known = [abs(r[column.name]) for r in rows if isinstance(r.get(column.name), (int, float))]
    steps = scales(column.unit)
    if column.unit in ("", "1") or not known:
        return SYMBOLS.get(column.unit, column.unit), 1.0
    return next(((s, d) for s, d in reversed(steps) if max(known) >= 2 * d), steps[0])


def _axis(rows: Rows, column: Column) -> tuple[str, str, Any]:
    """(field to draw, axis title, transform or none) of a measure."""
    symbol, divisor = _scaled(rows, column)
    head = f"{column.label} ({symbol})" if symbol else column.label
    if divisor == 1.0:
        return column.name, head, None
    return "shown", head, f"datum['{column.name}'] / {divisor:g}"


def _chart(rows: Rows, transform: str | None) -> alt.Chart:
    chart = alt.Chart(Data(values=rows))
    return chart.transform_calculate(shown=transform) if transform else chart


def stat(rows: Rows, columns: Sequence[Column], head: str) -> dict[str, Any]:
    """A figure, or a few, in large type."""
    cells = [{"what": c.label, "is": figure(rows[0][c.name], c.unit)} for c in columns]
    base = alt.Chart(Data(values=cells)).encode(x=alt.X("what:N", axis=None, sort=None))
    big = base.mark_text(fontSize=30, fontWeight="bold", color=BLUE, dy=-6).encode(text="is:N")
    small = base.mark_text(fontSize=11, color=GREY, dy=22, limit=200).encode(text="what:N")
    return _spec(alt.layer(big, small).properties(width=200 * len(cells), height=70), head)


def bars(
    rows: Rows, label: Column, measure: Column, split: Column | None, head: str, note: str, *, in_order: bool = False
) -> dict[str, Any]:
    """Bars, the largest first, or in the order of the rows; a second dimension is the colour."""
    drawn, name, transform = _axis(rows, measure)
    order: Any = None if in_order else "-x"
    marks = {
        "x": alt.X(f"{drawn}:Q", title=name, axis=alt.Axis(tickCount=6)),
        "y": alt.Y(f"{label.name}:N", sort=order, title=label.label),
        "tooltip": [alt.Tooltip(f"{label.name}:N"), alt.Tooltip(f"{drawn}:Q")],
    }
    if split is not None:
        marks["color"] = alt.Color(f"{split.name}:N", title=split.label)
    chart = _chart(rows, transform).mark_bar(color=BLUE, cornerRadiusEnd=2).encode(**marks)
    return _spec(chart.properties(width=WIDTH, height=alt.Step(STEP)), head, note)


def grouped(rows: Rows, label: Column, measures: Sequence[Column], head: str, note: str) -> dict[str, Any]:
    """Several measures of one unit side by side."""
    symbol, divisor = max((_scaled(rows, m) for m in measures), key=lambda s: s[1])
    names = {m.name: m.label for m in measures}
    folded = [
        {label.name: r[label.name], "of": names[m], "value": r[m] / divisor} for r in rows for m in names if r[m] is not None
    ]
    chart = (
        alt.Chart(Data(values=folded))
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title=symbol or "value"),
            y=alt.Y(f"{label.name}:N", sort=None, title=label.label),
            yOffset=alt.YOffset("of:N", sort=list(names.values())),
            color=alt.Color("of:N", title=None, sort=list(names.values())),
        )
    )
    return _spec(chart.properties(width=WIDTH, height=alt.Step(STEP)), head, note)


def lines(
    rows: Rows, time: Column, measure: Column, split: Column | None, head: str, work: Rows, *, bucket: str, partial: bool
) -> dict[str, Any]:
    """A course over time with its mean as a dashed line, planned work behind it, and what is not over yet marked."""
    drawn, name, transform = _axis(rows, measure)
    when = alt.X(f"{time.name}:T", title=f"{bucket or 'time'} (UTC)", scale=alt.Scale(type="utc"))
    course: dict[str, Any] = {"x": when, "y": alt.Y(f"{drawn}:Q", title=name)}
    if split is not None:
        course["color"] = alt.Color(f"{split.name}:N", title=split.label)
    layers: list[Any] = []
    notes = []
    if work:
        band = alt.Chart(Data(values=work)).mark_rect(color=AMBER, opacity=0.22)
        layers.append(band.encode(x=alt.X("from:T"), x2="to:T", tooltip=[alt.Tooltip("what:N")]))
        notes.append("shaded: planned work")
    point = len(rows) <= _MANY_ROWS
    layers.append(_chart(rows, transform).mark_line(point=point, color=BLUE, interpolate="linear").encode(**course))
    if split is None and len(rows) > 2:  # noqa: PLR2004 - a mean of two is no baseline
        mean = _chart(rows, transform).mark_rule(strokeDash=[5, 4], color=GREY).encode(y=alt.Y(f"mean({drawn}):Q"))
        layers.append(mean)
        notes.append("dashed: mean of the period")
    if partial and rows:
        last = [{time.name: max(str(r[time.name]) for r in rows)}]
        layers.append(alt.Chart(Data(values=last)).mark_rule(color=GREY, strokeDash=[1, 3]).encode(x=f"{time.name}:T"))
        notes.append("dotted: not over yet")
    return _spec(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT), head, "; ".join(notes))


def heat(rows: Rows, across: Column, down: Column, measure: Column, head: str) -> dict[str, Any]:
    """A map of cells: two levels of the topology, or a dimension over time."""
    drawn, name, transform = _axis(rows, measure)
    timed = across.role == "time"
    many = len({r[across.name] for r in rows}) > _MANY_ROWS
    x = alt.X(
        f"{across.name}:O",
        title=across.label,
        axis=alt.Axis(
            labels=not many, labelAngle=-60, labelLimit=90, labelExpr="slice(datum.label, 5, 16)" if timed else alt.Undefined
        ),
    )
    chart = (
        _chart(rows, transform)
        .mark_rect()
        .encode(
            x=x,
            y=alt.Y(f"{down.name}:N", title=down.label),
            color=alt.Color(f"{drawn}:Q", title=name, scale=alt.Scale(scheme="yelloworangered")),
            tooltip=[alt.Tooltip(f"{across.name}:N"), alt.Tooltip(f"{down.name}:N"), alt.Tooltip(f"{drawn}:Q")],
        )
    )
    return _spec(chart.properties(width=WIDTH, height=alt.Step(STEP)), head)


def rooms(rows: Rows, inner: Column, outer: Column, measure: Column, head: str) -> dict[str, Any]:
    """A map of what stands in what: a line per outer thing, its inner things side by side in their order."""
    drawn, name, transform = _axis(rows, measure)
    places: dict[Any, int] = {}
    placed = []
    for row in sorted(rows, key=lambda r: (str(r[outer.name]), str(r[inner.name]))):
        places[row[outer.name]] = places.get(row[outer.name], 0) + 1
        placed.append({**row, "place": places[row[outer.name]]})
    widest = max(places.values(), default=1)
    chart = (
        _chart(placed, transform)
        .mark_rect(stroke="white")
        .encode(
            x=alt.X("place:O", title=f"{inner.label}, in order", axis=alt.Axis(labels=False, ticks=False)),
            y=alt.Y(f"{outer.name}:N", title=outer.label),
            color=alt.Color(f"{drawn}:Q", title=name, scale=alt.Scale(scheme="yelloworangered")),
            tooltip=[alt.Tooltip(f"{inner.name}:N"), alt.Tooltip(f"{outer.name}:N"), alt.Tooltip(f"{drawn}:Q")],
        )
    )
    return _spec(chart.properties(width=min(WIDTH, 70 * widest), height=alt.Step(STEP)), head)


def histogram(rows: Rows, measure: Column, head: str) -> dict[str, Any]:
    """How many things have which value."""
    drawn, name, transform = _axis(rows, measure)
    chart = (
        _chart(rows, transform)
        .mark_bar(color=BLUE)
        .encode(x=alt.X(f"{drawn}:Q", bin=alt.Bin(maxbins=30), title=name), y=alt.Y("count():Q", title="how many"))
    )
    return _spec(chart.properties(width=WIDTH, height=HEIGHT), head)


def scatter(rows: Rows, across: Column, up: Column, thing: Column, head: str) -> dict[str, Any]:
    """Two measures of the same things."""
    chart = (
        alt.Chart(Data(values=rows))
        .mark_circle(color=BLUE, size=42, opacity=0.7)
        .encode(
            x=alt.X(f"{across.name}:Q", title=across.label, scale=alt.Scale(zero=False)),
            y=alt.Y(f"{up.name}:Q", title=up.label, scale=alt.Scale(zero=False)),
            tooltip=[alt.Tooltip(f"{thing.name}:N")],
        )
    )
    return _spec(chart.properties(width=WIDTH, height=HEIGHT), head)
