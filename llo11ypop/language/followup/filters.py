# ruff: noqa: E501 - patterns are easier to read whole
"""Conditions: set, extended, narrowed, replaced and dropped, one dimension at a time."""

import re
from dataclasses import replace

from llo11ypop.language.alternatives import apart
from llo11ypop.language.followup.measures import conditions, covers, exclude, fields_in
from llo11ypop.language.followup.turn import PLACES, Turn, UnclearError
from llo11ypop.language.reach import called, reachable
from llo11ypop.language.scope import Condition, Scope

_GEOGRAPHY = frozenset({"continent", "region", "zone"})
_HARDWARE = frozenset({"gpu_model"})


def filters(turn: Turn, scope: Scope) -> Scope:
    """The conditions after the follow-up. Raises UnclearError where one has no effect or leaves nothing."""
    kept = _dropped(turn, scope)
    if turn.measured and not turn.tie.extend:
        asked = [Condition("", "expr", (q.where,)) for q in scope.measures if q.where]
        elsewhere = turn.dataset != turn.home
        kept = [c for c in kept if c.op != "expr" or (not elsewhere and not any(fields_in(c) & fields_in(a) for a in asked))]
    for new in _named(turn, scope):
        kept = _with(turn, kept, new)
    return replace(scope, filters=tuple(kept))


_NUMBERED = {"code": "XID", "exit_code": "exit code", "gpu_index": "GPU", "rank": "rank", "exit_signal": "signal"}
"""Dimensions whose values are plain numbers, and how one is called."""
_ONLY_NUMBERS = re.compile(
    r"^(?P<no>.*\b(?:not|without|exclud\w+|except|no)\b)?[^\d]*(?P<n>\d+(?:(?:\s*,\s*|\s+(?:and|or)\s+)\d+)*)\W*(?:too|as well|again|instead|please)?\W*$"
)


def numbers(turn: Turn, previous: Scope) -> None:
    """'only 79', 'and 31': numbers alone are values of the numbered dimension that was asked about."""
    found = _ONLY_NUMBERS.match(turn.text)
    items = turn.spotted.items
    if found is None or turn.measured or any(i.number is None and i.text not in _TIED for i in items):
        return
    held = [*(c.field for c in previous.filters), *previous.by]
    name = next((f for f in held if f in _NUMBERED), "")
    if not name or not any(i.number is not None for i in items) or turn.draft.top is not None:
        return
    values = tuple(i.number for i in items if i.number is not None)
    words = f"{_NUMBERED[name]} {', '.join(f'{v:g}' for v in values)}"
    turn.draft.filters = [Condition(name, "not in" if found["no"] else "in", values, words)]
    turn.draft.limits = []
    turn.draft.used |= set(range(len(items)))
    turn.settled.scope = replace(turn.settled.scope, filters=(), having=())


_TIED = frozenset({"and", "or", ",", "not", "without", "except", "excluding", "exclude", "no"})


def _named(turn: Turn, scope: Scope) -> list[Condition]:
    """What the follow-up says, in its own words."""
    found = [c for c in turn.settled.scope.filters if c.words or c.op == "expr"]
    if turn.draft.limits and not turn.measured:
        found = [c for c in found if c in turn.draft.filters]
    if turn.measured and turn.settled.scope.part:
        found += [c for c in turn.draft.filters if c not in turn.settled.scope.part and c not in found]
    elif not turn.measured:
        found += [c for c in turn.draft.filters if c not in found]
        found = [c for c in found if c.op != "expr"] + conditions(turn, scope)
    reach = reachable(turn.reader.catalog, turn.dataset)
    return [replace(c, field=called(c.field, reach)) if c.field else c for c in found]


def _dropped(turn: Turn, scope: Scope) -> list[Condition]:
    """The conditions that are left after 'drop the filter', 'all clusters', 'the whole fleet'."""
    kept, said = list(scope.filters), turn.said
    if said.has("drop_filter"):
        words = said.word("drop_filter", "on") or said.word("drop_filter", "what")
        fields = turn.own(words) if words else ()
        named = {c.field for c in turn.draft.filters}
        gone = (
            [c for c in kept if _is_about(c, fields, words) or (c.field in named)]
            if words or named
            else [c for c in kept if c.words]
        )
        if not gone:
            raise UnclearError(_nothing_to_drop(scope, words))
        turn.draft.filters = [c for c in turn.draft.filters if c.field not in {g.field for g in gone}]
        turn.settled.scope = replace(turn.settled.scope, filters=())
        kept = [c for c in kept if c not in gone]
    if said.has("everywhere"):
        kept = [c for c in kept if c.field not in (*PLACES, *_HARDWARE) or not c.words]
    for name in turn.said.all_of:
        finer = PLACES[PLACES.index(name) :] if name in PLACES else (name,)
        kept = [c for c in kept if c.field not in finer or not c.words]
    return kept


def _is_about(condition: Condition, fields: tuple[str, ...], words: str) -> bool:
    return bool(fields_in(condition) & set(fields)) or (bool(words) and words in condition.words.lower().split())


def _nothing_to_drop(scope: Scope, words: str) -> str:
    held = ", ".join(c.words for c in scope.filters if c.words)
    return f"there is no filter{f' on {words}' if words else ''} to drop; " + (
        f"there is: {held}" if held else "nothing is filtered"
    )


def _with(turn: Turn, kept: list[Condition], new: Condition) -> list[Condition]:
    if new in kept and not turn.said.has("remove"):
        return kept
    if new.op == "expr":
        again = not (turn.tie.narrow or turn.tie.extend)
        return [
            *(
                c
                for c in kept
                if not (
                    _opposed(c, new) or (again and c.op == "expr" and fields_in(c) == fields_in(new) and not _both_out(c, new))
                )
            ),
            new,
        ]
    same = next((c for c in kept if c.field == new.field and c.op in ("in", "not in")), None)
    if same is None and new.op == "in" and turn.tie.include and re.search(r"\b(?:include|including|again)\b", turn.text):
        raise UnclearError(f"{new.words} is counted already: nothing leaves it out")
    if same is None and turn.said.has("remove") and new.op == "in":
        new = replace(new, op="not in")
    if new.op not in ("in", "not in") or same is None:
        return [*_moved(turn, kept, new), new]
    place = kept.index(same)
    changed = _changed(turn, same, new)
    out = [c for c in kept if c is not same]
    if changed is not None:
        out.insert(place, changed)
    return _moved(turn, out, changed or new)


_NOT = "not coalesce("


def _both_out(one: Condition, other: Condition) -> bool:
    """'leave out drains and undrains': two exclusions of one field stand side by side."""
    return all(str(c.values[0]).startswith(_NOT) for c in (one, other))


def _opposed(old: Condition, new: Condition) -> bool:
    """Conditions that leave nothing together: what was said last holds."""
    if old.op != "expr":
        return apart(old, new)
    before, after = str(old.values[0]), str(new.values[0])
    if after.startswith(_NOT) or before.startswith(_NOT):
        wide, narrow = (after, before) if after.startswith(_NOT) else (before, after)
        return not narrow.startswith(_NOT) and covers(wide.removeprefix(_NOT), narrow)
    return exclude(before, after)


def _changed(turn: Turn, old: Condition, new: Condition) -> Condition | None:
    """One dimension that is held to values already, and named again; none where no condition is left."""
    if old.op == new.op == "in" and turn.said.has("remove"):
        left = tuple(v for v in old.values if v not in new.values)
        return replace(old, values=left, words=", ".join(str(v) for v in left)) if left else None
    if old.op == new.op == "in":
        if not (turn.tie.extend or turn.tie.include) or turn.tie.narrow:
            return new
        return _joined(old, new)
    if old.op == new.op:
        return _joined(old, new)
    if new.op == "not in":
        left = tuple(v for v in old.values if v not in new.values)
        if left == old.values:
            raise UnclearError(f"{new.words} is left out already, since only {old.words} is asked for")
        if not left:
            raise UnclearError(
                f"without {new.words} nothing is left, since only {old.words} is asked for; name another or drop the filter"
            )
        return replace(old, values=left, words=", ".join(str(v) for v in left))
    if set(new.values) <= set(old.values) and (turn.tie.include or turn.tie.extend):
        left = tuple(v for v in old.values if v not in new.values)
        return replace(old, values=left, words=", ".join(str(v) for v in left)) if left else None
    return new


def _joined(old: Condition, new: Condition) -> Condition:
    more = tuple(v for v in new.values if v not in old.values)
    return replace(old, values=(*old.values, *more), words=f"{old.words}, {new.words}") if more else old


def _contradicts(turn: Turn, old: Condition, new: Condition) -> bool:
    """'what about H100?' where only a cluster of A100s was asked for: what was named last holds. Raises UnclearError for 'only'."""
    known = turn.reader.values.clusters
    pair = {old.field: old, new.field: new}
    cluster = pair.pop("cluster", None)
    other = next(iter(pair.values()), None)
    if cluster is None or other is None or old.op != "in" or new.op != "in":
        return False
    has = [known[str(v)].get(other.field) for v in cluster.values if str(v) in known]
    if len(has) < len(cluster.values) or any(h is None or h in other.values for h in has):
        return False
    if turn.tie.narrow and new.field == "gpu_model":
        raise UnclearError(f"{cluster.words} has no {other.words}; drop one of the two")
    return True


def _moved(turn: Turn, kept: list[Condition], new: Condition) -> list[Condition]:
    """Another place takes the place of those that it stands in and of those that stand in it."""
    kept = [c for c in kept if not _contradicts(turn, c, new)]
    if new.field not in PLACES or new.op != "in":
        return kept
    keeps: set[str] = set()
    if new.field in _GEOGRAPHY and (turn.tie.narrow or turn.tie.extend):
        keeps = {"provider"}
    elif new.field == "provider" and (turn.tie.narrow or turn.tie.extend):
        keeps = set(_GEOGRAPHY)
    return [
        c for c in kept if c.field not in PLACES or c.field == new.field or c.field in keeps or c.op == "not in" or not c.words
    ]
