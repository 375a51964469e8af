# ruff: noqa: E501 - questions that are asked back are easier to read whole
"""What stands for the rows that were shown: 'which of them', 'those nodes', 'that cluster'."""

import re
from dataclasses import replace

from llo11ypop.language.followup.turn import Turn, UnclearError
from llo11ypop.language.scope import Condition, Scope

_OF_THEM = re.compile(
    r"\b(?:of|among|for|from|on|in|at|split|break|compare) (?:them|those|these)\b|\bthe(?:y|ir)\b|(?<!are )(?<!is )(?<!were )(?<!was )\bthere\b"
)
_FEW = 3


def referred(turn: Turn, scope: Scope, previous: Scope) -> Scope:
    """The scope held to the rows that the words stand for. Raises UnclearError where these are not known."""
    if turn.said.those:
        which, words = turn.said.those[0]
        return _named(turn, scope, previous, words, which)
    if not _OF_THEM.search(turn.text) or turn.said.has("all_rows") or not previous.by:
        return _ranked(turn, scope, previous)
    if turn.draft.by and re.search(r"\binstead\b", turn.text):
        return replace(scope, top=None if scope.top == previous.top else scope.top)
    if previous.top is None and not previous.having:
        return replace(scope, by=scope.by or previous.by) if turn.measured and turn.tie.clause and not _counting(turn) else scope
    return _held(scope, previous, previous.by[0])


def _ranked(turn: Turn, scope: Scope, previous: Scope) -> Scope:
    """Another measure behind a ranking: of the same things, or ranked anew? Raises UnclearError, since both are meant."""
    anew = turn.draft.top is not None or turn.tie.clause or turn.draft.by or turn.said.has("all_rows") or turn.tie.extend
    if turn.measured and previous.top is not None and scope.top == previous.top and not anew:
        label = " and ".join(q.label for q in scope.measures)
        raise UnclearError(
            f"{label} of the {previous.top} that were shown, or the first {previous.top} by {label}? say 'of those', or 'top {previous.top}'"
        )
    return scope


def _counting(turn: Turn) -> bool:
    return bool(re.search(r"\bhow many of\b", turn.text))


def _named(turn: Turn, scope: Scope, previous: Scope, words: str, which: str) -> Scope:
    fields = [
        f for f in turn.own(words) if f in previous.by or f in dict(previous.shown) or any(c.field == f for c in previous.filters)
    ]
    if not fields:
        raise UnclearError(f"which {words}? name the one you mean, or ask for them first")
    several = words.endswith("s") or which not in ("that", "this")
    kept = next((c for c in previous.filters if c.field == fields[0] and c.op == "in"), None)
    if fields[0] not in previous.by and fields[0] not in dict(previous.shown) and kept is not None:
        if not several and len(kept.values) > 1:
            raise UnclearError(f"which one: {', '.join(str(v) for v in kept.values)}?")
        return scope
    if several:
        return _held(scope, previous, fields[0])
    shown = dict(previous.shown).get(fields[0], ())
    if len(shown) != 1:
        raise UnclearError(f"which {words}? {'for example ' + ', '.join(shown[:_FEW]) if shown else 'name the one you mean'}")
    return _held(scope, previous, fields[0])


def _held(scope: Scope, previous: Scope, name: str) -> Scope:
    values = dict(previous.shown).get(name, ())
    if not values or len(previous.by) > 1:
        raise UnclearError("which ones exactly? too many were shown to keep in mind; name them, or ask it as a whole question")
    condition = Condition(name, "in", values, ", ".join(values))
    others = tuple(f for f in scope.filters if f.field != name or not f.words)
    having = () if scope.having == previous.having else scope.having
    top = None if scope.top == previous.top else scope.top
    return replace(scope, filters=(*others, condition), top=top, having=having, by=scope.by or previous.by)
