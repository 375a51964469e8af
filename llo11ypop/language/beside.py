"""Measures of two datasets side by side: 'failed jobs and log lines per cluster', 'how many …, and how many …'."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Scope
from llo11ypop.language.settled import Settled
from llo11ypop.language.spot import Spotted, spot
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

_JOINTS = frozenset({"and", "plus", "vs", "versus", "alongside", "beside"})
_SPOKEN = (("as", "well", "as"), ("together", "with"), ("along", "with"))


def read_beside(
    reader: "Reader", first: Spotted, settled: Settled, words: list[Token], taken: list[bool], times: Times, at: datetime
) -> Settled | None:
    """Both measures in one scope, where a second dataset explains every word that the first one does not; none otherwise."""
    if not any(i.has("conjunction", "compare") for i in first.items):
        return None
    for one, other in _readings(reader, first, settled, words, taken, times, at):
        both = _joined(reader, one, other)
        if both is not None:
            return both
    return None


def _readings(
    reader: "Reader", first: Spotted, settled: Settled, words: list[Token], taken: list[bool], times: Times, at: datetime
) -> Iterator[tuple[Settled, Settled]]:
    """The whole question under two datasets; else the clauses before and behind an 'and', each for itself."""
    lemmas = [t.lemma for t in words]
    roles = ("measure", "thing", "qualifier")
    senses = [s for n in first.unknown for _, found in reader.index.at(lemmas, n) for s in found if s.role in roles]
    for dataset in sorted({s.dataset for s in senses if s.dataset} - {first.dataset}):
        second = reader.spotted_under(dataset, words, taken)
        if second.firm and not set(second.unknown) & set(first.unknown):
            other, draft = reader.settled(second, times, at)
            if not draft.foreign and not _left_over(second, draft.used):
                yield settled, other
    for start, end in _joints(words, taken):
        clauses = [_clause(reader, words[:start], taken[:start], times, at), _clause(reader, words[end:], taken[end:], times, at)]
        one, other_clause = clauses
        if one is not None and other_clause is not None:
            yield one, other_clause


def _joints(words: list[Token], taken: list[bool]) -> Iterator[tuple[int, int]]:
    """Positions of what joins clauses, half-open."""
    texts = [t.text for t in words]
    for n, text in enumerate(texts):
        spoken = next((len(s) for s in _SPOKEN if tuple(texts[n : n + len(s)]) == s), 1 if text in _JOINTS else 0)
        if spoken and not taken[n]:
            yield n, n + spoken


def _clause(reader: "Reader", words: list[Token], taken: list[bool], times: Times, at: datetime) -> Settled | None:
    """A clause that is understood to the last word; none otherwise."""
    found = spot(words, taken, reader.index, reader.catalog) if words else None
    if found is None or found.unknown or not found.firm:
        return None
    settled, draft = reader.settled(found, times, at)
    return None if draft.foreign or draft.nothing or _left_over(found, draft.used) else settled


def _left_over(spotted: Spotted, used: set[int]) -> bool:
    return any(i.number is not None and n not in used for n, i in enumerate(spotted.items))


def _joined(reader: "Reader", one: Settled, other: Settled) -> Settled | None:
    """One scope with the measures of both, where both reach its groups and filters; none otherwise."""
    if one.clarify or other.clarify or not _plain(one.scope) or not _plain(other.scope):
        return None
    measures = (*one.scope.measures, *other.scope.measures)
    datasets = {q.dataset for q in measures}
    by = one.scope.by or other.scope.by
    filters = tuple(dict.fromkeys([*one.scope.filters, *other.scope.filters]))
    shared = set.intersection(*(set(reachable(reader.catalog, d)) for d in datasets))
    if len(datasets) < len(("one", "other")) or not {*by, *(f.field for f in filters)} <= shared:
        return None
    if len({q.name for q in measures}) < len(measures) or {one.scope.by, other.scope.by} - {by, ()}:
        return None
    definition = "; ".join(dict.fromkeys(q.definition for q in measures if q.definition))
    return replace(one, scope=replace(one.scope, measures=measures, by=by, filters=filters), definition=definition)


def _plain(scope: Scope) -> bool:
    """Whether a scope is no more than measures, groups and named values."""
    more = scope.having or scope.count_of or scope.fields or scope.share or scope.part or scope.per or scope.compare
    return (
        bool(scope.measures)
        and not more
        and all(f.op != "expr" and q.agg != "latest" for f in scope.filters or () for q in scope.measures)
    )
