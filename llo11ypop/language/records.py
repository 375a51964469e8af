"""The rows that hold an extreme: 'highest gradient norm, which run and when' is one reading, not a level per run."""

from dataclasses import replace

from llo11ypop.catalog.models import Kind
from llo11ypop.language.draft import Named
from llo11ypop.language.scope import Condition, Period, Quantity
from llo11ypop.language.superlatives import Superlatives
from llo11ypop.language.where import all_of, literal

_ENDS = {"max": "top", "min": "bottom"}
_COUNTERS = frozenset({"increase", "rate", "count", "count_distinct", "sum"})


class Records(Superlatives):
    """Single readings that are the highest or the lowest, told with when they were."""

    ordered_by = ""
    """The field whose extreme is told; empty where none is."""

    def _listing(self, window: Period | None) -> None:
        if self.newest:
            self._occurrence_rows()
        elif not self._record():
            super()._listing(window)

    def _record(self) -> bool:
        """Rows in order of a field, where an extreme and its time are asked for; whether that was so."""
        draft = self.draft
        end = self._end()
        if not (draft.when and end and self._single()):
            return False
        named = draft.measures[0]
        field, time = named.words.field, self.dataset.time
        grain = [g for g in self.dataset.grain if g != time]
        self.fields = tuple(dict.fromkeys([time, *draft.by, *(g for g in grain if g in self.reach), *self.shown, field]))
        where = all_of([named.words.where, f"{field} is not null"])
        plain = named.words.label.removeprefix("highest ").removeprefix("lowest ")
        label = f"{'highest' if end == 'top' else 'lowest'} {plain}"
        self.measures = [Quantity("rows", label, draft.dataset, "count", "", where, unit=named.words.unit)]
        self.ordered_by, draft.by, draft.listing = field, [], True
        draft.rank, draft.top = end, draft.top or 1
        return True

    def _single(self) -> bool:
        """Whether one plain field of rows is all that is measured, over everything that the filters let through."""
        draft = self.draft
        apart = draft.bucket or draft.counted or draft.share or draft.denominator or draft.compare or self.having
        grouped = any(i.has("group") for i in self.items) and bool(draft.grouped)
        if apart or grouped or len(draft.measures) != 1 or not self.dataset.time:
            return False
        words = draft.measures[0].words
        plain = words.field in self.dataset.fields and not words.recipe and words.agg not in _COUNTERS
        return plain and self.dataset.kind in (Kind.METRIC, Kind.EVENT)

    def _end(self) -> str:
        """'top' or 'bottom' of the measure that is named; empty where neither is asked for."""
        draft = self.draft
        named: Named | None = draft.measures[0] if draft.measures else None
        if named is None:
            return ""
        aggs = [a for a in named.aggs if a != "avg" or not draft.rank]
        if aggs:
            return _ENDS.get(aggs[0], "") if len(aggs) == 1 else ""
        if draft.rank in ("top", "bottom"):
            return draft.rank
        good_end = "top" if draft.rank == "best" else "bottom"
        other = "bottom" if good_end == "top" else "top"
        return {"higher": good_end, "lower": other}.get(named.words.better, "") if draft.rank else ""

    def _told_twice(self) -> bool:
        """'count and last time per node': how many of each, and when the first or the last of them was."""
        draft = self.draft
        ends = [s.name for i in self.items for s in i.senses if s.role == "agg" and s.name in ("last", "first")]
        counts = len(self.measures) == 1 and self.measures[0].agg == "count"
        plain = not (draft.measures or draft.share or draft.bucket or self.having or draft.compare or draft.counted)
        if self.newest or not (self.dataset.kind is Kind.EVENT and self.dataset.time and draft.by and counts and plain):
            return False
        ends = list(dict.fromkeys(ends)) or (["last"] if draft.when else [])
        first, draft.top = self.measures[0], None if draft.top == 1 else draft.top
        for end in ends:
            agg = "min" if end == "first" else "max"
            label = f"{end} time: {first.label}"
            self.measures.append(
                replace(first, name=f"{end}_at", label=label, agg=agg, field=self.dataset.time, unit="", recipe="")
            )
        return bool(ends)

    def _beginnings(self) -> None:
        """'reasons that start with NHC': a condition on the field that is named."""
        for noun, text in self.times.prefixes:
            own = next((f for d in self.lexicon.dimensions.values() if noun in d.words for f in d.fields if f in self.reach), "")
            own = own or (noun if noun in self.reach else "")
            if own:
                where = f"starts_with(lower({own}), {literal(text)})"
                self.filters.append(Condition(own, "expr", (where,), f'{own} starting with "{text}"'))
            else:
                self.out.clarify = f"the {noun} of what starts with '{text}'? name what has one"
