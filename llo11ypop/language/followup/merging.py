"""A question that continues the one before it: every word is explained by an operation, or it is asked back.

What the words change is changed, everything else is inherited, and both are said. A question that is complete by itself and does
not lean on the one before is not a follow-up at all.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.language import absent, investigate
from llo11ypop.language.draft import Draft
from llo11ypop.language.followup.changes import same, told
from llo11ypop.language.followup.filters import filters, numbers
from llo11ypop.language.followup.groups import fitting, groups
from llo11ypop.language.followup.investigations import ABOUT_IT, WHY, figures, investigated, leaves, reinvestigated
from llo11ypop.language.followup.measures import measures, names_measure
from llo11ypop.language.followup.operations import fields_of, operations
from llo11ypop.language.followup.period import moved, rivals, window, without
from llo11ypop.language.followup.ranking import denominators, ranking
from llo11ypop.language.followup.rows import referred
from llo11ypop.language.followup.ties import Tie, tie_of, tying
from llo11ypop.language.followup.turn import Turn, UnclearError, dataset_of
from llo11ypop.language.intent import PLANNED, Intent
from llo11ypop.language.parse import Parser
from llo11ypop.language.reach import reachable
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope
from llo11ypop.language.settled import Settled
from llo11ypop.language.spot import Item, Spotted, spot
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

_LOADED = frozenset(
    "other others rest else remaining first last next previous before after earlier later long sort sorted rank ranked order "
    "ordered detail everything former latter respectively error errors how separately individually individual overview "
    "summary".split()
)
"""Words that may be dropped in a whole question, but carry the sense of a short follow-up."""


_JUDGES = re.compile(r"^\W*(?:and |so |but )*(?:is|are|was|were) (?:that|this|it|they|those|these)\b(?!.*\b(?:in total|all)\b)")
"""'is that normal?' wants a judgement, not a figure."""
_VAGUE = re.compile(
    r"\b(?:tell me more|more (?:detail|info)\w*|any(?:thing)? (?:more|else)|elaborate|go on|what else|details?)\b"
)


_ANY = "slurm_jobs"
"""Under which the words of an investigation are read that measured nothing: it knows most places, things and people."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A question as it was said, before it is known what it is about."""

    question: str
    text: str
    words: list[Token]
    times: Times
    at: datetime
    tie: Tie


def merged(
    reader: "Reader", question: str, text: str, words: list[Token], times: Times, at: datetime, previous: Scope
) -> Reading | None:
    """The reading of a follow-up; none when the question stands alone."""
    tie = tie_of(text)
    spans = [*times.spans, (0, tie.lead), *(tying(text) if tie.goes_on else [])]
    alone = spot(words, _taken(words, spans), reader.index, reader.catalog)
    bare = spot(words, _taken(words, [*spans, *operations(text, reader.index).spans]), reader.index, reader.catalog)
    if _stands_alone(times, tie, alone, bare, dataset_of(previous)):
        return None
    times = moved(text, times, previous, at)
    if absent.of_times(times):
        return None
    asked = investigate.intent_of(text, reader.lexicon)
    if asked is not None and (WHY.search(text) or asked.intent is not Intent.WHY):
        own = bool(times.periods or times.now or _names(alone))
        missing = absent.of_names(words, _taken(words, times.spans), reader.index, reader.values)
        if missing:
            return Reading(question, previous.intent, previous, None, "", nothing=missing)
        if asked.intent in ABOUT_IT or tie.goes_on or (not own and previous.intent is asked.intent):
            return investigated(reader, question, words, times, at, previous, asked)
        return None
    if not dataset_of(previous) and previous.intent in PLANNED:
        return None
    try:
        return _read(reader, Heard(question, text, words, times, at, tie), alone, previous)
    except UnclearError as unclear:
        return Reading(question, previous.intent, previous, None, "", clarify=str(unclear))


def _stands_alone(times: Times, tie: Tie, alone: Spotted | None, bare: Spotted | None, home: str) -> bool:
    """Whether a question names a measure of its own and leans on nothing; `bare` is without the words of operations."""
    if absent.of_times(times):
        return True
    if alone is None or not alone.firm or bare is None or not bare.firm or tie.pronoun or tie.strong:
        return False
    if alone.unknown:
        return True
    if _mere_measure(alone) and alone.dataset == home and not times.periods:
        return False
    return not tie.step or bool(times.periods)


def _mere_measure(alone: Spotted) -> bool:
    """'read throughput?': one measure and nothing else, which is asked of what was asked about before."""
    said = [i for i in alone.items if not i.has("soft")]
    return len(said) == 1 and said[0].has("measure") and not any(i.has("dim", "value", "qualifier") for i in alone.items)


def _names(alone: Spotted | None) -> bool:
    """Whether a place, a thing or a group is named."""
    return alone is not None and any(i.has("value", "dim") for i in alone.items)


def _taken(words: list[Token], spans: list[tuple[int, int]]) -> list[bool]:
    return [any(s <= t.start < e for s, e in spans) for t in words]


def _read(reader: "Reader", heard: Heard, alone: Spotted | None, previous: Scope) -> Reading:
    """The follow-up under the dataset of the question before, or under its own where it names another measure."""
    question, text, words, at, tie = heard.question, heard.text, heard.words, heard.at, heard.tie
    said = operations(text, reader.index)
    times = without(text, heard.times, said, at)
    taken = _taken(words, [*times.spans, (0, tie.lead), *tying(text), *said.spans])
    home = dataset_of(previous)
    spotted = reader.spotted_under(home or _ANY, words, taken) if home or previous.intent not in PLANNED else alone
    rival = spot(words, taken, reader.index, reader.catalog)
    if spotted is None or (rival is not None and _elsewhere(spotted, rival, tie, previous)):
        spotted = rival
    if spotted is None:
        raise UnclearError("what should be different? name a measure, a group, a place or a period")
    problem = absent.of_names(words, taken, reader.index, reader.values) or absent.of_models(
        spotted, reader.values, reader.lexicon
    )
    problem = problem or absent.of_labels(spotted, words, reader.values)
    settled, draft = reader.settled(spotted, times, at)
    problem = problem or draft.nothing
    if problem:
        return replace(reader.fresh(question, text, words, times, at), nothing=problem, clarify=None, plan=None)
    turn = Turn(reader, question, text, words, times, at, tie, said, spotted, settled, draft, home=home)
    if said.has("undo"):
        raise UnclearError("I cannot go back by myself; say the earlier question again")
    turn.old = _old(turn, home, previous)
    if _JUDGES.match(text) and not (draft.compare or draft.count_thing or draft.counted):
        raise UnclearError("held against what? say for example 'compare with the week before'")
    _measured(turn, previous)
    _loaded(turn)
    if previous.intent not in PLANNED:
        if not leaves(turn):
            return reinvestigated(turn, previous)
        previous = figures(turn, previous)
    return _changed(turn, previous)


def _measured(turn: Turn, previous: Scope) -> None:
    """A measure of its own is settled over the window that is kept; without one, only what was said counts."""
    reader, spotted = turn.reader, turn.spotted
    turn.measured = names_measure(turn, previous)
    if not turn.measured:
        turn.draft = Parser(spotted, reader.catalog, reader.lexicon, reader.values).parse()
    elif not turn.times.periods and not turn.draft.compare and previous.window is not None and not previous.window.defaulted:
        held = replace(turn.times, periods=[(0, 0, previous.window)])
        turn.settled, turn.draft = reader.settled(spotted, held, turn.at)


def _mere_value(here: Spotted, item: Item, previous: Scope) -> None:
    """'what about evictions?' behind preempted jobs: a measure of its own, or jobs with that reason? Raises UnclearError."""
    own = [i for i in here.items if i.start < item.end and item.start < i.end]
    if not item.has("measure", "thing") or any(i.has("measure", "thing", "qualifier", "dim") for i in own):
        return
    asked = {*previous.by, *(f.field for f in previous.filters)}
    values = [s for i in own for s in i.senses if s.role == "value"]
    if values and not any(s.name in asked for s in values):
        raise UnclearError(
            f"{item.text} by themselves, or only those with {item.text}? say it as a whole question, or 'only {item.text}'"
        )


def _elsewhere(here: Spotted, there: Spotted, tie: Tie, previous: Scope) -> bool:
    """Whether the words are about another dataset than the question before."""
    strange = bool(here.unknown) or any(i.has("foreign") for i in here.items)
    if there.dataset == here.dataset or not there.firm:
        return False
    if strange and not there.unknown:
        return not (tie.narrow and not here.unknown)
    if tie.narrow or strange:
        return False
    explained = {n for i in here.items if i.has("measure", "thing", "qualifier", "value", "dim") for n in range(i.start, i.end)}
    for item in there.items:
        if item.has("measure", "thing", "qualifier"):
            span = set(range(item.start, item.end))
            if not span <= explained:
                return True
            _mere_value(here, item, previous)
            together = any(i.start <= item.start and item.end <= i.end for i in here.items)
            if not together and not here.firm:
                return True
    return False


def _old(turn: Turn, home: str, previous: Scope) -> Draft | None:
    """What is named behind 'instead of'. Raises UnclearError where it was not asked for before."""
    found, reader = turn.said.matches.get("old"), turn.reader
    if not found or not home:
        return None
    start, end = found[0].span("what")
    spotted = reader.spotted_under(home, turn.words, [not start <= t.start < end for t in turn.words])
    old = Parser(spotted, reader.catalog, reader.lexicon, reader.values).parse()
    held = {v for c in previous.filters for v in c.values}
    named = {*old.by, *fields_of(found[0]["what"], reader.index)} if not old.filters else set()
    groups_lost = bool(named) and not named & set(previous.by)
    if groups_lost or any(c.op == "in" and not held & set(c.values) for c in old.filters):
        what = found[0]["what"]
        raise UnclearError(f"'{what}' was not asked for before, so nothing can take its place; ask it as a whole question")
    return old


def _loaded(turn: Turn) -> None:
    """A word that is dropped in whole questions but may be the point of this one is asked back."""
    if turn.said.has("ratio"):
        raise UnclearError("divided by what? ask for it as a whole question, for example 'what share of jobs failed, by cluster'")
    for at, item in enumerate(turn.spotted.items[1:], start=1):
        if item.has("thing") and not item.has("dim", "bucket") and turn.spotted.items[at - 1].has("group") and not turn.draft.by:
            raise UnclearError(f"per {item.text}: one row for each, or divided by their number? ask it as a whole question")
    if _VAGUE.search(turn.text) and not turn.measured:
        raise UnclearError("more of what? name a measure, a group or a period, or ask why")
    if turn.measured and turn.tie.clause:
        return
    for item in turn.spotted.items:
        if item.text in _LOADED and all(s.role == "soft" for s in item.senses):
            raise UnclearError(f"what do you mean by '{item.text}'? say it as a whole question")


def _changed(turn: Turn, previous: Scope) -> Reading:
    """The previous scope after every operation that the follow-up names, composed anew."""
    denominators(turn, previous)
    numbers(turn, previous)
    _unsupported(turn)
    scope = replace(previous, shown=())
    scope = measures(turn, scope)
    scope = filters(turn, scope)
    scope = groups(turn, replace(scope, shown=previous.shown))
    scope = rivals(turn, replace(scope, shown=()), previous)
    scope = window(turn, scope, previous)
    scope = ranking(turn, scope)
    scope = referred(turn, scope, previous)
    scope = _listed(turn, fitting(turn, scope))
    scope = replace(scope, intent=_intent(scope))
    said, reader = turn.said, turn.reader
    shaped = said.has("chart", "table", "no_chart", "file") or turn.draft.chart or not turn.text.strip()
    unknown = any(i.has("unknown") or i.number is not None for n, i in enumerate(turn.spotted.items) if n not in turn.draft.used)
    unchanged = same(previous, scope, reader.catalog, reader.lexicon)
    if unchanged and not (shaped or unknown or turn.draft.foreign or _holds_already(turn)):
        raise UnclearError("what should be different? that changes nothing; name a measure, a group, a place or a period")
    settled = _settled(turn, scope)
    gate = reader.finish(turn.question, turn.spotted, settled, turn.draft, turn.words, turn.at)
    defaults = [d for d in gate.defaults if turn.measured or not d.startswith("no time")]
    if said.has("file"):
        defaults.append("the rows as a file: ask with --csv or --json")
    if ("planned", "excluded") in scope.entities and not any("maintenance" in d for d in defaults):
        defaults.append("hours inside maintenance windows are left out")
    defaults += [*turn.notes, *told(previous, scope, reader.catalog, reader.lexicon)]
    wants = (gate.wants_chart or said.has("chart") or turn.draft.chart) and not said.has("table", "no_chart")
    return replace(gate, defaults=tuple(defaults), wants_chart=wants)


_WHICH_OF = re.compile(r"^\W*(?:and |but |so )*which (?:of (?:these|those|them)|ones?)\b(?=\W*\w)")


def _listed(turn: Turn, scope: Scope) -> Scope:
    """'which of these are still open?' behind a count of tickets wants the tickets, not their number."""
    first = scope.measures[0] if len(scope.measures) == 1 else None
    things = turn.reader.lexicon.things.values()
    thing = next((t for t in things if first is not None and t.dataset == first.dataset and t.columns), None)
    if _WHICH_OF.match(turn.text) and first is not None and first.agg == "count_distinct" and not first.recipe:
        known = reachable(turn.reader.catalog, first.dataset)
        if first.field in known and first.field not in scope.by:
            return replace(scope, by=(first.field,), bucket="", top=None, share=False)
    if not _WHICH_OF.match(turn.text) or first is None or first.agg != "count" or first.recipe or thing is None:
        return scope
    counted = replace(first, name="rows")
    return replace(scope, measures=(counted,), fields=tuple(thing.columns), by=(), bucket="", top=None, having=(), share=False)


def _holds_already(turn: Turn) -> bool:
    """Whether what is asked for is so already: 'top 5' of a top 5. It is answered again."""
    draft, said = turn.draft, turn.said
    named = draft.top is not None or draft.filters or draft.aggs or turn.times.periods
    return bool(named) or said.has("order", "share", "exclude_planned", "everywhere", "all_rows")


def _unsupported(turn: Turn) -> None:
    """Parts of a draft that no operation takes up."""
    draft = turn.draft
    if turn.measured:
        return
    if draft.rate:
        raise UnclearError("a rate of what? say for example 'per 1,000 GPUs', or ask for the job failure rate")
    if draft.normal:
        raise UnclearError(
            "which range do you mean? ask it as a whole question, for example 'GPUs above their normal temperature'"
        )
    if draft.distinct and not draft.counted:
        raise UnclearError("different what? say for example 'how many different nodes'")
    if draft.share and not turn.said.has("share"):
        raise UnclearError("a share of what? say 'as a share', or ask for example 'what share of jobs failed'")


def _settled(turn: Turn, scope: Scope) -> Settled:
    """What was settled, with the merged scope in it."""
    definition = "; ".join(dict.fromkeys(q.definition for q in scope.measures if q.definition))
    defaults = [d for d in turn.settled.defaults if d] if turn.measured else []
    chart = (turn.settled.chart and turn.measured) or bool(scope.bucket)
    return Settled(scope, defaults, definition, chart, "", [], turn.settled.missing)


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
