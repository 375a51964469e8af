"""Sentences whose figures are bound: a template holds words only, and every number comes from a value that was measured.

Rounding, stated once: counts whole; hours, money and degrees to three figures and never more than one decimal place below
100; per cent whole from 10 up, one decimal place below; instants to the minute, UTC.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import Formatter

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence with what it rests on."""

    text: str
    evidence: tuple[str, ...] = ()
    """Ids; empty for what is read from the ledger or the configuration alone."""
    figures: tuple[str, ...] = ()
    """Every value as it stands in the text, in order."""
    detail: bool = False
    """Goes on from the statement before it."""


class Figure(str):
    """A number that has been rounded and given its unit; made by the functions below."""

    __slots__ = ()


def say(template: str, evidence: Iterable[str] = (), **values: object) -> Statement:
    """Fill a template. Raises ValueError for a digit in the template itself: a figure must come from a value."""
    words = "".join(text for text, _, _, _ in Formatter().parse(template))
    if re.search(r"\d", words):
        raise ValueError(f"a figure stands in the template instead of a value: '{template}'")
    shown = {name: _shown(value) for name, value in values.items()}
    named = [name for _, name, _, _ in Formatter().parse(template) if name]
    return Statement(template.format(**shown), tuple(dict.fromkeys(evidence)), tuple(shown[n] for n in named))


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        raise ValueError(f"'{value}' is not something a sentence can show")
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number(value)
    return moment(value) if isinstance(value, datetime) else str(value)


def count(value: int) -> Figure:
    """'1,204'."""
    return Figure(f"{value:,}")


def number(value: float) -> Figure:
    """'0.4', '12.3', '1,204'."""
    if value == 0:
        return Figure("0")
    if abs(value) >= 100:  # noqa: PLR2004 - the rounding rule above
        return Figure(f"{value:,.0f}")
    text = f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
    return Figure(text.removesuffix(".0"))


def hours(value: float) -> Figure:
    """'12.3 GPU-hours'."""
    return Figure(f"{number(value)} GPU-hour{'' if number(value) == '1' else 's'}")


def money(value: float, currency: str) -> Figure:
    """'1,204 USD'."""
    return Figure(f"{number(value)} {currency}")


def percent(share: float) -> Figure:
    """A share between 0 and 1 as '42 %' or '3.5 %'."""
    value = share * 100
    return Figure(f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %")  # noqa: PLR2004 - as above


def quantity(value: float | None, unit: str) -> Figure:
    """A goal's value in its unit; a dash where there is none."""
    if value is None:
        return Figure(NOTHING)
    if unit == "s":
        return span(timedelta(seconds=value))
    return number(value) if unit in ("1", "") else Figure(f"{number(value)} {unit}")


def moment(at: datetime) -> Figure:
    """'20 May 22:10'."""
    return Figure(f"{at.day} {at:%b %H:%M}")


def span(length: timedelta) -> Figure:
    """'3 d 4 h', '12 min'; at most two units."""
    left = round(abs(length.total_seconds()))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        many, left = divmod(left, size)
        if many:
            parts.append(f"{many} {unit}")
    return Figure(" ".join(parts[:2]) or f"{left} s")


def plural(many: int, one: str, more: str = "") -> str:
    """'3 jobs', '1 job', 'no jobs'."""
    word = one if many == 1 else more or f"{one}s"
    return f"{count(many)} {word}" if many else f"no {word}"


def listing(names: Iterable[str], most: int = 4) -> str:
    """'a, b and c', or 'a, b and 7 more'."""
    all_names = list(dict.fromkeys(names))
    shown, rest = (all_names, 0) if len(all_names) <= most else (all_names[: most - 1], len(all_names) - most + 1)
    if rest:
        shown = [*shown, f"{rest:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else NOTHING
