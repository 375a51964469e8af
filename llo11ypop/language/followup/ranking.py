# ruff: noqa: E501 - patterns are easier to read whole
"""How the rows are told: the first few, the order, as shares, divided by size, above a threshold, without planned work."""

import re
from dataclasses import replace
from typing import cast

from llo11ypop.language.composing import label_of
from llo11ypop.language.followup.groups import is_place
from llo11ypop.language.followup.shorthand import BOUNDS
from llo11ypop.language.followup.turn import Turn, UnclearError, dataset_of
from llo11ypop.language.quantities import converted
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Condition, Operator, Scope, Threshold

_SUMMED = frozenset({"count", "sum", "increase"})
_LOW = frozenset({"lowest", "smallest", "shortest", "least", "fewest", "coolest", "coldest", "bottom", "low", "small"})


def ranking(turn: Turn, scope: Scope) -> Scope:
    """All that is told by rows. Raises UnclearError where an operation has nothing to work on."""
    scope = _limited(turn, scope)
    scope = _top(turn, scope)
    scope = _order(turn, scope)
    scope = _shares(turn, scope)
    return _planned(turn, scope)


_EITHER = re.compile(
    r"^\W*(?:(?:and|the|only|just|now|what|about|instead|is|are|show|me) )*(highest|lowest|largest|smallest|longest|shortest)\W*(?:instead|please|values?)?\W*$"
)


def _top(turn: Turn, scope: Scope) -> Scope:
    draft, said = turn.draft, turn.said
    lifts = said.has("all_rows") or bool(set(said.all_of) & set(scope.by))
    if lifts and draft.top is None and scope.top is not None:
        scope = replace(scope, top=None)
    if not (draft.top is not None or draft.rank) or said.has("order"):
        return scope
    if turn.measured and turn.tie.clause:
        new = turn.settled.scope
        return replace(scope, top=new.top, desc=new.desc, ordered=new.ordered)
    if scope.fields:
        if draft.top is None:
            raise UnclearError("a list of rows has no order here; name a measure to rank by")
        return replace(scope, top=draft.top)
    dims = [d for q in scope.measures if q.recipe for d in turn.reader.lexicon.recipes[q.recipe].dims]
    if scope.bucket:
        raise UnclearError("the first of what? over time nothing is ranked; say for example 'top 3 in total, by cluster'")
    if not scope.by and not dims:
        raise UnclearError(f"{draft.rank or 'top'} of what? it is one number; say for example 'top {draft.top or 3} by node'")
    either = _EITHER.search(turn.text)
    if either and draft.top is None and scope.measures and scope.measures[0].agg not in (*_SUMMED, "count_distinct") and not dims:
        label = scope.measures[0].label
        raise UnclearError(
            f"the {either[1]} reading, or the {either[1]} {label} first? say 'maximum', 'minimum', or '{either[1]} first'"
        )
    return replace(scope, top=_first(turn, scope), desc=_down(draft.rank, scope, turn.text), ordered=True)


_PACE = {"slowest": "worst", "fastest": "best", "quickest": "best", "slower": "worst", "faster": "best"}
"""How fast something is, whether it is told as a time or as a rate."""


def _down(rank: str, scope: Scope, text: str = "") -> bool:
    better = scope.measures[0].better if scope.measures else "neither"
    pace = next((w for w in re.findall(r"\w+", text) if w in _PACE), "")
    rank = _PACE[pace] if pace and better != "neither" else rank
    return {"bottom": False, "best": better == "higher", "worst": better != "higher"}.get(rank, True)


def _first(turn: Turn, scope: Scope) -> int | None:
    """'top 3', 'worst rack only'."""
    alone = turn.tie.narrow and turn.draft.singular and turn.draft.rank
    return turn.draft.top or (1 if alone else scope.top)


def _order(turn: Turn, scope: Scope) -> Scope:
    said = turn.said
    if not said.has("order", "reverse", "sort"):
        return scope
    if scope.fields or scope.bucket or not scope.by:
        raise UnclearError(
            "there is nothing to order: rows are told by time or it is one number; group it first, for example 'by node'"
        )
    if said.has("reverse"):
        return replace(scope, desc=not scope.desc, ordered=True)
    by = said.word("sort", "by")
    if by and not _is_measure(by, scope):
        raise UnclearError(f"rows are ordered by {scope.measures[0].label}, not by {by}; say 'highest first' or 'lowest first'")
    rank, way = said.word("order", "rank") or said.word("order", "from"), said.word("order", "dir")
    if rank in ("newest", "oldest", "latest"):
        raise UnclearError(f"{rank} first is not possible here: rows are groups, not events; say 'by day' for the course of time")
    if rank in ("worst", "best") or rank in _PACE:
        return replace(scope, desc=_down(rank, scope, rank), ordered=True)
    return replace(scope, desc=not (way == "ascending" or rank in _LOW), ordered=True)


def _is_measure(words: str, scope: Scope) -> bool:
    said = set(re.findall(r"\w+", words)) - {"the", "number", "of"}
    known = {"value", "values", "count", "counts", "number", "amount", "it", "measure", "result", "figure", "total"}
    return not said or any(said <= known | set(re.findall(r"\w+", q.label.lower())) for q in scope.measures[:1])


def _shares(turn: Turn, scope: Scope) -> Scope:
    said = turn.said
    if said.has("absolute"):
        if not (scope.share or scope.per):
            raise UnclearError("these are absolute numbers already")
        scope = replace(scope, share=False, per="")
    if said.has("share"):
        scope = _shared(scope)
    denominator = turn.draft.denominator
    if denominator:
        if len(scope.measures) != 1 or scope.measures[0].agg not in (*_SUMMED, "count_distinct") or scope.fields:
            raise UnclearError("only counts and sums can be divided by size; averages are per thing already")
        scope = replace(scope, per=denominator, share=False)
    return scope


def _shared(scope: Scope) -> Scope:
    first = scope.measures[0] if scope.measures else None
    if first is None or first.agg not in _SUMMED or len(scope.measures) > 1 or first.recipe or scope.fields:
        raise UnclearError("only a count or a sum can be told as a share; ask for example 'what share of jobs failed'")
    if scope.compare is not None:
        raise UnclearError("shares of two periods? ask for one period, or say 'without the comparison'")
    if not scope.by or scope.bucket:
        told = "told over time" if scope.bucket else "one number"
        raise UnclearError(f"a share of what? {first.label} is {told}; say for example 'as a share by cluster'")
    return replace(scope, share=True, per="")


_EACH = re.compile(r"\b(?:per|for each|for every) (gpu|node|port|host|server|accelerator)s?\b(?! (?:hour|day))")
_UNIT = {
    "gpu": "gpu_uuid",
    "accelerator": "gpu_uuid",
    "node": "node_id",
    "host": "node_id",
    "server": "node_id",
    "port": "port_id",
}
_DENOMINATOR = {"gpu_uuid": "gpu", "node_id": "node", "port_id": "port"}


def denominators(turn: Turn, scope: Scope) -> None:
    """'per GPU' of something that no GPU is known of is divided by their number; raises UnclearError where both could be meant."""
    draft, said = turn.draft, turn.said
    thing_said = said.word("normalise", "what") or said.word("normalise", "by")
    found = _EACH.search(f"per {thing_said}" if thing_said else turn.text)
    if said.has("normalise") and not thing_said and not draft.denominator:
        raise UnclearError("divided by what? say for example 'per 1,000 GPUs' or 'per node'")
    first = scope.measures[0] if scope.measures else None
    if (
        found is None
        or turn.measured
        or said.has("ungroup", "absolute")
        or first is None
        or first.agg not in _SUMMED
        or not is_place(scope)
    ):
        return
    thing = _UNIT[found[1]]
    if thing in draft.by and thing == "gpu_uuid" and not thing_said:
        raise UnclearError(
            f"one row for each GPU, or {first.label} divided by the number of GPUs? say 'by GPU' or 'per 1,000 GPUs'"
        )
    if thing not in draft.by or thing_said:
        draft.denominator = _DENOMINATOR[thing]
        draft.foreign = [f for f in draft.foreign if not f.rstrip("s").endswith(found[1])]


def _limited(turn: Turn, scope: Scope) -> Scope:
    """'above 1 hour', 'more than 10': about what was measured."""
    if turn.said.has("unlimit"):
        if not scope.having:
            raise UnclearError("there is no threshold to drop")
        scope = replace(scope, having=())
    draft = turn.draft
    if not draft.limits:
        return scope
    if turn.measured:
        return scope
    sized = _sized(turn, scope)
    if sized is not None:
        return sized
    first = scope.measures[0] if scope.measures else None
    if first is None or draft.thing is not None or draft.qualifiers:
        raise UnclearError("what should be above or below that? ask it as a whole question")
    bound = _rebound(turn, scope)
    if bound is not None:
        return bound
    made: list[Threshold] = []
    for limit in draft.limits:
        value = converted(limit.value, limit.unit, first.unit)
        upper = converted(limit.upper, limit.unit, first.unit) if limit.upper is not None else None
        if value is None or limit.attribute or limit.op in ("outside", ""):
            raise UnclearError(
                f"what should be {limit.op or '='} {limit.value:g} {limit.unit or limit.attribute}? {first.label} is asked for"
            )
        if limit.op == "between":
            made += [Threshold(first.name, ">=", value, limit.unit), Threshold(first.name, "<=", upper or value, limit.unit)]
        else:
            made.append(Threshold(first.name, limit.op, value, limit.unit))  # type: ignore[arg-type]
    if not scope.by and not scope.bucket and not scope.count_of:
        raise UnclearError(f"which ones? {first.label} is one number; say for example 'nodes above that'")
    return replace(scope, having=tuple(made))


def _sized(turn: Turn, scope: Scope) -> Scope | None:
    """'only jobs on 8 or more GPUs': limits on a field of the rows themselves; none where one is about something else."""
    limits = turn.draft.limits
    plain = turn.draft.thing is not None and all(
        limit.attribute and " " not in limit.attribute and limit.op in (*BOUNDS, "=") for limit in limits
    )
    known = reachable(turn.reader.catalog, dataset_of(scope))
    if not plain or any(limit.attribute not in known for limit in limits) or turn.draft.qualifiers:
        return None
    made = [_row(limit.attribute, limit.op, limit.value) for limit in limits]
    kept = [f for f in scope.filters if f.field not in {m.field for m in made}]
    return replace(scope, filters=(*kept, *made))


def _row(name: str, op: str, value: float) -> Condition:
    """A limit on a field as a condition on rows."""
    if op == "=":
        return Condition(name, "in", (value,), f"{name} = {value:g}")
    return Condition(name, cast(Operator, op), (value,), f"{name} {op} {value:g}")


def _rebound(turn: Turn, scope: Scope) -> Scope | None:
    """'and more than 30 minutes?' of jobs that waited more than ten: the same bound on rows with another number; none for others."""
    held = [f for f in scope.filters if f.op in BOUNDS]
    if len(held) != 1 or len(turn.draft.limits) != 1:
        return None
    limit, old = turn.draft.limits[0], held[0]
    known = reachable(turn.reader.catalog, dataset_of(scope)).get(old.field)
    value = converted(limit.value, limit.unit, known.spec.unit if known is not None else "")
    if value is None or not limit.unit or limit.attribute or limit.op not in BOUNDS:
        return None
    new = _row(old.field, limit.op, value)
    return replace(scope, filters=tuple(new if f is old else f for f in scope.filters))


def _planned(turn: Turn, scope: Scope) -> Scope:
    planned = ("planned", "excluded")
    if turn.said.has("unplan"):
        if planned not in scope.entities:
            raise UnclearError("planned work is counted already")
        return replace(scope, entities=tuple(e for e in scope.entities if e != planned))
    if turn.draft.planned or turn.said.has("exclude_planned"):
        return replace(scope, entities=tuple(dict.fromkeys([*scope.entities, planned])))
    return scope


def named(turn: Turn, fields: tuple[str, ...]) -> str:
    """Dimensions as people call them."""
    return " and ".join(label_of(b, turn.reader.catalog, turn.reader.lexicon) for b in fields)
