"""A question as tokens: normalised text, lemmas, number words read as numbers, identifiers kept whole."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

LONGEST = 1500
"""Characters of a question that are read; no operator's question was longer (our assumption)."""
REMEMBERED = 16_384
"""Phrases whose lemmas are kept: catalog and lexicon have some 5,000, and each new reader goes over them all."""

_INVISIBLE = {c: None for c in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF)}
_SPELLED = {
    "≥": " >= ", "≤": " <= ", "＞": " > ", "≠": " != ", "–": "-", "—": " - ", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"',
    "℃": " degc ", "×": " x ", "&": " and ",
}  # fmt: skip
_DEGREES = re.compile(r"°\s*c(?:elsius)?\b|\bdeg(?:rees?)?\.?\s*c(?:elsius)?\b|°|\bdegrees?\b")
_TOKEN = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[t ]\d{1,2}:\d{2}(?::\d{2})?z?)?"
    r"|\d{1,2}:\d{2}(?::\d{2})?"
    r"|\d+(?:\.\d+){2,}"
    r"|\d{1,3}(?:,\d{3})+(?:\.\d+)?"
    r"|\d+(?:\.\d+)?(?=%|degc\b)"
    r"|\d+(?:\.\d+)?(?=[a-z]+\b)"
    r"|\d+(?:\.\d+)?"
    r"|/[a-z][\w/.-]*"
    r"|\[hc\]"
    r"|[a-z_][\w]*(?:[-./+@'][\w]+)*'?"
    r"|>=|<=|!=|[<>=%+]"
)
_CONTRACTIONS = {
    "isn't": "is not", "aren't": "are not", "wasn't": "was not", "weren't": "were not", "don't": "do not", "doesn't": "does not",
    "didn't": "did not", "haven't": "have not", "hasn't": "has not", "what's": "what is", "who's": "who is", "how's": "how is",
    "where's": "where is", "can't": "can not", "couldn't": "could not", "won't": "will not", "let's": "let us", "i'd": "i would",
    "it's": "it is", "that's": "that is", "there's": "there is",
}  # fmt: skip
_CONTRACTED = re.compile("|".join(re.escape(c) for c in _CONTRACTIONS))
_JOINING = "-/+.@"
"""Characters of a word that may be a name, or may be several words."""

_SMALL = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_TENS, _ONES = range(20, 100), range(1, 10)
_LARGE = {"hundred": 100, "thousand": 1000, "k": 1000, "million": 1_000_000}
_SHORTEST = 4
"""Letters of a word whose ending is looked at."""
_LARGEST_SHOWN = 1e6
_KEPT = frozenset(
    "status analysis does was is has this its gas bus us previous various less across always perhaps series las iris ms access "
    "loss class process stress address progress address business as plus virus basis axis versus dos yes his loess pass miss "
    "compress express cross press cdus=cdu".split()
)
_IRREGULAR = {
    "indices": "index", "switches": "switch", "chassis": "chassis", "psus": "psu", "gpus": "gpu", "xids": "xid", "sxids": "sxid",
    "data": "data", "men": "man", "people": "person", "centres": "center", "centre": "center", "cooled": "cooled",
    "utilisation": "utilization", "utilised": "utilized", "optimisation": "optimization", "colour": "color", "hrs": "hour",
    "hr": "hour", "mins": "minute", "secs": "second", "wks": "week", "cdus": "cdu", "nics": "nic", "oses": "os", "buses": "bus",
    "leaves": "leaf", "leafs": "leaf", "statuses": "status", "analyses": "analysis", "processes": "process", "losses": "loss",
    "canceled": "cancelled", "cancelation": "cancellation", "visualise": "visualize", "gpu's": "gpu", "datacentre": "datacenter",
    "datacentres": "datacenter", "datacenters": "datacenter", "disks": "disk", "disc": "disk", "passes": "pass", "uses": "use",
    "grouped": "group", "caused": "cause", "causes": "cause", "causing": "cause", "biggest": "largest", "bandwith": "bandwidth",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or operator of a question."""

    text: str
    lemma: str
    start: int
    end: int
    number: float | None = None
    comma: bool = False
    """A comma stands behind it."""


def normalise(text: str) -> str:
    """Lower-case text without invisible characters, with operators and units spelled one way; at most `LONGEST` characters."""
    folded = unicodedata.normalize("NFKC", text[: LONGEST * 2]).translate(_INVISIBLE)
    for sign, spelled in _SPELLED.items():
        folded = folded.replace(sign, spelled)
    folded = _DEGREES.sub(" degc ", folded.lower()[:LONGEST])
    folded = re.sub(r"\bper\s*cent\b", "%", folded)
    return _CONTRACTED.sub(lambda m: _CONTRACTIONS[m.group()], folded)


def lemma(word: str) -> str:
    """The word without a plural or possessive ending, in one spelling."""
    word = word.strip("'")
    word = word.removesuffix("'s")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if re.fullmatch(r"[a-z]+\d+s", word):
        return word[:-1]
    if word in _KEPT or len(word) < _SHORTEST or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > _SHORTEST:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def tokens(text: str, whole: Callable[[str], bool]) -> list[Token]:
    """Tokens of a normalised text; `whole` says which hyphenated or slashed words are names and stay in one piece."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        word = match.group()
        if (any(c in word for c in _JOINING) and word[0].isalpha() and not whole(word.strip("'."))) and not re.fullmatch(
            r"[<>=!]+", word
        ):
            at = match.start()
            for part in re.split(r"([-/+.@])", word):
                if part and part not in _JOINING:
                    found.append(_token(part, at))
                at += len(part)
        else:
            found.append(_token(word, match.start()))
    return [replace(t, comma=True) if text[t.end :].lstrip()[:1] == "," else t for t in _with_numbers(found)]


def lemmas(phrase: str, whole: Callable[[str], bool]) -> tuple[str, ...]:
    """The lemmas of a phrase as somebody wrote it. Kept where no word of it could be a name, so that `whole` has no say."""
    known = _lemmas(phrase)
    return tuple(t.lemma for t in tokens(normalise(phrase), whole)) if known is None else known


@lru_cache(maxsize=REMEMBERED)
def _lemmas(phrase: str) -> tuple[str, ...] | None:
    text = normalise(phrase)
    return None if any(c in text for c in _JOINING) else tuple(t.lemma for t in tokens(text, lambda _: False))


def _token(word: str, start: int) -> Token:
    number = None
    if re.fullmatch(r"\d[\d,]*(?:\.\d+)?", word):
        number = float(word.replace(",", ""))
        return Token(word, f"{number:g}" if number < _LARGEST_SHOWN else word, start, start + len(word), number)
    return Token(word, lemma(word), start, start + len(word), number)


def _with_numbers(found: list[Token]) -> list[Token]:
    """Number words as one numeric token: 'twenty four' → 24, 'two hundred' → 200, '1.5 thousand' → 1500."""
    out: list[Token] = []
    index = 0
    while index < len(found):
        end, value = _number_at(found, index)
        if end > index and value is not None:
            text = " ".join(t.text for t in found[index:end])
            out.append(
                Token(
                    text,
                    found[index].lemma if end == index + 1 and found[index].number is not None else f"{value:g}",
                    found[index].start,
                    found[end - 1].end,
                    value,
                )
            )
            index = end
        else:
            out.append(found[index])
            index += 1
    return out


def _number_at(found: list[Token], index: int) -> tuple[int, float | None]:
    first = found[index]
    if first.number is None and first.text not in _SMALL and first.text not in ("hundred", "dozen", "couple", "once", "twice"):
        return index, None
    if first.text == "dozen":
        return index + 1, 12.0
    if first.text == "couple":
        return index + 1, 2.0
    if first.text in ("once", "twice"):
        return index + 1, 1.0 if first.text == "once" else 2.0
    value = first.number if first.number is not None else float(_SMALL.get(first.text, 0))
    end = index + (0 if first.text == "hundred" else 1)
    if first.text == "hundred":
        value = 1.0
    elif first.number is None and value in _TENS and end < len(found) and _SMALL.get(found[end].text, 0) in _ONES:
        value += _SMALL[found[end].text]
        end += 1
    while end < len(found) and found[end].text in _LARGE and not (found[end].text == "k" and first.number is None):
        value *= _LARGE[found[end].text]
        end += 1
    return end, value
