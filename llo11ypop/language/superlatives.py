"""What superlatives rank: the things themselves, what a measure is named after, how big one is, of what kind most are."""

import re

from llo11ypop.catalog.models import Kind
from llo11ypop.language.draft import Named
from llo11ypop.language.entries import FieldWords, MeasureWords, Thing
from llo11ypop.language.moments import Moments
from llo11ypop.language.scope import Threshold

_VALUE = re.compile(r"(\w+) = '[^']*'")
_HOT = {"hottest": "max", "warmest": "max", "coldest": "min", "coolest": "min"}
_HAVING = frozenset(
    {
        "with",
        "had",
        "have",
        "has",
        "having",
        "any",
        "lost",
        "lose",
        "saw",
        "seen",
        "reported",
        "reporting",
        "showing",
        "suffered",
        "got",
    }
    | {"experienced", "hit", "showed", "threw", "where", "that", "were", "was"}
)
"""Words behind which a measure says that there is some of it."""
_WORST = frozenset({"worst", "slowest"})
_RELATIVE = frozenset({"with", "that", "which", "whose", "had", "having", "has"})
_OF_EACH = frozenset({"each", "every", "of each", "in each", "for each", "of every", "in every", "for every"})
"""'The highest of each' is one for each; 'highest per cluster' ranks them by their average."""
_BIG = frozenset({"largest", "biggest", "greatest", "smallest"})


class Superlatives(Moments):
    """Rankings that no 'by' names."""

    def _ranked(self, thing: Thing, numeric: list[Named]) -> None:
        """'top 10 jobs by GPU-hours' groups by job; 'highest utilization per cluster' is about averages."""
        draft = self.draft
        if (
            thing.key
            and thing.key[0] != self.dataset.time
            and (not draft.by or (draft.each_thing and draft.by == draft.grouped))
            and not draft.count_thing
            and numeric
            and (draft.each_thing or (draft.thing is not None and (numeric[0].words.rank or self._best_of_them(numeric[0]))))
        ):
            key = thing.key[:1] if self.dataset.kind is Kind.EVENT else thing.key
            draft.by = list(dict.fromkeys([*(k for k in key if k in self.reach), *draft.by]))
        rows = self.dataset.kind is Kind.EVENT and draft.by and draft.by == list(thing.key[:1]) and not draft.rank
        if rows and len(numeric) == 1 and numeric[0].words.field and numeric[0].aggs in (["max"], ["min"]):
            draft.rank, draft.singular = ("top" if numeric[0].aggs == ["max"] else "bottom"), True
        for named in numeric:
            if named.words.each and not (draft.by or draft.counted or set(named.aggs) - {"last"}):
                held = {c.field for c in draft.filters if len(c.values) == 1}
                draft.by = [f for f in named.words.each if f not in held]
            if named.loose and named.words.agg == "last" and not named.words.recipe:
                named.aggs = []
            if (
                named.loose
                and draft.by
                and self.dataset.kind is Kind.METRIC
                and named.words.agg == "avg"
                and not (named.words.recipe and named.words.unit == "1")
                and not named.words.above
                and len(named.aggs) == 1
                and not any(i.text in _OF_EACH for i in self.items)
            ):
                named.aggs = []

    def _best_of_them(self, named: Named) -> bool:
        """'the five jobs with the longest run time', 'which job had the greatest run time': the things are ranked."""
        draft = self.draft
        return bool(
            draft.rank and named.words.field and named.loose and (draft.top is not None or draft.listing or self._headed())
        )

    def _headed(self) -> bool:
        """'ticket with the highest time to restore': a thing at the head that the ranking behind it tells which one of."""
        said = [i for i in self.items if not all(s.role in ("soft", "show") for s in i.senses) or i.text in _RELATIVE]
        return len(said) > 1 and said[0].has("thing") and not said[0].has("measure") and said[1].text in _RELATIVE

    def _extremes(self) -> None:
        """'hottest switch by ASIC temperature' is the highest reading."""
        draft = self.draft
        draft.by = [b for b in draft.by if b not in draft.counted] if len(draft.by) > 1 else draft.by
        for named in draft.measures:
            words = named.words
            if named.position and not draft.by and not draft.counted and any(i.text in _HOT for i in self.items):
                self._whose(self.items[named.position - 1].text)
            if {"avg", "max"} <= set(named.aggs) and any(i.text in _HOT or i.text in ("highest", "most") for i in self.items):
                named.aggs = [a for a in named.aggs if a != "max"]
            if self._worst_reading(named):
                named.aggs = [words.above if words.better == "lower" else words.below]
                self.out.defaults.append(f"worst = the {'highest' if named.aggs == ['max'] else 'lowest'} reading")
            if words.unit == "Cel" and not words.fixed and not named.aggs and words.agg == "avg":
                ends = [_HOT[i.text] for i in self.items if i.text in _HOT]
                named.aggs = ends[:1]

    def _worst_reading(self, named: Named) -> bool:
        """'which mount had the worst latency': a single reading, where the measure is one of which readings can be too high."""
        words = named.words
        extreme = {"lower": words.above == "max", "higher": words.below == "min"}.get(words.better, False)
        plain = words.agg == "avg" and not (named.aggs or words.fixed or words.recipe)
        return plain and extreme and any(i.text in _WORST for i in self.items) and self.dataset.kind is Kind.METRIC

    def _whose(self, word: str) -> None:
        """'hottest rack inlet': the extreme is asked for by the thing that the measure is named after."""
        fields = next((d.fields for d in self.lexicon.dimensions.values() if d.level and word in d.words), ())
        own = [f for f in fields if f in self.reach][:1]
        if own and own[0] != "gpu_uuid":
            self.draft.by, self.draft.rank, self.draft.singular = own, self.draft.rank or "top", True

    def _sizes(self) -> None:
        """'the biggest job': by the field that says how big one is."""
        draft = self.draft
        size = draft.thing[1].size if draft.thing is not None else ""
        asked = any(i.text in _BIG for i in self.items)
        if not size or not asked or draft.measures or (draft.qualifiers and draft.by):
            return
        name = f"{self.draft.dataset}.{size}"
        words = self.lexicon.fields.get(name, FieldWords())
        label = words.label or self.dataset.fields[size].description.lower()
        made = MeasureWords(dataset=self.draft.dataset, words=(), label=label, field=size, agg="max")
        draft.measures.append(Named(name, made))
        draft.aggs, draft.each_thing = [], True

    def _only_those(self) -> None:
        """'nodes with link flaps', 'pairs that lost any probes': those that have any, not all of them with their zeros."""
        draft = self.draft
        first = self.measures[0] if len(self.measures) == 1 and draft.measures else None
        shaped = draft.rank or draft.bucket or draft.share or draft.denominator or draft.none or draft.order_by_measure
        if (
            first is None
            or shaped
            or self.having
            or draft.limits
            or not (draft.head and draft.listing and draft.by)
            or draft.grouped
        ):
            return
        at = draft.measures[0].position
        said = any(i.text.split()[0] in _HAVING for i in self.items[: at + 1]) and not any(i.text == "their" for i in self.items)
        seen = {"1": first.better == "lower", "s": first.better == "lower" and bool(first.recipe)}.get(first.unit, False)
        if said and seen and first.agg != "last" and (first.agg != "avg" or draft.measures[0].words.none):
            self.having.append(Threshold(first.name, ">", 0.0))

    def _kinds(self) -> None:
        """'most common remediations': ranked by the field that says of what kind one is."""
        draft = self.draft
        thing = self._thing()[1] if draft.thing is not None or draft.qualifiers else None
        last_count = max((n for n, i in enumerate(self.items) if i.has("count")), default=-1)
        named_at = next((n for n, i in enumerate(self.items) if i.has("thing", "qualifier")), len(self.items))
        most = any(i.text in ("most", "least") for i in self.items) and draft.dataset != "slurm_jobs"
        often = draft.listing and (last_count > named_at or most)
        often = often or any(w in i.text.split() for i in self.items for w in ("common", "frequent", "often", "frequently"))
        often = often or (draft.rank == "top" and draft.thing is not None and draft.dataset != "slurm_jobs" and not draft.aggs)
        values = [m[1] for _, q, no, _ in draft.qualifiers if not no and (m := _VALUE.fullmatch(q.where))]
        if thing is not None and len(values) >= len(("a", "b", "c")) and len(set(values)) == 1 and not draft.share:
            draft.by = draft.by or [values[0]]
            return
        if (
            draft.distinct
            and draft.thing is not None
            and draft.thing[1].recipe
            and thing is not None
            and thing.kind
            and not draft.by
        ):
            if draft.count_thing:
                draft.counted, draft.counted_label, draft.count_thing = (thing.kind,), thing.kind, False
            elif not draft.counted:
                draft.by = [thing.kind]
            return
        if thing is None or not thing.kind or not often or draft.by or draft.measures or draft.counted or draft.bucket:
            return
        draft.by, draft.listing, draft.count_thing = [thing.kind], False, False
        draft.rank = draft.rank or "top"
