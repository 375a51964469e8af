"""What kind of value an expression gives: checked before anything is compiled, the same for every engine."""

from collections.abc import Mapping
from enum import StrEnum

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import PlanError, UnknownNameError
from llo11ypop.query.expr import SIBLING_FUNCTIONS, Call, Expr, Name, Node, Op, Value


class Kind(StrEnum):
    """The kinds of value a column can have."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    TIME = "time"
    BOOL = "bool"
    NULL = "null"


Schema = Mapping[str, Kind]
"""Columns and their kinds, in order."""

OF_FIELD = {"integer": Kind.INTEGER, "float": Kind.NUMBER, "string": Kind.TEXT, "timestamp": Kind.TIME}
"""Field type of the catalog → kind."""

INSTANT = "at"
"""Name of the instant of the run, usable in every expression unless a column has that name."""

NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER})
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">=", "in"})


def kind_of(expr: Expr, schema: Schema, where: str, *, siblings: bool = False) -> Kind:
    """The kind an expression gives over these columns.

    Raises UnknownNameError for a name that is not a column, PlanError where kinds do not go together.
    """
    return _Reader(schema, f"{where}: '{expr.text}'", siblings).kind(expr.node)


def condition(expr: Expr, schema: Schema, where: str, *, siblings: bool = False) -> None:
    """Refuse an expression that is not true or false. Raises like `kind_of`."""
    kind = kind_of(expr, schema, where, siblings=siblings)
    if kind not in (Kind.BOOL, Kind.NULL):
        raise PlanError(f"{where}: '{expr.text}' is a {kind}, not a condition")


class _Reader:
    """Walks one expression."""

    def __init__(self, schema: Schema, where: str, siblings: bool) -> None:
        self.schema = schema
        self.where = where
        self.siblings = siblings

    def kind(self, node: Node) -> Kind:
        match node:
            case Name(name):
                return self._name(name)
            case Value(value):
                return _literal(value)
            case Op(op, args):
                return self._op(op, args)
            case Call(name, args):
                return self._call(name, args)

    def _name(self, name: str) -> Kind:
        if name in self.schema:
            return self.schema[name]
        if name == INSTANT:
            return Kind.TIME
        raise UnknownNameError("column", name, self.schema, where=self.where)

    def _op(self, op: str, args: tuple[Node, ...]) -> Kind:
        if op in ("and", "or", "not"):
            for arg in args:
                self._expect(arg, {Kind.BOOL}, f"'{op}'")
            return Kind.BOOL
        if op == "is_null":
            self.kind(args[0])
            return Kind.BOOL
        if op == "like":
            self._expect(args[0], {Kind.TEXT}, "'like'")
            if not isinstance(args[1], Value) or not isinstance(args[1].value, str):
                raise PlanError(f"{self.where}: 'like' needs a pattern in quotes")
            return Kind.BOOL
        if op in _COMPARISONS:
            for other in args[1:]:
                self._same(args[0], other)
            return Kind.BOOL
        kinds = [self._expect(arg, NUMERIC, f"'{op}'") for arg in args]
        whole = op != "/" and all(k in (Kind.INTEGER, Kind.NULL) for k in kinds)
        return Kind.INTEGER if whole else Kind.NUMBER

    def _same(self, left: Node, right: Node) -> Kind:
        """The common kind of two sides, or a PlanError."""
        a, b = self.kind(left), self.kind(right)
        if Kind.NULL in (a, b):
            return b if a is Kind.NULL else a
        if a in NUMERIC and b in NUMERIC:
            return Kind.INTEGER if a is b is Kind.INTEGER else Kind.NUMBER
        if {a, b} == {Kind.TIME, Kind.TEXT}:
            text = right if b is Kind.TEXT else left
            if isinstance(text, Value) and _is_instant(text.value):
                return Kind.TIME
        if a is not b:
            raise PlanError(f"{self.where}: cannot compare a {a} with a {b}")
        return a

    def _expect(self, node: Node, kinds: "set[Kind] | frozenset[Kind]", what: str) -> Kind:
        kind = self.kind(node)
        if kind is not Kind.NULL and kind not in kinds:
            wanted = " or ".join(sorted(kinds))
            raise PlanError(f"{self.where}: {what} needs a {wanted}, found a {kind}")
        return kind

    def _call(self, name: str, args: tuple[Node, ...]) -> Kind:
        if name in SIBLING_FUNCTIONS:
            return self._sibling(name, args)
        match name:
            case "coalesce" | "nullif" | "greatest" | "least":
                kind = self.kind(args[0])
                for other in args[1:]:
                    found = self._same(args[0], other)
                    kind = found if kind in (Kind.NULL, Kind.INTEGER) else kind
                return kind
            case "if_else":
                self._expect(args[0], {Kind.BOOL}, "the condition of if_else")
                return self._same(args[1], args[2])
            case "lower" | "contains" | "starts_with" | "count_listed":
                for arg in args:
                    self._expect(arg, {Kind.TEXT}, f"'{name}'")
                return {"lower": Kind.TEXT, "count_listed": Kind.INTEGER}.get(name, Kind.BOOL)
            case "seconds_between":
                for arg in args:
                    self._expect(arg, {Kind.TIME}, "'seconds_between'")
                return Kind.NUMBER
            case "hour_of_day":
                self._expect(args[0], {Kind.TIME}, "'hour_of_day'")
                return Kind.INTEGER
            case "concat":
                for arg in args:
                    self.kind(arg)
                return Kind.TEXT
            case "has_bits":
                for arg in args:
                    self._expect(arg, {Kind.INTEGER}, "'has_bits'")
                return Kind.BOOL
        kind = self._expect(args[0], NUMERIC, f"'{name}'")
        return Kind.BOOL if name == "is_nan" else kind if name == "abs" else Kind.NUMBER

    def _sibling(self, name: str, args: tuple[Node, ...]) -> Kind:
        if not self.siblings:
            raise PlanError(f"{self.where}: '{name}' looks at sibling rows, which only derive and filter steps have")
        kind = self.kind(args[0])
        if name in ("median_of", "avg_of", "sum_of"):
            self._expect(args[0], NUMERIC, f"'{name}'")
            kind = Kind.NUMBER
        for key in args[1:]:
            if not isinstance(key, Name):
                raise PlanError(f"{self.where}: the keys of '{name}' are column names")
            self.kind(key)
        return Kind.INTEGER if name == "count_of" else kind


def _literal(value: object) -> Kind:
    match value:
        case None:
            return Kind.NULL
        case bool():
            return Kind.BOOL
        case int():
            return Kind.INTEGER
        case float():
            return Kind.NUMBER
    return Kind.TEXT


def _is_instant(value: object) -> bool:
    try:
        return bool(parse_instant(str(value)))
    except ValueError:
        return False
