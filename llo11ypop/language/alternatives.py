"""Values of one field that a question puts side by side: 'crit or emerg', 'resets, reboots and RMAs' are meant as 'or'."""

import re
from itertools import pairwise

from llo11ypop.language.draft import Draft
from llo11ypop.language.entries import Qualifier
from llo11ypop.language.scope import Condition, Scope
from llo11ypop.language.spot import Item

_LISTED = re.compile(r"(\w+) (?:= ('[^']*')|in \(([^()]*)\))")
_NUMBER = re.compile(r"(\w+) = (\d+)")
_OPEN = frozenset({"etc", "and so on", "and so forth", "and the like", "and others", "etcetera"})
"""Words that make values examples."""
TOGETHER = frozenset({"together", "combined", "total", "sum", "overall", "altogether", "jointly", "or", "whole", "both"})
"""Words with which several are told as one."""
SEVERAL = 3
"""From so many kinds on, each is told by itself."""


def merge(draft: Draft, items: list[Item]) -> None:
    """Conditions on one field that a conjunction joins become one; beside named values of the field they become values."""
    if any(i.text in _OPEN for i in items):
        _all_kinds(draft)
    _with_values(draft)
    _with_each_other(draft, items)
    _each_kind(draft, items)


def _all_kinds(draft: Draft) -> None:
    """'idle, allocated, down etc': the values are examples of their field, so all of them are told, each by itself."""
    fields = [v[0] for _, q, no, _ in draft.qualifiers if not no and (v := listed(q.where))]
    fields += [c.field for c in draft.filters if c.op == "in" and len(c.values) > 1]
    named = next((f for f in fields if fields.count(f) > 1 or any(c.field == f for c in draft.filters)), "")
    if named:
        draft.qualifiers = [q for q in draft.qualifiers if (listed(q[1].where) or ("",))[0] != named]
        draft.filters = [c for c in draft.filters if c.field != named]
        draft.by = list(dict.fromkeys([*draft.by, named]))
        draft.listing = False


def _each_kind(draft: Draft, items: list[Item]) -> None:
    """'how many leaf and spine switches': each by itself, not one number of both."""
    if any(w in TOGETHER for i in items for w in i.text.split()) or not (draft.count_thing or draft.counted):
        return
    kinds = [(v[0], at) for _, q, no, at in draft.qualifiers if not no and (v := listed(q.where)) and len(v[1]) == 1]
    for (field, first), (other, second) in pairwise(kinds):
        between = items[first + 1 : second]
        if field == other and between and all(i.has("conjunction") for i in between) and field not in draft.by:
            draft.by.append(field)


def listed(where: str) -> tuple[str, tuple[str, ...]] | None:
    """(field, values) of a condition that only lists values of one field; none for any other."""
    found = _LISTED.fullmatch(where)
    return (found[1], tuple(v.strip().strip("'") for v in (found[2] or found[3]).split(","))) if found else None


def _allowed(condition: Condition) -> tuple[str, set[str]] | None:
    """The values of one field that a condition lets through; none where it is of another kind."""
    found = (condition.field, condition.values) if condition.op == "in" else None
    if condition.op == "expr":
        number = _NUMBER.fullmatch(str(condition.values[0]))
        found = (number[1], (number[2],)) if number else listed(str(condition.values[0]))
    return (found[0], {str(v) for v in found[1]}) if found else None


def apart(one: Condition, other: Condition) -> bool:
    """Whether nothing meets both, since they list different values of one field."""
    left, right = _allowed(one), _allowed(other)
    return left is not None and right is not None and left[0] == right[0] and not left[1] & right[1]


def _crossed(one: Condition, other: Condition) -> bool:
    """Whether no number is both: above 7200 and below 600."""
    low, high = (one, other) if one.op in (">", ">=") else (other, one)
    ends = low.op in (">", ">=") and high.op in ("<", "<=") and low.field == high.field
    return ends and float(low.values[0]) >= float(high.values[0])


def contradiction(scope: Scope) -> str:
    """What to ask back where conditions leave nothing together; empty when they do not."""
    for n, one in enumerate(scope.filters):
        other = next((c for c in scope.filters[n + 1 :] if apart(one, c) or _crossed(one, c)), None)
        if other is not None:
            return f"nothing is both {one.words} and {other.words}; which of them do you mean?"
    return ""


def _with_values(draft: Draft) -> None:
    for n, condition in enumerate(draft.filters):
        if condition.op != "in":
            continue
        same = [q for q in draft.qualifiers if not q[2] and (v := listed(q[1].where)) and v[0] == condition.field]
        if not same:
            continue
        more = [value for q in same for value in listed(q[1].where)[1]]  # type: ignore[index]
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
        pair = (listed(last[1].where), listed(own.where)) if last is not None else (None, None)
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
