"""Shares, rates and measures set side by side."""

import re
from dataclasses import replace
from itertools import pairwise

from llo11ypop.language.alternatives import TOGETHER
from llo11ypop.language.draft import Named
from llo11ypop.language.entries import Qualifier, Thing
from llo11ypop.language.nouns import PLACES
from llo11ypop.language.quantities import count_of_thing, negated, quantities, slug, together
from llo11ypop.language.reach import called
from llo11ypop.language.scope import Condition, Quantity
from llo11ypop.language.thresholds import OF_ALL, Thresholds

_AGAIN = frozenset({"on", "in", "for", "from", "at", "of", "with", "by"})
_ARTICLES = frozenset({"the", "all", "our", "their", "these", "those"})
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


_FLAG = re.compile(r"(\w+) = \d+")
_LISTED = re.compile(r"(\w+) (?:=|in) ")
_VALUE = re.compile(r"(\w+) = '[^']*'")
_OUTCOMES = frozenset({"ok", "failed", "passed", "completed"})
"""Conditions that say how something ended, so that their rate is a share of all."""


class Shares(Thresholds):
    """Parts of a whole and rates."""

    def _entity_share(self, name: str, thing: Thing, own: list[tuple[Qualifier, bool]]) -> None:
        """'what fraction of GPUs had an XID': GPUs with one over all GPUs, not one kind of XID over all XIDs."""
        self.measures = [count_of_thing(name, thing.model_copy(update={"recipe": ""}), own, self.lexicon)]
        self.draft.share, self.draft.denominator = False, OF_ALL[self.draft.counted[0]]

    def _share_parts(self, name: str, thing: Thing) -> None:
        """'what share of failed jobs were out of memory': the whole stands before the verb, the part behind it."""
        draft = self.draft
        ordered = sorted(draft.qualifiers, key=lambda q: q[3])
        verb = next(
            (n for n, i in enumerate(self.items) if n > draft.share_at and i.text.split()[0] in _VERBS and n > 0), len(self.items)
        )
        late = [at for at in draft.filter_at if at > draft.share_at]
        named_at = next((n for n, i in enumerate(self.items) if n > draft.share_at and i.has("thing")), len(self.items))
        whole = [
            q for q in ordered if q[3] < verb and len(ordered) + len(late) > 1 and (q[3] < named_at or verb < len(self.items))
        ]
        parts = [q for q in ordered if q not in whole]
        left_out = [q for q in parts if q[2]]
        if left_out and len(left_out) < len(parts):
            whole, parts = [*whole, *left_out], [q for q in parts if not q[2]]
        if not parts and not draft.filters and whole:
            parts, whole = [whole[-1]], whole[:-1]
        kept: list[Condition] = []
        for condition, position in zip(draft.filters, draft.filter_at, strict=False):
            if position < draft.share_at and (parts or late):
                kept.append(condition)
            elif (not parts and position > verb) or (not ordered and position > draft.share_at and verb < position):
                self.part.append(condition)
            else:
                kept.append(condition)
        if not parts and not self.part and kept:
            self.part = [kept.pop()]
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

    def _side_by_side(self) -> None:
        """'power of c-a and c-b', 'leaf and spine switches': what 'and' joins is told each by itself, unless together is said."""
        draft = self.draft
        counts = draft.count_thing or draft.count_measure or draft.counted or draft.share or draft.limits
        if not draft.alone or counts or draft.listing or (draft.rank and not draft.measures):
            return
        self._each_of_both()
        if draft.by or any(w in TOGETHER for i in self.items for w in i.text.split()):
            return
        own = {called(f.field, self.reach) for f in draft.filters if f.op == "in" and len(f.values) > 1}
        kinds = [{called(s.name, self.reach) for s in i.senses if s.role == "value"} for i in self.items]
        conditions = {at: m[1] for _, q, no, at in draft.qualifiers if not no and (m := _VALUE.fullmatch(q.where))}
        for at in range(1, len(self.items) - 1):
            if self.items[at].text not in ("and", "plus", "as well as"):
                continue
            both = kinds[at - 1] & kinds[at + 1] & own
            measured = any(m.words.field for m in draft.measures)
            if measured and conditions.get(at - 1) and conditions.get(at - 1) == conditions.get(at + 1):
                both = {conditions[at - 1]}
            if both:
                draft.by = [next(iter(both))]

    def _each_of_both(self) -> None:
        """'on feed A and on feed B': a preposition said again tells each by itself, whatever else it is told by."""
        kinds = {at: m[1] for _, q, no, at in self.draft.qualifiers if not no and (m := _VALUE.fullmatch(q.where))}
        for first, second in pairwise(sorted(kinds)):
            between = [i.text for i in self.items[first + 1 : second]]
            again = len(between) == len(("and", "on")) and between[0] in ("and", "or", "vs", "versus") and between[1] in _AGAIN
            if again and kinds[first] == kinds[second] and kinds[first] not in self.draft.by:
                self.draft.by.append(kinds[first])

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
                        return self._by_flag(chosen)
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

    def _by_flag(self, chosen: list[tuple[Qualifier, bool]]) -> bool:
        """'lead time of single-source parts against those of several vendors': told by the field that sets them apart."""
        found = [_FLAG.fullmatch(q.where) for q, _ in chosen]
        fields = {m[1] for m in found if m}
        if len(fields) != 1 or not all(found):
            return False
        self.draft.by = [*fields, *(b for b in self.draft.by if b not in fields)]
        self.draft.compare, self.draft.qualifiers = False, []
        return False

    def _per(self) -> str:
        draft = self.draft
        if draft.denominator:
            return draft.denominator
        if draft.rate and draft.measures and draft.measures[0].words.rate_by and draft.by:
            return draft.measures[0].words.rate_by
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
        if not ranked or not draft.by or not set(draft.by) <= PLACES or self.having or self.count_of:
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

    def _conditions(self, own: list[tuple[Qualifier, bool]], numeric: list[Named]) -> None:
        """The conditions beside a measure: filters, or of a share the part and what the whole has as well."""
        draft = self.draft
        whole = self._of_the_whole() if draft.share else []
        for where in together([(q.where, no) for q, no in own if q not in whole]):
            label = next((q.label for q, no in own if q.where == where), " or ".join(q.label for q, _ in own))
            self._condition(where, False, label)
        plain = draft.share and not draft.bucket and not self.measures[0].recipe
        if plain and own and self._within_each():
            self.part = [c for c in self.filters if c.op == "expr"]
            self.filters = [c for c in self.filters if c.op != "expr"]
        elif plain and draft.filters and not draft.by:
            late = [f for f, at in zip(draft.filters, draft.filter_at, strict=False) if at > numeric[0].position]
            self.part, self.filters = late, [f for f in self.filters if f not in late]
        for q in whole:
            self._condition(q.where, any(no for other, no in own if other is q), q.label)

    def _of_the_whole(self) -> list[Qualifier]:
        """'of all warnings, which share is …', 'share of warnings with reason …': conditions that the whole has too."""
        ordered = sorted(self.draft.qualifiers, key=lambda q: q[3])
        said = [q for q in ordered if not q[2]]
        left_out = [q for q in ordered if q[2]] if said else []
        early = [q for q in said if q[3] < self.draft.share_at]
        fields = {m[1] for _, q, _, _ in said if (m := _LISTED.match(q.where))}
        several = len(said) > 1 and len(fields) == len(said)
        whole = early if early and len(early) < len(said) else said[:-1] if several and not early else []
        return [q[1] for q in (*whole, *left_out)]

    def _within_each(self) -> bool:
        """'share of GPU-hours lost in failed jobs per cluster' is told of each; '… of failed jobs' divides them up."""
        draft = self.draft
        if not draft.by:
            return True
        before = [next((i.text for i in reversed(self.items[:at]) if i.text not in _ARTICLES), "") for *_, at in draft.qualifiers]
        whole = self._of_the_whole()
        told = [text for text, (_, q, *_) in zip(before, draft.qualifiers, strict=True) if q not in whole]
        return all(text.split()[-1:] not in (["of"], ["from"], ["for"]) for text in told)

    def _rates_and_shares(self) -> None:
        draft = self.draft
        if draft.share and self.measures and all(q.unit == "%" for q in self.measures) and not self.part:
            draft.share = False
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
                    self.measures = [
                        Quantity(
                            shares[0],
                            f"share: {first.label}",
                            first.dataset,
                            first.agg,
                            first.field,
                            first.where,
                            unit="%",
                            better=first.better,
                            recipe=first.recipe,
                            definition=first.definition,
                        )
                    ]
        if draft.share and self.part and draft.bucket:
            draft.share = True

    def _rate_word(self) -> None:
        """'eviction rate', 'failure rate of jobs': jobs have a rate of their own; others are per 1,000 GPUs."""
        name, thing = self._thing()
        if name == "job" and any(key == "job.failed" for key, *_ in self.draft.qualifiers):
            self.measures = quantities(Named("failure_rate", self.lexicon.measures["failure_rate"]), self.lexicon)
            rest = [(q, no) for key, q, no, _ in self.draft.qualifiers if key != "job.failed"]
            for q, no in rest:
                self._condition(q.where, no, q.label)
            return
        ends = [q for q in self.draft.qualifiers if name == "job" or q[0].rpartition(".")[2] in _OUTCOMES]
        if len(ends) == 1 and not self.draft.measures:
            _, qualifier, no, _ = ends[0]
            rest = [(q, negative) for _, q, negative, at in self.draft.qualifiers if at != ends[0][3]]
            self.part = [Condition("", "expr", (negated(qualifier.where) if no else qualifier.where,), qualifier.label)]
            self.measures = [count_of_thing(name, thing.model_copy(update={"recipe": ""}), rest, self.lexicon)]
            self.draft.share = True
            self.out.defaults.append(f"rate = share of {self.measures[0].label} that were {qualifier.label}")
            return
        if thing.rate_by:
            self.draft.denominator = thing.rate_by
