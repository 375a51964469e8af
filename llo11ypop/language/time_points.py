# ruff: noqa: E501 - patterns are easier to read whole
"""Named days and instants: '12 May', 'Tuesday', 'yesterday at 14:05', '2026-05-12'."""

import re
from datetime import UTC, datetime, timedelta

from llo11ypop.language.periods import floor, shifted

YEAR_DIGITS, HOURS, MINUTES = 4, 24, 60
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b"
DAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tues?|wed|thurs?|fri)\b"
CLOCK = r"(?:\d{1,2}:\d{2}(?::\d{2})?|\d{1,2}\s?(?:am|pm)\b|noon\b|midnight\b)"
DATE = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}(?:[t ]\d{{1,2}}:\d{{2}}(?::\d{{2}})?z?)?|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}(?:,?\s+\d{{4}})?"
    rf"|{MONTH}\s+(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\b(?!:\d)(?:,?\s+\d{{4}})?)"
)


class ImpossibleDateError(Exception):
    """A date that does not exist."""


def month_number(name: str) -> int:
    """1 to 12, from the first three letters."""
    return next(i for i, m in enumerate(MONTHS, 1) if m.startswith(name[:3]))


def point_of(text: str, at: datetime) -> tuple[datetime, datetime, str]:
    """(start, end, label) of an instant or day that is named. Raises ImpossibleDateError, ValueError."""
    text = " ".join(text.split())
    clock = re.search(CLOCK, re.sub(r"\d{4}-\d{2}-\d{2}[t ](?=\d)", " ", text))
    iso = re.search(r"(\d{4})-(\d{2})-(\d{2})", text)
    named = re.search(DATE, text)
    if iso:
        day = _date(int(iso[1]), int(iso[2]), int(iso[3]), text)
    elif named:
        day = _named_date(named.group(), at)
    else:
        return _loose_point(text, clock, at)
    if clock:
        start = at_clock(day, clock.group())
        return start, start + timedelta(minutes=1), start.strftime("%Y-%m-%d %H:%M")
    return day, day + timedelta(days=1), day.strftime("%-d %B %Y")


def _loose_point(text: str, clock: "re.Match[str] | None", at: datetime) -> tuple[datetime, datetime, str]:
    weekday = re.search(DAY, text)
    if weekday:
        number = next(i for i, d in enumerate(DAYS) if weekday.group().startswith(d[:3]))
        back = (at.weekday() - number) % 7 or (7 if "last" in text else 0)
        day = floor(at, "day") - timedelta(days=back)
    elif "yesterday" in text or "last night" in text:
        day = floor(at, "day") - timedelta(days=1)
    elif "month" in text or "week" in text:
        unit = "month" if "month" in text else "week"
        start = shifted(floor(at, unit), unit, -1 if "last" in text else 0)
        return start, shifted(start, unit), text
    elif text == "now":
        return at, at, "now"
    elif re.fullmatch(r"20\d\d", text):
        start = datetime(int(text), 1, 1, tzinfo=UTC)
        return start, shifted(start, "year"), text
    elif month := re.fullmatch(rf"({MONTH})(?:\s+(20\d\d))?", text):
        number = month_number(text)
        start = datetime(int(month[2]) if month[2] else at.year - (number > at.month), number, 1, tzinfo=UTC)
        return start, shifted(start, "month"), start.strftime("%B %Y")
    else:
        day = floor(at, "day")
        if clock and at_clock(day, clock.group()) > at:
            day -= timedelta(days=1)
    if clock:
        start = at_clock(day, clock.group())
        return start, start + timedelta(minutes=1), start.strftime("%Y-%m-%d %H:%M")
    return day, day + timedelta(days=1), day.strftime("%A %-d %B")


def _date(year: int, month: int, day: int, text: str) -> datetime:
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        raise ImpossibleDateError(text.strip()) from None


def _named_date(text: str, at: datetime) -> datetime:
    month = month_number(re.search(MONTH, text).group())  # type: ignore[union-attr]
    numbers = re.findall(r"\d+", text)
    year = next((int(n) for n in numbers if len(n) == YEAR_DIGITS), None)
    day = next(int(n) for n in numbers if len(n) < YEAR_DIGITS)
    if year is None:
        year = at.year - (month > at.month)
    shown = f"{day} {MONTHS[month - 1].capitalize()}"
    return _date(year, month, day, shown)


def at_clock(day: datetime, text: str, other: str = "") -> datetime:
    """An instant of a day; 'between 2 and 4pm' says of the second hour which half of the day. Raises ImpossibleDateError for 25:00."""
    text = text.strip()
    half = re.search(r"[ap]m", other)
    if text.isdigit():
        text = f"{text}{half.group()}" if half and int(text) <= HOURS // 2 else f"{text}:00"
    if text in ("noon", "midnight"):
        return day + timedelta(hours=12 if text == "noon" else 0)
    half = re.fullmatch(r"(\d{1,2})\s?(am|pm)", text)
    if half:
        return day + timedelta(hours=int(half[1]) % 12 + (12 if half[2] == "pm" else 0))
    parts = [int(p) for p in text.split(":")]
    if parts[0] >= HOURS + 1 or parts[1] >= MINUTES:
        raise ImpossibleDateError(text)
    return day + timedelta(hours=parts[0], minutes=parts[1])


_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_SPELLED = re.compile(rf"\b(?:the\s+)?({'|'.join(_ORDINALS)})\s+of\s+(?={MONTH})")
_BARE = re.compile(
    r"\b(?:(?P<at>since|from|on|until|till|through|before|after|starting|between|and|to)\s+)?(?P<the>the\s+)?(?P<n>\d{1,2})(?:st|nd|rd|th)\b"
    rf"(?!\s*(?:of\s+)?{MONTH}|\s+(?:of|percentile|pctl|quantile|week|quarter|time|attempt|rank|gpu|node|rack|slot|job|most|worst|best|highest|lowest|largest)\b)"
)


def days_named(text: str, at: datetime) -> str:
    """'since the 15th' and 'the first of May' with their month: the latest such day that has begun."""

    def dated(match: re.Match[str]) -> str:
        day = int(match["n"])
        if not (match["the"] or match["at"] in ("since", "from", "until", "till", "before", "after", "starting")):
            return match.group()
        month = at.month if day <= at.day else at.month - 1 or len(MONTHS)
        return f"{match['at'] + ' ' if match['at'] else ''}{day} {MONTHS[month - 1]}"

    text = _SPELLED.sub(lambda m: f"{_ORDINALS.index(m[1]) + 1} ", text)
    lone = re.search(
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s*(?:-|to|and|until|till|through)\s*(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}",
        text,
    )
    return text if lone else _BARE.sub(dated, text)
