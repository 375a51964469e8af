# ruff: noqa: E501 - patterns are easier to read whole
"""A question that continues the one before it: what it says is changed, everything else is inherited and said."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.language import absent, investigate
from llo11ypop.language.draft import Draft
from llo11ypop.language.entries import IntentWords
from llo11ypop.language.intent import PLANNED, Intent
from llo11ypop.language.parse import Parser
from llo11ypop.language.periods import before
from llo11ypop.language.quantities import reaggregated
from llo11ypop.language.reach import reachable
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Condition, Scope
from llo11ypop.language.settle import Settler
from llo11ypop.language.settled import Settled
from llo11ypop.language.spot import Spotted, spot
from llo11ypop.language.times import Times
from llo11ypop.language.wording import period_text
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

_CUE = re.compile(
    r"^\W*(?:and\b|also\b|but\b|now\b(?!\s+many)|what about|how about|what if|same\b|the same|only\b|just\b|instead|exclud|without\b|drop\b|remove\b|clear\b|forget\b|"
    r"split\b|break\b|group (?:that|it|them)|by \w+$|by \w+ instead|per \w+$|again\b|why\??$|why\b.{0,25}$|for \w|in \w|on \w|compare (?:that|it|this|them|with|to)|versus|vs\b|"
    r"then\b|ignore|ignoring|except|not \w+|with(?:out)?\b|as a|plot (?:that|it|them)|chart (?:that|it|them)|show (?:that|it|them)|since \w|last \w+ ?\w*$|this \w+$|yesterday|today)"
)
_BACK = re.compile(
    r"\b(?:that|those|them|it|this|these|there|the same|same|instead)\b(?!\s+(?:week|month|quarter|morning|year|day|night|failed|ended|were|are|was|is|have|had|ran|run|waited|reported|exceeded))"
)
_DROP = re.compile(
    r"\b(?:drop|remove|clear|forget|lift|without) (?:the |all |any |that )*(?:filters?|conditions?|restrictions?|scope)\b|\b(?:whole|entire) fleet\b|\ball clusters\b|\bfleet[- ]wide\b|\beverywhere\b"
)
_LINKING = frozenset(
    {
        "and",
        "also",
        "but",
        "now",
        "what",
        "about",
        "how",
        "if",
        "same",
        "only",
        "just",
        "instead",
        "drop",
        "remove",
        "clear",
        "forget",
        "filter",
        "filters",
        "that",
        "it",
        "them",
        "those",
        "this",
        "then",
        "again",
        "too",
        "please",
        "you",
        "do",
        "show",
        "so",
        "ok",
        "thing",
        "else",
        "as",
        "one",
        "ones",
        "whole",
        "fleet-wide",
        "restriction",
    }
)
"""Words at the beginning that only tie a question to the one before."""
_TYING = frozenset(
    {
        "instead",
        "that",
        "it",
        "them",
        "those",
        "only",
        "just",
        "same",
        "again",
        "too",
        "please",
        "filter",
        "filters",
        "restriction",
    }
)
"""The same anywhere."""
_WITHOUT = re.compile(r"\b(?:exclud\w*|without|ignor\w*|except|leav\w* out|outside)\b")
_WHY = re.compile(r"\bwhy\b|\bhow come\b|\bwhat (?:caused|changed|explains)\b")
_MORE = re.compile(r"\b(?:split|also|additionally|further|break|broken|as well|too)\b")


def merged(
    reader: "Reader", question: str, text: str, words: list[Token], times: Times, at: datetime, previous: Scope
) -> Reading | None:
    """The reading of a follow-up; none when the question stands alone."""
    cued, back = bool(_CUE.search(text)), bool(_BACK.search(text))
    times = _relative(text, times, previous)
    taken = [any(s <= t.start < e for s, e in times.spans) for t in words]
    gone = absent.of_times(times)
    alone = spot(words, taken, reader.index, reader.catalog)
    if cued or back:
        lead = next((n for n, w in enumerate(words) if w.text not in _LINKING), len(words))
        taken = [t or n < lead or w.text in _TYING for n, (t, w) in enumerate(zip(taken, words, strict=True))]
        alone = spot(words, taken, reader.index, reader.catalog)
    if alone is not None and alone.dataset == "maintenance_windows" and _WITHOUT.search(text):
        alone = None
    complete = alone is not None and alone.firm and not alone.unknown and not back
    if complete and not cued and not _partial(alone, text):
        return None
    if gone or not (cued or back or not (alone is not None and alone.firm)):
        return None
    asked = investigate.intent_of(text, reader.lexicon)
    if asked is not None and (_WHY.search(text) or asked.intent is not Intent.WHY):
        return _investigated(reader, question, words, times, at, previous, asked)
    dataset = previous.measures[0].dataset if previous.measures else previous.dataset
    if not dataset:
        return _reinvestigated(reader, question, text, words, times, at, previous) if previous.intent not in PLANNED else None
    spotted = reader.spotted_under(dataset, words, taken)
    settled, draft = reader.settled(spotted, times, at)
    measured = (
        bool(draft.measures)
        or draft.count_thing
        or (draft.thing is not None and bool(draft.qualifiers))
        or _same_kind(reader, draft, previous, text)
    )
    if alone is not None and alone.dataset != dataset and alone.firm and alone.score > spotted.score:
        spotted, measured = alone, True
        settled, draft = reader.settled(spotted, times, at)
    problem = (
        absent.of_names(words, taken, reader.index, reader.values)
        or absent.of_models(spotted, reader.values, reader.lexicon)
        or absent.of_labels(spotted, words, reader.values)
        or draft.nothing
    )
    if problem:
        return replace(reader.fresh(question, text, words, times, at), nothing=problem, clarify=None, plan=None)
    if previous.intent not in PLANNED:
        return _reinvestigated(reader, question, text, words, times, at, previous)
    return _changed(Turn(reader, question, text, words, at, spotted, settled, draft, measured), previous)


def excludes_planned(text: str) -> bool:
    """Whether planned work is to be left out."""
    return _WITHOUT.search(text) is not None and re.search(r"\b(?:maintenance|planned)\b", text) is not None


def _same_kind(reader: "Reader", draft: Draft, previous: Scope, text: str) -> bool:
    """'and cancelled?' behind 'how many jobs failed' asks for the other condition, not for both at once."""
    if (
        not draft.qualifiers
        or not previous.measures
        or previous.measures[0].field
        or re.match(r"\W*(?:only|just|exclud|without|not)\b", text)
    ):
        return False
    thing = reader.lexicon.things[draft.qualifiers[0][0].split(".")[0]]
    return any(q.where and q.where in previous.measures[0].where for q in thing.qualifiers.values())


def _relative(text: str, times: Times, previous: Scope) -> Times:
    """'the day before', 'the previous week': moves the window of the turn before."""
    found = re.search(
        r"\b(?:the )?(?:(day|week|month) before|(?:same )?period before|before that|previous (?:day|week|month|period))\b(?! yesterday)",
        text,
    )
    if found is None or times.periods or previous.window is None:
        return times
    moved = replace(
        times,
        periods=[(*found.span(), replace(before(previous.window, previous.window.end_at), defaulted=False))],
        spans=[*times.spans, found.span()],
    )
    return moved


def _partial(spotted: Spotted | None, text: str) -> bool:
    """Whether even a question that names a measure leans on the one before: 'same for queue wait'."""
    return spotted is None or text.split()[:1] in (["same"], ["and"])


@dataclass(frozen=True, slots=True)
class Turn:
    """A follow-up as it was read under the dataset of the question before it."""

    reader: "Reader"
    question: str
    text: str
    words: list[Token]
    at: datetime
    spotted: Spotted
    settled: Settled
    draft: Draft
    measured: bool
    """Whether it names a measure of its own."""


def _changed(turn: Turn, previous: Scope) -> Reading:
    """The previous scope with what the follow-up says, composed anew."""
    kept: list[str] = []
    scope = _measures(turn, previous, kept)
    scope = _filters(turn.text, scope, turn.draft, kept)
    scope = _groups(turn.text, scope, turn.draft, kept)
    scope = _window(turn, scope, previous, kept)
    scope = _ranking(turn, scope)
    scope = _fitting(turn.reader, replace(scope, intent=_intent(scope)))
    gate = turn.reader.finish(turn.question, turn.spotted, replace_scope(turn.settled, scope), turn.draft, turn.words, turn.at)
    inherited = f"kept from before: {', '.join(k for k in kept if k)}" if any(kept) else ""
    defaults = tuple(d for d in (*(x for x in gate.defaults if not x.startswith("no time")), inherited) if d)
    return replace(gate, defaults=defaults, wants_chart=gate.wants_chart or turn.draft.chart)


def _measures(turn: Turn, previous: Scope, kept: list[str]) -> Scope:
    """The measure of the follow-up, or the one before under its further conditions."""
    new, draft = turn.settled.scope, turn.draft
    if turn.measured:
        fields = previous.fields if not draft.measures and previous.fields else ()
        changed = replace(previous, measures=new.measures, having=new.having, share=new.share, part=new.part, per=new.per)
        return replace(changed, count_of=new.count_of, fields=fields, dataset=new.dataset, verified="")
    other = next((name for name, _ in draft.aggs), "")
    if other:
        previous = replace(previous, measures=tuple(reaggregated(q, other) for q in previous.measures), verified="")
    kept.append(" and ".join(dict.fromkeys(q.label for q in previous.measures)) or previous.dataset)
    extra = [c for c in new.filters if c.op == "expr"]
    for _, qualifier, no, _ in draft.qualifiers:
        where = f"not ({qualifier.where})" if no else qualifier.where
        extra.append(Condition("", "expr", (where,), f"not {qualifier.label}" if no else qualifier.label))
    return replace(previous, filters=(*previous.filters, *(c for c in dict.fromkeys(extra) if c not in previous.filters)))


def _window(turn: Turn, scope: Scope, previous: Scope, kept: list[str]) -> Scope:
    """Another period, a comparison with one, or the one before."""
    new, at = turn.settled.scope, turn.at
    if turn.draft.compare and previous.window is not None and new.window is not None and not turn.draft.measures:
        start = previous.window.start_at
        named = next((w for w in (new.compare, new.window) if w is not None and not w.defaulted and w.end_at <= start), None)
        kept.append(period_text(replace(previous.window, defaulted=False)))
        return replace(scope, compare=named or before(previous.window, at), bucket="")
    if new.window is not None and not new.window.defaulted:
        earlier = before(new.window, at) if previous.compare is not None else None
        return replace(scope, window=new.window, compare=new.compare or earlier)
    if scope.window is not None:
        kept.append(period_text(replace(scope.window, defaulted=False)))
    return scope


def _ranking(turn: Turn, scope: Scope) -> Scope:
    """'top 3', 'per GPU', 'as a share', 'without planned work'."""
    draft, new = turn.draft, turn.settled.scope
    if draft.top is not None or draft.rank:
        scope = replace(scope, top=draft.top or new.top or scope.top, desc=new.desc, ordered=True)
    if draft.denominator:
        scope = replace(scope, per=draft.denominator)
    if draft.share and not turn.measured:
        scope = replace(scope, share=True)
    if draft.planned or excludes_planned(turn.text):
        scope = replace(scope, entities=(*scope.entities, ("planned", "excluded")))
    if not turn.measured and draft.limits and new.having and scope.measures:
        scope = replace(scope, having=tuple(replace(h, column=scope.measures[0].name) for h in new.having))
    return scope


def replace_scope(settled: Settled, scope: Scope) -> Settled:
    """What was settled, with the merged scope in it."""
    definition = "; ".join(dict.fromkeys(q.definition for q in scope.measures if q.definition))
    return Settled(
        scope, [d for d in settled.defaults if d], definition, settled.chart or bool(scope.bucket), "", [], settled.missing
    )


def _filters(text: str, scope: Scope, draft: Draft, kept: list[str]) -> Scope:
    """New values of a field replace the old ones; 'drop the filter' clears them."""
    if _DROP.search(text):
        return replace(scope, filters=tuple(draft.filters))
    new = {f.field: f for f in draft.filters if f.field}
    places = {"cluster", "site", "provider", "region", "continent", "node_id", "rack"}
    moved = bool(set(new) & places)
    old = [
        f
        for f in scope.filters
        if f.field not in new and not (moved and f.field in places and not re.search(r"\b(?:only|also|and only|just)\b", text))
    ]
    kept += [f.words for f in old if f.words]
    return replace(scope, filters=(*old, *new.values()))


def _groups(text: str, scope: Scope, draft: Draft, kept: list[str]) -> Scope:
    by = [b for b in draft.by if b not in {f.field for f in draft.filters if len(f.values) == 1}]
    if by:
        more = _MORE.search(text) is not None and not re.search(r"\binstead\b", text)
        scope = replace(scope, by=tuple(dict.fromkeys([*scope.by, *by])) if more else tuple(by), fields=())
    elif scope.by:
        kept.append("per " + " and ".join(scope.by))
    if draft.bucket:
        instead = re.search(r"\binstead\b", text) is not None and not scope.bucket
        scope = replace(scope, bucket=draft.bucket, by=() if instead else scope.by, fields=(), top=None)  # type: ignore[arg-type]
    elif draft.trend and not scope.bucket:
        scope = replace(scope, bucket="day")
    elif scope.bucket:
        kept.append(f"by {scope.bucket}")
    return scope


def _intent(scope: Scope) -> Intent:
    if scope.compare is not None:
        return Intent.COMPARE
    if scope.bucket:
        return Intent.TREND
    if scope.share:
        return Intent.SHARE
    if scope.fields:
        return Intent.LIST
    return Intent.BREAKDOWN if scope.by else Intent.VALUE


def _fitting(reader: "Reader", scope: Scope) -> Scope:
    """Groups and filters that the measures' dataset cannot reach are left out of `by` (the plan would refuse them)."""
    if not scope.measures:
        return scope
    known = reachable(reader.catalog, scope.measures[0].dataset)
    return replace(scope, by=tuple(b for b in scope.by if b in known))


def _investigated(
    reader: "Reader", question: str, words: list[Token], times: Times, at: datetime, previous: Scope, asked: IntentWords
) -> Reading:
    """'why?' and the like over what was asked before."""
    scope, defaults, areas = investigate.about(reader, words, times, at, asked)
    kept = []
    own = bool(times.periods)
    failed = investigate.failed_jobs(reader.lexicon)
    if previous.measures and (not scope.measures or scope.measures == (failed,) or asked.intent is Intent.WHY):
        scope = replace(scope, measures=previous.measures)
        kept.append(" and ".join(dict.fromkeys(q.label for q in previous.measures)))
        defaults = [d for d in defaults if not d.startswith("no measure")]
        areas = tuple(dict.fromkeys([reader.catalog.datasets[previous.measures[0].dataset].area, *areas]))
    if not own and previous.window is not None:
        compare = previous.compare or (before(previous.window, at) if scope.compare is not None else None)
        scope = replace(scope, window=previous.window, compare=compare)
        defaults = [d for d in defaults if not d.startswith("no time")]
        kept.append(period_text(previous.window))
    named = {f.field for f in scope.filters}
    old = [f for f in previous.filters if f.field not in named]
    kept += [f.words for f in old if f.words]
    entities = tuple(
        dict.fromkeys([*scope.entities, *(e for e in previous.entities if e[0] not in {k for k, _ in scope.entities})])
    )
    scope = replace(scope, filters=(*old, *scope.filters), by=scope.by or previous.by, entities=entities)
    if kept:
        defaults.append(f"kept from before: {', '.join(kept)}")
    return reader.investigated(question, scope, defaults, areas)


def _reinvestigated(
    reader: "Reader", question: str, text: str, words: list[Token], times: Times, at: datetime, previous: Scope
) -> Reading:
    """A change to an investigation: other window, other entities, planned work left out."""
    asked = IntentWords(intent=previous.intent, any=(".",))
    scope, _, areas = investigate.about(reader, words, times, at, asked)
    named = {f.field for f in scope.filters}
    kept = [f.words for f in previous.filters if f.field not in named and f.words]
    levels = {k for k, _ in scope.entities}
    merged_scope = replace(
        previous,
        measures=previous.measures or scope.measures,
        filters=(*(f for f in previous.filters if f.field not in named), *scope.filters),
        window=scope.window if times.periods else previous.window,
        compare=scope.compare if times.periods else previous.compare,
        entities=tuple(dict.fromkeys([*(e for e in previous.entities if e[0] not in levels), *scope.entities])),
        top=scope.top or previous.top,
    )
    if previous.window is not None and not times.periods:
        kept.append(period_text(previous.window))
    defaults = [f"kept from before: {', '.join(kept)}"] if kept else []
    if excludes_planned(text):
        merged_scope = replace(merged_scope, entities=tuple(dict.fromkeys([*merged_scope.entities, ("planned", "excluded")])))
    if ("planned", "excluded") in merged_scope.entities:
        defaults.append("hours inside maintenance windows are left out")
    return reader.investigated(question, merged_scope, defaults, areas)


__all__ = ["Draft", "Parser", "Settler", "merged"]
