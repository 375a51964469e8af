# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Run prepared plans on Elasticsearch: all queries at once, each select's rows from them, combining steps, and the evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import Evidence, Query
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.es_sql import Answer, EsCompiled
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.es_sql_span import span
from llo11ypop.query.compile.sql import Sql, quoted
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Select
from llo11ypop.query.prepare import Prepared, PreparedSet, select_key
from llo11ypop.stores.assembly import Assembly, Part, gathered, not_exported, unread
from llo11ypop.stores.elasticsearch_sql import ENGINE, Reader, sent

ESTIMATES = "distinct counts and percentiles are Elasticsearch's estimates"


@dataclass
class Run:
    """One instant's run of a prepared set."""

    reader: Reader
    catalog: Catalog
    indices: Mapping[str, Index]
    combiner: Combiner
    prepared: PreparedSet
    refuse: bool
    assembly: Assembly = field(init=False)

    def __post_init__(self) -> None:
        self.assembly = Assembly(self.catalog, self.combiner, self.reader.at, ESTIMATES, self._nothing_there)

    async def evidence(self) -> dict[str, Evidence]:
        """Every plan's evidence. Raises StoreError, and PlanError where refusals are to be raised."""
        if self.refuse:
            for compiled in self.prepared.scans:
                for reason in compiled.refused.values():
                    raise PlanError(reason)
        jobs = [self._native(compiled, i) for compiled in self.prepared.scans for i in range(len(compiled.natives))]
        rows = iter(await gathered(jobs))
        answers = [[next(rows) for _ in compiled.natives] for compiled in self.prepared.scans]
        return {name: await self._one(name, plan, answers) for name, plan in self.prepared.plans.items()}

    async def _native(self, compiled: EsCompiled, number: int) -> tuple[pa.Table, float]:
        native = compiled.natives[number]
        columns = [(name, kind) for name, (_, kind) in native.columns.items()]
        cap = native.limit if native.keys else None
        return await self.reader.rows(native.sql, columns, compiled.dataset, cap=cap)

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

    def _part(self, compiled: EsCompiled, answer: Answer, answers: list[tuple[pa.Table, float]]) -> Part:
        tables = {f"q{i}": answers[number][0] for i, number in enumerate(answer.natives)}
        rows = self.combiner.run(answer.finish, tables, self.reader.at)
        first = tables["q0"]
        seen = first.num_rows > 0 and (not answer.total or bool(first.column("n")[0].as_py()))
        cut = answer.limit is not None and rows.num_rows > answer.limit
        queries = tuple(
            Query(ENGINE, compiled.dataset, n.sql.text, tuple(sent(n.sql.params, self.reader.at)))
            for n in (compiled.natives[number] for number in answer.natives)
        )
        rows = rows.slice(0, answer.limit) if cut else rows
        return Part(rows, queries, cut, seen, bool(answer.approximate), sum(answers[n][1] for n in answer.natives))

    async def _nothing_there(self, select: Select) -> bool:
        columns = Columns(self.catalog, self.catalog.datasets[select.dataset], self.indices[select.dataset])
        kept = span(columns.dataset, columns, select.window)
        text = f"SELECT COUNT(*) AS n FROM {quoted(columns.index.pattern)}"
        sql = (text + " WHERE " + kept if kept is not None else Sql(text)) + " LIMIT 1"
        table, _ = await self.reader.rows(sql, [("n", Kind.INTEGER)], select.dataset, cap=None)
        return not table["n"][0].as_py()
