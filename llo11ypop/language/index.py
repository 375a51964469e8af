"""Phrases → what they may mean, from catalog, lexicon and values together; and the spelling of words nearly known."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from llo11ypop.catalog import Catalog
from llo11ypop.catalog.models import FieldSpec
from llo11ypop.language.entries import FieldWords, MeasureWords
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.values import ValueIndex, shape
from llo11ypop.language.words import lemmas

SHORTEST, LONG = 5, 8
"""Letters from which a word may have one, and two, wrong."""
_UUID_DASHES = 4
NEAR = 86.0
"""Least similarity (rapidfuzz ratio, 0-100) at which a word is taken for a misspelling (measured on questions)."""

_SUFFIXES = (
    "_c",
    "_w",
    "_v",
    "_a",
    "_s",
    "_ms",
    "_us",
    "_pct",
    "_total",
    "_bps",
    "_mib",
    "_mhz",
    "_ratio",
    "_ns",
    "_mj",
    "_kpa",
    "_lpm",
    "_usd",
    "_days",
    "_gbps",
    "_per_s",
    "_at",
)
_SHORT = frozenset(
    {
        "gpu count",
        "rate",
        "read",
        "write",
        "free",
        "bytes",
        "count",
        "jobs",
        "nodes",
        "gpus",
        "step",
        "metric",
        "flow",
        "state",
        "voltage",
        "result",
    }
)
"""Names of fields that are too plain to be words for them."""
_USUAL = {"run_id": re.compile(r"r-\d+"), "node_id": re.compile(r"gpu-[a-z]+-\d+")}
"""What names look like in a fleet that has none of the kind."""
_HIDDEN = frozenset({"gpu_metrics_1m", "fleet_meta"})
"""Datasets that no words lead to: the first holds the same as gpu_metrics for some hours only."""


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a phrase."""

    role: str
    """soft, chart, count … (grammar), agg, bucket, unit, dim, thing, qualifier, measure, value, denominator, absent."""
    name: str = ""
    dataset: str = ""
    """The dataset it belongs to; empty where it fits any."""
    data: Any = None


@dataclass
class PhraseIndex:
    """Phrases by their lemmas."""

    catalog: Catalog
    lexicon: Lexicon
    values: ValueIndex
    phrases: dict[tuple[str, ...], list[Sense]] = field(default_factory=lambda: defaultdict(list))
    longest: dict[str, int] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """Whole identifiers, lower case."""

    def __post_init__(self) -> None:
        """Read everything in."""
        self.shapes = {f: s for f, v in self.values.values.items() if "." not in f and (s := shape(v)) is not None}
        self.shapes = {**_USUAL, **self.shapes}
        self._grammar()
        self._lexicon()
        self._catalog()
        self._values()
        self._spelling = sorted(w for w in self.words if len(w) >= SHORTEST and w.isalpha())

    def whole(self, word: str) -> bool:
        """Whether a hyphenated or slashed word is a name that stays in one piece."""
        return (
            word in self.names
            or any(s.fullmatch(word) for s in self.shapes.values())
            or (word.startswith("gpu-") and word.count("-") >= _UUID_DASHES)
        )

    def add(self, phrase: str, sense: Sense) -> None:
        """One more meaning of a phrase."""
        key = lemmas(phrase, self.whole)
        if not key:
            return
        known = self.phrases[key]
        if sense not in known:
            known.append(sense)
        self.longest[key[0]] = max(self.longest.get(key[0], 0), len(key))
        self.words.update(w for w in key)

    def at(self, words: list[str], index: int) -> Iterator[tuple[int, list[Sense]]]:
        """(length, senses) of every phrase that begins at a position, longest first."""
        for length in range(min(self.longest.get(words[index], 0), len(words) - index), 0, -1):
            senses = self.phrases.get(tuple(words[index : index + length]))
            if senses:
                yield length, senses

    def correct(self, word: str, written: str = "") -> str | None:
        """The known word that a misspelt one stands for; none when nothing is near. Four letters may only have changed places."""
        if not word.isalpha() or word in self.common:
            return None
        if len(word) < SHORTEST:
            return self._swapped(word) if len(written or word) >= SHORTEST - 1 else None
        found = process.extractOne(word, self._spelling, scorer=fuzz.ratio, score_cutoff=NEAR)
        near = found[0] if found is not None else self._close(word)
        return near if near and (near[0] == word[0] or len(word) >= LONG - 1) else None

    def _swapped(self, word: str) -> str | None:
        """The one known word that a word of four letters is with two neighbours in the other order; none for several."""
        turned = {word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1)} - {word}
        known = turned & self.words
        return known.pop() if len(known) == 1 else None

    def _close(self, word: str) -> str:
        """The known word that differs by one slip (two in a long word), swapped letters counting as one; empty for none."""
        most = 2 if len(word) >= LONG else 1
        near = [
            (OSA.distance(word, known, score_cutoff=most), known)
            for known in self._spelling
            if abs(len(known) - len(word)) <= most
        ]
        return next((w for slips, w in sorted(near) if slips <= most), "")

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """Known words that look most like one that is not known."""
        return [w for w, _, _ in process.extract(word, self._spelling, scorer=fuzz.ratio, limit=count, score_cutoff=60)]

    def _grammar(self) -> None:
        for role, phrases in self.lexicon.words.model_dump().items():
            if role == "common":
                self.common = {word for p in phrases for word in lemmas(p, self.whole)} | set(phrases)
                continue
            for phrase in phrases:
                self.add(phrase, Sense(role))
        for role, table in (("agg", self.lexicon.aggregates), ("bucket", self.lexicon.buckets), ("unit", self.lexicon.units)):
            for name, phrases in table.items():
                for phrase in phrases:
                    self.add(phrase, Sense(role, name))
        for name in (*self.lexicon.buckets, "date"):
            self.add(name, Sense("calendar", "day" if name == "date" else name))
        for name, denominator in self.lexicon.denominators.items():
            for phrase in denominator.words:
                self.add(phrase, Sense("denominator", name, data=denominator))

    def _catalog(self) -> None:
        for name, dataset in self.catalog.datasets.items():
            if name in _HIDDEN:
                continue
            for own, spec in dataset.fields.items():
                if spec.numeric and own not in dataset.grain and (spec.unit or f"{name}.{own}" in self.lexicon.fields):
                    self._field(name, own, spec)
                for value in spec.values:
                    self.add(value.replace("_", " "), Sense("value", own, name, value))
                    self.add(value, Sense("value", own, name, value))
            for own, named in dataset.measures.items():
                if own in self.lexicon.measures or any(own in t.qualifiers for t in self.lexicon.things.values()):
                    continue
                words = MeasureWords(
                    dataset=name,
                    words=(own.replace("_", " "), *named.synonyms),
                    label=named.description,
                    agg=named.measure.agg,
                    q=named.measure.q,
                    field=str(named.measure.field or ""),
                    where=str(named.measure.where or ""),
                    unit=named.unit,
                    better=named.better,
                    fixed=True,
                )
                for phrase in words.words:
                    if not self._taken(phrase) and not self._explained(phrase, name):
                        self.add(phrase, Sense("measure", f"{name}.{own}", name, words))

    def _taken(self, phrase: str) -> bool:
        """Whether the lexicon gives this phrase a meaning of its own, which then wins over a synonym of the catalog."""
        return phrase in self._own_phrases

    def _plain(self, phrase: str) -> bool:
        """Whether a field's own name says something else already: 'ports', 'open tickets'."""
        key = lemmas(phrase, self.whole)
        whole = self.phrases.get(key, [])
        each = [self.phrases.get((x,), []) for x in key]
        return any(s.role == "dim" for s in whole) or all(
            any(s.role in ("thing", "qualifier") for s in senses) for senses in each
        )

    def _explained(self, phrase: str, dataset: str) -> bool:
        """Whether the lexicon reads every word of a catalog synonym already, under conditions or with an aggregate."""
        roles = ("thing", "qualifier", "measure", "dim", "agg", "soft", "top", "bottom")
        found = [[s for s in self.phrases.get((x,), []) if s.role in roles] for x in lemmas(phrase, self.whole)]
        if len(found) == 1:
            return any(s.role in ("dim", "agg", "top", "bottom") or s.dataset == dataset for s in found[0])
        return all(any(not s.dataset or s.dataset == dataset or s.role == "measure" for s in senses) for senses in found)

    @property
    def _own_phrases(self) -> frozenset[str]:
        if not hasattr(self, "_own"):
            things, fields = self.lexicon.things.values(), self.lexicon.fields.values()
            measures = [m.words for m in self.lexicon.measures.values()]
            self._own = frozenset(
                w for words in (*measures, *(t.words for t in things), *(f.words for f in fields)) for w in words
            )
        return self._own

    def _field(self, dataset: str, name: str, spec: FieldSpec) -> None:
        words = self.lexicon.fields.get(f"{dataset}.{name}", FieldWords())
        plain = name
        for suffix in _SUFFIXES:
            plain = plain.removesuffix(suffix)
        agg = words.agg or ("increase" if spec.counter else "avg")
        measure = MeasureWords(
            dataset=dataset,
            words=(),
            label=words.label or spec.description.split(";")[0].split(",")[0].lower(),
            agg=agg,
            field=name,
            unit=spec.unit or "1",
            better=words.better,
            above=words.above,
            below=words.below,
            entity=words.entity,
            proxy=words.proxy,
            none=words.none,
            window=words.window,
        )
        names = {plain.replace("_", " "), name.replace("_", " ")} - _SHORT
        synonyms = {s for s in spec.synonyms if not self._taken(s)}
        for phrase in sorted({*words.words, *(p for p in names | synonyms if not self._plain(p))}):
            self.add(phrase, Sense("measure", f"{dataset}.{name}", dataset, measure))

    def _lexicon(self) -> None:
        for name, measure in self.lexicon.measures.items():
            for phrase in measure.words:
                self.add(phrase, Sense("measure", name, measure.dataset, measure))
        for name, thing in self.lexicon.things.items():
            for phrase in thing.words:
                self.add(phrase, Sense("thing", name, thing.dataset, thing))
            for key, qualifier in thing.qualifiers.items():
                for phrase in qualifier.words:
                    self.add(phrase, Sense("qualifier", f"{name}.{key}", thing.dataset, qualifier))
        for name, dimension in self.lexicon.dimensions.items():
            for phrase in dimension.words:
                self.add(phrase, Sense("dim", name, data=dimension))
        for own, words in self.lexicon.absent.items():
            for phrase in words:
                self.add(phrase, Sense("absent", own, data=phrase))

    def _values(self) -> None:
        for own, values in self.values.values.items():
            dataset, _, column = own.rpartition(".")
            for value in values:
                self.names.add(value.lower())
            for value in values:
                sense = Sense("value", column, dataset, value)
                for phrase in _spoken(value, column):
                    self.add(phrase, sense)
        for own, table in self.lexicon.values.items():
            known = self.values.values.get(own, ())
            for pattern, phrases in table.items():
                matching = tuple(v for v in known if fnmatchcase(v.upper(), pattern.upper())) if known else ()
                if own == "nvlink" or (
                    not known and any(pattern in d.fields[own].values for d in self.catalog.datasets.values() if own in d.fields)
                ):
                    matching = (pattern,)
                for phrase in phrases:
                    if matching:
                        self.add(phrase, Sense("value", own, "", matching[0] if len(matching) == 1 else matching))


def _spoken(value: str, column: str) -> Iterable[str]:
    """Ways to say a value: itself, and its words where underscores or capitals join them."""
    yield value
    if "_" in value:
        yield value.replace("_", " ")
    if column in ("reason", "condition", "action") and value.isalpha() and value != value.upper():
        spaced = "".join(f" {c}" if c.isupper() and i and not value[i - 1].isupper() else c for i, c in enumerate(value))
        if " " in spaced:
            yield spaced
