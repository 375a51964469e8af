"""The flat form that a model fills: one step, names as enums, optional keys, and 'none' where nothing fits.

A constrained decoder keeps an honest model to the enums; nothing here trusts that it did.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NONE = "none"
HOW = {
    "average": "avg",
    "median": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "highest": "max",
    "lowest": "min",
    "total": "sum",
}
"""Word of the form → aggregate of the lexicon."""
LIMITS = {"above": "above", "at least": "at_least", "below": "below", "at most": "at_most"}
"""Word of the form → role of the words that say it."""
OVER_TIME = ("hour", "day", "week", "month", "auto")
RANKS = ("most", "least", "worst", "best")
MOST_GROUPS, MOST_NAMES, LONGEST = 2, 8, 120


class FormError(ValueError):
    """The form cannot be used; the message is ours, never the model's, and says what to do."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a model understood."""

    measure: str
    show: str = ""
    """'list' for the things themselves."""
    how: str = ""
    by: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    rank: str = ""
    n: float | None = None
    limit: str = ""
    value: float | None = None
    over_time: str = ""

    @property
    def escaped(self) -> bool:
        """Whether the model said that no form fits."""
        return self.measure == NONE

    def told(self) -> dict[str, Any]:
        """As JSON, without what is not said."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items() if v not in ("", (), None)}


def schema(measures: Sequence[str], dims: Sequence[str], values: Sequence[str], numbers: Sequence[float]) -> dict[str, Any]:
    """The JSON Schema of a form for one question; a key that the question gives nothing for is not there."""
    keys: dict[str, Any] = {
        "measure": {"enum": [*measures, NONE]},
        "show": {"enum": ["figure", "list"]},
        "how": {"enum": list(HOW)},
    }
    if dims:
        keys["by"] = {"type": "array", "items": {"enum": list(dims)}, "maxItems": MOST_GROUPS}
    if values:
        names = {"type": "array", "items": {"enum": list(values)}, "maxItems": MOST_NAMES}
        keys |= {"only": names, "without": names}
    keys["rank"] = {"enum": list(RANKS)}
    if numbers:
        keys |= {"n": {"enum": list(numbers)}, "limit": {"enum": list(LIMITS)}, "value": {"enum": list(numbers)}}
    keys["over_time"] = {"enum": list(OVER_TIME)}
    return {"type": "object", "properties": keys, "required": ["measure"], "additionalProperties": False}


def read_form(value: Mapping[str, Any]) -> Form:
    """A form from whatever came back. Raises FormError for what is none."""
    return Form(
        measure=_word(value, "measure") or _missing(),
        show=_word(value, "show"),
        how=_word(value, "how"),
        by=_words(value, "by"),
        only=_words(value, "only"),
        without=_words(value, "without"),
        rank=_word(value, "rank"),
        n=_number(value, "n"),
        limit=_word(value, "limit"),
        value=_number(value, "value"),
        over_time=_word(value, "over_time"),
    )


def _missing() -> str:
    raise FormError("name a measure, or 'none'")


def _word(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if found is None:
        return ""
    if not isinstance(found, str) or len(found) > LONGEST:
        raise FormError(f"'{key}' is one of the words offered")
    return "" if found == NONE and key != "measure" else found


def _words(value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = value.get(key, ())
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, (list, tuple)) or len(found) > MOST_NAMES or not all(isinstance(f, str) for f in found):
        raise FormError(f"'{key}' is a list of the words offered")
    return tuple(dict.fromkeys(f for f in found if f and f != NONE and len(f) <= LONGEST))


def _number(value: Mapping[str, Any], key: str) -> float | None:
    found = value.get(key)
    if found is None or found == NONE:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise FormError(f"'{key}' is one of the numbers of the question")
    return float(found)
