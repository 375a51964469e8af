"""Conditions and values as Elasticsearch SQL text; what it cannot say is refused with the reason.

Negations are driven down to the comparisons and every negated comparison says IS NOT NULL beside it: whether a search engine
counts a missing field as "not equal" is then of no account. Sources: Elasticsearch 9 documentation (SQL functions, operators,
limitations) and elastic/elasticsearch issues #44151 and #104508 for comparisons between fields.
"""

from collections.abc import Iterable

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.es_sql_names import Columns
from llo11ypop.query.compile.sql import Sql, joined, value
from llo11ypop.query.expr import Call, Expr, Name, Node, Op, Value, walk
from llo11ypop.query.kinds import NUMERIC, OF_FIELD, Kind, Schema, kind_of

ENGINE = "Elasticsearch SQL"
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_LENIENT = frozenset({"coalesce", "greatest", "least", "if_else", "nullif", "concat"})
"""Functions that may give a value though an argument is missing."""
_SAME = {"abs": "ABS", "coalesce": "COALESCE", "greatest": "GREATEST", "least": "LEAST", "lower": "LCASE", "nullif": "NULLIF"}


def together(parts: Iterable[Sql | None]) -> Sql | None:
    """The pieces under 'and', each once and the only one bare; None when there is none."""
    present = list(dict.fromkeys(p for p in parts if p is not None))
    if len(present) < 2:  # noqa: PLR2004 - one piece needs no 'and'
        return present[0] if present else None
    return "(" + joined(present, " AND ") + ")"


def _either(parts: Iterable[Sql]) -> Sql:
    """The pieces under 'or', each once and the only one bare."""
    present = list(dict.fromkeys(parts))
    return present[0] if len(present) == 1 else "(" + joined(present, " OR ") + ")"


def refused(what: str) -> PlanError:
    """The error for what this engine cannot say."""
    return PlanError(f"{ENGINE} cannot say it: {what}")


class Writer:
    """Writes expressions over the columns of one index."""

    always, never = Sql("1 = 1"), Sql("1 = 0")

    def __init__(self, columns: Columns, names: frozenset[str]) -> None:
        self.columns = columns
        self.schema: Schema = {n: OF_FIELD[columns.spec(n).type] for n in sorted(names)}

    def condition(self, expr: Expr) -> Sql:
        """An expression that rows are kept for."""
        return self._is(expr.node, yes=True)

    def reading(self, expr: Expr) -> tuple[Sql, Sql | None]:
        """A value, and the condition under which it is one; None when the engine leaves the missing ones out by itself."""
        node = expr.node
        guards = [g.holds for name in self._strict(node) for g in self.columns.guards(name)]
        if not isinstance(node, Name):
            guards += [Sql(f"{self.columns.column(name)} IS NOT NULL") for name in self._strict(node)]
        return self.value(node), together(guards)

    def present(self, name: str) -> Sql:
        """That a field has a value."""
        parts = [Sql(f"{self.columns.column(name)} IS NOT NULL"), *(g.holds for g in self.columns.guards(name))]
        return together(parts) or self.never

    # ---- conditions --------------------------------------------------------------------------------------------
    def _is(self, node: Node, *, yes: bool) -> Sql:
        match node:
            case Value(literal):
                return self.always if literal is (True if yes else False) else self.never
            case Op("not", args):
                return self._is(args[0], yes=not yes)
            case Op("and" | "or" as op, args):
                parts = [self._is(arg, yes=yes) for arg in args]
                both = (op == "and") == yes
                return (together(parts) if both else _either(parts)) or self.never
            case Op("is_null", args):
                return self._null(args[0], yes=yes)
            case Op("like" | "in" as op, args):
                return self._listed(op, args, yes=yes)
            case Op(op, args):
                return self._compared(op if yes else _OPPOSITE[op], args)
            case Call(name, args):
                return self._asked(name, args, yes=yes)
        raise self.columns.refused(f"'{node}' is no condition there")

    def _null(self, node: Node, *, yes: bool) -> Sql:
        if not isinstance(node, Name) or node.name not in self.schema:
            raise self.columns.refused("IS NULL of anything but a field")
        if not yes:
            return self.present(node.name)
        parts = [Sql(f"{self.columns.column(node.name)} IS NULL"), *(g.fails for g in self.columns.guards(node.name))]
        return _either(parts)

    def _kept(self, text: Sql, nodes: tuple[Node, ...], *, present: bool) -> Sql:
        """A comparison, with what its fields need to count; `present` says that a missing one must be kept out."""
        parts = [text]
        for node in nodes:
            for name in self._strict(node):
                parts += [g.holds for g in self.columns.guards(name)]
                if present:
                    parts.append(Sql(f"{self.columns.column(name)} IS NOT NULL"))
        return together(parts) or self.never

    def _listed(self, op: str, args: tuple[Node, ...], *, yes: bool) -> Sql:
        word = op.upper() if yes else f"NOT {op.upper()}"
        left = self.value(args[0])
        if op == "like":
            if not isinstance(args[0], Name):
                raise self.columns.refused("LIKE on anything but a field")
            return self._kept(left + f" {word} " + self.value(args[1]), args[:1], present=not yes)
        values = [self._beside(args, i) for i in range(1, len(args)) if args[i] != Value(None)]
        if any(self._fields(arg) for arg in args[1:]):
            raise self.columns.refused("IN with fields in its list")
        if not values or (not yes and len(values) < len(args) - 1):
            return self.never
        return self._kept(left + f" {word} (" + joined(values) + ")", args[:1], present=not yes)

    def _compared(self, op: str, args: tuple[Node, ...]) -> Sql:
        left, right = args
        if Value(None) in args:
            return self.never
        if not self._fields(left):
            left, right, op = right, left, _SWAPPED[op]
        sign = "<>" if op == "!=" else op
        if not self._fields(right):
            text = self._beside((left, right), 0) + f" {sign} " + self._beside((left, right), 1)
            return self._kept(text, (left,), present=op == "!=")
        kind = self._kind(left)
        if kind is Kind.TIME:
            text = self._seconds(right, left) + f" {sign} 0"
        elif kind in NUMERIC:
            text = "(" + self.value(left) + " - " + self.value(right) + f") {sign} 0"
        else:
            raise self.columns.refused("a comparison between two text fields")
        return self._kept(text, (left, right), present=True)

    def _asked(self, name: str, args: tuple[Node, ...], *, yes: bool) -> Sql:
        match name:
            case "contains":
                text = "LOCATE(" + self._lowered(args[1]) + ", LCASE(" + self.value(args[0]) + "))" + (" > 0" if yes else " = 0")
                return self._kept(text, args, present=True)
            case "starts_with":
                text = (
                    "STARTS_WITH(" + self.value(args[0]) + ", " + self.value(args[1]) + ")" + (" = TRUE" if yes else " = FALSE")
                )
                return self._kept(text, args, present=True)
            case "has_bits":
                return self._bits(args, yes=yes)
            case "is_nan":
                return self.never if yes else self._kept(self.always, args, present=True)
        raise self.columns.refused(f"'{name}' as a condition")

    def _lowered(self, node: Node) -> Sql:
        if isinstance(node, Value) and isinstance(node.value, str):
            return value(node.value.lower())
        return "LCASE(" + self.value(node) + ")"

    def _bits(self, args: tuple[Node, ...], *, yes: bool) -> Sql:
        """Any bit of a mask: there is no bitwise operator, so each bit is asked for by division. Exact up to 2^53."""
        mask = args[1].value if isinstance(args[1], Value) else None
        if not isinstance(mask, int) or not isinstance(args[0], Name):
            raise self.columns.refused("has_bits of anything but a field and a number")
        number = self.value(args[0])
        bits = [1 << i for i in range(mask.bit_length()) if mask >> i & 1]
        asked = [self._bit(number, bit, yes=yes) for bit in bits]
        both = (_either(asked) if yes else together(asked)) if asked else self.never if yes else self.always
        return self._kept(both or self.never, args[:1], present=True)

    def _bit(self, number: Sql, bit: int, *, yes: bool) -> Sql:
        return "FLOOR(" + number + f" / {bit}.0) % 2 = {1 if yes else 0}"

    # ---- values ------------------------------------------------------------------------------------------------
    def value(self, node: Node, *, lenient: bool = False) -> Sql:
        """A value; below a lenient function a field that does not count must read as missing."""
        match node:
            case Name(name) if name in self.schema:
                return self._field(name, lenient=lenient)
            case Name():
                return self.columns.ago()
            case Value(None):
                return Sql("NULL")
            case Value(literal):
                return value(literal)
            case Op("+" | "-" | "*" as op, args):
                return "(" + self.value(args[0], lenient=lenient) + f" {op} " + self.value(args[1], lenient=lenient) + ")"
            case Op("/" | "%" as op, args):
                top, bottom = self.value(args[0], lenient=lenient), self.value(args[1], lenient=lenient)
                top = "CAST(" + top + " AS DOUBLE)" if op == "/" else top
                return "(" + top + f" {op} NULLIF(" + bottom + ", 0))"
            case Call(name, args):
                return self._called(name, args, lenient=lenient)
        raise self.columns.refused("a condition where a value belongs")

    def _field(self, name: str, *, lenient: bool) -> Sql:
        guards = together(g.holds for g in self.columns.guards(name)) if lenient else None
        read = self.columns.read(name)
        return read if guards is None else "CASE WHEN " + guards + " THEN " + read + " END"

    def _called(self, name: str, args: tuple[Node, ...], *, lenient: bool) -> Sql:
        inside = lenient or name in _LENIENT
        if name == "if_else":
            when = self._is(args[0], yes=True)
            then, otherwise = (self._beside(args[1:], i, lenient=True) for i in (0, 1))
            return "CASE WHEN " + when + " THEN " + then + " ELSE " + otherwise + " END"
        if name == "seconds_between":
            return self._seconds(*args, lenient=lenient)
        parts = [self._beside(args, i, lenient=inside) for i in range(len(args))]
        match name:
            case "ln":
                return "LOG(CASE WHEN " + parts[0] + " > 0 THEN " + parts[0] + " END)"
            case "sqrt":
                return "SQRT(CASE WHEN " + parts[0] + " >= 0 THEN " + parts[0] + " END)"
            case "hour_of_day":
                return "HOUR_OF_DAY(" + parts[0] + ")"
        if name in _SAME:
            return f"{_SAME[name]}(" + joined(parts) + ")"
        raise self.columns.refused(f"the function '{name}'")

    def _seconds(self, start: Node, end: Node, *, lenient: bool = False) -> Sql:
        """Seconds between two instants, to the millisecond; in whole seconds first, as DATE_DIFF counts in 32 bits."""
        a, b = (self._beside((start, end), i, lenient=lenient) for i in (0, 1))
        whole = "DATE_DIFF('seconds', " + a + ", " + b + ")"
        rest = "(DATE_PART('milliseconds', " + b + ") - DATE_PART('milliseconds', " + a + ")) / 1000.0"
        return "(" + whole + " + " + rest + ")"

    def _beside(self, args: tuple[Node, ...], index: int, *, lenient: bool = False) -> Sql:
        """One of several values; text beside an instant is an instant too."""
        node = args[index]
        if isinstance(node, Value) and isinstance(node.value, str) and any(self._kind(a) is Kind.TIME for a in args):
            return self.columns.moment(value(parse_instant(node.value)))
        return self.value(node, lenient=lenient)

    def _kind(self, node: Node) -> Kind:
        return kind_of(Expr(node, ""), self.schema, ENGINE)

    def _fields(self, node: Node) -> bool:
        return any(isinstance(n, Name) and n.name in self.schema for n in walk(node))

    def _strict(self, node: Node) -> tuple[str, ...]:
        """Fields without which the value is missing, in order."""
        match node:
            case Name(name):
                return (name,) if name in self.schema else ()
            case Call(name) if name in _LENIENT:
                return ()
            case Op(_, args) | Call(_, args):
                return tuple(dict.fromkeys(n for arg in args for n in self._strict(arg)))
        return ()
