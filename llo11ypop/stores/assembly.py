"""The evidence of plans from what their selects gave: combining steps, what the rows mean, and what is said where there are none.

Every store ends here; only how a select is read differs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import pyarrow as pa

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.evidence import Evidence, EvidenceStatus, Query
from llo11ypop.core.ids import derived_id
from llo11ypop.core.window import Window, iso
from llo11ypop.query.arrow_steps import carry_out, within_limit
from llo11ypop.query.combine import Combiner
from llo11ypop.query.plan import Plan, Select, Span
from llo11ypop.query.prepare import Prepared
from llo11ypop.query.rows import empty, rows_hash, typed

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """What one select gave."""

    rows: pa.Table
    queries: tuple[Query, ...]
    truncated: bool
    seen: bool
    """Whether any row of the dataset stood behind it."""
    approximate: bool
    took_s: float


@dataclass
class Assembly:
    """Puts plans together at one instant, for a store that is asked over a network."""

    catalog: Catalog
    combiner: Combiner
    at: datetime
    estimates: str
    """What is said of evidence that holds estimates."""
    nothing_there: Callable[[Select], Awaitable[bool]]
    """Whether no row at all of a select's dataset lies in its window."""
    _silent: dict[tuple[str, Span | None], bool] = field(default_factory=dict)

    async def evidence(self, plan: Prepared, parts: Mapping[str, Part]) -> Evidence:
        """A plan's evidence from its selects'. Raises StoreError."""
        rows, cut = combined(plan, {step: part.rows for step, part in parts.items()}, self.combiner, self.at)
        rows = typed(rows, plan.schemas[plan.plan.result])
        silent = [not part.seen and await self._is_silent(plan.plan.selects[step]) for step, part in parts.items()]
        vague = any(p.approximate for p in parts.values())
        return made(
            plan,
            self.at,
            rows,
            status_of(silent, rows),
            queries=tuple(dict.fromkeys(q for p in parts.values() for q in p.queries)),
            truncated=cut or any(p.truncated for p in parts.values()),
            approximate=vague,
            duration_s=sum(p.took_s for p in parts.values()),
            note=self.estimates if vague else "",
        )

    async def _is_silent(self, select: Select) -> bool:
        """Whether the dataset said nothing at all in the select's window, though it should have."""
        key = (select.dataset, select.window)
        if key not in self._silent:
            self._silent[key] = speaks_within(self.catalog, select) and await self.nothing_there(select)
        return self._silent[key]


def speaks_within(catalog: Catalog, select: Select) -> bool:
    """Whether a dataset that works must have said something in a select's window."""
    dataset, window = catalog.datasets[select.dataset], select.window
    return dataset.always_speaks and not (window and dataset.cadence and window.start - window.end < dataset.cadence)


def combined(plan: Prepared, selects: Mapping[str, pa.Table], combiner: Combiner, at: datetime) -> tuple[pa.Table, bool]:
    """The rows of a plan's last step, and whether its limit cut some off."""
    if plan.combine is None:
        return selects[plan.plan.result], False
    rows = carry_out(plan.plan, plan.schemas, selects, at)
    if rows is None:
        rows = combiner.run(plan.combine, {plan.tables[step]: rows for step, rows in selects.items()}, at)
    return within_limit(plan.plan, rows)


def status_of(silent: Sequence[bool], rows: pa.Table) -> EvidenceStatus:
    """What rows mean, given which selects read a dataset that said nothing."""
    if all(silent) or (any(silent) and not rows.num_rows):
        return EvidenceStatus.NO_DATA
    return EvidenceStatus.OK if rows.num_rows else EvidenceStatus.EMPTY


def not_exported(plan: Prepared, at: datetime) -> Evidence:
    """The evidence of a plan over what this fleet does not export."""
    rows = empty(plan.schemas[plan.plan.result])
    return made(plan, at, rows, EvidenceStatus.NOT_EXPORTED, missing=plan.missing)


def unread(plan: Prepared, at: datetime, reason: str) -> Evidence:
    """The evidence of a plan that its store cannot say, or that nobody could read."""
    return made(plan, at, empty(plan.schemas[plan.plan.result]), EvidenceStatus.UNREAD, note=reason)


def made(
    plan: Prepared,
    at: datetime,
    rows: pa.Table,
    status: EvidenceStatus,
    *,
    queries: tuple[Query, ...] = (),
    truncated: bool = False,
    approximate: bool = False,
    missing: tuple[str, ...] = (),
    duration_s: float = 0.0,
    note: str = "",
) -> Evidence:
    """Evidence of a plan; its id says what was asked and as of when."""
    return Evidence(
        id=derived_id("evidence", plan.hash, iso(at)),
        plan=plan.json,
        at=at,
        window=window_of(plan.plan, at),
        queries=queries,
        rows=rows,
        row_count=rows.num_rows,
        truncated=truncated,
        approximate=approximate,
        status=status,
        missing=missing,
        duration_s=duration_s,
        hash=rows_hash(rows),
        note=note,
    )


def window_of(plan: Plan, at: datetime) -> Window | None:
    """The span that a plan's selects read together; None when none of them has a window."""
    windows = [s.window for s in plan.selects.values() if s.window]
    if not windows:
        return None
    return Window(at - max(w.start for w in windows), at - min(w.end for w in windows))


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
