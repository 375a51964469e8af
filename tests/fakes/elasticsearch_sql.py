"""Elasticsearch SQL carried out by DuckDB, for tests: first everything the real one would refuse is refused.

The rules are a table of their own, taken from the documentation (Elasticsearch 9, SQL: limitations, functions, operators) and
from issues of elastic/elasticsearch; they share no code with the compiler. What is left is translated, with the readings most
unfriendly to us where the documentation is silent: `<>` and NOT are true where the field is missing.

Honest limit: sqlglot reads the text here, not Elastic's own grammar.
"""

import re
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


class Refused(Exception):
    """An error answer: HTTP status, type and reason."""

    def __init__(self, kind: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.status = kind, reason, status


NODES = (
    exp.Select, exp.From, exp.Table, exp.Identifier, exp.Alias, exp.Column, exp.Where, exp.Group, exp.Having, exp.Order,
    exp.Ordered, exp.Limit, exp.Literal, exp.Parameter, exp.Placeholder, exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or,
    exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In, exp.Like, exp.Add, exp.Sub, exp.Mul,
    exp.Div, exp.Mod, exp.Neg, exp.Case, exp.If, exp.Cast, exp.DataType, exp.Star, exp.Distinct, exp.Interval, exp.Var,
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.StddevSamp, exp.First, exp.Last, exp.Abs, exp.Coalesce, exp.Greatest,
    exp.Least, exp.Lower, exp.Nullif, exp.StrPosition, exp.StartsWith, exp.Floor, exp.Log, exp.Sqrt, exp.DateDiff,
    exp.TimestampTrunc, exp.DateTrunc, exp.Extract, exp.Anonymous,
)  # fmt: skip
"""Everything a query may hold; the rest of SQL (JOIN, UNION, WITH, OVER, FILTER, QUALIFY, OFFSET, ILIKE, ||, sub-selects) is
refused by the grammar or the verifier of Elasticsearch SQL."""
NAMED = {"HISTOGRAM", "PERCENTILE", "HOUR_OF_DAY", "DATE_PART"}
"""Functions that sqlglot has no node for."""
AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.StddevSamp, exp.First, exp.Last)
COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
UNITS = {"SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"}
WORDS = {"seconds", "milliseconds", "week", "quarter"}
"""Text that stands in a query as it is: units of time. All other text has to come as a parameter (a rule of ours)."""


@dataclass(frozen=True)
class Statement:
    """A query that was let through."""

    duck: str
    index: str
    grouped: bool


_let_through: dict[tuple[str, bool], tuple[Statement, dict[str, str]]] = {}
"""What was let through already, with the fields that its index had: cycles send the same texts again and again."""


def read(text: str, columns: dict[str, dict[str, str]], *, literals: bool = False) -> Statement:
    """Check a query against the rules and translate it; `columns` are field → DuckDB type of each index.

    `literals`: it may hold texts itself, as one must that takes no parameters.
    """
    known = _let_through.get((text, literals))
    if known is None or columns.get(known[0].index) != known[1]:
        statement = _read(text, columns, literals=literals)
        known = _let_through[text, literals] = statement, dict(columns[statement.index])
    return known[0]


def _read(text: str, columns: dict[str, dict[str, str]], *, literals: bool) -> Statement:
    marks = iter(range(1, text.count("?") + 1))
    numbered = re.sub(r"\?", lambda _: f"${next(marks)}", text)
    try:
        trees = sqlglot.parse(numbered, read="duckdb")
    except SqlglotError as bad:
        raise Refused("parsing_exception", str(bad).splitlines()[0]) from bad
    tree = trees[0]
    if len(trees) != 1 or not isinstance(tree, exp.Select):
        raise Refused("parsing_exception", "one SELECT is expected")
    _allowed(tree)
    index = _index(tree, columns)
    _names(tree, columns[index])
    _shape(tree, text, literals=literals)
    for comparison in tree.find_all(*COMPARISONS):
        if not comparison.find_ancestor(exp.Case) and comparison.expression.find(exp.Column):
            reason = f"Comparisons against fields are not (currently) supported; offender [{comparison.sql()}]"
            raise Refused("ql_illegal_argument_exception", reason, 500)
    grouped = bool(tree.args.get("group")) or any(_aggregate(e) for e in tree.expressions)
    return Statement(_duck(tree).sql(dialect="duckdb"), index, grouped)


def _allowed(tree: exp.Expression) -> None:
    for node in tree.walk():
        if not isinstance(node, NODES):
            raise Refused("parsing_exception", f"mismatched input: {type(node).__name__.upper()} is not supported")
        if isinstance(node, exp.Anonymous) and node.name.upper() not in NAMED:
            raise Refused("verification_exception", f"Unknown function [{node.name}]")
    for part in ("joins", "with_", "with", "offset", "qualify", "distinct", "windows", "laterals", "pivots"):
        if tree.args.get(part):
            raise Refused("verification_exception", f"Queries with {part.upper()} are not yet supported")
    if len(list(tree.find_all(exp.Select))) > 1:
        raise Refused("verification_exception", "sub-selects are not supported here")


def _index(tree: exp.Select, columns: dict[str, dict[str, str]]) -> str:
    source = next(iter(tree.find_all(exp.Table)), None)
    if source is None or source.name not in columns:
        raise Refused("verification_exception", f"Unknown index [{source.name if source else ''}]")
    return source.name


def _names(tree: exp.Select, columns: dict[str, str]) -> None:
    aliases = {e.alias for e in tree.expressions}
    for column in tree.find_all(exp.Column):
        inside = column.find_ancestor(exp.Where, exp.Group) or not column.find_ancestor(exp.Having, exp.Order)
        if column.name not in columns and (inside or column.name not in aliases):
            raise Refused("verification_exception", f"Unknown column [{column.name}]")


def _shape(tree: exp.Select, text: str, *, literals: bool) -> None:
    keys = {e.sql() for e in tree.args["group"].expressions} if tree.args.get("group") else set()
    many = any(_aggregate(e) for e in tree.expressions)
    for selected in tree.expressions:
        bare = selected.unalias()
        if (keys or many) and not _aggregate(bare) and bare.sql() not in keys:
            raise Refused("verification_exception", f"Cannot use non-grouped column [{bare.sql()}]")
        if any(_aggregate(inner) for inner in bare.find_all(*AGGREGATES) if inner is not bare) and not isinstance(
            bare, AGGREGATES
        ):
            raise Refused("verification_exception", "an aggregate inside another expression cannot be sorted or filtered")
    for call in tree.find_all(exp.Anonymous):
        if call.name.upper() == "HISTOGRAM":
            _histogram(call)
    having = tree.args.get("having")
    if having and any(having.find_all(exp.First, exp.Last)):
        raise Refused("verification_exception", "HAVING filter is unsupported for function [FIRST/LAST]")
    if not tree.args.get("limit"):
        raise Refused("rule_of_ours", "a query states its LIMIT")
    if len(list(tree.find_all(exp.Ordered))) != len(re.findall(r"NULLS (?:FIRST|LAST)", text)):
        raise Refused("rule_of_ours", "a sort states where the nulls go")
    for literal in tree.find_all(exp.Literal):
        if not literals and literal.is_string and literal.name not in WORDS and not isinstance(literal.parent, exp.Interval):
            raise Refused("rule_of_ours", f"text is sent as a parameter and not as {literal.sql()}")
    for division in tree.find_all(exp.Div):
        if not any(_fraction(side) for side in (division.this, division.expression)):
            raise Refused("rule_of_ours", "whole numbers divided by whole numbers lose their fraction")


def _histogram(call: exp.Anonymous) -> None:
    interval = call.expressions[1]
    if not isinstance(interval, exp.Interval) or str(interval.unit).upper() not in UNITS:
        raise Refused("verification_exception", "HISTOGRAM takes a field and an interval")
    if not isinstance(call.parent, (exp.Alias, exp.Group, exp.Select)):
        raise Refused("verification_exception", "Cannot use an expression over grouping function [HISTOGRAM]")


def _aggregate(node: exp.Expression) -> bool:
    bare = node.unalias()
    return isinstance(bare, AGGREGATES) or (isinstance(bare, exp.Anonymous) and bare.name.upper() == "PERCENTILE")


def _fraction(node: exp.Expression) -> bool:
    if isinstance(node, exp.Cast):
        return True
    return isinstance(node, exp.Literal) and not node.is_string and "." in node.name


def _duck(tree: exp.Select) -> exp.Expression:
    return tree.transform(_translated)


def _translated(node: exp.Expression) -> exp.Expression:
    match node:
        case exp.Anonymous() if node.name.upper() == "HISTOGRAM":
            return _bucket(*node.expressions)
        case exp.Anonymous() if node.name.upper() == "PERCENTILE":
            share = float(node.expressions[1].name) / 100
            return exp.Anonymous(
                this="quantile_cont", expressions=[node.expressions[0].transform(_translated), exp.Literal.number(share)]
            )
        case exp.Anonymous() if node.name.upper() == "HOUR_OF_DAY":
            return exp.Anonymous(this="hour", expressions=node.expressions)
        case exp.First() | exp.Last():
            name = "arg_min" if isinstance(node, exp.First) else "arg_max"
            return exp.Anonymous(this=name, expressions=[node.this, node.expression])
        case exp.DateDiff():
            return _seconds(node)
        case exp.Extract() | exp.Anonymous():
            inner = node.expressions[-1] if isinstance(node, exp.Anonymous) else node.expression
            if isinstance(node, exp.Anonymous) and node.name.upper() not in NAMED:
                return node
            return exp.Paren(
                this=exp.Mod(
                    this=exp.Anonymous(this="epoch_ms", expressions=[inner.transform(_translated)]),
                    expression=exp.Literal.number(1000),
                )
            )
        case exp.Log():
            return exp.Ln(this=node.this)
        case exp.NEQ():
            return exp.NullSafeNEQ(this=node.this.transform(_translated), expression=node.expression.transform(_translated))
        case exp.Not() if not isinstance(node.this, exp.Is):
            kept = exp.Coalesce(this=exp.Paren(this=node.this.transform(_translated)), expressions=[exp.false()])
            return exp.Paren(this=exp.Not(this=kept))
    return node


def _bucket(time: exp.Expression, interval: exp.Expression) -> exp.Expression:
    unit, count = str(interval.args["unit"]).upper(), int(interval.this.name)
    if count == 1 and unit in ("DAY", "MONTH", "YEAR"):
        return exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(unit.lower()), time])
    return sqlglot.parse_one(
        f"time_bucket(INTERVAL {count} {unit}, {time.sql(dialect='duckdb')}, TIMESTAMP '1970-01-01')", read="duckdb"
    )


def _seconds(node: exp.DateDiff) -> exp.Expression:
    """DATE_DIFF('seconds', a, b): the difference of whole seconds since 1970."""
    end, start = (n.transform(_translated).sql(dialect="duckdb") for n in (node.this, node.expression))
    return sqlglot.parse_one(f"(floor(epoch_ms({end}) / 1000) - floor(epoch_ms({start}) / 1000))", read="duckdb")


TYPES = {
    "VARCHAR": "keyword", "DOUBLE": "double", "FLOAT": "float", "BIGINT": "long", "INTEGER": "integer", "HUGEINT": "long",
    "TIMESTAMP": "datetime", "BOOLEAN": "boolean", "SMALLINT": "short", "TINYINT": "byte",
}  # fmt: skip
"""DuckDB type → the type Elasticsearch SQL names in an answer."""


def type_of(duck: Any) -> str:
    """The type of a result column in Elasticsearch's words."""
    return TYPES.get(str(duck), "double" if str(duck).startswith("DECIMAL") else "keyword")
