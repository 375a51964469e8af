# ruff: noqa: E501 - patterns are easier to read whole
"""Time phrases as spans: 'last two weeks', 'since 10 May', 'overnight', 'on Tuesday', resolved once against an instant (UTC)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from llo11ypop.language.periods import EVERYTHING_D, JustBegunError, calendar, clipped, describe, floor, shifted, trailing
from llo11ypop.language.scope import Period
from llo11ypop.language.time_counts import COUNT, UNIT, UNIT_S, count_of, unit_of
from llo11ypop.language.time_points import CLOCK, DATE, DAY, MONTH, MONTHS, ImpossibleDateError, at_clock, month_number, point_of

NIGHT_START_H, NIGHT_END_H = 20, 8
"""Last night is from 20:00 until 08:00 UTC (our assumption; said in the answer)."""


_NTH = ("first", "second", "third", "fourth", "last")
_STILL_NIGHT_H = 4
"""Before that hour last night is still going on."""


_POINT = (
    rf"(?:(?:{CLOCK}\s+(?:utc\s+)?(?:on\s+)?(?:the\s+)?)?{DATE}(?:\s+(?:at\s+)?{CLOCK})?|(?:last\s+)?{DAY}(?:\s+(?:at\s+)?{CLOCK})?"
    rf"|(?:yesterday|today|this\s+morning|last\s+night|last\s+week|last\s+month|this\s+week|this\s+month)(?:\s+(?:at\s+)?{CLOCK})?|{MONTH}(?:\s+20\d\d)?|{CLOCK}|now)"
)


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
    impossible: str = ""
    """'30 February': a date that does not exist."""
    future: str = ""
    begun: str = ""
    """'today', asked at midnight: nothing of it is over yet."""
    spans: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_times(text: str, at: datetime) -> Times:
    """Every time phrase of a normalised text, longest patterns first; never raises."""
    found = Times()
    rest = text
    for pattern, make in _PATTERNS:
        for match in list(pattern.finditer(rest)):
            if "\0" in match.group():
                continue
            try:
                period = make(match, at, found)
            except JustBegunError as new:
                found.begun = found.begun or str(new)
                period = None
            except ImpossibleDateError as bad:
                found.impossible = found.impossible or str(bad)
                period = None
            except (ValueError, OverflowError, AttributeError):
                continue
            if isinstance(period, str):
                continue
            start, end = match.span()
            rest = rest[:start] + "\0" * (end - start) + rest[end:]
            found.spans.append((start, end))
            if period is not None:
                found.periods.append((start, end, period))
    found.periods.sort(key=lambda p: p[0])
    return found


def _last_n(match: re.Match[str], at: datetime, _: Times) -> Period:
    count, unit = count_of(match["n"]), unit_of(match["u"])
    unit = "hour" if unit in ("h", "hr") else "day" if unit == "d" else "week" if unit in ("w", "wk") else unit
    span = timedelta(seconds=count * UNIT_S[unit])
    if span > timedelta(days=EVERYTHING_D) or span.total_seconds() < 1:
        span = timedelta(days=EVERYTHING_D)
    shown = f"{count:g} {unit}{'s' if count != 1 else ''}"
    shown = {"m": f"{count:g} minutes"}.get(unit, shown)
    return trailing(at, span, f"last {shown}")


_LASTING = re.compile(
    r"(?:ran|run|runs|running|took|take|taking|lasted|lasting|wait|waits|waited|waiting|longer|duration|time|blocked|latency|pending|older|queued)\s*$"
)


def _within_n(match: re.Match[str], at: datetime, found: Times) -> Period | str:
    """'over 24 hours' behind 'ran' or 'waited' is a comparison, not a window."""
    if match.group().startswith("over") and _LASTING.search(match.string[: match.start()].replace("\0", " ")):
        return "no"
    if (
        (unit_of(match["u"]) in ("minute", "min", "m") or "half" in match.group())
        and re.match(r"\s*(?:within|in)\b", match.group())
        and re.search(r"\b(?:rose|rise|jump|increase|climb|went up|fell|drop)", match.string[: match.start()])
    ):
        return None  # type: ignore[return-value]
    return _last_n(match, at, found)


def _ago(match: re.Match[str], at: datetime, _: Times) -> Period:
    count, unit = count_of(match["n"]), unit_of(match["u"])
    if unit in ("day", "d", "week", "wk", "w", "month"):
        name = {"d": "day", "wk": "week", "w": "week"}.get(unit, unit)
        return calendar(at, name, int(count), match.group().strip())
    start = floor(at - timedelta(seconds=count * UNIT_S[unit]), "hour")
    return clipped(start, start + timedelta(hours=1), match.group().strip(), at)


def _relative(match: re.Match[str], at: datetime, _: Times) -> Period:
    which, unit = match["which"], unit_of(match["u"])
    unit = {"wk": "week", "hr": "hour", "h": "hour", "d": "day", "w": "week", "m": "month"}.get(unit, unit)
    if unit == "fortnight":
        return trailing(at, timedelta(days=14), "last 14 days")
    if unit == "night":
        return _night(at)
    if which in ("this", "current"):
        return calendar(at, unit, 0, f"this {unit}")
    if which in ("past", "trailing") or unit in ("hour", "day", "minute"):
        span = timedelta(seconds=UNIT_S[unit])
        return trailing(at, span, f"last {describe(span)}")
    return calendar(at, unit, 1, f"last {unit}")


def _night(at: datetime) -> Period:
    today = floor(at, "day")
    end = today + timedelta(hours=NIGHT_END_H)
    if at < today + timedelta(hours=NIGHT_END_H) and at.hour < _STILL_NIGHT_H:
        end = today + timedelta(hours=NIGHT_END_H) if at.hour >= 1 else today + timedelta(hours=NIGHT_END_H - 24)
    start = end - timedelta(hours=24 - NIGHT_START_H + NIGHT_END_H)
    return clipped(start, end, f"last night ({NIGHT_START_H}:00-{NIGHT_END_H:02d}:00 UTC)", at)


def _word(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    word = " ".join(match.group().split())
    if "night" in word:
        return _night(at)
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


def _now(_m: re.Match[str], _at: datetime, found: Times) -> None:
    found.now = True


def _to_date(match: re.Match[str], at: datetime, _: Times) -> Period:
    unit = match["u"] or "year"
    return calendar(at, unit, 0, f"this {unit}")


def _trailing_unit(match: re.Match[str], at: datetime, _: Times) -> Period:
    span = timedelta(seconds=UNIT_S[match["u"]])
    return trailing(at, span, f"last {describe(span)}")


_COMPARED = re.compile(r"(?:than|over|above|under|below|least|most|exceed\w*|[<>=]|about|every|each|per|ran|for)\s*$")


def _bare_n(match: re.Match[str], at: datetime, found: Times) -> Period | str:
    """'…, 14d' at the end of a question."""
    if found.periods or _COMPARED.search(match.string[: match.start()].replace("\0", " ")):
        return "no"
    return _last_n(match, at, found)


def _repeated(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'over the last week (7 days)': what is said in brackets is what is meant."""
    if found.periods:
        found.periods.sort(key=lambda p: p[0])
        start, end, _ = found.periods[-1]
        found.periods[-1] = (start, end, _last_n(match, at, found))
        return None
    return _last_n(match, at, found)


def _before_that(_m: re.Match[str], _at: datetime, found: Times) -> None:
    found.before = True


def _future(match: re.Match[str], at: datetime, found: Times) -> None:
    if match.group().strip() == "tonight":
        found.tonight = True
    found.future = found.future or " ".join(match.group().split())


def _all(_m: re.Match[str], at: datetime, found: Times) -> Period | None:
    if found.periods:
        return None
    return trailing(at, timedelta(days=EVERYTHING_D), "all telemetry")


def _month(match: re.Match[str], at: datetime, found: Times) -> Period | None:
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
        found.future = found.future or label
        return None
    return clipped(start, end, label, at)


def _since(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    start, _, label = point_of(match["a"], at)
    if start >= at:
        found.future = found.future or label
        return None
    return Period(start, at, f"since {label}")


def _after(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    _, end, label = point_of(match["a"], at)
    if end >= at:
        found.future = found.future or label
        return None
    return Period(end, at, f"after {label}")


def _until(match: re.Match[str], at: datetime, _: Times) -> Period:
    start, _end, label = point_of(match["a"], at)
    return Period(start - timedelta(days=30), min(start, at), f"30 days before {label}")


def _between(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    left, right = match["a"], match["b"]
    if re.fullmatch(r"\d{1,2}", left.strip()) and not re.search(MONTH, right):
        raise ValueError("two plain numbers are no period")
    if re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)?", left.strip()):
        left = f"{left} {re.search(MONTH, right).group()}"  # type: ignore[union-attr]
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
    if start >= at:
        found.future = found.future or first
        return None
    if end <= start:
        raise ImpossibleDateError(f"{first} to {last}")
    return clipped(start, end, f"{first} to {last}", at)


def _clocks(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    """'between 02:00 and 04:00 yesterday'."""
    day, _, label = point_of(match["day"], at)
    start, end = at_clock(day, match["a"]), at_clock(day, match["b"])
    if end <= start:
        end += timedelta(days=1)
    if start >= at:
        found.future = found.future or label
        return None
    return clipped(start, end, f"{start:%Y-%m-%d %H:%M} to {end:%H:%M}", at)


def _on(match: re.Match[str], at: datetime, found: Times) -> Period | str | None:
    text = match["a"]
    start, end, label = point_of(text, at)
    if start >= at:
        found.future = found.future or label
        return None
    if re.search(CLOCK, text) and end - start <= timedelta(minutes=1):
        found.points.append((match.start(), match.end(), start))
        width = timedelta(minutes=30)
        return clipped(start - width, start + width, f"{label} ± 30 minutes", at)
    return clipped(start, end, label, at)


def _week_of(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    start, _, _ = point_of(match["a"], at)
    start = floor(start, "week")
    if start >= at:
        found.future = found.future or match.group()
        return None
    return clipped(start, start + timedelta(weeks=1), f"week of {start:%-d %B}", at)


def _nth_week(match: re.Match[str], at: datetime, found: Times) -> Period | None:
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


def _quarter(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    number = int(match["q"])
    year = int(match["year"]) if match["year"] else at.year
    start = datetime(year, 3 * number - 2, 1, tzinfo=UTC)
    if start >= at:
        found.future = found.future or f"Q{number} {year}"
        return None
    return clipped(start, shifted(start, "quarter"), f"Q{number} {year}", at)


def _year(match: re.Match[str], at: datetime, found: Times) -> Period | None:
    start = datetime(int(match["year"]), 1, 1, tzinfo=UTC)
    if start >= at:
        found.future = found.future or match["year"]
        return None
    end = shifted(start, "year")
    return clipped(start, end, match["year"], at)


Maker = Callable[[re.Match[str], datetime, Times], "Period | str | None"]


_PRE = r"(?:\b(?:in|over|during|for|within|throughout|of|from|on|at|across)\s+)?(?:the\s+)?"


def _compiled(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


_PATTERNS: list[tuple["re.Pattern[str]", Maker]] = [
    (_compiled(rf"\b(?:between|from)\s+(?P<a>{CLOCK})\s+(?:and|to|until|till|through|thru|-)\s+(?P<b>{CLOCK})\s+(?:utc\s+)?(?:on\s+)?(?P<day>yesterday|today|last\s+night|{DATE}|{DAY})"), _clocks),
    (_compiled(rf"(?P<day>yesterday|today|{DATE}|{DAY})\s+(?:between|from)\s+(?P<a>{CLOCK})\s+(?:and|to|until|till|through|thru|-)\s+(?P<b>{CLOCK})"), _clocks),
    (_compiled(rf"\b(?:between|from)\s+(?:the\s+)?(?P<a>{_POINT}|\d{{1,2}}(?:st|nd|rd|th)?)\s+(?:and|to|until|till|through|thru|-)\s+(?:the\s+)?(?P<b>{_POINT}|\d{{1,2}}(?:st|nd|rd|th)?\b)"), _between),
    (_compiled(rf"(?P<a>{DATE}|\b\d{{1,2}})\s*(?:-|to|until|through|thru)\s*(?P<b>{DATE})"), _between),
    (_compiled(rf"(?P<a>{MONTH}\s\d{{1,2}})\s*(?:-|to|until|through|thru)\s*(?P<b>{DATE}|\d{{1,2}}\b)"), _between),
    (_compiled(rf"\b(?:in\s+|during\s+)?(?:the\s+)?(?P<nth>first|second|third|fourth|last)\s+week\s+(?:of|in)\s+(?P<month>{MONTH})"), _nth_week),
    (_compiled(rf"{_PRE}week\s+(?:of|starting|beginning)\s+(?:the\s+)?(?P<a>{_POINT})"), _week_of),
    (_compiled(rf"\b(?:since|starting)\s+(?:the\s+)?(?:(?:start|beginning)\s+of\s+)?(?:the\s+)?(?P<a>{_POINT})"), _since),
    (_compiled(rf"\bafter\s+(?:the\s+)?(?P<a>{_POINT})"), _after),
    (_compiled(rf"\b(?:until|till|before)\s+(?:the\s+)?(?P<a>{DATE}|{DAY}|{MONTH})"), _until),
    (_compiled(rf"\b(?:the\s+)?{COUNT}\s+{UNIT}\s+(?:before|prior|preceding)(?:\s+(?:that|it|them|those))?\b"), _before_that),
    (_compiled(rf"\bthe\s+(?:same\s+)?{COUNT}\s+(?:before|prior|preceding)(?:\s+(?:that|it|them|those))?\b"), _before_that),
    (_compiled(rf"\b(?:against|vs\.?|versus|with|to|than|and)\s+(?:the\s+)?(?:previous|preceding|prior)\s+(?:{COUNT}|ones?)\b(?!\s*(?:full\s+)?{UNIT})"), _before_that),
    (_compiled(rf"\bfrom\s+(?P<a>{_POINT})\s+(?:on|onwards?)\b"), _since),
    (_compiled(rf"\bfrom\s+(?:the\s+)?(?P<a>{DATE}|{DAY})(?:\s+(?:until|till|to)\s+now)?(?!\s*(?:to|until|till|through|thru|-|and)\b)"), _since),
    (_compiled(r"\b(?:(?:in|over|during|for)\s+)?(?:the\s+)?last\s+(?P<u>hour|day|week|month)\s+of\s+(?:data|telemetry)(?:\s*\(\d+\s+\w+\))?"), _trailing_unit),
    (_compiled(r"\b(?:the\s+)?(?:hour|day|week|month|period|one)\s+before(?:\s+(?:that|it))?\b(?!\s+yesterday)"), _before_that),
    (_compiled(r"\b(?:(?P<u>year|quarter|month|week)\s+to\s+date|ytd)\b"), _to_date),
    (_compiled(rf"\b{COUNT}\s*{UNIT}\s+ago\b"), _ago),
    (_compiled(rf"{_PRE}\b(?:last|past|previous|prior|recent|trailing|preceding|most recent|latest)\s+{COUNT}[\s-]*(?:full\s+)?{UNIT}"), _last_n),
    (_compiled(r"\b(?:the\s+)?(?:day before yesterday)\b"), _word),
    (_compiled(rf"{_PRE}\b(?:last\s+night|overnight|yesterday\s+night)(?:'s)?\b"), _word),
    (_compiled(rf"\b(?:at|around|about)\s+(?P<a>{CLOCK}\s+(?:yesterday|today))\b"), _on),
    (_compiled(rf"{_PRE}(?P<a>(?:yesterday|today)\s+(?:at\s+|around\s+)?{CLOCK})"), _on),
    (_compiled(r"\b(?:later\s+)?(?:tomorrow|tonight|next\s+(?:hour|day|week|month|quarter|year)|coming\s+(?:days?|weeks?|months?))\b"), _future),
    (_compiled(rf"{_PRE}\b(?:yesterday|today|this\s+morning|this\s+(?:afternoon|evening)|last\s+weekend|the\s+weekend)(?:'s)?(?:\s+so\s+far)?\b"), _word),
    (_compiled(rf"{_PRE}\b(?P<which>last|past|previous|prior|this|current|trailing)\s+(?P<u>minute|hour|day|week|fortnight|month|quarter|year|night)(?:'s)?\b(?!\s+of\b)(?:\s+so\s+far)?"), _relative),
    (_compiled(rf"{_PRE}\b(?P<a>{CLOCK}\s+(?:utc\s+)?(?:on\s+)?(?:the\s+)?{DATE}|{DATE}(?:,?\s+(?:at\s+|around\s+)?{CLOCK})?)"), _on),
    (_compiled(rf"{_PRE}\b(?P<a>(?:last\s+)?{DAY}(?:\s+(?:at\s+|around\s+)?{CLOCK})?)(?:'s)?"), _on),
    (_compiled(r"\b(?:in|during|for|of|over|throughout|from|vs\.?|versus|than|and|to|with)?\s*(?P<part>early|mid|late|(?:the\s+)?(?:start|beginning|end)\s+of)?\s*\b(?P<month>january|february|march|april|may|june|july|august|september|october|november|december|sept|oct|nov|dec|jan|feb|apr|aug)\b(?:\s+(?P<year>20\d\d))?(?:'s)?"), _month),
    (_compiled(r"\b(?:in|during|for)?\s*q(?P<q>[1-4])(?:\s+(?P<year>20\d\d))?\b"), _quarter),
    (_compiled(r"\b(?:in|during)\s+(?P<year>20\d\d)\b"), _year),
    (_compiled(rf"\b(?:at|around|about|by)\s+(?P<a>{CLOCK})(?:\s+utc)?"), _on),
    (_compiled(rf"\b(?:in|over|during|for|within|across)\s+(?:the\s+|any\s+|a\s+)?{COUNT}[\s-]*{UNIT}"), _within_n),
    (_compiled(rf"\(\s*(?:the\s+)?(?:last\s+|past\s+)?{COUNT}[\s-]*{UNIT}\s*\)"), _repeated),
    (_compiled(r"(?:,\s*current\s*\??$)|\bcurrent(?=\s+(?:firmware|driver|version|state|status|condition|number|count|queue|stock|open|value|reading|level|temperature|utili[sz]ation|power|load|usage|allocation|availability)\b)"), _now),
    (_compiled(r"\b(?:right\s+now|just\s+now|currently|at\s+the\s+moment|at\s+present|as\s+of\s+now|at\s+this\s+moment|presently|these\s+days|(?<!^)now)\b"), _now),
    (_compiled(r"\b(?:all\s+time|ever|of\s+all\s+time|since\s+the\s+beginning|in\s+total\s+so\s+far|so\s+far|to\s+date|whole\s+(?:history|period)|entire\s+(?:history|period|dataset)|all\s+(?:the\s+)?(?:history|telemetry))\b"), _all),
    (_compiled(rf"(?:^|[,\s(]){COUNT}[\s-]*{UNIT}\)?\s*[?.!]?\s*$"), _bare_n),
]  # fmt: skip
