# ruff: noqa: S608 - only names of our own are put into text
"""Increase and rate of counters for engines that group but see no row before another: exact, from few groups.

Per series and stretch of time the engine tells how many readings there are, the lowest, highest, first and last of them, and
when they were. That says the gain of a stretch for certain where it has two readings, or all are alike. A series that is not
certain is asked for again in shorter stretches, down to one reading each: most counters stand still, so those are few. A drop is
a reset, after which the counter has counted from zero, as for DuckDB.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from llo11ypop.query.compile.sql import Sql, quoted

UNLIKELY = 10
"""A counter that ends a stretch at its highest after beginning it at its lowest may still have been reset in between. Then it has
counted from zero to more than that lowest within the stretch; where this would be so many times what the stretch shows it to
gain, it was not reset (our assumption)."""
STRETCHES = (timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=10))
"""What is tried beside the dataset's cadence; a shipper may write more often than the catalog says."""
LONG = 3
"""How many times its stretch a window must hold for an hour to be worth a query."""
Narrow = Callable[[Sequence[Mapping[str, Any]]], Any]
"""Rows that name series by their fields → the same query of those series alone."""


@dataclass(frozen=True)
class Level:
    """One query of a ladder."""

    native: int
    alias: str
    """What the statement calls its rows."""
    unsure: str
    """The series that its rows do not make certain: a statement over them, with each one's readings (`n`) and keys (`kinds`)."""
    narrow: Narrow
    step: timedelta | None
    """The length of its stretches; none for the whole window."""


@dataclass(frozen=True)
class Ladder:
    """The queries of one counter, from the coarsest on; each is only asked for the series that the one before left open."""

    what: str
    levels: tuple[Level, ...]


def groups(step: timedelta | None, series: Mapping[str, Any]) -> int:
    """At most how many groups a series has in stretches of a length."""
    reach: timedelta = series["until"] - series["since"]
    return min(int(series["n"]), (reach // step + 2 if step else 1) * int(series["kinds"]))


def stretches(window: timedelta | None, cadence: timedelta | None) -> tuple[timedelta | None, ...]:
    """The lengths of a ladder's stretches: the whole window, then ever shorter ones."""
    found = sorted({*STRETCHES, *([cadence] if cadence else [])}, reverse=True)
    return None, *(s for s in found if window is None or s * (LONG if s == STRETCHES[0] != cadence else 1) < window)


@dataclass(frozen=True)
class Summary:
    """How a level's readings are read from its rows: text over its alias."""

    alias: str
    keys: tuple[str, ...]
    series: Mapping[str, str]
    """Field of the grain → the column that holds it."""
    values: Mapping[str, Sql]
    """n, lo, hi, first, last, since, until."""

    def judged(self) -> str:
        """Every stretch, and whether what it says of its series is certain."""
        along = self._series("x")
        columns = [f"{self.alias}.{k} AS {k}" for k in self.keys]
        columns += [f"{self.alias}.{c} AS {_name(i)}" for i, c in enumerate(self.series.values())]
        columns += [f"{text.text} AS {name}" for name, text in self.values.items()]
        apart = f"coalesce(x.since > lag(x.until) OVER (PARTITION BY {along} ORDER BY x.since, x.until), true)"
        rising = f"(first = lo AND last = hi AND (hi - lo) * {UNLIKELY} <= lo)"
        rows = f"SELECT {', '.join(columns)} FROM {self.alias}"
        return f"SELECT *, {apart} AND (n <= 2 OR lo = hi OR {rising}) AS certain FROM ({rows}) AS x WHERE n > 0"

    def unsure(self) -> str:
        """The series that are not certain."""
        names = ", ".join(f"{_name(i)} AS {quoted(field)}" for i, field in enumerate(self.series))
        kinds = f"count(DISTINCT row({', '.join(self.keys)}))" if self.keys else "1"
        head = f"SELECT {names}, sum(n) AS n, {kinds} AS kinds, min(since) AS since, max(until) AS until"
        return f"{head} FROM ({self.judged()}) AS j GROUP BY {self._series('j')} HAVING NOT bool_and(certain)"

    def _series(self, table: str) -> str:
        return ", ".join(f"{table}.{_name(i)}" for i in range(len(self.series)))


def gains(levels: Sequence[Summary]) -> str:
    """Per group the `increase` and `rate` of its series; NULL where no reading has one before it."""
    keys = list(levels[0].keys)
    names = [_name(i) for i in range(len(levels[0].series))]
    by = ", ".join(names)
    columns = ", ".join([*keys, *names, "n", "first", "last", "since", "until"])
    judged = [f"SELECT {columns}, certain, {i} AS level FROM ({level.judged()})" for i, level in enumerate(levels)]
    known = f"SELECT *, bool_and(certain) OVER (PARTITION BY {by}, level) AS sure FROM ({' UNION ALL '.join(judged)})"
    best = f"SELECT *, min(CASE WHEN sure THEN level END) OVER (PARTITION BY {by}) AS best FROM ({known})"
    along = f"OVER (PARTITION BY {by} ORDER BY since)"
    rows = f"SELECT *, lag(last) {along} AS before, lag(until) {along} AS left_at FROM ({best}) WHERE level = best"
    inside = "CASE WHEN n = 1 THEN 0 WHEN last >= first THEN last - first ELSE last END"
    between = "CASE WHEN before IS NULL THEN 0 WHEN first >= before THEN first - before ELSE first END"
    took = "(epoch_us(until) - epoch_us(coalesce(left_at, since))) / 1e6"
    each = ", ".join([*keys, *names])
    ups = f"SELECT {each}, sum({inside} + {between}) AS up, sum({took}) AS s FROM ({rows}) WHERE n > 1 OR before IS NOT NULL"
    rate = "sum(coalesce(up / nullif(s, 0), 0.0))"
    grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
    return f"SELECT {', '.join([*keys, 'sum(up) AS increase', f'{rate} AS rate'])} FROM ({ups} GROUP BY {each}){grouped}"


def _name(number: int) -> str:
    """A series' field in these statements."""
    return f"g{number}"
