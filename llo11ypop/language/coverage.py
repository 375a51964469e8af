"""The last gate: what was taken from a question must stand in the scope made of it. A part that got lost is asked back.

The words were all explained before this; here the scope is held against them. A condition, a named value, an aggregate or another
'how many' that is nowhere in what is measured, grouped, ranked or filtered would be a wrong answer in silence.
"""

from llo11ypop.language.alternatives import listed
from llo11ypop.language.draft import Draft
from llo11ypop.language.entries import Qualifier
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.scope import Scope
from llo11ypop.language.spot import Spotted
from llo11ypop.language.unheld import unheld

_EXTREMES = {"lowest": "min", "minimum": "min", "min": "min", "highest": "max", "maximum": "max", "max": "max", "peak": "max"}


def lost(spotted: Spotted, draft: Draft, scope: Scope, lexicon: Lexicon) -> str:
    """What to ask back where a part of the question is nowhere in the scope; empty when all of it is there."""
    kept = _kept(scope)
    gone = next((q.label or key for key, q, _, _ in draft.qualifiers if not _held(q, kept)), "")
    if gone:
        return f"I read '{gone}' but could not put it into the question; ask for it by itself or in other words"
    if not draft.alone:
        return ""
    level = _level(spotted, scope, lexicon)
    if level:
        return f"the {level} of what? I could not put it beside the rest; ask for it by itself"
    if _crossed(scope):
        return "one figure cannot be above and below at once; which limit is about what? ask for them one by one"
    if draft.top is not None and not (scope.top or scope.within or scope.fields):
        return f"the first {draft.top} of what? name what is ranked and by what"
    if _several(spotted, scope):
        return "two counts at once? I could only read one of them; ask for one after the other"
    return unheld(spotted, draft, scope)


def _kept(scope: Scope) -> str:
    """All text of a scope that a condition may stand in."""
    measured = (f"{q.where} {q.label} {q.name} {q.recipe} {q.definition}" for q in scope.measures)
    held = (f"{c.words} {c.field} {' '.join(map(str, c.values))}" for c in (*scope.filters, *scope.part))
    return " ".join([*measured, *held, *scope.by, scope.count_of, *(t.column for t in scope.having)]).lower()


def _held(qualifier: Qualifier, kept: str) -> bool:
    """Whether a condition stands in the scope: as it is, as values of its field, or under its name."""
    where = qualifier.where.lower()
    if not where or where in kept or qualifier.time or (qualifier.label and qualifier.label.lower() in kept):
        return True
    values = listed(qualifier.where)
    return values is not None and (values[0] in kept.split() or all(v.lower() in kept for v in values[1]))


def _level(spotted: Spotted, scope: Scope, lexicon: Lexicon) -> str:
    """An extreme that is said of a measure and that no measure, ranking or threshold of the scope has."""
    fixed = any(q.agg in ("latest", "last") or (q.recipe and not _free(q.recipe, lexicon)) for q in scope.measures)
    if scope.ordered or scope.top or scope.fields or fixed:
        return ""
    made = {q.agg for q in scope.measures}
    said = [i.text for i in spotted.items if i.text in _EXTREMES and not i.has("unit", "measure")]
    return next((word for word in said if _EXTREMES[word] not in made), "")


def _crossed(scope: Scope) -> bool:
    """Whether two thresholds of one measure leave nothing between them."""
    low = {t.column: t.value for t in scope.having if t.op in (">", ">=")}
    return any(t.op in ("<", "<=") and t.value <= low.get(t.column, float("-inf")) for t in scope.having)


def _free(recipe: str, lexicon: Lexicon) -> bool:
    """Whether a recipe lets the question choose the aggregate."""
    steps = str(lexicon.recipes[recipe].steps)
    return "$gauge" in steps or "$agg" in steps


def _several(spotted: Spotted, scope: Scope) -> bool:
    """Whether more is counted than the scope tells."""
    asked = sum(i.has("count") and not i.has("measure", "thing", "dim", "qualifier") for i in spotted.items)
    told = len(scope.measures) + bool(scope.count_of) + bool(scope.share) + bool(scope.per)
    apart = any(i.has("distinct") and i.text != "any" for i in spotted.items)
    different = any(q.agg == "count_distinct" for q in scope.measures) or scope.count_of or scope.by
    return asked > max(1, told) or (apart and not different)
