# ruff: noqa: E501 - patterns are easier to read whole
"""Time phrases of a question: their patterns, longest first, and the spans that they stand for."""

import re
from datetime import datetime

from llo11ypop.language import calendar_phrases
from llo11ypop.language import time_phrases as say
from llo11ypop.language.periods import JustBegunError
from llo11ypop.language.time_counts import COUNT, UNIT
from llo11ypop.language.time_phrases import Maker, Times
from llo11ypop.language.time_points import CLOCK, DATE, DAY, MONTH, ImpossibleDateError

_POINT = (
    rf"(?:(?:{CLOCK}\s+(?:utc\s+)?(?:on\s+)?(?:the\s+)?)?{DATE}(?:\s+(?:at\s+)?{CLOCK})?|(?:last\s+)?{DAY}(?:\s+(?:at\s+)?{CLOCK})?"
    rf"|(?:yesterday|today|this\s+morning|last\s+night|last\s+week|last\s+month|this\s+week|this\s+month)(?:\s+(?:at\s+)?{CLOCK})?|{MONTH}(?:\s+20\d\d)?|{CLOCK}|now)"
)


_TO = r"(?:\band\b|\bto\b|\buntil\b|\btill\b|\bthrough\b|\bthru\b|-)"
_HOUR = rf"(?:{CLOCK}|\d{{1,2}}\b(?!:))"


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


_PRE = r"(?:\b(?:in|over|during|for|within|throughout|of|from|on|at|across)\s+)?(?:the\s+)?"


def _compiled(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


_PATTERNS: list[tuple["re.Pattern[str]", Maker]] = [
    (_compiled(rf"\b(?:(?:between|from)\s+(?P<a>{_HOUR})\s*{_TO}\s*(?P<b>{_HOUR}))\s+(?:utc\s+)?(?:on\s+)?(?:the\s+)?(?P<day>yesterday|today|this\s+morning|last\s+night|{DATE}|{DAY})"), say.clocks),
    (_compiled(rf"(?P<day>yesterday|today|this\s+morning|last\s+night|{DATE}|{DAY})(?:\s+(?:morning|afternoon|evening|night))?,?\s+(?:(?:between|from)\s+)(?P<a>{_HOUR})\s*{_TO}\s*(?P<b>{_HOUR})(?!\s*(?:%|degc|[a-z]*w\b|gpus?|nodes?))"), say.clocks),
    (_compiled(rf"(?P<day>yesterday|today|this\s+morning|last\s+night|{DATE}|{DAY})(?:\s+(?:morning|afternoon|evening|night))?,?\s+(?P<a>{CLOCK})\s*{_TO}\s*(?P<b>{CLOCK})"), say.clocks),
    (_compiled(rf"(?P<a>{CLOCK})\s*{_TO}\s*(?P<b>{CLOCK})\s+(?:utc\s+)?(?:on\s+)?(?:the\s+)?(?P<day>yesterday|today|this\s+morning|last\s+night|{DATE}|{DAY})"), say.clocks),
    (_compiled(rf"{_PRE}(?:\b(?P<of>morning|afternoon|evening)\s+of\s+(?:the\s+)?(?P<on>yesterday|{DATE}|(?:last\s+)?{DAY})|\b(?P<day>yesterday|{DATE}|(?:last\s+)?{DAY})(?:'s)?\s+(?P<part>morning|afternoon|evening)\b)"), say.part_of_day),
    (_compiled(rf"\b(?:(?:in|within|over|for|during)\s+)?(?:the\s+)?(?:next|coming|following|upcoming)\s+{COUNT}[\s-]*{UNIT}"), say.next_n),
    (_compiled(rf"\b(?:in|within)\s+{COUNT}[\s-]*{UNIT}\s+from\s+now\b"), say.next_n),
    (_compiled(rf"\b(?:between|from)\s+(?:the\s+)?(?P<a>{_POINT}|\d{{1,2}}(?:st|nd|rd|th)?)\s+(?:and|to|until|till|through|thru|-)\s+(?:the\s+)?(?P<b>{_POINT}|\d{{1,2}}(?:st|nd|rd|th)?\b)"), say.between),
    (_compiled(rf"(?P<a>{DATE}|\b\d{{1,2}})\s*(?:-|to|until|through|thru)\s*(?P<b>{DATE})"), say.between),
    (_compiled(rf"{_PRE}(?P<a>{DATE}|\b\d{{1,2}}(?:st|nd|rd|th)?)\s*(?:and|&)\s*(?P<b>{DATE})(?:\s+together)?"), say.neighbours),
    (_compiled(rf"(?P<a>{MONTH}\s\d{{1,2}})\s*(?:-|to|until|through|thru)\s*(?P<b>{DATE}|\d{{1,2}}\b)"), say.between),
    (_compiled(rf"\b(?:in\s+|during\s+)?(?:the\s+)?(?P<nth>first|second|third|fourth|last)\s+week\s+(?:of|in)\s+(?P<month>{MONTH})"), calendar_phrases.nth_week),
    (_compiled(rf"{_PRE}week\s+(?:of|starting|beginning)\s+(?:the\s+)?(?P<a>{_POINT})"), say.week_of),
    (_compiled(rf"\b(?:since|starting(?:\s+(?:on|from|with))?|beginning(?:\s+(?:on|from|with))?(?!\s+of))\s+(?:the\s+)?(?:(?:start|beginning)\s+of\s+)?(?:the\s+)?(?P<a>{_POINT})"), say.since),
    (_compiled(rf"\bafter\s+(?:the\s+)?(?P<a>{_POINT})"), say.after),
    (_compiled(rf"\b(?:until|till|before|earlier\s+than|prior\s+to|by)\s+(?:the\s+)?(?P<a>{DATE}|{DAY}(?!\s+\w+day)|{MONTH}\s+20\d\d|{MONTH}|20\d\d\b)"), say.until),
    (_compiled(rf"\b(?:the\s+)?{COUNT}\s+{UNIT}\s+(?:before|prior|preceding)(?:\s+(?:that|it|them|those))?\b"), say.before_that),
    (_compiled(rf"\bthe\s+(?:same\s+)?{COUNT}\s+(?:before|prior|preceding)(?:\s+(?:that|it|them|those))?\b"), say.before_that),
    (_compiled(rf"\b(?:against|vs\.?|versus|with|to|than|and)\s+(?:the\s+)?(?:previous|preceding|prior)\s+(?:{COUNT}|ones?)\b(?!\s*(?:full\s+)?{UNIT})"), say.before_that),
    (_compiled(rf"\bfrom\s+(?P<a>{_POINT})\s+(?:on|onwards?)\b"), say.since),
    (_compiled(rf"\bfrom\s+(?:the\s+)?(?P<a>{DATE}|{DAY})(?:\s+(?:until|till|to)\s+now)?(?!\s*(?:to|until|till|through|thru|-|and(?=\s+(?:the\s+)?(?:\d|{DATE}|{DAY})))\b)"), say.since),
    (_compiled(r"\b(?:(?:in|over|during|for)\s+)?(?:the\s+)?last\s+(?P<u>hour|day|week|month)\s+of\s+(?:data|telemetry)(?:\s*\(\d+\s+\w+\))?"), say.trailing_unit),
    (_compiled(r"\b(?:the\s+)?(?:hour|day|week|month|period|one)\s+before(?:\s+(?:that|it))?\b(?!\s+yesterday)"), say.before_that),
    (_compiled(r"\b(?:(?P<u>year|quarter|month|week)\s+to\s+date|ytd)\b"), say.to_date),
    (_compiled(rf"\b(?:since|starting)\s+(?:about\s+)?{COUNT}\s*{UNIT}\s+ago\b"), say.last_n),
    (_compiled(rf"\b{COUNT}\s*{UNIT}\s+ago\b"), say.ago),
    (_compiled(rf"{_PRE}\b(?:last|past|previous|prior|recent|trailing|preceding|most recent|latest)\s+{COUNT}[\s-]*(?:full\s+)?{UNIT}"), say.last_n),
    (_compiled(r"\b(?:the\s+)?(?:day before yesterday)\b"), say.day_word),
    (_compiled(rf"{_PRE}\b(?:last\s+night|overnight|yesterday\s+night)(?:'s)?\b"), say.day_word),
    (_compiled(rf"\b(?:at|around|about)\s+(?P<a>{CLOCK}\s+(?:yesterday|today))\b"), say.on_point),
    (_compiled(rf"{_PRE}(?P<a>(?:yesterday|today)\s+(?:at\s+|around\s+)?{CLOCK})"), say.on_point),
    (_compiled(r"\b(?:later\s+)?(?:tomorrow|tonight|next\s+(?:hour|day|week|month|quarter|year)|coming\s+(?:days?|weeks?|months?))\b"), say.still_to_come),
    (_compiled(rf"{_PRE}\b(?:yesterday|today|this\s+morning|this\s+(?:afternoon|evening)|(?:last|past|this\s+past)\s+weekend|the\s+weekend)(?:'s)?(?:\s+so\s+far)?\b"), say.day_word),
    (_compiled(rf"{_PRE}\b(?P<which>last|past|previous|prior|this|current|trailing)\s+(?P<u>minute|min|hour|hr|day|week|wk|fortnight|month|quarter|year|night)(?:'s)?\b(?!\s+of\b)(?:\s+so\s+far)?"), say.relative),
    (_compiled(rf"{_PRE}\b(?P<a>{CLOCK}\s+(?:utc\s+)?(?:on\s+)?(?:the\s+)?{DATE}|{DATE}(?:,?\s+(?:at\s+|around\s+)?{CLOCK})?)"), say.on_point),
    (_compiled(rf"{_PRE}\b(?P<a>(?:last\s+)?{DAY}(?:\s+(?:at\s+|around\s+)?{CLOCK})?)(?:'s)?"), say.on_point),
    (_compiled(r"\b(?:in|during|for|of|over|throughout|from|vs\.?|versus|than|and|to|with)?\s*(?P<part>early|mid|late|(?:the\s+)?(?:start|beginning|end)\s+of)?\s*\b(?P<month>january|february|march|april|may|june|july|august|september|october|november|december|sept|oct|nov|dec|jan|feb|apr|aug)\b(?:\s+(?P<year>20\d\d))?(?:'s)?"), calendar_phrases.month),
    (_compiled(r"\b(?:in|during|for)?\s*q(?P<q>[1-4])(?:\s+(?P<year>20\d\d))?\b"), calendar_phrases.quarter),
    (_compiled(r"\b(?:in|during|for|within)?\s*(?:the\s+)?(?:(?P<half>first|second|1st|2nd|latter|h1|h2)(?:\s+half)?(?:\s+of)?)\s+(?P<year>20\d\d)\b"), calendar_phrases.half_year),
    (_compiled(r"\b(?:in|during)\s+(?P<year>20\d\d)\b"), calendar_phrases.year),
    (_compiled(rf"\b(?:at|around|about|by)\s+(?P<a>{CLOCK})(?:\s+utc)?"), say.on_point),
    (_compiled(rf"\b(?:in|over|during|for|within|across)\s+(?:the\s+|any\s+|a\s+)?{COUNT}[\s-]*{UNIT}"), say.within_n),
    (_compiled(rf"\(\s*(?:the\s+)?(?:last\s+|past\s+)?{COUNT}[\s-]*{UNIT}\s*\)"), say.repeated),
    (_compiled(r"(?:,\s*current\s*\??$)|\bcurrent(?=\s+(?:(?!of\b|on\b|in\b)\w+\s+){0,3}(?:gpus?\s+count|jobs|draw|consumption|firmware|driver|version|state|status|condition|number|count|queue|stock|open|value|reading|level|temperature|utili[sz]ation|power|load|usage|allocation|availability)\b)"), say.at_present),
    (_compiled(r"\b(?:right\s+now|just\s+now|currently|at\s+the\s+moment|at\s+present|as\s+of\s+now|at\s+this\s+moment|presently|these\s+days|rn|atm|as\s+we\s+speak|(?<!^)now)\b"), say.at_present),
    (_compiled(r"\b(?:all\s+time|ever|of\s+all\s+time|since\s+the\s+beginning|in\s+total\s+so\s+far|so\s+far|to\s+date|whole\s+(?:history|period)|entire\s+(?:history|period|dataset)|all\s+(?:the\s+)?(?:history|telemetry))\b"), say.everything),
    (_compiled(rf"(?:^|[,\s(]){COUNT}[\s-]*{UNIT}\)?\s*[?.!]?\s*$"), say.bare_n),
]  # fmt: skip

__all__ = ["Times", "read_times"]
