"""A question's words before they mean anything: slips of the pen put right, quotations set aside."""

import re
from dataclasses import replace

from rapidfuzz.distance import OSA

from llo11ypop.language.index import PhraseIndex
from llo11ypop.language.searching import in_logs
from llo11ypop.language.time_counts import NUMBERS
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token, lemma, tokens

_QUOTED = re.compile(r"""(?<!\w)(["'])([^"']{3,80})\1(?!\w)""")
_PREFIX = re.compile(
    r"\b(?P<noun>[a-z]+?)s? (?:that |which )?"
    r"(?P<verb>(?:starts?|starting|begins?|beginning) with [\"']?(?P<text>[a-z][\w:.-]*)[\"']?)"
)
"""'Reasons that start with NHC'."""
_TIME_WORDS = ("days", "hours", "weeks", "months", "minutes", "yesterday", "today", "last", "past", "week", "month", "hour")


def time_words(text: str, index: PhraseIndex) -> str:
    """Misspelt words of time put right before periods are looked for: '7 dyas'."""

    def right(match: re.Match[str]) -> str:
        word = match.group()
        if word in NUMBERS or word in index.words or word in index.names or lemma(word) in index.words:
            return word
        return next((w for w in _TIME_WORDS if OSA.distance(word, w, score_cutoff=1) <= 1), word)

    return re.sub(r"(?<![\w-])[a-z]{4,9}(?![\w-])", right, text)


def quotes(text: str, times: Times, index: PhraseIndex) -> None:
    """Text in quotation marks that is no name of this fleet is searched for in messages."""
    for match in _PREFIX.finditer(text):
        times.prefixes.append((match["noun"], match["text"].rstrip(".:")))
        times.spans.append(match.span("verb"))
    for match in _QUOTED.finditer(text):
        if any(s <= match.start() < e for s, e in times.spans):
            continue
        inner = match[2].strip()
        term = tuple(t.lemma for t in tokens(inner, index.whole))
        known = any(s.role == "qualifier" and s.dataset == "syslog" for s in index.phrases.get(term, ()))
        if inner and not known and (" " in inner or in_logs(text)) and inner not in index.names:
            times.quoted += [part for part in re.split(r"\s*(?:\.{2,}|\u2026)\s*", inner) if part]
            times.spans.append(match.span())


def spelled(text: str, times: Times, index: PhraseIndex) -> tuple[list[Token], list[str]]:
    """Tokens with misspelt words put right, and what was put right."""
    notes: list[str] = []
    out: list[Token] = []
    for token in tokens(text, index.whole):
        inside = any(s <= token.start < e for s, e in times.spans)
        known = token.number is not None or token.lemma in index.words or token.text in index.names or inside
        dashed = token.text.replace("_", "-")
        if not known and dashed in index.names:
            out.append(replace(token, text=dashed, lemma=dashed))
            continue
        if not known and "_" in token.text:
            out += tokens(token.text.replace("_", " "), index.whole)
            continue
        better = None if known else index.correct(token.lemma, token.text)
        if better is not None:
            notes.append(f"'{token.text}' read as '{better}'")
        out.append(token if better is None else replace(token, text=better, lemma=better))
    return out, notes
