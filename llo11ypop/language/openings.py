"""Sentences before the question itself: why it is asked, or a first question that the figures behind it answer.

'I am sizing the busbars. How many cards …', 'Which teams have the flakiest jobs? Failure rate per account …'. Such an opening is
left aside, and said to be, only where what follows is a whole question by itself and the opening holds nothing that narrows it:
its names and times are carried over, and a condition on the same rows keeps it in.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from llo11ypop.language.index import PhraseIndex, Sense
from llo11ypop.language.spot import Spotted
from llo11ypop.language.times import Times
from llo11ypop.language.words import lemma, tokens

_END = re.compile(r"(?P<mark>[?!.:;])\s+(?=[\w'\"%])")
_BACK = re.compile(r"\b(?:it|they|them|those|these|which ones?|if so|such|same|their|its|ones)\b")
_SHORTEST = 3
"""Words of a question that stands by itself."""
_NARROWS = re.compile(r"\b(?:only|just|except|excluding|without|not|no|ignor\w+|apart|other than|all but)\b|n't\b")
_OPPOSED = re.compile(r"\b(?:than|vs\.?|versus|compared)\b")
_FIRST_PERSON = re.compile(
    r"^\W*(?:(?:hi|hello|hey|morning)\W+)?(?:i|i'm|i am|we|we're|our|my|the team|somebody|someone"
    r"|for (?:the|our|my|a|an) (?:[\w-]+ ){0,3}(?:review|report|meeting|deck|slides?|planning|audit|post-?mortem|handover|standup"
    r"|stand-up|summary|presentation|boss|director|management|customer|budget)$)\b"
)
_GENERIC = frozenset(
    {"utilization", "usage", "load", "temperature", "temp", "power", "memory", "energy", "frequency", "clock", "latency", "rate"}
    | {"throughput", "bandwidth", "traffic", "speed", "error", "util", "voltage", "current", "flow", "duration", "size"}
)
"""Measures that what was said before may tell which one is meant of: 'is the encoder busy? utilization per cluster'."""


@dataclass(frozen=True, slots=True)
class Parts:
    """How parts of a question are understood by themselves."""

    index: PhraseIndex
    times: Callable[[str], Times]
    read: Callable[[str], Spotted | None]


def told(text: str, parts: Parts) -> tuple[str, str]:
    """(the question without its opening, the opening); the whole text and nothing where there is none to leave aside."""
    for end in _END.finditer(text):
        opening, rest = text[: end.start()], text[end.end() :]
        if end["mark"] == "." and re.search(r"\b(?:i\.e|e\.g|vs|approx|\d)$", opening):
            continue
        rest = _pointed(opening, rest, parts.index)
        carried = _carried(opening, rest, parts)
        if carried is None or _BACK.search(rest) or len(rest.split()) < _SHORTEST:
            continue
        whole = f"{rest.rstrip(' ?.!')}{carried}"
        spotted = parts.read(whole)
        if spotted is None or spotted.unknown or not _whole(spotted) or _asks(parts.read(opening)):
            continue
        if (end["mark"] != "?" and not _FIRST_PERSON.match(opening)) or narrows(opening, spotted, parts.index, end["mark"]):
            continue
        return whole, opening.strip(" ,-")
    return text, ""


def _whole(spotted: Spotted) -> bool:
    """Whether a part asks for something by itself: a measure, a thing, or how many there are under a condition."""
    asks = ("count", "share", "which", "show", "agg", "group", "bucket", "trend", "compare", "top", "bottom", "worst", "best")
    named = spotted.firm or any(i.has("qualifier", "unit") for i in spotted.items)
    named = named or (
        any(i.has("value") for i in spotted.items) and any(i.has("dim") and not i.has("value") for i in spotted.items)
    )
    return named and any(i.has(*asks) and i.text not in ("what", "where", "who") for i in spotted.items)


def _asks(opening: Spotted | None) -> bool:
    """Whether the opening is a question for figures itself: two questions are not one."""
    asks = ("count", "agg", "bucket", "group")
    return opening is not None and opening.firm and not opening.unknown and any(i.has(*asks) for i in opening.items)


def _pointed(opening: str, rest: str, index: PhraseIndex) -> str:
    """The question with 'that leaf' named, where the opening names just one."""
    names = list(dict.fromkeys(t.text for t in tokens(opening, index.whole) if t.text in index.names and not t.text.isalpha()))
    found = re.search(r"\b(?:that|this|the same) ([a-z]+(?: switch)?)\b", rest)
    kinds = index.phrases.get(tuple(lemma(w) for w in found[1].split()), ()) if found else ()
    if found is None or len(names) != 1 or not any(s.role == "dim" for s in kinds):
        return rest
    return f"{rest[: found.start()]}{found[1]} {names[0]}{rest[found.end() :]}"


def _carried(opening: str, rest: str, parts: Parts) -> str | None:
    """Names and times of the opening as they are put behind the question; none where it holds what cannot be carried."""
    index = parts.index
    found, own = parts.times(opening), parts.times(rest)
    spans = [opening[s:e].strip() for s, e in found.spans]
    if spans and (own.spans or len(spans) > 1 or found.now or found.before):
        return None
    left = opening
    for span in spans:
        left = left.replace(span, " ")
    said = tokens(left, index.whole)
    if any(t.number is not None for t in said) or _NARROWS.search(left) or _OPPOSED.search(left):
        return None
    names = [t.text for t in said if t.text in index.names and not t.text.isalpha()]
    names = [n for n in names if n not in rest]
    return "".join([*(f", {n}" for n in names), *(f", {s}" for s in spans)])


def narrows(opening: str, spotted: Spotted, index: PhraseIndex, mark: str) -> bool:
    """Whether the opening puts a condition on the rows of the question: 'do failed jobs run long?' before a figure of jobs.

    What a yes-or-no question ends with is what it asks, not a condition: 'is the mount filling up?'.
    """
    said = tokens(opening, index.whole)
    lemmas = [t.lemma for t in said]
    generic = any(lemma(i.text) in _GENERIC and i.has("measure") for i in spotted.items)
    if generic and any(t.lemma not in index.words and t.text not in index.names and t.number is None for t in said):
        return True
    own = {(s.role, s.name) for i in spotted.items for s in i.senses}
    told = {f for i in spotted.items for s in i.senses if s.role == "dim" for f in s.data.fields}
    n = 0
    while n < len(said):
        length, senses = next(iter(index.at(lemmas, n)), (1, []))
        last = mark == "?" and n + length >= len(said)
        held = [s for s in senses if s.role in ("qualifier", "value") and s.dataset in ("", spotted.dataset)]
        named = said[n].text in index.names and not said[n].text.isalpha()
        if (
            held
            and not last
            and not named
            and not any((s.role, s.name) in own for s in held)
            and not _plain(senses)
            and not {s.name for s in held if s.role == "value"} & told
        ):
            return True
        n += length
    return False


def _plain(senses: list[Sense]) -> bool:
    """A word that may be dropped, or that names a thing as well."""
    return any(s.role in ("soft", "thing", "dim", "measure") for s in senses)
