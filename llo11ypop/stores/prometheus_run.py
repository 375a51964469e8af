"""Run prepared plans on Prometheus: all queries at once, each select's rows from them, combining steps, and the evidence."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import Evidence, Query
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.promql_filter import Matcher
from llo11ypop.query.compile.promql_names import RANGE, Series
from llo11ypop.query.compile.promql_queries import Answer, Check, Native, PromCompiled
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Select
from llo11ypop.query.prepare import Prepared, PreparedSet, select_key
from llo11ypop.query.rows import TYPES
from llo11ypop.stores.assembly import Assembly, Part, gathered, not_exported, unread
from llo11ypop.stores.prometheus_http import ENGINE, Labels, Reader, cuts
from llo11ypop.stores.prometheus_odd import odd_rows

ESTIMATES = "rates are Prometheus's estimates, stretched to the whole window"


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
    assembly: Assembly = field(init=False)

    def __post_init__(self) -> None:
        self.assembly = Assembly(self.catalog, self.combiner, self.reader.at, ESTIMATES, self._nothing_there)

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
            rows = await self.reader.samples(native, dataset) if native.text else []
            rows += await odd_rows(self.reader, native, dataset)
            return table_of(rows, native)
        except PlanError as bad:
            return bad

    async def _one(self, name: str, plan: Prepared, answers: list[Answers]) -> Evidence:
        if plan.missing:
            return not_exported(plan, self.reader.at)
        parts: dict[str, Part] = {}
        for step in plan.plan.selects:
            key = select_key(name, step)
            number = self.prepared.scan_of[key]
            compiled: PromCompiled = self.prepared.scans[number]
            if reason := _reason(compiled, key, answers[number]):
                if self.refuse:
                    raise PlanError(reason)
                return unread(plan, self.reader.at, reason)
            parts[step] = self._part(compiled, compiled.answers[key], answers[number])
        return await self.assembly.evidence(plan, parts)

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
        return Query(ENGINE, dataset, self.reader.text(_shown(native), longest), (longest.end_ms - 1, stop, longest.every_ms))

    async def _nothing_there(self, select: Select) -> bool:
        if select.window is None:
            return False
        native = Native(present(self.series[select.dataset]), (), (), select.window)
        return not await self.reader.samples(native, select.dataset)


def _shown(native: Native) -> str:
    return native.text or (f"{native.odd.selector}[{RANGE}]" if native.odd else "")


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
