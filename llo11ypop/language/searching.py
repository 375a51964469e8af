"""Words of a question about logs that mean nothing here: they are looked for in the messages, and the answer says so."""

import re

from llo11ypop.language.spot import Item, Spotted
from llo11ypop.language.words import Token

_LOGS = re.compile(r"\b(?:log|logs|logged|syslog|dmesg|messages?|lines?)\b")
MOST = 4
"""More unknown words than this are a question that was not understood, not a text to look for (our assumption)."""


def in_logs(text: str) -> bool:
    """Whether a question names logs."""
    return _LOGS.search(text) is not None


def _beside(logs: Spotted, words: list[Token], *, quoted: bool) -> set[int]:
    """Positions that may be part of the text that is looked for: all, or those right beside the text that is named already."""
    held = {n for i in logs.items if "contains(" in _where(i) for n in range(i.start, i.end)}
    read = {n for i in logs.items for n in range(i.start, i.end)}
    held |= set(range(len(words))) - read if quoted else set()
    if not held:
        return set(range(len(words)))
    near = held | {i.end - 1 for i in logs.items if i.has("thing")}
    return {n for n in range(len(words)) if {n - 1, n + 1} & (near | set(logs.unknown))}


def _where(item: Item) -> str:
    return " ".join(s.data.where for s in item.senses if s.role == "qualifier")


def searched(text: str, spotted: Spotted | None, logs: Spotted | None, words: list[Token], *, quoted: bool = False) -> list[int]:
    """Positions of the tokens to look for in messages; empty where another dataset explains more, or an unknown word groups."""
    if spotted is None or logs is None or not 0 < len(logs.unknown) <= MOST or not (_LOGS.search(text) or quoted):
        return []
    if not set(logs.unknown) <= _beside(logs, words, quoted=quoted):
        return []
    grouped = {i.end for i in logs.items if i.has("group", "which", "across")}
    if grouped & set(logs.unknown) or set(logs.unknown) - set(spotted.unknown):
        return []
    return [n for n in logs.unknown if len(words[n].text) > 1]
