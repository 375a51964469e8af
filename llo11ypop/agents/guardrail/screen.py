"""Decide whether a question may be answered at all: rules first, then whether it holds a word of this fleet.

The question alone is judged, before anything is read, so that no row of telemetry can change the decision. A question about a
thing that does not exist passes: the reader says what does exist.
"""

import re
from dataclasses import dataclass
from functools import cache

from llo11ypop.agents.guardrail.known import Known
from llo11ypop.agents.guardrail.orders import is_order
from llo11ypop.agents.guardrail.rules import Guard, Reason, load_guard
from llo11ypop.agents.guardrail.text import normalised, without_quoted_data, words
from llo11ypop.settings import packaged_config

_ENTITY = re.compile(r"(?=.*\d)(?=.*[a-z])[a-z0-9]+([-./][a-z0-9]+)+|[a-z]{1,8}\d+[a-z]*|[a-z]{1,3}-[a-z]{1,2}")
"""What looks like the name of a thing, whether it exists or not: gpu-a-017, r-118, c-b, fra2."""
_NUMBER = re.compile(r"[\d.,:%/-]+[a-z]{0,3}")
UNKNOWN_SHARE = 0.5
"""With everyday words only, one other word, or less than this share, may be unknown (our assumption)."""


@dataclass(frozen=True, slots=True)
class Screened:
    """What the guardrail decided."""

    allowed: bool
    reason: Reason
    line: str
    """One helpful line for a refusal; empty when allowed."""


def screen(question: str, known: Known, guard: Guard | None = None) -> Screened:
    """Judge a question. Never raises, whatever the text. Without `guard`, by the configuration that travels with the program."""
    rules = guard or _packaged()
    reason = _reason(question, known, rules)
    return Screened(reason is Reason.ALLOWED, reason, rules.line(reason))


@cache
def _packaged() -> Guard:
    return load_guard(packaged_config())


def _reason(question: str, known: Known, guard: Guard) -> Reason:
    if len(question) > guard.file.longest:
        return Reason.TOO_LONG
    whole = normalised(question)
    said = words(whole)
    if not said:
        return Reason.EMPTY
    asked = without_quoted_data(whole)
    for reason, pattern in guard.rules:
        if pattern.search(asked):
            return reason
    if is_order(asked, guard):
        return Reason.DESTRUCTIVE
    return Reason.ALLOWED if covered(words(asked), known, guard) else Reason.OFF_TOPIC


def covered(said: tuple[str, ...], known: Known, guard: Guard) -> bool:
    """Whether the words are about this fleet: one that is only the fleet's, or everyday words of the fleet and little else."""
    file = guard.file
    strong = weak = unknown = talk = 0
    for word in said:
        if (word in file.topics or word.removesuffix("s") in file.topics) and not known.knows(word):
            return False
        if word in file.neutral or _NUMBER.fullmatch(word):
            continue
        if word in file.weak or word.removesuffix("s") in file.weak:
            weak += 1
        elif word in file.fleet or _ENTITY.fullmatch(word) or known.knows(word):
            strong += 1
        elif word in file.talk:
            talk += 1
        else:
            unknown += 1
    if strong:
        return True
    familiar = weak + talk
    return unknown == 0 or (familiar > 0 and (unknown == 1 or unknown < UNKNOWN_SHARE * (familiar + unknown)))
