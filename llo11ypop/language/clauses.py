"""Parts of a question that stand beside what is asked: a place before a colon, a yes-or-no question before the figures."""

import re
from collections.abc import Callable

from llo11ypop.language.index import PhraseIndex, Sense
from llo11ypop.language.words import lemma, tokens

_HEAD = re.compile(r"^\W*(?P<names>[\w./-]+(?:\s*(?:,|and|&|\+)\s*[\w./-]+)*?)(?P<kind>\s+[a-z]+)?(?:\s+only)?\s*:\s+(?=\S)")
_NAMES = r"[a-z_]+(?:\s+[a-z_]+){0,3}"
_FORMULA = re.compile(
    rf"\(\s*(?:=\s*)?{_NAMES}\s*(?:/|\bx\b|\*|\bdivided by\b|\bover\b|\btimes\b)\s*{_NAMES}(?:,\s*[a-z%]+)?\s*\)"
)
_YES_NO = re.compile(
    r"^\W*(?:how (?:slow|bad|busy|fast|full|good|stable|big|long did)|who (?:does|is doing)|is|are|was|were|do|does|did|has|have"
    r"|had|can|could)\b[^?]*\?\s*(?=\w)"
)
_SPLIT = re.compile(r"\b(?:by|per|for each|in each|each)\b")
_ASKS_AGAIN = re.compile(r"\b(?:it|they|them|those|these|which ones?|that|there|so|if so|when|where|why|who|which)\b")


def scoped(text: str, index: PhraseIndex) -> str:
    """'c-a racks: …' is about c-a: what stands before the colon only says where; what is no name of this fleet stays."""
    head = _HEAD.match(text)
    if head is None:
        return text
    names = re.split(r"\s*(?:,|\band\b|&|\+)\s*", head["names"])
    kind = lemma((head["kind"] or "").strip())
    known = not kind or any(s.role == "dim" for s in index.phrases.get((kind,), ()))
    if not known or not all(n in index.names for n in names):
        return text
    return f"{head['names']} {text[head.end() :]}"


def without_heading(text: str, index: PhraseIndex, complete: Callable[[str], bool]) -> str:
    """'over-requested walltime: completed jobs that …': a heading of plain words, where what follows says it all."""
    head = re.match(r"^\W*([a-z][a-z' -]{3,40}):\s+(?=\S)", text)
    if head is None or any(w in index.names for w in head[1].split()):
        return text
    senses = {s.role for w in re.split(r"[\s-]+", head[1]) for s in index.phrases.get((lemma(w),), ())}
    if "measure" not in senses or senses & {
        "dim",
        "value",
        "qualifier",
        "thing",
        "group",
        "bucket",
        "negate",
        "count",
        "compare",
    }:
        return text
    return text[head.end() :] if complete(text[head.end() :]) else text


def without_formula(text: str) -> str:
    """'allocation rate (allocated / total)': a formula in brackets only repeats how a measure is worked out."""
    return _FORMULA.sub(" ", text)


def spelled_out(text: str, index: PhraseIndex) -> str:
    """'down/drained nodes': conditions that a slash joins are alternatives."""

    def either(match: re.Match[str]) -> str:
        parts = re.split(r"\s?/\s?", match.group())
        roles = [{s.role for s in index.phrases.get((lemma(w),), ())} for w in parts]
        return " or ".join(parts) if all(r & {"qualifier", "value"} for r in roles) else match.group()

    return re.sub(r"(?<![\w/.-])[a-z]\w+(?:\s?/\s?[a-z]\w+)+(?![\w/-])", either, text)


def quotient(text: str, index: PhraseIndex) -> str:
    """'run time / time limit': two measures that are not names of the same one are divided."""

    def divided(match: re.Match[str]) -> str:
        left, right = ([s for n in (3, 2, 1) for s in _senses(" ".join(_cut(side, n, first)), index)]
                       for side, first in ((match[1], False), (match[2], True)))  # fmt: skip
        apart = left and right and not {s.name for s in left} & {s.name for s in right}
        return f"{match[1]} divided by {match[2]}" if apart else match.group()

    return re.sub(r"((?:[a-z]+ ){0,2}[a-z]+) / ([a-z]+(?: [a-z]+){0,2})", divided, text)


def _cut(side: str, count: int, first: bool) -> list[str]:
    words = side.split()
    return words[:count] if first else words[-count:]


def _senses(phrase: str, index: PhraseIndex) -> list[Sense]:
    """The measures that a phrase names."""
    key = tuple(t.lemma for t in tokens(phrase, index.whole))
    return [s for s in index.phrases.get(key, ()) if s.role == "measure"]


def figures_only(text: str, complete: Callable[[str], bool], narrows: Callable[[str, str], bool]) -> str:
    """'are DLC nodes cooler? average temperature by cooling': the figures answer both, where they are asked for completely."""
    head = _YES_NO.match(text)
    plain = head is not None and re.match(r"\W*(?:how|who)\b", text) is not None
    if head is None or not (plain or _SPLIT.search(text[head.end() :])) or _ASKS_AGAIN.search(text[head.end() :]):
        return text
    rest = text[head.end() :]
    return rest if complete(rest) and not narrows(head.group(), rest) else text


def distributed(text: str, index: PhraseIndex) -> str:
    """'read and write throughput', 'rtt p50 and p99': two measures that share a word are both named in full."""

    def told(first: str, joint: str, second: str, alone: str, match: re.Match[str]) -> str:
        known = _measures(first, index) and _measures(second, index) and not _measures(alone, index)
        return f"{first} {joint} {second}" if known else match.group()

    text = _SHARED_END.sub(lambda m: told(f"{m[1]} {m[4]}", m[2], f"{m[3]} {m[4]}", m[1], m), text)
    return _SHARED_START.sub(lambda m: told(f"{m[1]} {m[2]}", m[3], f"{m[1]} {m[4]}", m[4], m), text)


_JOINT = r"(and|or|vs\.?|versus)"
_WORD = r"([a-z][\w-]*)"
_SHARED_END = re.compile(rf"(?<![\w/-]){_WORD} {_JOINT} {_WORD} {_WORD}")
_SHARED_START = re.compile(rf"(?<![\w/-]){_WORD} {_WORD} {_JOINT} {_WORD}")


def _measures(phrase: str, index: PhraseIndex) -> bool:
    """Whether a phrase names a measure."""
    key = tuple(t.lemma for t in tokens(phrase, index.whole))
    return any(s.role == "measure" for s in index.phrases.get(key, ()))


_THAN = re.compile(
    r"^\W*(?:do|does|did|is|are|was|were|has|have|had)\s+(?P<one>[\w./-]+)\s+(?P<what>.*?)"
    r"\b(?P<how>more|less|fewer|higher|lower|longer|hotter|cooler|slower|faster|warmer|busier)\b(?P<rest>.*?)\bthan\s+(?P<other>[\w./-]+)"
)


def opposed(text: str, index: PhraseIndex) -> str:
    """'does c-a fail more jobs than c-b': two names of this fleet held against each other are told side by side."""
    found = _THAN.match(text)
    figures = re.search(r"\?\s*(?:\S+\s+){3}", text)
    if found is None or figures or found["one"] not in index.names or found["other"] not in index.names:
        return text
    warm = "temperature " if found["how"] in ("hotter", "cooler", "warmer") else ""
    return f"{found['what']} {warm}{found['rest']} {found['one']} vs {found['other']} {text[found.end() :]}"
