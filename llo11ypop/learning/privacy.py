"""Take secrets and people out of text before it leaves: keys, passwords, addresses, names; a person becomes the same stand-in.

What a pattern can find is found; names are those that telemetry has in fields marked `personal`. Free text may still name people
in ways that no pattern knows: the data card says so.
"""

import re
from collections import Counter
from collections.abc import Iterable

from llo11ypop.query.pseudonyms import pseudonym

REMOVED = "[removed]"
_PATTERNS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "private keys",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        REMOVED,
    ),
    ("tokens", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), REMOVED),
    (
        "keys",
        re.compile(
            r"\b(?:sk|pk|rk)-[\w-]{16,}|\bnvapi-[\w-]{16,}|\bhf_\w{16,}|\bgh[opsur]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
            r"|\bxox[abprs]-[\w-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}"
        ),
        REMOVED,
    ),
    ("keys", re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=_.~-]{8,}", re.IGNORECASE), rf"\1 {REMOVED}"),
    ("passwords", re.compile(r"(://[^/@:\s\"]*:)[^@\s\"]+@"), rf"\g<1>{REMOVED}@"),
    (
        "passwords",
        re.compile(
            r"((?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token)\w*\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\s\"',;}\\]+",
            re.IGNORECASE,
        ),
        rf"\g<1>{REMOVED}",
    ),
    ("mail addresses", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), "[mail address]"),
    ("network addresses", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?!\.\d)"), "[address]"),
    ("network addresses", re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"), "[address]"),
    (
        "network addresses",
        re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){1,6}:(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})*)?(?![\w:])"),
        "[address]",
    ),
)
_HOME = re.compile(r"(/(?:home|users)/)([\w.-]+)", re.IGNORECASE)
_FIELD = re.compile(
    r"(\b(?:user|username|user_name|owner|assignee|actor|technician_id|uid|login)\\?[\"']?\s*[:=]\s*\\?[\"']?)([\w.@-]+)"
)
_EMPTY_VALUES = frozenset({"null", "none", "true", "false", "", "string", "list", "type"})
SHORTEST_NAME = 3
"""Shorter names of people would take words apart."""


class Scrubber:
    """Cleans texts, and counts what it took out."""

    def __init__(self, salt: bytes, people: Iterable[str] = (), known: Iterable[str] = ()) -> None:
        """`people` are names to look for; `known` words of ours, that are nobody's name."""
        words = set(known)
        names = sorted({p for p in people if len(p) >= SHORTEST_NAME and p not in words}, key=len, reverse=True)
        self._salt = salt
        self._people = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-])") if names else None
        self.removed: Counter[str] = Counter()

    def clean(self, text: str) -> str:
        """The text without what must not leave."""
        for kind, pattern, instead in _PATTERNS:
            text, count = pattern.subn(instead, text)
            if count:
                self.removed[kind] += count
        text = _HOME.sub(lambda m: m[1] + self._person(m[2]), text)
        text = _FIELD.sub(lambda m: m[0] if m[2].lower() in _EMPTY_VALUES else m[1] + self._person(m[2]), text)
        return self._people.sub(lambda m: self._person(m[0]), text) if self._people else text

    def _person(self, name: str) -> str:
        if name.startswith(("person-", "rater-")):
            return name
        self.removed["names of people"] += 1
        return pseudonym(name, self._salt)
