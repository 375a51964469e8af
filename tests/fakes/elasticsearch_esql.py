# ruff: noqa: S608 - tables of our own
"""ES|QL carried out by DuckDB, for tests: first everything the real one would refuse is refused.

The rules are tables of their own, taken from the documentation (Elasticsearch 9, ES|QL: commands, functions and operators,
limitations, null values); they share no code with the compiler. Types are checked as strictly as the documentation reads.

Honest limit: sqlglot reads the expressions here, not Elastic's own grammar, and RATE is not stretched to the edges of a window.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tests.fakes.elasticsearch_esql_functions import (
    AGGREGATES,
    CALENDAR,
    FIXED,
    FUNCTIONS,
    NUMBERS,
    OF_DUCK,
    Typed,
    number_of,
    wrong,
)
from tests.fakes.elasticsearch_sql import Refused

MOST_ROWS = 10_000
"""esql.query.result_truncation_max_size: the rest is cut without a word."""
WORDS = {"hour_of_day"}
"""Text that stands in a query as it is: parts of a date. All other text has to come as a parameter (a rule of ours)."""
COMPARED = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|`(?:``|[^`])*`|==|!=|<=|>=|<>|\|\||[A-Z_][A-Z_0-9]*\(|.', re.DOTALL)
_SPAN = re.compile(rf"\b(\d+) ({'|'.join((*FIXED, *CALENDAR))})s?\b")


@dataclass
class Held:
    """What the cluster holds: field → DuckDB type of each index, lookup indices, and the series of time series ones."""

    columns: Mapping[str, Mapping[str, str]]
    lookups: frozenset[str] = frozenset()
    series: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counters: frozenset[str] = frozenset()
    """Fields that are counters in every time series index."""


class Translation:
    """One query on its way to DuckDB."""

    def __init__(self, held: Held, params: Sequence[Any]) -> None:
        self.held, self.params, self.used = held, params, 0
        self.sql, self.fields, self.index, self.order = "", dict[str, str](), "", ""
        self.grouped, self.limited, self.series = False, False, False

    # ---- expressions -------------------------------------------------------------------------------------------
    def parse(self, text: str) -> exp.Expression:
        """An expression as a tree, in which every function is F_<name>."""
        said = "".join(self.token(token) for token in _TOKEN.findall(text))
        try:
            return sqlglot.parse_one(_SPAN.sub(r"F_SPAN(\1, '\2')", said), read="duckdb")
        except SqlglotError as bad:
            raise Refused("parsing_exception", str(bad).splitlines()[0]) from bad

    def token(self, token: str) -> str:
        if token.startswith('"') and token[1:-1] not in WORDS:
            raise Refused("rule_of_ours", f"text is sent as a parameter and not as {token}")
        if token in ("<>", "||", "="):
            raise Refused("parsing_exception", f"mismatched input '{token}'")
        if token.startswith(('"', "`")):
            quote = "'" if token.startswith('"') else '"'
            return quote + token[1:-1].replace("``", "`") + quote
        if token == "?":
            self.used += 1
            return f"${self.used}"
        return f"F_{token}" if token.endswith("(") and len(token) > 1 else "=" if token == "==" else token

    def value(self, node: exp.Expression) -> Typed:
        match node:
            case exp.Paren():
                inner = self.value(node.this)
                return Typed(f"({inner.duck})", inner.type)
            case exp.Column():
                if node.name not in self.fields:
                    raise wrong(f"Unknown column [{node.name}]")
                return Typed(f'"{node.name}"', self.fields[node.name])
            case exp.Parameter() | exp.Placeholder():
                number = int(node.this.name if isinstance(node.this, exp.Expression) else node.this)
                given = self.params[number - 1]
                kinds = {bool: "boolean", int: "long", float: "double", str: "keyword", type(None): "null"}
                return Typed(f"${number}", kinds[type(given)])
            case exp.Literal():
                kind = "keyword" if node.is_string else "double" if not node.name.isdigit() else "long"
                return Typed(node.sql(), kind)
            case exp.Boolean() | exp.Null():
                return Typed(node.sql(), "boolean" if isinstance(node, exp.Boolean) else "null")
            case exp.Neg():
                inner = self.value(node.this)
                return Typed(f"(-{inner.duck})", number_of(inner))
            case exp.Anonymous() if node.name.startswith("F_"):
                return self.called(node.name[2:], node.expressions)
        if type(node) in ARITHMETIC:
            return self.arithmetic(node)
        return Typed(self.condition(node), "boolean")

    def called(self, name: str, args: list[exp.Expression]) -> Typed:
        if name not in FUNCTIONS:
            raise wrong(f"Unknown function [{name}]")
        least, most, call = FUNCTIONS[name]
        if not least <= len(args) <= most:
            raise wrong(f"error building [{name}]: {least} to {most} arguments expected")
        return call([self.value(a) for a in args])

    def arithmetic(self, node: exp.Expression) -> Typed:
        left, right = self.value(node.this), self.value(node.expression)
        kind, sign = number_of(left, right), ARITHMETIC[type(node)]
        if sign in "/%":
            whole = "//" if sign == "/" and kind != "double" else sign
            return Typed(f"({left.duck} {whole} nullif({right.duck}, 0))", kind)
        return Typed(f"({left.duck} {sign} {right.duck})", kind)

    def condition(self, node: exp.Expression) -> str:
        match node:
            case exp.And() | exp.Or():
                word = "AND" if isinstance(node, exp.And) else "OR"
                return f"({self.condition(node.this)} {word} {self.condition(node.expression)})"
            case exp.Not() if isinstance(node.this, exp.Is):
                return f"({self.value(node.this.this).duck} IS NOT NULL)"
            case exp.Not():
                return f"(NOT {self.condition(node.this)})"
            case exp.Is() if isinstance(node.expression, exp.Null):
                return f"({self.value(node.this).duck} IS NULL)"
            case exp.In():
                left, listed = self.value(node.this), [self.value(e) for e in node.expressions]
                self.comparable([left, *listed])
                return f"({left.duck} IN ({', '.join(v.duck for v in listed)}))"
            case exp.Paren():
                return f"({self.condition(node.this)})"
        if type(node) in COMPARED:
            left, right = self.value(node.this), self.value(node.expression)
            self.comparable([left, right])
            return f"({left.duck} {COMPARED[type(node)]} {right.duck})"
        if isinstance(node, (exp.Anonymous, exp.Boolean)):
            found = self.value(node)
            if found.type != "boolean":
                raise wrong(f"Condition expression needs to be boolean, found [{found.type}]")
            return found.duck
        raise Refused("parsing_exception", f"mismatched input: {type(node).__name__.upper()} is not supported")

    def comparable(self, values: list[Typed]) -> None:
        kinds = {"number" if v.type in NUMBERS else v.type for v in values} - {"null"}
        if len(kinds) > 1:
            raise wrong(f"first and second argument of a comparison must be of one type, found {sorted(kinds)}")

    # ---- commands ----------------------------------------------------------------------------------------------
    def command(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word in ("FROM", "TS"):
            return self.source(rest.strip('"'), series=word == "TS")
        if not self.sql:
            raise Refused("parsing_exception", "a source command comes first")
        steps = {
            "WHERE": self.where, "EVAL": self.eval, "STATS": self.stats, "SORT": self.sort, "KEEP": self.keep,
            "LIMIT": self.limit, "LOOKUP": self.lookup,
        }  # fmt: skip
        if word not in steps:
            raise Refused("parsing_exception", f"mismatched input '{word}'")
        return steps[word](rest)

    def source(self, index: str, *, series: bool) -> None:
        if self.sql or index not in self.held.columns:
            raise wrong(f"Unknown index [{index}]")
        if series and index not in self.held.series:
            raise wrong(f"[TS] operates on time series indices, and [{index}] is none")
        self.sql, self.index, self.series = f'SELECT * FROM "{index}"', index, series
        self.fields = {name: self.kind(index, name, duck) for name, duck in self.held.columns[index].items()}

    def kind(self, index: str, name: str, duck: str) -> str:
        counter = index in self.held.series and name in self.held.counters
        return ("counter_" if counter else "") + OF_DUCK.get(duck, "unsupported")

    def where(self, text: str) -> None:
        self.sql = f"SELECT * FROM ({self.sql}) WHERE {self.condition(self.parse(text))}"

    def eval(self, text: str) -> None:
        found = {name: self.value(self.parse(one)) for name, one in self.named(text)}
        if any(v.type.startswith("counter_") for v in found.values()) or "unsupported" in {v.type for v in found.values()}:
            raise wrong("a counter is read by a cast only")
        kept = [f'"{n}"' for n in self.fields if n not in found]
        self.sql = f"SELECT {', '.join([*kept, *_shown(found)])} FROM ({self.sql})"
        self.fields |= {name: v.type for name, v in found.items()}

    def named(self, text: str, *, bare: bool = False) -> list[tuple[str, str]]:
        pairs = []
        for one in _split(text, ","):
            name, sign, said = one.partition(" = ")
            if bare and re.fullmatch(r" ?`[^`]+`", one):
                name, sign, said = one, "=", one
            if not sign or not re.fullmatch(r"\w+|`[^`]+`", name.strip()):
                raise Refused("rule_of_ours", f"a column has a name: {one}")
            pairs.append((name.strip().strip("`"), said))
        return pairs

    def stats(self, text: str) -> None:
        said, _, by = text.partition("BY ") if text.startswith("BY ") else _last(text, " BY ")
        found = {name: self.aggregate(one) for name, one in self.named(said)} if said.strip() else {}
        keys = {name: self.value(self.parse(one)) for name, one in self.named(by, bare=True)} if by else {}
        if self.series:
            self.sql = self.rates(keys)
        shown = _shown({**found, **keys})
        grouped = f" GROUP BY {', '.join(v.duck for v in keys.values())}" if keys else ""
        self.sql, self.grouped = f"SELECT {', '.join(shown)} FROM ({self.sql}){grouped}", True
        self.fields = {name: v.type for name, v in {**found, **keys}.items()}

    def aggregate(self, text: str) -> Typed:
        said, _, only = _first(text, " WHERE ")
        call = self.parse(said)
        name = call.name[2:] if isinstance(call, exp.Anonymous) else ""
        if name not in AGGREGATES:
            raise wrong(f"[{said}] is no aggregate")
        duck, types, kind = AGGREGATES[name]
        inner = call.expressions[0]
        if self.series:
            args = [self.rated(inner)]
        else:
            args = [Typed("*", "*")] if isinstance(inner, exp.Star) else [self.value(inner)]
        args += [self.value(a) for a in call.expressions[1:]]
        if args[0].type not in (*types, "null"):
            raise wrong(f"argument of [{said}] must be one of {types}, found [{args[0].type}]")
        if name == "COUNT_DISTINCT" and len(args) > 1 and int(args[1].duck) > 40_000:
            raise wrong("the precision of COUNT_DISTINCT is 40,000 at most")
        filtered = f" FILTER (WHERE {self.condition(self.parse(only))})" if only else ""
        return Typed(duck.format(*(a.duck for a in args)) + filtered, args[0].type if kind == "same" else kind)

    def rated(self, node: exp.Expression) -> Typed:
        """RATE of a counter: allowed under TS alone, and for nothing but counters."""
        if not (isinstance(node, exp.Anonymous) and node.name == "F_RATE"):
            raise Refused("rule_of_ours", "under TS only rates are asked for")
        counter = self.value(node.expressions[0])
        if not counter.type.startswith("counter_"):
            raise wrong(f"first argument of [RATE] must be [counter], found [{counter.type}]")
        self.counter = counter.duck
        return Typed('"rate"', "double")

    def rates(self, keys: Mapping[str, Typed]) -> str:
        """Rows of one rate per series, with its dimensions."""
        dims = self.held.series[self.index]
        if any(k.duck.strip('"') not in dims for k in keys.values()):
            raise wrong("under TS a group key is a dimension")
        by, x = ", ".join(f'"{d}"' for d in dims), self.counter
        steps = f'lag({x}) OVER (PARTITION BY {by} ORDER BY "@timestamp") AS before'
        gain = f"sum(CASE WHEN {x} >= before THEN {x} - before ELSE {x} END) FILTER (WHERE before IS NOT NULL)"
        took = '(epoch_ms(max("@timestamp")) - epoch_ms(min("@timestamp"))) / 1000.0'
        rows = f"SELECT *, {steps} FROM ({self.sql}) WHERE {x} IS NOT NULL"
        return f'SELECT {by}, {gain} / nullif({took}, 0) AS "rate" FROM ({rows}) GROUP BY {by}'

    def sort(self, text: str) -> None:
        keys = []
        for one in _split(text, ","):
            found = re.fullmatch(r"\s*(\w+) (ASC|DESC) NULLS (FIRST|LAST)", one)
            if not found or found[1] not in self.fields:
                raise Refused("rule_of_ours", f"a sort states its direction and where the nulls go: {one}")
            keys.append(f'"{found[1]}" {found[2]} NULLS {found[3]}')
        self.order = f" ORDER BY {', '.join(keys)}"

    def keep(self, text: str) -> None:
        names = [n.strip() for n in text.split(",")]
        if gone := [n for n in names if n not in self.fields]:
            raise wrong(f"Unknown column [{gone[0]}]")
        self.sql = f"SELECT {', '.join(_quoted(n) for n in names)} FROM ({self.sql})"
        self.fields = {n: self.fields[n] for n in names}

    def limit(self, text: str) -> None:
        self.limited = True
        self.sql = f"SELECT * FROM ({self.sql}){self.order} LIMIT {min(int(text), MOST_ROWS)}"

    def lookup(self, text: str) -> None:
        found = re.fullmatch(r'JOIN "([^"]+)" ON `?([^`]+?)`?', text)
        if not found or self.grouped:
            raise Refused("parsing_exception", f"mismatched input '{text}'")
        index, key = found[1], found[2]
        if index not in self.held.lookups:
            raise wrong(f"Lookup Join requires a single lookup mode index; [{index}] resolves to [{index}] in [standard] mode")
        theirs = {n: OF_DUCK.get(d, "unsupported") for n, d in self.held.columns[index].items()}
        if self.fields.get(key) != theirs.get(key):
            raise wrong(f"JOIN left field [{key}] and right field are not of one type")
        ours = ", ".join(f'l."{n}"' for n in self.fields if n == key or n not in theirs)
        added = "".join(f', r."{n}"' for n in theirs if n != key)
        self.sql = f'SELECT {ours}{added} FROM ({self.sql}) AS l LEFT JOIN "{index}" AS r ON l."{key}" = r."{key}"'
        self.fields = {n: t for n, t in self.fields.items() if n == key or n not in theirs} | theirs


def translated(text: str, held: Held, params: Sequence[Any]) -> Translation:
    """Check a query against the rules and translate it."""
    made = Translation(held, params)
    for command in _split(text, "|"):
        made.command(command.strip())
    if not made.limited:
        raise Refused("rule_of_ours", "a query states its LIMIT")
    if made.used != len(params):
        raise Refused("parsing_exception", f"{made.used} parameters are named and {len(params)} given")
    if bad := sorted({t for t in made.fields.values() if t.startswith("counter_") or t == "unsupported"}):
        raise wrong(f"columns of type {bad}")
    return made


def _quoted(name: str) -> str:
    return f'"{name}"'


def _shown(values: Mapping[str, Typed]) -> list[str]:
    return [f"{v.duck} AS {_quoted(n)}" for n, v in values.items()]


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that stand in no bracket and no quotes."""
    parts, depth = [""], 0
    for token in _TOKEN.findall(text):
        depth += token.endswith("(") - (token == ")")
        if token == mark and not depth:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _last(text: str, word: str) -> tuple[str, str, str]:
    """Around the last such word that stands in no bracket."""
    for found in reversed(list(re.finditer(re.escape(word), text))):
        if text[found.start() :].count("(") == text[found.start() :].count(")"):
            return text[: found.start()], word, text[found.end() :]
    return text, "", ""


def _first(text: str, word: str) -> tuple[str, str, str]:
    """Around the first such word that stands in no bracket."""
    for found in re.finditer(re.escape(word), text):
        if text[: found.start()].count("(") == text[: found.start()].count(")"):
            return text[: found.start()], word, text[found.end() :]
    return text, "", ""
