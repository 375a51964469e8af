"""Conditions on rows as Lucene text, the only query language that Grafana's Elasticsearch panels take without a feature flag.

Sources: Elasticsearch 9 documentation (query string syntax), Grafana 13 documentation (Elasticsearch query editor).
"""

import re

from llo11ypop.catalog.models import Dataset
from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.es_sql_names import Index
from llo11ypop.query.expr import Call, Name, Node, Op, Value

_SPECIAL = re.compile(r'([+\-=&|!(){}\[\]^"~*?:\\/ ])')
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def refused(what: str) -> PlanError:
    """The error for what Lucene text cannot say."""
    return PlanError(f"Lucene cannot say it: {what}")


def phrase(value: str) -> str:
    """A text in quotes. Raises PlanError for a dollar or double bracket, which Grafana would take for a variable."""
    if "$" in value or "[[" in value:
        raise refused("a value that Grafana would read as a variable")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def bare(value: str) -> str:
    """A text for a pattern. Raises PlanError for what cannot be escaped."""
    if any(c in value for c in "<>$") or "[[" in value:
        raise refused("a pattern with < > or $")
    return _SPECIAL.sub(r"\\\1", value)


class Lucene:
    """Writes conditions over one index."""

    def __init__(self, dataset: Dataset, index: Index) -> None:
        self.dataset = dataset
        self.index = index

    def field(self, name: str) -> str:
        """The field as it is stored. Raises PlanError for one that is not there, or kept in another unit."""
        if name not in self.dataset.fields:
            raise refused(f"'{name}', which belongs to another dataset")
        if name not in self.index.columns:
            raise refused(f"'{name}', which the index does not have")
        foreign = self.index.columns[name]
        if foreign.factor != 1.0 or foreign.offset:
            raise refused(f"'{name}', which is kept in another unit")
        return foreign.name

    def reading(self, name: str) -> list[str]:
        """What holds where a field is a reading: no blank, and what picks its rows out."""
        spec, field = self.dataset.fields[name], bare(self.field(name))
        parts = [f"{bare(label)}:{phrase(value)}" for label, value in self.index.columns[name].where.items()]
        if spec.valid is not None:
            parts.append(f"{field}:[{spec.valid[0]:g} TO {spec.valid[1]:g}]")
        elif self.dataset.blanks == "dcgm" and spec.numeric:
            parts.append(f"({field}:<2147483632 OR {field}:[2147483649 TO 9200000000000000000])")
        parts += [f"NOT {field}:{v:g}" for v in spec.absent if spec.valid is None or spec.valid[0] <= v <= spec.valid[1]]
        return parts

    def condition(self, node: Node, *, yes: bool = True) -> str:
        """The condition, or its opposite among rows where the field is there. Raises PlanError."""
        match node:
            case Op("not", (inner,)):
                return self.condition(inner, yes=not yes)
            case Op("and" | "or" as op, args):
                word = " AND " if (op == "and") == yes else " OR "
                return "(" + word.join(self.condition(arg, yes=yes) for arg in args) + ")"
            case Op("is_null", (Name(name),)):
                there = f"_exists_:{bare(self.field(name))}"
                return f"(NOT {there})" if yes else there
            case Op("in", (Name(name), *listed)) if all(isinstance(v, Value) for v in listed):
                one_of = " OR ".join(self._literal(v.value) for v in listed if isinstance(v, Value))
                return self._maybe(name, f"({one_of})", yes=yes)
            case Op("like", (Name(name), Value(str() as pattern))):
                parts = ["*" if c == "%" else "?" if c == "_" else bare(c) for c in pattern]
                return self._maybe(name, "".join(parts), yes=yes)
            case Call("starts_with", (Name(name), Value(str() as start))):
                return self._maybe(name, f"{bare(start)}*", yes=yes)
            case Op("=" | "!=" | "<" | "<=" | ">" | ">=" as op, (left, right)):
                return self._comparison(op, left, right, yes=yes)
        raise refused("such a condition")

    def _comparison(self, op: str, left: Node, right: Node, *, yes: bool) -> str:
        if isinstance(right, Name) and isinstance(left, Value):
            op, left, right = _SWAPPED[op], right, left
        if not isinstance(left, Name) or not isinstance(right, Value) or right.value is None:
            raise refused("comparing two values of the same row")
        op = op if yes else _OPPOSITE[op]
        if op in ("=", "!="):
            return self._maybe(left.name, self._literal(right.value), yes=op == "=")
        if not isinstance(right.value, (int, float)):
            raise refused(f"'{op}' of a text")
        clause = f"{bare(self.field(left.name))}:{op}{right.value!r}"
        return "(" + " AND ".join([clause, *self.reading(left.name)]) + ")"

    def _maybe(self, name: str, text: str, *, yes: bool) -> str:
        field = bare(self.field(name))
        return f"{field}:{text}" if yes else f"(_exists_:{field} AND NOT {field}:{text})"

    def _literal(self, value: object) -> str:
        if isinstance(value, str):
            return phrase(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise refused("such a value")
        return f"({value!r})" if value < 0 else f"{value!r}"
