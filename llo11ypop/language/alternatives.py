"""Values of one field that a question puts side by side: 'crit or emerg', 'resets, reboots and RMAs' are meant as 'or'."""

import re

from llo11ypop.language.draft import Draft
from llo11ypop.language.entries import Qualifier
from llo11ypop.language.scope import Condition
from llo11ypop.language.spot import Item

_LISTED = re.compile(r"(\w+) (?:= ('[^']*')|in \(([^()]*)\))")
SEVERAL = 3
"""From so many kinds on, each is told by itself."""


def merge(draft: Draft, items: list[Item]) -> None:
    """Conditions on one field that a conjunction joins become one; beside named values of the field they become values."""
    _with_values(draft)
    _with_each_other(draft, items)


def _values(where: str) -> tuple[str, tuple[str, ...]] | None:
    found = _LISTED.fullmatch(where)
    return (found[1], tuple(v.strip().strip("'") for v in (found[2] or found[3]).split(","))) if found else None


def _with_values(draft: Draft) -> None:
    for n, condition in enumerate(draft.filters):
        if condition.op != "in":
            continue
        same = [q for q in draft.qualifiers if not q[2] and (v := _values(q[1].where)) and v[0] == condition.field]
        if not same:
            continue
        more = [value for q in same for value in _values(q[1].where)[1]]  # type: ignore[index]
        values = tuple(dict.fromkeys([*condition.values, *more]))
        words = ", ".join([condition.words, *(q[1].label for q in same)])
        draft.filters[n] = Condition(condition.field, "in", values, words)
        draft.qualifiers = [q for q in draft.qualifiers if q not in same]
        if len(values) >= SEVERAL and not draft.by and not draft.share:
            draft.by, draft.listing = [condition.field], False


def _with_each_other(draft: Draft, items: list[Item]) -> None:
    """'crit or emerg': one condition; overlapping ones would otherwise keep only what both hold."""
    kept: list[tuple[str, Qualifier, bool, int]] = []
    for name, own, no, at in draft.qualifiers:
        last = kept[-1] if kept else None
        joined = last is not None and not no and not last[2] and _joined(items, last[3], at)
        pair = (_values(last[1].where), _values(own.where)) if last is not None else (None, None)
        if joined and last is not None and pair[0] and pair[1] and pair[0][0] == pair[1][0]:
            field, first = pair[0]
            every = dict.fromkeys([*first, *pair[1][1]])
            overlap = set(first) & set(pair[1][1])
            if overlap:
                where = f"{field} in ({', '.join(repr(v) for v in every)})"
                kept[-1] = (last[0], _over(last[1], where, f"{last[1].label} or {own.label}"), False, at)
                continue
        kept.append((name, own, no, at))
    draft.qualifiers = kept


def _over(qualifier: Qualifier, where: str, label: str) -> Qualifier:
    """The same condition over more values."""
    return qualifier.model_copy(update={"where": where, "label": label})


def _joined(items: list[Item], first: int, second: int) -> bool:
    between = items[first + 1 : second]
    return bool(between) and all(i.has("conjunction") or i.text == "or" for i in between)
