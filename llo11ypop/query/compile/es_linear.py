"""Values that are sums of fields: a1·x1 + a2·x2 + c. Their sums, means and bounds follow from those of the fields.

A query of Elasticsearch's Query DSL aggregates and compares fields, not expressions; a linear one can be solved for its field.
Instants count in milliseconds since 1970, and the instant of the run may be one of the terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from llo11ypop.core.clock import parse_instant
from llo11ypop.query.compile.sql import Instant
from llo11ypop.query.expr import Call, Name, Node, Op, Value
from llo11ypop.query.kinds import Kind, Schema


@dataclass(frozen=True)
class Linear:
    """The sum of fields with factors, a constant, and the instant of the run with its factor."""

    terms: Mapping[str, float] = field(default_factory=dict)
    constant: float = 0.0
    now: float = 0.0

    def plus(self, other: "Linear", sign: float = 1.0) -> "Linear":
        """The sum or difference."""
        terms = dict(self.terms)
        for name, factor in other.terms.items():
            terms[name] = terms.get(name, 0.0) + sign * factor
        return Linear(terms, self.constant + sign * other.constant, self.now + sign * other.now)

    def times(self, factor: float) -> "Linear":
        """A multiple."""
        return Linear({n: f * factor for n, f in self.terms.items()}, self.constant * factor, self.now * factor)

    @property
    def number(self) -> float | None:
        """The value where it depends on nothing."""
        return None if self.terms or self.now else self.constant

    def bound(self, than: "Linear") -> tuple[str, float, "float | Instant"] | None:
        """(field, sign, value) so that `self op than` is `field op value`, or the other way round where the sign is negative.

        None where that is not one field against one value.
        """
        left = self.plus(than, -1.0)
        if len(left.terms) != 1:
            return None
        ((name, factor),) = left.terms.items()
        if not factor:
            return None
        value, now = -left.constant / factor, -left.now / factor
        if now == 0:
            return name, factor, value
        return (name, factor, Instant(timedelta(milliseconds=-value))) if now == 1 else None


def linear(node: Node, schema: Schema) -> Linear | None:
    """A number or instant as a linear sum; None where it is none."""
    match node:
        case Name(name) if name in schema:
            return Linear({name: 1.0}) if schema[name] in (Kind.INTEGER, Kind.NUMBER, Kind.TIME) else None
        case Name():
            return Linear(now=1.0)
        case Value(int() | float() as number):
            return Linear(constant=number)
        case Value(str() as text):
            return _instant(text)
        case Op("+" | "-" | "*" | "/" as op, (first, second)):
            left, right = linear(first, schema), linear(second, schema)
            return _combined(op, left, right) if left is not None and right is not None else None
        case Call("seconds_between", (first, second)):
            start, end = linear(first, schema), linear(second, schema)
            return end.plus(start, -1.0).times(0.001) if start is not None and end is not None else None
    return None


def _combined(op: str, left: Linear, right: Linear) -> Linear | None:
    match op:
        case "+":
            return left.plus(right)
        case "-":
            return left.plus(right, -1.0)
        case "*" if left.number is not None:
            return right.times(left.number)
        case "*" if right.number is not None:
            return left.times(right.number)
        case "/" if right.number:
            return left.times(1 / right.number)
    return None


def _instant(text: str) -> Linear | None:
    try:
        return Linear(constant=parse_instant(text).timestamp() * 1000)
    except ValueError:
        return None
