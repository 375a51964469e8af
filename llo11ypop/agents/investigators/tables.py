"""Rows and columns of a finding as a Result, and numbers written as they stand in those rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.question import Column
from llo11ypop.core.vocabulary import Level

Row = dict[str, Any]
MINUTE_FORMAT = "%Y-%m-%d %H:%M UTC"


def dimension(name: str, label: str = "") -> Column:
    """A column of names."""
    return Column(name, label or name.replace("_", " "), "dimension")


def moment(name: str, label: str = "") -> Column:
    """A column of instants."""
    return Column(name, label or name.replace("_", " "), "time")


def measure(name: str, label: str = "", unit: str = "1", better: Literal["higher", "lower", "neither"] = "neither") -> Column:
    """A column of numbers."""
    return Column(name, label or name.replace("_", " "), "measure", unit, better)


def table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as Arrow, in the order of the columns; a key that a row lacks is null. No rows keep their columns."""
    return pa.table({c.name: _array(c, [row.get(c.name) for row in rows]) for c in columns})


def _array(column: Column, values: list[Any]) -> pa.Array:
    if column.role == "dimension":
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    if column.role == "time":
        return pa.array(values, pa.timestamp("us", tz="UTC"))
    whole = all(v is None or isinstance(v, int) for v in values)
    return pa.array(values, pa.int64() if whole else pa.float64())


def figure(value: float | None, digits: int = 1) -> float | int | None:
    """A number as it goes into a row: rounded, whole numbers as integers; None stays None, and NaN becomes it."""
    if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return None
    rounded = round(float(value), digits)
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e15 else rounded  # noqa: PLR2004 - beyond, floats are no integers


def said(value: float | int | None) -> str:
    """A row's number as a sentence says it: the same digits, thousands with commas."""
    if value is None:
        return "unknown"
    return f"{value:,}"


def count_of(number: float | int | None, what: str) -> str:
    """'1 failed job', '7 failed jobs'."""
    return f"{said(number)} {what}{'' if number == 1 else 's'}"


def minute(at: datetime) -> str:
    """An instant as sentences say it."""
    return at.strftime(MINUTE_FORMAT)


def listed(names: Sequence[str], most: int = 4) -> str:
    """'a, b and c', or 'a, b, c and others' for longer lists."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and others"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))


def place(entity: Entity, topology: Topology) -> str:
    """'rack c-a-r04'; a GPU or port names its node too."""
    nodes = topology.at_level(entity, Level.NODE) if entity.level in (Level.GPU, Level.PORT) else ()
    return f"{entity.level} {entity.id}" + (f" of {nodes[0].id}" if nodes else "")
