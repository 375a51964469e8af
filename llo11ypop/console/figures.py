"""Figures, times and small pictures as people read them. Pure functions; templates use them as filters."""

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

_RATIO_UNITS = {"ratio", "share"}
_BARE_UNITS = {"1", "count"}
NOTHING = "–"


def figure(value: Any, unit: str = "") -> str:
    """A number with its unit, rounded to what matters; a dash for nothing (which is not zero)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if unit in _RATIO_UNITS:
        return f"{_short(value * 100)} %"
    if unit in {"s", "seconds"}:
        return span(timedelta(seconds=float(value)))
    return _short(value) if unit in _BARE_UNITS else f"{_short(value)} {unit}".strip()


def _short(value: float) -> str:
    if float(value).is_integer():
        return f"{int(value):,}"
    digits = 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 else f"{value:.2g}"  # noqa: PLR2004


def span(length: timedelta) -> str:
    """A duration in at most two units: '3 d 4 h', '12 min'."""
    left = int(abs(length.total_seconds()))
    if left < 60:  # noqa: PLR2004
        return f"{left} s"
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def ago(at: datetime | None, now: datetime) -> str:
    """'12 min ago', 'in 3 h', 'never'."""
    if at is None:
        return "never"
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def moment(at: datetime | str | None) -> str:
    """'22 Nov 10:45' in UTC; the page says once that times are UTC."""
    if at is None or at == "":
        return NOTHING
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return f"{at.day} {at:%b %H:%M}"


def cell(value: Any) -> str:
    """One value of a table of evidence."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"  # noqa: PLR2004
    return str(value)


def pretty(value: Any) -> str:
    """JSON with indents."""
    return json.dumps(value, indent=2, default=str, ensure_ascii=False)


def compact(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, default=str, ensure_ascii=False)


def sparkline(values: Sequence[float | None], target: float | None = None, *, width: int = 120, height: int = 28) -> Markup:
    """The course of a value as inline SVG, its target dashed; empty below two values."""
    known = [(i, v) for i, v in enumerate(values) if v is not None and not math.isnan(v)]
    if len(known) < 2:  # noqa: PLR2004
        return Markup("")
    low = min(v for _, v in known)
    high = max(v for _, v in known)
    if target is not None and low - (high - low) * 2 <= target <= high + (high - low) * 2:
        low, high = min(low, target), max(high, target)
    if high == low:
        low, high = low - 1, high + 1
    reach = high - low
    last = len(values) - 1 or 1

    def y(value: float) -> float:
        return height - 3 - (value - low) / reach * (height - 6)

    points = " ".join(f"{3 + i / last * (width - 8):.1f},{y(v):.1f}" for i, v in known)
    dashes = (
        f'<line x1="0" x2="{width}" y1="{y(target):.1f}" y2="{y(target):.1f}" class="spark-target"/>'
        if target is not None and low <= target <= high
        else ""
    )
    end_x, end_y = points.rsplit(" ", 1)[1].split(",")
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">'
        f'{dashes}<polyline points="{points}"/><circle cx="{end_x}" cy="{end_y}" r="2.2"/></svg>'
    )
