"""What a sentence says beside numbers and names: yes or no, which way something went, that there is no data."""

import re
from enum import StrEnum

_NO_DATA = re.compile(
    r"\b(no data|no telemetry|not exported|not available|no rows|no readings?|n/a|does not exist|do not exist|not applicable"
    r"|no such|nothing (?:was )?recorded|no (?:\w+ )?sensor|missing data|data (?:is|are|was) missing|not measured"
    r"|cannot be answered|null)\b"
)
_YES = re.compile(r"^\W*(?:yes|yep|yeah|true|correct|indeed|y)\b", re.IGNORECASE)
_NO = re.compile(r"^\W*(?:no|nope|false|incorrect|n)\b(?=\s*(?:$|[,.;:!—–-]|\s(?:it|they|there|that|this)\b))", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|never|n't|isn't|wasn't|didn't|doesn't|don't|neither|nor|without|cannot|can't)\b|n't\b")


class Way(StrEnum):
    """Which way something went or is."""

    UP = "up"
    DOWN = "down"
    FLAT = "flat"
    BETTER = "better"
    WORSE = "worse"


_WAYS = {
    Way.FLAT: "unchanged|flat|stable|steady|no change|did(?: not|n't) change|same as before|constant|remained|hardly changed",
    Way.UP: "rose|risen|rises?|rising|increas(?:e|es|ed|ing)|higher|grew|grown|growing|climb(?:ed|s|ing)|gained|went up"
    r"|(?:is|are|was) up|up (?:by|from)|up \d[\d.]*|trending up|upwards?|doubled|tripled|hotter|slower",
    Way.DOWN: "fell|fallen|falls|falling|drop(?:s|ped|ping)|decreas(?:e|es|ed|ing)|lower|declin(?:e|es|ed|ing)|shr[au]nk"
    r"|shrinking|went down|down (?:by|from)|down \d[\d.]*|trending down|downwards?|halved|reduced|cooler|faster",
    Way.BETTER: "better|improv(?:e|es|ed|ing|ement)|healthier|helped",
    Way.WORSE: "worse|worsen(?:s|ed|ing)?|degrad(?:es|ed|ing)|deteriorat(?:es|ed|ing)|made it worse",
}
_WAY = {way: re.compile(rf"\b(?:{pattern})\b") for way, pattern in _WAYS.items()}
_AXES = ({Way.UP, Way.DOWN, Way.FLAT}, {Way.BETTER, Way.WORSE, Way.FLAT})


def no_data(text: str) -> bool:
    """Whether it says that there is nothing to answer from."""
    return _NO_DATA.search(text.lower()) is not None


def verdict(text: str) -> bool | None:
    """Yes or no at the head of a text; None where it says neither."""
    if _YES.match(text):
        return True
    return False if _NO.match(text) else None


def negated(text: str) -> bool:
    """Whether it holds an odd number of negations."""
    return len(_NOT.findall(text.lower())) % 2 == 1


def ways(text: str) -> frozenset[str]:
    """The directions a text names; 'not up' for a denied one."""
    lower = text.lower()
    found = set()
    for way, pattern in _WAY.items():
        for match in pattern.finditer(lower):
            before = lower[max(0, match.start() - 20) : match.start()]
            found.add(f"not {way}" if _NOT.search(before) and way is not Way.FLAT else str(way))
    return frozenset(found)


def same_ways(expected: frozenset[str], got: frozenset[str], sign: int) -> bool | None:
    """Whether directions agree. None where the other says none; a sign before a number is one."""
    if not got and sign:
        got = frozenset({str(Way.UP if sign > 0 else Way.DOWN)})
    for axis in _AXES:
        names = {str(w) for w in axis} | {f"not {w}" for w in axis}
        want, have = expected & names, got & names
        if want and have and want != have:
            return False
    if not got:
        return None
    return True if expected & got else None
