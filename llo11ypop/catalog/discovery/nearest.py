"""Which of the names that are there come nearest to one that is not."""

import re
from collections.abc import Iterable

from llo11ypop.catalog.models import FieldSpec

NEAR = 0.2
"""Share of common words from which a name is worth showing (our assumption)."""
_SHOWN = 3


def nearest(name: str, spec: FieldSpec, there: Iterable[str]) -> list[str]:
    """Up to three names, the nearest first, by the words they share with a field's name, unit and synonyms."""
    wanted = [words(name), *map(words, spec.synonyms)]
    scored = sorted((-max(_common(w, words(other)) for w in wanted), other) for other in there)
    return [other for score, other in scored if -score >= NEAR][:_SHOWN]


def words(name: str) -> frozenset[str]:
    """The words of a name, whatever stands between them."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return frozenset(re.split(r"[^a-z0-9]+", apart.lower())) - {""}


def _common(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
