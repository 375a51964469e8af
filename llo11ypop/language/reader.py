"""The reader: a question in, a reading out. Pure, a few milliseconds, and it never raises on any text."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from llo11ypop.catalog import Catalog
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.vocabulary import Area
from llo11ypop.language import absent, alternatives, beside, columns, coverage, followup, investigate, verified
from llo11ypop.language.compose import compose
from llo11ypop.language.index import PhraseIndex
from llo11ypop.language.intent import PLANNED, Intent
from llo11ypop.language.lexicon import Lexicon, load_lexicon
from llo11ypop.language.parse import Parser
from llo11ypop.language.prepare import prepared
from llo11ypop.language.quantities import converted
from llo11ypop.language.reach import reachable
from llo11ypop.language.reading import ChartHint, Reading
from llo11ypop.language.rewrites import anew, exact_states
from llo11ypop.language.scope import Scope
from llo11ypop.language.searching import searched
from llo11ypop.language.settle import Settler
from llo11ypop.language.settled import Settled
from llo11ypop.language.spelling import quotes, spelled
from llo11ypop.language.spot import BESIDE, Spotted, spot, under
from llo11ypop.language.times import Times, read_times
from llo11ypop.language.values import ValueIndex
from llo11ypop.language.wording import reading_text, title_of
from llo11ypop.language.words import Token, lemma, normalise, tokens
from llo11ypop.query.check import MAX_WINDOW_DAYS, check, missing
from llo11ypop.query.store import Exports

_ROSTER = re.compile(r"\b(?:technicians?|engineers?|staff|shift|duty|on[- ]call|skills?|who)\b")
_TWINS = frozenset({"technician_shifts", "slurm_job_nodes"})
"""Datasets that say the same as another of the same things."""
_CODED = re.compile(r"\b(s?xids?)[-_#:]?\s?#?(\d+)")


class Reader:
    """Reads questions over one fleet. Build once; `read` has no state."""

    def __init__(self, catalog: Catalog, lexicon: Lexicon, values: ValueIndex, exports: Exports | None = None) -> None:
        """Indexes all phrases; takes some hundred milliseconds."""
        self.catalog = catalog
        self.lexicon = lexicon
        self.values = values
        self.exports = exports
        self.index = PhraseIndex(catalog, lexicon, values)

    def knows(self, word: str) -> bool:
        """Whether a word of a question means something here: catalog, lexicon or a value of this fleet."""
        word = word.lower()
        return (
            word in self.index.words
            or word in self.index.names
            or any(t.lemma in self.index.words for t in tokens(word, self.index.whole))
        )

    def read(self, question: str, at: datetime, previous: Scope | None = None) -> Reading:
        """How a question is understood as of an instant; `previous` is the scope of the turn before it."""
        text, alone = anew(_CODED.sub(r"\1 \2", normalise(exact_states(question))))
        previous = None if alone else previous
        if not text.strip():
            return self._asked(question, "what do you want to know? for example 'failed jobs by cluster, last week'")
        ready = prepared(text, self.index, self.lexicon, at, lambda part: self._spot(part, at))
        text = ready.text
        text = followup.in_full(text, previous) if previous is not None else text
        times = read_times(text, at)
        quotes(text, times, self.index)
        fixed, notes = spelled(text, times, self.index)
        notes += [f"'{ready.opening}' left aside"] if ready.opening else []
        merged = followup.merged(self, question, text, fixed, times, at, previous) if previous is not None else None
        reading = merged or self.fresh(question, text, fixed, times, at)
        reading = self._in_units(reading, ready.units)
        return replace(reading, defaults=tuple(dict.fromkeys([*notes, *(d for d in reading.defaults if d)])))

    def _spot(self, text: str, at: datetime) -> Spotted | None:
        """The phrases of a text by itself."""
        times = read_times(text, at)
        words, _ = spelled(text, times, self.index)
        return spot(words, _taken(words, times), self.index, self.catalog)

    def _in_units(self, reading: Reading, wanted: tuple[str, ...]) -> Reading:
        """The reading, unless it is asked for in a unit that nothing of it can be told in."""
        own = [c.unit for c in reading.columns if c.role == "measure"]
        wrong = [w for w in wanted if own and all(converted(1.0, u, w) is None and converted(1.0, w, u) is None for u in own)]
        if not wrong or reading.plan is None:
            return reading
        said = f"{reading.columns[-1].label} is measured in {own[-1] or '1'}, not in {wrong[0]}"
        return self._asked(reading.question, said, reading.scope)

    def fresh(self, question: str, text: str, words: list[Token], times: Times, at: datetime) -> Reading:
        """A question that stands alone."""
        taken = _taken(words, times)
        gone = (
            absent.of_times(times, roster=bool(_ROSTER.search(text)))
            if not (times.future and (investigate.expects_future(text, self.lexicon) or self._dated(words)))
            else None
        )
        gone = gone or absent.of_names(words, taken, self.index, self.values)
        if gone:
            return self._nothing(question, gone)
        pointed = absent.of_pointing(text)
        if pointed:
            return self._asked(question, pointed)
        kept = verified.reading(self, question, words, times, at)
        if kept is not None:
            return kept
        found = investigate.reading(self, question, text, words, times, at)
        if found is not None:
            return found
        ending = columns.tail(_without(text, times.spans), words, self.index, self.catalog)
        if ending is not None:
            times.spans.append(ending[0])
            times.columns = ending[1]
            taken = _taken(words, times)
        spotted = self._spotted(text, words, taken, times)
        if spotted is None:
            return self._lost(question, words, taken)
        if absent.continues(text) and not spotted.firm and not any(i.has("qualifier", "value") for i in spotted.items):
            return self._asked(
                question, "of what? nothing was asked before; name a measure, for example failed jobs or GPU power"
            )
        model = absent.of_models(spotted, self.values, self.lexicon) or absent.of_labels(spotted, words, self.values)
        if model:
            return self._nothing(question, model)
        settled, draft = self.settled(spotted, times, at, alone=True)
        if draft.nothing:
            return self._nothing(question, draft.nothing)
        ahead = absent.of_times(times, roster=bool(_ROSTER.search(text))) if times.future and not settled.dated else None
        if ahead:
            return self._nothing(question, ahead)
        if spotted.unknown or draft.foreign:
            both = beside.read_beside(self, spotted, settled, words, taken, times, at)
            if both is not None:
                return self.planned(
                    question, both.scope, both.defaults, both.definition, at, chart=both.chart, proxies=both.missing
                )
        if draft.dangling and not settled.clarify and not spotted.unknown:
            settled.clarify = "what should be left out? I did not find what the 'not' is about"
        settled.defaults += times.notes
        return self.finish(question, spotted, settled, draft, words, at)

    def _spotted(self, text: str, words: list[Token], taken: list[bool], times: Times) -> Spotted | None:
        """Under the dataset that explains most; what nothing explains is looked for in logs, where these are named."""
        spotted = spot(words, taken, self.index, self.catalog)
        if times.quoted and (
            spotted is None or not any(f.free_text for f in self.catalog.datasets[spotted.dataset].fields.values())
        ):
            spotted = self.spotted_under("syslog", words, taken)
        logs = self.spotted_under("syslog", words, taken) if spotted is not None and spotted.unknown else spotted
        looked_for = searched(text, spotted, logs, words, quoted=bool(times.quoted))
        if looked_for:
            times.quoted += [words[n].text for n in looked_for]
            times.notes.append(f"looked for {' and '.join(repr(words[n].text) for n in looked_for)} in the messages")
            spotted = self.spotted_under("syslog", words, [t or n in looked_for for n, t in enumerate(taken)])
        return spotted

    def _dated(self, words: list[Token]) -> bool:
        """Whether a word is about a date that rows name, which may be still to come: planned work, the end of a warranty."""
        lemmas = [t.lemma for t in words]
        senses = (s for n in range(len(words)) for _, found in self.index.at(lemmas, n) for s in found)
        return any((s.role == "qualifier" and s.data.time) or s.name == "maintenance" for s in senses)

    def spotted_under(self, dataset: str, words: list[Token], taken: list[bool]) -> Spotted:
        """The question read under one dataset."""
        lemmas = [t.lemma for t in words]
        found = [[] if taken[i] else list(self.index.at(lemmas, i)) for i in range(len(words))]
        return under(dataset, words, taken, found, self.catalog)

    def settled(self, spotted: Spotted, times: Times, at: datetime, *, alone: bool = False) -> "tuple[Settled, followup.Draft]":
        """Draft and scope of a spotted question; `alone` when it is no follow-up."""
        draft = Parser(spotted, self.catalog, self.lexicon, self.values).parse()
        draft.alone = alone
        draft.periods = tuple({(p.start_at, p.end_at): p.label for _, _, p in times.periods}.values())
        shown = columns.apply(draft, times.columns, self.index, self.catalog) if times.columns else []
        return Settler(draft, spotted.items, times, at, self.catalog, self.lexicon, tuple(shown)).settle(), draft

    def finish(
        self, question: str, spotted: Spotted, settled: Settled, draft: "followup.Draft", words: list[Token], at: datetime
    ) -> Reading:
        """The coverage gate, then the plan."""
        unknown = [i.text for n, i in enumerate(spotted.items) if i.has("unknown", "calendar") and n not in draft.used]
        for at_item, item in enumerate(spotted.items):
            if item.number is not None and at_item not in draft.used:
                unknown.append(item.text)
        if unknown:
            return self._unknown(question, settled.scope, unknown)
        if draft.foreign:
            return self._asked(question, self._foreign(spotted.dataset, draft.foreign[0], settled.scope), settled.scope)
        line = self._inapplicable(settled.scope)
        if line:
            return self._nothing(question, line)
        vague = self._vague(spotted)
        if vague:
            return self._asked(question, vague, settled.scope)
        if settled.clarify:
            return self._asked(question, settled.clarify, settled.scope)
        gone = coverage.lost(spotted, draft, settled.scope, self.lexicon)
        if gone:
            return self._asked(question, gone, settled.scope)
        return self.planned(
            question, settled.scope, settled.defaults, settled.definition, at, chart=settled.chart, proxies=settled.missing
        )

    def planned(
        self, question: str, scope: Scope, defaults: list[str], definition: str, at: datetime, *, chart: bool, proxies: list[str]
    ) -> Reading:
        """A scope with its plan, held against the catalog."""
        if scope.window is not None and at - scope.window.start_at > timedelta(days=MAX_WINDOW_DAYS):
            return self._nothing(
                question, f"{scope.window.label} ({scope.window.start_at.year}) is longer ago than telemetry is kept"
            )
        early = absent.of_history(scope, self.values)
        if early:
            return replace(self._nothing(question, early), scope=scope, window=scope.window.window if scope.window else None)
        lost = self._lost_filter(scope) or alternatives.contradiction(scope)
        if lost:
            return self._asked(question, lost, scope)
        try:
            plan, columns = compose(scope, self.catalog, self.lexicon, at)
            check(plan, self.catalog)
        except (Llo11yPopError, ValueError, KeyError) as bad:
            line = bad.line() if isinstance(bad, Llo11yPopError) else str(bad).splitlines()[0]
            return self._asked(
                question, f"that cannot be put as one query here ({line}); ask for one measure by one dimension", scope
            )
        said = list(defaults)
        if (
            scope.window is not None
            and scope.window.defaulted
            and any("window" in s.model_fields_set and s.window for s in plan.selects.values())
        ):
            if "as of the latest reading" not in said:
                said.append(f"no time was named: {scope.window.label}")
        if scope.window is not None and scope.window.partial:
            said.append(f"{scope.window.label} is not over yet")
        gone = missing(plan, self.catalog, self.exports) if self.exports is not None else ()
        if gone:
            said += [f"{', '.join(gone)} is not exported here" + (f"; {proxies[0]}" if proxies else "")]
        areas = tuple(
            dict.fromkeys(
                self.catalog.datasets[s.dataset].area for s in plan.selects.values() if not s.dataset.startswith("inventory_")
            )
        )
        areas = areas or tuple(dict.fromkeys(self.catalog.datasets[s.dataset].area for s in plan.selects.values()))
        groups = bool(scope.by or scope.bucket or scope.fields or any(c.role != "measure" for c in columns))
        return Reading(
            question=question,
            intent=scope.intent,
            scope=scope,
            plan=plan,
            text=reading_text(scope, self.catalog, self.lexicon),
            columns=columns,
            window=scope.window.window if scope.window is not None else None,
            definition=definition,
            areas=areas,
            defaults=tuple(said),
            scalar=not groups and sum(c.role == "measure" for c in columns) == 1 and not scope.compare,
            wants_chart=chart,
            chart_hint=_hint(scope, groups),
            title=title_of(scope, self.catalog, self.lexicon),
        )

    def investigated(
        self, question: str, scope: Scope, defaults: list[str], areas: tuple[Area, ...], definition: str = ""
    ) -> Reading:
        """A question for an investigator."""
        return Reading(
            question,
            scope.intent,
            scope,
            None,
            reading_text(scope, self.catalog, self.lexicon),
            window=scope.window.window if scope.window else None,
            areas=areas,
            defaults=tuple(defaults),
            definition=definition,
            title=title_of(scope, self.catalog, self.lexicon),
            chart_hint="ranked",
        )

    def _vague(self, spotted: Spotted) -> str:
        """Several datasets explain the words equally well and none is named: ask which one."""
        if spotted.firm or not any(i.has("qualifier") for i in spotted.items):
            return ""
        rivals = [spotted, *(t for t in spotted.ties if t.dataset not in _TWINS)]
        homes = {s.data.home for i in spotted.items for s in i.senses if s.role == "dim"}
        if (
            len(rivals) == 1
            or spotted.dataset in homes
            or any(
                i.has("dim") and not i.has("qualifier") and i.sense("dim").data.level in ("node", "port", "switch", "gpu")  # type: ignore[union-attr]
                for i in spotted.items
            )
        ):
            return ""
        choices = []
        for rival in rivals[:5]:
            qualifier = next((s for i in rival.items for s in i.senses if s.role == "qualifier"), None)
            if qualifier is not None:
                thing = self.lexicon.things[qualifier.name.split(".")[0]]
                choices.append(f"{qualifier.data.label or qualifier.name} {thing.noun}")
        words = " ".join(i.text for i in spotted.items if i.has("qualifier"))
        return f"'{words}' of what? for example {', '.join(dict.fromkeys(choices))}" if len(set(choices)) > 1 else ""

    def _lost_filter(self, scope: Scope) -> str:
        """A condition that a measure's dataset cannot have would be dropped in silence: ask back instead."""
        for quantity in scope.measures:
            known = reachable(self.catalog, quantity.dataset)
            for condition in scope.filters:
                beside = bool(quantity.recipe) and condition.field in BESIDE.get(quantity.dataset, ())
                if condition.op != "expr" and condition.field not in known and not beside:
                    return self._foreign(quantity.dataset, condition.field.removesuffix("_id"), scope)
            if quantity.recipe and set(scope.by) - set(self.lexicon.recipes[quantity.recipe].dims):
                if "$by" not in str(self.lexicon.recipes[quantity.recipe].steps):
                    return f"{quantity.label} cannot be split by {' and '.join(scope.by)}; ask for it without"
        return ""

    def _foreign(self, dataset: str, dimension: str, scope: Scope) -> str:
        """What can be asked instead of a dimension that the dataset does not have."""
        if dimension.startswith("'no "):
            return f"things with {dimension.strip(chr(39))} are not looked for; ask which have any"
        reach = reachable(self.catalog, dataset)
        own = [d.label for d in self.lexicon.dimensions.values() if d.label and any(f in reach for f in d.fields)][:9]
        what = scope.measures[0].label if scope.measures else dataset.replace("_", " ")
        return f"{what} cannot be told per {dimension}; it is known by {', '.join(dict.fromkeys(own))}"

    def _inapplicable(self, scope: Scope) -> str:
        """NVLink on nodes that have none: not zero, but not applicable."""
        if not any(f.field == "nvlink" and f.op == "in" and 0.0 in f.values for f in scope.filters):
            return ""
        if any("nvlink" in f"{q.name} {q.label} {q.field}".lower() for q in scope.measures):
            return "PCIe-only nodes have no NVLink, so NVLink measures do not apply to them: not a zero; ask for PCIe replays"
        return ""

    def _nothing(self, question: str, line: str) -> Reading:
        return Reading(question, Intent.VALUE, Scope(Intent.VALUE), None, "", nothing=line)

    def _asked(self, question: str, line: str, scope: Scope | None = None) -> Reading:
        scope = scope or Scope(Intent.VALUE)
        return Reading(question, scope.intent, scope, None, "", clarify=line)

    def _unknown(self, question: str, scope: Scope, unknown: list[str]) -> Reading:
        hints = []
        for word in unknown[:3]:
            near = [n for n in self.index.nearest(word, 4) if n != lemma(word)][:3]
            hints.append(f"'{word}'" + (f" (did you mean {', '.join(near)}?)" if near else ""))
        line = f"I did not understand {', '.join(hints)}; say it in other words or leave it out"
        return Reading(question, scope.intent, scope, None, "", unknown=tuple(unknown), clarify=line)

    def _lost(self, question: str, words: list[Token], taken: list[bool]) -> Reading:
        unknown = [
            t.text
            for n, t in enumerate(words)
            if not taken[n] and not any(True for _ in self.index.at([x.lemma for x in words], n))
        ]
        if unknown:
            return self._unknown(question, Scope(Intent.VALUE), unknown)
        return self._asked(
            question,
            "which measure do you mean? for example failed jobs, GPU temperature, XIDs, fan failures, queue wait, link flaps",
        )


def _taken(words: list[Token], times: Times) -> list[bool]:
    """Tokens that belong to a time phrase."""
    return [any(s <= t.start < e for s, e in times.spans) for t in words]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with these characters blank."""
    for start, end in spans:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def _hint(scope: Scope, groups: bool) -> ChartHint:
    if scope.bucket:
        return "line"
    if not groups:
        return "stat"
    return "heatmap" if len(scope.by) == len(("rows", "columns")) else "bar"


async def load_reader(config_dir: Path, catalog: Catalog, store: object, at: datetime) -> Reader:
    """Lexicon and values read, ready to use. Raises ConfigError and StoreError."""
    from typing import cast

    from llo11ypop.query.store import TelemetryStore

    telemetry = cast(TelemetryStore, store)
    return Reader(
        catalog, load_lexicon(config_dir, catalog), await ValueIndex.read(telemetry, catalog, at), await telemetry.exports()
    )


__all__ = ["PLANNED", "Reader", "load_reader"]
