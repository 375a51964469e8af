"""Conditions on rows as label matchers, and at most one comparison of a measured value; the rest is refused with the reason.

A label that is not there reads as empty text, as Prometheus has it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llo11ypop.query.compile.promql_names import Names, refused
from llo11ypop.query.expr import Call, Expr, Name, Node, Op, Value

_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_SWAPPED = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_REGEX = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass(frozen=True, order=True)
class Matcher:
    """One matcher of a label; `op` is = != =~ or !~."""

    label: str
    op: str
    value: str

    def __str__(self) -> str:
        """As it stands in a selector."""
        return f"{self.label}{self.op}{text(self.value)}"


@dataclass(frozen=True)
class Threshold:
    """A comparison of a measured value with a number, in the catalog's unit; `op` is < <= > >= or =."""

    name: str
    op: str
    value: float


@dataclass(frozen=True)
class Filter:
    """A condition on rows."""

    matchers: tuple[Matcher, ...] = ()
    threshold: Threshold | None = None
    never: bool = False
    """Whether no row can meet it."""

    def also(self, other: "Filter") -> "Filter":
        """Both. Raises PlanError for two comparisons of values, which may hold at different instants."""
        if self.threshold and other.threshold:
            raise refused("two conditions on measured values at the same instant")
        matchers = tuple(sorted({*self.matchers, *other.matchers}))
        return Filter(matchers, self.threshold or other.threshold, self.never or other.never)


def text(value: str) -> str:
    """A string literal, whatever is in it (Prometheus documentation, string literals: as in Go)."""
    escaped = "".join(_escaped(c) for c in value)
    return f'"{escaped}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char  # noqa: PLR2004 - control characters


def regex(value: str) -> str:
    """A text as an RE2 pattern that matches just it."""
    return _REGEX.sub(lambda found: "\\" + found.group(), value)


def filter_of(expr: Expr | None, names: Names) -> Filter:
    """The condition. Raises PlanError for what neither matchers nor one comparison can say."""
    found = Filter()
    for node in _conjuncts(expr.node) if expr else ():
        found = found.also(_part(node, names, yes=True))
    return found


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Op) and node.op == "and":
        for arg in node.args:
            yield from _conjuncts(arg)
    else:
        yield node


def _part(node: Node, names: Names, *, yes: bool) -> Filter:
    match node:
        case Value(bool() as literal):
            return Filter(never=literal is not yes)
        case Op("not", (inner,)):
            return _part(inner, names, yes=not yes)
        case Op("or", args) if not yes:
            found = Filter()
            for arg in args:
                found = found.also(_part(arg, names, yes=False))
            return found
        case Op("or"):
            return _either(node, names)
        case Op("in", (Name(name), *listed)) if all(isinstance(v, Value) for v in listed):
            return _one_of(names, name, [v.value for v in listed if isinstance(v, Value)], yes=yes)
        case Op("like", (Name(name), Value(str() as pattern))):
            return _matching(names, name, _like(pattern), yes=yes)
        case Op("is_null", (Name(name),)):
            return Filter((Matcher(names.label(name), "=" if yes else "!=", ""),))
        case Call("starts_with", (Name(name), Value(str() as start))):
            return _matching(names, name, regex(start) + "(?s:.*)", yes=yes)
        case Call("contains", (Name(name), Value(str() as part))):
            return _matching(names, name, f"(?is:.*{regex(part)}.*)", yes=yes)
        case Op("=" | "!=" | "<" | "<=" | ">" | ">=" as op, (left, right)):
            return _comparison(op, left, right, names, yes=yes)
    raise refused("a condition other than of labels, or of one value with a number")


def _comparison(op: str, left: Node, right: Node, names: Names, *, yes: bool) -> Filter:
    if isinstance(right, Name) and isinstance(left, Value):
        op, left, right = _SWAPPED[op], right, left
    if not isinstance(left, Name) or not isinstance(right, Value):
        raise refused("comparing two values of the same row")
    if left.name in names.series.labels and op in ("=", "!="):
        return _one_of(names, left.name, [right.value], yes=(op == "=") == yes)
    number = isinstance(right.value, (int, float)) and not isinstance(right.value, bool)
    op = op if yes else _OPPOSITE[op]
    if left.name in names.series.metrics and number and op != "!=":
        return Filter(threshold=Threshold(left.name, op, float(right.value)))
    names.label(left.name)
    raise refused(f"'{left.name} {op}' of a label")


def _one_of(names: Names, name: str, values: list[Any], *, yes: bool) -> Filter:
    label = names.label(name)
    if any(v is None or isinstance(v, (float, bool)) for v in values):
        raise refused(f"'{name}' beside a value that is no label")
    texts = sorted({str(v) for v in values})
    if len(texts) == 1:
        return Filter((Matcher(label, "=" if yes else "!=", texts[0]),))
    return Filter((Matcher(label, "=~" if yes else "!~", "|".join(map(regex, texts))),))


def _either(node: Op, names: Names) -> Filter:
    """Alternatives for one label become one pattern."""
    patterns: list[str] = []
    labels: set[str] = set()
    for arg in node.args:
        part = _part(arg, names, yes=True)
        if part.threshold or part.never or len(part.matchers) != 1 or part.matchers[0].op not in ("=", "=~"):
            raise refused("'or' between anything but values of one label")
        matcher = part.matchers[0]
        labels.add(matcher.label)
        patterns.append(regex(matcher.value) if matcher.op == "=" else matcher.value)
    if len(labels) != 1:
        raise refused("'or' between two labels")
    return Filter((Matcher(labels.pop(), "=~", "|".join(f"(?:{p})" for p in patterns)),))


def _matching(names: Names, name: str, pattern: str, *, yes: bool) -> Filter:
    if names.spec(name).type != "string":
        raise refused(f"a pattern for '{name}', which is a number")
    return Filter((Matcher(names.label(name), "=~" if yes else "!~", pattern),))


def _like(pattern: str) -> str:
    """LIKE as RE2: % is any text, _ one character; Prometheus anchors both ends."""
    parts = ["(?s:.*)" if c == "%" else "(?s:.)" if c == "_" else regex(c) for c in pattern]
    return "".join(parts)
