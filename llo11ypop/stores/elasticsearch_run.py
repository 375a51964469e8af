# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Run prepared plans on Elasticsearch: all queries at once, each select's rows from them, combining steps, and the evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.ids import derived_id
from llo11ypop.core.window import iso
from llo11ypop.query.arrow_steps import carry_out, within_limit
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.es_sql import Answer, EsCompiled
from llo11ypop.query.compile.es_sql_names import Columns, Index
from llo11ypop.query.compile.es_sql_span import span
from llo11ypop.query.compile.sql import Sql, quoted
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Plan, Select, Span
from llo11ypop.query.prepare import Prepared, PreparedSet, select_key
from llo11ypop.query.rows import empty, rows_hash, typed
from llo11ypop.stores.duckdb_run import window_of
from llo11ypop.stores.elasticsearch_sql import ENGINE, Reader, gathered, sent


@dataclass(frozen=True)
class Part:
    """What one select gave."""

    rows: pa.Table
    queries: tuple[Query, ...]
    truncated: bool
    seen: bool
    approximate: bool
    took_s: float


@dataclass
class Run:
    """One instant's run of a prepared set."""

    reader: Reader
    catalog: Catalog
    indices: Mapping[str, Index]
    combiner: Combiner
    prepared: PreparedSet
    refuse: bool
    _silent: dict[tuple[str, Span | None], bool] = field(default_factory=dict)

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
        schema = plan.schemas[plan.plan.result]
        if plan.missing:
            return self._made(plan, empty(schema), {}, EvidenceStatus.NOT_EXPORTED, truncated=False, missing=plan.missing)
        parts: dict[str, Part] = {}
        for step in plan.plan.selects:
            number = self.prepared.scan_of[select_key(name, step)]
            compiled: EsCompiled = self.prepared.scans[number]
            if reason := compiled.refused.get(select_key(name, step)):
                said = f"{compiled.dataset} as it is asked for here ({reason})"
                status = EvidenceStatus.NOT_EXPORTED
                return self._made(
                    plan, empty(schema), {}, status, truncated=False, missing=(said.replace(".", ","),), note=reason
                )
            parts[step] = self._part(compiled, compiled.answers[select_key(name, step)], answers[number])
        truncated = any(p.truncated for p in parts.values())
        if plan.combine is None:
            rows = parts[plan.plan.result].rows
        else:
            rows, cut = self._combined(plan, {step: part.rows for step, part in parts.items()}, plan.combine)
            truncated |= cut
        rows = typed(rows, schema)
        return self._made(plan, rows, parts, await self._status(plan.plan, parts, rows), truncated=truncated)

    def _combined(self, plan: Prepared, selects: Mapping[str, pa.Table], statement: Sql) -> tuple[pa.Table, bool]:
        rows = carry_out(plan.plan, plan.schemas, selects, self.reader.at)
        if rows is None:
            tables = {plan.tables[step]: rows for step, rows in selects.items()}
            rows = self.combiner.run(statement, tables, self.reader.at)
        return within_limit(plan.plan, rows)

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

    async def _status(self, plan: Plan, parts: Mapping[str, Part], rows: pa.Table) -> EvidenceStatus:
        silent = [not part.seen and await self._is_silent(plan.selects[step]) for step, part in parts.items()]
        if all(silent) or (any(silent) and not rows.num_rows):
            return EvidenceStatus.NO_DATA
        return EvidenceStatus.OK if rows.num_rows else EvidenceStatus.EMPTY

    async def _is_silent(self, select: Select) -> bool:
        """Whether the dataset said nothing at all in the select's window, though it should have."""
        dataset, window = self.catalog.datasets[select.dataset], select.window
        if not dataset.always_speaks:
            return False
        if window and dataset.cadence and window.start - window.end < dataset.cadence:
            return False
        key = (select.dataset, window)
        if key not in self._silent:
            columns = Columns(self.catalog, dataset, self.indices[select.dataset])
            kept = span(dataset, columns, window)
            text = f"SELECT COUNT(*) AS n FROM {quoted(columns.index.pattern)}"
            sql = (text + " WHERE " + kept if kept is not None else Sql(text)) + " LIMIT 1"
            table, _ = await self.reader.rows(sql, [("n", Kind.INTEGER)], select.dataset, cap=None)
            self._silent[key] = not table["n"][0].as_py()
        return self._silent[key]

    def _made(
        self,
        plan: Prepared,
        rows: pa.Table,
        parts: Mapping[str, Part],
        status: EvidenceStatus,
        *,
        truncated: bool,
        missing: tuple[str, ...] = (),
        note: str = "",
    ) -> Evidence:
        vague = any(p.approximate for p in parts.values())
        return Evidence(
            id=derived_id("evidence", plan.hash, iso(self.reader.at)),
            plan=plan.json,
            at=self.reader.at,
            window=window_of(plan.plan, self.reader.at),
            queries=tuple(dict.fromkeys(q for p in parts.values() for q in p.queries)),
            rows=rows,
            row_count=rows.num_rows,
            truncated=truncated,
            approximate=vague,
            status=status,
            missing=missing,
            duration_s=sum(p.took_s for p in parts.values()),
            hash=rows_hash(rows),
            note=note or ("distinct counts and percentiles are Elasticsearch's estimates" if vague else ""),
        )
