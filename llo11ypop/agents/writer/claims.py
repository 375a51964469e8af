"""Whether a sentence says no more than one fact says.

A clause stands when everything in it that is not a mere connecting word is in one line of the facts: the same figures, names,
times and words, in the order of that line and figures next to the words they stood next to, with every `not` that the line has.
What a ticket is about (cause, thing, place, onset) may be told in any order, as long as cause and thing are both named. So a
clause is a shortened fact or it is taken out: a swapped figure, another target, a cause, a verdict or an all-clear that nobody
measured has no line to stand on.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from llo11ypop.core.vocabulary import Level
from llo11ypop.language.binding import INSTANT, grounds, unbound
from llo11ypop.language.words import lemma

CONNECTING = frozenset(
    "a an the this that these its it is are be has have of on in at and with for by as since there here which where while "
    "shows reports reported seen began started stands".split()
)
"""What a sentence may have without any fact behind it. No word that weighs, denies, counts, dates or explains is among them."""
NEGATIONS = frozenset("no not never none nothing without neither nor cannot".split())
NEAR = 2
"""A figure stands this many words, at most, from the word it follows."""
FEWEST = 3
"""Fewer words than this say too little to be checked."""
_OF = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?) of (?:the |its )?(\d+(?:\.\d+)?)(?![\w.,]*\d)", re.IGNORECASE)
_TOKEN = re.compile(r"@[^\s,;()]+|#[\d./]+|[^\s,;:()\[\]\"“”!?…=→*]+")
_NUMBER = re.compile(r"([-−+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-−+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(%|[A-Za-z°]{0,4})", re.IGNORECASE)
_CLAUSES = re.compile(r"\s*[;,]\s+(?:and\s+|while\s+)?|\s+(?:and|while)\s+")
_WHOLE_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}Z")
_LEVELS = frozenset(level.value for level in Level)


@dataclass(frozen=True)
class Claimed:
    """What may be said, in one spelling."""

    about: tuple[str, ...]
    """The line that may be told in any order."""
    subject: frozenset[str]
    """Words of it that must be there: cause and thing."""
    others: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, about: str, subject: Iterable[str], others: Iterable[str]) -> "Claimed":
        """From lines as people read them."""
        named = frozenset(word for text in subject for word in words_of(text))
        return cls(tuple(words_of(about)), named, tuple(tuple(words_of(line)) for line in others))

    def stands(self, sentence: str) -> bool:
        """Whether each clause of a sentence is a shortened fact."""
        parts = [p for p in _CLAUSES.split(sentence.strip()) if p]
        return self._covers(sentence) or (len(parts) > 1 and all(self._covers(p) for p in parts))

    def _covers(self, clause: str) -> bool:
        said = words_of(clause)
        if len(said) < FEWEST:
            return False
        told = self.subject <= set(said) and _among(said, self.about)
        return told or any(_shortened(said, line) for line in self.others)


def loose(sentence: str, lines: Sequence[str]) -> tuple[str, ...]:
    """The figures, names and times of a sentence that no fact has, whatever they are said of."""
    instants = [datetime.fromisoformat(t) for line in lines for t in _WHOLE_INSTANT.findall(line)]
    return unbound(sentence, grounds(None, question="", said=lines, instants=instants))


def words_of(text: str) -> list[str]:
    """Figures, names, times and words in one spelling, without connecting words; 'two of eight' is one word."""
    text = INSTANT.sub(lambda m: f"@{m.group().replace('T', ' ').removesuffix('Z').replace(' ', '_')}", text)
    text = _OF.sub(lambda m: f"#{float(m.group(1)):g}/{float(m.group(2)):g}", text)
    found: list[str] = []
    for token in _TOKEN.findall(text):
        word = token.strip(".'`’‘–—-")
        if not word or word.casefold() in CONNECTING:
            continue
        number = _NUMBER.fullmatch(word)
        if number:
            found.append(f"#{float(number.group(1).replace(',', '').replace('−', '-')):g}")
            found += [number.group(2).casefold()] if number.group(2) else []
        else:
            found.append(word if word[0] in "@#" else lemma(word.casefold().removesuffix("'s").removesuffix("’s")))
    return found


def _among(said: Sequence[str], line: Sequence[str]) -> bool:
    """Whether all of it is in the line, figures beside the same word, things beside their own kind."""
    short = {s for word in line if word[0] == "@" for s in _times(word)}
    if Counter(w for w in said if w[0] != "@") - Counter(line) or any(w[0] == "@" and w not in short for w in said):
        return False
    if _denials(said) != _denials(line):
        return False
    pairs = set(pairwise(line))
    for one, other in pairwise(said):
        if one in _LEVELS and _named(other) and (one, other) not in pairs:
            return False
        if one[0] == "#" and (one, other) not in pairs:
            return False
    return said[-1][0] != "#"


def _named(word: str) -> bool:
    return any(c.isdigit() or c in "-_/" for c in word) and word[0] not in "@#"


def _shortened(said: Sequence[str], line: Sequence[str]) -> bool:
    """Whether it is the line with words left out: the same order, figures near the word that they followed."""
    return _denials(said) == _denials(line) and _aligned(said, line, 0, -1, 0)


def _aligned(said: Sequence[str], line: Sequence[str], at: int, last: int, start: int) -> bool:
    if at == len(said):
        return True
    word = said[at]
    for place in range(start, len(line)):
        if not _same(word, line[place]):
            continue
        far = at > 0 and place - last > NEAR and (word[0] in "#@" or said[at - 1][0] == "#")
        headless = at == 0 and word[0] == "#" and place > 0
        if not far and not headless and _aligned(said, line, at + 1, place, place + 1):
            return True
    return False


def _same(word: str, other: str) -> bool:
    return word == other or (word[0] == "@" and other[0] == "@" and word in _times(other))


def _times(word: str) -> tuple[str, ...]:
    """An instant as a whole, as its day and as its time of day."""
    day, _, clock = word[1:].partition("_")
    return (word, f"@{day}", f"@{clock}") if clock else (word,)


def _denials(words: Sequence[str]) -> Counter[str]:
    keep: Callable[[str], bool] = NEGATIONS.__contains__
    return Counter(filter(keep, words))
