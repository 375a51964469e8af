"""Who is counted, and whether rows, groups or the latest states answer."""

from dataclasses import replace

from llo11ypop.catalog.models import Kind
from llo11ypop.language.absentees import home_of, named_by_rows
from llo11ypop.language.composing import STATE_FIELDS, counts
from llo11ypop.language.quantities import count_of_thing
from llo11ypop.language.scope import Period, Quantity, Threshold
from llo11ypop.language.shares import Shares
from llo11ypop.language.where import all_of, condition_text
from llo11ypop.language.wording import plural


class Listing(Shares):
    """Counts and lists."""

    def _none(self) -> None:
        """'nodes with no XID': those of the inventory for which the count is zero."""
        draft = self.draft
        if not draft.none or not self.measures:
            return
        name, thing = self._thing()
        if self.measures[0].recipe and not draft.measures:
            own = [(q, no) for _, q, no, _ in draft.qualifiers]
            self.measures = [count_of_thing(name, thing.model_copy(update={"recipe": ""}), own, self.lexicon)]
        first, keys = self.measures[0], tuple(draft.counted or draft.by)
        states = [f for f in self.filters if f.op == "in" and f.field in self.dataset.fields and f.field in STATE_FIELDS]
        if not first.where and not first.recipe and states:
            self.filters = [f for f in self.filters if f not in states]
            words = ", ".join(f.words for f in states)
            first = replace(first, where=all_of(condition_text(f) for f in states), label=f"{first.label} with {words}")
            self.measures[0] = first
        known = home_of(keys, self.catalog, self.lexicon) or named_by_rows(keys, (first,), self.catalog)
        if not counts(first) or not known:
            draft.foreign.append(f"'no {first.label}'")
            return
        self.having.append(Threshold(first.name, "=", 0.0))

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
                elif first.unit != "1":
                    what = draft.counted_label.replace("_", " ")
                    self.out.clarify = (
                        f"{first.label} is not counted in {what}s; ask for it per {what}, or for those above a limit"
                    )
                return
            if first.agg in ("count", "sum", "count_distinct", "increase") and not any(m.words.field for m in draft.measures):
                self._distinct(first)
                if first.agg == "count" and sum(i.has("count") for i in self.items) > 1:
                    self.measures = [first, *self.measures]
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
        noun = {"gpu": "GPUs"}.get(label, plural(label.replace("_", " ")))
        told = "" if first.label == noun else f" ({first.label})"
        self.measures = [
            Quantity(
                f"{label}s",
                f"{noun}{told}" if told else noun,
                first.dataset,
                "count_distinct",
                field_name,
                where,
                unit="1",
                better=first.better,
                definition=first.definition,
            )
        ]

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
        first = self.measures[0] if self.measures else None
        now = (self.times.now or (window is not None and window.defaulted)) and not (
            draft.bucket or draft.trend or draft.chart or self.having
        )
        states = self.dataset.kind in (Kind.METRIC, Kind.STATE)
        if self.part and first is not None and now and states and first.agg == "count_distinct" and not draft.measures:
            self.measures = [replace(first, agg="latest")]
            self.out.defaults.append("as of the latest reading")
            return
        level = [m for m in draft.measures if not self._only_limited(m)]
        counted = first is not None and first.agg in ("count", "count_distinct", "sum") and not level
        if first is None or not counted or first.recipe.startswith("gauge"):
            return
        if now and states and self._about_state():
            self.latest = True
            field_name = first.field or (draft.counted[0] if draft.counted else "")
            self.measures = [replace(first, agg="latest", field=field_name)]
            self.out.defaults.append("as of the latest reading")
        if self._wants_rows():
            self._rows(first)

    def _about_state(self) -> bool:
        """Whether the question is about how things are rather than about what happened."""
        states = {f for f in self.draft.by if f in self.dataset.fields and f in STATE_FIELDS}
        named = any(q.state for _, q, _, _ in self.draft.qualifiers)
        return named or (self.dataset.kind is Kind.STATE and (bool(self.draft.qualifiers) or bool(states)))

    def _wants_rows(self) -> bool:
        """Whether a list of the things themselves is asked for."""
        draft, thing = self.draft, self._thing()[1]
        counts = draft.count_thing or draft.counted or draft.rank or draft.share or draft.denominator
        shapes = draft.bucket or draft.chart or draft.trend or self.having
        lasting = thing.agg == "count_distinct" and draft.thing is not None and self.dataset.kind is not Kind.EVENT
        states = any(q.state for _, q, _, _ in draft.qualifiers) or thing.few or lasting
        bare = draft.thing is not None and states and not draft.by and self.items[0].has("thing", "qualifier", "soft")
        if not (draft.listing or bare) or counts or shapes:
            return False
        own = set(draft.by) <= set(thing.key) | {"node_id", "gpu_uuid"}
        return own and (draft.thing is not None or self.latest or self.dataset.kind is Kind.DIMENSION)

    def _rows(self, first: Quantity) -> None:
        """Fields of the rows, unless the question groups what happened."""
        draft, thing = self.draft, self._thing()[1]
        if first.agg == "count_distinct" and not self.latest and self.dataset.kind is not Kind.DIMENSION:
            draft.by = draft.by or [k for k in thing.key if k in self.reach]
            return
        if draft.by and draft.thing is not None and not self.latest and self.dataset.kind is not Kind.DIMENSION:
            return
        columns = [c for c in thing.columns if c in self.reach]
        columns = [*(b for b in draft.by if b not in columns), *columns, *(f for f in self.shown if f not in columns)]
        if not columns:
            return
        self.fields = tuple(columns)
        if first.recipe:
            self.measures = [Quantity("rows", first.label, first.dataset, "count", "", first.where, definition=first.definition)]
        draft.by = []
