"""Questions about an instant: the latest or first occurrence of something, and what is so right now."""

from dataclasses import replace
from datetime import timedelta

from llo11ypop.catalog.models import Kind
from llo11ypop.language.latest import LATEST, look_back
from llo11ypop.language.listing import Listing
from llo11ypop.language.periods import EVERYTHING_D, trailing
from llo11ypop.language.scope import Condition, Period, Quantity

SHOWN = 10
"""Rows where the latest ones are asked for without a number."""
_GAUGES = frozenset({"avg", "max", "min", "sum", "percentile", "stddev"})
_JUST_NOW = timedelta(hours=1)
"""How far back 'right now' looks for things that happen (our assumption; said in the answer)."""
_BY_END = frozenset({"slurm_jobs"})
"""Datasets whose own time is the last of their rows' times."""
_SAID = {
    "submit_at": "submitted",
    "start_at": "started",
    "warranty_end": "warranty ends",
    "eol_at": "end of life",
    "install_date": "installed",
}
_ENDS = {"first": "first", "oldest": "first", "earliest": "first"}


class Moments(Listing):
    """Latest rows, latest readings."""

    newest = ""
    """'last' or 'first' where single occurrences are asked for."""

    def _occurrence(self) -> None:
        """'the latest XID', 'oldest open ticket', 'when did it last reboot': rows in order of time, not a count."""
        draft = self.draft
        owned = False
        ends = [s.name for i in self.items for s in i.senses if s.role == "agg" and s.name in ("last", "first")]
        ends += [_ENDS[i.text] for i in self.items if i.text in _ENDS]
        counted = (m.words.recipe or m.words.agg in ("count", "sum") for m in draft.measures)
        if ends and all(counted) and all(m.words.dataset == draft.dataset and m.words.unit == "1" for m in draft.measures):
            own = [m.words for m in draft.measures if m.words.where]
            self.filters += [Condition("", "expr", (w.where,), w.label) for w in own]
            draft.measures = []
            owned = bool(own)
        counts = (
            draft.measures or draft.count_thing or draft.counted or draft.bucket or draft.share or draft.limits or draft.chart
        )
        grouped = bool(draft.grouped) and not draft.each_thing
        if not ends or counts or grouped or not (draft.thing or draft.qualifiers or draft.filters or self.times.quoted or owned):
            return
        if self.dataset.kind is not Kind.EVENT or not self.dataset.time:
            return
        self.newest = ends[0]
        plural = draft.thing is not None and any(i.has("thing") and i.text.endswith("s") and i.text != "logs" for i in self.items)
        draft.top = draft.top or (SHOWN if plural else 1)
        draft.rank, draft.aggs, draft.listing, draft.each_thing = "", [], True, False

    def _when(self) -> None:
        """'when did its Ready condition first turn Unknown': the first and the last row that says so."""
        draft = self.draft
        asked = [s.name for i in self.items for s in i.senses if s.role == "agg" and s.name in ("last", "first")]
        named = draft.qualifiers or any(
            f.field in self.dataset.fields and f.field not in self.dataset.grain for f in draft.filters
        )
        when = draft.when or any(
            i.text in ("when", "since when", "what time", "first time", "the first time", "last time", "earliest")
            for i in self.items
        )
        plain = not (
            draft.measures or draft.rank or draft.share or draft.bucket or self.having or draft.count_thing or draft.counted
        )
        if self.dataset.kind not in (Kind.STATE, Kind.METRIC) or not (when and named and plain and self.measures):
            return
        first = self.measures[0]
        several = draft.listing or draft.head or any(i.has("thing") and i.text.endswith("s") for i in self.items)
        if several and not draft.by and first.agg == "count_distinct" and first.field in self.reach:
            draft.by = [first.field]
        ends = [a for a in dict.fromkeys(asked)] or ["first", "last"]
        self.measures = [
            replace(
                first,
                name=f"{end}_at",
                label=f"{end} time: {first.label}",
                agg="min" if end == "first" else "max",
                field=self.dataset.time,
                recipe="",
                unit="",
            )
            for end in ends
        ]
        draft.listing = draft.head = False

    def _occurrence_rows(self) -> None:
        thing = self._thing()[1]
        own = [c for c in thing.columns if c in self.reach]
        time = [] if self.dataset.time in own else [self.dataset.time]
        self.fields = tuple(dict.fromkeys([*time, *(b for b in self.draft.by if b not in own), *own]))
        first = self.measures[0]
        self.measures = [replace(first, name="rows", agg="count", field="", recipe="")]
        self.draft.by = []

    def _by_another_time(self, window: Period | None, field: str) -> Period | None:
        """'jobs submitted on 8 May': rows are found by their own time, and kept by the one that is asked about."""
        times, name = self.times, _SAID.get(field, field.removesuffix("_at").replace("_", " "))
        asked = next(iter(times.coming), None) or (window if window is not None and not window.defaulted else None)
        if times.until is not None:
            text, label = f"{field} < '{times.until[0]:%Y-%m-%dT%H:%M:%S}'", times.until[1]
        elif asked is not None:
            since, until = (f"'{t:%Y-%m-%dT%H:%M:%S}'" for t in (asked.start_at, asked.end_at))
            text, label = f"{field} >= {since} and {field} < {until}", asked.label
        else:
            return window
        self.filters.append(Condition("", "expr", (text,), f"{name} {label}"))
        self.out.dated = True
        if self.dataset.kind is Kind.DIMENSION or times.coming or window is None:
            return None
        if self.draft.dataset in _BY_END:
            return replace(window, end_at=self.at)
        return trailing(self.at, timedelta(days=EVERYTHING_D), "all telemetry", defaulted=True)

    def _readable(self, quantity: Quantity) -> bool:
        """Whether it can be told of the latest reading of every series."""
        if quantity.recipe:
            return "$mean_or_last" in str(self.lexicon.recipes[quantity.recipe].steps)
        return bool(quantity.field) and quantity.agg in _GAUGES

    def _as_of_now(self, window: Period | None) -> Period | None:
        """The window of 'right now', and of states: the latest reading of gauges, the last hour of what happens."""
        draft = self.draft
        own = any(q.where == f"{self.dataset.time} is not null" and not q.time for _, q, _, _ in draft.qualifiers)
        at_field = next((q.time for _, q, _, _ in draft.qualifiers if q.time and not own), "")
        at_field = at_field or ("start_at" if self.times.coming and draft.dataset == "maintenance_windows" else "")
        if at_field and draft.bucket:
            noun, time = self._thing()[1].noun, self.dataset.time
            self.out.clarify = f"{noun} are told over time by {time}, not by {at_field}; leave out the {draft.bucket}"
        if at_field:
            window = self._by_another_time(window, at_field)
        if self.times.now and draft.dataset == "technician_shifts":
            self.filters.append(Condition("", "expr", ("start_at <= at and end_at > at",), "under way"))
            return trailing(self.at, timedelta(days=2), "now", defaulted=True)
        if self.latest:
            return Period(self.at - look_back(self.dataset), self.at, LATEST, defaulted=not self.times.now)
        never = draft.none and any(i.text == "never" for i in self.items)
        if (self.newest or never) and window is not None and window.defaulted:
            return trailing(self.at, timedelta(days=EVERYTHING_D), "all telemetry", defaulted=True)
        if any(q.state for _, q, _, _ in draft.qualifiers):
            return window
        steps = [str(self.lexicon.recipes[q.recipe].steps) for q in self.measures if q.recipe]
        own = any("$window_or_" in s or "$window_shift" in s for s in steps)
        if any("$window_all" in s for s in steps) and window is not None and window.defaulted:
            return trailing(self.at, timedelta(days=EVERYTHING_D), "all telemetry", defaulted=True)
        if own and window is not None and window.defaulted and not (draft.bucket or draft.trend or draft.chart):
            return Period(self.at - look_back(self.dataset), self.at, LATEST, defaulted=True)
        shapes = draft.bucket or draft.trend or draft.chart
        if not self.times.now or window is None or not window.defaulted or shapes:
            return window
        if own or any(q.agg == "latest" for q in self.measures) or self.dataset.kind in (Kind.DIMENSION, Kind.STATE):
            return window
        if draft.dataset == "slurm_jobs" and any(i.text.startswith(("running", "longest running")) for i in self.items):
            self.out.clarify = (
                "jobs that still run are only counted, not known one by one; ask how many run, or for jobs that ended"
            )
        parts = draft.share or draft.denominator or self.part
        if self.dataset.kind is Kind.METRIC and not parts and all(self._readable(q) for q in self.measures):
            self.measures = [replace(q, now=True) for q in self.measures]
            return Period(self.at - look_back(self.dataset), self.at, LATEST)
        self.out.defaults.append("right now = the last hour")
        return trailing(self.at, _JUST_NOW, "last hour")
