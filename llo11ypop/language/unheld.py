"""Parts of speech that must leave a mark in the scope: a negation, both ends of a range, a time, a ratio, a second period.

Each rule names what a scope has when the part found its place. They are about forms, not about single words: what none of them
finds may still be wrong, but what one of them finds was taken from the question and lost.
"""

import re
from collections.abc import Iterable

from llo11ypop.language.draft import Draft
from llo11ypop.language.scope import Scope
from llo11ypop.language.spot import Item, Spotted

_LOW = frozenset({"lowest", "minimum", "min", "smallest"})
_HIGH = frozenset({"highest", "maximum", "max", "peak", "largest"})
_LAST_TIMES = frozenset({"last time", "first time", "the last time", "the first time"})
_NOT = re.compile(r"\bnot\b|!=|= 0\b|\bis null\b")


def unheld(spotted: Spotted, draft: Draft, scope: Scope) -> str:
    """What to ask back where a part has left no mark; empty when all of them have."""
    items = spotted.items
    if _negates(items, draft) and not _negated(scope, draft):
        return "something is to be left out, but I could not tell it from the rest; say what with 'without …'"
    if _both_ends(items) and not _levels(scope, ("min",), ("max",)):
        return "both the lowest and the highest of what? I could only place one of them; ask for one after the other"
    if _averages(items, draft) and _only_counts(scope):
        return "the average of what? I could only read a count; name the measure"
    if draft.when and not _timed(scope):
        return "you ask when as well; I could not put that beside the rest: ask for it by itself"
    if any(i.text in _LAST_TIMES for i in items) and not _timed(scope):
        return "you ask for the first or last time as well; I could not put that beside the rest: ask for it by itself"
    if _ratio(items) and not _divided(scope):
        return "a ratio of two figures is not told here; ask for both of them, or for a share"
    if len(draft.periods) > 1 and scope.compare is None and not scope.fields:
        told = " and ".join(draft.periods[:2])
        return f"two times are named ({told}) and I could only use one of them; which one do you mean?"
    return ""


def _negates(items: Iterable[Item], draft: Draft) -> bool:
    said = ("value", "qualifier", "measure", "thing", "dim", "soft", "compare")
    return any(i.has("negate") and i.text != "minus" and not i.has(*said) and n in draft.used for n, i in enumerate(items))


def _negated(scope: Scope, draft: Draft) -> bool:
    """Whether anything of a scope leaves rows out."""
    held = [f"{c.op} {' '.join(map(str, c.values))}" for c in (*scope.filters, *scope.part)]
    held += [f"{q.where} {q.recipe} {q.definition} {q.field}" for q in scope.measures]
    return bool(
        draft.none or draft.dangling or ("planned", "excluded") in scope.entities or scope.having or _NOT.search(" ".join(held))
    )


def _averages(items: Iterable[Item], draft: Draft) -> bool:
    said = any(n in draft.used and any(s.role == "agg" and s.name == "avg" for s in i.senses) for n, i in enumerate(items))
    return said and not draft.measures


def _only_counts(scope: Scope) -> bool:
    """Whether all that is told are plain counts."""
    plain = all(q.agg in ("count", "count_distinct") and not q.recipe for q in scope.measures)
    return bool(scope.measures) and plain and not (scope.per or scope.having or scope.fields)


def _both_ends(items: Iterable[Item]) -> bool:
    texts = [i.text for i in items if not i.has("unit", "measure")]
    return any(t in _LOW for t in texts) and any(t in _HIGH for t in texts)


def _levels(scope: Scope, *kinds: tuple[str, ...]) -> bool:
    made = {q.agg for q in scope.measures}
    return all(made & set(kind) for kind in kinds) or bool(scope.fields)


def _timed(scope: Scope) -> bool:
    """Whether an answer shows a time of its rows."""
    own = [*scope.fields, *(q.field for q in scope.measures), *scope.by]
    dims = any(q.recipe and not q.recipe.startswith("xid") for q in scope.measures)
    return dims or bool(scope.bucket or any(f == "ts" or f.endswith("_at") for f in own))


def _ratio(items: Iterable[Item]) -> bool:
    return any(i.text in ("ratio", "ratio of", "fraction", "fraction of") and not i.has("measure") for i in items)


def _divided(scope: Scope) -> bool:
    """Whether a scope tells a part of a whole."""
    units = {q.unit for q in scope.measures}
    fields = " ".join(q.field for q in scope.measures)
    told = scope.share or scope.part or scope.per
    return bool(told) or "%" in units or "/" in fields or "ratio" in fields
