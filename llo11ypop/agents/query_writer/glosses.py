"""What a model says that words mean which nobody knows here: each in other words, put in their place, and read by the reader.

The rest of the question stays as it was written, so nothing that it says can be lost. What is put in must be known to the
reader, must say something that the question did not say yet, and must name no thing of the fleet, no number and no time. It may
not lead away from what the question is about, and where that can be read without its unknown words, it may narrow the reading and
do nothing else. A noun is replaced and never left out, for it narrows the question, and so does every word where things are
counted. Beside a measured quantity a verb or an adverb may be left out that the reader knows nowhere. The plan is the reader's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from itertools import islice, product
from typing import Any

from llo11ypop.agents.query_writer.form import FormError
from llo11ypop.agents.query_writer.said import Said, key, said
from llo11ypop.agents.query_writer.verbs import IRREGULAR
from llo11ypop.language.reader import Reader
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope

MOST_WORDS, MOST_MEANINGS, LONGEST = 5, 4, 30
"""Unknown words of one question, and meanings of a word and their letters (our choice)."""
TRIED = 24
"""Sentences that are read (our choice: some 10 ms each)."""
PLAIN_VERB = "had"
_VERB = re.compile(r"[a-z]{3,}(?:ed|ing)")
_ADVERB = re.compile(r"[a-z]{2,}(?:ally|ively|ously|ently|antly|ately|ably|ibly|fully|edly|ingly)")
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _/-]*")
"""A meaning is words: punctuation would change how the rest of the question hangs together."""
_HEADS = frozenset({"measure", "thing", "qualifier"})
_PLACES = frozenset({"cluster", "site", "provider", "region", "continent", "zone", "room", "row", "rack"})
"""Everything has a place: it says nothing about what is asked for."""
_FREE = frozenset({"count", "which", "show", "group", "across", "chart", "times", "conjunction", "soft", "distinct", "unit"})
"""Roles of words that say nothing new."""


def schema(unknown: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of an answer: unknown word → its meanings, the best first."""
    meanings = {"type": "array", "items": {"type": "string", "maxLength": LONGEST}, "minItems": 1, "maxItems": MOST_MEANINGS}
    words = list(dict.fromkeys(unknown))
    return {"type": "object", "properties": dict.fromkeys(words, meanings), "required": words, "additionalProperties": False}


def read_glosses(value: Mapping[str, Any], unknown: Sequence[str]) -> dict[str, list[str]]:
    """Word → its meanings. Raises FormError for what is none."""
    found = {}
    for word in unknown:
        said_of_it = value.get(word)
        if not isinstance(said_of_it, (list, tuple)) or not all(isinstance(m, str) for m in said_of_it):
            raise FormError(f"'{word}' has a list of meanings")
        short = (" ".join(m.split()) for m in said_of_it[:MOST_MEANINGS] if len(m) <= LONGEST)
        found[word] = list(dict.fromkeys(m for m in short if m and m.casefold() != word))
    return found


def glossed(question: str, glosses: Mapping[str, Sequence[str]], reader: Reader, at: datetime) -> tuple[Reading, dict[str, str]]:
    """The reading of a question with the first meanings that stand, and which they are ('' for what was left out).

    Raises FormError with the reason of the last that did not, in our words.
    """
    asked = said(question, at, reader)
    senses = [s for p in asked.outer for s in p.senses]
    about = {s.dataset for s in senses if s.role in _HEADS}
    if not about and not any(s.role == "dim" and s.name not in _PLACES for s in senses):
        raise FormError("nothing of the question is known, so nothing holds a meaning to it")
    meant = {key(s) for s in senses}
    heads, groups = _behind(asked, glosses, {"count"}), _behind(asked, glosses, {"group", "which"})
    without = reader.read(_put(question, dict.fromkeys(glosses, "")), at)
    kept = glosses.keys() if _counts(without) else heads | groups
    offered = {
        w: [*_new(m, meant, reader, at), *([""] if w not in kept and _may_go(w, reader) else [])] for w, m in glosses.items()
    }
    lost = [w for w, m in offered.items() if not m]
    if lost:
        raise FormError(f"the program knows none of the meanings of {_quoted(lost)}, or the question says them already")
    why = FormError("the question holds other words")
    for chosen in islice(_nearest(offered), TRIED):
        try:
            reading = _read(question, asked, chosen, reader, at)
            if about and reading.scope.dataset not in about:
                raise FormError("it leads away from what the question is about")
            if not heads:
                _narrows(reading, without, {w: m for w, m in chosen.items() if w not in groups}, reader, at)
        except FormError as bad:
            why = bad
        else:
            return reading, chosen
    raise why


def _counts(without: Reading) -> bool:
    """Whether the rest of a question counts or lists things: an unknown verb then says which of them, 'jobs that croaked'."""
    return without.plan is None or not all(q.field or q.recipe for q in without.scope.measures)


def _behind(asked: Said, words: Iterable[str], roles: Set[str]) -> set[str]:
    """The words that stand right behind a word of a role: 'how' asks for the next one, 'per' groups by it."""
    ends = {p.end for p in asked.outer if any(s.role in roles for s in p.senses)}
    ends |= {n + 1 for n, w in enumerate(asked.words) if "count" in roles and w.text == "how"}
    return {w for w in words if any(asked.words[n].text == w for n in ends if n < len(asked.words))}


def _nearest(offered: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """One meaning for each word, the best ones first."""
    ranks = sorted(product(*(range(len(m)) for m in offered.values())), key=sum)
    return ({w: m[n] for (w, m), n in zip(offered.items(), rank, strict=True)} for rank in ranks)


def _new(meanings: Sequence[str], meant: set[tuple[str, str]], reader: Reader, at: datetime) -> Iterator[str]:
    """The meanings that the reader knows to the last word, that say something new, and that name nothing and no time."""
    for meaning in meanings:
        own = said(meaning, at, reader)
        known = all(any(own.at(n)) for n in range(len(own.words)))
        named = any(p.text in reader.index.names and p.sense("value") for p in own.outer)
        new = any(not any(key(s) in meant or s.role in _FREE for s in p.senses) for p in own.outer)
        if new and known and _WORDS.fullmatch(meaning) and not named and not own.time and not own.numbers:
            yield meaning


def _read(question: str, asked: Said, chosen: Mapping[str, str], reader: Reader, at: datetime) -> Reading:
    """The question with meanings in place of its unknown words, where that says all else as before. Raises FormError."""
    text = _put(question, chosen)
    reading = reader.read(text, at)
    if reading.unknown:
        raise FormError(f"the program does not know {_quoted(reading.unknown)} either")
    if reading.plan is None:
        raise FormError(f"it cannot be asked so: {reading.clarify or reading.nothing or 'it is no single query'}")
    again = said(text, at, reader)
    passed = {w.number for w in asked.words if w.text in chosen}
    if again.when != asked.when or set(asked.numbers) - passed != set(again.numbers) - passed:
        raise FormError("it changes a time or a number")
    return reading


def _put(question: str, chosen: Mapping[str, str]) -> str:
    """The question with other words; a plain verb or a comma for one that is left out, so that its neighbours do not join."""
    met = set[str]()

    def instead(match: re.Match[str]) -> str:
        word = match.group().lower()
        met.add(word)
        return chosen[word] or ("," if _ADVERB.fullmatch(word) else PLAIN_VERB)

    words = "|".join(map(re.escape, chosen))
    text = re.sub(rf"(?<!\w)(?:{words})(?!\w)", instead, question, flags=re.IGNORECASE)
    if chosen.keys() - met:
        raise FormError(f"{_quoted(sorted(chosen.keys() - met))} is not written so")
    return text


def _narrows(reading: Reading, without: Reading, chosen: Mapping[str, str], reader: Reader, at: datetime) -> None:
    """Where the question can be read without its unknown words, a meaning may narrow that reading and do nothing else."""
    if without.plan is None or without.unknown:
        return
    scope, plain = reading.scope, without.scope
    if _asked_for(scope) != _asked_for(plain) or (chosen and scope.by != plain.by):
        raise FormError("it asks for something else than the rest of the question")
    idle = [m for m in chosen.values() if m and not _names(m, scope, reader, at)]
    if reading.plan == without.plan and idle:
        raise FormError(f"{_quoted(idle)} changes nothing")


def _asked_for(scope: Scope) -> set[tuple[str, str, str]]:
    return {(q.dataset, q.recipe, q.field) for q in scope.measures}


def _names(meaning: str, scope: Scope, reader: Reader, at: datetime) -> bool:
    """Whether a meaning is a word for the very thing that the rest of the question asks for."""
    senses = [s for p in said(meaning, at, reader).outer for s in p.senses]
    fields = {(s.dataset, s.data.field if s.role == "measure" else "") for s in senses if s.role in ("measure", "thing")}
    return bool(fields & {(q.dataset, q.field) for q in scope.measures})


def _may_go(word: str, reader: Reader) -> bool:
    """Whether a word may be left out: a verb or an adverb, by its ending or because it is irregular, that means nothing here."""
    verbal = _VERB.fullmatch(word) or _ADVERB.fullmatch(word) or word in IRREGULAR
    return bool(verbal) and not reader.knows(word)


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"'{w}'" for w in dict.fromkeys(words))
