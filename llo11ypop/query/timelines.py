"""What things were when: the rows of a small dimension table as one timeline per key, and conditions on it as conditions on keys.

A store that cannot join asks for the dimension first. A condition on `rack` then is a list of nodes, and for the few whose rack
changed in the window, a span of time beside each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llo11ypop.core.errors import PlanError
from llo11ypop.query.expr import Expr, Name, Node, Op, Value

MOST_CHANGES = 200
"""Spans of single things in one condition (our assumption: more is no small change of the fleet)."""
Attributes = tuple[Any, ...]


@dataclass(frozen=True)
class Piece:
    """What a key stood for, from `begin` until before `end`; none where that is not bounded inside the window."""

    key: Any
    begin: datetime | None
    end: datetime | None
    attributes: Attributes

    @property
    def always(self) -> bool:
        """Whether it holds for the whole window."""
        return self.begin is None and self.end is None


@dataclass(frozen=True)
class Timeline:
    """All keys of a dimension over a window."""

    key: str
    """The own field that names a thing."""
    time: str
    """The own field that says when a row happened; empty where rows have no time."""
    names: tuple[str, ...]
    """The dimension's fields, in the order of the attributes."""
    pieces: tuple[Piece, ...]

    @property
    def unknown(self) -> Attributes:
        """What a key stands for that the dimension does not have."""
        return (None,) * len(self.names)

    def constant(self) -> tuple[Piece, ...]:
        """The keys that stood for one thing all the time."""
        return tuple(p for p in self.pieces if p.always)

    def changing(self) -> dict[Attributes, list[Piece]]:
        """The pieces of the others, by what they stood for."""
        found: dict[Attributes, list[Piece]] = {}
        for piece in self.pieces:
            if not piece.always:
                found.setdefault(piece.attributes, []).append(piece)
        if sum(len(pieces) for pieces in found.values()) > MOST_CHANGES:
            raise PlanError(f"more than {MOST_CHANGES} things changed their {', '.join(self.names)} in the window")
        return found

    def condition(self, pieces: Sequence[Piece], what: str) -> Expr:
        """That a row lies in one of the pieces."""
        keys = [Value(p.key) for p in pieces if p.always]
        parts: list[Node] = [Op("in", (Name(self.key), *keys))] if keys else []
        spans = [p for p in pieces if not p.always]
        if len(spans) > MOST_CHANGES:
            raise PlanError(f"more than {MOST_CHANGES} things changed their {', '.join(self.names)} in the window")
        parts += [self._span(piece) for piece in spans]
        return Expr(_any(parts), what)

    def unchanged(self) -> Expr | None:
        """That a row's key is none of those that changed; none where nothing did."""
        keys = sorted({p.key for pieces in self.changing().values() for p in pieces}, key=str)
        if not keys:
            return None
        listed = Op("in", (Name(self.key), *(Value(k) for k in keys)))
        return Expr(_any([Op("is_null", (Name(self.key),)), Op("not", (listed,))]), f"{self.key} did not change")

    def _span(self, piece: Piece) -> Node:
        found: Node = Op("=", (Name(self.key), Value(piece.key)))
        if piece.begin is not None:
            found = Op("and", (found, Op(">=", (Name(self.time), Value(piece.begin.isoformat())))))
        if piece.end is not None:
            found = Op("and", (found, Op("<", (Name(self.time), Value(piece.end.isoformat())))))
        return found


def _any(parts: Sequence[Node]) -> Node:
    if not parts:
        return Value(False)
    found = parts[0]
    for part in parts[1:]:
        found = Op("or", (found, part))
    return found


def timeline(
    rows: Sequence[Mapping[str, Any]],
    key: str,
    names: tuple[str, ...],
    time: str,
    window: tuple[datetime, datetime] | None,
) -> Timeline:
    """The timeline of rows with `key`, `begin`, `end` (open where none) and the names.

    `window` is none where rows have no time: then every row holds all the time. Raises PlanError where two rows of one key
    hold at once.
    """
    by_key: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["key"] is not None:
            by_key.setdefault(row["key"], []).append(row)
    pieces: list[Piece] = []
    for value, of_key in sorted(by_key.items(), key=lambda item: str(item[0])):
        pieces += _pieces(value, of_key, names, window)
    return Timeline(key, time, names, tuple(pieces))


def _pieces(
    key: Any, rows: Sequence[Mapping[str, Any]], names: tuple[str, ...], window: tuple[datetime, datetime] | None
) -> list[Piece]:
    spans: list[tuple[datetime | None, datetime | None, Attributes]] = []
    if window is None:
        if len(rows) > 1:
            raise PlanError(f"'{key}' has {len(rows)} rows at once in the table that says its {', '.join(names)}")
        return [Piece(key, None, None, tuple(rows[0][n] for n in names))]
    start, stop = window
    reached = start
    for row in sorted(rows, key=lambda r: r["begin"] or start):
        begin, end = max(row["begin"] or start, start), min(row["end"] or stop, stop)
        if end <= begin:
            continue
        if begin < reached:
            raise PlanError(f"'{key}' has two rows at once in the table that says its {', '.join(names)}")
        if begin > reached:
            spans.append((reached, begin, (None,) * len(names)))
        spans.append((begin, end, tuple(row[n] for n in names)))
        reached = end
    if reached < stop:
        spans.append((reached, stop, (None,) * len(names)))
    merged: list[tuple[datetime | None, datetime | None, Attributes]] = []
    for span in spans:
        if merged and merged[-1][2] == span[2]:
            merged[-1] = (merged[-1][0], span[1], span[2])
        else:
            merged.append(span)
    return [Piece(key, None if a == start else a, None if b == stop else b, what) for a, b, what in merged]
