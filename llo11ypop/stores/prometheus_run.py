"""Run prepared plans on Prometheus: all queries at once, each select's rows from them, combining steps, and the evidence."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import Llo11yPopError, PlanError
from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.ids import derived_id
from llo11ypop.core.window import iso
from llo11ypop.query.arrow_steps import carry_out, within_limit
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.promql import Answer, Check, Native, PromCompiled
from llo11ypop.query.compile.promql_filter import Matcher
from llo11ypop.query.compile.promql_names import RANGE, Series
from llo11ypop.query.compile.sql import Sql
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Plan, Select, Span
from llo11ypop.query.prepare import Prepared, PreparedSet, select_key
from llo11ypop.query.rows import TYPES, empty, rows_hash, typed
from llo11ypop.stores.duckdb_run import window_of
from llo11ypop.stores.prometheus_gains import odd_gains
from llo11ypop.stores.prometheus_http import ENGINE, Labels, Reader, cuts

T = TypeVar("T")


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
class Answers:
    """What the queries of one scan gave."""

    tables: list[pa.Table | PlanError]
    """A refusal where the samples cannot be read as the plan wants them."""
    failed: dict[int, str]
    """Number of a check → why, where it found something."""
    took_s: float


@dataclass
class Run:
    """One instant's run of a prepared set."""

    reader: Reader
    catalog: Catalog
    series: Mapping[str, Series]
    combiner: Combiner
    prepared: PreparedSet
    refuse: bool
    _silent: dict[tuple[str, Span | None], bool] = field(default_factory=dict)

    async def evidence(self) -> dict[str, Evidence]:
        """Every plan's evidence. Raises StoreError, and PlanError where refusals are to be raised."""
        scans: tuple[PromCompiled, ...] = self.prepared.scans
        if self.refuse:
            for compiled in scans:
                for reason in compiled.refused.values():
                    raise PlanError(reason)
        answers = await gathered(self._scan(compiled) for compiled in scans)
        return {name: await self._one(name, plan, answers) for name, plan in self.prepared.plans.items()}

    async def _scan(self, compiled: PromCompiled) -> Answers:
        started = time.perf_counter()
        checked = await gathered(self._failed(check, compiled.dataset) for check in compiled.checks)
        failed = {number: reason for number, reason in enumerate(checked) if reason}
        tables = await gathered(self._table(native, compiled.dataset) for native in compiled.natives)
        return Answers(tables, failed, time.perf_counter() - started)

    async def _failed(self, check: Check, dataset: str) -> str:
        """Why a check fails; empty when it does not."""
        try:
            return check.reason if await self.reader.samples(check.native, dataset) else ""
        except PlanError as bad:
            return bad.line()

    async def _table(self, native: Native, dataset: str) -> pa.Table | PlanError:
        try:
            rows = await self.reader.samples(native, dataset)
            rows += await odd_gains(self.reader, native, dataset)
            return table_of(rows, native)
        except PlanError as bad:
            return bad

    async def _one(self, name: str, plan: Prepared, answers: list[Answers]) -> Evidence:
        schema = plan.schemas[plan.plan.result]
        if plan.missing:
            return self._made(plan, empty(schema), {}, EvidenceStatus.NOT_EXPORTED, truncated=False, missing=plan.missing)
        parts: dict[str, Part] = {}
        for step in plan.plan.selects:
            key = select_key(name, step)
            number = self.prepared.scan_of[key]
            compiled: PromCompiled = self.prepared.scans[number]
            if reason := _reason(compiled, key, answers[number]):
                if self.refuse:
                    raise PlanError(reason)
                said = f"{compiled.dataset} as it is asked for here ({reason})".replace(".", ",")
                status = EvidenceStatus.NOT_EXPORTED
                return self._made(plan, empty(schema), {}, status, truncated=False, missing=(said,), note=reason)
            parts[step] = self._part(compiled, compiled.answers[key], answers[number])
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

    def _part(self, compiled: PromCompiled, answer: Answer, answers: Answers) -> Part:
        got = {f"q{number}": answers.tables[number] for number in answer.natives}
        tables = {name: table for name, table in got.items() if isinstance(table, pa.Table)}
        rows = self.combiner.run(answer.finish, tables, self.reader.at)
        cut = answer.limit is not None and rows.num_rows > answer.limit
        queries = tuple(self._query(compiled.natives[number], compiled.dataset) for number in answer.natives)
        seen = tables[f"q{answer.natives[0]}"].num_rows > 0
        rows = rows.slice(0, answer.limit) if cut else rows
        return Part(rows, queries, cut, seen, bool(answer.approximate), answers.took_s)

    def _query(self, native: Native, dataset: str) -> Query:
        """The query over the largest of its cuts, as an operator could run it: its values are start, end and step in ms."""
        longest = max(cuts(native.window, native.steps, self.reader.at), key=lambda cut: cut.count)
        stop = longest.end_ms - 1 + (longest.count - 1) * longest.every_ms
        return Query(ENGINE, dataset, self.reader.text(native.text, longest), (longest.end_ms - 1, stop, longest.every_ms))

    async def _status(self, plan: Plan, parts: Mapping[str, Part], rows: pa.Table) -> EvidenceStatus:
        silent = [not part.seen and await self._is_silent(plan.selects[step]) for step, part in parts.items()]
        if all(silent) or (any(silent) and not rows.num_rows):
            return EvidenceStatus.NO_DATA
        return EvidenceStatus.OK if rows.num_rows else EvidenceStatus.EMPTY

    async def _is_silent(self, select: Select) -> bool:
        """Whether the dataset said nothing at all in the select's window, though it should have."""
        dataset, window = self.catalog.datasets[select.dataset], select.window
        if window is None or not dataset.always_speaks:
            return False
        if dataset.cadence and window.start - window.end < dataset.cadence:
            return False
        key = (select.dataset, window)
        if key not in self._silent:
            native = Native(present(self.series[select.dataset]), (), (), window)
            self._silent[key] = not await self.reader.samples(native, select.dataset)
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
            note=note or ("rates are Prometheus's estimates, stretched to the whole window" if vague else ""),
        )


def present(series: Series) -> str:
    """The query that finds any sample of the dataset."""
    match = ", ".join(str(Matcher(label, "=", value)) for label, value in series.match)
    vectors = (f"last_over_time({m.name}{{{match}}}[{RANGE}])" for m in series.metrics.values())
    return f"group({' or '.join(dict.fromkeys(vectors))})"


def _reason(compiled: PromCompiled, key: str, answers: Answers) -> str:
    """Why a select has no answer; empty when it has one."""
    if reason := compiled.refused.get(key):
        return reason
    answer = compiled.answers[key]
    for number in answer.checks:
        if number in answers.failed:
            return answers.failed[number]
    for number in answer.natives:
        table = answers.tables[number]
        if isinstance(table, PlanError):
            return table.line()
    return ""


def table_of(rows: list[tuple[Labels, int, float]], native: Native) -> pa.Table:
    """The rows of a query as columns k0, k1 …, the bucket where there is one, and v."""
    columns: dict[str, pa.Array] = {}
    for i, (label, kind) in enumerate(zip(native.labels, native.kinds, strict=True)):
        columns[f"k{i}"] = pa.array([_label(labels.get(label, ""), kind) for labels, _, _ in rows], TYPES[kind])
    if native.steps:
        stamps = pa.array([start * 1000 for _, start, _ in rows], pa.int64())
        columns[f"k{len(native.labels)}"] = stamps.cast(TYPES[Kind.TIME])
    columns["v"] = pa.array([value for _, _, value in rows], pa.float64())
    return pa.table(columns)


def _label(text: str, kind: Kind) -> Any:
    """A label's value; a number that does not read as one is none."""
    if kind is not Kind.INTEGER:
        return text
    return int(text) if text.lstrip("-").isdigit() else None


async def gathered(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of calls made together, in order. The first error ends the others, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except* Llo11yPopError as failed:
        raise _first(failed) from None
    return [task.result() for task in tasks]


def _first(failed: BaseExceptionGroup[Llo11yPopError]) -> Llo11yPopError:
    error = failed.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
