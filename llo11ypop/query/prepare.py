"""Plans made ready to run: checked, missing fields known, selects fused, everything compiled. Cached per plan and per set.

Between cycles only the instant changes, so a prepared set is used again and again.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.ids import content_hash
from llo11ypop.query.check import check, missing
from llo11ypop.query.compile.duckdb_combine import compile_combine
from llo11ypop.query.compile.sql import Sql
from llo11ypop.query.fuse import Scan, fuse
from llo11ypop.query.kinds import Schema
from llo11ypop.query.plan import Plan, Select
from llo11ypop.query.store import Exports

CACHED_PLANS = 4096
CACHED_SETS = 64
FEW_ROWS = 25_000
"""Rows that are sorted in less time than it takes to plan around sorting them (measured on DuckDB 2.0, 512 to 10,000 GPUs)."""


@dataclass(frozen=True)
class Prepared:
    """One plan, checked."""

    plan: Plan
    json: dict[str, Any]
    hash: str
    """Of the JSON: with the instant it names the evidence."""
    schemas: Mapping[str, Schema]
    missing: tuple[str, ...]
    combine: Sql | None
    """The statement behind the selects; none when the plan is a single select."""
    tables: Mapping[str, str]
    """Select step → table that the statement reads."""


@dataclass(frozen=True)
class PreparedSet:
    """Plans that run together. Selects are keyed by (plan, step)."""

    plans: Mapping[str, Prepared]
    scans: tuple[Any, ...]
    """What the engine's compiler made of each scan."""
    scan_of: Mapping[str, int]
    """Select key → number of its scan."""


def select_key(plan: str, step: str) -> str:
    """The name of a select among those of many plans."""
    return f"{plan}\x1f{step}"


class Preparer:
    """Prepares plans for one catalog and one engine's compiler of scans."""

    def __init__(self, catalog: Catalog, compile_scan: Callable[[Scan, Catalog, bool], Any]) -> None:
        self._catalog = catalog
        self._compile_scan = compile_scan
        self._exports: Exports | None = None
        self._plans: OrderedDict[int, Prepared] = OrderedDict()
        self._sets: OrderedDict[tuple[tuple[str, int], ...], PreparedSet] = OrderedDict()

    def prepare(self, plans: Mapping[str, Plan], exports: Exports) -> PreparedSet:
        """The set ready to run. Raises UnknownNameError and PlanError, naming the plan."""
        if exports is not self._exports:
            self._plans.clear()
            self._sets.clear()
            self._exports = exports
        key = tuple((name, id(plan)) for name, plan in plans.items())
        found = self._sets.get(key)
        if found is None or any(found.plans[name].plan is not plan for name, plan in plans.items()):
            found = self._set({name: self._plan(plan, exports) for name, plan in plans.items()})
            self._sets[key] = found
            if len(self._sets) > CACHED_SETS:
                self._sets.popitem(last=False)
        return found

    def _plan(self, plan: Plan, exports: Exports) -> Prepared:
        found = self._plans.get(id(plan))
        if found is None or found.plan is not plan:
            schemas = check(plan, self._catalog)
            absent = missing(plan, self._catalog, exports)
            combine, tables = (None, {}) if len(plan.steps) == 1 else compile_combine(plan, schemas)
            json = plan.model_dump(mode="json", exclude_none=True)
            found = Prepared(plan, json, content_hash(json), schemas, absent, combine, tables)
            self._plans[id(plan)] = found
            if len(self._plans) > CACHED_PLANS:
                self._plans.popitem(last=False)
        return found

    def _set(self, prepared: dict[str, Prepared]) -> PreparedSet:
        selects = {
            select_key(name, step): select
            for name, one in prepared.items()
            if not one.missing
            for step, select in one.plan.selects.items()
        }
        scans = fuse(selects, self._few)
        scan_of = {key: index for index, scan in enumerate(scans) for key in scan.selects}
        compiled = tuple(self._compile_scan(scan, self._catalog, self._few(scan)) for scan in scans)
        return PreparedSet(prepared, compiled, scan_of)

    def _few(self, read: Scan | Select) -> bool:
        size = self._exports.sizes.get(read.dataset) if self._exports else None
        return size is not None and size.within(read.window.start - read.window.end if read.window else None) <= FEW_ROWS
