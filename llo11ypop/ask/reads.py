"""Read a question on its thread: alone, as a follow-up of the last turn, or as the reply to a question that was asked back."""

import re
from collections.abc import Sequence
from datetime import datetime

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.ask.state import Turn
from llo11ypop.catalog import Catalog
from llo11ypop.core.question import Status
from llo11ypop.language.reader import Reader
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope

SHORT_REPLY = 10
"""Words of a reply that completes the question before it; a longer one stands alone (our choice)."""
_NOT_FOUND = (Status.CLARIFY, Status.NO_DATA)
_MEANT = re.compile(r"(?i)\W*(?:(?:no|sorry|oh|oops|typo|my bad|correction|ah)\W+)*(?:i\s+)?(?:meant|mean)\s+(.+)")
_SORRY = re.compile(r"(?i)^\W*(?:(?:no|sorry|oh|oops|typo)\b\W*)+")
_ABSENT = re.compile(r"there is no [\w ]+ '([^']+)'")
_WORD = re.compile(r"[a-z]{5,}")


def read_question(reader: Reader, question: str, at: datetime, turns: Sequence[Turn]) -> Reading:
    """What the question means after those turns. Never raises on any text."""
    last = turns[-1] if turns else None
    corrected = _corrected(reader, question, at, turns) if last is not None and last["status"] in _NOT_FOUND else None
    if corrected is not None:
        return corrected
    if last is not None and last["status"] == Status.CLARIFY and len(question.split()) <= SHORT_REPLY:
        before = scope_of([t for t in turns if t["status"] != Status.CLARIFY])
        joined = reader.read(f"{last['question'].rstrip('?!. ')} {question}", at, before)
        understood = not (joined.clarify or joined.nothing or joined.unknown)
        if understood and not _stands_alone(reader, question, at, last["question"], joined):
            return joined
    return reader.read(question, at, scope_of(turns))


def _corrected(reader: Reader, question: str, at: datetime, turns: Sequence[Turn]) -> Reading | None:
    """'I meant c-b', 'sorry, c-b', or a name alone: it takes the place of the word that was not known."""
    meant = _MEANT.match(question)
    reply = (meant[1] if meant else _SORRY.sub("", question)).strip(" ?!.")
    if not reply or (meant is None and reply.lower() not in reader.index.names):
        return None
    last, before = turns[-1], scope_of(turns[:-1])
    asked = reader.read(last["question"], at, before)
    absent = _ABSENT.search(asked.nothing or "")
    words = asked.unknown or ((absent[1],) if absent else ())
    if len(words) != 1:
        return None
    reading = reader.read(re.sub(rf"(?i)(?<![\w-]){re.escape(words[0])}(?![\w-])", reply, last["question"]), at, before)
    return None if reading.clarify or reading.nothing or reading.unknown else reading


def _stands_alone(reader: Reader, question: str, at: datetime, asked: str, joined: Reading) -> bool:
    """Whether the reply is a question of its own.

    It is where its measure would stand beside another behind the one that was asked back, and where that one said nothing but a
    measure, so that nothing of it is lost.
    """
    alone = reader.read(question, at)
    if alone.plan is None or not alone.scope.measures:
        return False
    return len(alone.scope.measures) < len(joined.scope.measures) or _is_bare(reader.read(asked, at).scope)


def _is_bare(scope: Scope) -> bool:
    """Whether a question names a measure and nothing else: no group, filter, ranking or time."""
    said = (scope.by, scope.bucket, scope.filters, scope.having, scope.top, scope.compare, scope.share, scope.part, scope.per)
    return bool(scope.measures) and not any(said) and (scope.window is None or scope.window.defaulted)


def scope_of(turns: Sequence[Turn]) -> Scope | None:
    """The scope that a follow-up inherits: that of the latest turn that was answered; none when it cannot be read any more."""
    for turn in reversed(turns):
        if turn["scope"] and turn["status"] != Status.CLARIFY:
            try:
                return Scope.from_json(turn["scope"])
            except (ValueError, KeyError, TypeError):
                return None
    return None


def relevant_trap(analyst: Analyst, reading: Reading | None, catalog: Catalog) -> str:
    """The known way to be wrong with this data that shares most words with what is measured; empty when none does."""
    if reading is None or reading.plan is None:
        return ""
    used = {m.dataset for m in reading.scope.measures} & set(analyst.datasets)
    if not used:
        return ""
    said = set(_WORD.findall(f"{reading.text} {reading.title} {' '.join(m.label for m in reading.scope.measures)}".casefold()))
    shared = {trap: len(said & set(_WORD.findall(trap.casefold()))) for trap in analyst.traps}
    best = max(shared, key=lambda t: shared[t], default="")
    return best if best and shared[best] > 1 and best not in reading.definition else ""
