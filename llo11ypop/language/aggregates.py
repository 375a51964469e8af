"""Which aggregate belongs to which measure, and measures that are made of two."""

from llo11ypop.language.draft import Named
from llo11ypop.language.entries import MeasureWords
from llo11ypop.language.named_values import NamedValues
from llo11ypop.language.spot import RANKS, Item

_SHAPED = frozenset({"max", "min", "stddev", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p999"})
"""Aggregates that need single readings: a count or a rate over the whole window has none of its own."""


class Aggregates(NamedValues):
    """Aggregates of the measures that are named."""

    def _takes_agg(self, item: Item) -> bool:
        sense = item.sense("measure")
        return sense is not None and not sense.data.fixed and (not sense.data.recipe or self._takes_aggs(sense.data, sense.name))

    def _subtracted(self, at: int, words: MeasureWords) -> bool:
        """'rank_max_step minus rank_min_step': one measure of both."""
        last = self.draft.measures[-1] if self.draft.measures else None
        beside = at > 1 and self.items[at - 1].text == "minus" and last is not None and last.position == at - 2
        if not beside or last is None or not (words.field and last.words.field) or words.where != last.words.where:
            return False
        label = f"{last.words.label} minus {words.label}"
        own = {"field": f"{last.words.field} - {words.field}", "label": label, "better": "neither"}
        last.words, last.name = last.words.model_copy(update=own), f"{last.name}_minus"
        self.draft.used.add(at)
        self.draft.dangling = False
        return True

    def _divided_by(self, at: int, words: MeasureWords) -> bool:
        """'run time divided by time limit', 'ratio of elapsed time to time limit': one measure of both, of each row."""
        last = self.draft.measures[-1] if self.draft.measures else None
        if last is None or not (words.field and last.words.field) or words.where != last.words.where:
            return False
        between = [i.text for i in self.items[last.position + 1 : at] if i.text not in ("the", "their", "its")]
        ratio = any(i.text in ("ratio", "ratio of") for i in self.items[: last.position])
        spoken = between in (["divided by"], ["over"]) or (ratio and between in (["to"], ["and"]))
        if not spoken or words.unit != last.words.unit or words.recipe or last.words.recipe:
            return False
        own = {
            "field": f"{last.words.field} / nullif({words.field}, 0)",
            "label": f"{last.words.label} over {words.label}",
            "unit": "1",
            "better": "neither",
            "above": "",
            "below": "",
        }
        last.words, last.name = last.words.model_copy(update=own), f"{last.name}_over"
        self.draft.used |= set(range(last.position + 1, at + 1))
        self.draft.rate = False
        return True

    def _late_aggs(self) -> None:
        """Aggregates behind the measure: 'temperature, p50/p95/p99'."""
        if not self.draft.measures or not self.draft.aggs:
            return
        for name, at in self.draft.aggs:
            before = [m for m in self.draft.measures if m.position < at] or self.draft.measures
            if before[-1].words.rank and before[-1].words.field and name == "avg":
                self._averaged(before[-1])
            if (
                not before[-1].words.fixed
                and name not in before[-1].aggs
                and (not before[-1].words.recipe or self._takes_aggs(before[-1].words, before[-1].name))
            ):
                before[-1].aggs.append(name)
            elif self._has_own(before[-1].words, name):
                continue
            elif name in _SHAPED and not self.items[at].has(*RANKS) and name not in before[-1].aggs:
                self.draft.untaken = name
        self.draft.aggs = []

    def _has_own(self, words: MeasureWords, name: str) -> bool:
        """Whether a measure is this aggregate already: 'median time from fatal XID to service'."""
        own = self.lexicon.recipes[words.recipe].value if words.recipe else f"{words.agg}_{words.q or ''} {words.label}"
        return (name == "p50" and ("median" in own or words.q == 0.5)) or words.agg == name  # noqa: PLR2004 - the median

    def _takes_aggs(self, words: MeasureWords, name: str) -> bool:
        """Whether a recipe can be told as a maximum or minimum too."""
        steps = str(self.lexicon.recipes[words.recipe].steps) if words.recipe else ""
        return "$gauge" in steps or "$agg" in steps

    def _averaged(self, named: Named) -> None:
        """'hottest on average': ranked by the mean instead of the extreme that the word alone means."""
        plain = named.words.label.removeprefix("highest ").removeprefix("lowest ")
        self.draft.rank = self.draft.rank or named.words.rank
        named.words, named.aggs = named.words.model_copy(update={"fixed": False, "label": plain}), ["avg"]
