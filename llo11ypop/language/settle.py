"""From a draft to a scope: counts, thresholds, defaults, rankings by rate, the kind of answer."""

from dataclasses import replace
from typing import cast

from llo11ypop.catalog.models import Kind
from llo11ypop.language import alternatives
from llo11ypop.language.draft import Limit, Named
from llo11ypop.language.entries import MeasureWords
from llo11ypop.language.intent import Intent
from llo11ypop.language.quantities import count_of_thing, quantities
from llo11ypop.language.records import Records
from llo11ypop.language.scope import Bucket, Condition, Period, Scope
from llo11ypop.language.settled import Settled
from llo11ypop.language.thresholds import OF_ALL

_LONG = frozenset({"longest", "shortest", "oldest", "newest", "largest", "smallest", "biggest"})
_JOINTS = frozenset({"and", "plus", "as well as"})
FIRST_FEW = 10
"""Rows where one is asked for among many: the first and those next to it."""
MANY = frozenset({"gpu_uuid", "port_id", "job_id", "node_id", "user", "serial", "src_node"})
_SLOW = {"slowest": "max", "longest": "max", "fastest": "min", "shortest": "min", "quickest": "min"}
_OPTIONAL = {
    "facility_env": ("rack",),
    "gpu_events": ("gpu_uuid",),
    "tickets": ("node_id",),
    "k8s_events": ("node_id",),
    "fs_metrics": ("node_id",),
    "remediations": ("gpu_uuid",),
    "slurm_jobs": ("failed_node", "run_id"),
    "slurm_job_nodes": ("run_id",),
}
"""Fields that are empty in rows that are not about such a thing."""


class Settler(Records):
    """Turns one draft into a scope."""

    def settle(self) -> Settled:
        """The scope; `clarify` is set where no sensible default exists."""
        draft = self.draft
        alternatives.merge(draft, self.items)
        self.filters = list(draft.filters)
        self._normal()
        self._duration()
        self._extremes()
        self._sizes()
        self._occurrence()
        self._kinds()
        self._side_by_side()
        self._things()
        self._which_ones()
        self._limits()
        self._texts()
        self._refined()
        self._vague()
        if self.out.clarify:
            return self.out
        window, compare = self._periods()
        self._none()
        self._counted()
        self._rates_and_shares()
        per = self._per()
        self._listing(window)
        window = self._as_of_now(window) if compare is None else window
        desc = self._desc()
        bucket = self._bucket(window)
        scope = Scope(
            intent=self._intent(bucket, compare),
            measures=tuple(self.measures),
            by=tuple(draft.by),
            bucket=cast(Bucket, bucket),
            filters=tuple(self.filters),
            window=window,
            compare=compare,
            top=self._top(),
            within=self._within(),
            desc=desc,
            ordered=bool(draft.rank),
            having=tuple(self.having),
            per=per,
            share=draft.share,
            part=tuple(self.part),
            count_of=self.count_of,
            fields=self.fields,
            ordered_by=self.ordered_by,
            dataset=draft.dataset,
            entities=(("planned", "excluded"),) if draft.planned else (),
        )
        self._unranked(scope)
        self.out.scope = self._named_only(scope)
        if draft.planned:
            self.out.defaults.append("hours inside maintenance windows are left out")
        self.out.definition = "; ".join(dict.fromkeys(q.definition for q in self.measures if q.definition))
        self.out.chart = draft.chart or draft.trend or bool(bucket)
        return self.out

    def _unranked(self, scope: Scope) -> None:
        """'longest pending job': a ranking of one figure ranks nothing."""
        told = scope.by or scope.bucket or scope.fields or scope.count_of or scope.share or scope.compare or self._dims()
        meant = (
            any(m.aggs or m.words.rank or m.words.fixed or m.words.recipe for m in self.draft.measures) and not self._of_things()
        )
        if self.draft.rank in ("top", "bottom", "worst") and not told and not meant and self.measures and not self.out.clarify:
            self.out.clarify = (
                f"{self.measures[0].label} are one figure here, which has no order; say for example 'by node' or 'by user'"
            )

    def _of_things(self) -> bool:
        """'longest pending job': an order of single things in front of a count of them."""
        return any(i.text in _LONG for i in self.items) and all(
            m.words.recipe and m.words.unit == "1" for m in self.draft.measures
        )

    def _named_only(self, scope: Scope) -> Scope:
        """Groups without a name are left out where the group is a thing: rows of row units have no rack."""
        extra = [Condition(b, "not in", ("",), "") for b in scope.by if b in _OPTIONAL.get(scope.dataset, ())]
        return replace(scope, filters=(*scope.filters, *extra)) if extra else scope

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
            self.draft.measures.append(
                Named(
                    key,
                    MeasureWords(
                        dataset="gpu_metrics",
                        words=(),
                        label=sense.label,
                        field="gpu_temp_c",
                        unit="Cel",
                        better="lower",
                        above="max",
                        below="min",
                        entity=("gpu_uuid", "node_id"),
                    ),
                )
            )

    def _things(self) -> None:
        """Quantities from measures, or a count of things; conditions that do not belong to the count become filters."""
        draft = self.draft
        name, thing = self._thing()
        if draft.compare and len(draft.qualifiers) > 1 and self._opposed(name, thing):
            return
        own = [(q, no) for key, q, no, _ in draft.qualifiers]
        self._counted_conditions()
        numeric = [m for m in draft.measures if not self._only_limited(m)]
        self._ranked(thing, numeric)
        self._absorb(numeric)
        if numeric and self._beside_count(numeric[0]):
            made = [q for named in numeric for q in quantities(named, self.lexicon)]
            count = count_of_thing(name, thing, own, self.lexicon)
            self.measures = [*made, count] if numeric[0].position < self._thing_at() else [count, *made]
            draft.share = False
        elif numeric and (not draft.count_thing or self._counts_by_kind(numeric)):
            for named in numeric:
                self.measures += quantities(named, self.lexicon)
            self._conditions(own, numeric)
            if draft.thing is not None and draft.thing[1].where and draft.thing[1].dataset == draft.dataset:
                self._condition(draft.thing[1].where, False, "")
        elif self._share_within_limit():
            self.measures = [count_of_thing(name, thing.model_copy(update={"recipe": ""}), own, self.lexicon)]
        elif draft.share and draft.counted and self.dataset.kind is Kind.EVENT and draft.counted[0] in OF_ALL:
            self._entity_share(name, thing, own)
        elif draft.share and len(own) + len(draft.filters) > 0 and (not (draft.by or draft.bucket) or self._rate_of_each()):
            self._share_parts(name, thing)
        elif name == "row" and self.dataset.kind is Kind.METRIC and not draft.counted:
            self.out.clarify = (
                "which measure do you mean, or what should be counted? name it, for example GPU temperature or ports down"
            )
        else:
            self.measures = [count_of_thing(name, thing, own, self.lexicon)]
        self.out.missing = [m.words.proxy for m in draft.measures if m.words.proxy]

    def _thing_at(self) -> int:
        """The position of the thing that is asked about; behind all where none is named."""
        name = self.draft.thing[0] if self.draft.thing is not None else ""
        return next((n for n, i in enumerate(self.items) if any(s.role == "thing" and s.name == name for s in i.senses)), 999)

    def _beside_count(self, named: Named) -> bool:
        """'failed jobs and GPU-hours by user', 'number of jobs and median wait': a count and a measure side by side."""
        if self.draft.thing is None:
            return False
        first, last = sorted((self._thing_at(), named.position))
        between = self.items[first + 1 : last]
        joints = [i for i in between if i.text in _JOINTS]
        said = ("measure", "value", "dim", "qualifier", "thing", "number", "unit")
        plain = all(i in joints or (i.has("soft", "agg", "count", "show") and not i.has(*said)) for i in between)
        return len(joints) == 1 and plain and not (self.draft.share or self.draft.limits or self.draft.rank)

    def _counts_by_kind(self, numeric: list[Named]) -> bool:
        """'how many of the failed jobs were user errors and how many hardware': the measure counts the things already."""
        recipes = [self.lexicon.recipes[m.words.recipe] for m in numeric if m.words.recipe and m.words.unit == "1"]
        return any(r.dims and r.dataset == self.draft.dataset for r in recipes)

    def _duration(self) -> None:
        """'how long do checkpoints take': the duration of the thing."""
        thing = self.draft.thing or (self._thing() if self.draft.qualifiers else None)
        asked = [i.text for i in self.items if i.text in _SLOW or i.text in ("how long", "long")]
        if thing is None or self.draft.measures or not thing[1].duration or not asked:
            return
        if asked[0] in _SLOW and not self.draft.aggs:
            self.draft.aggs.append((_SLOW[asked[0]], 0))
        name = f"{thing[1].dataset}.{thing[1].duration}"
        spec, words = self.dataset.fields[thing[1].duration], self.lexicon.fields[name]
        made = MeasureWords(
            dataset=thing[1].dataset,
            words=(),
            label=words.label,
            field=thing[1].duration,
            unit=spec.unit,
            agg=words.agg or "avg",
            better=words.better,
        )
        self.draft.measures.append(Named(name, made, [a for a, _ in self.draft.aggs]))
        self.draft.aggs = []

    def _which_ones(self) -> None:
        """'were any GPUs throttled? which ones': the things that are counted are listed; 'when …' asks for their time."""
        if self._told_twice():
            return
        self._when()
        first = self.measures[0] if len(self.measures) == 1 else None
        ends = [i.text for i in self.items[-2:]]
        asked = "which ones" in ends or ends[-1:] == ["which"]
        if asked and first is not None and first.agg == "count_distinct" and first.field in self.reach and not self.draft.by:
            self.draft.by, self.draft.listing, self.draft.count_thing = [first.field], True, False

    def _between(self) -> None:
        """'round trip between A and B': probes from one to the other, not of each of them."""
        ends = next((c for c in self.filters if c.field in ("src_node", "node_id") and c.op == "in" and len(c.values) > 1), None)
        if ends is not None and any(i.text == "between" for i in self.items) and "dst_node" in self.dataset.fields:
            self.filters.append(replace(ends, field="dst_node", words=""))
            self.draft.by = [b for b in self.draft.by if b not in ("node_id", "src_node")]

    def _refined(self) -> None:
        """Only those that have any; and a recipe over the whole fleet gives way to the one about what the question names."""
        self._only_those()
        self._between()
        named = {*self.draft.by, *(c.field for c in self.filters)}
        for n, quantity in enumerate(self.measures):
            recipe = self.lexicon.recipes.get(quantity.recipe)
            other = next((r for f, r in recipe.narrow.items() if f in named), "") if recipe is not None else ""
            if other:
                made = self.lexicon.recipes[other]
                self.measures[n] = replace(quantity, name=made.value, label=made.label, recipe=other, definition=made.definition)

    def _vague(self) -> None:
        """Ask back where a ranking or an average names nothing to rank or average, or where two shares are asked for."""
        draft = self.draft
        if sum(i.has("share") and i.text not in ("%", "percent") for i in self.items) > 1:
            self.out.clarify = "two shares at once are not told; ask for one after the other"
        if draft.untaken and self.measures and not self.out.clarify and not draft.peak:
            self.out.clarify = (
                f"{self.measures[0].label} is one figure over the whole time, so it has no {draft.untaken} of its own; "
                "ask for it by hour or by day, or without that word"
            )
        if self.out.clarify or draft.measures or self.having or (self.filters and draft.limits):
            return
        named = draft.thing is not None or draft.qualifiers or draft.count_thing
        if draft.rank and not named and not draft.counted:
            what = " and ".join(draft.dims) or "that"
            self.out.clarify = (
                f"{draft.rank} {what} by which measure? for example GPU temperature, failed jobs, XIDs, availability"
            )
        if draft.rank and draft.thing is not None and not draft.by and not (draft.count_thing or draft.listing or draft.bucket):
            bare = not draft.qualifiers or any(i.text == "top" for i in self.items)
            if bare and not self.times.before and not draft.compare:
                self.out.clarify = f"{draft.rank} {draft.thing[1].noun} by what? for example by node or by cluster"
        kinds = {q.where for _, q, no, _ in draft.qualifiers if not no}
        if (
            len(kinds) > 1
            and any(i.text in ("ratio of", "ratio") for i in self.items)
            and any(i.text == "to" for i in self.items)
        ):
            self.out.clarify = "one count divided by another is not told; ask what share of them were so, or for both counts"
        left = [a for a, _ in draft.aggs if a not in ("sum", "last", "first")]
        if left and not draft.bucket and not draft.denominator and not draft.counted:
            self.out.clarify = f"the {left[0]} of what? name a measure, for example queue wait, run time, GPU temperature"

    def _counted_conditions(self) -> None:
        """'GPU-hours of jobs lost with a node': a count that stands beside another measure is a condition on its rows."""
        draft = self.draft
        counts = [m for m in draft.measures if m.words.agg == "count" and m.words.where and not m.words.recipe]
        if not counts or (len(draft.measures) == len(counts) and not draft.count_thing):
            return
        for named in counts:
            draft.measures.remove(named)
            self.filters.append(Condition("", "expr", (named.words.where,), named.words.label))

    def _texts(self) -> None:
        """Text in quotation marks is looked for in the message of the rows."""
        fields = [n for n, f in self.dataset.fields.items() if f.free_text]
        self._beginnings()
        if self.times.quoted and fields:
            name = "message" if "message" in fields else fields[0]
            self.filters += [Condition(name, "contains", (text,), f'{name} with "{text}"') for text in self.times.quoted]

    def _rate_of_each(self) -> bool:
        """'share of jobs that failed per cluster' is a rate per cluster; 'share of failed jobs per cluster' divides them up."""
        at = next((n for n, i in enumerate(self.items) if i.has("thing")), -1)
        return bool(self.draft.qualifiers) and at >= 0 and any(q[3] > at for q in self.draft.qualifiers)

    def _absorb(self, numeric: list[Named]) -> None:
        """'step time p95 before and after …': the recipe takes the aggregate of the plain measure."""
        recipe = next((m for m in numeric if m.words.recipe and "$agg" in str(self.lexicon.recipes[m.words.recipe].steps)), None)
        if recipe is None:
            return
        for plain in [m for m in numeric if m is not recipe and not m.words.recipe]:
            recipe.aggs = recipe.aggs or plain.aggs
            numeric.remove(plain)

    def _desc(self) -> bool:
        draft = self.draft
        if self.newest:
            return self.newest == "last"
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
        if self._within():
            return 1
        if draft.peak:
            return FIRST_FEW
        many = set(draft.by) & MANY
        return FIRST_FEW if draft.rank and draft.singular and many and not draft.bucket else None

    def _within(self) -> tuple[str, ...]:
        """'hottest GPU in each cluster', 'top 3 users per partition': the first of each, not the first of all."""
        draft = self.draft
        inner = [b for b in draft.by if b not in draft.grouped]
        ranked = (
            draft.rank
            and (draft.top is not None or draft.singular or draft.one)
            and (draft.head or draft.each_thing)
            and not draft.bucket
        )
        return tuple(b for b in draft.by if b in draft.grouped) if ranked and inner and draft.grouped else ()

    def _intent(self, bucket: str, compare: Period | None) -> Intent:
        if compare is not None or (self.draft.compare and self.draft.by):
            return Intent.COMPARE
        if bucket:
            return Intent.BREAKDOWN if self.draft.peak and not self.draft.by else Intent.TREND
        if self.draft.share:
            return Intent.SHARE
        if self.fields or (self.draft.listing and self.draft.by):
            return Intent.LIST
        return Intent.BREAKDOWN if self.draft.by or self._dims() else Intent.VALUE


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"up to {high:g}" if high is not None else f"from {low:g}"
