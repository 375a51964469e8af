"""What is measured: another measure, one more, another aggregate, another condition of the same thing."""

import re
from dataclasses import replace

from llo11ypop.language.composing import label_of
from llo11ypop.language.draft import Draft
from llo11ypop.language.followup.turn import COUNTED, Turn, UnclearError
from llo11ypop.language.intent import Intent
from llo11ypop.language.quantities import reaggregated
from llo11ypop.language.scope import Condition, Quantity, Scope
from llo11ypop.language.where import expression

_VALUES = re.compile(r"(\w+) (?:= '(\w+)'|in \(([^()]*)\))")


def names_measure(turn: Turn, previous: Scope) -> bool:
    """Whether a follow-up names what is to be measured, rather than only how."""
    draft = turn.draft
    if (
        draft.limits
        and draft.measures
        and not draft.count_thing
        and all(_asked_before(m.words.field, previous) for m in draft.measures)
    ):
        return bool(turn.tie.clause and not turn.tie.pronoun)
    if draft.measures or draft.count_thing or (draft.qualifiers and turn.dataset != _dataset(previous)):
        return True
    if draft.thing is not None and draft.qualifiers:
        return not _narrows(turn, previous)
    if draft.thing is not None:
        changes = draft.filters or draft.by or draft.bucket or draft.limits or turn.times.periods or turn.said.spans or draft.rank
        return draft.thing[1].dataset != _dataset(previous) or not changes
    return same_kind(turn, draft, previous)


def _asked_before(name: str, previous: Scope) -> bool:
    """'which of them waited more than 2 hours' is about the wait that was asked for."""
    return bool(name) and any(q.field == name for q in previous.measures[:1])


def _dataset(scope: Scope) -> str:
    return scope.measures[0].dataset if scope.measures else scope.dataset


def _narrows(turn: Turn, previous: Scope) -> bool:
    """'only failed jobs' behind a median wait keeps the wait."""
    thing, first = turn.draft.thing, previous.measures[0] if previous.measures else None
    if thing is None or first is None or first.agg in ("count", "count_distinct") or turn.tie.clause:
        return False
    return thing[1].dataset == first.dataset


def same_kind(turn: Turn, draft: Draft, previous: Scope) -> bool:
    """'and cancelled?' behind 'how many jobs failed' asks for the other condition, not for both at once."""
    if not draft.qualifiers or not previous.measures:
        return False
    where = previous.measures[0].where
    ours = [q.where for _, q, no, _ in draft.qualifiers if not no and q.where]
    apart = any(exclude(where, w) for w in ours)
    if previous.measures[0].agg not in ("count", "count_distinct") and not (
        apart and previous.measures[0].agg in ("sum", "latest")
    ):
        return False
    negated = any(no for _, _, no, _ in draft.qualifiers)
    if (
        turn.tie.narrow
        or negated
        or re.match(
            r"\W*(?:(?:and|now|please|but) )*(?:exclud\w*|without|not|leav\w* out|drop|remov\w*|ignor\w*|minus)\b", turn.text
        )
    ) and not apart:
        return False
    thing = turn.reader.lexicon.things[draft.qualifiers[0][0].split(".")[0]]
    return apart or any(q.where and q.where in where for q in thing.qualifiers.values())


def exclude(left: str, right: str) -> bool:
    """Whether two conditions cannot hold together, since they list different values of one field."""
    theirs = {m[1]: set((m[2] or m[3].replace("'", "")).replace(" ", "").split(",")) for m in _VALUES.finditer(left)}
    ours = {m[1]: set((m[2] or m[3].replace("'", "")).replace(" ", "").split(",")) for m in _VALUES.finditer(right)}
    return any(f in theirs and not values & theirs[f] for f, values in ours.items())


def covers(wide: str, narrow: str) -> bool:
    """Whether the values that one condition lists hold all of the other's."""
    theirs, ours = (
        {m[1]: set((m[2] or m[3].replace("'", "")).replace(" ", "").split(",")) for m in _VALUES.finditer(t)}
        for t in (wide, narrow)
    )
    return bool(ours) and set(ours) == set(theirs) and all(values <= theirs[f] for f, values in ours.items())


def measures(turn: Turn, previous: Scope) -> Scope:
    """The measures after the follow-up; raises UnclearError where an aggregate makes no sense."""
    if turn.measured:
        return _replaced(turn, previous)
    counted = _how_many(turn, previous)
    if counted is not None:
        return counted
    asked = list(dict.fromkeys(name for name, _ in turn.draft.aggs if name != "sum" or not _total(previous)))
    if not asked:
        return previous
    return _aggregated(turn, previous, asked)


def _replaced(turn: Turn, previous: Scope) -> Scope:
    new, draft = turn.settled.scope, turn.draft
    if turn.settled.clarify:
        raise UnclearError(turn.settled.clarify)
    new = replace(new, measures=_as_before(turn, new.measures, previous))
    if turn.tie.extend and not turn.tie.clause and previous.measures and not previous.fields and not new.having:
        named = {q.name for q in previous.measures}
        added = tuple(q for q in new.measures if q.name not in named and not q.recipe)
        if added:
            return replace(previous, measures=(*previous.measures, *added), verified="")
    fields = new.fields or (previous.fields if not draft.measures and previous.fields and not turn.tie.clause else ())
    share = new.share or (previous.share and not turn.tie.clause and _adds_up(new.measures))
    per = new.per or (previous.per if not turn.tie.clause and _adds_up(new.measures) else "")
    changed = replace(previous, measures=new.measures, having=new.having, share=share, part=new.part, per=per)
    return replace(changed, count_of=new.count_of, fields=fields, dataset=new.dataset, verified="")


_EXTREMES = frozenset({"max", "min"})


def _as_before(turn: Turn, made: tuple[Quantity, ...], previous: Scope) -> tuple[Quantity, ...]:
    """'and the HBM?' behind a highest temperature is about the highest one too; what is said by itself is left as it is."""
    first = previous.measures[0] if len(previous.measures) == 1 else None
    said = turn.draft.aggs or any(m.aggs for m in turn.draft.measures) or turn.draft.rank or turn.tie.clause
    if first is None or said or first.recipe or not first.field or len(made) != 1 or first.unit != made[0].unit:
        return made
    name = first.agg if first.agg in _EXTREMES else f"p{100 * first.q:g}" if first.q is not None else ""
    return tuple(_called(reaggregated(q, name)) if name and q.agg == "avg" and not q.recipe else q for q in made)


def _adds_up(quantities: tuple[Quantity, ...]) -> bool:
    return len(quantities) == 1 and quantities[0].agg in ("count", "count_distinct", "sum", "increase")


def _total(scope: Scope) -> bool:
    """Whether 'the total' of a measure is itself without groups."""
    return bool(scope.measures) and scope.measures[0].agg in ("count", "sum", "increase")


def _aggregated(turn: Turn, previous: Scope, asked: list[str]) -> Scope:
    """'and the median?', 'p95 and p99', 'also the maximum'."""
    if not previous.measures or previous.fields:
        raise UnclearError(f"the {asked[0]} of what? name a measure, for example queue wait, run time or GPU temperature")
    for quantity in previous.measures:
        if quantity.recipe or quantity.agg in COUNTED or not quantity.field:
            what = "a count" if quantity.agg in COUNTED or not quantity.recipe else "worked out in several steps"
            raise UnclearError(
                f"{quantity.label} is {what}, so it has no {_spoken(asked[0])} of its own; name a measure such as queue wait, "
                f"or ask for '{quantity.label} per day'"
            )
    base = list({q.field: q for q in previous.measures}.values())
    made = tuple(_called(reaggregated(q, name)) for q in base for name in asked)
    if turn.tie.extend:
        names = {q.name for q in previous.measures}
        made = (*previous.measures, *(q for q in made if q.name not in names))
    renamed = tuple(replace(t, column=made[0].name) for t in previous.having)
    return replace(previous, measures=made, having=renamed, verified="")


def _called(quantity: Quantity) -> Quantity:
    """'median step time', where the measure was called 'Mean step time'."""
    return replace(
        quantity, label=re.sub(r"(?i)^(\S+(?: deviation of)?) (?:mean|average|median|highest|lowest) ", r"\1 ", quantity.label)
    )


def _spoken(name: str) -> str:
    return {"p50": "median", "avg": "average", "max": "maximum", "min": "minimum", "last": "latest value"}.get(name, name)


_HOW_MANY = re.compile(
    r"\W*(?:and |so )*how many(?: (?:are|is|were|was) (?:there|they|that|those|it|these)| of them)?(?: in total)?\W*"
)


def _how_many(turn: Turn, previous: Scope) -> Scope | None:
    """'how many nodes?': how many different ones of a dimension are in what was counted."""
    bare = _HOW_MANY.fullmatch(turn.text) is not None and len(previous.by) == 1
    if bare and previous.having:
        return replace(previous, count_of=previous.by[0], by=(), top=None, ordered=False)
    counted = turn.draft.counted or (previous.by if bare and previous.intent is Intent.LIST else ())
    if not counted or turn.draft.thing is not None:
        return None
    first = previous.measures[0] if previous.measures else None
    if first is None or previous.having or len(previous.measures) > 1 or previous.fields:
        raise UnclearError("how many of what? ask it as a whole question, for example 'how many nodes had XIDs last week'")
    plain = (
        first.agg in ("count", "count_distinct")
        and first.field != counted[0]
        and (not first.recipe or first.recipe == "xid_dedup")
    )
    if not plain:
        raise UnclearError(f"how many of what? {first.label} is no count; ask it as a whole question")
    label = turn.draft.counted_label or label_of(counted[0], turn.reader.catalog, turn.reader.lexicon)
    noun = {"gpu": "GPUs", "GPU": "GPUs"}.get(label, f"{label.replace('_', ' ')}s")
    where = " and ".join(w for w in (first.where, f"{counted[0]} != ''") if w)
    made = Quantity(
        f"{label}s",
        f"{noun} ({first.label})",
        first.dataset,
        "count_distinct",
        counted[0],
        where,
        better=first.better,
        definition=first.definition,
    )
    by = tuple(b for b in turn.draft.by if b not in counted)
    return replace(previous, measures=(made,), by=by, bucket="", top=None, ordered=False, share=False, per="", verified="")


def conditions(turn: Turn, previous: Scope) -> list[Condition]:
    """Conditions on the rows that a follow-up adds without naming a measure: 'only timeouts'."""
    out = []
    whole = previous.measures[0].where if previous.measures else ""
    for _, qualifier, negative, _ in turn.draft.qualifiers:
        no = negative or turn.said.has("remove")
        if no and whole and covers(qualifier.where, whole):
            raise UnclearError(f"without {qualifier.label} nothing is left of {previous.measures[0].label}")
        if not no and whole and qualifier.where and exclude(whole, qualifier.where):
            raise UnclearError(
                f"nothing is both {qualifier.label} and among {previous.measures[0].label}; ask it as a whole question"
            )
        where = f"not coalesce({qualifier.where}, 1 = 2)" if no else qualifier.where
        out.append(Condition("", "expr", (where,), f"not {qualifier.label}" if no else qualifier.label))
    return out


def fields_in(condition: Condition) -> frozenset[str]:
    """Fields that a condition looks at."""
    if condition.op != "expr":
        return frozenset({condition.field})
    return frozenset(expression(str(condition.values[0])).names())
