"""A chart of the evidence as PNG, for a ticket: the first piece whose rows have a name and a number each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from llo11ypop.channels.blocks import clean
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.window import iso

BARS = 25
SMALLEST = 2
"""One bar says nothing that the table does not."""


def picture(evidence: Sequence[Evidence]) -> tuple[str, bytes] | None:
    """File name and PNG; none where nothing can be drawn. Takes about half a second: call it in a thread."""
    for one in evidence:
        rows = one.rows.slice(0, BARS).to_pylist()
        axes = _axes(rows)
        if len(rows) >= SMALLEST and axes is not None:
            import vl_convert

            spec = _spec(rows, *axes, one)
            return f"evidence-{one.id[:8]}.png", bytes(vl_convert.vegalite_to_png(spec, scale=1.5, allowed_base_urls=[]))
    return None


def _axes(rows: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    """The column that names and the column that counts."""
    if not rows:
        return None
    names = [n for n, v in rows[0].items() if isinstance(v, (str, datetime))]
    figures = [n for n in rows[0] if all(isinstance(r[n], (int, float)) and not isinstance(r[n], bool) for r in rows)]
    return (names[0], figures[-1]) if names and figures else None


def _spec(rows: Sequence[dict[str, Any]], name: str, figure: str, one: Evidence) -> dict[str, Any]:
    timed = isinstance(rows[0][name], datetime)
    shown = [{"name": iso(r[name]) if timed else clean(r[name], 60), "value": r[figure]} for r in rows]
    across = {"field": "value", "type": "quantitative", "title": clean(figure, 60)}
    along = {"field": "name", "type": "temporal" if timed else "nominal", "title": clean(name, 60), "sort": None}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "width": 560,
        "title": clean(str(one.window) if one.window else "", 100),
        "data": {"values": shown},
        "mark": {"type": "line", "point": True} if timed else {"type": "bar"},
        "encoding": {"x": along, "y": across} if timed else {"y": along, "x": across},
    }
