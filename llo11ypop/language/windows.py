"""The time a question is about, what it is compared with, and how it is cut into buckets."""

from datetime import timedelta

from llo11ypop.catalog.models import Kind
from llo11ypop.language.periods import EVERYTHING_D, before, trailing
from llo11ypop.language.scope import Period
from llo11ypop.language.settled import Settling

DEFAULT_WINDOW = timedelta(days=7)
"""A question that names no time is about the last seven days (our assumption; always said)."""


class Windows(Settling):
    """Periods and buckets."""

    def _periods(self) -> tuple[Period | None, Period | None]:
        draft, named = self.draft, [p for _, _, p in self.times.periods]
        if self.times.tonight and draft.dataset == "technician_shifts":
            evening = self.at.replace(hour=20, minute=0, second=0, microsecond=0)
            return Period(max(self.at, evening), evening + timedelta(hours=12), "tonight (20:00-08:00 UTC)"), None
        timed = any(self.catalog.datasets[d].time for d in {draft.dataset, *(q.dataset for q in self.measures)})
        if len(named) > 1 and named[0].start_at == named[1].start_at and draft.compare:
            return named[0], before(named[0], self.at)
        if len(named) > 1 and (draft.compare or named[0].label != named[1].label):
            first, second = named[0], named[1]
            later, earlier = (first, second) if first.start_at >= second.start_at else (second, first)
            if earlier.end_at <= later.start_at or draft.compare:
                return later, earlier
        if named:
            window = named[0]
            if self.times.before:
                return window, before(window, self.at)
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
        if self.times.before or (draft.compare and not self._two_groups()):
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
            if condition.op == "in" and len(condition.values) > 1 and "," in condition.words:
                if condition.field not in self.draft.by and condition.field in self.reach:
                    self.draft.by.insert(0, condition.field)
                return True
        return False

    def _default_length(self) -> timedelta:
        for named in self.draft.measures:
            if named.words.window is not None:
                return named.words.window
        sparse = self.dataset.cadence is None or self.dataset.cadence >= timedelta(hours=1)
        if sparse and any("last" in m.aggs for m in self.draft.measures):
            return timedelta(days=EVERYTHING_D)
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
            if draft.bucket:
                self.out.clarify = (
                    f"{self.measures[0].label if self.measures else 'that'} is not told over time; leave out the {draft.bucket}"
                )
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
