"""What can be measured, each under a name that the reader understands by itself, and the few of them that a question is near to.

A name that the reader does not read back as the very thing it stands for is not offered to any model.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rapidfuzz import fuzz, process

from llo11ypop.agents.query_writer.said import CONTENT, Said
from llo11ypop.core.vocabulary import Area
from llo11ypop.language.entries import MeasureWords, Thing
from llo11ypop.language.reader import Reader
from llo11ypop.language.scope import Quantity
from llo11ypop.language.words import normalise, tokens

OFFERED = 24
"""Measures that a form offers (our choice: about 150 tokens)."""
NAMES_TRIED = 4
HIT, ROUTED, LIKE = 0.4, 0.15, 0.2
"""Points, beside up to 1 for shared words: a word that names the measure, an area that the question was sent to, and likeness
of letters, for what is nearly spelled so."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that can be asked for."""

    names: tuple[str, ...]
    """The name it is offered under comes first where the reader knows it."""
    dataset: str
    area: Area
    key: tuple[str, str]
    """(role, name) of its meaning in the reader's index."""
    counted: bool = False
    """Things, which are counted or listed."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A term whose name was read back."""

    name: str
    term: Term
    quantity: Quantity


class Terms:
    """All terms of a reader; names are tried once."""

    def __init__(self, reader: Reader) -> None:
        """Collects them; takes a few milliseconds."""
        self._reader = reader
        self._terms = tuple(_terms(reader))
        self._spoken = [" / ".join(t.names[:NAMES_TRIED]).casefold() for t in self._terms]
        self._words = [tuple(frozenset(self._lemmas(n)) for n in t.names) for t in self._terms]
        known = Counter(w for names in self._words for w in frozenset().union(*names))
        self._rare = {w: math.log((1 + len(self._terms)) / n) for w, n in known.items()}
        self._read: dict[int, Offered | None] = {}

    def near(self, asked: Said, areas: Sequence[Area], at: datetime, most: int = OFFERED) -> dict[str, Offered]:
        """Name → term of those nearest to a question, the nearest first."""
        said = {(s.role, s.name) for p in asked.phrases for s in p.senses if s.role in CONTENT}
        left = [w for w, t in zip(asked.words, asked.taken, strict=True) if not t]
        like = process.cdist([" ".join(w.text for w in left)], self._spoken, scorer=fuzz.token_set_ratio)[0]
        words = frozenset(w.lemma for w in left) & self._rare.keys()
        points = {
            n: max(self._shared(own, words) for own in self._words[n])
            + HIT * (t.key in said) + ROUTED * (t.area in areas) + LIKE * float(like[n]) / 100
            for n, t in enumerate(self._terms)
        }  # fmt: skip
        found: dict[str, Offered] = {}
        for n in sorted(points, key=lambda n: -points[n]):
            offered = self._offered(n, at)
            if offered is not None and offered.name not in found:
                found[offered.name] = offered
            if len(found) >= most:
                break
        return found

    def _lemmas(self, text: str) -> list[str]:
        return [t.lemma for t in tokens(normalise(text), self._reader.index.whole)]

    def _shared(self, own: frozenset[str], words: frozenset[str]) -> float:
        """Shared words of a name and a question, rare ones counting more: 1 where they are the same (F-measure)."""
        whole = sum(self._rare[w] for w in own) + sum(self._rare[w] for w in words)
        return 2 * sum(self._rare[w] for w in own & words) / whole if whole else 0.0

    def named(self, name: str, at: datetime) -> Offered | None:
        """The term of a name; None where there is none."""
        folded = name.casefold()
        tried = (self._offered(n, at) for n, t in enumerate(self._terms) if folded in (x.casefold() for x in t.names))
        return next((o for o in tried if o is not None and o.name.casefold() == folded), None)

    def _offered(self, number: int, at: datetime) -> Offered | None:
        if number not in self._read:
            self._read[number] = self._tried(self._terms[number], at)
        return self._read[number]

    def _tried(self, term: Term, at: datetime) -> Offered | None:
        for name in term.names[:NAMES_TRIED]:
            read = self._reader.read(f"number of {name}" if term.counted else name, at)
            first = read.scope.measures[0] if read.plan is not None and read.scope.measures else None
            if first is not None and first.dataset == term.dataset and not read.scope.by:
                return Offered(name, term, first)
        return None


def _terms(reader: Reader) -> Iterator[Term]:
    lexicon, areas = reader.lexicon, {n: d.area for n, d in reader.catalog.datasets.items()}
    exported = reader.exports
    for name, measure in lexicon.measures.items():
        yield _measure(name, measure, areas[measure.dataset])
    for name, words in lexicon.fields.items():
        dataset, _, own = name.partition(".")
        names = tuple(dict.fromkeys(n for n in (words.label, *words.words) if n))
        if names and (exported is None or exported.has(dataset, own)):
            yield Term(names, dataset, areas[dataset], ("measure", name))
    for name, thing in lexicon.things.items():
        yield from _things(name, thing, areas[thing.dataset])


def _measure(name: str, measure: MeasureWords, area: Area) -> Term:
    return Term((measure.label, *measure.words), measure.dataset, area, ("measure", name))


def _things(name: str, thing: Thing, area: Area) -> Iterator[Term]:
    if thing.words:
        yield Term((thing.noun, *thing.words[:2]), thing.dataset, area, ("thing", name), counted=True)
    for key, qualifier in thing.qualifiers.items():
        words = (*([qualifier.label] if " " not in qualifier.label else []), *qualifier.words)
        names = tuple(dict.fromkeys(f"{w} {thing.noun}" for w in words[: NAMES_TRIED - 1] if w))
        if names:
            yield Term(names, thing.dataset, area, ("qualifier", f"{name}.{key}"), counted=True)
