"""From a draft to a scope: counts, thresholds, defaults, rankings by rate, the kind of answer."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from llo11ypop.catalog import Catalog
from llo11ypop.catalog.models import Kind
from llo11ypop.language.compose import STATE_FIELDS
from llo11ypop.language.draft import Draft, Limit, Named
from llo11ypop.language.intent import Intent
from llo11ypop.language.lexicon import Lexicon, MeasureWords, Thing
from llo11ypop.language.quantities import converted, count_of_thing, negated, quantities, slug
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Condition, Period, Quantity, Scope, Threshold
from llo11ypop.language.spot import BY_UNIT, Item
from llo11ypop.language.times import EVERYTHING_D, Times, before, trailing

DEFAULT_WINDOW = timedelta(days=7)
"""A question that names no time is about the last seven days (our assumption; always said)."""
_OPTIONAL = {"facility_env": ("rack",), "gpu_events": ("gpu_uuid",), "tickets": ("node_id",), "k8s_events": ("node_id",), "fs_metrics": ("node_id",),
             "remediations": ("gpu_uuid",), "slurm_jobs": ("failed_node", "run_id"), "slurm_job_nodes": ("run_id",)}  # fmt: skip
"""Fields that are empty in rows that are not about such a thing."""
_PLACES = frozenset(
    {
        "cluster",
        "site",
        "provider",
        "region",
        "continent",
        "zone",
        "room",
        "row",
        "rack",
        "gpu_model",
        "vendor",
        "cooling",
        "batch",
        "driver",
    }
)
"""Groups of unequal size, so that the worst of them is the one with the highest rate."""


@dataclass
class Settled:
    """A scope and what must be said with it."""

    scope: Scope
    defaults: list[str] = field(default_factory=list)
    definition: str = ""
    chart: bool = False
    clarify: str = ""
    leftover: list[int] = field(default_factory=list)
    """Item positions that were not used after all."""
    missing: list[str] = field(default_factory=list)


class Settler:
    """Turns one draft into a scope."""

    def __init__(self, draft: Draft, items: list[Item], times: Times, at: datetime, catalog: Catalog, lexicon: Lexicon) -> None:
        self.draft = draft
        self.items = items
        self.times = times
        self.at = at
        self.catalog = catalog
        self.lexicon = lexicon
        self.dataset = catalog.datasets[draft.dataset]
        self.reach = reachable(catalog, draft.dataset)
        self.out = Settled(Scope(Intent.VALUE))
        self.measures: list[Quantity] = []
        self.filters = list(draft.filters)
        self.having: list[Threshold] = []
        self.part: list[Condition] = []
        self.count_of = ""
        self.fields: tuple[str, ...] = ()
        self.latest = False

    def settle(self) -> Settled:
        """The scope; `clarify` is set where no sensible default exists."""
        draft = self.draft
        self._normal()
        self._duration()
        self._things()
        self._limits()
        self._vague()
        if self.out.clarify:
            return self.out
        window, compare = self._periods()
        self._counted()
        per = self._per()
        self._listing(window)
        self._rates_and_shares()
        desc = self._desc()
        bucket = self._bucket(window)
        scope = Scope(
            intent=self._intent(bucket, compare),
            measures=tuple(self.measures), by=tuple(draft.by), bucket=bucket, filters=tuple(self.filters), window=window, compare=compare,  # type: ignore[arg-type]
            top=self._top(), desc=desc, ordered=bool(draft.rank), having=tuple(self.having), per=per, share=draft.share, part=tuple(self.part),
            count_of=self.count_of, fields=self.fields, dataset=draft.dataset, entities=(("planned", "excluded"),) if draft.planned else (),
        )  # fmt: skip
        scope = self._named_only(scope)
        self.out.scope = scope
        if draft.planned:
            self.out.defaults.append("hours inside maintenance windows are left out")
        self.out.definition = "; ".join(dict.fromkeys(q.definition for q in self.measures if q.definition))
        self.out.chart = draft.chart or draft.trend or bool(bucket)
        return self.out

    def _named_only(self, scope: Scope) -> Scope:
        """Groups without a name are left out where the group is a thing: rows of row units have no rack."""
        extra = [Condition(b, "not in", ("",), "") for b in scope.by if b in _OPTIONAL.get(scope.dataset, ())]
        return replace(scope, filters=(*scope.filters, *extra)) if extra else scope

    # what is measured ------------------------------------------------------------------------------------------------------------

    def _normal(self) -> None:
        """'exceeded the normal range': declared limits with their source."""
        if not self.draft.normal:
            return
        named = next((m for m in self.draft.measures if m.words.field), None)
        key = (
            f"{self.draft.dataset}.{named.words.field}"
            if named is not None
            else {"facility_env": "facility_env.inlet_c"}.get(self.draft.dataset, "gpu_metrics.gpu_temp_c")
        )
        normal = next((n for n in self.lexicon.normal.values() if n.field == key), None)
        if normal is None:
            self.out.clarify = "which range do you mean? no normal range is declared for that; say for example 'above 90'"
            return
        self.out.defaults.append(f"normal range: {_range(normal.low, normal.high)} ({normal.source})")
        if normal.measure and (self.draft.counted or not self.draft.by):
            words = self.lexicon.measures[normal.measure]
            self.draft.measures = [Named(normal.measure, words)]
            self.draft.counted, self.draft.limits = (), []
            return
        if normal.low is not None and normal.high is not None:
            limit = Limit("outside", normal.low, "", -1, -1, normal.high)
        else:
            limit = Limit(">", normal.high or 0.0, "", -1, -1)
        self.draft.limits.append(limit)
        if named is None:
            sense = self.lexicon.fields["gpu_metrics.gpu_temp_c"]
            self.draft.measures.append(Named(key, MeasureWords(dataset="gpu_metrics", words=(), label=sense.label, field="gpu_temp_c", unit="Cel",
                                                               better="lower", above="max", below="min", entity=("gpu_uuid", "node_id"))))  # fmt: skip

    def _thing(self) -> tuple[str, Thing]:
        """What is counted: the thing that is named, the one that a condition belongs to, or the first of the dataset."""
        if self.draft.thing is not None:
            return self.draft.thing
        if self.draft.qualifiers:
            name = self.draft.qualifiers[0][0].split(".")[0]
            return name, self.lexicon.things[name]
        for name, thing in self.lexicon.things.items():
            if thing.dataset == self.draft.dataset:
                return name, thing
        key = self.dataset.grain
        return "row", Thing(
            dataset=self.draft.dataset, noun=self.dataset.description.split(",")[0].split(".")[0].lower(), key=key
        )

    def _things(self) -> None:
        """Quantities from measures, or a count of things; conditions that do not belong to the count become filters."""
        draft = self.draft
        name, thing = self._thing()
        if draft.compare and len(draft.qualifiers) >= 2 and self._opposed(name, thing):
            return
        own = [(q, no) for key, q, no, _ in draft.qualifiers]
        numeric = [m for m in draft.measures if not self._only_limited(m)]
        self._ranked(thing, numeric)
        if numeric and not draft.count_thing:
            for named in numeric:
                self.measures += quantities(named, self.lexicon)
            for q, no in own:
                self._condition(q.where, no, q.label)
            if draft.share and draft.filters and not draft.by and not draft.bucket and not self.measures[0].recipe:
                late = [f for f, at in zip(draft.filters, draft.filter_at, strict=False) if at > numeric[0].position]
                self.part, self.filters = late, [f for f in self.filters if f not in late]
            if draft.thing is not None and draft.thing[1].where and draft.thing[1].dataset == draft.dataset:
                self._condition(draft.thing[1].where, False, "")
        elif draft.share and len(own) + len(draft.filters) > 0 and not draft.by and not draft.bucket:
            self._share_parts(name, thing)
        else:
            self.measures = [count_of_thing(name, thing, own, self.lexicon)]
        self.out.missing = [m.words.proxy for m in draft.measures if m.words.proxy]

    def _duration(self) -> None:
        """'how long do checkpoints take': the duration of the thing."""
        thing = self.draft.thing
        if thing is None or self.draft.measures or not thing[1].duration or not any(i.text in ("how long", "long") for i in self.items):
            return
        name = f"{thing[1].dataset}.{thing[1].duration}"
        spec, words = self.dataset.fields[thing[1].duration], self.lexicon.fields[name]
        made = MeasureWords(dataset=thing[1].dataset, words=(), label=words.label, field=thing[1].duration, unit=spec.unit, agg=words.agg or "avg", better=words.better)
        self.draft.measures.append(Named(name, made, [a for a, _ in self.draft.aggs]))
        self.draft.aggs = []

    def _vague(self) -> None:
        """Ask back where a ranking or an average names nothing to rank or average."""
        draft = self.draft
        if self.out.clarify or draft.measures or self.having or self.filters and draft.limits:
            return
        named = draft.thing is not None or draft.qualifiers or draft.count_thing
        if draft.rank and not named and not draft.counted:
            what = " and ".join(draft.dims) or "that"
            self.out.clarify = f"{draft.rank} {what} by which measure? for example GPU temperature, failed jobs, XIDs, availability"
        left = [a for a, _ in draft.aggs if a not in ("sum", "last")]
        if left and not draft.bucket and not draft.denominator and not draft.counted:
            self.out.clarify = f"the {left[0]} of what? name a measure, for example queue wait, run time, GPU temperature"

    def _opposed(self, name: str, thing: Thing) -> bool:
        """'failed jobs vs completed jobs': the same measure once under each condition."""
        draft = self.draft
        chosen = [(q, no) for _, q, no, _ in draft.qualifiers]
        if any(no for _, no in chosen):
            return False
        for q, _ in chosen:
            counted = count_of_thing(name, thing.model_copy(update={"recipe": ""}), [(q, False)], self.lexicon)
            if draft.measures:
                for made in quantities(draft.measures[0], self.lexicon):
                    if made.recipe:
                        return False
                    where = " and ".join(f"({w})" for w in (made.where, q.where) if w)
                    self.measures.append(
                        replace(
                            made,
                            name=f"{made.name}_{slug(q.label)}",
                            label=f"{made.label} of {q.label} {thing.noun}",
                            where=where,
                        )
                    )
            else:
                self.measures.append(replace(counted, name=slug(f"{q.label} {thing.noun}")))
        draft.compare = False
        return True

    def _ranked(self, thing: Thing, numeric: list[Named]) -> None:
        """'top 10 jobs by GPU-hours' groups by job; 'highest utilization per cluster' is about averages, 'highest temperature' is not."""
        draft = self.draft
        if (
            thing.key
            and not draft.by
            and not draft.count_thing
            and numeric
            and (draft.each_thing or (numeric[0].words.rank and draft.thing is not None))
        ):
            draft.by = (
                [k for k in thing.key[:1] if k in self.reach]
                if self.dataset.kind is Kind.EVENT
                else [k for k in thing.key if k in self.reach]
            )
        for named in numeric:
            if named.loose and named.words.agg == "last":
                named.aggs = []
            if (
                named.loose
                and draft.by
                and self.dataset.kind is Kind.METRIC
                and named.words.agg == "avg"
                and not named.words.above
                and len(named.aggs) == 1
            ):
                named.aggs = []

    def _condition(self, where: str, no: bool, label: str) -> None:
        text = negated(where) if no else where
        self.filters.append(Condition("", "expr", (text,), f"not {label}" if no else label))

    def _only_limited(self, named: Named) -> bool:
        """Whether a measure is only there for a threshold on rows: jobs that *waited* more than two hours."""
        if self.dataset.kind is not Kind.EVENT or named.aggs or not self.draft.limits:
            return False
        if not (self.draft.count_thing or self.draft.listing or self.draft.counted or self.draft.thing is not None):
            return False
        return self._target(self.draft.limits[0]) is named

    def _share_parts(self, name: str, thing: Thing) -> None:
        """'what share of failed jobs were out of memory': the whole stands before the verb, the part behind it."""
        draft = self.draft
        ordered = sorted(draft.qualifiers, key=lambda q: q[3])
        verb = next(
            (n for n, i in enumerate(self.items) if n > draft.share_at and i.text.split()[0] in _VERBS and n > 0), len(self.items)
        )
        whole = [q for q in ordered if q[3] < verb and len(ordered) + len(draft.filters) > 1]
        parts = [q for q in ordered if q not in whole]
        if not parts and not draft.filters and whole:
            parts, whole = [whole[-1]], whole[:-1]
        kept: list[Condition] = []
        for condition, position in zip(draft.filters, draft.filter_at, strict=False):
            if (not parts and position > verb) or (not ordered and position > draft.share_at and verb < position):
                self.part.append(condition)
            else:
                kept.append(condition)
        if not parts and not self.part and kept:
            self.part, kept = [kept.pop()], kept
        self.filters = kept
        self.part += [Condition("", "expr", (negated(q.where) if no else q.where,), q.label) for _, q, no, _ in parts]
        self.measures = [count_of_thing(name, thing, [(q, no) for _, q, no, _ in whole], self.lexicon)]
        if self.measures[0].recipe:
            plain = thing.model_copy(update={"recipe": ""})
            self.measures = [count_of_thing(name, plain, [(q, no) for _, q, no, _ in whole], self.lexicon)]
        if [key for key, *_ in parts] == ["job.failed"] and not self.part[1:] and not whole:
            self.part = []
            self.measures = quantities(Named("failure_rate", self.lexicon.measures["failure_rate"]), self.lexicon)
        definitions = [q.definition for _, q, _, _ in parts if q.definition]
        if definitions:
            self.out.defaults += definitions

    # thresholds ------------------------------------------------------------------------------------------------------------------

    def _target(self, limit: Limit) -> Named | None:
        """The measure that a threshold is about: the one right behind it, else the nearest before it, else by its unit."""
        measures = [m for m in self.draft.measures if m.words.field or m.words.recipe]
        if limit.start < 0:
            return measures[0] if measures else None
        behind = [m for m in measures if m.position >= limit.end and m.position - limit.end <= 2]
        ahead = [m for m in measures if m.position < limit.start]
        if behind and converted(limit.value, limit.unit, behind[0].words.unit) is not None and (not ahead or not limit.unit):
            return behind[0]
        fitting = [m for m in reversed(ahead) if converted(limit.value, limit.unit, m.words.unit) is not None]
        if fitting:
            return fitting[0]
        return behind[0] if behind and converted(limit.value, limit.unit, behind[0].words.unit) is not None else None

    def _limits(self) -> None:
        for limit in self.draft.limits:
            self._limit(limit)

    def _limit(self, limit: Limit) -> None:
        if limit.attribute:
            self._row_condition(limit.attribute, limit, limit.value, limit.upper)
            return
        named = self._target(limit)
        if named is None and limit.unit:
            named = self._by_unit(limit.unit)
            if named is None:
                self.out.clarify = f"what should be {limit.op} {limit.value:g} {limit.unit}?"
                return
        if named is None or named.words.recipe or named.words.agg in ("count", "count_distinct"):
            self._having(self.measures[0].name if self.measures else "", limit, limit.value)
            return
        value = converted(limit.value, limit.unit, named.words.unit)
        if value is None:
            self.out.clarify = f"{named.words.label} is measured in {named.words.unit}, not in {limit.unit}"
            return
        upper = converted(limit.upper, limit.unit, named.words.unit) if limit.upper is not None else None
        if self._only_limited(named) or (self.dataset.kind is Kind.EVENT and not named.aggs and not self._per_entity()):
            self._row_condition(named.words.field, limit, value, upper)
            if not self.measures or (self.measures and self.draft.thing is not None and self.draft.count_thing):
                return
            return
        self._entity_threshold(named, limit, value, upper)

    def _per_entity(self) -> bool:
        return bool(self.draft.by) and self.draft.by[0] not in self.dataset.grain

    def _by_unit(self, unit: str) -> Named | None:
        """The measure of the dataset that carries a unit, where the question names none: jobs longer than 24 hours."""
        name = BY_UNIT.get(unit, {}).get(self.draft.dataset)
        if name is None:
            return None
        spec = self.dataset.fields[name]
        words = self.lexicon.fields.get(f"{self.draft.dataset}.{name}")
        made = MeasureWords(dataset=self.draft.dataset, words=(), label=words.label if words else spec.description, field=name, unit=spec.unit,
                            agg=(words.agg if words else "") or "avg", above=words.above if words else "", below=words.below if words else "",
                            entity=words.entity if words else (), better=words.better if words else "neither")  # fmt: skip
        self.out.defaults.append(f"taken as {made.label}")
        aggs, self.draft.aggs = [a for a, _ in self.draft.aggs], []
        return Named(f"{self.draft.dataset}.{name}", made, aggs)

    def _row_condition(self, name: str, limit: Limit, value: float, upper: float | None) -> None:
        if limit.op in ("between", "outside"):
            self.filters.append(
                Condition(
                    name, limit.op, (value, upper if upper is not None else value), f"{name} {limit.op} {value:g} and {upper:g}"
                )
            )  # type: ignore[arg-type]
        elif limit.op == "=":
            self.filters.append(Condition(name, "in", (value,), f"{name} = {value:g}"))
        else:
            self.filters.append(Condition(name, limit.op or ">=", (value,), f"{name} {limit.op} {value:g}"))  # type: ignore[arg-type]

    def _having(self, column: str, limit: Limit, value: float) -> None:
        first = self.measures[0] if self.measures else None
        if first is not None and first.agg == "count_distinct" and first.field in (self.draft.by or self.draft.counted):
            self.out.clarify = f"how often each was so is not counted for {first.label}; ask for remediations, tickets or health checks"
            return
        if limit.op in ("between", "outside"):
            self.having += [Threshold(column, ">=", value, limit.unit), Threshold(column, "<=", limit.upper or value, limit.unit)]
        else:
            self.having.append(Threshold(column, limit.op or ">=", value, limit.unit))  # type: ignore[arg-type]

    def _entity_threshold(self, named: Named, limit: Limit, value: float, upper: float | None) -> None:
        """A threshold on a metric: per entity, on the highest, lowest or average reading of the window."""
        words = named.words
        agg = ""
        if not named.aggs and words.agg not in ("increase", "rate"):
            side = words.above if limit.op in (">", ">=") else words.below if limit.op in ("<", "<=") else ""
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
        if not self.draft.by and not self.draft.counted and words.entity:
            self.draft.by = [e for e in words.entity if e in self.reach]
            self.draft.listing = True

    def _time_outside(self, words: MeasureWords, low: float, high: float, op: str) -> None:
        """How long a reading was outside (or inside) a range, and how far."""
        hours = (self.dataset.cadence or timedelta(minutes=5)).total_seconds() / 3600
        shared = {"dataset": self.draft.dataset, "better": words.better}
        self.measures = [
            Quantity("hours", f"hours with {words.label} {op} {low:g}-{high:g}", agg="sum", field=f"{hours!r} + 0 * {words.field}", unit="h",
                     definition=f"readings {op} {low:g}-{high:g}, each counted for {hours * 60:g} minutes", **shared),  # type: ignore[arg-type]
            Quantity("lowest", f"lowest {words.label}", agg="min", field=words.field, unit=words.unit, **shared),  # type: ignore[arg-type]
            Quantity("highest", f"highest {words.label}", agg="max", field=words.field, unit=words.unit, **shared),  # type: ignore[arg-type]
        ]  # fmt: skip
        self.filters.append(Condition(words.field, op, (low, high), f"{words.label} {op} {low:g}-{high:g}"))  # type: ignore[arg-type]
        if not self.draft.by and not self.draft.counted and words.entity:
            self.draft.by = [e for e in words.entity if e in self.reach]
            self.draft.listing = True

    def _is_plain_count(self) -> bool:
        return len(self.measures) == 1 and self.measures[0].agg in ("count", "count_distinct")

    # who is counted and listed ---------------------------------------------------------------------------------------------------

    def _counted(self) -> None:
        """'how many nodes …': distinct nodes among the rows, or nodes whose measure meets the threshold."""
        draft = self.draft
        if draft.having or self.having:
            if draft.counted:
                self.count_of = ",".join(draft.counted)
                draft.listing = False
            elif not draft.by:
                self._entity_of_having()
            return
        if draft.counted and self.measures and not draft.count_thing:
            first = self.measures[0]
            if first.recipe:
                if first.recipe == "xid_dedup":
                    self._distinct(first)
                return
            if first.agg in ("count", "sum", "count_distinct", "increase") and not any(m.words.field for m in draft.measures):
                self._distinct(first)
            elif first.agg == "increase":
                self.having.append(Threshold(first.name, ">", 0.0))
                self.count_of = ",".join(draft.counted)

    def _distinct(self, first: Quantity) -> None:
        field_name = self.draft.counted[0]
        label = self.draft.counted_label
        if first.dataset == "inventory_nodes" and field_name == "gpu_uuid":
            return
        where = first.where
        if field_name in ("user", "account", "node_id", "gpu_uuid", "run_id", "technician_id") and not where:
            where = f"{field_name} != ''"
        noun = {"gpu": "GPUs"}.get(label, f"{label.replace('_', ' ')}s")
        told = "" if first.label == noun else f" ({first.label})"
        self.measures = [Quantity(f"{label}s", f"{noun}{told}" if told else noun, first.dataset, "count_distinct", field_name, where, unit="1",
                                  better=first.better, definition=first.definition)]  # fmt: skip

    def _entity_of_having(self) -> None:
        """A threshold without a group: the things themselves are grouped."""
        _, thing = self._thing()
        key = [k for k in thing.key if k in self.reach]
        if key and self.dataset.kind is not Kind.EVENT:
            self.draft.by = key
            self.draft.listing = True
        elif not self.draft.by:
            self.out.clarify = "per what should it be compared? for example 'nodes with more than 5 …'"

    def _listing(self, window: Period | None) -> None:
        """Rows instead of numbers; or the latest state where the question is about now."""
        draft = self.draft
        name, thing = self._thing()
        first = self.measures[0] if self.measures else None
        counts = (
            first is not None
            and first.agg in ("count", "count_distinct", "sum")
            and not draft.measures
            and not first.recipe.startswith("gauge")
        )
        states = {f for f in draft.by if f in self.dataset.fields and f in STATE_FIELDS}
        state = (
            any(q.state for _, q, _, _ in draft.qualifiers)
            or (self.dataset.kind is Kind.STATE
            and (bool(draft.qualifiers) or bool(states)))
        )
        now = (
            (self.times.now or (window is not None and window.defaulted))
            and not draft.bucket
            and not draft.trend
            and not draft.chart
            and not self.having
        )
        if self.part and first is not None and now and self.dataset.kind in (Kind.METRIC, Kind.STATE) and first.agg == "count_distinct" and not draft.measures:
            self.measures = [replace(first, agg="latest")]
            self.out.defaults.append("as of the latest reading")
            return
        if counts and first is not None and state and now and self.dataset.kind in (Kind.METRIC, Kind.STATE):
            self.latest = True
            self.measures = [
                Quantity(
                    first.name,
                    first.label,
                    first.dataset,
                    "latest",
                    first.field or "",
                    first.where,
                    unit="1",
                    better=first.better,
                    definition=first.definition,
                )
            ]
            if draft.counted and not first.field:
                self.measures = [
                    Quantity(
                        first.name,
                        first.label,
                        first.dataset,
                        "latest",
                        draft.counted[0],
                        first.where,
                        better=first.better,
                        definition=first.definition,
                    )
                ]
            self.out.defaults.append("as of the latest reading")
        rows = (
            draft.listing
            and not draft.count_thing
            and not draft.counted
            and counts
            and not self.having
            and not draft.rank
            and not draft.bucket
        )
        only_key = set(draft.by) <= set(thing.key) | {"node_id", "gpu_uuid"} or not draft.by
        if (
            rows
            and only_key
            and not draft.chart
            and not draft.trend
            and not draft.share
            and not draft.denominator
            and (draft.thing is not None or self.latest or self.dataset.kind in (Kind.DIMENSION,))
        ):
            columns = [c for c in thing.columns if c in self.reach]
            for own in draft.by:
                if own not in columns:
                    columns.insert(0, own)
            if columns and not (
                draft.by and draft.thing is not None and not self.latest and self.dataset.kind is not Kind.DIMENSION
            ):
                self.fields = tuple(columns)
                if first is not None and first.recipe:
                    self.measures = [
                        Quantity("rows", first.label, first.dataset, "count", "", first.where, definition=first.definition)
                    ]
                draft.by = []
        elif (
            self.dataset.kind is Kind.DIMENSION
            and draft.listing
            and draft.by
            and not draft.rank
            and not self.having
            and not draft.counted
            and not draft.count_thing
            and not draft.measures
        ):
            self.out.defaults.append("")

    # rates, shares, rankings -----------------------------------------------------------------------------------------------------

    def _per(self) -> str:
        draft = self.draft
        if draft.denominator:
            return draft.denominator
        if (
            draft.bucket
            and any(name == "avg" for name, _ in draft.aggs)
            and self.measures
            and self.measures[0].agg in ("count", "sum", "count_distinct", "increase")
            and not any(m.words.field for m in draft.measures)
        ):
            unit, draft.bucket = draft.bucket, ""
            return unit if unit in ("hour", "day", "week") else ""
        ranked = draft.rank in ("worst", "best")
        if not ranked or not draft.by or not set(draft.by) <= _PLACES or self.having or self.count_of:
            return ""
        rate_by = self._rate_by()
        if rate_by:
            label = self.lexicon.denominators[rate_by].label
            self.out.defaults.append(f"{draft.rank} = by rate ({label}), not by count, since places differ in size")
        return rate_by

    def _rate_by(self) -> str:
        named = [m.words.rate_by for m in self.draft.measures if m.words.rate_by]
        if self.draft.measures:
            return named[0] if named else ""
        return self._thing()[1].rate_by

    def _rates_and_shares(self) -> None:
        draft = self.draft
        if (
            draft.rate
            and not draft.denominator
            and self.measures
            and self.measures[0].agg in ("count", "sum")
            and not draft.bucket
        ):
            self._rate_word()
        if draft.share and not self.part and not draft.by and not draft.bucket:
            draft.share = False
            if self.measures and self.measures[0].recipe:
                shares = [n for n in self.lexicon.recipes[self.measures[0].recipe].columns if n.endswith("_pct")]
                if shares:
                    first = self.measures[0]
                    self.measures = [Quantity(shares[0], f"share: {first.label}", first.dataset, first.agg, first.field, first.where, unit="%", better=first.better,
                                              recipe=first.recipe, definition=first.definition)]  # fmt: skip
        if draft.share and self.part and draft.bucket:
            draft.share = True

    def _rate_word(self) -> None:
        """'eviction rate', 'failure rate of jobs': jobs have a rate of their own; others are per 1,000 GPUs."""
        name, thing = self._thing()
        if name == "job" and any(key == "job.failed" for key, *_ in self.draft.qualifiers):
            self.measures = quantities(Named("failure_rate", self.lexicon.measures["failure_rate"]), self.lexicon)
            return
        if name == "job" and len(self.draft.qualifiers) == 1:
            key, qualifier, no, _ = self.draft.qualifiers[0]
            self.part = [Condition("", "expr", (negated(qualifier.where) if no else qualifier.where,), qualifier.label)]
            self.measures = [count_of_thing(name, thing, [], self.lexicon)]
            self.draft.share = True
            self.out.defaults.append(f"rate = share of finished jobs that were {qualifier.label}")
            return
        if thing.rate_by:
            self.draft.denominator = thing.rate_by

    def _desc(self) -> bool:
        draft = self.draft
        better = self.measures[0].better if self.measures else "neither"
        match draft.rank:
            case "bottom":
                return False
            case "best":
                return better == "higher"
            case "worst":
                return better != "higher"
        return True

    def _top(self) -> int | None:
        draft = self.draft
        if draft.top is not None:
            return draft.top
        return 1 if draft.rank and draft.singular and draft.by and not draft.bucket else None

    # time ------------------------------------------------------------------------------------------------------------------------

    def _periods(self) -> tuple[Period | None, Period | None]:
        draft, named = self.draft, [p for _, _, p in self.times.periods]
        if self.times.tonight and draft.dataset == "technician_shifts":
            evening = self.at.replace(hour=20, minute=0, second=0, microsecond=0)
            return Period(max(self.at, evening), evening + timedelta(hours=12), "tonight (20:00-08:00 UTC)"), None
        timed = any(self.catalog.datasets[d].time for d in {draft.dataset, *(q.dataset for q in self.measures)})
        if len(named) >= 2 and (draft.compare or named[0].label != named[1].label):
            first, second = named[0], named[1]
            later, earlier = (first, second) if first.start_at >= second.start_at else (second, first)
            if earlier.end_at <= later.start_at or draft.compare:
                return later, earlier
        if named:
            window = named[0]
            if draft.compare and not self._two_groups():
                return self._against(window)
            return window, None
        if not timed and self.dataset.kind is Kind.DIMENSION:
            return None, None
        length = self._default_length()
        window = trailing(
            self.at,
            length,
            "all telemetry"
            if length.days >= EVERYTHING_D
            else f"last {length.days} days"
            if length >= timedelta(days=2)
            else f"last {round(length.total_seconds() / 3600)} hours",
            defaulted=True,
        )
        if draft.compare and not self._two_groups():
            return window, before(window, self.at)
        return window, None

    def _against(self, window: Period) -> tuple[Period, Period | None]:
        """One period and a comparison: with the last one, or before it."""
        if window.end_at < self.at and window.label.startswith(("last ", "yesterday", "the day")):
            span = window.end_at - window.start_at
            now = Period(
                window.end_at,
                self.at,
                {"yesterday": "today", "last week": "this week", "last month": "this month"}.get(window.label, "since then"),
                partial=True,
            )
            return (now, window) if self.at - window.end_at <= span else (trailing(self.at, span, "the latest"), window)
        return window, before(window, self.at)

    def _two_groups(self) -> bool:
        """Whether the comparison is between values that are both named: cluster a against b."""
        for condition in self.draft.filters:
            if condition.op == "in" and len(condition.values) >= 2 and "," in condition.words:
                if condition.field not in self.draft.by and condition.field in self.reach:
                    self.draft.by.insert(0, condition.field)
                return True
        return False

    def _default_length(self) -> timedelta:
        for named in self.draft.measures:
            if named.words.window is not None:
                return named.words.window
        if self.dataset.kind is Kind.EVENT and not self.draft.measures and any(q.state for _, q, _, _ in self.draft.qualifiers):
            return timedelta(days=EVERYTHING_D)
        if not self.draft.measures or self.draft.thing is not None:
            thing = self._thing()[1]
            if thing.window is not None and not self.draft.measures:
                return thing.window
        return DEFAULT_WINDOW

    def _bucket(self, window: Period | None) -> str:
        draft = self.draft
        if self.fields or (self.count_of and not draft.bucket):
            return ""
        wanted = draft.bucket or ("auto" if draft.trend or (draft.chart and not draft.by and not draft.share) else "")
        if not wanted or window is None or not all(self.catalog.datasets[q.dataset].time for q in self.measures):
            return ""
        if any(q.recipe and not self.lexicon.recipes[q.recipe].buckets for q in self.measures):
            if wanted != "auto":
                self.out.clarify = f"{self.measures[0].label} cannot be split over time; leave out 'by {wanted}'"
            return ""
        if wanted != "auto":
            return wanted
        length = window.end_at - window.start_at
        unit = "hour" if length <= timedelta(days=2) else "day" if length <= timedelta(days=45) else "week"
        self.out.defaults.append(f"by {unit}")
        return unit

    def _intent(self, bucket: str, compare: Period | None) -> Intent:
        if compare is not None or (self.draft.compare and self.draft.by):
            return Intent.COMPARE
        if bucket:
            return Intent.TREND
        if self.draft.share:
            return Intent.SHARE
        if self.fields or (self.draft.listing and self.draft.by):
            return Intent.LIST
        return Intent.BREAKDOWN if self.draft.by or self._dims() else Intent.VALUE

    def _dims(self) -> bool:
        return any(q.recipe and self.lexicon.recipes[q.recipe].dims for q in self.measures)


_VERBS = frozenset(
    {
        "is",
        "are",
        "was",
        "were",
        "that",
        "which",
        "ended",
        "end",
        "ends",
        "got",
        "get",
        "have",
        "had",
        "has",
        "did",
        "do",
        "came",
        "come",
        "went",
        "go",
        "belong",
        "belongs",
        "in",
        "from",
        "on",
    }
)


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"up to {high:g}" if high is not None else f"from {low:g}"
