"""Questions that no single plan answers: which investigation, over which entities, window and measure."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import iso
from llo11ypop.language.entries import IntentWords
from llo11ypop.language.intent import Intent
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.parse import Parser
from llo11ypop.language.periods import before, trailing
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Condition, Period, Quantity, Scope
from llo11ypop.language.settle import Settler
from llo11ypop.language.spot import spot
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

_LEVELS = {
    "node_id": "node",
    "run_id": "run",
    "cluster": "cluster",
    "gpu_uuid": "gpu",
    "gpu_index": "gpu_index",
    "rack": "rack",
    "row": "row",
    "site": "site",
    "provider": "provider",
    "region": "region",
    "switch_id": "switch",
    "driver": "driver",
    "user": "user",
    "account": "account",
    "part_no": "part",
    "code": "code",
    "partition": "partition",
    "job_id": "job",
    "gpu_model": "gpu_model",
}
_PLACES = frozenset({"node", "rack", "row", "switch", "gpu"})
"""'Why did gpu-c-001 go down?' asks what happened there, not for the change of a measure."""
_WARMTH = frozenset({"hotter", "warmer", "overheat", "overheated", "overheating"})
_SLOTS = 16
"""More GPUs than any node has."""
_AREAS = {
    Intent.TECHNICIANS: (Area.PARTS, Area.GPU),
    Intent.SUPPLY_RISK: (Area.PARTS,),
    Intent.SPARES: (Area.PARTS, Area.GPU),
    Intent.RUN_HEALTH: (Area.TRAINING,),
    Intent.NAN_LOSS: (Area.TRAINING, Area.GPU),
    Intent.HARDWARE_OR_MODEL: (Area.TRAINING, Area.GPU, Area.NETWORK),
    Intent.ROLLOUT: (Area.GPU, Area.LOGS),
    Intent.TIED_TO: (Area.GPU, Area.LOGS),
    Intent.IDLE_WHILE_PENDING: (Area.SLURM,),
    Intent.MAINTENANCE: (Area.ENVIRONMENT, Area.GPU),
    Intent.OUTAGE_COST: (Area.SLURM, Area.GPU),
    Intent.LEMON: (Area.SLURM, Area.GPU),
    Intent.SLOWER: (Area.GPU,),
    Intent.DID_IT_HELP: (Area.ENVIRONMENT,),
    Intent.ONE_OR_MANY: (Area.ENVIRONMENT,),
    Intent.AT_RISK: (Area.GPU,),
    Intent.HEALTH: (Area.GPU, Area.SLURM),
    Intent.BETTER_OR_WORSE: (Area.GPU, Area.SLURM),
    Intent.CAUSES: (Area.SLURM, Area.GPU, Area.NETWORK, Area.ENVIRONMENT),
    Intent.REPORT: tuple(Area),
    Intent.WHY: (Area.SLURM,),
    Intent.RELATION: (Area.TRAINING,),
}


def _related(reader: "Reader", words: list[Token], times: Times) -> tuple[Area, ...]:
    """The areas of the measures that are held against each other; those of training where fewer than two are named."""
    lemmas = [t.lemma for t in words if not any(s <= t.start < e for s, e in times.spans)]
    found, n = [], 0
    while n < len(lemmas):
        hits = ((length, s) for length, senses in reader.index.at(lemmas, n) for s in senses if s.role == "measure")
        length, sense = next(hits, (1, None))
        found += [reader.catalog.datasets[sense.dataset].area] if sense is not None else []
        n += length
    return tuple(dict.fromkeys(found)) if len(found) > 1 else _AREAS[Intent.RELATION]


@lru_cache(maxsize=1024)
def _pattern(text: str) -> "re.Pattern[str]":
    return re.compile(text)


def intent_of(text: str, lexicon: Lexicon) -> IntentWords | None:
    """The first investigation whose patterns fit; none for questions that a plan answers."""
    for words in lexicon.intents:
        if any(_pattern(p).search(text) for p in words.any) and not any(_pattern(p).search(text) for p in words.none):
            return words
    return None


def expects_future(text: str, lexicon: Lexicon) -> bool:
    """Whether a question about the future asks for a risk, which can be estimated."""
    words = intent_of(text, lexicon)
    return words is not None and words.intent in (Intent.AT_RISK, Intent.TECHNICIANS, Intent.MAINTENANCE, Intent.SPARES)


def reading(reader: "Reader", question: str, text: str, words: list[Token], times: Times, at: datetime) -> Reading | None:
    """The reading of a question that calls for an investigation; none otherwise."""
    found = intent_of(text, reader.lexicon)
    if found is None:
        return None
    scope, defaults, areas = about(reader, words, times, at, found)
    return reader.investigated(question, scope, defaults, areas)


def about(
    reader: "Reader", words: list[Token], times: Times, at: datetime, found: IntentWords
) -> tuple[Scope, list[str], tuple[Area, ...]]:
    """Measures, filters, window and entities of an investigation; unknown words are allowed, since it looks wider anyway."""
    taken = [any(s <= t.start < e for s, e in times.spans) for t in words]
    spotted = spot(words, taken, reader.index, reader.catalog)
    filters: tuple[Condition, ...] = ()
    measures: tuple[Quantity, ...] = ()
    by: tuple[str, ...] = ()
    areas: tuple[Area, ...] = _AREAS.get(found.intent, ())
    top = None
    planned = False
    if spotted is not None:
        draft = Parser(spotted, reader.catalog, reader.lexicon, reader.values).parse()
        settled = Settler(draft, spotted.items, times, at, reader.catalog, reader.lexicon).settle()
        filters, top, planned = tuple(draft.filters), draft.top, draft.planned
        named = bool(draft.measures or draft.thing is not None or draft.qualifiers)
        if named:
            measures = tuple(settled.scope.measures)
            areas = tuple(dict.fromkeys([reader.catalog.datasets[spotted.dataset].area, *areas]))
        if found.intent is Intent.RELATION:
            areas = _related(reader, words, times)
        by = tuple(draft.by)
    window, defaults = _window(times, at, found)
    compare = before(window, at) if found.intent in (Intent.WHY, Intent.BETTER_OR_WORSE, Intent.DID_IT_HELP) else None
    named_periods = [p for _, _, p in times.periods]
    if len(named_periods) > 1 and compare is not None:
        later, earlier = sorted(named_periods[:2], key=lambda p: p.start_at, reverse=True)
        window, compare = later, earlier
    elif found.intent is Intent.BETTER_OR_WORSE and named_periods and named_periods[0].end_at < at:
        span = named_periods[0].end_at - named_periods[0].start_at
        window, compare = Period(max(named_periods[0].end_at, at - span), at, "since then", partial=True), named_periods[0]
    entities = tuple(dict.fromkeys([*_entities(filters, times, planned), *_spoken(reader, words)]))
    scope = Scope(
        found.intent, measures=measures, by=by, filters=filters, window=window, compare=compare, top=top, entities=entities
    )
    if found.intent is Intent.WHY and not measures and _WARMTH.intersection(t.text for t in words):
        return replace(scope, measures=(temperature(reader.lexicon),)), defaults, (Area.GPU, *areas)
    if found.intent is Intent.WHY and not measures and _PLACES.intersection(level for level, _ in entities):
        return replace(scope, intent=Intent.CAUSES, compare=None), defaults, _AREAS[Intent.CAUSES]
    if found.intent is Intent.WHY and not measures:
        defaults.append("no measure was named: failed jobs")
        scope = replace(scope, measures=(failed_jobs(reader.lexicon),))
    return scope, defaults, areas


def failed_jobs(lexicon: Lexicon) -> Quantity:
    """What 'failures' means when nothing else is named."""
    job = lexicon.things["job"]
    failed = job.qualifiers["failed"]
    return Quantity(
        "failed_jobs", "failed jobs", job.dataset, "count", "", failed.where, better="lower", definition=failed.definition
    )


def temperature(lexicon: Lexicon) -> Quantity:
    """What 'hotter' means when nothing else is named."""
    felt = lexicon.fields["gpu_metrics.gpu_temp_c"]
    return Quantity("avg_gpu_temp_c", f"average {felt.label}", "gpu_metrics", "avg", "gpu_temp_c", unit="Cel", better="lower")


def _window(times: Times, at: datetime, found: IntentWords) -> tuple[Period, list[str]]:
    if times.periods:
        return times.periods[0][2], []
    length = found.window or timedelta(days=7)
    label = f"last {length.days} days" if length.days != 1 else "last 24 hours"
    return trailing(at, length, label, defaulted=True), [f"no time was named: {label}"]


def _spoken(reader: "Reader", words: list[Token]) -> list[tuple[str, str]]:
    """Everything that is named, whichever dataset knows it: nodes, runs, clusters, 'GPU 3'."""
    out = []
    lemmas = [t.lemma for t in words]
    for at, token in enumerate(words):
        for _, senses in reader.index.at(lemmas, at):
            shared = [s for s in senses if s.role == "value" and not s.dataset and s.name in _LEVELS and isinstance(s.data, str)]
            out += [(_LEVELS[s.name], s.data) for s in shared if any(c in s.data for c in "-0123456789")]
        following = words[at + 1].number if at + 1 < len(words) else None
        if token.lemma == "gpu" and following is not None and following < _SLOTS:
            out.append(("gpu_index", f"{following:g}"))
    return out


def _entities(filters: tuple[Condition, ...], times: Times, planned: bool) -> tuple[tuple[str, str], ...]:
    out = [(_LEVELS.get(f.field, f.field), _text(v)) for f in filters if f.op == "in" and f.field for v in f.values]
    out += [("at", iso(point)) for _, _, point in times.points]
    if planned:
        out.append(("planned", "excluded"))
    return tuple(dict.fromkeys(out))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
