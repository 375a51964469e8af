"""Conditions as filters of Elasticsearch's Query DSL; what no filter can say is a script, and what no script can, is refused.

Negations are driven down to the comparisons, and a comparison that is negated asks for its field to be there: a document without
it is neither equal nor different. Sources: Elasticsearch 9 and OpenSearch 3 documentation, Query DSL.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from llo11ypop.query.compile.duckdb_rows import BLANKS_32, BLANKS_64
from llo11ypop.query.compile.es_dsl_script import Script
from llo11ypop.query.compile.es_linear import linear
from llo11ypop.query.compile.es_sql_names import Columns
from llo11ypop.query.compile.sql import Instant
from llo11ypop.query.expr import Call, Expr, Name, Node, Op, Value, walk
from llo11ypop.query.kinds import OF_FIELD, Kind, Schema

Filter = dict[str, Any]
NEVER: Filter = {"match_none": {}}
ALWAYS: Filter = {"match_all": {}}
EXACT_TIME = "strict_date_optional_time_nanos"
_RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
SWAPPED = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def both(parts: Iterable[Filter | None]) -> Filter | None:
    """All of the filters, each once and the only one bare; None when there is none."""
    present: list[Filter] = []
    for part in parts:
        for one in part["bool"]["filter"] if part and list(part.get("bool", {})) == ["filter"] else [part]:
            if one is not None and one not in present:
                present.append(one)
    if NEVER in present:
        return NEVER
    present = [p for p in present if p != ALWAYS] or present[:1]
    if len(present) < 2:  # noqa: PLR2004 - one needs no 'and'
        return present[0] if present else None
    return {"bool": {"filter": present}}


def either(parts: Iterable[Filter]) -> Filter:
    """Any of the filters."""
    present: list[Filter] = []
    for part in parts:
        if part not in present and part != NEVER:
            present.append(part)
    if len(present) < 2:  # noqa: PLR2004 - one needs no 'or'
        return present[0] if present else NEVER
    return {"bool": {"should": present, "minimum_should_match": 1}}


def exists(name: str) -> Filter:
    """That a document has the field."""
    return {"exists": {"field": name}}


def between(name: str, **bounds: Any) -> Filter:
    """A range; instants in the one format that both ends are read in."""
    timed = any(isinstance(b, (Instant, datetime)) for b in bounds.values())
    return {"range": {name: {**bounds, "format": EXACT_TIME} if timed else bounds}}


class Filters:
    """Writes conditions over the fields of one index."""

    def __init__(self, columns: Columns, names: frozenset[str]) -> None:
        self.columns = columns
        self.schema: Schema = {n: OF_FIELD[columns.spec(n).type] for n in sorted(names)}

    def condition(self, expr: Expr) -> Filter:
        """An expression that documents are kept for. Raises PlanError where it cannot be said."""
        return self._is(expr.node, yes=True)

    def present(self, name: str) -> Filter:
        """That a field holds a reading."""
        return both([exists(self.columns.foreign(name).name), *self.guards(name)]) or NEVER

    def guards(self, name: str) -> list[Filter]:
        """When a value that is there is a reading of this field that was known at the instant."""
        spec, foreign = self.columns.spec(name), self.columns.foreign(name)
        found: list[Filter] = [{"term": {label: wanted}} for label, wanted in foreign.where.items()]
        absent = list(spec.absent)
        if spec.valid is not None:
            low, high = spec.valid
            found.append(between(foreign.name, gte=self._stored(name, low), lte=self._stored(name, high)))
            absent = [v for v in absent if low <= v <= high]
        elif self.columns.dataset.blanks == "dcgm" and spec.type == "float":
            found.append(between(foreign.name, lt=self._stored(name, 9.2e18)))
            absent += [float(b) for b in (*BLANKS_32, 2.0**31)]
        elif self.columns.dataset.blanks == "dcgm" and spec.type == "integer":
            found.append(between(foreign.name, lt=BLANKS_64[0]))
            found.append({"bool": {"must_not": [between(foreign.name, gte=BLANKS_32[0], lte=BLANKS_32[-1])]}})
        if absent:
            found.append({"bool": {"must_not": [{"terms": {foreign.name: [self._stored(name, v) for v in absent]}}]}})
        if spec.known_at:
            found.append(between(self.columns.foreign(spec.known_at).name, lte=Instant()))
        return found

    def _stored(self, name: str, value: float) -> float:
        """A value of ours as the index holds it."""
        foreign = self.columns.foreign(name)
        if foreign.factor == 1.0 and not foreign.offset:
            return value
        return (value - foreign.offset) / foreign.factor

    # ---- conditions --------------------------------------------------------------------------------------------
    def _is(self, node: Node, *, yes: bool) -> Filter:
        match node:
            case Value(literal):
                return ALWAYS if literal is (True if yes else False) else NEVER
            case Op("not", args):
                return self._is(args[0], yes=not yes)
            case Op("and" | "or" as op, args):
                parts = [self._is(arg, yes=yes) for arg in args]
                return (both(parts) or NEVER) if (op == "and") == yes else either(parts)
            case Op("is_null", (Name(name),)) if name in self.schema:
                here = self.present(name)
                return {"bool": {"must_not": [here]}} if yes else here
            case Op("is_null"):
                raise self.columns.refused("IS NULL of anything but a field")
            case Op() | Call():
                return self._leaf(node, yes=yes)
        raise self.columns.refused(f"'{node}' is no condition there")

    def _leaf(self, node: Op | Call, *, yes: bool) -> Filter:
        """A comparison or a function of one; a coalesce inside is its two cases."""
        for inner in walk(node):
            if isinstance(inner, Call) and inner.name == "coalesce":
                return self._cases(node, inner, yes=yes)
        match node:
            case Op("like", (Name(name), Value(str() as pattern))):
                return self._kept(name, {"wildcard": {self._text(name): {"value": _wildcard(pattern)}}}, yes=yes)
            case Op("in", (left, *others)):
                return self._listed(left, others, yes=yes)
            case Op("=" | "!=" | "<" | "<=" | ">" | ">=" as op, (left, right)):
                return self._compared(op if yes else _OPPOSITE[op], left, right)
            case Call("contains", (Name(name), Value(str() as part))):
                like = {"value": f"*{_escaped(part)}*", "case_insensitive": True}
                return self._kept(name, {"wildcard": {self._text(name): like}}, yes=yes)
            case Call("starts_with", (left, Value(str() as start))):
                name, folded = self._folded(left)
                if folded and start != start.lower():
                    return NEVER if yes else self.present(name)
                more = {"case_insensitive": True} if folded else {}
                return self._kept(name, {"prefix": {self._text(name): {"value": start, **more}}}, yes=yes)
            case Call("contains" | "starts_with" as asked, (Value(str() as text), Value(str() as part))):
                found = part.lower() in text.lower() if asked == "contains" else text.startswith(part)
                return ALWAYS if found == yes else NEVER
            case Call("is_nan", (Name(name),)):
                return NEVER if yes else self.present(name)
        return self._scripted(node, yes=yes)

    def _cases(self, node: Op | Call, inner: Call, *, yes: bool) -> Filter:
        first, *rest = inner.args
        names = [n.name for n in walk(first) if isinstance(n, Name) and n.name in self.schema]
        if len(names) != 1 or any(isinstance(n, Call) and n.name == "coalesce" for n in walk(first)):
            raise self.columns.refused("coalesce of anything but a field and what stands for it")
        otherwise: Node = rest[0] if len(rest) == 1 else Call("coalesce", tuple(rest))
        there = both([self.present(names[0]), self._is(_replaced(node, inner, first), yes=yes)]) or NEVER
        missing = both([{"bool": {"must_not": [self.present(names[0])]}}, self._is(_replaced(node, inner, otherwise), yes=yes)])
        return either([there, missing or NEVER])

    def _kept(self, name: str, found: Filter, *, yes: bool) -> Filter:
        """A filter on a field, or its opposite among the documents that have the field."""
        if yes:
            return both([found, *self.guards(name)]) or NEVER
        return both([self.present(name), {"bool": {"must_not": [found]}}]) or NEVER

    def _text(self, name: str) -> str:
        if self.schema.get(name) is not Kind.TEXT:
            raise self.columns.refused(f"'{name}' is no text")
        return self.columns.foreign(name).name

    def _folded(self, node: Node) -> tuple[str, bool]:
        """The field, and whether it is read in lower case."""
        match node:
            case Name(name) if name in self.schema:
                return name, False
            case Call("lower", (Name(name),)) if name in self.schema:
                return name, True
        raise self.columns.refused("a comparison of text that is neither a field nor its lower case")

    def _listed(self, left: Node, others: list[Node], *, yes: bool) -> Filter:
        values = [n.value for n in others if isinstance(n, Value)]
        if len(values) < len(others):
            raise self.columns.refused("IN with fields in its list")
        if not yes and None in values:
            return NEVER
        listed = [v for v in values if v is not None]
        match left:
            case Name(name) if self.columns.bare(name) and self.schema.get(name) is not Kind.TIME:
                return self._kept(name, {"terms": {self.columns.foreign(name).name: listed}}, yes=yes) if listed else NEVER
        parts = [self._compared("=" if yes else "!=", left, Value(v)) for v in listed]
        return either(parts) if yes else both(parts) or NEVER

    def _compared(self, op: str, left: Node, right: Node) -> Filter:
        if Value(None) in (left, right):
            return NEVER
        if isinstance(left, Value) and isinstance(right, Value) and isinstance(left.value, str):
            return ALWAYS if _holds(op, left.value, str(right.value)) else NEVER
        if isinstance(left, Value) and not isinstance(right, Value):
            left, right, op = right, left, SWAPPED[op]
        if isinstance(right, Value) and isinstance(right.value, str) and not self._timed(left):
            return self._text_compared(op, left, right.value)
        ours, theirs = linear(left, self.schema), linear(right, self.schema)
        if ours is None or theirs is None:
            return self._scripted(Op(op, (left, right)), yes=True)
        alone = ours.plus(theirs, -1.0)
        if not alone.terms and not alone.now:
            return ALWAYS if _holds(op, alone.constant, 0.0) else NEVER
        found = ours.bound(theirs)
        if found is None:
            return self._scripted(Op(op, (left, right)), yes=True)
        name, sign, value = found
        return self._solved(name, op if sign > 0 else SWAPPED[op], value)

    def _solved(self, name: str, op: str, value: Any) -> Filter:
        stored = self.columns.foreign(name).name
        timed = self.schema[name] is Kind.TIME
        if timed and not isinstance(value, Instant):
            value = _moment(value)
        elif not timed:
            value = self._stored(name, value)
            value = int(value) if float(value).is_integer() else value
            if self.columns.foreign(name).factor < 0:
                op = SWAPPED[op]
        if op in _RANGES:
            return self._kept(name, between(stored, **{_RANGES[op]: value}), yes=True)
        same = between(stored, gte=value, lte=value) if timed else {"term": {stored: value}}
        return self._kept(name, same, yes=op == "=")

    def _text_compared(self, op: str, left: Node, text: str) -> Filter:
        name, folded = self._folded(left)
        stored = self._text(name)
        if op in _RANGES:
            if folded:
                raise self.columns.refused("text in lower case that is greater or less")
            return self._kept(name, {"range": {stored: {_RANGES[op]: text}}}, yes=True)
        if folded and text != text.lower():
            return NEVER if op == "=" else self.present(name)
        same = {"term": {stored: {"value": text, "case_insensitive": True} if folded else {"value": text}}}
        return self._kept(name, same, yes=op == "=")

    def _timed(self, node: Node) -> bool:
        match node:
            case Name(name):
                return self.schema.get(name, Kind.TIME) is Kind.TIME
        return False

    def _scripted(self, node: Op | Call, *, yes: bool) -> Filter:
        script = Script(self.columns, self.schema)
        text = script.condition(node, yes=yes)
        here = [self.present(name) for name in script.fields]
        return both([*here, {"script": {"script": script.body(text)}}]) or NEVER


def _replaced(node: Node, old: Node, new: Node) -> Node:
    """The node with one part replaced; the lower case of a text is worked out."""
    if node == old:
        return new
    match node:
        case Op(op, args):
            return Op(op, tuple(_replaced(a, old, new) for a in args))
        case Call(name, args):
            inner = tuple(_replaced(a, old, new) for a in args)
            first = inner[0].value if isinstance(inner[0], Value) else None
            return Value(first.lower()) if name == "lower" and isinstance(first, str) else Call(name, inner)
    return node


def _holds(op: str, left: Any, right: Any) -> bool:
    return bool({"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}[op](left, right))


def _moment(milliseconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def _escaped(text: str) -> str:
    """Text with nothing in it that a wildcard pattern would read."""
    return "".join("\\" + c if c in "*?\\" else c for c in text)


def _wildcard(pattern: str) -> str:
    """A LIKE pattern as one of wildcards."""
    return "".join({"%": "*", "_": "?"}.get(c, _escaped(c)) for c in pattern)
