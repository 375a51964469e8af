# ruff: noqa: E501 - patterns are easier to read whole
"""Groupings: by what, over which steps of time."""

import re
from dataclasses import replace
from typing import cast

from llo11ypop.language.composing import label_of
from llo11ypop.language.followup.turn import PLACES, Turn, UnclearError
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Bucket, Condition, Scope

_INTO = re.compile(
    r"\b(?:split|break|broken|divided?) (?:that |it |them |those |this |up |down )*(?:further )?(?:by|per|into|down|up|across)\b|\bsplit\b|\band (?:also )?(?:split|broken down) by\b"
)
_BOTH = re.compile(r"\bboth\b")


def groups(turn: Turn, scope: Scope) -> Scope:
    """The groups after the follow-up. Raises UnclearError where what is to be dropped is not there."""
    scope = _ungrouped(turn, scope)
    named = _named(turn, scope)
    if turn.said.has("everywhere") and turn.draft.bucket and not named:
        scope = replace(scope, by=tuple(b for b in scope.by if b not in PLACES))
    if turn.measured and turn.tie.clause:
        scope = replace(scope, by=(), bucket="", top=None, ordered=False, desc=True, count_of=turn.settled.scope.count_of)
    if not named and not scope.by and turn.tie.extend:
        named = _beside(scope)
    if named:
        scope = _regrouped(turn, scope, named)
    return _stepped(turn, scope)


def _beside(scope: Scope) -> tuple[str, ...]:
    """'c-a too' behind a mean: both side by side, since two means make no one figure."""
    adds = all(q.agg in ("count", "sum", "increase") for q in scope.measures)
    joined = next((f.field for f in scope.filters if f.op == "in" and len(f.values) > 1 and f.words.count(",")), "")
    return (joined,) if joined and scope.measures and not adds and not scope.fields else ()


def _named(turn: Turn, scope: Scope) -> tuple[str, ...]:
    """Dimensions to group by; 'cluster c-a' only tells the kind of a value."""
    single = {f.field for f in turn.draft.filters if len(f.values) == 1}
    own = [b for b in turn.draft.by if b not in single]
    own += [f for f in turn.own_fields(turn.said.each)[:1] if not own]
    if turn.measured and turn.tie.clause:
        own = list(turn.settled.scope.by)
    return tuple(dict.fromkeys(own))


def _ungrouped(turn: Turn, scope: Scope) -> Scope:
    said = turn.said
    if said.has("ungroup"):
        words = said.word("ungroup", "what")
        fields = turn.own(words) if words else scope.by
        if scope.per and not set(fields) & set(scope.by):
            return replace(scope, per="")
        if not set(fields) & set(scope.by):
            raise UnclearError(f"nothing is grouped by {words}" if words else "nothing is grouped")
        scope = replace(scope, by=tuple(b for b in scope.by if b not in fields))
        scope = replace(scope, top=scope.top if scope.by else None, share=scope.share and bool(scope.by))
    if said.has("total") or _summed(turn, scope):
        if scope.fields:
            raise UnclearError("the total of a list? ask how many there are")
        scope = replace(scope, by=(), bucket="", top=None, ordered=False, desc=True, share=False)
    if said.has("unbucket"):
        if not scope.bucket:
            raise UnclearError("it is not told over time")
        scope = replace(scope, bucket="")
    return scope


def _summed(turn: Turn, scope: Scope) -> bool:
    """'the sum' of counts is their number without groups."""
    asked = [name for name, _ in turn.draft.aggs]
    adds = bool(scope.measures) and scope.measures[0].agg in ("count", "sum", "increase")
    return asked == ["sum"] and adds and not turn.measured


def _regrouped(turn: Turn, scope: Scope, named: tuple[str, ...]) -> Scope:
    if scope.fields and not scope.measures:
        raise UnclearError("that was a list of rows; ask how many there are by that")
    replaced = [b for b in scope.by if turn.old is not None and b in turn.old.by]
    more = bool(turn.tie.extend or _INTO.search(turn.text)) and not re.search(r"\binstead\b", turn.text)
    if replaced:
        by = tuple(dict.fromkeys([*(b for b in scope.by if b not in replaced), *named]))
    elif more:
        by = tuple(dict.fromkeys([*scope.by, *named]))
        scope = _held(turn, scope, by)
    else:
        by = named
    if re.search(r"\binstead\b", turn.text) and not turn.draft.bucket and scope.bucket and not scope.by and turn.old is None:
        scope = replace(scope, bucket="")
    return _lifted(turn, replace(scope, by=by, fields=() if not turn.settled.scope.fields else scope.fields))


def _held(turn: Turn, scope: Scope, by: tuple[str, ...]) -> Scope:
    """Splitting a ranking further keeps the things that were shown, not the first of the pairs."""
    if scope.top is None or set(by) == set(scope.by) or turn.draft.top is not None or turn.said.has("all_rows"):
        return scope
    shown = dict(scope.shown)
    if len(scope.by) == 1 and shown.get(scope.by[0]):
        values = shown[scope.by[0]]
        condition = Condition(scope.by[0], "in", values, ", ".join(values))
        others = tuple(f for f in scope.filters if f.field != scope.by[0] or not f.words)
        return replace(scope, filters=(*others, condition), top=None)
    raise UnclearError(f"split the first {scope.top}, or all of them? say 'all of them, by …', or name the ones to split")


def _lifted(turn: Turn, scope: Scope) -> Scope:
    """Groups over a dimension that is held to one value say nothing: the value is lifted, unless it was just named."""
    named = {f.field for f in turn.draft.filters}
    gone = [f for f in scope.filters if f.field in turn.draft.by and f.op == "in" and len(f.values) == 1 and f.field not in named]
    return replace(scope, filters=tuple(f for f in scope.filters if f not in gone)) if gone else scope


def _stepped(turn: Turn, scope: Scope) -> Scope:
    """'by week', 'over time'."""
    draft = turn.draft
    if draft.bucket:
        if scope.fields:
            raise UnclearError("that was a list of rows; ask how many there are by that")
        instead = re.search(r"\binstead\b", turn.text) is not None and not scope.bucket and not turn.draft.by
        ranked = scope.top if draft.top is not None else None
        return replace(
            scope,
            bucket=cast(Bucket, draft.bucket),
            by=() if instead else scope.by,
            fields=(),
            top=ranked,
            compare=None,
            share=False,
        )
    if (draft.trend and not turn.said.has("unbucket")) and not scope.bucket:
        length = (scope.window.end_at - scope.window.start_at).total_seconds() / 86400 if scope.window is not None else 7
        unit: Bucket = "hour" if length <= 2 else "day" if length <= 45 else "week"  # noqa: PLR2004 - as a question without a follow-up
        return replace(scope, bucket=unit, compare=None, top=None, share=False)
    return scope


def fitting(turn: Turn, scope: Scope) -> Scope:
    """Groups that another measure's dataset does not have are left out, and that is said."""
    if not scope.measures:
        return scope
    known = reachable(turn.reader.catalog, scope.measures[0].dataset)
    lost = [b for b in scope.by if b not in known and b not in turn.draft.by]
    if lost and turn.tie.pronoun and turn.measured:
        what = " and ".join(label_of(b, turn.reader.catalog, turn.reader.lexicon) for b in lost)
        raise UnclearError(
            f"{scope.measures[0].label} is not known per {what}, so not of what was shown; ask it as a whole question"
        )
    return replace(scope, by=tuple(b for b in scope.by if b not in lost)) if lost else scope


def is_place(scope: Scope) -> bool:
    """Whether everything that is grouped by is a place, so that a rate compares them."""
    return bool(scope.by) and set(scope.by) <= {*PLACES, "gpu_model", "vendor", "batch", "driver", "cooling"}
