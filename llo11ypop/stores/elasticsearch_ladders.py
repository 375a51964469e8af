"""Counters: a coarse query first, then finer ones of those series that it leaves open, some series at a time."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from llo11ypop.core.errors import Llo11yPopError, PlanError
from llo11ypop.core.evidence import Query
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.es_counters import Ladder, Level, groups
from llo11ypop.query.compile.es_native import Native
from llo11ypop.query.compile.sql import Sql
from llo11ypop.stores.assembly import gathered
from llo11ypop.stores.elasticsearch_read import table_of

MOST_QUERIES = 20
"""Of one level; our assumption: what takes more is not worth its load on the cluster."""
MOST_SERIES = 1_000
"""Named in one query."""


@dataclass(frozen=True)
class Asked:
    """What a query gave, or several that are one."""

    rows: pa.Table
    took_s: float = 0.0
    queries: tuple[Query, ...] = ()
    refused: Llo11yPopError | None = None
    """Why there is no answer, where the others are answered all the same."""


def nothing(native: Native[Any]) -> Asked:
    """A query that is not needed."""
    return Asked(table_of([], native.kinds))


@dataclass(frozen=True)
class Climb:
    """Asks the queries of a ladder at one instant."""

    combiner: Combiner
    at: datetime
    natives: Sequence[Native[Any]]
    ask: Callable[[Native[Any]], Awaitable[Asked]]

    async def climb(self, ladder: Ladder, found: list[Asked]) -> Llo11yPopError | None:
        """Fill in what the finer queries give; why it cannot be said, where it cannot. Raises StoreError."""
        for level, finer in zip(ladder.levels, (*ladder.levels[1:], None), strict=True):
            open_still = self._open(level, found[level.native])
            if not open_still:
                return None
            if finer is None:
                return PlanError(f"readings of {ladder.what} come closer together than its shortest stretch of {level.step}")
            native = self.natives[finer.native]
            parts = list(_parts(finer, native.limit, open_still))
            if len(parts) > MOST_QUERIES:
                readings = sum(int(one["n"]) for one in open_still)
                return PlanError(
                    f"{ladder.what} moved in {len(open_still):,} series with {readings:,} readings, "
                    f"which takes more than {MOST_QUERIES} queries",
                    next_step="ask for a shorter window or fewer series",
                )
            asked = await gathered(self._one(finer, part) for part in parts)
            for one in asked:
                if one.refused:
                    return one.refused
            queries = tuple(query for one in asked for query in one.queries)
            rows = pa.concat_tables([one.rows for one in asked])
            found[finer.native] = Asked(rows, sum(one.took_s for one in asked), queries)
        return None

    async def _one(self, level: Level, series: Sequence[Mapping[str, Any]]) -> Asked:
        native: Native[Any] = level.narrow(series)
        native.instead = self.natives[level.native].instead
        return await self.ask(native)

    def _open(self, level: Level, asked: Asked) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.combiner.run(Sql(level.unsure), {level.alias: asked.rows}, self.at).to_pylist()
        return rows


def _parts(level: Level, limit: int, series: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Series that one query has room for."""
    part: list[Mapping[str, Any]] = []
    held = 0
    for one in series:
        more = groups(level.step, one)
        if part and (held + more >= limit or len(part) == MOST_SERIES):
            yield part
            part, held = [], 0
        part.append(one)
        held += more
    if part:
        yield part
