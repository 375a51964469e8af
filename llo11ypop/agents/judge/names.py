"""Names in a sentence: ids of nodes, clusters, parts, models, and the items of plain lists."""

import re

_ID = re.compile(r"(?<![\w-])(?:[A-Za-z][\w]*(?:[-/.:][\w]+)*|\d+(?:\.\d+){2,})(?![\w-])")
_CODE = re.compile(r"(?i)\b(xid|sxid|code|job|rank|gpu|port|row|rack|worker|stage)[ #]*(\d+)\b(?!\.\d|\s?%)")
_QUANTILE = re.compile(
    r"p\d{1,2}|q\d|k8s|hbm\d?|nvlink\d?|pcie\d?|f1|[kmgtp]?i?b/s|[kmgtp]?bit/s|n/a|i/o|[a-zµ]+/(?:min|s|h|d)", re.IGNORECASE
)
"""What has the looks of a name and is none."""
_SPLIT = re.compile(r"\s*(?:,\s*and\s+|,\s*|;\s*|\s+and\s+|\s*&\s*|\s*>\s*|\s+then\s+|\n+)\s*")
_ORDINAL = re.compile(r"(?:(?<=^)|(?<=\s))\(?\d{1,2}[.)]\s+")
LONGEST_ITEM = 4
"""Words of a list's item."""


def ids(text: str) -> tuple[str, ...]:
    """Ids in order, each once, lower case: words with a digit, or with parts of a letter or two ('c-a')."""
    found: dict[str, None] = {}
    for match in _ID.finditer(_CODE.sub(lambda m: f"{m[1]}{m[2]}", text)):
        word = match[0].rstrip(".:").lower()
        parts = re.split(r"[-/.:]", word)
        if _QUANTILE.fullmatch(word) or re.fullmatch(r"gpu-?(h|hours?|days?)|kwh|\w+-\d{1,2}-\w+-old", word):
            continue
        if any(c.isdigit() for c in word) or (len(parts) > 1 and any(len(p) == 1 for p in parts)):
            found.setdefault(word)
    return tuple(found)


def masked(text: str) -> str:
    """The text with its ids and codes blotted out, so that no number is read from a name; places stay."""
    text = _CODE.sub(lambda m: "#" * len(m[0]), text)
    known = set(ids(text))
    return _ID.sub(lambda m: "#" * len(m[0]) if m[0].rstrip(".:").lower() in known else m[0], text)


def shape(name: str) -> tuple[str, int]:
    """What kind of id a name looks like: its first part without digits, and how many parts."""
    parts = re.split(r"[-/.:]", name)
    return re.sub(r"\d+", "", parts[0]), len(parts)


def without_ordinals(text: str) -> str:
    """A numbered list without its numbers."""
    return _ORDINAL.sub("\n", text) if len(_ORDINAL.findall(text)) > 1 else text


def items(text: str) -> tuple[str, ...]:
    """The items of a text that is nothing but a list; empty for a sentence or a single thing."""
    parts = [p.strip(" .:'\"`*-") for p in _SPLIT.split(without_ordinals(text).strip())]
    parts = [re.sub(r"^(?:the|a|an)\s+", "", p.lower()) for p in parts if p]
    if len(parts) < 2 or any(len(p.split()) > LONGEST_ITEM for p in parts):  # noqa: PLR2004 - one item is no list
        return ()
    return tuple(parts)


def same_names(expected: tuple[str, ...], got: tuple[str, ...], asked: frozenset[str], *, ranked: bool) -> bool | None:
    """Whether the same things are named; in the same order where the question ranks.

    A name of the same shape too many or too few is wrong; names of another shape, and those of the question, are surroundings.
    """
    shapes = {shape(n) for n in expected}
    alike = tuple(n for n in got if n in expected or (shape(n) in shapes and n not in asked))
    if not alike:
        return None if not got else False
    if set(alike) != set(expected):
        return False
    return alike == expected if ranked else True
