"""Values that a question names: clusters, users, models, states; and words that only say of what kind they are."""

from typing import Literal

from llo11ypop.language.index import Sense
from llo11ypop.language.numbered import Numbers
from llo11ypop.language.reach import called
from llo11ypop.language.scope import Condition
from llo11ypop.language.spot import BY_CLUSTER, GRAMMAR, Item

SHORT = 2
"""Letters of a name such as the b of cluster c-b."""


class NamedValues(Numbers):
    """Filters from values."""

    def _labels(self, at: int, sense: Sense) -> bool:
        """Whether a dimension word only names the kind of the value beside it: 'cluster c-a', 'train partition'."""
        for n in (at + 1, at - 1, at + 2):
            if 0 <= n < len(self.items) and n < at + (2 if n != at + 2 or self.items[at + 1].has("soft") else 0) + 1:
                value = self.items[n].sense("value")
                if value is not None and value.name in sense.data.fields:
                    return True
                if n == at + 1 and sense.name == "cluster" and self._short_cluster(n):
                    return True
        return self._unknown_beside(at, sense)

    def _unknown_beside(self, at: int, sense: Sense) -> bool:
        """'cluster zeta': a name that does not exist."""
        if at + 1 < len(self.items) and self.items[at + 1].has("unknown") and (sense.data.level or sense.data.home):
            return True
        return False

    def _short_cluster(self, at: int) -> bool:
        """'cluster b' for c-b, 'clusters a and b'."""
        clusters = self.values.values.get("cluster", ())
        found = []
        n = at
        while n < len(self.items) and self.items[n].start == self.items[n - 1].end and len(self.items[n].text) <= len("versus"):
            text = self.items[n].text
            fitting = [(n, c) for c in clusters if c.lower().rsplit("-", 1)[-1] == text and len(text) <= SHORT]
            if not fitting and text not in ("and", "or", "vs", "versus", ","):
                break
            found += fitting
            n += 1
        if not found:
            return False
        op: Literal["in", "not in"] = "not in" if self.negated else "in"
        self._filter(Condition("cluster", op, tuple(c for _, c in found), ", ".join(c for _, c in found)), at)
        self.draft.used |= {n for n, _ in found}
        self.draft.notes.append("")
        return True

    def _listed(self, at: int) -> bool:
        return at + 1 < len(self.items) and self.items[at + 1].has("conjunction")

    def _left_out_too(self, at: int) -> bool:
        """'not cancelled, preempted or requeued': what else a negation reaches."""
        if self._listed(at):
            return True
        behind = self.items[at + 1 : at + 3]
        either = len(behind) > 1 and behind[0].text in ("or", "nor")
        following = behind[1] if either else behind[0] if behind and self.items[at].comma else None
        return following is not None and following.has("qualifier", "value")

    def _value(self, at: int, item: Item, negated: bool) -> None:
        senses = [s for s in item.senses if s.role == "value"]
        near = {
            f
            for n in (at - 1, at + 1)
            if 0 <= n < len(self.items)
            for s in self.items[n].senses
            if s.role == "dim"
            for f in s.data.fields
        }
        sense = next((s for s in senses if s.name in near), None) or next((s for s in senses if s.dataset), senses[0])
        same = [s for s in senses if s.name == sense.name and s.dataset == sense.dataset]
        raw = [v for s in same for v in (s.data if isinstance(s.data, tuple) else (s.data,))]
        field, found = sense.name, tuple(dict.fromkeys(raw))
        field = called(field, self.reach)
        if field == "model_name" and field not in self.reach:
            wanted = set(found)
            found = tuple(r for r, about in self.values.runs.items() if about.get(field) in wanted)
            field = "run_id"
        if field not in self.reach and field in BY_CLUSTER:
            wanted = set(found)
            found = tuple(c for c, places in self.values.clusters.items() if places.get(field) in wanted)
            field = "cluster"
        if self._each_named(at, field):
            self._group((field,), field)
        typed: tuple[str | float, ...] = tuple(
            float(v) if field in self.reach and self.reach[field].spec.numeric else v for v in found
        )
        self._filter(Condition(field, "not in" if negated else "in", typed, item.text), at)
        self.draft.used.add(at)

    def _each_named(self, at: int, field: str) -> bool:
        """'in train and in dev': each is asked about, not both together."""
        if at < len(("train", "and", "in")) or field not in self.reach:
            return False
        first, joined, preposition = self.items[at - 3 : at]
        same = any(s.role == "value" and s.name == field for s in first.senses)
        return same and joined.has("conjunction") and preposition.text in ("in", "on", "for", "of", "at")

    def _group(self, fields: tuple[str, ...], name: str) -> None:
        for own in fields:
            if own not in self.draft.by:
                self.draft.by.append(own)
        if name not in self.draft.dims:
            self.draft.dims.append(name)

    def _plain_word(self, at: int, item: Item) -> bool:
        """Whether a value that is also an everyday word ('high', 'own', 'slurm') stands alone."""
        return any(s.role in GRAMMAR for s in item.senses) and not self._valued(at, item)

    def _valued(self, at: int, item: Item) -> bool:
        """Whether a word that is something else too stands beside the dimension, or another value, that it is a value of."""
        fields = {s.name for s in item.senses if s.role == "value"}
        near = [self.items[n] for n in (at - 1, at + 1) if 0 <= n < len(self.items)]
        beside = any(s.role == "dim" and fields & set(s.data.fields) for i in near for s in i.senses)
        return beside or any(self._joined_value(at, step, fields) for step in (-1, 1))

    def _joined_value(self, at: int, step: int, fields: set[str]) -> bool:
        """'low vs normal qos', 'normal or warning events': a value of the same field that a conjunction joins to this one."""
        joint, other = at + step, at + 2 * step
        if not 0 <= other < len(self.items) or not self.items[joint].has("conjunction", "compare"):
            return False
        return any(s.role == "value" and s.name in fields for s in self.items[other].senses)
