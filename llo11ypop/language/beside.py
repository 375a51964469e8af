"""Measures of two datasets side by side: 'failed jobs and log lines per cluster'."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Scope
from llo11ypop.language.settled import Settled
from llo11ypop.language.spot import Spotted
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader


def read_beside(
    reader: "Reader", first: Spotted, settled: Settled, words: list[Token], taken: list[bool], times: Times, at: datetime
) -> Settled | None:
    """Both measures in one scope, where a second dataset explains every word that the first one does not; none otherwise."""
    joined = any(i.has("conjunction", "compare") for i in first.items)
    if not joined or not _plain(settled.scope) or settled.clarify:
        return None
    lemmas = [t.lemma for t in words]
    roles = ("measure", "thing", "qualifier")
    senses = [s for n in first.unknown for _, found in reader.index.at(lemmas, n) for s in found if s.role in roles]
    for dataset in sorted({s.dataset for s in senses if s.dataset} - {first.dataset}):
        second = reader.spotted_under(dataset, words, taken)
        if not second.firm or set(second.unknown) & set(first.unknown):
            continue
        other, draft = reader.settled(second, times, at)
        by = settled.scope.by or other.scope.by
        shared = set(reachable(reader.catalog, dataset)) & set(reachable(reader.catalog, first.dataset))
        numbers = [n for n, i in enumerate(second.items) if i.number is not None and n not in draft.used]
        if numbers or draft.foreign or other.clarify or not _plain(other.scope) or not set(by) <= shared:
            continue
        if {f.field for f in (*settled.scope.filters, *other.scope.filters)} - shared:
            continue
        measures = (*settled.scope.measures, *other.scope.measures)
        if len({q.name for q in measures}) < len(measures):
            continue
        filters = tuple(dict.fromkeys([*settled.scope.filters, *other.scope.filters]))
        scope = replace(settled.scope, measures=measures, by=by, filters=filters)
        definition = "; ".join(dict.fromkeys(q.definition for q in measures if q.definition))
        return replace(settled, scope=scope, definition=definition)
    return None


def _plain(scope: Scope) -> bool:
    """Whether a scope is no more than measures, groups and named values."""
    more = scope.having or scope.count_of or scope.fields or scope.share or scope.part or scope.per or scope.compare
    return (
        bool(scope.measures)
        and not more
        and all(f.op != "expr" and q.agg != "latest" for f in scope.filters or () for q in scope.measures)
    )
