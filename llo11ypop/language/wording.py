"""A scope in words: how the question was read, made only from what was understood."""

from llo11ypop.catalog import Catalog
from llo11ypop.language.composing import label_of
from llo11ypop.language.intent import PLANNED, Intent
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.scope import Condition, Period, Scope

_INTENT_WORDS = {
    "why": "why it changed",
    "causes": "most likely causes",
    "one_or_many": "one problem or several",
    "hardware_or_model": "hardware or model",
    "did_it_help": "whether it helped",
    "slower_than_siblings": "why it differs from its siblings",
    "lemon": "whether it is a lemon",
    "technicians": "technicians for those most at risk",
    "at_risk": "what is most at risk",
    "needs_maintenance": "what needs maintenance",
    "health": "health of the fleet",
    "better_or_worse": "better or worse than before",
    "outage_cost": "cost of the outage",
    "spares": "where spares do most good",
    "report": "report",
    "rollout": "whether the new version is safe",
    "supply_risk": "most replaced parts and their supply risk",
    "tied_to": "whether a fault goes with an attribute",
    "idle_while_pending": "why GPUs are idle while jobs wait",
    "nan_loss": "why the loss was not a number",
    "run_health": "health of training runs",
    "relation": "whether two measures go together",
}
_OF_A_MEASURE = frozenset({Intent.WHY, Intent.RELATION, Intent.DID_IT_HELP, Intent.ONE_OR_MANY})


def plural(label: str) -> str:
    """Several of what a label names: 'GPUs', 'processes', 'facilities'."""
    if label.endswith("y") and label[-2:-1] not in "aeiou":
        return f"{label[:-1]}ies"
    return f"{label}es" if label.endswith(("s", "x", "ch", "sh")) else f"{label}s"


def reading_text(scope: Scope, catalog: Catalog, lexicon: Lexicon) -> str:
    """'failed jobs per cluster, last 7 days, by day, only provider helion'."""
    parts = [_head(scope, catalog, lexicon)]
    if scope.having:
        parts.append(_limits(scope))
    named = () if scope.intent in PLANNED or _measured(scope) else tuple(i for _, i in scope.entities)
    said = [_filter(f) for f in scope.filters if (f.words or f.op == "expr") and _filter(f) and _filter(f) not in named]
    if said:
        parts.append("only " + ", ".join(said))
    if scope.window is not None:
        parts.append(period_text(scope.window))
    if scope.compare is not None:
        parts.append(f"against {period_text(scope.compare)}")
    if scope.bucket:
        parts.append(f"by {scope.bucket}")
    if scope.top:
        ends = ("newest", "oldest") if scope.fields and not scope.ordered_by else ("top", "lowest")
        each = f" of each {' and '.join(label_of(b, catalog, lexicon) for b in scope.within)}" if scope.within else ""
        parts.append(f"{ends[0] if scope.desc else ends[1]} {scope.top}{each}")
    return ", ".join(p for p in parts if p)


def _head(scope: Scope, catalog: Catalog, lexicon: Lexicon) -> str:
    labels = " and ".join(dict.fromkeys(q.label for q in scope.measures)) or (f"rows of {scope.dataset}" if scope.fields else "")
    if scope.intent not in PLANNED:
        about = labels if _measured(scope) else ", ".join(dict.fromkeys(i for kind, i in scope.entities if kind != "planned"))
        return ": ".join(p for p in (_INTENT_WORDS.get(scope.intent.value, scope.intent.value), about) if p)
    if scope.fields:
        labels = f"list of {labels}"
    if scope.part:
        labels = f"share of {labels} that are " + ", ".join(_filter(c) for c in scope.part)
    elif scope.share:
        labels = f"share of {labels}"
    if scope.per:
        per = lexicon.denominators[scope.per].label if scope.per in lexicon.denominators else f"per {scope.per}"
        labels = f"{labels} {per}"
    if scope.count_of:
        labels = f"number of {_things(scope, catalog, lexicon)} by {labels}"
    dims = [label_of(b, catalog, lexicon) for b in scope.by]
    dims += [
        label_of(d, catalog, lexicon)
        for q in scope.measures
        if q.recipe
        for d in lexicon.recipes[q.recipe].dims
        if d not in scope.by
    ]
    return f"{labels} per {' and '.join(dims)}" if dims else labels


def counted(scope: Scope, catalog: Catalog, lexicon: Lexicon) -> str:
    """What is counted where the things that keep to a limit are: 'GPUs with highest GPU core temperature > 80'."""
    return " ".join(p for p in (_things(scope, catalog, lexicon), _limits(scope) if scope.having else "") if p)


def _things(scope: Scope, catalog: Catalog, lexicon: Lexicon) -> str:
    things = [label_of(n, catalog, lexicon) for n in scope.count_of.split(",")]
    return plural(things[0]) if len(things) == 1 else f"{' and '.join(things)} pairs"


def _limits(scope: Scope) -> str:
    return "with " + " and ".join(f"{_column(t.column, scope)} {t.op} {t.value:g}" for t in scope.having)


def _measured(scope: Scope) -> bool:
    """Whether an investigation is about the measure that the question names; others look at what they always look at."""
    return scope.intent in _OF_A_MEASURE and bool(scope.measures)


def _column(name: str, scope: Scope) -> str:
    return next((q.label for q in scope.measures if q.name == name), name.replace("_", " "))


def _filter(condition: Condition) -> str:
    words = condition.words
    if condition.op == "not in":
        return f"not {words}"
    if condition.op == "in" and condition.values and words and all(isinstance(v, str) for v in condition.values):
        shown = ", ".join(str(v) for v in condition.values[:4])
        return shown if words.lower() in shown.lower() or len(condition.values) == 1 else f"{words} ({shown})"
    return words


def period_text(period: Period) -> str:
    """'last 7 days (default)', 'May 2026 (so far)'."""
    note = " (default)" if period.defaulted else " (not over yet)" if period.partial else ""
    return f"{period.label}{note}"


def title_of(scope: Scope, catalog: Catalog, lexicon: Lexicon) -> str:
    """The head of the reading with a capital letter."""
    text = _head(scope, catalog, lexicon)
    return text[:1].upper() + text[1:]
