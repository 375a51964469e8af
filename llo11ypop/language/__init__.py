"""From words to a plan: a deterministic reader over the catalog, the lexicon and the values of the fleet."""

from llo11ypop.language.intent import INVESTIGATIONS, PLANNED, Intent
from llo11ypop.language.lexicon import Lexicon, load_lexicon
from llo11ypop.language.reader import Reader, load_reader
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Condition, Period, Quantity, Scope, Threshold
from llo11ypop.language.values import ValueIndex

__all__ = [
    "INVESTIGATIONS", "PLANNED", "Condition", "Intent", "Lexicon", "Period", "Quantity", "Reader", "Reading", "Scope",
    "Threshold", "ValueIndex", "load_lexicon", "load_reader",
]  # fmt: skip
