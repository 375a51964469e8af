"""Parts of the calendar that a question names: a month, a quarter, the first half of a year, the second week of May."""

import re
from datetime import UTC, datetime, timedelta

from llo11ypop.language.periods import clipped, shifted
from llo11ypop.language.scope import Period
from llo11ypop.language.time_phrases import Times, expected
from llo11ypop.language.time_points import MONTHS, month_number

_NTH = ("first", "second", "third", "fourth", "last")


def month(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'May', 'early May 2026'."""
    number = month_number(match["month"])
    year = int(match["year"]) if match["year"] else at.year - (number > at.month)
    start = datetime(year, number, 1, tzinfo=UTC)
    end = shifted(start, "month")
    part = match["part"]
    label = f"{MONTHS[number - 1].capitalize()} {year}"
    if (part and "early" in part) or (part and "beginning" in part) or (part and "start" in part):
        end, label = start + timedelta(days=10), f"first ten days of {label}"
    elif part and "mid" in part:
        start, end, label = start + timedelta(days=10), start + timedelta(days=20), f"middle of {label}"
    elif part:
        start, label = start + timedelta(days=20), f"end of {label}"
    if start >= at:
        expected(found, start, end, label)
        return None
    return clipped(start, end, label, at)


def nth_week(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'first week of May'."""
    number = month_number(match["month"])
    start = datetime(at.year - (number > at.month), number, 1, tzinfo=UTC)
    which = _NTH.index(match["nth"])
    if which == len(_NTH) - 1:
        end = shifted(start, "month")
        start = end - timedelta(days=7)
    else:
        start += timedelta(days=7 * which)
        end = start + timedelta(days=7)
    label = f"{match['nth']} week of {MONTHS[number - 1].capitalize()}"
    if start >= at:
        found.future = found.future or label
        return None
    return clipped(start, end, label, at)


def quarter(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'Q2 2026'."""
    number = int(match["q"])
    year = int(match["year"]) if match["year"] else at.year
    start = datetime(year, 3 * number - 2, 1, tzinfo=UTC)
    if start >= at:
        expected(found, start, shifted(start, "quarter"), f"Q{number} {year}")
        return None
    return clipped(start, shifted(start, "quarter"), f"Q{number} {year}", at)


def half_year(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'the first half of 2028', 'H2 2026'."""
    second = match["half"].strip() in ("second", "2nd", "h2", "latter")
    start = datetime(int(match["year"]), 7 if second else 1, 1, tzinfo=UTC)
    end, label = shifted(start, "quarter", 2), f"{'second' if second else 'first'} half of {match['year']}"
    if start >= at:
        expected(found, start, end, label)
        return None
    return clipped(start, end, label, at)


def year(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'in 2026'."""
    start = datetime(int(match["year"]), 1, 1, tzinfo=UTC)
    end = shifted(start, "year")
    if start >= at:
        expected(found, start, end, match["year"])
        return None
    return clipped(start, end, match["year"], at)
