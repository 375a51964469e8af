"""Figures as the answer writes them, and the rounding rules that the binding check holds every number against.

Rules (our choice): whole numbers are exact, with separators of thousands. Others keep three significant digits and never lose a
digit before the point: 1,235 W, 63.4 °C, 4.21, 0.0371. Durations, bytes, power and energy are shown in the largest unit in which
they are at least 1 (durations: at least 2). A ratio that is shown as per cent is multiplied by 100 first. Instants are UTC and
shown to the minute.
"""

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from llo11ypop.core.window import Window

_S = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86400.0))
SCALES: dict[str, tuple[tuple[str, float], ...]] = {
    "s": _S,
    "ms": (("ms", 1.0), ("s", 1e3), ("min", 6e4), ("h", 3.6e6)),
    "us": (("µs", 1.0), ("ms", 1e3), ("s", 1e6)),
    "ns": (("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("min", 6e10), ("h", 3.6e12)),
    "By": (("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("PB", 1e15)),
    "By/s": (("B/s", 1.0), ("kB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9), ("TB/s", 1e12)),
    "W": (("W", 1.0), ("kW", 1e3), ("MW", 1e6)),
    "mJ": (("mJ", 1.0), ("J", 1e3), ("kJ", 1e6), ("kWh", 3.6e9), ("MWh", 3.6e12)),
}
"""UCUM unit → (symbol, how many of the unit make one), smallest first."""
SYMBOLS = {"Cel": "°C", "1": "", "": "", "MiBy": "MiB", "GPU.h": "GPU-h", "kW.h": "kWh", "1/s": "/s"}
"""UCUM unit → what is printed, where it is not the code itself."""
PERCENT = (("", 1.0), ("%", 0.01))
"""A bare ratio may be shown as it is or as per cent."""
LEAST = {"s": 2.0, "ms": 2.0, "ns": 2.0}
NOTHING = "–"
_WHOLE_FROM, _TENTHS_FROM = 100.0, 10.0


def scales(unit: str) -> tuple[tuple[str, float], ...]:
    """Every (symbol, divisor) in which a value of this unit may be printed."""
    if unit in ("", "1"):
        return PERCENT
    return SCALES.get(unit, ((SYMBOLS.get(unit, unit), 1.0),))


def figure(value: Any, unit: str = "") -> str:
    """A value with its unit; a dash for nothing, which is not zero."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    if not isinstance(value, (int, float)):
        return str(value)
    symbol, scaled = _scaled(float(value), unit)
    text = plain(int(value) if scaled is None and float(value).is_integer() else value if scaled is None else scaled)
    return f"{text} {symbol}".strip()


def _scaled(value: float, unit: str) -> tuple[str, float | None]:
    """(symbol, value in it); no value where it stays as it is."""
    steps = SCALES.get(unit)
    if steps is None or math.isinf(value):
        return SYMBOLS.get(unit, unit), None
    least = LEAST.get(unit, 1.0)
    symbol, divisor = next(((s, d) for s, d in reversed(steps) if abs(value) >= least * d), steps[0])
    return symbol, None if divisor == 1.0 else value / divisor


def plain(value: float) -> str:
    """A bare number by the rounding rules."""
    if math.isinf(value):
        return "infinite"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    size = abs(value)
    if size >= _WHOLE_FROM:
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.{1 if size >= _TENTHS_FROM else 2}f}"
    digits = 2 - math.floor(math.log10(size))
    return f"{value:.{digits}f}" if digits <= 6 else f"{value:.2e}"  # noqa: PLR2004 - below a millionth


def percent(ratio: float) -> str:
    """A ratio as per cent."""
    return f"{plain(ratio * 100)} %"


def moment(at: datetime) -> str:
    """'2026-05-03' at midnight, else '2026-05-03 14:05', in UTC."""
    at = at.astimezone(UTC) if at.tzinfo else at
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{at:%Y-%m-%d %H:%M}"


def day(at: date) -> str:
    """'3 May'."""
    return f"{at.day} {at:%b}"


def period(window: Window | None) -> str:
    """'2026-05-01 to 2026-05-21' for whole days (both included), else both instants to the minute; 'now' without a window."""
    if window is None:
        return "now"
    start, end = (i.astimezone(UTC).replace(second=0, microsecond=0) for i in (window.start, window.end))
    whole = all(i.hour * 60 + i.minute == 0 for i in (start, end)) and end > start
    if not whole:
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
    last = last_day(end)
    return f"{start:%Y-%m-%d}" if start.date() == last else f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"


def last_day(end: datetime) -> date:
    """The last day of a half-open window that ends at midnight."""
    return date.fromordinal(end.date().toordinal() - 1)


def listed(words: Iterable[str], most: int = 5) -> str:
    """'a, b and c'; what is beyond `most` is counted by the caller."""
    kept = list(words)[:most]
    return kept[0] if len(kept) == 1 else f"{', '.join(kept[:-1])} and {kept[-1]}" if kept else ""
