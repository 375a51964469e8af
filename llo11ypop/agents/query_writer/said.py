"""What a question says, by the reader's own words: every phrase with all that it may mean, numbers, periods, unknown words.

This is the ground that a model's form has to stand on; it decides nothing by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from llo11ypop.language.index import PhraseIndex, Sense
from llo11ypop.language.reader import Reader
from llo11ypop.language.rewrites import plain, without_units
from llo11ypop.language.spelling import quotes, spelled, time_words
from llo11ypop.language.times import Times, read_times
from llo11ypop.language.words import Token, normalise

RANKS = frozenset({"top", "bottom", "worst", "best"})
CONTENT = frozenset({"measure", "thing", "qualifier", "value", "dim"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of words that the reader knows."""

    start: int
    end: int
    """Token positions, half-open."""
    text: str
    senses: tuple[Sense, ...]

    def sense(self, *roles: str) -> Sense | None:
        """The first meaning with one of these roles; none when it has none."""
        return next((s for s in self.senses if s.role in roles), None)


@dataclass(frozen=True)
class Said:
    """A question taken apart."""

    words: tuple[Token, ...]
    taken: tuple[bool, ...]
    """Which words belong to a time phrase or a quotation."""
    time: str
    """The time phrases and quotations as they were written; empty for none."""
    phrases: tuple[Phrase, ...]
    """Every phrase that begins anywhere, also those inside longer ones."""
    when: tuple[object, ...] = ()
    """What the time phrases and quotations mean, however they are written."""

    @cached_property
    def roles(self) -> frozenset[str]:
        """Every role that a word of it may have."""
        return frozenset(s.role for p in self.phrases for s in p.senses)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """Numbers outside of times."""
        return tuple(w.number for w, t in zip(self.words, self.taken, strict=True) if w.number is not None and not t)

    @cached_property
    def outer(self) -> tuple[Phrase, ...]:
        """The phrases that lie in no longer one."""
        return tuple(
            p
            for p in self.phrases
            if not any(q.start <= p.start and p.end <= q.end and q.end - q.start > p.end - p.start for q in self.phrases)
        )

    def at(self, position: int) -> Iterator[Phrase]:
        """The phrases that a word is part of."""
        return (p for p in self.phrases if p.start <= position < p.end)

    def dims(self) -> dict[str, str]:
        """Dimension → the words that name it."""
        return {s.name: p.text for p in self.phrases for s in p.senses if s.role == "dim"}

    def names_one_of(self, senses: Sequence[Sense]) -> bool:
        """Whether a word says what kind of thing a name here is: 'cluster' in front of c-a."""
        fields = {s.name for p in self.phrases for s in p.senses if s.role == "value"}
        return any(s.role == "dim" and fields & set(s.data.fields) for s in senses)

    def values(self, index: PhraseIndex) -> dict[str, bool]:
        """Words that name a value → whether they can be nothing else, such as the name of a node."""
        return {
            p.text: p.text in index.names and not any(s.role in CONTENT - {"value"} for s in p.senses)
            for p in self.outer
            if p.sense("value")
        }


def key(sense: Sense) -> tuple[str, str]:
    """What makes two meanings the same; a value is its field and itself."""
    return (sense.role, f"{sense.name}={sense.data}" if sense.role == "value" else sense.name)


def said(question: str, at: datetime, reader: Reader) -> Said:
    """Take a question apart as the reader does. Never raises on any text."""
    index = reader.index
    models = (p for v in reader.lexicon.values.get("gpu_model", {}).values() for p in v)
    text = plain(time_words(normalise(question), index), models, reader.lexicon.sayings)
    text, _ = without_units(text, reader.lexicon.units)
    times = read_times(text, at)
    quotes(text, times, index)
    words, _ = spelled(text, times, index)
    taken = tuple(any(s <= w.start < e for s, e in times.spans) for w in words)
    lemmas = [w.lemma for w in words]
    phrases = tuple(
        Phrase(n, n + length, " ".join(w.text for w in words[n : n + length]), tuple(senses))
        for n in range(len(words))
        if not taken[n]
        for length, senses in index.at(lemmas, n)
        if not any(taken[n : n + length])
    )
    when = ", ".join(text[s:e].strip(" ,") for s, e in sorted(set(times.spans)))
    return Said(tuple(words), taken, when, phrases, _meant(times))


def _meant(times: Times) -> tuple[object, ...]:
    spans = frozenset((p.start_at, p.end_at) for _, _, p in (*times.periods, *((0, 0, c) for c in times.coming)))
    until = times.until[0] if times.until else None
    return (
        spans,
        frozenset(p for _, _, p in times.points),
        frozenset(times.quoted),
        until,
        times.now,
        times.before,
        times.tonight,
    )
