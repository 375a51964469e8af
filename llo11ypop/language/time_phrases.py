"""What each kind of time phrase means: 'last two weeks', 'since 10 May', 'overnight', resolved once against an instant (UTC)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from llo11ypop.language.periods import EVERYTHING_D, calendar, clipped, describe, floor, shifted, trailing
from llo11ypop.language.scope import Period
from llo11ypop.language.time_counts import UNIT_S, count_of, unit_of
from llo11ypop.language.time_points import CLOCK, MONTH, ImpossibleDateError, at_clock, point_of

NIGHT_START_H, NIGHT_END_H = 20, 8
"""Last night is from 20:00 until 08:00 UTC (our assumption; said in the answer)."""


_STILL_NIGHT_H = 4
"""Before that hour last night is still going on."""


@dataclass
class Times:
    """What a question says about time. Character spans are of the normalised text."""

    periods: list[tuple[int, int, Period]] = field(default_factory=list)
    points: list[tuple[int, int, datetime]] = field(default_factory=list)
    """Instants that are named ('at 14:05')."""
    now: bool = False
    before: bool = False
    """'compared with the week before': the period before the one that is named."""
    tonight: bool = False
    quoted: list[str] = field(default_factory=list)
    """Text in quotation marks, to be found in messages."""
    prefixes: list[tuple[str, str]] = field(default_factory=list)
    """(what, text) of fields that begin with a text: 'reasons that start with NHC'."""
    columns: tuple[str, ...] = ()
    """Columns that the question ends with."""
    impossible: str = ""
    """'30 February': a date that does not exist."""
    future: str = ""
    coming: list[Period] = field(default_factory=list)
    """Periods that are still to come: for what is planned, and for dates that rows name."""
    until: tuple[datetime, str] | None = None
    """'before 10 May': the instant, and how it is said."""
    begun: str = ""
    """'today', asked at midnight: nothing of it is over yet."""
    spans: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def last_n(match: re.Match[str], at: datetime, _: Times) -> Period:
    """'last 3 days'."""
    count, unit = count_of(match["n"]), unit_of(match["u"])
    unit = "hour" if unit in ("h", "hr") else "day" if unit == "d" else "week" if unit in ("w", "wk") else unit
    span = timedelta(seconds=count * UNIT_S[unit])
    if span > timedelta(days=EVERYTHING_D) or span.total_seconds() < 1:
        span = timedelta(days=EVERYTHING_D)
    shown = f"{count:g} {unit}{'s' if count != 1 else ''}"
    shown = {"m": f"{count:g} minutes"}.get(unit, shown)
    return trailing(at, span, f"last {shown}")


_LASTING = re.compile(
    r"(?:\bof|\bage|runtimes?|elapsed|walltime|for|waits?|ran|run|runs|running|took|take|taking|lasted|lasting|wait|waits|waited|waiting|longer|duration|time|blocked|latency|pending|older|queued)\s*$"
)


def within_n(match: re.Match[str], at: datetime, found: Times) -> Period | str:
    """'over 24 hours' behind 'ran' or 'waited' is a comparison, not a window."""
    if match.group().strip().startswith("over") and match["u"] in ("w", "m"):
        return "no"
    if match.group().startswith("over") and _LASTING.search(match.string[: match.start()].replace("\0", " ")):
        return "no"
    if (
        (unit_of(match["u"]) in ("minute", "min", "m") or "half" in match.group())
        and re.match(r"\s*(?:within|in)\b", match.group())
        and re.search(r"\b(?:rose|rise|jump|increase|climb|went up|fell|drop)", match.string[: match.start()])
    ):
        return None  # type: ignore[return-value]
    return last_n(match, at, found)


def ago(match: re.Match[str], at: datetime, _: Times) -> Period:
    """'2 days ago': the whole day; '3 hours ago': that hour."""
    count, unit = count_of(match["n"]), unit_of(match["u"])
    if unit in ("day", "d", "week", "wk", "w", "month"):
        name = {"d": "day", "wk": "week", "w": "week"}.get(unit, unit)
        return calendar(at, name, int(count), match.group().strip())
    start = floor(at - timedelta(seconds=count * UNIT_S[unit]), "hour")
    return clipped(start, start + timedelta(hours=1), match.group().strip(), at)


def relative(match: re.Match[str], at: datetime, _: Times) -> Period:
    """'last week', 'this month', 'past hour'."""
    which, unit = match["which"], unit_of(match["u"])
    unit = {"wk": "week", "hr": "hour", "min": "minute", "h": "hour", "d": "day", "w": "week", "m": "month"}.get(unit, unit)
    if unit == "fortnight":
        return trailing(at, timedelta(days=14), "last 14 days")
    if unit == "night":
        return night(at)
    if which in ("this", "current"):
        return calendar(at, unit, 0, f"this {unit}")
    if which in ("past", "trailing") or unit in ("hour", "day", "minute"):
        span = timedelta(seconds=UNIT_S[unit])
        return trailing(at, span, f"last {describe(span)}")
    return calendar(at, unit, 1, f"last {unit}")


def night(at: datetime) -> Period:
    """The last night that is over, or nearly."""
    today = floor(at, "day")
    end = today + timedelta(hours=NIGHT_END_H)
    if at < today + timedelta(hours=NIGHT_END_H) and at.hour < _STILL_NIGHT_H:
        end = today + timedelta(hours=NIGHT_END_H) if at.hour >= 1 else today + timedelta(hours=NIGHT_END_H - 24)
    start = end - timedelta(hours=24 - NIGHT_START_H + NIGHT_END_H)
    return clipped(start, end, f"last night ({NIGHT_START_H}:00-{NIGHT_END_H:02d}:00 UTC)", at)


def day_word(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'yesterday', 'this morning', 'last weekend'."""
    word = " ".join(match.group().split())
    if "night" in word:
        return night(at)
    if word.endswith("yesterday") and "before" in word:
        return calendar(at, "day", 2, "the day before yesterday")
    if "yesterday" in word:
        return calendar(at, "day", 1, "yesterday")
    if "today" in word:
        return calendar(at, "day", 0, "today")
    if "morning" in word:
        start = floor(at, "day") + timedelta(hours=6)
        return clipped(start, start + timedelta(hours=6), "this morning (06:00-12:00 UTC)", at)
    if "evening" in word or "afternoon" in word:
        start = floor(at, "day") + timedelta(hours=12)
        return clipped(start, start + timedelta(hours=12), word, at)
    if "weekend" in word:
        start = shifted(floor(at, "week"), "week", -1) + timedelta(days=5)
        return clipped(start, start + timedelta(days=2), "last weekend", at)
    return None


_PARTS = {"morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}
"""Part of a day → its first hour and the one behind its last, UTC (our convention, said in the reading)."""


def part_of_day(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'yesterday evening', 'the morning of 10 May'."""
    day, _, label = point_of(match["day"] or match["on"], at)
    part = match["part"] or match["of"]
    first, last = _PARTS[part]
    start, end = day + timedelta(hours=first), day + timedelta(hours=last)
    label = f"{label}, {part} ({first:02d}:00-{last:02d}:00 UTC)"
    if start >= at:
        expected(found, start, end, label)
        return None
    return clipped(start, end, label, at)


def at_present(_m: re.Match[str], _at: datetime, found: Times) -> None:
    """'right now'."""
    found.now = True


def to_date(match: re.Match[str], at: datetime, _: Times) -> Period:
    """'month to date'."""
    unit = match["u"] or "year"
    return calendar(at, unit, 0, f"this {unit}")


def trailing_unit(match: re.Match[str], at: datetime, _: Times) -> Period:
    """'last day of telemetry'."""
    span = timedelta(seconds=UNIT_S[match["u"]])
    return trailing(at, span, f"last {describe(span)}")


_COMPARED = re.compile(r"(?:than|over|above|under|below|least|most|exceed\w*|[<>=]|about|every|each|per|ran|for)\s*$")


def bare_n(match: re.Match[str], at: datetime, found: Times) -> Period | str:
    """'…, 14d' at the end of a question."""
    if found.periods or _COMPARED.search(match.string[: match.start()].replace("\0", " ")):
        return "no"
    return last_n(match, at, found)


def repeated(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'over the last week (7 days)': what is said in brackets is what is meant."""
    if found.periods:
        found.periods.sort(key=lambda p: p[0])
        start, end, _ = found.periods[-1]
        found.periods[-1] = (start, end, last_n(match, at, found))
        return None
    return last_n(match, at, found)


def before_that(_m: re.Match[str], _at: datetime, found: Times) -> None:
    """'the week before', 'the four before': the same length once more."""
    found.before = True


def expected(found: Times, start: datetime, end: datetime, label: str) -> None:
    """Note a period that is still to come."""
    found.future = found.future or label
    found.coming.append(Period(start, end, label))


def still_to_come(match: re.Match[str], at: datetime, found: Times) -> None:
    """'tomorrow', 'next week'."""
    said = " ".join(match.group().split())
    if said == "tonight":
        found.tonight = True
        evening = floor(at, "day") + timedelta(hours=NIGHT_START_H)
        expected(found, max(at, evening), evening + timedelta(hours=24 - NIGHT_START_H + NIGHT_END_H), said)
        return
    unit = "day" if "tomorrow" in said else unit_of(said.split()[-1])
    start = shifted(floor(at, unit), unit)
    if said.startswith("coming"):
        expected(found, at, at + timedelta(seconds=UNIT_S[unit]) * (7 if unit == "day" else 1), said)
    else:
        expected(found, start, shifted(start, unit), said)


def next_n(match: re.Match[str], at: datetime, found: Times) -> None:
    """'the next 3 days', 'within 72 h from now'."""
    count, unit = count_of(match["n"]), unit_of(match["u"])
    unit = "hour" if unit in ("h", "hr") else "day" if unit == "d" else "week" if unit in ("w", "wk") else unit
    expected(found, at, at + timedelta(seconds=count * UNIT_S[unit]), f"next {count:g} {unit}{'s' if count != 1 else ''}")


def everything(_m: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'ever', unless a period is named."""
    if found.periods:
        return None
    return trailing(at, timedelta(days=EVERYTHING_D), "all telemetry")


def since(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'since 10 May'."""
    start, _, label = point_of(match["a"], at)
    if start >= at:
        expected(found, start, start + timedelta(days=EVERYTHING_D), f"from {label} on")
        return None
    return Period(start, at, f"since {label}")


def after(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'after 10 May': from the day behind it."""
    _, end, label = point_of(match["a"], at)
    if end >= at:
        expected(found, end, end + timedelta(days=10 * EVERYTHING_D), f"after {label}")
        return None
    return Period(end, at, f"after {label}")


def until(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'before 10 May': thirty days up to it."""
    start, _end, label = point_of(match["a"], at)
    found.until = (start, f"before {label}")
    if start - timedelta(days=30) >= at:
        expected(found, at, start, f"before {label}")
        return None
    return Period(start - timedelta(days=30), min(start, at), f"30 days before {label}")


def between(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'from 5 to 9 May'."""
    left, right = match["a"], match["b"]
    if re.fullmatch(r"\d{1,2}", left.strip()) and not re.search(MONTH, right):
        raise ValueError("two plain numbers are no period")
    if re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)?", left.strip()):
        left = f"{left} {re.search(MONTH, right).group()}"  # type: ignore[union-attr]
    year = re.search(r"\b20\d\d\b", right)
    if year and not re.search(r"\b20\d\d\b", left) and re.search(MONTH, left) and re.search(MONTH, right):
        left = f"{left} {year.group()}"
    start, _, first = point_of(left, at)
    if re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)?", right.strip()):
        right = f"{right} {re.search(MONTH, left).group()}"  # type: ignore[union-attr]
    if re.fullmatch(CLOCK, right.strip()) and not re.fullmatch(CLOCK, left.strip()):
        clock = at_clock(floor(start, "day"), right)
        end, last = clock, clock.strftime("%H:%M")
    else:
        opening, end, last = point_of(right, at)
        if re.search(CLOCK, right):
            end = opening
    if end <= start and re.fullmatch(CLOCK, right.strip()):
        start -= timedelta(days=1)
    if end <= start:
        raise ImpossibleDateError(f"{first} to {last}")
    if start >= at:
        expected(found, start, end, f"{first} to {last}")
        return None
    return clipped(start, end, f"{first} to {last}", at)


def neighbours(match: re.Match[str], at: datetime, found: Times) -> Period | str | None:
    """'9 and 10 May': two days that follow each other."""
    left = match["a"] if re.search(r"[a-z]{3}|-", match["a"]) else f"{match['a']} {re.search(MONTH, match['b']).group()}"  # type: ignore[union-attr]
    first, last = point_of(left, at), point_of(match["b"], at)
    if first[1] != last[0]:
        return "no"
    return between(re.match(r"(?P<a>.*) to (?P<b>.*)", f"{left} to {match['b']}"), at, found)  # type: ignore[arg-type]


def clocks(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'between 02:00 and 04:00 yesterday'."""
    day, _, label = point_of(match["day"], at)
    start, end = at_clock(day, match["a"], match["b"]), at_clock(day, match["b"])
    if end <= start:
        end += timedelta(days=1)
    if "night" in match["day"] and start.hour < NIGHT_END_H and start + timedelta(days=1) < at:
        start, end = start + timedelta(days=1), end + timedelta(days=1)
    if start >= at:
        found.future = found.future or label
        return None
    return clipped(start, end, f"{start:%Y-%m-%d %H:%M} to {end:%H:%M}", at)


def on_point(match: re.Match[str], at: datetime, found: Times) -> Period | str | None:
    """'on 10 May', 'at 14:05': half an hour on either side of an instant."""
    text = match["a"]
    start, end, label = point_of(text, at)
    if start >= at:
        expected(found, start, end, label)
        return None
    if re.search(CLOCK, text) and end - start <= timedelta(minutes=1):
        found.points.append((match.start(), match.end(), start))
        width = timedelta(minutes=30)
        return clipped(start - width, start + width, f"{label} ± 30 minutes", at)
    return clipped(start, end, label, at)


def week_of(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'week of 4 May'."""
    start, _, _ = point_of(match["a"], at)
    start = floor(start, "week")
    if start >= at:
        found.future = found.future or match.group()
        return None
    return clipped(start, start + timedelta(weeks=1), f"week of {start:%-d %B}", at)


Maker = Callable[[re.Match[str], datetime, Times], "Period | str | None"]
