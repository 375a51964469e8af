# ruff: noqa: E501 - patterns are easier to read whole
"""The window: another, the same, a step back or on, and what it is held against."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from llo11ypop.language.followup.operations import Said
from llo11ypop.language.followup.turn import Turn, UnclearError
from llo11ypop.language.intent import Intent
from llo11ypop.language.periods import before, clipped, describe, floor, shifted
from llo11ypop.language.scope import Period, Scope
from llo11ypop.language.time_counts import COUNT, count_of
from llo11ypop.language.times import Times, read_times

_BACK = re.compile(
    r"\b(?:the )?(?:(?P<unit>day|week|month|hour) before(?! yesterday)|(?:same )?period before|one before|before that|previous (?:day|week|month|hour|period|one))\b|\b(?:a|one) (?P<one>day|week|month|hour) earlier\b"
)  # fmt: skip
_ON = re.compile(
    r"\b(?:the )?(?:(?P<unit>day|week|month|hour) after|(?:next|following) (?:day|week|month|hour|period)|period after|after that)\b|\b(?:a|one) (?P<one>day|week|month|hour) later\b"
)
_AGAINST = re.compile(r"\b(?:compar\w+|versus|vs|against|than)\b")
_SAME = re.compile(rf"\b(?:the )?same {COUNT} (?P<u>hour|day|week|month)s?\b")


def moved(text: str, times: Times, previous: Scope, at: datetime) -> Times:
    """'the day before', 'a week later', 'the same 14 days': the window of the turn before, moved or kept."""
    if previous.window is None:
        return times
    same = _SAME.search(text)
    if same is not None:
        own = previous.window.end_at - previous.window.start_at
        wanted = timedelta(hours=count_of(same["n"]) * {"hour": 1, "day": 24, "week": 168, "month": 720}[same["u"]])
        if own == wanted:
            kept = [p for p in times.periods if not (same.start() <= p[0] < same.end() or p[0] <= same.start() < p[1])]
            return replace(times, periods=kept, spans=[*times.spans, same.span()])
    if _AGAINST.search(text):
        return times
    night = re.search(r"\b(?:the )?(?:night before|previous night)\b", text)
    if night is not None and not times.periods:
        day = timedelta(days=1)
        shifted_back = replace(
            previous.window,
            start_at=previous.window.start_at - day,
            end_at=previous.window.end_at - day,
            label="the night before",
        )
        return replace(times, periods=[(*night.span(), shifted_back)], spans=[*times.spans, night.span()])
    back, on = _BACK.search(text), _ON.search(text)
    found = back or on
    if found is None or times.periods:
        return times
    period = replace(before(previous.window, previous.window.end_at), defaulted=False) if back else _after(previous.window, at)
    if period is None:
        return times
    return replace(times, periods=[(*found.span(), period)], spans=[*times.spans, found.span()], before=False)


def _after(window: Period, at: datetime) -> Period | None:
    """The period just behind, as long as this one; none when it is still to come."""
    for unit in ("day", "week", "month"):
        if window.start_at == floor(window.start_at, unit) and shifted(window.start_at, unit) == window.end_at:
            if window.end_at >= at:
                return None
            return clipped(window.end_at, shifted(window.end_at, unit), f"the {unit} after", at)
    span = window.end_at - window.start_at
    return clipped(window.end_at, window.end_at + span, f"the {describe(span)} after", at) if window.end_at < at else None


def without(text: str, times: Times, said: Said, at: datetime) -> Times:
    """Times that stand behind 'instead of' are what is no longer wanted."""
    gone = said.matches.get("old")
    if not gone:
        return times
    start, end = gone[0].span()
    if not text[end:].strip(" ?!."):
        return read_times(text[:start].rstrip(), at)
    return replace(times, periods=[p for p in times.periods if not (start <= p[0] + 1 and p[1] <= end)])


def window(turn: Turn, scope: Scope, previous: Scope) -> Scope:
    """The window and what it is compared with after the follow-up."""
    new, at = turn.settled.scope, turn.at
    if turn.said.has("uncompare"):
        if previous.compare is None:
            raise UnclearError("nothing is compared")
        return replace(scope, compare=None)
    if turn.draft.compare and len(turn.times.periods) > 1 and new.compare is not None:
        return replace(scope, window=new.window, compare=new.compare, bucket="", fields=(), share=False)
    if compares(turn, previous) and not turn.measured:
        if previous.window is None:
            raise UnclearError("compared with what? it has no period; name the two things to compare")
        start = previous.window.start_at
        periods = (new.compare, new.window) if turn.times.periods else ()
        named = next((w for w in periods if w is not None and not w.defaulted and w.end_at <= start), None) or _sized(
            turn, previous.window
        )
        if named is None and turn.times.periods and not turn.times.before:
            whole = [w for w in (new.window, new.compare) if w is not None and not w.defaulted]
            if len(turn.times.periods) == 1 and whole and "before" not in turn.text:
                named = _other(previous.window, turn.times.periods[0][2])
        return replace(scope, compare=named or before(previous.window, at), bucket="", fields=(), share=False)
    if new.window is not None and not new.window.defaulted:
        earlier = before(new.window, at) if previous.compare is not None and previous.intent is Intent.COMPARE else None
        return replace(scope, window=new.window, compare=new.compare or earlier)
    if scope.window is None and new.window is not None:
        return replace(scope, window=new.window)
    return scope


_SIZED = re.compile(rf"\b{COUNT} (?P<u>hour|day|week|month)s? (?:before|earlier|prior)\b")


def _sized(turn: Turn, own: Period) -> Period | None:
    """'compared with the 2 days before'."""
    found = _SIZED.search(turn.text)
    if found is None:
        return None
    span = timedelta(hours=count_of(found["n"]) * {"hour": 1, "day": 24, "week": 168, "month": 720}[found["u"]])
    if own.end_at - own.start_at != span:
        raise UnclearError(f"{own.label} against {describe(span)}? these are not equally long; say 'with the period before'")
    return Period(own.start_at - span, own.start_at, f"the {describe(span)} before")


def compares(turn: Turn, previous: Scope) -> bool:
    """Whether two periods are to be held against each other, rather than two named things."""
    return turn.draft.compare and not _rivals(turn, previous)


def _other(own: Period, named: Period) -> Period:
    """'compared with last week': a period that is named, where it is not the one that is looked at."""
    if (named.start_at, named.end_at) == (own.start_at, own.end_at):
        return before(own, own.end_at)
    if named.start_at >= own.end_at or named.end_at <= own.start_at:
        return named
    raise UnclearError(f"{named.label} overlaps {own.label}; name two periods that lie apart, or say 'with the period before'")


def _rivals(turn: Turn, previous: Scope) -> bool:
    held = {f.field for f in previous.filters if f.op == "in"}
    return any(f.field in held and f.op == "in" for f in turn.draft.filters) or any(len(f.values) > 1 for f in turn.draft.filters)


def rivals(turn: Turn, scope: Scope, previous: Scope) -> Scope:
    """'compare with c-b': both things side by side."""
    if not turn.draft.compare or not _rivals(turn, previous) or turn.measured:
        return scope
    named = next(f for f in turn.draft.filters if f.op == "in")
    old = next((f for f in previous.filters if f.field == named.field and f.op == "in"), None)
    values = tuple(dict.fromkeys([*(old.values if old else ()), *named.values]))
    both = replace(named, values=values, words=", ".join(str(v) for v in values))
    others = tuple(f for f in scope.filters if f.field != named.field)
    by = scope.by if named.field in scope.by else (named.field, *scope.by)
    return replace(scope, filters=(*others, both), by=by)
