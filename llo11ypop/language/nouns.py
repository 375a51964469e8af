"""Measures, things and dimensions of a question, and the part that each plays."""

from llo11ypop.language.aggregates import Aggregates
from llo11ypop.language.draft import Named
from llo11ypop.language.entries import Qualifier
from llo11ypop.language.spot import RANKS, Item

_LIGHT = frozenset(
    {
        "the",
        "a",
        "this",
        "that",
        "of",
        "on",
        "in",
        "our",
        "its",
        "their",
        "these",
        "those",
        "same",
        "to",
        "from",
        "at",
        "for",
        "with",
        "which",
        "and",
        "any",
    }
)
PLACES = frozenset(
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
PURE = frozenset({"max", "min", "maximum", "minimum", "peak", "average"})

_OF_IT = frozenset({"reading", "readings", "value", "values", "sample", "samples"})
"""'the hottest GPU reading' is a reading, not a GPU."""
_SINGLE = frozenset({"single", "individual", "one", "same"})
"""'of a single server': a reading of one, not one reading for each."""
_OFTEN = frozenset({"how often", "how many times", "how frequently"})
_TAKES_DIM = ("group", "which", "count", "across", "show", "rank")


class Nouns(Aggregates):
    """What is measured, counted, grouped by and listed."""

    def _rank(self, item: Item) -> None:
        role = next(r for r in ("worst", "best", "top", "bottom") if item.has(r))
        if not self.draft.rank:
            self.draft.rank = role

    def _prefers_rank(self, at: int, item: Item, cue: str) -> bool:
        """Whether 'hottest', 'longest' stands for a ranking here rather than for the measure it may name."""
        return item.has(*RANKS) and any(
            i.has("measure") for n, i in enumerate(self.items) if n != at and n not in self.draft.used
        )

    def _qualifier(self, item: Item) -> tuple[str, Qualifier] | None:
        found = [s for s in item.senses if s.role == "qualifier"]
        if not found:
            return None
        best = next((s for s in found if s.name.split(".")[0] == self.thing_named), found[0])
        return best.name, best.data

    def _measure(self, at: int, item: Item) -> None:
        sense = item.sense("measure")
        assert sense is not None  # noqa: S101 - the caller has seen it
        named = Named(sense.name, sense.data, position=at)
        waiting = [a for a, where in self.draft.aggs if where < at]
        named.loose = any(
            a[1] < at and self.items[a[1]].has(*RANKS) and self.items[a[1]].text not in PURE for a in self.draft.aggs
        )
        if waiting and not sense.data.fixed and not (sense.data.recipe and not self._takes_aggs(sense.data, sense.name)):
            named.aggs = list(dict.fromkeys(waiting))
            self.draft.aggs = [a for a in self.draft.aggs if a[1] > at]
        if item.has(*RANKS) and item.has("agg"):
            self._rank(item)
        if self._subtracted(at, sense.data) or self._divided_by(at, sense.data):
            return
        for own in sense.data.by:
            if own in self.reach:
                self._group((own,), own)
        if sense.data.rank:
            self.draft.rank = self.draft.rank or sense.data.rank
        if all(
            n.name != named.name or (named.aggs and n.aggs != named.aggs and not sense.data.recipe) for n in self.draft.measures
        ):
            self.draft.measures.append(named)
        self.draft.used.add(at)

    def _thing(self, at: int, item: Item, cue: str) -> str:
        sense, draft = item.sense("thing"), self.draft
        assert sense is not None  # noqa: S101 - the caller has seen it
        draft.used.add(at)
        counted_already = (
            bool(draft.measures or draft.qualifiers)
            or draft.thing is not None
            or any(i.has("measure") and n != at for n, i in enumerate(self.items))
        )
        direct = at > 0 and self.items[at - 1].has("group")
        if (
            cue == "group"
            and direct
            and not sense.data.kind
            and sense.data.key[:1] == (self.catalog.datasets[draft.dataset].time,)
        ):
            return ""
        if cue == "group" and direct and sense.data.key and counted_already:
            kind = (sense.data.kind,) if sense.data.kind else sense.data.key
            self._group(sense.data.key[:1] if sense.name == "job" else kind, sense.name)
            return "group"
        if draft.thing is None or draft.thing[1].weak:
            draft.thing = (sense.name, sense.data)
        if cue == "count":
            draft.count_thing = True
        elif cue in ("which", "show"):
            draft.listing = True
        elif cue == "rank" and draft.rank and sense.data.key and not draft.by:
            draft.each_thing = True
            draft.one = item.text == self._lemma(item)
        return ""

    def _verb_or_adjective(self, at: int, item: Item, cue: str) -> bool:
        """'did acct-c run', 'node temperature': words of a dimension that only tell the kind of something else."""
        following = self.items[at + 1] if at + 1 < len(self.items) else None
        if (
            item.has("soft")
            and at > 0
            and self.items[at - 1].text not in ("the", "a", "one")
            and cue not in ("group", "which", "count", "across", "show", "rank")
            and not item.text.endswith("s")
        ):
            beside = [self.items[n] for n in (at - 1, at + 1) if 0 <= n < len(self.items)]
            if not any(s.role == "value" and s.name == "run_id" for i in beside for s in i.senses) and not (
                following is not None and following.has("unknown")
            ):
                return True
        singular = item.text == self._lemma(item)
        return (
            singular
            and (cue in ("", "show") or (cue == "rank" and bool(self.draft.by)))
            and following is not None
            and following.has("measure")
            and not following.has("dim")
        )

    def _wants_dim(self, cue: str, at: int) -> bool:
        return cue in ("group", "count", "across", "rank") or (cue in ("which", "show") and at + 1 < len(self.items))

    def _dim(self, at: int, item: Item, cue: str) -> str:
        draft, own = self.draft, self.catalog.datasets[self.draft.dataset].fields
        dims = [s for s in item.senses if s.role == "dim"]
        sense = next((s for s in dims if any(f in own for f in s.data.fields)), dims[0])
        draft.used.add(at)
        fields = tuple(f for f in sense.data.fields if f in self.reach)[:1]
        if not cue and at and self.items[at - 1].text in _SINGLE and item.text == self._lemma(item):
            return ""
        if cue in ("rank", "which", "") and at + 1 < len(self.items) and self.items[at + 1].text in _OF_IT:
            return cue
        if cue == "across" and self.items[at - 1].text.split()[-1] in ("their", "its"):
            return ""
        if self._owner(at) or cue == "all" or self._modifies(at) or (draft.counted and fields == draft.counted[:1]):
            return ""
        if not fields:
            draft.foreign.append(sense.data.label or sense.name)
            return ""
        if cue == "group" and sense.name in ("gpu", "node", "port") and self._of_a_place(at):
            draft.denominator = sense.name
            return ""
        if (
            cue not in ("group", "across")
            and at + 1 < len(self.items)
            and self.items[at + 1].text in ("count", "tally")
            and not draft.counted
        ):
            draft.counted, draft.counted_label = fields, sense.name
            return ""
        if self._labels(at, sense):
            if cue == "group" and self.items[at - 1].has("group") and len(item.text) > 1 and self._several_beside(at, fields):
                self._group(fields, sense.name)
            return "" if cue in ("group", "across") and not self._listed(at) else cue
        if at and self.items[at - 1].text.endswith("'s") and cue == "group" and draft.by:
            return ""
        if sense.data.whole and cue in ("which", "show", "rank", "count", "") and all(f in own for f in sense.data.whole):
            fields = sense.data.whole
        if cue == "count":
            if self._how_often(at):
                return cue
            if not draft.counted:
                draft.counted, draft.counted_label = fields, sense.name
            return ""
        if cue in ("group", "across"):
            draft.grouped += fields
        if cue in ("group", "across", "which", "show", "rank"):
            if cue == "which" and draft.by and draft.head:
                if any(i.has("conjunction") for i in self.items[max(0, at - 3) : at]):
                    self._group(fields, sense.name)
                return ""
            self._group(fields, sense.name)
            if cue in ("which", "show", "rank"):
                draft.listing = draft.listing or cue != "rank"
                draft.head = True
                draft.singular = cue != "show" and item.text.rstrip("'") == self._lemma(item) and draft.top is None
            go_on = self._listed(at) or (
                at + 1 < len(self.items) and self.items[at + 1].has("dim") and not self.items[at + 1].has("thing")
            )
            return cue if go_on and cue in ("group", "across", "which", "show", "rank") else ""
        return self._uncued(at, item, cue, fields, sense.name)

    def _how_often(self, at: int) -> bool:
        """'how often did hosts log that …': how often is asked, not how many of those who did."""
        counts = [n for n, i in enumerate(self.items[:at]) if i.has("count")]
        often = bool(counts) and self.items[counts[-1]].text in _OFTEN
        return often and any(i.has("thing", "qualifier", "measure") and not i.has("dim") for i in self.items[at + 1 :])

    def _uncued(self, at: int, item: Item, cue: str, fields: tuple[str, ...], name: str) -> str:
        """A dimension that no 'by' or 'which' stands before: what is counted, what is listed, or whose something is."""
        draft = self.draft
        before = self.items[at - 1].text if at else ""
        first_content = self._first_content(at)
        following = self.items[at + 1] if at + 1 < len(self.items) else None
        if (
            first_content
            and following is not None
            and following.has("group", "across")
            and cue != "rank"
            and self._grouped_next(at + 2)
        ):
            draft.counted, draft.counted_label = fields, name
            return ""
        if (
            before == "with"
            and not draft.measures
            and draft.thing is not None
            and not (draft.count_thing or draft.counted or draft.share)
        ):
            self._group(fields, name)
            draft.listing = True
            return "group" if self._listed(at) else ""
        if draft.share and cue == "" and not draft.by and not draft.counted:
            draft.counted, draft.counted_label = fields, name
            return ""
        if first_content or (before not in _LIGHT and not self._preposition(at) and not draft.by):
            self._group(fields, name)
            draft.head = draft.head or first_content
            draft.listing = draft.listing or first_content
            draft.singular = first_content and item.text == self._lemma(item) and draft.top is None
            if first_content and self._listed(at) and at + 2 < len(self.items) and self.items[at + 2].has("dim"):
                return "group"
        return ""

    def _first_content(self, at: int) -> bool:
        return not any(n < at and not self._function(i) for n, i in enumerate(self.items))

    def _several_beside(self, at: int, fields: tuple[str, ...]) -> bool:
        """'by link layer (roce, ib)': several values behind a group only say which groups there are."""
        behind = self.items[at + 1 : at + 4]
        return sum(any(s.role == "value" and s.name in fields for s in i.senses) for i in behind) > 1

    def _of_a_place(self, at: int) -> bool:
        """'which cluster has the most failed jobs per node', '…, worst cluster': the places are ranked by a rate."""
        if self.items[at - 1].text not in ("per", "for each", "for every") or any(m.words.field for m in self.draft.measures):
            return False
        behind = self.items[at + 1 : at + 3]
        place = behind[1].sense("dim") if len(behind) > 1 and behind[0].text == "by" and not self.items[at].comma else None
        if place is not None and place.data.fields[0] in PLACES:
            return True
        for n, item in enumerate(self.items):
            dim = item.sense("dim")
            asked = n > 0 and self.items[n - 1].has("which", "worst", "best", "top", "bottom")
            if n != at and asked and dim is not None and dim.data.fields[0] in PLACES and item.text == self._lemma(item):
                return True
        return bool(self.draft.head and self.draft.singular and self.draft.by and self.draft.by[0] in PLACES)

    def _modifies(self, at: int) -> bool:
        """'node vendor', 'cluster partition': the first of two dimensions in one breath only says whose."""
        item, after = self.items[at], self.items[at + 1] if at + 1 < len(self.items) else None
        beside = after is not None and after.has("dim") and not after.has("value", "measure", "thing") and after.start == item.end
        return beside and not item.comma and item.text == self._lemma(item) and not item.has("measure", "thing")

    def _owner(self, at: int) -> bool:
        """'per driver version of the node': whose the group is, not another group."""
        n, of = at - 1, False
        while n >= 0 and self.items[n].text in ("of", "the", "its", "their", "a", "of the", "of a", "on", "on the"):
            of = of or self.items[n].text.startswith(("of", "on"))
            n -= 1
        grouped = n >= 0 and self.items[n].has("dim") and n in self.draft.used and bool(self.draft.by)
        singular = self.items[at].text == self._lemma(self.items[at])
        return of and grouped and (singular or self.items[at - 1].text == "the")

    def _grouped_next(self, at: int) -> bool:
        """Whether the next content word is a dimension: 'nodes by driver' counts nodes, 'users by failed jobs' ranks users."""
        n = at
        while n < len(self.items) and (self.items[n].has("soft") and len(self.items[n].senses) == 1):
            n += 1
        return n < len(self.items) and self.items[n].has("dim") and not self.items[n].has("thing", "measure")

    def _lemma(self, item: Item) -> str:
        text = item.text.rstrip("'")
        return text[:-1] if text.endswith("s") and not text.endswith("ss") else text

    def _function(self, item: Item) -> bool:
        return all(
            s.role
            in (
                "soft",
                "which",
                "show",
                "top",
                "bottom",
                "worst",
                "best",
                "distinct",
                "chart",
                "agg",
                "number",
                "above",
                "qualifier",
                "value",
            )
            for s in item.senses
        )

    def _preposition(self, at: int) -> bool:
        """Whether a noun phrase begins with a preposition or an article: 'of B200 GPUs', 'on the PCIe-only nodes'."""
        n = at - 1
        same = self.items[at].text
        if self.draft.measures and n >= 0 and self.items[n].end != self.items[at].start and not self.items[at].text.endswith("s"):
            return False
        while n >= 0 and (
            self.items[n].has("value", "qualifier", "compare", "conjunction")
            or self.items[n].number is not None
            or self.items[n].text == same
        ):
            n -= 1
        return n >= 0 and (self.items[n].text in _LIGHT or (self.items[n].has("soft") and len(self.items[n].senses) == 1))

    def _as_rate(self, at: int, item: Item) -> bool:
        """Whether 'per GPU' divides rather than groups: it does beside another grouping or an average."""
        sense = item.sense("denominator")
        assert sense is not None  # noqa: S101 - the caller has seen it
        plain = sense.name in ("gpu", "node", "port")
        others = any(i.has("group", "which") and n + 1 != at and n != at for n, i in enumerate(self.items)) or bool(self.draft.by)
        average = any(i.has("agg") and any(s.name == "avg" for s in i.senses) for i in self.items[:at])
        if (
            not plain
            or len(item.text.split()) > len(("per", "gpu"))
            or others
            or (average and not any(i.has("measure") for i in self.items[:at]))
        ):
            self.draft.denominator = sense.name
            return True
        dim = next((d for d in (sense.name,) if d in self.lexicon.dimensions), "")
        if dim:
            self._group(tuple(f for f in self.lexicon.dimensions[dim].fields if f in self.reach)[:1], dim)
            return True
        return False
