"""From words to a plan: a deterministic reader over the catalog, the lexicon and the values of the fleet."""

from llo11ypop.language.intent import INVESTIGATIONS, PLANNED, Intent
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Condition, Period, Quantity, Scope, Threshold
from llo11ypop.language.values import ValueIndex

__all__ = [
    "INVESTIGATIONS", "PLANNED", "Condition", "Intent", "Period", "Quantity", "Reading", "Scope", "Threshold", "ValueIndex",
]  # fmt: skip
