"""Numbers of a question: codes, comparisons, 'top 5'; and the state that all passes of the parser share."""

from typing import Literal

from llo11ypop.catalog import Catalog
from llo11ypop.language.draft import Draft, Limit
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Condition
from llo11ypop.language.spot import ATTRIBUTES, RANKS, SIZED, Spotted
from llo11ypop.language.values import ValueIndex

_LIMITS = {"above": ">", "below": "<", "at_least": ">=", "at_most": "<=", "exactly": "="}
_NUMBERED = {
    "gpu": "gpu_index",
    "gpu_index": "gpu_index",
    "slot": "slot",
    "code": "code",
    "exit_code": "exit_code",
    "exit_signal": "exit_signal",
    "rank": "rank",
    "stage": "pipeline_stage",
    "link": "link",
    "rack_unit": "rack_unit",
    "job": "job_id",
}
"""Dimension → the integer field that a number right behind it picks: 'GPU 3', 'XID 79', 'exit code 137'."""
_PER_CENT_OF = frozenset({"% of", "percent of", "percentage of"})
DISTINCT = "distinct "
"""Before a field: how many different values of it, not the field itself."""

LEAST_JOB, LAST_SLOT, MOST_TOP = 1000, 15, 1000
"""Smaller numbers are no job ids; larger ones no GPU of a node; nor the length of a ranking (our assumptions)."""


class Numbers:
    """Passes over the numbers."""

    def __init__(self, spotted: Spotted, catalog: Catalog, lexicon: Lexicon, values: ValueIndex) -> None:
        self.items = spotted.items
        self.catalog = catalog
        self.lexicon = lexicon
        self.values = values
        self.reach = reachable(catalog, spotted.dataset)
        self.draft = Draft(spotted.dataset)
        self.thing_named = self._named_thing()
        self.negated = False

    def _named_thing(self) -> str:
        return next((s.name for i in self.items for s in i.senses if s.role == "thing" and not s.data.weak), "")

    def _numbered(self) -> None:
        """'XID 79', 'XIDs 48, 63 and 64', 'GPU 3', 'exit code 137', 'driver 550'."""
        for at, item in enumerate(self.items):
            dim = item.sense("dim")
            name = dim.name if dim else ""
            thing = item.sense("thing")
            if thing is not None and thing.name in ("xid", "raw_xid_line", "sxid"):
                name = "code"
            if thing is not None and thing.name == "job":
                name = "job"
            numbers = self._numbers_after(at)
            if name == "driver":
                self._driver(at, numbers)
            field = _NUMBERED.get(name)
            op: Literal["in", "not in"] = "in"
            if not numbers and name == "code":
                numbers, op = self._left_out(), "not in"
            if not numbers or field is None:
                continue
            if field == "rank" and "rank" not in self.reach and "slowest_rank" in self.reach:
                field = "slowest_rank"
            if field not in self.reach or (name == "job" and self.items[numbers[0]].number < LEAST_JOB):  # type: ignore[operator]
                continue
            if name == "gpu" and (item.text.endswith("s") or self.items[numbers[0]].number > LAST_SLOT):  # type: ignore[operator]
                continue
            before = self._back(at)
            if op == "in" and numbers[0] > at and before is not None and self.items[before].has("negate"):
                op = "not in"
                self.draft.used.add(before)
            found = tuple(float(self.items[n].number or 0) for n in numbers)
            self._filter(Condition(field, op, found, f"{item.text} {', '.join(f'{v:g}' for v in found)}"), at)
            if numbers[0] < at:
                self.draft.used |= {*numbers, *(n for n in range(numbers[0], numbers[-1]) if self.items[n].has("conjunction"))}
            self.draft.used |= {*range(numbers[0], numbers[-1] + 1)}
            if thing is None and not (op == "not in" and at and self.items[at - 1].has("group")):
                self.draft.used.add(at)

    def _left_out(self) -> list[int]:
        """Positions of codes that are excluded wherever that is said: 'other than 13 and 31', 'excluding 13'."""
        for at, item in enumerate(self.items):
            follows = self._numbers_after(at) if item.has("negate") else []
            if follows:
                self.draft.used.add(at)
                return follows
        return []

    def _driver(self, at: int, numbers: list[int]) -> None:
        near = numbers[:1] or ([at - 1] if at and self.items[at - 1].number is not None else [])
        for n in near:
            prefix = f"{self.items[n].number:g}"
            matching = tuple(v for v in self.values.values.get("driver", ()) if v.startswith(prefix))
            if matching:
                self._filter(Condition("driver", "in", matching, f"driver {prefix}"), at)
            else:
                known = ", ".join(self.values.values.get("driver", ()))
                self.draft.nothing = f"there is no driver {prefix} here; drivers are {known}"
            self.draft.used |= {at, n}

    def _numbers_after(self, at: int) -> list[int]:
        """Positions of numbers right behind an item, joined by commas, 'and' or 'or'."""
        out: list[int] = []
        n = at + 1
        while n < len(self.items):
            if self.items[n].number is not None and not self._is_unit(n + 1):
                out.append(n)
            elif not (
                (out or self.items[n].text == "=")
                and self.items[n].text in ("and", "or", "number", "=")
                and n + 1 < len(self.items)
                and self.items[n + 1].number is not None
            ):
                break
            n += 1
        return out

    def _is_unit(self, at: int) -> bool:
        return at < len(self.items) and self.items[at].has("unit") and self.items[at].text not in ("s", "a", "d")

    def _limits(self) -> None:
        """'more than 5', 'at least 3', 'between 20 and 80 %', 'outside 20-80 %', '5 or more'."""
        items, used = self.items, self.draft.used
        for at, item in enumerate(items):
            if item.number is None or at in used:
                continue
            before = self._back(at)
            op = next((sign for role, sign in _LIMITS.items() if before is not None and items[before].has(role)), "")
            after = at + 1
            unit = ""
            if after < len(items) and items[after].has("unit"):
                unit, after = items[after].sense("unit").name, after + 1  # type: ignore[union-attr]
            if op and after < len(items) and items[after].text in _PER_CENT_OF:
                unit, after = "%", after + 1
            if not op and at > 1 and items[at - 1].text in ("is", "was", "are", "were") and items[at - 2].has("measure"):
                op, before = "=", at - 1
            attribute = "" if not op and self._ranks_them(at, after) else self._sized(after)
            if attribute and not unit:
                self.draft.limits.append(
                    Limit(op or "=", item.number, "", before if op and before is not None else at, after + 1, attribute=attribute)
                )
                used |= set(range(before if op and before is not None else at, after + 1))
                continue
            if not unit and self._different(at, op, before, after):
                continue
            pair = self._pair(at, after)
            outside = before is not None and items[before].has("outside")
            if pair is not None and (outside or (before is not None and items[before].text in ("between", "from")) or op == ""):
                second, end = pair
                behind = items[second + 1].sense("unit") if second + 1 < len(items) else None
                unit = unit or (behind.name if behind is not None else "")
                sign = "outside" if outside else "between"
                start = before if before is not None and (outside or items[before].text in ("between", "from")) else at
                attribute = self._sized(end) if not unit else ""
                self.draft.limits.append(Limit(sign, item.number, unit, start, end, items[second].number, attribute))
                used.update({end} if attribute else set())
                used |= set(range(start, end))
                continue
            if after < len(items) and items[after].has("at_least", "at_most") and items[after].text.startswith("or "):
                op = ">=" if items[after].has("at_least") else "<="
                attribute = self._sized(after + 1)
                end = after + 2 if attribute else after + 1
                self.draft.limits.append(Limit(op, item.number, unit, at, end, attribute=attribute))
                used |= set(range(at, end))
            elif op and before is not None:
                self.draft.limits.append(Limit(op, item.number, unit, before, after))
                used |= set(range(before, after))
            elif self._follows("twice", at):
                continue

    def _different(self, at: int, op: str, before: int | None, after: int) -> bool:
        """'more than one firmware version', '2 or more XID codes': a number of different values of a field."""
        items = self.items
        behind = items[after] if after + 1 < len(items) and items[after].text.startswith("or ") else None
        sign = ">=" if behind is not None and behind.has("at_least") else "<=" if behind is not None else op
        kinds = after + (behind is not None)
        each = items[kinds].sense("dim") if sign and kinds < len(items) else None
        own = next((f for f in each.data.fields if f in self.reach), "") if each is not None else ""
        if not own or items[kinds].has("thing", "measure", "value", "unit"):
            return False
        start = before if before is not None and not behind else at
        self.draft.limits.append(Limit(sign, items[at].number or 0.0, "", start, kinds + 1, attribute=f"{DISTINCT}{own}"))
        self.draft.used |= set(range(start, kinds + 1))
        return True

    def _ranks_them(self, at: int, after: int) -> bool:
        """'which 3 nodes had the most', '3 nodes with the most': as many of a ranking, not the size of a job."""
        before = self._back(at)
        opens = before is None or self.items[before].has("show", "which")
        of_jobs = after + 1 < len(self.items) and self.items[after + 1].has("thing")
        return opens and not of_jobs and any(i.has(*RANKS) for i in self.items)

    def _sized(self, at: int) -> str:
        """The field of a job that counts the things named there: '64 GPUs'."""
        dim = self.items[at].sense("dim") if at < len(self.items) else None
        if dim is None or dim.name not in ATTRIBUTES or self.draft.dataset not in SIZED:
            return ""
        return ATTRIBUTES[dim.name]

    def _pair(self, at: int, after: int) -> tuple[int, int] | None:
        """(position of the second number, end) of '20 and 80 %' or '20 80 %'."""
        items = self.items
        second = after + 1 if after < len(items) and items[after].text in ("and", "to", "-") else after
        if second >= len(items) or items[second].number is None or second in self.draft.used:
            return None
        end = second + 1
        if end < len(items) and items[end].has("unit"):
            end += 1
        return second, end

    def _back(self, at: int) -> int | None:
        """The nearest item before that is more than an article."""
        n = at - 1
        while n >= 0 and self.items[n].text in ("the", "a", "an", "of", "as", "than", "any"):
            n -= 1
        return n if n >= 0 else None

    def _follows(self, text: str, at: int) -> bool:
        return at > 0 and self.items[at - 1].text == text

    def _tops(self) -> None:
        """'top 5', '5 worst', 'the three hottest', 'worst five'."""
        items, used = self.items, self.draft.used
        for at, item in enumerate(items):
            if item.number is None or at in used or not 0 < item.number <= MOST_TOP or item.number != int(item.number):
                continue
            if item.text == "one" and not self._opens(at):
                used.add(at)
                continue
            before, after = self._back(at), self._past_values(self._ahead(at))
            ranked = any(
                n is not None
                and (
                    items[n].has(*RANKS)
                    or any(s.role == "agg" and s.name in ("last", "first") for s in items[n].senses)
                    or any(s.role == "measure" and s.data.rank for s in items[n].senses)
                )
                for n in (before, after)
            )
            shown = (
                (after is not None and items[after].has("qualifier") and any(i.has(*RANKS) for i in items))
                or (before is not None and items[before].has("show") and after is None)
                or (
                    before is not None
                    and items[before].has("show", "which")
                    and after is not None
                    and items[after].has("dim", "thing", "top", "qualifier")
                )
            )
            first = before is not None and items[before].text in ("first",)
            first = first or (after is not None and items[after].has("dim", "thing") and any(i.has(*RANKS) for i in items))
            if ranked or shown or first:
                self.draft.top = int(item.number)
                used.add(at)

    def _opens(self, at: int) -> bool:
        """Whether a 'one' says how many of a ranking: not the one of 'the highest rate that one GPU reached'."""
        before = self._back(at)
        return before is None or self.items[before].has("which", "show", "agg", *RANKS)

    def _past_values(self, at: int | None) -> int | None:
        """'which three c-c hosts': past the names that stand before what is meant."""
        while at is not None and self.items[at].has("value") and not self.items[at].has("dim", "thing", "measure", *RANKS):
            at = self._ahead(at)
        return at

    def _ahead(self, at: int) -> int | None:
        """The next item that is more than a dropped word."""
        n = at + 1
        while n < len(self.items) and (self.items[n].senses[0].role == "soft" and len(self.items[n].senses) == 1):
            n += 1
        return n if n < len(self.items) else None

    def _filter(self, condition: Condition, at: int) -> None:
        draft = self.draft
        for n, known in enumerate(draft.filters):
            if known.field == condition.field and known.op == condition.op:
                if set(known.values) >= set(condition.values):
                    return
                if set(condition.values) < set(known.values):
                    draft.filters[n] = condition
                    return
                draft.filters[n] = Condition(
                    known.field,
                    known.op,
                    (*known.values, *(v for v in condition.values if v not in known.values)),
                    f"{known.words}, {condition.words}",
                )
                return
        draft.filters.append(condition)
        draft.filter_at.append(at)
