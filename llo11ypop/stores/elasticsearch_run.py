"""Run prepared plans on Elasticsearch: all queries at once, each select's rows from them, combining steps, and the evidence."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.es_select import Answer, EsCompiled
from llo11ypop.query.fuse import Scan, fuse
from llo11ypop.query.plan import Measure, Select
from llo11ypop.query.prepare import Prepared, PreparedSet, select_key
from llo11ypop.stores.assembly import Assembly, Part, gathered, not_exported, unread
from llo11ypop.stores.elasticsearch_read import Reader

ESTIMATES = "distinct counts, percentiles and rates are Elasticsearch's estimates"


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
        for reason in compiled.refused.values():
            raise PlanError(reason)
        rows = await gathered(self.reader.rows(native, compiled.dataset) for native in compiled.natives)
        return self._part(compiled, compiled.answers["own"], rows).rows

    async def nothing_there(self, select: Select) -> bool:
        """Whether no row at all of a select's dataset lies in its window."""
        counted = Select(dataset=select.dataset, window=select.window, measures={"n": Measure(agg="count")})
        return not (await self.table(counted))["n"][0].as_py()

    def _part(self, compiled: EsCompiled, answer: Answer, answers: list[tuple[pa.Table, float]]) -> Part:
        tables = {f"q{i}": answers[number][0] for i, number in enumerate(answer.natives)}
        rows = self.combiner.run(answer.finish, tables, self.reader.at)
        first = tables["q0"]
        seen = first.num_rows > 0 and (not answer.total or bool(first.column("n")[0].as_py()))
        cut = answer.limit is not None and rows.num_rows > answer.limit
        queries = tuple(self.reader.query(compiled.natives[number], compiled.dataset) for number in answer.natives)
        rows = rows.slice(0, answer.limit) if cut else rows
        return Part(rows, queries, cut, seen, bool(answer.approximate), sum(answers[n][1] for n in answer.natives))


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
        jobs = [self.reader.rows(native, compiled.dataset) for compiled in scans for native in compiled.natives]
        rows = iter(await gathered(jobs))
        answers = [[next(rows) for _ in compiled.natives] for compiled in scans]
        return {name: await self._one(name, plan, answers) for name, plan in self.prepared.plans.items()}

    async def _one(self, name: str, plan: Prepared, answers: list[list[tuple[pa.Table, float]]]) -> Evidence:
        if plan.missing:
            return not_exported(plan, self.reader.at)
        parts: dict[str, Part] = {}
        for step in plan.plan.selects:
            key = select_key(name, step)
            number = self.prepared.scan_of[key]
            compiled: EsCompiled = self.prepared.scans[number]
            if reason := compiled.refused.get(key):
                return unread(plan, self.reader.at, reason)
            parts[step] = self._part(compiled, compiled.answers[key], answers[number])
        return await self.assembly.evidence(plan, parts)
