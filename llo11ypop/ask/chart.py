"""The chart of a result: its kind follows from the rows, and it is made of the same rows (Vega-Lite by altair, values inside)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from llo11ypop.ask import marks
from llo11ypop.ask.shape import Shape, biggest
from llo11ypop.ask.wording import lead
from llo11ypop.core.question import Chart, Column, Result
from llo11ypop.core.window import iso
from llo11ypop.language.intent import Intent
from llo11ypop.language.reading import Reading

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["stat", "bar", "line", "scatter", "heatmap", "histogram", "ranked"]

BARS = 25
"""Bars that are still read one by one."""
LINES = 8
"""Lines that are told apart by colour."""
CELLS = 2000
"""Marks that a spec holds at most."""
TOPOLOGY = ("site", "cluster", "row", "rack", "switch", "node_id", "gpu_uuid", "gpu_index")
"""Levels from large to small: two of them make a map."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Planned work that is drawn behind a line."""

    start: datetime
    end: datetime
    what: str


def chart_of(reading: Reading, result: Result, planned: Sequence[Planned] = ()) -> Chart | None:
    """The chart for these rows; none where there is nothing to draw."""
    shape = Shape(result)
    if not shape.count or not shape.measures or shape.empty_measures():
        return None
    kind = kind_of(reading, shape)
    if kind is None:
        return None
    spec = _DRAWN[kind](reading, shape, planned)
    return Chart(kind, spec)


def kind_of(reading: Reading, shape: Shape) -> Kind | None:
    """Which chart suits the columns and the number of rows; a hint of the question wins where it can be drawn."""
    hint = reading.chart_hint
    names = [c.name for c in shape.dimensions]
    if reading.intent in (Intent.CAUSES, Intent.WHY) and shape.dimensions:
        return "ranked"
    if shape.time is not None:
        few = not shape.dimensions or max(shape.distinct(c) for c in shape.dimensions) <= 2 * LINES
        return "heatmap" if shape.dimensions and (hint == "heatmap" or not few) else "line"
    if not shape.dimensions:
        return "stat" if shape.count == 1 else "histogram"
    if hint == "histogram":
        return "histogram"
    if hint == "heatmap" and len(names) > 1:
        return "heatmap"
    if (hint == "scatter" or reading.intent is Intent.RELATION) and len(shape.measures) > 1:
        return "scatter"
    if len(names) > 1 and shape.count > LINES:
        if len({*names} & {*TOPOLOGY}) > 1:
            return "heatmap"
        if shape.distinct(shape.dimensions[1]) > LINES:
            return "bar" if nested(shape.dimensions[0], shape.dimensions[1], shape) and shape.count <= BARS else "heatmap"
    if shape.count > 2 * BARS and not reading.scope.top and not reading.scope.ordered:
        return "histogram"
    return "bar"


def _records(table: "pa.Table", columns: Sequence[Column]) -> list[dict[str, Any]]:
    names = [c.name for c in columns]
    rows = table.select(names).slice(0, CELLS).to_pylist()
    return [{k: iso(v) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]


def _stat(reading: Reading, shape: Shape, planned: Sequence[Planned]) -> dict[str, Any]:
    return marks.stat(_records(shape.result.rows, shape.measures[:4]), shape.measures[:4], title(reading, shape))


def _bar(reading: Reading, shape: Shape, planned: Sequence[Planned]) -> dict[str, Any]:
    measure = lead(reading.scope, shape)
    table = shape.result.rows if shape.ordered(measure) else biggest(shape.result.rows, measure.name, BARS)
    table = table.slice(0, BARS)
    rows = _records(table, shape.columns)
    same = [c for c in shape.measures if c.unit == measure.unit and _alike(c, measure)]
    split = shape.dimensions[1] if len(shape.dimensions) > 1 and shape.distinct(shape.dimensions[1]) <= LINES else None
    note = f"{table.num_rows} of {shape.count:,} shown" if table.num_rows < shape.count else ""
    label = shape.dimensions[0]
    if len(shape.dimensions) > 1 and split is None:
        label = Column("what", " / ".join(c.label for c in shape.dimensions), "dimension")
        rows = [{**r, "what": " / ".join(str(r[c.name]) for c in shape.dimensions)} for r in rows]
    head = title(reading, shape)
    if len(same) > 1 and split is None:
        return marks.grouped(rows, label, same[:4], head, note)
    return marks.bars(rows, label, measure, split, head, note)


def _alike(column: Column, measure: Column) -> bool:
    """Whether two measures are kinds of the same thing: percentiles of one field, two periods."""
    return column.unit not in ("", "1") or column.label.split()[-1:] == measure.label.split()[-1:]


def _line(reading: Reading, shape: Shape, planned: Sequence[Planned]) -> dict[str, Any]:
    measure, time = lead(reading.scope, shape), shape.time
    if time is None:
        raise ValueError("a line needs a time")
    split = shape.dimensions[0] if shape.dimensions else None
    rows = _records(shape.result.rows, shape.columns)
    work = [{"from": iso(p.start), "to": iso(p.end), "what": p.what} for p in planned]
    partial = bool(reading.scope.window and reading.scope.window.partial)
    same = [c for c in shape.measures if c.unit == measure.unit and c.unit not in ("", "1")]
    if split is None and len(same) > 1:
        split = Column("series", "series", "dimension")
        rows = [{time.name: r[time.name], "series": c.label, measure.name: r[c.name]} for c in same[:4] for r in rows]
    return marks.lines(rows, time, measure, split, title(reading, shape), work, bucket=reading.scope.bucket, partial=partial)


def _heatmap(reading: Reading, shape: Shape, planned: Sequence[Planned]) -> dict[str, Any]:
    measure = lead(reading.scope, shape)
    rows = _records(shape.result.rows, shape.columns)
    if shape.time is not None:
        return marks.heat(rows, shape.time, shape.dimensions[0], measure, title(reading, shape))
    known = sorted(shape.dimensions, key=lambda c: TOPOLOGY.index(c.name) if c.name in TOPOLOGY else len(TOPOLOGY))
    across, down = (known[-1], known[-2]) if nested(known[-2], known[-1], shape) else (known[1], known[0])
    if nested(down, across, shape):
        return marks.rooms(rows, across, down, measure, title(reading, shape))
    return marks.heat(rows, across, down, measure, title(reading, shape))


def nested(outer: Column, inner: Column, shape: Shape) -> bool:
    """Whether each inner thing is in one outer thing only, as nodes are in racks."""
    pairs = set(zip(shape.values(outer), shape.values(inner), strict=True))
    return len(pairs) == shape.distinct(inner) > shape.distinct(outer)


def _histogram(reading: Reading, shape: Shape, planned: Sequence[Planned]) -> dict[str, Any]:
    measure = lead(reading.scope, shape)
    return marks.histogram(_records(shape.result.rows, [measure]), measure, title(reading, shape))


def _scatter(reading: Reading, shape: Shape, planned: Sequence[Planned]) -> dict[str, Any]:
    rows = _records(shape.result.rows, shape.columns)
    return marks.scatter(rows, shape.measures[0], shape.measures[1], shape.dimensions[0], title(reading, shape))


def _ranked(reading: Reading, shape: Shape, planned: Sequence[Planned]) -> dict[str, Any]:
    rows = _records(shape.result.rows.slice(0, BARS), shape.columns)
    label = Column("what", shape.dimensions[0].label, "dimension")
    rows = [{**r, "what": " ".join(str(r[c.name]) for c in shape.dimensions[:2] if r[c.name] is not None)[:60]} for r in rows]
    return marks.bars(rows, label, shape.measures[0], None, title(reading, shape), "", in_order=True)


def title(reading: Reading, shape: Shape) -> str:
    """What the chart shows."""
    return (reading.title or reading.text or shape.measures[0].label)[:110]


_DRAWN = {
    "stat": _stat,
    "bar": _bar,
    "line": _line,
    "heatmap": _heatmap,
    "histogram": _histogram,
    "scatter": _scatter,
    "ranked": _ranked,
}
