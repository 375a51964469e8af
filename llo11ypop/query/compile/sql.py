"""Query text and the values that go with it, kept together so that their order cannot be lost.

Values are never written into the text. The instant of a run is a value too, filled in last, so one compiled text serves
every cycle.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Instant:
    """A value that stands for the instant of the run, less an offset."""

    ago: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of query text with `?` for each of its values, in order."""

    text: str
    params: tuple[Any, ...] = ()

    def __add__(self, other: "Sql | str") -> "Sql":
        """The two after each other."""
        if isinstance(other, str):
            return Sql(self.text + other, self.params)
        return Sql(self.text + other.text, self.params + other.params)

    def __radd__(self, other: str) -> "Sql":
        """Text in front."""
        return Sql(other + self.text, self.params)


def value(it: Any) -> Sql:
    """A literal as a parameter."""
    return Sql("?", (it,))


def instant(ago: timedelta = timedelta(0)) -> Sql:
    """The instant of the run, less an offset, as a parameter."""
    return Sql("?", (Instant(ago),))


def quoted(name: str) -> str:
    """A name as an SQL identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def joined(parts: Iterable[Sql], between: str = ", ") -> Sql:
    """Pieces with a separator; the empty piece for none."""
    pieces = list(parts)
    return Sql(between.join(p.text for p in pieces), tuple(v for p in pieces for v in p.params))


def all_of(parts: Iterable[Sql | None]) -> Sql | None:
    """The pieces under 'and'; None when there is none."""
    present = [p for p in parts if p is not None]
    return joined((Sql("(") + p + ")" for p in present), " AND ") if present else None


def any_of(parts: Iterable[Sql | None]) -> Sql | None:
    """The pieces under 'or'; None when one of them is None, which is always true."""
    listed = list(parts)
    present = [p for p in listed if p is not None]
    if len(present) < len(listed):
        return None
    distinct = list(dict.fromkeys(present))
    return joined((Sql("(") + p + ")" for p in distinct), " OR ") if distinct else None


def bound(params: Iterable[Any], at: datetime) -> list[Any]:
    """The values of a run at an instant; instants as naive UTC, the way DuckDB's TIMESTAMP holds them."""
    return [naive(at - p.ago) if isinstance(p, Instant) else p for p in params]


def naive(at: datetime) -> datetime:
    """An aware instant as naive UTC."""
    return at.astimezone(UTC).replace(tzinfo=None)
