"""Conditions and values as ES|QL text; what it cannot say is refused with the reason.

It compares fields with each other, reads a comparison with something missing as not true, and asks for one type where one of
several values is chosen. Sources: Elasticsearch 9 documentation, ES|QL functions and operators, null values, limitations.
"""

from llo11ypop.query.compile.es_sql_expr import Writer, together
from llo11ypop.query.compile.es_sql_names import Columns
from llo11ypop.query.compile.sql import Sql, joined, value
from llo11ypop.query.expr import Call, Expr, Name, Node, Op, Value, walk
from llo11ypop.query.kinds import NUMERIC, Kind

ENGINE = "ES|QL"
_SIGNS = {"=": "=="}
_ONE_TYPE = {"coalesce": "COALESCE", "greatest": "GREATEST", "least": "LEAST"}
_CASTS = {Kind.NUMBER: "TO_DOUBLE", Kind.INTEGER: "TO_LONG"}


def named(name: str) -> str:
    """A field or column in query text."""
    return "`" + name.replace("`", "``") + "`"


def source(pattern: str) -> str:
    """An index or pattern in query text."""
    return '"' + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"'


class EsqlColumns(Columns):
    """Reads the fields of one dataset's index in ES|QL."""

    same, unlike = "==", "!="

    def named(self, name: str) -> str:
        """See Columns."""
        return named(name)

    def moment(self, text: Sql) -> Sql:
        """See Columns."""
        return "TO_DATETIME(" + text + ")"

    def column(self, name: str) -> str:
        """See Columns. A counter of a time series is only read after a cast (ES|QL limitations)."""
        text, stored = super().column(name), self.foreign(name).name
        if stored in self.index.runtime:
            raise self.refused(f"'{name}', which a script works out as the cluster reads: there are no runtime fields")
        return f"TO_DOUBLE({text})" if stored in self.index.counters else text


class EsqlWriter(Writer):
    """Writes expressions over the columns of one index."""

    always, never = Sql("true"), Sql("false")

    def reading(self, expr: Expr) -> tuple[Sql, Sql | None]:
        """See Writer. A value that may be missing though its fields are there is asked for."""
        text, guards = super().reading(expr)
        vague = any(isinstance(n, Call) or (isinstance(n, Op) and n.op in ("/", "%")) for n in walk(expr.node))
        return text, together((guards, text + " IS NOT NULL")) if vague else guards

    # ---- conditions --------------------------------------------------------------------------------------------
    def _null(self, node: Node, *, yes: bool) -> Sql:
        if isinstance(node, Name) and node.name in self.schema:
            return super()._null(node, yes=yes)
        return self.value(node, lenient=True) + (" IS NULL" if yes else " IS NOT NULL")

    def _listed(self, op: str, args: tuple[Node, ...], *, yes: bool) -> Sql:
        if op == "like" and isinstance(args[1], Value):
            return self._kept(self._like(self.value(args[0]), str(args[1].value), yes=yes), args[:1], present=not yes)
        return super()._listed(op, args, yes=yes)

    def _like(self, text: Sql, pattern: str, *, yes: bool) -> Sql:
        """A pattern by the functions that take a parameter, which LIKE does not in every version."""
        start, *middle, end = pattern.split("%") if "%" in pattern else (pattern, pattern)
        if "_" in pattern or len(middle) > 1 or (middle and end):
            raise self.columns.refused(f"LIKE '{pattern}'")
        if "%" not in pattern:
            return text + (" == " if yes else " != ") + value(pattern)
        found = []
        if start:
            found.append("STARTS_WITH(" + text + ", " + value(start) + ")")
        if middle and middle[0]:
            found.append("LOCATE(" + text + ", " + value(middle[0]) + f", {len(start) + 1}) > 0")
        if end:
            found.append("ENDS_WITH(" + text + ", " + value(end) + ")")
        if start and end:
            found.append("LENGTH(" + text + f") >= {len(start) + len(end)}")
        whole = joined(found, " AND ") if found else text + " IS NOT NULL"
        return "(" + whole + ")" if yes else "NOT (" + whole + ")"

    def _compared(self, op: str, args: tuple[Node, ...]) -> Sql:
        if Value(None) in args:
            return self.never
        text = self._beside(args, 0) + f" {_SIGNS.get(op, op)} " + self._beside(args, 1)
        return self._kept(text, args, present=op == "!=")

    def _asked(self, name: str, args: tuple[Node, ...], *, yes: bool) -> Sql:
        match name:
            case "contains":
                text = "LOCATE(TO_LOWER(" + self.value(args[0]) + "), " + self._lowered(args[1]) + ")"
                return self._kept(text + (" > 0" if yes else " == 0"), args, present=True)
            case "starts_with":
                text = "STARTS_WITH(" + self.value(args[0]) + ", " + self.value(args[1]) + ")"
                return self._kept(text if yes else "NOT " + text, args, present=True)
        return super()._asked(name, args, yes=yes)

    def _lowered(self, node: Node) -> Sql:
        if isinstance(node, Value) and isinstance(node.value, str):
            return value(node.value.lower())
        return "TO_LOWER(" + self.value(node) + ")"

    def _bit(self, number: Sql, bit: int, *, yes: bool) -> Sql:
        return "(TO_LONG(" + number + f") / {bit}) % 2 == {1 if yes else 0}"

    # ---- values ------------------------------------------------------------------------------------------------
    def value(self, node: Node, *, lenient: bool = False) -> Sql:
        """See Writer."""
        match node:
            case Value(None):
                return Sql("null")
            case Op("+" | "-" | "*" as op, args):
                return "(" + self._operand(args[0], lenient) + f" {op} " + self._operand(args[1], lenient) + ")"
            case Op("/" | "%" as op, args):
                top, bottom = self._operand(args[0], lenient), self._operand(args[1], lenient)
                if not (isinstance(args[1], Value) and args[1].value):
                    bottom = "CASE(" + bottom + " != 0, " + bottom + ")"
                top = "TO_DOUBLE(" + top + ")" if op == "/" else top
                return "(" + top + f" {op} " + bottom + ")"
        return super().value(node, lenient=lenient)

    def _operand(self, node: Node, lenient: bool) -> Sql:
        """One side of arithmetic; whole numbers in 64 bits, since in 32 they overflow to nothing."""
        text = self.value(node, lenient=lenient)
        return "TO_LONG(" + text + ")" if isinstance(node, Name) and self._kind(node) is Kind.INTEGER else text

    def blank_as_nothing(self, name: str) -> Sql:
        """A field, missing where its value does not count."""
        return self._field(name, lenient=True)

    def _field(self, name: str, *, lenient: bool) -> Sql:
        guards = together(g.holds for g in self.columns.guards(name)) if lenient else None
        read = self.columns.read(name)
        return read if guards is None else "CASE(" + guards + ", " + read + ")"

    def _called(self, name: str, args: tuple[Node, ...], *, lenient: bool) -> Sql:
        match name:
            case "if_else":
                when = self._is(args[0], yes=True)
                then, otherwise = self._alike(args[1:])
                return "CASE(" + when + ", " + then + ", " + otherwise + ")"
            case "nullif":
                first, second = self._alike(args)
                return "CASE(" + first + " == " + second + ", null, " + first + ")"
            case "coalesce" | "greatest" | "least":
                parts = self._alike(args)
                found = f"{_ONE_TYPE[name]}(" + joined(parts) + ")"
                return found if name == "coalesce" else self._present(name, parts)
            case "concat":
                return "CONCAT(" + joined(self._text(a) for a in args) + ")"
            case "seconds_between":
                return self._seconds(*args, lenient=lenient)
        parts = [self._beside(args, i, lenient=lenient) for i in range(len(args))]
        match name:
            case "abs":
                return "ABS(" + parts[0] + ")"
            case "lower":
                return "TO_LOWER(" + parts[0] + ")"
            case "ln":
                return "LOG(CASE(" + parts[0] + " > 0, " + parts[0] + "))"
            case "sqrt":
                return "SQRT(CASE(" + parts[0] + " >= 0, " + parts[0] + "))"
            case "hour_of_day":
                return 'DATE_EXTRACT("hour_of_day", ' + parts[0] + ")"
        raise self.columns.refused(f"the function '{name}'")

    def _present(self, name: str, parts: list[Sql]) -> Sql:
        """The greatest or least of those that are there: what it is of a missing one is not said anywhere."""
        first, *others = parts
        for other in others:
            first = "COALESCE(" + f"{_ONE_TYPE[name]}(" + joined([first, other]) + "), " + joined([first, other]) + ")"
        return first

    def _alike(self, args: tuple[Node, ...]) -> list[Sql]:
        """Values of which one is chosen: all of one type, blanks missing."""
        parts = [self._beside(args, i, lenient=True) for i in range(len(args))]
        kinds = {kind for kind in map(self._kind, args) if kind in NUMERIC}
        cast = _CASTS[Kind.NUMBER if Kind.NUMBER in kinds else Kind.INTEGER] if kinds else ""
        return [f"{cast}(" + p + ")" if cast and a != Value(None) else p for p, a in zip(parts, args, strict=True)]

    def _text(self, node: Node) -> Sql:
        if self._kind(node) not in (Kind.TEXT, Kind.INTEGER):
            raise self.columns.refused("concat of anything but text and whole numbers")
        return "COALESCE(TO_STRING(" + self.value(node, lenient=True) + "), " + value("") + ")"

    def _seconds(self, start: Node, end: Node, *, lenient: bool = False) -> Sql:
        a, b = ("TO_LONG(TO_DATETIME(" + self._beside((start, end), i, lenient=lenient) + "))" for i in (0, 1))
        return "((" + b + " - " + a + ") / 1000.0)"
