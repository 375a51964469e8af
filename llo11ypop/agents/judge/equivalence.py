"""Whether two answers mean the same, by rules: numbers exactly, names as sets or rankings, directions, dates, yes and no.

Undecided is a verdict of its own: where a rule does not reach, nothing is accepted. A wrong number is never accepted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llo11ypop.agents.judge.dates import moments, same_moments
from llo11ypop.agents.judge.meaning import negated, no_data, same_ways, verdict, ways
from llo11ypop.agents.judge.names import ids, items, masked, same_names, without_ordinals
from llo11ypop.agents.judge.quantities import Quantity, quantities, same

_RANKS = re.compile(
    r"\b(top|rank(?:ed|ing)?|worst|best|most|least|highest|lowest|order(?:ed)?|sorted|hottest|coolest|slowest|fastest|first|leading)\b"
)
_FILLER = frozenset(
    "a an the is are was were be been it its they this that there of in on at to for by with from and or as has have had did "
    "does do so about roughly approximately around nearly almost total all because due most likely probably seems answer than "
    "then just which not no never".split()
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says of two answers."""

    equal: bool | None
    """None: undecided, which nobody may read as equal."""
    why: str


@dataclass(frozen=True, slots=True)
class _Said:
    """One answer in parts."""

    text: str
    moments: tuple[object, ...]
    names: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    ways: frozenset[str]


def equivalent(expected: str, got: str, *, question: str = "", ranked: bool | None = None) -> Verdict:
    """Whether `got` means what `expected` does. Numbers and names of the question itself are surroundings.

    `ranked`: whether order counts; where not given, the question tells.
    """
    return _judge(expected, got, question, _RANKS.search(question.lower()) is not None if ranked is None else ranked, False)


def states(expected: str, sentence: str, *, question: str = "", ranked: bool = False) -> Verdict:
    """Whether a sentence says a fact among other things: further numbers and names do not count against it."""
    return _judge(expected, sentence, question, ranked, True)


def _judge(expected: str, got: str, question: str, ranked: bool, among: bool) -> Verdict:
    if not expected.strip() or not got.strip():
        return Verdict(None, "one of the two says nothing")
    if _folded(expected) == _folded(got):
        return Verdict(True, "the same text")
    if no_data(expected) or no_data(got):
        both = no_data(expected) and no_data(got)
        return Verdict(both, "both say that there is no data" if both else "one says that there is no data")
    one, other, asked = _said(expected), _said(got), _said(question)
    checks = [
        ("yes or no", _verdicts(expected, got)),
        ("dates", _dates(expected, got)),
        ("names", _names(one, other, asked, ranked, among)),
        ("direction", _ways(one, other)),
        ("numbers", _numbers(one, other, asked, among)),
    ]
    decided = [(what, equal) for what, (applies, equal) in checks if applies]
    if not decided:
        return _words(expected, got, ranked)
    for what, equal in decided:
        if equal is False:
            return Verdict(False, f"{what} differ")
    for what, equal in decided:
        if equal is None:
            return Verdict(None, f"{what} cannot be compared")
    return Verdict(True, f"{' and '.join(what for what, _ in decided)} agree")


Check = tuple[bool, bool | None]
"""Whether a rule applies, and what it says."""


def _said(text: str) -> _Said:
    found, rest = moments(without_ordinals(text))
    names, rest = ids(rest), masked(rest)
    return _Said(rest, found, names, quantities(rest), ways(rest))


def _verdicts(expected: str, got: str) -> Check:
    want, have = verdict(expected), verdict(got)
    if want is None and have is None:
        return False, None
    if want is None:
        return False, None
    return True, None if have is None else want is have


def _dates(expected: str, got: str) -> Check:
    want, have = moments(expected)[0], moments(got)[0]
    return bool(want), same_moments(want, have) if want else None


def _names(one: _Said, other: _Said, asked: _Said, ranked: bool, among: bool) -> Check:
    want = tuple(n for n in one.names if n not in asked.names) or one.names
    if not want:
        return False, None
    if among:
        have = tuple(n for n in other.names if n in want)
        if set(have) != set(want):
            return True, None if not have and set(want) <= set(asked.names) else False
        return True, have == want if ranked else True
    if set(want) <= set(asked.names) and not other.names:
        return False, None
    return True, same_names(want, other.names, frozenset(asked.names), ranked=ranked)


def _ways(one: _Said, other: _Said) -> Check:
    if not one.ways:
        return False, None
    sign = next((q.signed for q in other.quantities if q.signed), 0)
    return True, same_ways(one.ways, other.ways, sign)


def _numbers(one: _Said, other: _Said, asked: _Said, among: bool) -> Check:
    want, have = list(one.quantities), list(other.quantities)
    if not want:
        return False, None
    if one.ways and all(w.signed == 0 for w in want):
        have = [_unsigned(h) for h in have]
    if not have:
        return True, None
    pairs = _by_name(one, want), _by_name(other, have)
    if not among and pairs[0] and pairs[1]:
        return True, _same_pairs(*pairs)
    left = list(have)
    unsure = False
    for quantity in want:
        verdicts = [(h, same(quantity, h)) for h in left]
        match = next((h for h, v in verdicts if v), None)
        if match is None:
            if not any(v is None for _, v in verdicts):
                return True, False
            unsure = True
            continue
        left.remove(match)
    if unsure:
        return True, None
    return True, True if among or not _rivals(want, left, asked) else None


def _unsigned(quantity: Quantity) -> Quantity:
    """A number whose sign another word says: 'fell 12 %' is '-12 %'."""
    return replace(quantity, value=abs(quantity.value), signed=0) if quantity.signed < 0 and not quantity.compared else quantity


def _rivals(want: Sequence[Quantity], left: Sequence[Quantity], asked: _Said) -> bool:
    """Whether a number is left that might be meant instead: of the same dimension, and not said by the question."""
    return any(
        q.dimension == w.dimension and (not w.noun or not q.noun or w.noun == q.noun)
        for q in left
        for w in want
        if not any(same(a, q) for a in asked.quantities)
    )


def _by_name(said: _Said, found: Sequence[Quantity]) -> dict[str, Quantity]:
    """Each name with its number, where there are as many numbers as names."""
    return dict(zip(said.names, found, strict=True)) if len(said.names) == len(found) > 1 else {}


def _same_pairs(one: dict[str, Quantity], other: dict[str, Quantity]) -> bool | None:
    if set(one) != set(other):
        return False
    verdicts = [same(one[n], other[n]) for n in one]
    return False if False in verdicts else None if None in verdicts else True


def _words(expected: str, got: str, ranked: bool) -> Verdict:
    want, have = items(expected), items(got)
    if want and have:
        equal = want == have if ranked else set(want) == set(have)
        return Verdict(equal, "the lists agree" if equal else "the lists differ")
    if want:
        places = [_folded(got).find(_folded(w)) for w in want]
        if -1 in places:
            return Verdict(None if places.count(-1) == len(places) else False, "not all of the list is named")
        if ranked and places != sorted(places):
            return Verdict(False, "the order differs")
        return Verdict(None, "the list is named, perhaps among others")
    one, other = _content(expected), _content(got)
    if one and one <= other and negated(expected) == negated(got) and " or " not in f" {got.lower()} ":
        return Verdict(True, "the same words")
    return Verdict(None, "no rule reaches this")


def _content(text: str) -> set[str]:
    return {w.removesuffix("s") for w in re.findall(r"[\w'-]+", text.lower()) if w not in _FILLER}


def _folded(text: str) -> str:
    return " ".join(re.sub(r"[^\w%°.:/+-]+", " ", text.lower()).strip(" .").split())
