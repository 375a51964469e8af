"""Expressions over columns in memory, for the small tables that selects give.

An engine needs milliseconds to plan a statement over a few hundred rows; the same arithmetic on Arrow columns needs microseconds.
What is not known to give exactly the engine's answer is refused with `UnsupportedError`, and the engine is asked after all.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llo11ypop.core.clock import parse_instant
from llo11ypop.query.compile.sql import naive
from llo11ypop.query.expr import SIBLING_FUNCTIONS, Call, Expr, Name, Node, Op, Value
from llo11ypop.query.kinds import Kind, Schema

INSTANTS = pa.timestamp("us")
EXACT = 2**53
"""Whole numbers below it are exact as a double (IEEE 754)."""

TYPES = {Kind.INTEGER: pa.int64(), Kind.NUMBER: pa.float64(), Kind.TEXT: pa.string(), Kind.TIME: INSTANTS, Kind.BOOL: pa.bool_(),
         Kind.NULL: pa.string()}  # fmt: skip
_BINARY = {
    "and": pc.and_kleene, "or": pc.or_kleene, "=": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal,
    ">": pc.greater, ">=": pc.greater_equal, "+": pc.add_checked, "-": pc.subtract_checked, "*": pc.multiply_checked,
}  # fmt: skip


class UnsupportedError(Exception):
    """The engine has to do this one; never leaves the query package."""


def evaluate(expr: Expr, table: pa.Table, schema: Schema, at: datetime) -> Any:
    """One value per row. Raises UnsupportedError, and pyarrow's ArrowInvalid or ArrowNotImplementedError."""
    found = _Reader(table, schema, at).read(expr.node)
    if isinstance(found, pa.Scalar):
        found = pa.repeat(found, table.num_rows)
    return found


def as_kind(column: Any, kind: Kind) -> Any:
    """The column in the type that its kind has here; instants are naive UTC."""
    return column if column.type == TYPES[kind] else column.cast(TYPES[kind])


class _Reader:
    """Walks one expression."""

    def __init__(self, table: pa.Table, schema: Schema, at: datetime) -> None:
        self.table = table
        self.schema = schema
        self.at = at

    def read(self, node: Node) -> Any:
        match node:
            case Name(name) if name in self.schema:
                return self.table.column(name)
            case Name():
                return pa.scalar(naive(self.at), INSTANTS)
            case Value(value):
                return pa.scalar(value)
            case Op(op, args):
                return self._op(op, args)
            case Call(name, args) if name in SIBLING_FUNCTIONS:
                return self._sibling(name, args)
            case Call(name, args):
                return self._call(name, args)

    def _beside(self, args: tuple[Node, ...], index: int) -> Any:
        """One side of an operator; text beside an instant is an instant too."""
        node = args[index]
        if isinstance(node, Value) and isinstance(node.value, str) and any(self._is_time(a) for a in args):
            return pa.scalar(naive(parse_instant(node.value)), INSTANTS)
        return self.read(node)

    def _is_time(self, node: Node) -> bool:
        match node:
            case Name(name):
                return self.schema.get(name, Kind.TIME) is Kind.TIME
            case Call("coalesce" | "greatest" | "least" | "nullif" | "min_of" | "max_of", args):
                return self._is_time(args[0])
        return False

    def _op(self, op: str, args: tuple[Node, ...]) -> Any:
        if op == "is_null":
            return pc.is_null(self.read(args[0]))
        if op == "not":
            return pc.invert(self.read(args[0]))
        sides = [self._beside(args, index) for index in range(len(args))]
        if op == "in":
            found = pc.equal(sides[0], sides[1])
            for other in sides[2:]:
                found = pc.or_kleene(found, pc.equal(sides[0], other))
            return found
        if op == "/":
            divisor = sides[1].cast(pa.float64())
            return pc.divide(
                sides[0].cast(pa.float64()), pc.if_else(pc.equal(divisor, 0.0), pa.scalar(None, pa.float64()), divisor)
            )
        if op == "like":
            pattern = sides[1].as_py()
            if "\\" in pattern:
                raise UnsupportedError(op)
            return pc.match_like(sides[0], pattern)
        if op not in _BINARY:
            raise UnsupportedError(op)
        return _BINARY[op](*sides)

    def _call(self, name: str, args: tuple[Node, ...]) -> Any:
        parts = [self._beside(args, index) for index in range(len(args))]
        function = _CALLS.get(name)
        if function is None:
            raise UnsupportedError(name)
        return function(*parts)

    def _sibling(self, name: str, args: tuple[Node, ...]) -> Any:
        of = self.read(args[0])
        if isinstance(of, pa.Scalar):
            of = pa.repeat(of, self.table.num_rows)
        groups, count = groups_of([self.read(key) for key in args[1:]], self.table.num_rows)
        if name == "count_of":
            present = of.fill_null(False) if pa.types.is_boolean(of.type) and _is_condition(args[0]) else pc.is_valid(of)
            counted = np.bincount(groups, weights=flat(present).to_numpy(zero_copy_only=False), minlength=count)
            return pa.array(counted.astype(np.int64)[groups])
        return per_group(name, of, groups, count).take(pa.array(groups))


def _is_condition(node: Node) -> bool:
    return isinstance(node, Op) and node.op in {"=", "!=", "<", "<=", ">", ">=", "and", "or", "not", "is_null", "like", "in"}


def flat(column: Any) -> Any:
    """One array instead of chunks."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def groups_of(keys: list[Any], length: int) -> tuple[Any, int]:
    """Each row's group number, NULL being a value like any other, and how many numbers there are."""
    numbers, count = np.zeros(length, np.int64), 1
    for key in keys:
        if pa.types.is_floating(key.type):
            raise UnsupportedError("groups of floats")
        found = flat(flat(key).dictionary_encode(null_encoding="encode"))
        codes = found.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        _, numbers = np.unique(numbers * max(len(found.dictionary), 1) + codes, return_inverse=True)
        count = int(numbers.max()) + 1 if length else 1
    return numbers, count


def per_group(function: str, of: Any, groups: Any, count: int, q: float = 0.5) -> Any:
    """One aggregate of numbers or instants per group, NULL for a group without values."""
    of = flat(of)
    kept = flat(pc.is_valid(of)).to_numpy(zero_copy_only=False)
    time = pa.types.is_timestamp(of.type)
    if not (pa.types.is_integer(of.type) or pa.types.is_floating(of.type) or (time and function in ("min_of", "max_of"))):
        raise UnsupportedError(f"{function} of {of.type}")
    whole = of.cast(pa.int64()) if time else of
    values = whole.drop_null().to_numpy(zero_copy_only=False)
    if pa.types.is_integer(whole.type) and len(values) and int(np.abs(values).max()) >= EXACT // max(len(values), 1):
        if not (time and int(np.abs(values).max()) < EXACT):
            raise UnsupportedError("numbers too large to be exact")
    values, groups = values.astype(np.float64), groups[kept]
    sizes = np.bincount(groups, minlength=count)
    found = _PER_GROUP[function](values, groups, sizes, q)
    result = pa.array(found, mask=sizes == 0)
    if function in ("min_of", "max_of") and not pa.types.is_floating(of.type):
        result = pa.array(np.where(sizes == 0, 0, found).astype(np.int64), mask=sizes == 0).cast(of.type)
    return result


def _summed(values: Any, groups: Any, sizes: Any, _: float) -> Any:
    return np.bincount(groups, weights=values, minlength=len(sizes))


def _lowest(values: Any, groups: Any, sizes: Any, _: float) -> Any:
    found = np.full(len(sizes), np.inf)
    np.minimum.at(found, groups, values)
    return found


def _highest(values: Any, groups: Any, sizes: Any, _: float) -> Any:
    return -_lowest(-values, groups, sizes, 0)


def _quantile(values: Any, groups: Any, sizes: Any, q: float) -> Any:
    if not len(values):
        return np.zeros(len(sizes))
    values = values[np.lexsort((values, groups))]
    first = np.cumsum(sizes) - sizes
    place = np.maximum(sizes - 1, 0) * q
    low, last = np.floor(place).astype(np.int64), len(values) - 1
    below = values[np.minimum(first + low, last)]
    above = values[np.minimum(first + np.ceil(place).astype(np.int64), last)]
    return below + (above - below) * (place - low)


_PER_GROUP: dict[str, Callable[..., Any]] = {
    "sum_of": _summed,
    "avg_of": lambda values, groups, sizes, q: _summed(values, groups, sizes, q) / np.maximum(sizes, 1),
    "min_of": _lowest,
    "max_of": _highest,
    "median_of": _quantile,
}


def _seconds_between(start: Any, end: Any) -> Any:
    span = pc.subtract(end.cast(INSTANTS).cast(pa.int64()), start.cast(INSTANTS).cast(pa.int64()))
    return pc.divide(span.cast(pa.float64()), 1e6)


def _count_listed(listed: Any) -> Any:
    items = pc.add(pc.count_substring(listed, ",").cast(pa.int64()), 1)
    return pc.coalesce(pc.if_else(pc.equal(listed, ""), pa.scalar(0, pa.int64()), items), pa.scalar(0, pa.int64()))


def _nullif(left: Any, right: Any) -> Any:
    return pc.if_else(pc.equal(left, right).fill_null(False), pa.scalar(None, left.type), left)


def _if_else(condition: Any, yes: Any, no: Any) -> Any:
    if isinstance(condition, pa.Scalar):
        raise UnsupportedError("a constant condition")
    return pc.if_else(condition.fill_null(False), yes, no)


def _contains(text: Any, part: Any) -> Any:
    if not isinstance(part, pa.Scalar) or not part.as_py().isascii():
        raise UnsupportedError("contains")
    return pc.match_substring(pc.utf8_lower(text), part.as_py().lower())


def _starts_with(text: Any, part: Any) -> Any:
    if not isinstance(part, pa.Scalar):
        raise UnsupportedError("starts_with")
    return pc.starts_with(text, part.as_py())


_CALLS: dict[str, Callable[..., Any]] = {
    "abs": pc.abs_checked,
    "coalesce": pc.coalesce,
    "greatest": pc.max_element_wise,
    "least": pc.min_element_wise,
    "nullif": _nullif,
    "if_else": _if_else,
    "contains": _contains,
    "starts_with": _starts_with,
    "seconds_between": _seconds_between,
    "count_listed": _count_listed,
    "lower": pc.utf8_lower,
}
