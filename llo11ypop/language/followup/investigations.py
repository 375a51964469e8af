"""Follow-ups that ask why, and follow-ups of an investigation."""

import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.language import investigate
from llo11ypop.language.entries import IntentWords
from llo11ypop.language.followup.changes import PLANNED, same, told
from llo11ypop.language.followup.turn import Turn, UnclearError
from llo11ypop.language.intent import Intent
from llo11ypop.language.periods import before
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope
from llo11ypop.language.times import Times
from llo11ypop.language.wording import period_text
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

WHY = re.compile(r"\bwhy\b|\bhow come\b|\bwhat (?:caused|changed|explains)\b|\b(?:reason|reasons|causes?)\b")
ABOUT_IT = frozenset(
    {
        Intent.WHY,
        Intent.CAUSES,
        Intent.ONE_OR_MANY,
        Intent.HARDWARE_OR_MODEL,
        Intent.DID_IT_HELP,
        Intent.SLOWER,
        Intent.LEMON,
        Intent.NAN_LOSS,
        Intent.TIED_TO,
        Intent.OUTAGE_COST,
    }
)
"""Investigations that are about something: what was asked before, where nothing is named."""


def investigated(
    reader: "Reader", question: str, words: list[Token], times: Times, at: datetime, previous: Scope, asked: IntentWords
) -> Reading:
    """'why?' and the like over what was asked before."""
    scope, defaults, areas = investigate.about(reader, words, times, at, asked)
    kept = []
    failed = investigate.failed_jobs(reader.lexicon)
    if previous.measures and (not scope.measures or scope.measures == (failed,) or asked.intent is Intent.WHY):
        scope = replace(scope, measures=previous.measures)
        kept.append(" and ".join(dict.fromkeys(q.label for q in previous.measures)))
        defaults = [d for d in defaults if not d.startswith("no measure")]
        areas = tuple(dict.fromkeys([reader.catalog.datasets[previous.measures[0].dataset].area, *areas]))
    if not times.periods and previous.window is not None:
        compare = previous.compare or (before(previous.window, at) if scope.compare is not None else None)
        scope = replace(scope, window=previous.window, compare=compare)
        defaults = [d for d in defaults if not d.startswith("no time")]
        kept.append(period_text(previous.window))
    named = {f.field for f in scope.filters}
    old = [f for f in previous.filters if f.field not in named]
    kept += [f.words for f in old if f.words]
    levels = {k for k, _ in scope.entities}
    entities = tuple(dict.fromkeys([*scope.entities, *(e for e in previous.entities if e[0] not in levels)]))
    scope = replace(scope, filters=(*old, *scope.filters), by=scope.by or previous.by, entities=entities)
    if kept:
        defaults.append(f"kept from before: {', '.join(kept)}")
    return reader.investigated(question, scope, defaults, areas)


def reinvestigated(turn: Turn, previous: Scope) -> Reading:
    """A change to an investigation: other window, other entities, planned work left out. Raises UnclearError."""
    reader, at, times = turn.reader, turn.at, turn.times
    asked = IntentWords(intent=previous.intent, any=(".",))
    scope, _, areas = investigate.about(reader, turn.words, times, at, asked)
    explained = {v.lower() for _, v in scope.entities}
    unknown = [i.text for n, i in enumerate(turn.spotted.items) if i.has("unknown") and i.text not in explained]
    if unknown and not scope.entities:
        raise UnclearError(f"I did not understand {', '.join(repr(w) for w in unknown)}; say it in other words or leave it out")
    named = {f.field for f in scope.filters}
    levels = {k for k, _ in scope.entities}
    dropped = turn.said.has("drop_filter", "everywhere") or bool(turn.said.all_of)
    old = () if dropped else tuple(f for f in previous.filters if f.field not in named)
    entities = tuple(e for e in previous.entities if e[0] not in levels and not (dropped and e != PLANNED))
    changed = replace(
        previous,
        measures=previous.measures or scope.measures,
        filters=(*old, *scope.filters),
        window=scope.window if times.periods else previous.window,
        compare=scope.compare if times.periods else previous.compare,
        entities=tuple(dict.fromkeys([*entities, *scope.entities])),
        top=turn.draft.top or scope.top or previous.top,
        shown=(),
    )
    if turn.said.has("exclude_planned") or turn.draft.planned:
        changed = replace(changed, entities=tuple(dict.fromkeys([*changed.entities, PLANNED])))
    if turn.said.has("unplan"):
        changed = replace(changed, entities=tuple(e for e in changed.entities if e != PLANNED))
    if same(previous, changed, reader.catalog, reader.lexicon) and changed.entities == previous.entities:
        raise UnclearError("what should be different? name another period, place or thing, or a measure to look at")
    defaults = [*told(previous, changed, reader.catalog, reader.lexicon)]
    if PLANNED in changed.entities:
        defaults.append("hours inside maintenance windows are left out")
    return reader.investigated(turn.question, changed, defaults, areas)


def leaves(turn: Turn) -> bool:
    """Whether a follow-up of an investigation asks for figures again: another measure, by something, over time, an aggregate."""
    draft, said = turn.draft, turn.said
    single = {f.field for f in draft.filters if len(f.values) == 1}
    grouped = [b for b in draft.by if b not in single]
    return (
        turn.measured
        or bool(grouped or draft.bucket or draft.trend or draft.aggs or draft.denominator)
        or said.has("share", "total", "sort", "order")
    )


def figures(turn: Turn, previous: Scope) -> Scope:
    """What an investigation was about, as figures that can be changed. Raises UnclearError where it measured nothing."""
    if not previous.measures and not turn.measured:
        raise UnclearError("figures of what? name a measure, for example failed jobs, XIDs or GPU temperature")
    planned = tuple(e for e in previous.entities if e == PLANNED)
    return Scope(
        Intent.VALUE,
        measures=previous.measures,
        filters=previous.filters,
        window=previous.window,
        dataset=previous.dataset or (previous.measures[0].dataset if previous.measures else ""),
        entities=planned,
    )
