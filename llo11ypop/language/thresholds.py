"""Comparisons of a question: 'above 85 °C', 'more than 5 remediations', 'outside 20-80 %'."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

from llo11ypop.catalog.models import Kind
from llo11ypop.language.draft import Limit, Named
from llo11ypop.language.entries import MeasureWords
from llo11ypop.language.numbered import DISTINCT
from llo11ypop.language.quantities import converted, count_of_thing, quantities
from llo11ypop.language.scope import Condition, Operator, Quantity, Threshold
from llo11ypop.language.spot import BY_UNIT
from llo11ypop.language.where import all_of, condition_text
from llo11ypop.language.windows import Windows

OF_ALL = {"gpu_uuid": "of_gpus", "node_id": "of_nodes", "port_id": "of_ports"}
"""Field → the denominator that makes its count a share of all of them."""
_TOGETHER = frozenset(
    {"across", "across their", "across all", "across the", "combined", "summed", "sum of", "together", "at any moment", "at once"}
)
"""Words with which readings of several things are added up before they are held against a number."""
_MOMENT = frozenset(
    {"at any moment", "at any time", "at any point", "at some point", "at some time", "at once", "ever", "momentarily", "peak"}
)
"""Words that ask for a single moment instead of a mean."""
_RAN = frozenset({"ran", "run", "running", "lasted", "lasting", "took", "ran for"})
"""Words with which a time limit is about how long a job ran, whatever else is named."""
_READINGS = ("sample", "reading", "measurement")
_AT_SOME_POINT = frozenset({"at some point", "at any point", "at any moment", "at any time", "at some time", "ever", "once"})
"""A limit that was met at some point is about the extreme reading, not about the mean."""
_WHERE = frozenset({"where", "while", "when", "whenever", "with", "whose", "if", "at", "only"})
"""Words behind which a limit is about the readings that count."""
_NEAR_OPENING = 4
NEAR = 2
"""Phrases between a number and the measure behind it."""


class Thresholds(Windows):
    """Which number is held against what."""

    def _target(self, limit: Limit) -> Named | None:
        """The measure that a threshold is about: the one right behind it, else the nearest before it, else by its unit."""
        measures = [m for m in self.draft.measures if m.words.field or m.words.recipe]
        if limit.start < 0:
            return measures[0] if measures else None
        if limit.unit and self.draft.dataset == "slurm_jobs" and self.items[limit.start - 1].text in _RAN:
            return None
        if not limit.unit and self._bare(limit):
            return None
        behind = [m for m in measures if m.position >= limit.end and m.position - limit.end <= NEAR]
        behind = [m for m in behind if not any(i.has("conjunction") for i in self.items[limit.end : m.position])]
        ahead = [m for m in measures if m.position < limit.start]
        if behind and converted(limit.value, limit.unit, behind[0].words.unit) is not None and (not ahead or not limit.unit):
            return behind[0]
        fitting = [m for m in reversed(ahead) if converted(limit.value, limit.unit, m.words.unit) is not None]
        if fitting:
            return fitting[0]
        return behind[0] if behind and converted(limit.value, limit.unit, behind[0].words.unit) is not None else None

    def _bare(self, limit: Limit) -> bool:
        """'parts with one vendor and with more than one': a number of what was named before it, not of the measure."""
        before, last = self.items[limit.start - 1] if limit.start > 0 else None, limit.end >= len(self.items)
        return last and before is not None and before.text in ("with", "have", "having", "has", "had")

    def _only_limited(self, named: Named) -> bool:
        """Whether a measure is only there for a threshold on rows: jobs that *waited* more than two hours."""
        if self.dataset.kind is not Kind.EVENT or named.aggs or not self.draft.limits:
            return False
        if not (self.draft.count_thing or self.draft.listing or self.draft.counted or self.draft.thing is not None):
            return False
        limits = [limit for limit in self.draft.limits if not limit.attribute]
        ran = bool(limits) and limits[0].unit and limits[0].start - 1 == named.position and self._target(limits[0]) is None
        return bool(limits) and (ran or self._target(limits[0]) is named)

    def _limits(self) -> None:
        for limit in self.draft.limits:
            self._limit(limit)

    def _limit(self, limit: Limit) -> None:
        if self._presence(limit):
            return
        if limit.attribute.startswith(DISTINCT):
            self._different(limit.attribute.removeprefix(DISTINCT), limit)
            return
        if limit.attribute:
            self._row_condition(limit.attribute, limit, limit.value, limit.upper)
            return
        if self._part_of(limit):
            return
        if not limit.unit and self._bare(limit) and any(m.words.unit != "1" for m in self.draft.measures):
            self.out.clarify = f"{limit.op} {limit.value:g} of what? name what there should be so many of"
            return
        named = self._target(limit)
        by_unit = named is None and bool(limit.unit)
        if by_unit:
            named = self._by_unit(limit.unit)
            if named is None:
                self.out.clarify = f"what should be {limit.op} {limit.value:g} {limit.unit}?"
                return
        if named is not None and self._together(named, limit):
            return
        if named is None or named.words.recipe or named.words.agg in ("count", "count_distinct"):
            told = converted(limit.value, limit.unit, named.words.unit) if named is not None else limit.value
            self._having(self.measures[0].name if self.measures else "", limit, limit.value if told is None else told)
            return
        value = converted(limit.value, limit.unit, named.words.unit)
        if value is None:
            self.out.clarify = f"{named.words.label} is measured in {named.words.unit}, not in {limit.unit}"
            return
        upper = converted(limit.upper, limit.unit, named.words.unit) if limit.upper is not None else None
        things = self.draft.thing is not None or bool(self.draft.qualifiers)
        rows = by_unit and things and self.dataset.kind is Kind.EVENT and not named.aggs
        if rows or self._only_limited(named) or (self.dataset.kind is Kind.EVENT and not named.aggs and not self._per_entity()):
            self._row_condition(named.words.field, limit, value, upper)
            if not self.measures or (self.measures and self.draft.thing is not None and self.draft.count_thing):
                return
            return
        self._entity_threshold(named, limit, value, upper)

    def _together(self, named: Named, limit: Limit) -> bool:
        """'drew more than 4.5 kW across their GPUs at any moment': readings of one moment are added up first."""
        total = named.words.recipe == "gpu_power_total"
        summed = named.words.unit == "W" and any(i.text in _TOGETHER for i in self.items)
        if not (summed or total) or (total and not any(i.text in _MOMENT for i in self.items)):
            return False
        value = converted(limit.value, limit.unit, "W")
        if named.words.dataset != "gpu_metrics" or value is None:
            self.out.clarify = f"{named.words.label} of several together is not compared; ask for it per GPU or rack"
            return True
        recipe = self.lexicon.recipes["gpu_power_together"]
        self.measures = [Quantity(recipe.value, recipe.label, "gpu_metrics", unit="W", recipe="gpu_power_together")]
        self._having(recipe.value, limit, value)
        return True

    def _different(self, name: str, limit: Limit) -> None:
        """'switches with more than one firmware version': different values of a field within each."""
        where = self.measures[0].where if self._is_plain_count() else ""
        label = next((d.label for d in self.lexicon.dimensions.values() if name in d.fields and d.label), name)
        self.measures = [Quantity(f"{name}_values", f"different {label}s", self.draft.dataset, "count_distinct", name, where)]
        if not (self.draft.by or self.draft.counted) and self.draft.thing is not None and self.dataset.kind is not Kind.EVENT:
            self.draft.by = [k for k in self.draft.thing[1].key if k in self.reach]
        if name in self.draft.by or not (self.draft.by or self.draft.counted):
            self.out.clarify = (
                f"which things should have {limit.op} {limit.value:g} {label}s? name them, for example nodes or switches"
            )
            return
        self.draft.count_thing, self.draft.thing = False, None
        self.having.append(Threshold(f"{name}_values", limit.op or ">=", limit.value))  # type: ignore[arg-type]

    def _part_of(self, limit: Limit) -> bool:
        """'less than 10 % of their time limit': a row's own value against another field of the row."""
        of = limit.unit == "%" and any(i.text.split()[-1] == "of" for i in self.items[limit.end - 1 : limit.end + 1])
        whole = next((m for m in self.draft.measures if of and 0 <= m.position - limit.end <= NEAR + 1), None)
        if whole is None or self.dataset.kind is not Kind.EVENT or not whole.words.field:
            return False
        first = next(
            (m for m in self.draft.measures if m is not whole and m.words.field and m.words.unit == whole.words.unit), None
        )
        own = first.words.field if first is not None else self._thing()[1].duration
        if not own or self.dataset.fields[own].unit != whole.words.unit or limit.op not in ("<", "<=", ">", ">="):
            self.out.clarify = f"what should be {limit.op} {limit.value:g} % of {whole.words.label}?"
            return True
        text = f"{own} {limit.op} {limit.value / 100!r} * {whole.words.field}"
        self.filters.append(Condition("", "expr", (text,), f"{own} {limit.op} {limit.value:g} % of {whole.words.label}"))
        name, thing = self._thing()
        qualifiers = [(q, no) for _, q, no, _ in self.draft.qualifiers]
        self.measures = [count_of_thing(name, thing, qualifiers, self.lexicon)]
        self.draft.share, self.part, self.draft.measures = False, [], []
        return True

    def _presence(self, limit: Limit) -> bool:
        """'at least one XID': every group of a count has at least one."""
        one = (limit.op, limit.value) in ((">=", 1.0), (">", 0.0)) and not limit.unit and not limit.attribute
        counted = bool(self.draft.counted or self.draft.by) and all(
            m.words.agg in ("count", "count_distinct") or (m.words.recipe and m.words.unit == "1") for m in self.draft.measures
        )
        return one and counted and (self.dataset.kind is Kind.EVENT or not self.draft.measures)

    def _per_entity(self) -> bool:
        return bool(self.draft.by) and self.draft.by[0] not in self.dataset.grain

    def _by_unit(self, unit: str) -> Named | None:
        """The measure of the dataset that carries a unit, where the question names none: jobs longer than 24 hours."""
        name = BY_UNIT.get(unit, {}).get(self.draft.dataset)
        if name is None:
            named = [
                (key, m)
                for key, m in self.lexicon.measures.items()
                if m.dataset == self.draft.dataset and m.unit == unit and m.field
            ]
            return Named(named[0][0], named[0][1]) if len(named) == 1 else None
        spec = self.dataset.fields[name]
        words = self.lexicon.fields.get(f"{self.draft.dataset}.{name}")
        made = MeasureWords(
            dataset=self.draft.dataset,
            words=(),
            label=words.label if words else spec.description,
            field=name,
            unit=spec.unit,
            agg=(words.agg if words else "") or "avg",
            above=words.above if words else "",
            below=words.below if words else "",
            entity=words.entity if words else (),
            better=words.better if words else "neither",
        )
        self.out.defaults.append(f"taken as {made.label}")
        aggs, self.draft.aggs = [a for a, _ in self.draft.aggs], []
        return Named(f"{self.draft.dataset}.{name}", made, aggs)

    def _share_within_limit(self) -> bool:
        """'share of failed jobs that waited less than 5 minutes': the limit is the part, unless a condition stands behind it."""
        rows = [limit for limit in self.draft.limits if limit.attribute or self._of_rows(limit)]
        if not self.draft.share or not rows or self.dataset.kind is not Kind.EVENT or self.draft.counted:
            return False
        return all(at < rows[-1].start for _, _, _, at in self.draft.qualifiers)

    def _of_rows(self, limit: Limit) -> bool:
        """Whether a limit without a named field is about a field that single rows have."""
        named = self._target(limit)
        return self._only_limited(named) if named is not None else bool(limit.unit and limit.unit != "%")

    def _row_condition(self, name: str, limit: Limit, value: float, upper: float | None) -> None:
        """One more condition on rows; of a share, the part where it is the last that is said."""
        if not self._share_within_limit():
            self.filters.append(self._held(name, limit, value, upper))
        elif not self.part or all(c.op != "expr" for c in self.part):
            self.part.append(self._held(name, limit, value, upper))

    @staticmethod
    def _held(name: str, limit: Limit, value: float, upper: float | None) -> Condition:
        """A limit as a condition on one field."""
        if limit.op in ("between", "outside"):
            ends = (value, upper if upper is not None else value)
            return Condition(name, cast(Operator, limit.op), ends, f"{name} {limit.op} {value:g} and {ends[1]:g}")
        if limit.op == "=":
            return Condition(name, "in", (value,), f"{name} = {value:g}")
        return Condition(name, cast(Operator, limit.op or ">="), (value,), f"{name} {limit.op} {value:g}")

    def _having(self, column: str, limit: Limit, value: float) -> None:
        first = self.measures[0] if self.measures else None
        if first is not None and first.agg == "count_distinct" and first.field in (self.draft.by or self.draft.counted):
            self.out.clarify = (
                f"how often each was so is not counted for {first.label}; ask for remediations, tickets or health checks"
            )
            return
        if limit.op in ("between", "outside"):
            self.having += [Threshold(column, ">=", value, limit.unit), Threshold(column, "<=", limit.upper or value, limit.unit)]
        else:
            self.having.append(Threshold(column, limit.op or ">=", value, limit.unit))  # type: ignore[arg-type]

    def _entity_threshold(self, named: Named, limit: Limit, value: float, upper: float | None) -> None:
        """A threshold on a metric: per entity, on the highest, lowest or average reading of the window."""
        words = named.words
        if self._of_other_readings(named, limit) or self._first_seen(named, limit):
            self._row_condition(words.field, limit, value, upper)
            self.filters += [Condition("", "expr", (words.where,), words.label)] if words.where else []
            return
        readings = any(i.text.startswith(_READINGS) for i in self.items)
        if self.draft.share and not readings and self.draft.counted and self.draft.counted[0] in OF_ALL:
            self.draft.share, self.draft.denominator = False, OF_ALL[self.draft.counted[0]]
            self.filters, self.part = list(self.draft.filters), []
        elif readings and self._counts_readings() and not words.recipe:
            self._share_of_readings(words, limit, value, upper)
            first = replace(
                self.measures[0], name="readings_met", where=all_of([self.measures[0].where, *map(condition_text, self.part)])
            )
            self.measures, self.part, self.draft.count_thing = (
                [replace(first, label=f"{first.label} {limit.op} {value:g}")],
                [],
                False,
            )
            return
        elif self.draft.share and not words.recipe:
            self._share_of_readings(words, limit, value, upper)
            return
        agg = ""
        if not named.aggs and words.agg not in ("increase", "rate"):
            moment = any(i.text in _AT_SOME_POINT for i in self.items)
            side = ("max" if limit.op in (">", ">=") else "min") if moment and words.agg == "avg" else ""
            side = side or {">": words.above, ">=": words.above, "<": words.below, "<=": words.below}.get(limit.op, "")
            agg = side or words.agg
            named = Named(named.name, words, [agg])
        made = quantities(named, self.lexicon)[0]
        existing = next((q for q in self.measures if q.field == made.field and q.dataset == made.dataset), None)
        if existing is not None:
            self.measures[self.measures.index(existing)] = made
        elif not any(q.field for q in self.measures) or self._is_plain_count():
            self.measures = [made]
        else:
            self.measures.append(made)
        if limit.op in ("outside", "between"):
            self.measures = [q for q in self.measures if q.field != words.field]
            self._time_outside(words, value, upper or value, limit.op)
            return
        self._having(made.name, Limit(limit.op, value, "", -1, -1, upper), value)
        if agg and agg in ("max", "min"):
            self.out.defaults.append(f"compared with the {'highest' if agg == 'max' else 'lowest'} reading of each in the window")
        elif agg:
            self.out.defaults.append(f"compared with the {agg} of each over the window")
        entity = tuple(e for e in words.entity if e in self.reach)
        if (self.draft.count_thing or self.draft.count_measure) and not self.draft.counted and entity:
            self.draft.counted = entity
        elif entity and self.draft.thing is not None and self._per_place(entity):
            self.draft.counted, self.draft.listing = entity, False
        elif not self.draft.by and not self.draft.counted and entity:
            self.draft.by = list(entity)
            self.draft.listing = True

    def _of_other_readings(self, named: Named, limit: Limit) -> bool:
        """'mean clock where utilization is above 90 %': a limit on the readings of which another measure is told."""
        others = [m for m in self.draft.measures if m is not named and m.words.field and not m.words.recipe]
        if not others or named.aggs or self.draft.share or self.draft.counted or set(self.draft.by) & set(named.words.entity):
            return False
        start = min(limit.start, named.position)
        opens = [n for n in range(max(0, start - _NEAR_OPENING), start) if self.items[n].text in _WHERE]
        if not opens or others[0].position > start:
            return False
        self.measures = [q for m in others for q in quantities(m, self.lexicon)]
        self.draft.measures.remove(named)
        return True

    def _first_seen(self, named: Named, limit: Limit) -> bool:
        """'input under 100 V: node, first time': when the first (or last) reading was so, of each thing that had one."""
        ends = [s.name for i in self.items for s in i.senses if s.role == "agg" and s.name in ("last", "first")]
        entity = [e for e in named.words.entity if e in self.reach]
        alone = len(self.draft.measures) <= 1 and not (self.draft.share or self.draft.counted or self.draft.bucket)
        if (
            not (ends or self.draft.when)
            or not alone
            or not entity
            or not self.dataset.time
            or set(named.aggs) - {"first", "last"}
        ):
            return False
        end = next(iter(ends), "first")
        label = f"{end} time {named.words.label} {limit.op} {limit.value:g}"
        agg = "min" if end == "first" else "max"
        self.measures = [Quantity(f"{end}_at", label, self.draft.dataset, agg, self.dataset.time, unit="")]
        self.draft.by = list(dict.fromkeys([*self.draft.by, *entity]))
        self.draft.measures, self.draft.listing, self.draft.count_thing = [], False, False
        self.draft.aggs = []
        return True

    def _per_place(self, entity: tuple[str, ...]) -> bool:
        """'fans below 3000 rpm, per cluster': so many of each cluster, not the clusters with one."""
        draft = self.draft
        told = draft.by and set(draft.by) <= set(draft.grouped) and not set(draft.by) & set(entity)
        return bool(told and not draft.counted and not draft.rank and not draft.head)

    def _counts_readings(self) -> bool:
        """'how many readings were below …': the readings themselves are counted, not the things they come from."""
        behind = [self.items[n + 1] for n, i in enumerate(self.items[:-1]) if i.has("count")]
        return any(i.text.startswith(_READINGS) for i in behind)

    def _share_of_readings(self, words: MeasureWords, limit: Limit, value: float, upper: float | None) -> None:
        """'what share of samples was below 5 %': readings that are so over all readings; a share of things is asked back."""
        if not any(i.text.startswith(_READINGS) for i in self.items):
            self.out.clarify = (
                f"a share of readings of {words.label}, or of the things they come from? ask for 'share of readings'"
            )
            return
        if self.draft.share and (self.draft.aggs or any(m.aggs for m in self.draft.measures)):
            self.out.clarify = "a share and a level at once are not told; ask for one after the other"
            return
        kept = list(self.draft.filters)
        self.filters = []
        self._row_condition(words.field, limit, value, upper)
        self.part, self.filters = self.filters, kept
        known = all_of([words.where, f"{words.field} is not null"])
        self.measures = [Quantity("readings", f"readings of {words.label}", self.draft.dataset, "count", "", known)]
        self.draft.measures, self.draft.limits, self.draft.counted = [], [], ()

    def _time_outside(self, words: MeasureWords, low: float, high: float, op: str) -> None:
        """How long a reading was outside (or inside) a range, and how far."""
        hours = (self.dataset.cadence or timedelta(minutes=5)).total_seconds() / 3600
        plain = Quantity("", "", self.draft.dataset, field=words.field, unit=words.unit, better=words.better)
        told = f"readings {op} {low:g}-{high:g}, each counted for {hours * 60:g} minutes"
        self.measures = [
            replace(
                plain,
                name="hours",
                label=f"hours with {words.label} {op} {low:g}-{high:g}",
                agg="sum",
                field=f"{hours!r} + 0 * {words.field}",
                unit="h",
                definition=told,
            ),
            replace(plain, name="lowest", label=f"lowest {words.label}", agg="min"),
            replace(plain, name="highest", label=f"highest {words.label}", agg="max"),
        ]
        self.filters.append(Condition(words.field, cast(Operator, op), (low, high), f"{words.label} {op} {low:g}-{high:g}"))
        if not self.draft.by and not self.draft.counted and words.entity:
            self.draft.by = [e for e in words.entity if e in self.reach]
            self.draft.listing = True

    def _is_plain_count(self) -> bool:
        return len(self.measures) == 1 and self.measures[0].agg in ("count", "count_distinct")
