"""Dates and instants in a sentence, to the precision they were given; the text without them is what numbers are read from."""

import re
from dataclasses import dataclass

_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = "|".join(f"{m}|{m[:3]}" for m in _MONTHS) + "|sept"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?:[T ,]+(?:at )?{_CLOCK})?\s*(?:Z\b|UTC\b)?",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<name>{_MONTH})\b\.?,?(?:\s+(?P<year>\d{{4}})\b)?"
        rf"(?:,?\s+(?:at\s+)?{_CLOCK})?\s*(?:Z\b|UTC\b)?",
        rf"\b(?P<name>{_MONTH})\b\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:|\.\d| ?%)(?:,?\s+(?P<year>\d{{4}})\b)?"
        rf"(?:,?\s+(?:at\s+)?{_CLOCK})?\s*(?:Z\b|UTC\b)?",
        rf"\b(?P<name>{_MONTH})\b\.?,?\s+(?P<year>\d{{4}})\b",
        r"\b(?P<year>20\d{2})-(?P<month>\d{2})\b(?!-)",
        rf"(?<=\bin )(?P<name>{'|'.join(_MONTHS)})\b|^(?P<name2>{'|'.join(_MONTHS)})\W*$",
        rf"(?<![\d:.]){_CLOCK}\s*(?:Z\b|UTC\b)?(?![\d:])",
    )
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or instant; what was not said is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int | None = None
    second: int | None = None

    def agrees(self, other: "Moment") -> bool:
        """Whether no part that both say differs."""
        return all(
            a is None or b is None or a == b
            for a, b in ((getattr(self, n), getattr(other, n)) for n in ("year", "month", "day", "hour", "minute"))
        ) and (not self.second or not other.second or self.second == other.second)

    def says_all_of(self, other: "Moment") -> bool:
        """Whether it is at least as precise, leaving aside year and zero seconds; midnight may be left out."""
        whole_day = other.hour == other.minute == 0
        names = ("month", "day") if whole_day else ("month", "day", "hour", "minute")
        return all(getattr(other, n) is None or getattr(self, n) is not None for n in names)


def moments(text: str) -> tuple[tuple[Moment, ...], str]:
    """The dates and instants of a text in order, and the text without them."""
    found: list[tuple[int, Moment]] = []

    def take(match: re.Match[str]) -> str:
        moment = _moment(match.groupdict())
        if moment is None:
            return match[0]
        found.append((match.start(), moment))
        return " " * len(match[0])

    for pattern in _PATTERNS:
        text = pattern.sub(take, text)
    return tuple(m for _, m in sorted(found, key=lambda f: f[0])), text


def _moment(parts: dict[str, str | None]) -> Moment | None:
    name = parts.get("name") or parts.get("name2")
    month = 1 + [m[:3] for m in _MONTHS].index(name[:3].lower()) if name else _int(parts.get("month"))
    moment = Moment(
        _int(parts.get("year")), month, _int(parts.get("day")),
        _int(parts.get("hour")), _int(parts.get("minute")), _int(parts.get("second")),
    )  # fmt: skip
    limits = ((moment.month, 12), (moment.day, 31), (moment.hour, 24), (moment.minute, 59))
    return None if any(value is not None and value > limit for value, limit in limits) else moment


def _int(text: str | None) -> int | None:
    return int(text) if text else None


def same_moments(expected: tuple[Moment, ...], got: tuple[Moment, ...]) -> bool | None:
    """Whether the expected moments are among those got, none against them. None where one is less precise than expected."""
    if not got:
        return None
    vague = False
    for moment in expected:
        agreeing = [m for m in got if m.agrees(moment)]
        if not agreeing:
            return False
        vague |= not any(m.says_all_of(moment) for m in agreeing)
    return None if vague else True
