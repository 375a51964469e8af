"""A question made ready for reading: turns of speech said plainly, headings, restatements and units set aside."""

from collections.abc import Callable
from datetime import datetime

from llo11ypop.language.clauses import (
    distributed,
    figures_only,
    opposed,
    scoped,
    spelled_out,
    without_formula,
    without_heading,
)
from llo11ypop.language.index import PhraseIndex
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.rewrites import plain, without_units
from llo11ypop.language.spelling import time_words
from llo11ypop.language.tails import without_restated
from llo11ypop.language.time_points import days_named


def prepared(
    text: str, index: PhraseIndex, lexicon: Lexicon, at: datetime, complete: Callable[[str], bool]
) -> tuple[str, tuple[str, ...]]:
    """The text to read and the codes of the units it wants; `complete` says whether a part of it can be asked by itself."""
    models = (p for v in lexicon.values.get("gpu_model", {}).values() for p in v)
    text = plain(days_named(time_words(text, index), at), models, lexicon.sayings)
    text = distributed(opposed(spelled_out(scoped(text, index), index), index), index)
    text = without_heading(without_formula(text), index, complete)
    text = figures_only(without_restated(text), complete)
    return without_units(text, lexicon.units)
