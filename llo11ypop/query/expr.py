"""Small typed expressions over field or measure names: the only way configuration and plans say a condition.

Text is parsed with sqlglot (DuckDB reading) and turned into these few node kinds; anything else is refused. Literals stay values,
so a compiler sends them as parameters and never splices them into query text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

SCALAR_FUNCTIONS = {
    "abs": 1, "coalesce": 2, "greatest": 2, "least": 2, "lower": 1, "contains": 2, "starts_with": 2, "has_bits": 2,
    "seconds_between": 2, "is_nan": 1, "ln": 1, "sqrt": 1, "nullif": 2, "hour_of_day": 1, "concat": 2, "if_else": 3,
    "count_listed": 1,
}  # fmt: skip
"""Name → least number of arguments. `has_bits(x, mask)`: any bit of mask is set. `seconds_between(a, b)`: b − a.
`contains` is case-insensitive. `count_listed(x)`: items of a comma-joined list. `if_else(cond, a, b)`."""

LONGEST = 4000
"""Characters of an expression."""
REMEMBERED = 4096
"""Texts whose reading is kept: the shipped configuration has some 540, and evidence brings the same ones again."""

SIBLING_FUNCTIONS = {"median_of", "avg_of", "sum_of", "min_of", "max_of", "count_of"}
"""`f(x, key, …)`: the aggregate of x over all rows with the same keys (the row itself included); Derive and Filter steps only."""


@dataclass(frozen=True, slots=True)
class Name:
    """A field, measure or group key."""

    name: str


@dataclass(frozen=True, slots=True)
class Value:
    """A literal: number, text, true, false or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Op:
    """An operator: = != < <= > >= and or not + - * / % is_null like in."""

    op: str
    args: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """An allow-listed function."""

    name: str
    args: tuple["Node", ...]


Node = Name | Value | Op | Call


@dataclass(frozen=True, slots=True)
class Expr:
    """A parsed expression and the text it came from."""

    node: Node
    text: str

    def names(self) -> frozenset[str]:
        """Every field or measure the expression mentions."""
        return frozenset(n.name for n in walk(self.node) if isinstance(n, Name))

    def __str__(self) -> str:
        """The text as written."""
        return self.text


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    if isinstance(node, (Op, Call)):
        for arg in node.args:
            yield from walk(arg)


_BINARY: dict[type[exp.Expression], str] = {
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.And: "and", exp.Or: "or",
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.Like: "like",
}  # fmt: skip


@lru_cache(maxsize=REMEMBERED)
def parse_expr(text: str) -> Expr:
    """Read an expression. Raises ValueError with what was not understood."""
    if len(text) > LONGEST:
        raise ValueError("the expression is longer than 4,000 characters")
    try:
        tree = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as bad:
        raise ValueError(f"cannot read the expression '{text}': {str(bad).splitlines()[0]}") from bad
    return Expr(_node(tree, text), text)


def _node(tree: Any, text: str) -> Node:
    kind = type(tree)
    if kind is exp.Like and tree.args.get("negate"):
        return Op("not", (Op("like", (_node(tree.this, text), _node(tree.expression, text))),))
    if kind is exp.Paren:
        return _node(tree.this, text)
    if kind in _BINARY:
        return Op(_BINARY[kind], (_node(tree.this, text), _node(tree.expression, text)))
    match tree:
        case exp.Column() if not tree.table and isinstance(tree.this, exp.Identifier):
            return Name(tree.name)
        case exp.Literal():
            return Value(tree.name if tree.is_string else _number(tree.name))
        case exp.Boolean():
            return Value(bool(tree.this))
        case exp.Null():
            return Value(None)
        case exp.Neg():
            inner = _node(tree.this, text)
            return Value(-inner.value) if isinstance(inner, Value) else Op("-", (Value(0), inner))
        case exp.Not():
            return Op("not", (_node(tree.this, text),))
        case exp.Is() if isinstance(tree.expression, exp.Null):
            return Op("is_null", (_node(tree.this, text),))
        case exp.Between():
            low, high = tree.args["low"], tree.args["high"]
            value = _node(tree.this, text)
            return Op("and", (Op(">=", (value, _node(low, text))), Op("<=", (value, _node(high, text)))))
        case exp.In() if tree.expressions:
            return Op("in", tuple(_node(t, text) for t in [tree.this, *tree.expressions]))
        case exp.Func():
            return _call(tree, text)
    raise ValueError(f"'{tree}' is not allowed in an expression ('{text}')")


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def _call(tree: exp.Func, text: str) -> Call:
    name = (tree.name if isinstance(tree, exp.Anonymous) else tree.sql_name()).lower()
    raw = tree.expressions if isinstance(tree, exp.Anonymous) else [a for v in tree.args.values() for a in _listed(v)]
    if name not in SCALAR_FUNCTIONS and name not in SIBLING_FUNCTIONS:
        raise ValueError(f"function '{name}' is not allowed in an expression ('{text}')")
    args = tuple(_node(a, text) for a in raw)
    if len(args) < SCALAR_FUNCTIONS.get(name, 1):
        raise ValueError(f"function '{name}' needs {SCALAR_FUNCTIONS.get(name, 1)} arguments ('{text}')")
    return Call(name, args)


def _listed(value: Any) -> list[exp.Expression]:
    if isinstance(value, exp.Expression):
        return [value]
    return [v for v in value if isinstance(v, exp.Expression)] if isinstance(value, list) else []
