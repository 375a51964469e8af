# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Fields of dimensions (rack, site, provider …) for stores that join nothing: the dimension is read first, and joined here.

Dimensions are small. A condition on one becomes a list of keys; a group key becomes the key, rolled up here. It works over any
store, also where facts and dimensions lie in different ones.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Kind as DatasetKind
from llo11ypop.catalog.models import Relation
from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.query.apart import Apart, Part
from llo11ypop.query.check import MAX_WINDOW_DAYS, check, names_used
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.duckdb_expr import expression
from llo11ypop.query.compile.sql import quoted
from llo11ypop.query.expr import Expr, Name
from llo11ypop.query.key_conditions import without
from llo11ypop.query.kinds import OF_FIELD
from llo11ypop.query.plan import Measure, Plan, Select, Span
from llo11ypop.query.prepare import Prepared, Preparer, select_key
from llo11ypop.query.rows import TYPES, empty, plain, typed
from llo11ypop.query.store import Coverage, Exports, TelemetryStore
from llo11ypop.query.timelines import Attributes, Timeline, timeline
from llo11ypop.stores.assembly import combined, made, not_exported, status_of, unread

EVER = timedelta(days=MAX_WINDOW_DAYS)
"""How far back a dimension is looked at for a select without a window."""


def joined_within(catalog: Catalog, elsewhere: frozenset[str]) -> Callable[[Select], bool]:
    """Which selects a main store that joins can answer: those whose every dataset lies in it."""

    def joins(select: Select) -> bool:
        reached = [catalog.route(select.dataset, name) for name in names_used(select)]
        on_way = {r.dataset for r in reached} | {step.to for r in reached for step in r.path}
        return not elsewhere & {select.dataset, *on_way}

    return joins


@dataclass
class Node:
    """A select on its way: asked as it is, or taken apart."""

    select: Select
    apart: Apart | None = None
    parts: list[list[Part]] = field(default_factory=list)
    below: list[list["Node"]] = field(default_factory=list)

    def leaves(self) -> list["Node"]:
        """The selects that are asked."""
        return [self] if self.apart is None else [leaf for row in self.below for node in row for leaf in node.leaves()]


@dataclass(frozen=True)
class Got:
    """A select's rows and what the evidence says beside them."""

    rows: pa.Table
    evidence: tuple[Evidence, ...]
    truncated: bool


class JoiningStore:
    """A TelemetryStore over another that joins nothing, or only some things."""

    def __init__(self, store: TelemetryStore, catalog: Catalog, joins: Callable[[Select], bool] | None = None) -> None:
        """`joins` says which selects the store itself can answer though they reach over to other datasets.

        A store may also say so itself, as Elasticsearch in ES|QL does.
        """
        self._store = store
        self._catalog = catalog
        self._joins: Callable[[Select], bool] = joins or getattr(store, "joins", None) or (lambda _: False)
        self._combiner = Combiner()
        self._preparer = Preparer(catalog, lambda scan, _catalog, _few: scan)

    @property
    def store(self) -> TelemetryStore:
        """The one below."""
        return self._store

    @property
    def query_count(self) -> int:
        """Native queries sent so far."""
        return self._store.query_count

    async def exports(self) -> Exports:
        """See TelemetryStore."""
        return await self._store.exports()

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """See TelemetryStore."""
        return await self._store.coverage(at, since, entities=entities)

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """One plan as of an instant. Raises PlanError, also for what cannot be joined here, and StoreError."""
        if not any(self._foreign(select) for select in plan.selects.values()):
            return await self._store.run(plan, at)
        found = (await self.run_many({"plan": plan}, at))["plan"]
        if found.status is EvidenceStatus.UNREAD:
            raise PlanError(found.note)
        return found

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """Many plans in few queries. A plan that cannot be joined here is UNREAD, with the reason as its note."""
        reaching = {n: p for n, p in plans.items() if any(self._foreign(s) for s in p.selects.values())}
        straight = {n: p for n, p in plans.items() if n not in reaching}
        if not reaching:
            return await self._store.run_many(plans, at)
        prepared = self._preparer.prepare(reaching, await self._store.exports()).plans
        lines: dict[tuple[object, ...], Timeline] = {}
        nodes: dict[str, dict[str, Node] | str] = {}
        for name, one in prepared.items():
            nodes[name] = {} if one.missing else await self._taken_apart(one, at, lines)
        asked = dict(straight)
        for name, found in nodes.items():
            for step, node in found.items() if isinstance(found, dict) else ():
                for number, leaf in enumerate(node.leaves()):
                    asked[f"{select_key(name, step)}#{number}"] = Plan(steps={"result": leaf.select})
        answers = await self._store.run_many(asked, at)
        return {n: answers[n] if n in straight else self._evidence(n, prepared[n], nodes[n], answers, at) for n in plans}

    # ---- taking apart ------------------------------------------------------------------------------------------
    def _foreign(self, select: Select) -> dict[str, list[str]]:
        """First dataset on the way → the fields that are reached over it, where the store below does not join them itself."""
        own = self._catalog.datasets[select.dataset].fields
        foreign = sorted(n for n in names_used(select) if n not in own)
        if not foreign or self._joins(select):
            return {}
        found: dict[str, list[str]] = {}
        for name in foreign:
            found.setdefault(self._catalog.route(select.dataset, name).path[0].to, []).append(name)
        return found

    async def _taken_apart(
        self, plan: Prepared, at: datetime, lines: dict[tuple[object, ...], Timeline]
    ) -> dict[str, Node] | str:
        """Every select's node, or why there is none."""
        try:
            return {step: await self._node(select, at, lines) for step, select in plan.plan.selects.items()}
        except PlanError as bad:
            return bad.line()

    async def _node(self, select: Select, at: datetime, lines: dict[tuple[object, ...], Timeline]) -> Node:
        foreign = self._foreign(select)
        if not foreign:
            return Node(select)
        names = tuple(next(iter(foreign.values())))
        if set(names) & {*select.fields}:
            raise PlanError(f"raw rows with {', '.join(names)}, which lie in another table, are not joined here")
        line = await self._line(select, names, at, lines)
        narrowed = without(select, line, lambda expr: self._holds(expr, line, select.dataset, at))
        if not names_used(narrowed) & set(names):
            return await self._node(narrowed, at, lines)
        if narrowed.fields:
            raise PlanError(f"raw rows in the order of {', '.join(names)}, which lie in another table, are not joined here")
        apart = Apart(narrowed, self._catalog, line)
        parts = apart.parts()
        below = [[await self._node(part.select, at, lines) for part in row] for row in parts]
        return Node(narrowed, apart, parts, below)

    async def _line(
        self, select: Select, names: tuple[str, ...], at: datetime, lines: dict[tuple[object, ...], Timeline]
    ) -> Timeline:
        """What the keys stood for in the select's window; read once for all plans."""
        base = self._catalog.datasets[select.dataset]
        routes = [self._catalog.route(select.dataset, name) for name in names]
        relation = routes[0].path[0]
        cached = (select.dataset, relation.to, names, select.window)
        if cached not in lines:
            for name, route in zip(names, routes, strict=True):
                self._check(relation, base.time, name, route.path)
            interval = relation.between or self._catalog.datasets[relation.to].valid
            timed = bool(interval and base.time)
            window = (select.window or Span(start=EVER)) if timed else None
            rows = await self._dimension(relation, names, interval, window, at)
            (key,) = relation.on
            spanned = (at - window.start, at - window.end) if window else None
            lines[cached] = timeline(rows, key, names, base.time if timed else "", spanned)
        return lines[cached]

    def _check(self, relation: Relation, time: str, what: str, path: tuple[Relation, ...]) -> None:
        target = self._catalog.datasets[relation.to]
        if target.kind is not DatasetKind.DIMENSION:
            raise PlanError(f"'{what}' belongs to '{relation.to}', which is no small table: the store joins no two indices")
        if len(relation.on) != 1:
            raise PlanError(f"'{what}' is reached by several fields at once, which is not joined here")
        if self._catalog.route(relation.to, what).path != path[1:]:
            raise PlanError(f"'{what}' is reached over '{relation.to}' in more than one way, which is not joined here")
        if time and any(r.between or self._catalog.datasets[r.to].valid for r in path[1:]):
            raise PlanError(f"'{what}' is reached over a second table that changes in time, which is not joined here")

    async def _dimension(
        self, relation: Relation, names: tuple[str, ...], interval: tuple[str, str] | None, window: Span | None, at: datetime
    ) -> list[dict[str, object]]:
        (key,) = relation.on.values()
        begin, end = interval or ("", "")
        wanted = tuple(n for n in dict.fromkeys((key, begin, *names)) if n)
        until = Measure(agg="max", field=Expr(Name(end), end)) if end else Measure(agg="count")
        select = Select(dataset=relation.to, window=window, by=wanted, measures={"until": until})
        found = await self.run(Plan(steps={"result": select}), at)
        if found.status is EvidenceStatus.NOT_EXPORTED:
            raise PlanError(f"the fleet does not export {', '.join(found.missing)}")
        return [
            {"key": row[key], "begin": row.get(begin), "end": row["until"] if end else None, **{n: row[n] for n in names}}
            for row in found.rows.to_pylist()
        ]

    def _holds(self, expr: Expr, line: Timeline, dataset: str, at: datetime) -> frozenset[Attributes]:
        """For which attributes a condition on them holds."""
        each = list(dict.fromkeys([line.unknown, *(p.attributes for p in line.pieces)]))
        schema = {n: OF_FIELD[self._catalog.route(dataset, n).spec.type] for n in line.names}
        columns = {n: pa.array([a[i] for a in each], TYPES[schema[n]]) for i, n in enumerate(line.names)}
        table = plain(pa.table({**columns, "number": pa.array(range(len(each)), pa.int64())}))
        true = expression(expr, {n: quoted(n) for n in line.names}, schema)
        found = self._combiner.run("SELECT number FROM d WHERE " + true, {"d": table}, at)
        return frozenset(each[number] for number in found["number"].to_pylist())

    # ---- putting together --------------------------------------------------------------------------------------
    def _evidence(
        self, name: str, plan: Prepared, nodes: dict[str, Node] | str, answers: Mapping[str, Evidence], at: datetime
    ) -> Evidence:
        if isinstance(nodes, str):
            return unread(plan, at, nodes)
        if plan.missing:
            return not_exported(plan, at)
        got: dict[str, Got] = {}
        for step, node in nodes.items():
            found = [answers[f"{select_key(name, step)}#{i}"] for i in range(len(node.leaves()))]
            for one in found:
                if one.status is EvidenceStatus.UNREAD:
                    return unread(plan, at, one.note)
                if one.status is EvidenceStatus.NOT_EXPORTED:
                    rows = empty(plan.schemas[plan.plan.result])
                    return made(plan, at, rows, one.status, missing=one.missing)
            got[step] = self._got(node, iter(found), at)
        rows, cut = combined(plan, {step: one.rows for step, one in got.items()}, self._combiner, at)
        rows = typed(rows, plan.schemas[plan.plan.result])
        parts = [e for one in got.values() for e in one.evidence]
        silent = [all(e.status is EvidenceStatus.NO_DATA for e in one.evidence) for one in got.values()]
        return made(
            plan,
            at,
            rows,
            status_of(silent, rows),
            queries=tuple(dict.fromkeys(q for e in parts for q in e.queries)),
            truncated=cut or any(one.truncated for one in got.values()),
            approximate=any(e.approximate for e in parts),
            duration_s=sum(e.duration_s for e in parts),
            note="; ".join(dict.fromkeys(e.note for e in parts if e.note)),
        )

    def _got(self, node: Node, answers: Iterator[Evidence], at: datetime) -> Got:
        """A node's rows from the answers of its leaves, in their order."""
        if node.apart is None:
            one = next(answers)
            return Got(one.rows, (one,), one.truncated)
        below = [[self._got(inner, answers, at) for inner in row] for row in node.below]
        tables = {f"f{i}_{j}": one.rows for i, row in enumerate(below) for j, one in enumerate(row)}
        line = node.apart.line
        constant = line.constant()
        schema = node.apart.schema
        keys = {"key": pa.array([p.key for p in constant], TYPES[schema[line.key]])}
        values = {n: pa.array([p.attributes[i] for p in constant], TYPES[schema[n]]) for i, n in enumerate(line.names)}
        rows = self._combiner.run(node.apart.finish(node.parts), {**tables, "d": pa.table({**keys, **values})}, at)
        limit = node.select.limit
        cut = limit is not None and rows.num_rows > limit
        kinds = check(Plan(steps={"result": node.select}), self._catalog)["result"]
        rows = typed(rows.slice(0, limit) if cut else rows, kinds)
        evidence = tuple(e for row in below for one in row for e in one.evidence)
        return Got(rows, evidence, cut or any(one.truncated for row in below for one in row))
