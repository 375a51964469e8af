"""From spotted phrases to a draft: who is counted, by what, which conditions, which ranking. Word order matters only locally."""

from llo11ypop.language.draft import Draft
from llo11ypop.language.nouns import PURE, Nouns
from llo11ypop.language.spot import RANKS, Item

_PREPOSITIONS = frozenset({"on", "of", "in", "for", "with", "from", "over", "at"})
_DONE_BY = frozenset({"used", "consumed", "drawn", "burned", "burnt", "produced", "caused", "run", "sent"})
_RELATIVE = frozenset({"with", "that", "which", "of", "on", "in"})
_COUNT_BEHIND = frozenset({"how many", "count", "the count", "number", "just the count", "just the number"})
_WHEN = frozenset({"when", "what time", "at what time"})
_AGENTS = frozenset({"gpus", "nodes"})
_IN_ALL = frozenset({"in all", "of all", "on all", "for all", "over all", "from all"})
"""'in all clusters': over them together, not each by itself."""
NONE = frozenset({"no", "non", "without", "never", "not"})
"""Negations that can mean zero of something; the others leave rows out."""


class Parser(Nouns):
    """Reads one question under one dataset."""

    def parse(self) -> Draft:
        """All passes."""
        self._numbered()
        self._limits()
        self._tops()
        self._main()
        self._late_aggs()
        self._late_count()
        self._count_of_kind()
        self._count_of_head()
        self._asked_when()
        return self.draft

    def _asked_when(self) -> None:
        """'When … did it take longest', '…, which one and when?': the time is part of what is asked for."""
        ends = (self.items[0].text, self.items[-1].text) if self.items else ()
        self.draft.when = self.draft.when or any(text in _WHEN for text in ends)

    def _count_of_head(self) -> None:
        """'nodes out of warranty, by vendor': what stands at the head is counted per what stands behind 'by'."""
        draft = self.draft
        asked = any(i.has("which", "show", "count") and i.text not in ("any", "all") for i in self.items)
        named = draft.measures or draft.rank or draft.counted or draft.thing is not None or draft.share or draft.bucket
        if draft.head and draft.grouped and not asked and not named and len(draft.by) > 1 and draft.by[0] not in draft.grouped:
            if (draft.qualifiers or draft.limits or draft.filters) and not set(draft.by[1:]) - set(draft.grouped):
                draft.counted, draft.counted_label = (draft.by[0],), draft.dims[0]
                draft.by, draft.listing = draft.by[1:], False

    def _count_of_kind(self) -> None:
        """'how many saves': a condition alone stands for the thing that it is a condition of."""
        draft = self.draft
        limited = bool(draft.limits) and len(draft.measures) == 1 and not draft.measures[0].aggs
        named = (draft.measures and not limited) or draft.thing is not None or draft.counted or draft.head
        if draft.qualifiers and not named and any(i.has("count") for i in self.items[: draft.qualifiers[0][3]]):
            draft.count_thing = True

    def _late_count(self) -> None:
        """'ports seen down since 2 May: how many': what stands at the head is counted."""
        draft = self.draft
        before = self.items[-2] if len(self.items) > 1 else None
        last = self.items[-1].text if self.items else ""
        of = ("conjunction", "thing", "qualifier", "dim", "measure") if last == "count" else ("conjunction",)
        asked = before is not None and last in _COUNT_BEHIND and not before.has(*of)
        if asked and draft.head and len(draft.by) == 1 and not draft.counted:
            draft.counted, draft.counted_label = (draft.by[0],), draft.dims[0] if draft.dims else draft.by[0]
            draft.by, draft.listing = [], False
        elif asked and draft.thing is not None and draft.listing and not (draft.by or draft.measures):
            draft.count_thing, draft.listing = True, False

    def _soft(self) -> set[int]:
        """Positions of words that say nothing by themselves."""
        return {n for n, i in enumerate(self.items) if all(s.role == "soft" for s in i.senses)}

    def _main(self) -> None:
        cue, negated = "", False
        for at, item in enumerate(self.items):
            if at in self.draft.used:
                continue
            beyond = item.has("outside") and at + 1 < len(self.items) and self.items[at + 1].has("value")
            if (item.text in NONE or item.number == 0) and self._none_of(at):
                self.draft.none = True
                self.draft.used.add(at)
                continue
            if item.text == "minus" and at and self.items[at - 1].has("measure") and at - 1 in self.draft.used:
                self.draft.used.add(at)
                continue
            if (beyond or item.has("negate")) and not item.has("value", "qualifier", "measure", "thing"):
                negated = True
                self.draft.used.add(at)
                continue
            without = negated and item.has("thing", "measure") and not item.has("qualifier", "planned")
            if without and self.draft.dataset != "maintenance_windows":
                self.draft.foreign.append(f"'no {item.text}'")
            cue, negated = self._one(at, item, cue, negated)
        self.draft.dangling = negated and not any(f.op == "not in" for f in self.draft.filters)

    def _kind_beside(self, at: int, name: str) -> bool:
        """'leaf and spine switches': a word that is a kind of the thing as the one joined to it is."""
        if not self._listed(at) or at + 2 >= len(self.items):
            return False
        thing = name.split(".", maxsplit=1)[0]
        return any(s.role == "qualifier" and s.name.split(".")[0] == thing for s in self.items[at + 2].senses)

    def _one_of_values(self, at: int, item: Item) -> bool:
        """'crit, alert or emerg': a condition among plain values of the same field is a value like them."""
        own = {s.name for s in item.senses if s.role == "value"}
        near = [i for n, i in enumerate(self.items) if n != at and abs(n - at) <= len(("or", "alert"))]
        return any(s.name in own for i in near for s in i.senses if s.role == "value" and not i.has("qualifier", "dim")) or any(
            own & set(s.data.fields) for i in near for s in i.senses if s.role == "dim" and i.text == "severity"
        )

    def _state_of_row(self, item: Item) -> bool:
        """'never hit OUT_OF_MEMORY': a value that says what became of a row, not one that names the things asked for."""
        own = [s for s in item.senses if s.role == "value" and s.dataset == self.draft.dataset]
        return any(s.name in ("state", "reason", "action", "result", "outcome") for s in own)

    def _none_of(self, at: int) -> bool:
        """Whether a negation says that there is none of a thing: 'nodes with no failed jobs', 'GPUs that never threw an XID'."""
        draft = self.draft
        if draft.dataset == "maintenance_windows" or not (draft.counted or (draft.by and draft.head)):
            return False
        rest = self.items[at + 1 :]
        named = next((n for n, i in enumerate(rest) if i.has("thing", "measure") or self._state_of_row(i)), None)
        between = rest[:named] if named is not None else []
        if named is None or any(not i.has("soft", "show", "qualifier", "value", "number", "agg") for i in between):
            return False
        return self.items[at].text != "not" or any(i.text == "any" for i in between)

    def _one(self, at: int, item: Item, cue: str, negated: bool) -> tuple[str, bool]:
        draft, self.negated = self.draft, negated
        if item.has("planned") and negated and draft.dataset != "maintenance_windows":
            draft.planned = True
            draft.used.add(at)
            return cue, False
        if item.has("normal") and not item.has("measure", "value", "qualifier"):
            draft.normal = True
            draft.used.add(at)
            return cue, negated
        if item.has("denominator") and self._as_rate(at, item):
            draft.used.add(at)
            return "", negated
        qualifier = self._qualifier(item)
        if item.has("measure") and not self._prefers_rank(at, item, cue):
            self._measure(at, item)
            draft.count_measure = draft.count_measure or cue == "count"
            return "rank" if item.sense("measure").data.rank else "", negated  # type: ignore[union-attr]
        if (
            qualifier is not None
            and not (item.has("thing") and not draft.thing)
            and not (
                item.has("dim")
                and cue in ("group", "count")
                and not qualifier[0].startswith("environment_unit.")
                and not self._kind_beside(at, qualifier[0])
            )
            and not self._one_of_values(at, item)
        ):
            draft.qualifiers.append((*qualifier, negated, at))
            draft.used.add(at)
            if cue == "group" and item.has("dim") and qualifier[0].startswith("environment_unit."):
                return self._dim(at, item, cue), negated
            return cue, negated and self._left_out_too(at)
        if item.has("thing") and item.has("value") and draft.thing is None and not self._valued(at, item):
            return self._thing(at, item, cue), False
        if item.has("value") and not item.has("dim") and not self._plain_word(at, item):
            self._value(at, item, negated)
            return cue, negated and self._left_out_too(at)
        parts = item.has("dim") and any(s.role == "thing" and s.name == "replacement" for s in item.senses)
        if self._dimension_of(item, cue):
            return self._dim(at, item, cue), False
        if cue == "group" and item.has("thing", "qualifier") and (item.has("dim") or item.has("thing")) and self._orders(item):
            draft.used.add(at)
            draft.thing = draft.thing or next(((s.name, s.data) for s in item.senses if s.role == "thing"), None)
            draft.order_by_measure = True
            return "", negated
        if item.has("thing") and not (item.has("dim") and (cue == "group" or (parts and cue in ("which", "rank", "show")))):
            return self._thing(at, item, cue), False
        if item.has("dim") and not self._verb_or_adjective(at, item, cue):
            beside = at + 1 < len(self.items) and (self.items[at + 1].has("value", "unknown") or self._labels_next(at))
            return self._dim(at, item, cue), negated and beside
        if item.has("when"):
            draft.when = True
            draft.used.add(at)
            return "", negated
        return self._grammar(at, item, cue), negated

    def _orders(self, item: Item) -> bool:
        """'top 5 nodes by XIDs': behind a ranking, things in the plural are what it is ranked by."""
        draft = self.draft
        return bool(
            draft.rank and draft.by and draft.head and not draft.measures and item.text.endswith("s") and item.sense("thing")
        )

    def _dimension_of(self, item: Item, cue: str) -> bool:
        """'which switch reached the highest …': with a measure, a thing that is nothing but a dimension is one."""
        thing = item.sense("thing")
        weak = thing is not None and thing.data.weak and item.has("dim")
        listed = cue in ("which", "rank", "show", "group", "across") or not self.draft.used - self._soft()
        return weak and listed and any(i.has("measure") for i in self.items)

    def _foreign(self, at: int, item: Item) -> None:
        """A dimension that the dataset does not have, unless it only names the kind of the value beside it."""
        fields = item.senses[0].data.fields
        beside = [self.items[n] for n in (at - 1, at + 1) if 0 <= n < len(self.items)]
        self.draft.used.add(at)
        if not any(s.role == "value" and s.name in fields for i in beside for s in i.senses):
            self.draft.foreign.append(item.text)

    def _labels_next(self, at: int) -> bool:
        return len(self.items[at + 1].text) == 1

    def _measure_ahead(self, at: int) -> Item | None:
        """The next item of content, past conditions and values: 'highest CRAC supply temperature'."""
        ahead = self._ahead(at)
        while ahead is not None and self.items[ahead].has("qualifier", "value") and not self.items[ahead].has("measure"):
            ahead = self._ahead(ahead)
        return self.items[ahead] if ahead is not None else None

    def _agent(self, at: int) -> bool:
        """'energy used by the c-c GPUs': who does it, not what it is split by."""
        if not at or at + 1 >= len(self.items) or self.items[at - 1].text.split()[-1] not in _DONE_BY:
            return False
        if self.items[at + 1].text == "jobs" and any(i.text in _RELATIVE for i in self.items[at + 2 : at + 3]):
            return True
        after, later = self.items[at + 1], any(i.has("group") for i in self.items[at + 2 :])
        return after.text in ("the", "our", "all") or after.has("value") or (after.text in _AGENTS and later)

    def _lead(self, item: Item, cue: str, following: Item | None) -> str | None:
        """What 'by', 'across', 'which' and 'show' make of the next dimension; none for other words."""
        for role in ("group", "across", "which", "show"):
            if item.has(role):
                if role == "group" and following is not None and following.has("measure") and not following.has("dim"):
                    self.draft.order_by_measure = True
                own = self.catalog.datasets[self.draft.dataset].fields
                who = next((f for f in ("user", "actor", "assignee", "technician_id") if f in own), "")
                if item.text == "who" and who and not self.draft.by:
                    self._group((who,), who)
                    self.draft.head = self.draft.listing = True
                    return "which"
                if role == "group" and cue == "show" and item.text in ("every", "each"):
                    return cue
                if role == "show" and cue == "which":
                    return cue
                if item.text == "any" and self.draft.measures:
                    return ""
                return role if not (role == "which" and cue == "group") else cue
        return None

    def _kinds_next(self, at: int) -> bool:
        """'distinct XIDs on gpu-b-003': which kinds there are; 'distinct users' and what is told per something is a number."""
        ahead = self._ahead(at)
        dims = [s for s in self.items[ahead].senses if s.role == "dim"] if ahead is not None else []
        told = any(i.has("group", "across", "bucket", "count") for i in self.items)
        return bool(dims) and not told and not any(s.data.home or s.data.level for s in dims)

    def _calendar(self, at: int, item: Item, cue: str) -> str:
        """'which day had the most …', 'top 3 weeks by …': spans of time that are listed or ranked; other uses stay unread."""
        draft = self.draft
        ranked = bool(draft.rank) or draft.top is not None or any(i.has(*RANKS) for i in self.items)
        if draft.bucket or not (cue in ("which", "rank", "show", "group") or (ranked and not draft.by and at <= 1 + len("the"))):
            return cue
        draft.bucket = item.sense("calendar").name  # type: ignore[union-attr]
        draft.peak = ranked
        draft.used.add(at)
        return ""

    def _grammar(self, at: int, item: Item, cue: str) -> str:
        """Roles that words have whatever the dataset; the cue that the next dimension meets."""
        draft, following = self.draft, self._measure_ahead(at)
        if item.has("number", "unknown"):
            return cue
        if item.has("foreign"):
            self._foreign(at, item)
            return cue
        if item.has("calendar"):
            return self._calendar(at, item, cue)
        draft.used.add(at)
        if cue == "group" and item.text in _PREPOSITIONS:
            return ""
        if item.text == "count" and at and self.items[at - 1].has("measure") and at - 1 in draft.used:
            return cue
        if item.has("count"):
            return "count"
        if item.has("bucket"):
            draft.bucket = draft.bucket or item.sense("bucket").name  # type: ignore[union-attr]
            joined = self._listed(at) and at + 2 < len(self.items) and self.items[at + 2].has("dim")
            return "group" if joined else cue
        if item.has("agg") and (
            not item.has(*RANKS)
            or item.text in PURE
            or (following is not None and following.has("measure") and self._takes_agg(following))
        ):
            draft.aggs.append((item.sense("agg").name, at))  # type: ignore[union-attr]
            if item.has(*RANKS):
                self._rank(item)
            return cue
        if item.has("agg") and item.text in ("highest", "lowest") and draft.measures and not draft.measures[-1].aggs:
            draft.aggs.append((item.sense("agg").name, at))  # type: ignore[union-attr]
        if item.has(*RANKS):
            self._rank(item)
            return cue if cue in ("which", "show", "count") else "rank"
        if item.text in _IN_ALL and not draft.rank:
            return "all"
        if item.text == "by" and self._agent(at):
            if self.items[at + 1].text in _AGENTS:
                draft.used.add(at + 1)
            return ""
        led = self._lead(item, cue, following)
        if led is not None:
            return led
        if item.has("share"):
            draft.share, draft.share_at = True, at
            return "" if cue == "which" else cue
        if item.has("rate"):
            draft.rate = True
        elif item.has("chart"):
            draft.chart = True
        elif item.has("trend"):
            draft.trend = True
        elif item.has("compare"):
            draft.compare = True
        elif item.has("distinct"):
            draft.distinct = True
            listed = cue == "" and not (draft.by or draft.bucket) and self._kinds_next(at)
            return "show" if listed else "count" if cue in ("count", "") else cue
        return cue
