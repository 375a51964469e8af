"""Conditions that no filter says, as Painless scripts over doc values: two fields compared, bits of a number, the hour of a day.

Every value is a parameter, so one compiled script serves every value. Fields are there when a script runs; what may still be
missing, a quotient by zero, is asked for beside. Sources: Elasticsearch 9 and OpenSearch documentation, Painless, script query.
"""

from typing import Any

from llo11ypop.core.clock import parse_instant
from llo11ypop.query.compile.es_sql_names import Columns
from llo11ypop.query.expr import Call, Name, Node, Op, Value
from llo11ypop.query.kinds import Kind, Schema

EXACT = 2**53
"""Whole numbers below it are exact as a double (IEEE 754); blanks of DCGM lie above."""
_SIGNS = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_INSTANTS = {
    "<": "{0}.isBefore({1})",
    "<=": "!{0}.isAfter({1})",
    ">": "{0}.isAfter({1})",
    ">=": "!{0}.isBefore({1})",
    "=": "!({0}.isBefore({1}) || {0}.isAfter({1}))",
    "!=": "({0}.isBefore({1}) || {0}.isAfter({1}))",
}


class Script:
    """Writes one condition; `fields` are those it reads, in order."""

    def __init__(self, columns: Columns, schema: Schema) -> None:
        self.columns = columns
        self.schema = schema
        self.params: dict[str, Any] = {}
        self.fields: list[str] = []
        self.beside: list[str] = []

    def condition(self, node: Op | Call, *, yes: bool) -> str:
        """The text of a condition that is, or is not, to hold. Raises PlanError where it cannot be said."""
        text = self._asked(node)
        here = [f"doc[{self._name(name)}].size() > 0" for name in self.fields]
        return " && ".join([*here, *self.beside, f"({text})" if yes else f"!({text})"])

    def body(self, text: str) -> dict[str, Any]:
        """A script as a request holds it."""
        return {"source": text, "lang": "painless", **({"params": self.params} if self.params else {})}

    def _asked(self, node: Op | Call) -> str:
        match node:
            case Op("=" | "!=" | "<" | "<=" | ">" | ">=" as op, (left, right)):
                kinds = (self._kind(left), self._kind(right))
                if kinds == (Kind.TIME, Kind.TIME):
                    return _INSTANTS[op].format(self._stored(left), self._stored(right))
                if Kind.TEXT in kinds:
                    return self._texts(op, left, right)
                return f"{self.value(left)} {_SIGNS[op]} {self.value(right)}"
            case Op("in", (left, *others)):
                return " || ".join(f"{self.value(left)} == {self.value(other)}" for other in others)
            case Call("has_bits", (Name() as number, Value(int() as mask))):
                bits = [1 << i for i in range(mask.bit_length()) if mask >> i & 1]
                text = self.value(number)
                self.beside.append(f"{text} < {self._param(EXACT)}")
                return " || ".join(f"Math.floor({text} / {bit}.0) % 2 == 1" for bit in bits) or "1 == 0"
        raise self.columns.refused(f"'{node.op if isinstance(node, Op) else node.name}' of anything but fields and values")

    def _kind(self, node: Node) -> Kind | None:
        return self.schema.get(node.name) if isinstance(node, Name) else None

    def _texts(self, op: str, left: Node, right: Node) -> str:
        if op not in ("=", "!=") or not isinstance(left, Name) or not isinstance(right, Name):
            raise self.columns.refused("text that is worked out, or compared by order")
        return f"{self.value(left)} {_SIGNS[op]} {self.value(right)}"

    def value(self, node: Node) -> str:
        """The text of a value; instants in milliseconds since 1970."""
        match node:
            case Name(name) if name in self.schema:
                return self._field(name)
            case Value(int() | float() as number) if not isinstance(number, bool):
                return self._param(number)
            case Value(str() as text):
                return self._param(int(parse_instant(text).timestamp() * 1000))
            case Op("+" | "-" | "*" as op, (left, right)):
                return f"({self.value(left)} {op} {self.value(right)})"
            case Op("/", (left, right)):
                under = self.value(right)
                self.beside.append(f"{under} != 0")
                return f"({self.value(left)} * 1.0 / {under})"
            case Call("abs", (inner,)):
                return f"Math.abs({self.value(inner)})"
            case Call("nullif", (inner, Value(0))):
                self.beside.append(f"{self.value(inner)} != 0")
                return self.value(inner)
            case Call("hour_of_day", (Name(name),)) if name in self.schema:
                return f"{self._stored(node.args[0])}.getHour()"
            case Call("seconds_between", (start, end)):
                return f"(({self.value(end)} - {self.value(start)}) / 1000.0)"
        raise self.columns.refused("a value that is worked out in a way that no script of ours says")

    def _seen(self, name: str) -> None:
        if name not in self.fields:
            self.fields.append(name)

    def _name(self, name: str) -> str:
        """The stored field as a string of Painless."""
        return "'" + self.columns.foreign(name).name.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def _stored(self, node: Node) -> str:
        """The value of a field as it is stored."""
        name = node.name if isinstance(node, Name) else ""
        self._seen(name)
        return f"doc[{self._name(name)}].value"

    def _field(self, name: str) -> str:
        text = self._stored(Name(name))
        if self.schema[name] is Kind.TIME:
            return f"{text}.toInstant().toEpochMilli()"
        foreign = self.columns.foreign(name)
        if foreign.factor != 1.0:
            text = f"({text} * {self._param(foreign.factor)})"
        return f"({text} + {self._param(foreign.offset)})" if foreign.offset else text

    def _param(self, value: Any) -> str:
        for name, known in self.params.items():
            if known == value and type(known) is type(value):
                return f"params.{name}"
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"params.{name}"
