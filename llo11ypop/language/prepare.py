"""A question made ready for reading: turns of speech said plainly, headings, restatements and units set aside."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from llo11ypop.language.clauses import (
    distributed,
    figures_only,
    opposed,
    quotient,
    scoped,
    spelled_out,
    without_formula,
    without_heading,
)
from llo11ypop.language.index import PhraseIndex
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.openings import Parts, narrows, told
from llo11ypop.language.rewrites import plain, without_units
from llo11ypop.language.spelling import time_words
from llo11ypop.language.spot import Spotted
from llo11ypop.language.tails import without_restated
from llo11ypop.language.time_points import days_named
from llo11ypop.language.times import read_times


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question ready for reading."""

    text: str
    units: tuple[str, ...]
    """Codes of the units it wants."""
    opening: str = ""
    """What was left aside before the question itself."""


def prepared(
    text: str, index: PhraseIndex, lexicon: Lexicon, at: datetime, read: Callable[[str], Spotted | None], *, whole: bool = False
) -> Prepared:
    """The text to read; `read` says how a part of it is understood by itself, and `whole` that it has no opening."""

    def complete(part: str) -> bool:
        found = read(part)
        return found is not None and found.firm and not found.unknown

    def narrowed(opening: str, rest: str) -> bool:
        found = read(rest)
        return found is not None and narrows(opening.rstrip("? "), found, index, "?")

    models = tuple(p for v in lexicon.values.get("gpu_model", {}).values() for p in v)
    text = plain(days_named(time_words(text, index), at), models, lexicon.sayings)
    opening = ""
    if not whole:
        parts = Parts(
            index, lambda part: read_times(part, at), lambda part: read(prepared(part, index, lexicon, at, read, whole=True).text)
        )
        text, opening = told(text, parts)
        text = plain(text, models, lexicon.sayings) if opening else text
    text = quotient(distributed(opposed(spelled_out(scoped(text, index), index), index), index), index)
    text = without_heading(without_formula(text), index, complete)
    text = figures_only(without_restated(text), complete, narrowed)
    return Prepared(*without_units(text, lexicon.units), opening)
