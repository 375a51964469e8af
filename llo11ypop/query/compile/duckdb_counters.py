# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Increase and rate of counters as DuckDB text, exact across resets and cheap where nothing moved.

A first pass finds lowest and highest value per series; only series that moved are read again in order of time.
A drop is a reset: the counter has counted from zero to its new value.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from llo11ypop.query.compile.sql import Sql, joined, quoted


@dataclass
class Counters:
    """The counter measures of one scan."""

    grain: tuple[str, ...]
    keys: list[Sql]
    fixed: bool
    """Whether a series lies in one group for good: its keys are part of the grain and there are no buckets."""
    wanted: dict[Sql, int] = field(default_factory=dict)
    """Value of a series' row (NULL where the row does not count) → number."""

    def add(self, agg: str, of: Sql, only: Sql | None) -> str:
        """Ask for a measure; gives the column of the result."""
        series = of if only is None else "CASE WHEN " + only + " THEN " + of + " END"
        index = self.wanted.setdefault(series, len(self.wanted))
        return f"{'inc' if agg == 'increase' else 'rate'}{index}"

    def statement(self, scanned: Sql, groups: Sql) -> Sql:
        """`groups` (the other measures by key) with the counters' columns; `scanned` are the rows."""
        ctes = (
            "WITH scanned AS NOT MATERIALIZED (" + scanned + "), groups AS (" + groups + "), "
            + self._read() + self._series() + self._moving() + self._steps() + self._moved() + self._counted()
        )  # fmt: skip
        keys = self._names("k")
        if not keys:
            return ctes + " SELECT * FROM groups CROSS JOIN counted"
        on = " AND ".join(f"groups.{k} IS NOT DISTINCT FROM counted.{k}" for k in keys)
        values = ", ".join(f"counted.inc{i}, counted.rate{i}" for i in self._each())
        return ctes + f" SELECT groups.*, {values} FROM groups LEFT JOIN counted ON {on}"

    def _each(self) -> Iterable[int]:
        return self.wanted.values()

    def _names(self, letter: str) -> list[str]:
        return [f"{letter}{i}" for i in range(len(self.keys if letter == "k" else self.grain))]

    def _read(self) -> Sql:
        columns = [k + f" AS k{i}" for i, k in enumerate(self.keys)]
        columns += [Sql(f"{quoted(g)} AS g{i}") for i, g in enumerate(self.grain)]
        columns += [series + f" AS x{i}" for series, i in self.wanted.items()]
        return "points AS NOT MATERIALIZED (SELECT " + joined(columns) + ', "_t" FROM scanned), '

    def _series(self) -> Sql:
        parts = [f"min(x{i}) AS lo{i}, max(x{i}) AS hi{i}, count(x{i}) AS n{i}" for i in self._each()]
        if not self.fixed:
            parts += [f'min("_t") FILTER (WHERE x{i} IS NOT NULL) AS t{i}' for i in self._each()]
        by = ", ".join(self._names("g") + self._names("k"))
        return Sql(f"series AS MATERIALIZED (SELECT {by}, {', '.join(parts)} FROM points GROUP BY {by}), ")

    def _moving(self) -> Sql:
        by = ", ".join(self._names("g"))
        moved = " OR ".join(f"min(lo{i}) < max(hi{i})" for i in self._each())
        return Sql(f"moving AS MATERIALIZED (SELECT {by} FROM series GROUP BY {by} HAVING {moved}), ")

    def _steps(self) -> Sql:
        on = " AND ".join(f"points.{g} IS NOT DISTINCT FROM moving.{g}" for g in self._names("g"))
        parts = [
            f"x{i}, lag(x{i} IGNORE NULLS) OVER along AS p{i}, "
            f'lag(CASE WHEN x{i} IS NOT NULL THEN "_t" END IGNORE NULLS) OVER along AS q{i}'
            for i in self._each()
        ]
        by = ", ".join(self._names("g") + self._names("k"))
        along = f'WINDOW along AS (PARTITION BY {", ".join(self._names("g"))} ORDER BY "_t")'
        return Sql(f'steps AS (SELECT {by}, "_t", {", ".join(parts)} FROM points SEMI JOIN moving ON {on} {along}), ')

    def _moved(self) -> Sql:
        parts = [
            f"sum(CASE WHEN x{i} >= p{i} THEN x{i} - p{i} ELSE x{i} END) FILTER (WHERE p{i} IS NOT NULL) AS up{i}, "
            f'sum(epoch_us("_t") - epoch_us(q{i})) FILTER (WHERE x{i} IS NOT NULL AND q{i} IS NOT NULL) / 1e6 AS s{i}'
            for i in self._each()
        ]
        by = ", ".join(self._names("g") + self._names("k"))
        return Sql(f"moved AS (SELECT {by}, {', '.join(parts)} FROM steps GROUP BY {by}), ")

    def _counted(self) -> Sql:
        """Per group: the sum over its series. A series with fewer than two readings says nothing, not zero."""
        grain = ", ".join(self._names("g"))
        parts = []
        for i in self._each():
            known = (
                f"n{i} > 1" if self.fixed else f"n{i} > (t{i} IS NOT DISTINCT FROM min(t{i}) OVER (PARTITION BY {grain}))::INT"
            )
            parts.append(f"CASE WHEN {known} THEN 0.0 END AS zero{i}")
        both = self._names("g") + self._names("k")
        still = f"SELECT {', '.join(both)}, {', '.join(parts)} FROM series"
        on = " AND ".join(f"still.{c} IS NOT DISTINCT FROM moved.{c}" for c in both)
        sums = ", ".join(
            f"CAST(sum(coalesce(up{i}, zero{i})) AS DOUBLE) AS inc{i}, "
            f"CAST(sum(coalesce(up{i} / nullif(s{i}, 0), zero{i})) AS DOUBLE) AS rate{i}"
            for i in self._each()
        )
        keys = self._names("k")
        head = "".join(f"still.{k}, " for k in keys)
        tail = f" GROUP BY {', '.join(f'still.{k}' for k in keys)}" if keys else ""
        return Sql(f"counted AS (SELECT {head}{sums} FROM ({still}) AS still LEFT JOIN moved ON {on}{tail})")
