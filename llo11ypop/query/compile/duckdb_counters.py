# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""Increase and rate of counters as DuckDB text, exact across resets and cheap where nothing moved.

Over many rows a first pass finds lowest and highest value per series, and only series that moved are read again, in order of
time; over few rows everything is read once in that order, which takes a quarter of the planning. A drop is a reset: the counter
has counted from zero to its new value.
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
    rates: set[int] = field(default_factory=set)

    def add(self, agg: str, of: Sql, only: Sql | None) -> str:
        """Ask for a measure; gives the column of the result."""
        reading = of if only is None else "CASE WHEN " + only + " THEN " + of + " END"
        index = self.wanted.setdefault(reading, len(self.wanted))
        if agg == "rate":
            self.rates.add(index)
        return f"{'rate' if agg == 'rate' else 'inc'}{index}"

    def statement(self, scanned: Sql, measured: list[Sql], summed: list[Sql], groups: Sql | None) -> Sql:
        """The groups with their counters.

        `measured` are other aggregates, computed per series and group, and `summed` puts those together per group; where
        that is not possible, `groups` reads `scanned` again for them.
        """
        readings = joined(x + f" AS x{i}" for x, i in self.wanted.items())
        ctes = [
            "scanned AS NOT MATERIALIZED (SELECT *, " + readings + " FROM (" + scanned + ") AS w)",
            self._series(measured),
            self._moving(),
            self._moved(),
            self._counted(summed),
        ]
        text = "WITH " + joined(ctes)
        keys = self._names("k")
        if groups is None:
            return text + " SELECT * FROM counted"
        values = ", ".join(self._results("counted."))
        on = " AND ".join(f"groups.{k} IS NOT DISTINCT FROM counted.{k}" for k in keys) or "true"
        return text + ", groups AS (" + groups + f") SELECT groups.*, {values} FROM groups LEFT JOIN counted ON {on}"

    def directly(self, scanned: Sql, measured: list[Sql]) -> Sql:
        """The groups with their counters and other aggregates in one pass over the sorted rows.

        Rates are per series: with rates, the keys have to hold the grain.
        """
        readings = joined(x + f" AS x{i}" for x, i in self.wanted.items())
        keys = [key + f" AS k{i}" for i, key in enumerate(self.keys)]
        steps, results = self._steps(), list[str]()
        for i in self._each():
            results.append(f"CAST({_gain(i)} AS DOUBLE) AS inc{i}")
            if i in self.rates:
                span = f"sum(epoch_us(r{i}) - epoch_us(q{i}))"
                per_s = f"coalesce({_gain(i)} / nullif({span} / 1e6, 0), 0.0)"
                results.append(f"CASE WHEN count(p{i}) FILTER (WHERE x{i} IS NOT NULL) > 0 THEN {per_s} END AS rate{i}")
        grain = ", ".join(quoted(g) for g in self.grain)
        along = f' WINDOW along AS (PARTITION BY {grain} ORDER BY "_t")'
        source = "(SELECT *, " + readings + " FROM (" + scanned + ") AS w) AS x"
        stepped = f"SELECT *, {', '.join(steps)} FROM " + source + along
        by = " GROUP BY " + ", ".join(str(i + 1) for i in range(len(keys))) if keys else ""
        return "SELECT " + joined([*keys, *measured, *map(Sql, results)]) + " FROM (" + stepped + f") AS s{by}"

    def _steps(self) -> list[str]:
        steps: list[str] = []
        for i in self._each():
            steps.append(f"lag(x{i} IGNORE NULLS) OVER along AS p{i}")
            if i in self.rates:
                read = f'CASE WHEN x{i} IS NOT NULL THEN "_t" END'
                steps.append(f"{read} AS r{i}, lag({read} IGNORE NULLS) OVER along AS q{i}")
        return steps

    def _each(self) -> Iterable[int]:
        return self.wanted.values()

    def _results(self, prefix: str = "") -> list[str]:
        return [f"{prefix}inc{i}" for i in self._each()] + [f"{prefix}rate{i}" for i in sorted(self.rates)]

    def _names(self, letter: str) -> list[str]:
        return [f"{letter}{i}" for i in range(len(self.keys if letter == "k" else self.grain))]

    @property
    def _moved_keys(self) -> list[str]:
        """Group keys that a row of a series must carry, as they may differ within the series."""
        return [] if self.fixed else self._names("k")

    def _series(self, measured: list[Sql]) -> Sql:
        keys = [Sql(f"{quoted(g)} AS g{i}") for i, g in enumerate(self.grain)]
        keys += [k + f" AS k{i}" for i, k in enumerate(self.keys)]
        parts: list[Sql] = []
        for i in self._each():
            parts.append(Sql(f"min(x{i}) AS lo{i}, max(x{i}) AS hi{i}, count(x{i}) AS n{i}"))
            if not self.fixed:
                parts.append(Sql(f'min(CASE WHEN x{i} IS NOT NULL THEN "_t" END) AS t{i}'))
        by = ", ".join(str(i + 1) for i in range(len(keys)))
        return "series AS MATERIALIZED (SELECT " + joined([*keys, *parts, *measured]) + f" FROM scanned GROUP BY {by})"

    def _moving(self) -> Sql:
        """The series that moved, with a small number to sort by instead of long names."""
        by = ", ".join(self._names("g"))
        moved = " OR ".join(f"min(lo{i}) < max(hi{i})" for i in self._each())
        found = f"SELECT {by} FROM series GROUP BY {by} HAVING {moved}"
        return Sql(f"moving AS MATERIALIZED (SELECT *, row_number() OVER () AS id FROM ({found}))")

    def _moved(self) -> Sql:
        """What moving series gained, each by the order of its readings: one sort for all counters."""
        on = " AND ".join(f"scanned.{quoted(g)} IS NOT DISTINCT FROM moving.g{i}" for i, g in enumerate(self.grain))
        kept = [k + f" AS k{i}" for i, k in enumerate(self.keys)] if not self.fixed else []
        steps, gains = [f"x{i}" for i in self._each()] + self._steps(), []
        for i in self._each():
            gains.append(f"{_gain(i)} AS up{i}")
            if i in self.rates:
                gains.append(f"sum(epoch_us(r{i}) - epoch_us(q{i})) / 1e6 AS s{i}")
        rows = "SELECT " + joined([Sql("moving.id"), *kept, *map(Sql, steps)]) + f" FROM scanned JOIN moving ON {on}"
        keys = "".join(f", {k}" for k in self._moved_keys)
        along = ' WINDOW along AS (PARTITION BY moving.id ORDER BY "_t")'
        return f"moved AS (SELECT id{keys}, {', '.join(gains)} FROM (" + rows + f"{along}) GROUP BY id{keys})"

    def _counted(self, summed: list[Sql]) -> Sql:
        """Per group: the sum over its series. A series with fewer than two readings says nothing, not zero."""
        grain = ", ".join(self._names("g"))
        same = "".join(f" AND moved.{k} IS NOT DISTINCT FROM still.{k}" for k in self._moved_keys)
        joins = [
            " LEFT JOIN moving ON " + " AND ".join(f"still.{g} IS NOT DISTINCT FROM moving.{g}" for g in self._names("g")),
            f" LEFT JOIN moved ON moved.id = moving.id{same}",
        ]
        known, results = [], list(summed)
        for i in self._each():
            first = "1" if self.fixed else f"CAST(t{i} IS NOT DISTINCT FROM min(t{i}) OVER (PARTITION BY {grain}) AS INT)"
            known.append(f"CASE WHEN n{i} > {first} THEN 0.0 END AS zero{i}")
            results.append(Sql(f"CAST(sum(coalesce(up{i}, zero{i})) AS DOUBLE) AS inc{i}"))
            if i in self.rates:
                results.append(Sql(f"CAST(sum(coalesce(up{i} / nullif(s{i}, 0), zero{i})) AS DOUBLE) AS rate{i}"))
        keys = [Sql(f"still.{k}") for k in self._names("k")]
        tail = f" GROUP BY {', '.join(k.text for k in keys)}" if keys else ""
        still = f"(SELECT *, {', '.join(known)} FROM series) AS still"
        return "counted AS (SELECT " + joined([*keys, *results]) + f" FROM {still}{''.join(joins)}{tail})"


def _gain(i: int) -> str:
    """What reading `i` gained over its rows; NULL where none has one before it."""
    return f"sum(CASE WHEN x{i} >= p{i} THEN x{i} - p{i} ELSE x{i} END) FILTER (WHERE p{i} IS NOT NULL)"
