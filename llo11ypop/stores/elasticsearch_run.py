"""Run prepared plans on Elasticsearch: all queries at once, each select's rows from them, combining steps, and the evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import Llo11yPopError, PlanError, StoreError
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.es_native import Answer, EsCompiled, Native
from llo11ypop.query.fuse import Scan, fuse
from llo11ypop.query.plan import Measure, Select
from llo11ypop.query.prepare import Prepared, PreparedSet, select_key
from llo11ypop.stores.assembly import Assembly, Part, gathered, not_exported, unread
from llo11ypop.stores.elasticsearch_ladders import Asked, Climb, nothing
from llo11ypop.stores.elasticsearch_read import Reader, TooManyGroupsError

ESTIMATES = "distinct counts, percentiles and rates of time series are Elasticsearch's estimates"


Scanned = tuple[list[Asked], dict[str, Llo11yPopError]]
"""What the queries of a scan gave, in their order, and per select why it has no answer."""


@dataclass
class Run:
    """What is asked at one instant."""

    reader: Reader
    catalog: Catalog
    compile_scan: Callable[[Scan, Catalog, bool], EsCompiled]
    combiner: Combiner

    async def table(self, select: Select) -> pa.Table:
        """The rows of a select of our own. Raises StoreError, and PlanError where it cannot be said."""
        compiled = self.compile_scan(fuse({"own": select})[0], self.catalog, False)
        for refused in compiled.refused.values():
            raise PlanError(refused)
        found, reasons = await self._scan(compiled)
        for reason in reasons.values():
            raise reason
        return self._part(compiled.answers["own"], found).rows

    async def nothing_there(self, select: Select) -> bool:
        """Whether no row at all of a select's dataset lies in its window."""
        counted = Select(dataset=select.dataset, window=select.window, measures={"n": Measure(agg="count")})
        return not (await self.table(counted))["n"][0].as_py()

    async def _scan(self, compiled: EsCompiled) -> Scanned:
        """What each query gave, and why a select has no answer where the others are answered all the same."""
        ladders = [ladder for answer in compiled.answers.values() for ladder in answer.ladders]
        later = {level.native for ladder in ladders for level in ladder.levels[1:]}
        at_once = [i for i in range(len(compiled.natives)) if i not in later]
        asked = await gathered(self._asked(compiled.dataset, compiled.natives[i]) for i in at_once)
        found = [nothing(native) for native in compiled.natives]
        for i, one in zip(at_once, asked, strict=True):
            found[i] = one

        async def ask(native: Native[Any]) -> Asked:
            return await self._asked(compiled.dataset, native)

        climb = Climb(self.combiner, self.reader.at, compiled.natives, ask)
        reasons: dict[str, Llo11yPopError] = {}
        for key, answer in compiled.answers.items():
            if refused := [bad for i in answer.natives if (bad := found[i].refused)]:
                reasons[key] = refused[0]
                continue
            for ladder in answer.ladders:
                if reason := await climb.climb(ladder, found):
                    reasons.setdefault(key, reason)
            if answer.same and (reason := _not_one_each(*(found[i].rows["n"][0].as_py() for i in answer.same))):
                reasons.setdefault(key, reason)
        return found, reasons

    async def _asked(self, dataset: str, native: Native[Any]) -> Asked:
        try:
            rows, took_s = await self.reader.rows(native, dataset)
        except TooManyGroupsError as bad:
            return replace(nothing(native), refused=bad)
        except StoreError as bad:
            if not native.instead or bad.transient:
                raise
            return replace(nothing(native), refused=PlanError(f"SQL cannot say it, and ES|QL does not answer it: {bad}"))
        return Asked(rows, took_s, (self.reader.query(native, dataset),))

    def _part(self, answer: Answer, found: Sequence[Asked]) -> Part:
        asked = [found[number] for number in answer.natives]
        tables = {f"q{i}": one.rows for i, one in enumerate(asked)}
        rows = self.combiner.run(answer.finish, tables, self.reader.at)
        first = tables["q0"]
        seen = first.num_rows > 0 and (not answer.total or bool(first.column("n")[0].as_py()))
        cut = answer.limit is not None and rows.num_rows > answer.limit
        rows = rows.slice(0, answer.limit) if cut else rows
        queries = tuple(query for one in asked for query in one.queries)
        return Part(rows, queries, cut, seen, bool(answer.approximate), sum(one.took_s for one in asked))


def _not_one_each(before: int, after: int) -> PlanError | None:
    """Why rows that were joined do not count; none where each found one version, or no such thing."""
    if before == after:
        return None
    message = (
        f"{before:,} rows became {after:,} when dimensions were joined: at their time some have no version there, or several"
    )
    return PlanError(message, next_step="say lookup: false of these under telemetry.elasticsearch.datasets")


@dataclass
class PlansRun(Run):
    """The run of a prepared set."""

    prepared: PreparedSet
    refuse: bool
    assembly: Assembly = field(init=False)

    def __post_init__(self) -> None:
        self.assembly = Assembly(self.catalog, self.combiner, self.reader.at, ESTIMATES, self.nothing_there)

    async def evidence(self) -> dict[str, Evidence]:
        """Every plan's evidence. Raises StoreError, and PlanError where refusals are to be raised."""
        scans: tuple[EsCompiled, ...] = self.prepared.scans
        if self.refuse:
            for compiled in scans:
                for reason in compiled.refused.values():
                    raise PlanError(reason)
        answers = await gathered(self._scan(compiled) for compiled in scans)
        return {name: await self._one(name, plan, answers) for name, plan in self.prepared.plans.items()}

    async def _one(self, name: str, plan: Prepared, answers: Sequence[Scanned]) -> Evidence:
        if plan.missing:
            return not_exported(plan, self.reader.at)
        parts: dict[str, Part] = {}
        for step in plan.plan.selects:
            key = select_key(name, step)
            number = self.prepared.scan_of[key]
            compiled: EsCompiled = self.prepared.scans[number]
            found, reasons = answers[number]
            if reason := compiled.refused.get(key):
                return unread(plan, self.reader.at, reason)
            if bad := reasons.get(key):
                if self.refuse:
                    raise bad
                return unread(plan, self.reader.at, bad.line())
            parts[step] = self._part(compiled.answers[key], found)
        return await self.assembly.evidence(plan, parts)
