"""Which words belong to this fleet: what the guardrail asks, and an answer from the catalog for where there is nothing better."""

import re
from collections.abc import Iterable
from typing import Protocol

from rapidfuzz import process
from rapidfuzz.distance import Indel

from llo11ypop.catalog import Catalog

TYPO_RATIO = 0.86
"""As close as a misspelt word must be, from five letters on (measured for phrases of questions)."""
SHORTEST_TYPO = 5
_SPLIT = re.compile(r"[^\w]+|_")
_CAMEL_FREE = re.compile(r"[a-z]{2,}")


class Known(Protocol):
    """Anything that can say whether a word belongs to the fleet: catalog, lexicon, entity values."""

    def knows(self, word: str) -> bool:
        """Whether the word (lower case) is one of the fleet's."""
        ...


class CatalogWords:
    """The words of names, synonyms and closed values in the catalog, and of others who know more; typing errors forgiven."""

    def __init__(self, catalog: Catalog, *others: Known, more: Iterable[str] = ()) -> None:
        self._words = frozenset(words_of(catalog)) | {w.casefold() for w in more}
        self._long = tuple(sorted(w for w in self._words if len(w) >= SHORTEST_TYPO))
        self._others = others
        self._near: dict[str, bool] = {}

    def knows(self, word: str) -> bool:
        """Whether the word, its singular, or a word one typing error away is known."""
        if word in self._words or word.rstrip("s") in self._words or any(o.knows(word) for o in self._others):
            return True
        if len(word) < SHORTEST_TYPO or not word.isalpha():
            return False
        if word not in self._near and len(self._near) < 10_000:  # noqa: PLR2004 - words, so that questions cannot fill memory
            self._near[word] = process.extractOne(word, self._long, scorer=_ratio, score_cutoff=TYPO_RATIO) is not None
        return self._near.get(word, False)


def _ratio(a: str, b: str, *, score_cutoff: float | None = None, **_: object) -> float:
    return Indel.normalized_similarity(a, b, score_cutoff=score_cutoff)


def words_of(catalog: Catalog) -> Iterable[str]:
    """Every word that names something in the catalog, with its parts and without its plural s."""
    texts: list[str] = []
    for dataset in catalog.datasets.values():
        texts += [dataset.dataset, *dataset.synonyms, str(dataset.area)]
        for name, spec in dataset.fields.items():
            texts += [name, *spec.synonyms, *spec.values]
        for name, measure in dataset.measures.items():
            texts += [name, *measure.synonyms]
    for text in texts:
        folded = text.casefold()
        yield folded
        for word in _SPLIT.split(folded):
            if _CAMEL_FREE.match(word):
                yield word
                yield word.rstrip("s")
