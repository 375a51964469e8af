"""What a follow-up kept, what it changed and what fell away, in words."""

from collections.abc import Iterable

from llo11ypop.catalog import Catalog
from llo11ypop.language.composing import label_of
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.scope import Scope
from llo11ypop.language.wording import period_text

PLANNED = ("planned", "excluded")


def parts(scope: Scope, catalog: Catalog, lexicon: Lexicon) -> dict[str, str]:
    """Everything that a scope says, part by part, in the order in which it is told."""
    said: dict[str, str] = {}
    labels = " and ".join(dict.fromkeys(q.label for q in scope.measures))
    _put(said, "measure", labels or scope.dataset, (scope.measures, bool(scope.fields)))
    for condition in scope.filters:
        if condition.words:
            words = f"not {condition.words}" if condition.op == "not in" else condition.words
            _put(said, f"filter {condition.field}", words, condition)
    for name in scope.by:
        _put(said, f"by {name}", f"per {label_of(name, catalog, lexicon)}", name)
    if scope.bucket:
        _put(said, "bucket", f"by {scope.bucket}", scope.bucket)
    if scope.window is not None:
        _put(said, "window", period_text(scope.window), (scope.window.start_at, scope.window.end_at))
    if scope.compare is not None:
        _put(said, "compare", f"against {scope.compare.label}", (scope.compare.start_at, scope.compare.end_at))
    if scope.top is not None:
        _put(said, "top", f"the first {scope.top}", scope.top)
    if not scope.desc:
        _put(said, "order", "lowest first", False)
    for limit in scope.having:
        _put(said, "having", f"{limit.op} {limit.value:g}", limit)
    if scope.share:
        _put(said, "share", "as shares", scope.part)
    if scope.per:
        per = lexicon.denominators[scope.per].label if scope.per in lexicon.denominators else f"per {scope.per}"
        _put(said, "per", per, scope.per)
    if scope.count_of:
        _put(said, "counted", f"number of {scope.count_of}", scope.count_of)
    if PLANNED in scope.entities:
        _put(said, "planned", "without planned work", True)
    return said


def _put(said: dict[str, str], key: str, words: str, value: object) -> None:
    said[f"{key}: {value}"] = words


def told(previous: Scope, scope: Scope, catalog: Catalog, lexicon: Lexicon) -> tuple[str, ...]:
    """'kept from before: …' and 'no longer: …'; nothing for a part that there is not."""
    old, new = parts(previous, catalog, lexicon), parts(scope, catalog, lexicon)
    kept = [words for key, words in old.items() if key in new]
    gone = [words for key, words in old.items() if key not in new and not key.startswith("window")]
    return tuple(
        f"{head}: {', '.join(_once(words))}" for head, words in (("kept from before", kept), ("no longer", gone)) if words
    )


def _once(words: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(w for w in words if w)


def same(previous: Scope, scope: Scope, catalog: Catalog, lexicon: Lexicon) -> bool:
    """Whether nothing was changed."""
    unordered = previous.ordered == scope.ordered and previous.fields == scope.fields and previous.part == scope.part
    return unordered and list(parts(previous, catalog, lexicon)) == list(parts(scope, catalog, lexicon))
