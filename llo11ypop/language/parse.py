"""From spotted phrases to a draft: who is counted, by what, which conditions, which ranking. Word order matters only locally."""

from typing import Literal

from llo11ypop.catalog import Catalog
from llo11ypop.language.draft import Draft, Limit, Named
from llo11ypop.language.index import Sense
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.reach import called, reachable
from llo11ypop.language.scope import Condition
from llo11ypop.language.spot import ATTRIBUTES, BY_CLUSTER, SIZED, Item, Spotted
from llo11ypop.language.values import ValueIndex

_LIMITS = {"above": ">", "below": "<", "at_least": ">=", "at_most": "<=", "exactly": "="}
_NUMBERED = {"gpu": "gpu_index", "gpu_index": "gpu_index", "code": "code", "exit_code": "exit_code", "exit_signal": "exit_signal", "rank": "rank",
             "stage": "pipeline_stage", "link": "link", "rack_unit": "rack_unit", "job": "job_id"}  # fmt: skip
"""Dimension → the integer field that a number right behind it picks: 'GPU 3', 'XID 79', 'exit code 137'."""
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
    }
)
_PURE = frozenset({"max", "min", "maximum", "minimum", "peak", "average"})
_RANKS = ("top", "bottom", "worst", "best")


class Parser:
    """Reads one question under one dataset."""

    def __init__(self, spotted: Spotted, catalog: Catalog, lexicon: Lexicon, values: ValueIndex) -> None:
        self.items = spotted.items
        self.catalog = catalog
        self.lexicon = lexicon
        self.values = values
        self.reach = reachable(catalog, spotted.dataset)
        self.draft = Draft(spotted.dataset)
        self.thing_named = self._named_thing()
        self.negated = False

    def parse(self) -> Draft:
        """All passes."""
        self._numbered()
        self._limits()
        self._tops()
        self._main()
        self._late_aggs()
        return self.draft

    # numbers ---------------------------------------------------------------------------------------------------------------------

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
            if not numbers or field is None:
                continue
            if field == "rank" and "rank" not in self.reach and "slowest_rank" in self.reach:
                field = "slowest_rank"
            if field not in self.reach or (name == "job" and self.items[numbers[0]].number < 1000):  # type: ignore[operator]
                continue
            if name == "gpu" and (item.text.endswith("s") or self.items[numbers[0]].number > 15):  # type: ignore[operator]
                continue
            found = tuple(float(self.items[n].number or 0) for n in numbers)
            self._filter(Condition(field, "in", found, f"{item.text} {', '.join(f'{v:g}' for v in found)}"), at)
            self.draft.used |= {*range(numbers[0], numbers[-1] + 1)}
            if thing is None:
                self.draft.used.add(at)

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
                out
                and self.items[n].text in ("and", "or", "number")
                and n + 1 < len(self.items)
                and self.items[n + 1].number is not None
            ):
                break
            n += 1
        return out

    def _is_unit(self, at: int) -> bool:
        return at < len(self.items) and self.items[at].has("unit") and self.items[at].text not in ("s", "a", "d")

    # comparisons -----------------------------------------------------------------------------------------------------------------

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
            attribute = self._sized(after)
            if attribute and not unit:
                self.draft.limits.append(
                    Limit(op or "=", item.number, "", before if op and before is not None else at, after + 1, attribute=attribute)
                )
                used |= set(range(before if op and before is not None else at, after + 1))
                continue
            pair = self._pair(at, after)
            outside = before is not None and items[before].has("outside")
            if pair is not None and (outside or (before is not None and items[before].text in ("between", "from")) or op == ""):
                second, end = pair
                unit = unit or (
                    items[second + 1].sense("unit").name if second + 1 < len(items) and items[second + 1].has("unit") else ""
                )  # type: ignore[union-attr]
                sign = "outside" if outside else "between"
                start = before if before is not None and (outside or items[before].text in ("between", "from")) else at
                self.draft.limits.append(Limit(sign, item.number, unit, start, end, items[second].number))
                used |= set(range(start, end))
                continue
            if after < len(items) and items[after].has("at_least", "at_most") and items[after].text.startswith("or "):
                op = ">=" if items[after].has("at_least") else "<="
                self.draft.limits.append(Limit(op, item.number, unit, at, after + 1))
                used |= set(range(at, after + 1))
            elif op and before is not None:
                self.draft.limits.append(Limit(op, item.number, unit, before, after))
                used |= set(range(before, after))
            elif self._follows("twice", at):
                continue

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
        while n >= 0 and self.items[n].text in ("the", "a", "an", "of", "as", "than"):
            n -= 1
        return n if n >= 0 else None

    def _follows(self, text: str, at: int) -> bool:
        return at > 0 and self.items[at - 1].text == text

    def _tops(self) -> None:
        """'top 5', '5 worst', 'the three hottest', 'worst five'."""
        items, used = self.items, self.draft.used
        for at, item in enumerate(items):
            if item.number is None or at in used or not 0 < item.number <= 1000 or item.number != int(item.number):
                continue
            before, after = self._back(at), self._ahead(at)
            ranked = any(
                n is not None and (items[n].has(*_RANKS) or any(s.role == "measure" and s.data.rank for s in items[n].senses))
                for n in (before, after)
            )
            shown = (
                before is not None
                and items[before].has("show", "which")
                and after is not None
                and items[after].has("dim", "thing", "top", "qualifier")
            )
            first = before is not None and items[before].text in ("first",)
            first = first or (after is not None and items[after].has("dim", "thing") and any(i.has(*_RANKS) for i in items))
            if ranked or shown or first:
                self.draft.top = int(item.number)
                used.add(at)

    def _ahead(self, at: int) -> int | None:
        """The next item that is more than a dropped word."""
        n = at + 1
        while n < len(self.items) and (self.items[n].senses[0].role == "soft" and len(self.items[n].senses) == 1):
            n += 1
        return n if n < len(self.items) else None

    # the main walk ---------------------------------------------------------------------------------------------------------------

    def _main(self) -> None:
        cue, negated = "", False
        for at, item in enumerate(self.items):
            if at in self.draft.used:
                continue
            if item.has("negate") and not item.has("value", "qualifier", "measure", "thing"):
                negated, cue = True, cue
                self.draft.used.add(at)
                continue
            cue, negated = self._one(at, item, cue, negated)

    def _one(self, at: int, item: Item, cue: str, negated: bool) -> tuple[str, bool]:
        draft, self.negated = self.draft, negated
        if item.has("planned") and negated and draft.dataset != "maintenance_windows":
            draft.planned = True
            draft.used.add(at)
            return cue, False
        if item.has("normal") and not item.has("measure"):
            draft.normal = True
            draft.used.add(at)
            return cue, negated
        if item.has("denominator") and self._as_rate(at, item):
            draft.used.add(at)
            return "", negated
        qualifier = self._qualifier(item)
        if item.has("measure") and not self._prefers_rank(at, item, cue):
            self._measure(at, item)
            return "rank" if item.sense("measure").data.rank else "", negated  # type: ignore[union-attr]
        if (
            qualifier is not None
            and not (item.has("thing") and not draft.thing)
            and not (item.has("dim") and cue in ("group", "count"))
        ):
            draft.qualifiers.append((*qualifier, negated, at))
            draft.used.add(at)
            return cue, negated and self._listed(at)
        if item.has("thing") and item.has("value") and draft.thing is None and not self._valued(at, item):
            return self._thing(at, item, cue), False
        if item.has("value") and not (item.has("dim") and self._wants_dim(cue, at)):
            self._value(at, item, negated)
            return cue, negated and self._listed(at)
        if item.has("thing") and not (item.has("dim") and cue in ("group",)):
            return self._thing(at, item, cue), False
        if item.has("dim") and not self._verb_or_adjective(at, item, cue):
            return self._dim(at, item, cue), False
        return self._grammar(at, item, cue), negated

    def _grammar(self, at: int, item: Item, cue: str) -> str:
        """Roles that words have whatever the dataset; the cue that the next dimension meets."""
        draft, ahead = self.draft, self._ahead(at)
        following = self.items[ahead] if ahead is not None else None
        if item.has("number", "unknown"):
            return cue
        if item.has("foreign"):
            self.draft.foreign.append(item.text)
            self.draft.used.add(at)
            return cue
        draft.used.add(at)
        if item.has("count"):
            return "count"
        if item.has("bucket"):
            draft.bucket = draft.bucket or item.sense("bucket").name  # type: ignore[union-attr]
            return cue
        if item.has("agg") and (
            not item.has(*_RANKS)
            or item.text in _PURE
            or (following is not None and following.has("measure") and self._takes_agg(following))
        ):
            draft.aggs.append((item.sense("agg").name, at))  # type: ignore[union-attr]
            if item.has(*_RANKS):
                self._rank(item)
            return cue
        if item.has(*_RANKS):
            self._rank(item)
            return cue if cue in ("which", "show", "count") else "rank"
        for role in ("group", "across", "which", "show"):
            if item.has(role):
                if role == "group" and following is not None and following.has("measure") and not following.has("dim"):
                    draft.order_by_measure = True
                own = self.catalog.datasets[draft.dataset].fields
                who = next((f for f in ("user", "actor", "assignee", "technician_id") if f in own), "")
                if item.text == "who" and who and not draft.by:
                    self._group((who,), who)
                    draft.head = draft.listing = draft.singular = True
                    return "which"
                if role == "show" and cue == "which":
                    return cue
                return role if not (role == "which" and cue == "group") else cue
        if item.has("share"):
            draft.share, draft.share_at = True, at
        elif item.has("rate"):
            draft.rate = True
        elif item.has("chart"):
            draft.chart = True
        elif item.has("trend"):
            draft.trend = True
        elif item.has("compare"):
            draft.compare = True
        elif item.has("distinct"):
            draft.distinct = True
            return "count" if cue in ("count", "") else cue
        return cue

    def _rank(self, item: Item) -> None:
        role = next(r for r in ("worst", "best", "top", "bottom") if item.has(r))
        if not self.draft.rank or role in ("worst", "best"):
            self.draft.rank = role

    def _takes_agg(self, item: Item) -> bool:
        sense = item.sense("measure")
        return sense is not None and not sense.data.fixed and not sense.data.recipe

    def _prefers_rank(self, at: int, item: Item, cue: str) -> bool:
        """Whether 'hottest', 'longest' stands for a ranking here rather than for the measure it may name."""
        return item.has(*_RANKS) and any(i.has("measure") for n, i in enumerate(self.items) if n != at and n not in self.draft.used)

    # nouns -----------------------------------------------------------------------------------------------------------------------

    def _named_thing(self) -> str:
        return next((s.name for i in self.items for s in i.senses if s.role == "thing" and not s.data.weak), "")

    def _qualifier(self, item: Item) -> tuple[str, object] | None:  # type: ignore[type-arg]
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
            a[1] < at and self.items[a[1]].has(*_RANKS) and self.items[a[1]].text not in _PURE for a in self.draft.aggs
        )
        if waiting and not sense.data.fixed and not (sense.data.recipe and sense.name != "step_time_replaced"):
            named.aggs = list(dict.fromkeys(waiting))
            self.draft.aggs = [a for a in self.draft.aggs if a[1] > at]
        if item.has(*_RANKS) and item.has("agg"):
            self._rank(item)
        if sense.data.rank:
            self.draft.rank = self.draft.rank or sense.data.rank
        if all(n.name != named.name or n.aggs != named.aggs for n in self.draft.measures):
            self.draft.measures.append(named)
        self.draft.used.add(at)

    def _late_aggs(self) -> None:
        """Aggregates behind the measure: 'temperature, p50/p95/p99'."""
        if not self.draft.measures or not self.draft.aggs:
            return
        for name, at in self.draft.aggs:
            before = [m for m in self.draft.measures if m.position < at] or self.draft.measures
            if (
                not before[-1].words.fixed
                and name not in before[-1].aggs
                and (not before[-1].words.recipe or before[-1].name == "step_time_replaced")
            ):
                before[-1].aggs.append(name)
        self.draft.aggs = []

    def _thing(self, at: int, item: Item, cue: str) -> str:
        sense, draft = item.sense("thing"), self.draft
        assert sense is not None  # noqa: S101 - the caller has seen it
        draft.used.add(at)
        counted_already = (
            bool(draft.measures) or draft.thing is not None or any(i.has("measure") and n != at for n, i in enumerate(self.items))
        )
        direct = at > 0 and self.items[at - 1].has("group")
        if cue == "group" and direct and sense.data.key and counted_already:
            self._group(sense.data.key[:1] if sense.name == "job" else sense.data.key, sense.name)
            return "group"
        if draft.thing is None or draft.thing[1].weak:
            draft.thing = (sense.name, sense.data)
        if cue == "count":
            draft.count_thing = True
        elif cue in ("which", "show"):
            draft.listing = True
        elif cue == "rank" and draft.rank and sense.data.key and not draft.by:
            draft.each_thing = True
        return ""

    def _valued(self, at: int, item: Item) -> bool:
        """Whether a word that is a thing and a value stands beside the dimension that it is a value of."""
        fields = {s.name for s in item.senses if s.role == "value"}
        near = [self.items[n] for n in (at - 1, at + 1) if 0 <= n < len(self.items)]
        return any(s.role == "dim" and fields & set(s.data.fields) for i in near for s in i.senses)

    def _verb_or_adjective(self, at: int, item: Item, cue: str) -> bool:
        """'did acct-c run', 'node temperature': words of a dimension that only tell the kind of something else."""
        following = self.items[at + 1] if at + 1 < len(self.items) else None
        if item.has("soft") and cue not in ("group", "which", "count", "across", "show", "rank") and not item.text.endswith("s"):
            beside = [self.items[n] for n in (at - 1, at + 1) if 0 <= n < len(self.items)]
            if not any(s.role == "value" and s.name == "run_id" for i in beside for s in i.senses) and not (following is not None and following.has("unknown")):
                return True
        singular = item.text == self._lemma(item)
        return singular and cue in ("", "show") and following is not None and following.has("measure") and not following.has("dim")

    def _wants_dim(self, cue: str, at: int) -> bool:
        return cue in ("group", "count", "across", "rank") or (cue in ("which", "show") and at + 1 < len(self.items))

    def _dim(self, at: int, item: Item, cue: str) -> str:
        draft, own = self.draft, self.catalog.datasets[self.draft.dataset].fields
        dims = [s for s in item.senses if s.role == "dim"]
        sense = next((s for s in dims if any(f in own for f in s.data.fields)), dims[0])
        draft.used.add(at)
        fields = tuple(f for f in sense.data.fields if f in self.reach)[:1]
        if not fields:
            draft.foreign.append(sense.data.label or sense.name)
            return ""
        before = self.items[at - 1].text if at else ""
        first_content = not any(n < at and not self._function(i) for n, i in enumerate(self.items))
        if self._labels(at, sense):
            return "" if cue in ("group", "across") and not self._listed(at) else cue
        if cue == "count":
            if not draft.counted:
                draft.counted, draft.counted_label = fields, sense.name
            return ""
        if cue in ("group", "across", "which", "show", "rank"):
            if cue == "which" and draft.by and draft.head:
                return ""
            self._group(fields, sense.name)
            if cue in ("which", "show", "rank"):
                draft.listing = draft.listing or cue != "rank"
                draft.head = True
                draft.singular = cue != "show" and item.text.rstrip("'") == self._lemma(item) and draft.top is None
            return "group" if cue in ("group", "across") else cue if self._listed(at) else ""
        following = self.items[at + 1] if at + 1 < len(self.items) else None
        if (
            first_content
            and following is not None
            and following.has("group", "across")
            and cue != "rank"
            and self._grouped_next(at + 2)
        ):
            draft.counted, draft.counted_label = fields, sense.name
            return ""
        if draft.share and cue == "" and not draft.by and not draft.counted:
            draft.counted, draft.counted_label = fields, sense.name
            return ""
        if first_content or (before not in _LIGHT and not self._preposition(at) and not draft.by):
            self._group(fields, sense.name)
            draft.head = draft.head or first_content
            draft.listing = draft.listing or first_content
            draft.singular = first_content and item.text == self._lemma(item) and draft.top is None
        return ""

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
        while n >= 0 and (self.items[n].has("value", "qualifier", "compare", "conjunction") or self.items[n].number is not None):
            n -= 1
        return n >= 0 and (self.items[n].text in _LIGHT or (self.items[n].has("soft") and len(self.items[n].senses) == 1))

    def _group(self, fields: tuple[str, ...], name: str) -> None:
        for own in fields:
            if own not in self.draft.by:
                self.draft.by.append(own)
        if name not in self.draft.dims:
            self.draft.dims.append(name)

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
        while n < len(self.items) and (self.items[n].text in ("and", "or", "vs", "versus") or len(self.items[n].text) <= 2):
            text = self.items[n].text
            found += [(n, c) for c in clusters if c.lower().rsplit("-", 1)[-1] == text and len(text) <= 2]
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

    # filters ---------------------------------------------------------------------------------------------------------------------

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
        typed: tuple[str | float, ...] = tuple(
            float(v) if field in self.reach and self.reach[field].spec.numeric else v for v in found
        )
        self._filter(Condition(field, "not in" if negated else "in", typed, item.text), at)
        self.draft.used.add(at)

    def _filter(self, condition: Condition, at: int) -> None:
        draft = self.draft
        for n, known in enumerate(draft.filters):
            if known.field == condition.field and known.op == condition.op:
                if set(known.values) >= set(condition.values):
                    return
                if set(condition.values) < set(known.values):
                    draft.filters[n] = condition
                    return
                draft.filters[n] = Condition(known.field, known.op, (*known.values, *(v for v in condition.values if v not in known.values)),
                                             f"{known.words}, {condition.words}")  # fmt: skip
                return
        draft.filters.append(condition)
        draft.filter_at.append(at)

    def _as_rate(self, at: int, item: Item) -> bool:
        """Whether 'per GPU' divides rather than groups: it does beside another grouping or an average."""
        sense = item.sense("denominator")
        assert sense is not None  # noqa: S101 - the caller has seen it
        plain = sense.name in ("gpu", "node", "port")
        others = any(i.has("group", "which") and n + 1 != at and n != at for n, i in enumerate(self.items)) or bool(self.draft.by)
        average = any(i.has("agg") and any(s.name == "avg" for s in i.senses) for i in self.items[:at])
        if not plain or len(item.text.split()) > 2 or others or (average and not any(i.has("measure") for i in self.items[:at])):
            self.draft.denominator = sense.name
            return True
        dim = next((d for d in (sense.name,) if d in self.lexicon.dimensions), "")
        if dim:
            self._group(tuple(f for f in self.lexicon.dimensions[dim].fields if f in self.reach)[:1], dim)
            return True
        return False
