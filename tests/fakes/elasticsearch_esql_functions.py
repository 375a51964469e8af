"""What ES|QL's functions and aggregates take and give, and what DuckDB says instead: tables taken from the documentation.

Elasticsearch 9, ES|QL functions and operators; types are checked as strictly as it reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fakes.elasticsearch_sql import Refused

OF_DUCK = {
    "VARCHAR": "keyword", "DOUBLE": "double", "FLOAT": "double", "BIGINT": "long", "INTEGER": "integer", "HUGEINT": "long",
    "TIMESTAMP": "date", "BOOLEAN": "boolean", "SMALLINT": "integer", "TINYINT": "integer",
}  # fmt: skip
NUMBERS = ("integer", "long", "double")
FIXED, CALENDAR = ("millisecond", "second", "minute", "hour"), ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Typed:
    """A translated expression."""

    duck: str
    type: str


def wrong(reason: str) -> Refused:
    return Refused("verification_exception", reason)


def number_of(*args: Typed) -> str:
    if any(a.type not in (*NUMBERS, "null") for a in args):
        raise wrong(f"numbers expected, found {[a.type for a in args]}")
    return max((a.type for a in args if a.type != "null"), key=NUMBERS.index, default="null")


def _same(args: Sequence[Typed]) -> str:
    """The one type of values of which one is chosen."""
    kinds = {a.type for a in args} - {"null"}
    if len(kinds) > 1:
        raise wrong(f"arguments must be of one type, found {sorted(kinds)}")
    return next(iter(kinds), "null")


def _case(args: list[Typed]) -> Typed:
    chosen = [*args[1::2], *(args[-1:] if len(args) % 2 else [])]
    whens = "".join(f" WHEN {c.duck} THEN {v.duck}" for c, v in zip(args[0::2], args[1::2], strict=False))
    return Typed(f"(CASE{whens}{f' ELSE {args[-1].duck}' if len(args) % 2 else ''} END)", _same(chosen))


def _most(name: str) -> Callable[[list[Typed]], Typed]:
    def greatest(args: list[Typed]) -> Typed:
        missing = " OR ".join(f"{a.duck} IS NULL" for a in args)
        return Typed(f"(CASE WHEN {missing} THEN NULL ELSE {name}({', '.join(a.duck for a in args)}) END)", _same(args))

    return greatest


def _to_long(args: list[Typed]) -> Typed:
    (it,) = args
    return Typed(f"epoch_ms({it.duck})" if it.type == "date" else f"CAST(trunc({it.duck}) AS BIGINT)", "long")


def _bucket(args: list[Typed]) -> Typed:
    time, span = args
    count, unit = span.duck.split()
    if time.type != "date" or (unit in CALENDAR and count != "1"):
        raise wrong("BUCKET takes a date and a span")
    if unit in CALENDAR:
        return Typed(f"date_trunc('{unit}', {time.duck})", "date")
    return Typed(f"time_bucket(INTERVAL '{count} {unit}s', {time.duck}, TIMESTAMP '1970-01-01')", "date")


def _plain(duck: str, kind: str, *wanted: str) -> Callable[[list[Typed]], Typed]:
    def call(args: list[Typed]) -> Typed:
        for given, one in zip(args, wanted, strict=False):
            allowed = {"number": NUMBERS, "text": ("keyword",)}.get(one, (one,))
            if given.type not in (*allowed, "null"):
                raise wrong(f"{one} expected, found {given.type}")
        return Typed(duck.format(*(a.duck for a in args)), kind)

    return call


def _locate(args: list[Typed]) -> Typed:
    text, part = (a.duck for a in args[:2])
    if len(args) < 3:
        return Typed(f"strpos({text}, {part})", "integer")
    rest = f"strpos(substring({text}, {args[2].duck}), {part})"
    return Typed(f"(CASE WHEN {rest} > 0 THEN {rest} + {args[2].duck} - 1 ELSE 0 END)", "integer")


FUNCTIONS: dict[str, tuple[int, int, Callable[[list[Typed]], Typed]]] = {
    "TO_DATETIME": (1, 1, lambda a: Typed(f"CAST({a[0].duck} AS TIMESTAMP)", "date")),
    "TO_LONG": (1, 1, _to_long),
    "TO_DOUBLE": (1, 1, _plain("CAST({0} AS DOUBLE)", "double")),
    "TO_STRING": (1, 1, _plain("CAST({0} AS VARCHAR)", "keyword")),
    "TO_LOWER": (1, 1, _plain("lower({0})", "keyword", "text")),
    "STARTS_WITH": (2, 2, _plain("starts_with({0}, {1})", "boolean", "text", "text")),
    "ENDS_WITH": (2, 2, _plain("suffix({0}, {1})", "boolean", "text", "text")),
    "LOCATE": (2, 3, _locate),
    "LENGTH": (1, 1, _plain("length({0})", "integer", "text")),
    "CONCAT": (2, 99, lambda a: Typed("(" + " || ".join(x.duck for x in a) + ")", "keyword")),
    "COALESCE": (1, 99, lambda a: Typed(f"coalesce({', '.join(x.duck for x in a)})", _same(a))),
    "GREATEST": (1, 99, _most("greatest")),
    "LEAST": (1, 99, _most("least")),
    "CASE": (2, 99, _case),
    "ABS": (1, 1, lambda a: Typed(f"abs({a[0].duck})", number_of(*a))),
    "LOG": (1, 1, _plain("ln({0})", "double", "number")),
    "SQRT": (1, 1, _plain("sqrt({0})", "double", "number")),
    "DATE_EXTRACT": (2, 2, lambda a: Typed(f"CAST(hour({a[1].duck}) AS BIGINT)", "long")),
    "BUCKET": (2, 2, _bucket),
    "SPAN": (2, 2, lambda a: Typed(f"{a[0].duck} {a[1].duck.strip(chr(39))}", "span")),
}
"""Name → least and most arguments, and what DuckDB says instead. Nothing else is known here."""


AGGREGATES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "SUM": ("sum({0})", NUMBERS, "same"),
    "AVG": ("avg({0})", NUMBERS, "double"),
    "MIN": ("min({0})", (*NUMBERS, "date", "keyword"), "same"),
    "MAX": ("max({0})", (*NUMBERS, "date", "keyword"), "same"),
    "STD_DEV": ("stddev_pop({0})", NUMBERS, "double"),
    "COUNT": ("count({0})", (*NUMBERS, "date", "keyword", "*"), "long"),
    "COUNT_DISTINCT": ("count(DISTINCT {0})", (*NUMBERS, "date", "keyword"), "long"),
    "PERCENTILE": ("quantile_cont({0}, {1} / 100.0)", NUMBERS, "double"),
    "FIRST": ("arg_min({0}, {1})", (*NUMBERS, "date", "keyword"), "same"),
    "LAST": ("arg_max({0}, {1})", (*NUMBERS, "date", "keyword"), "same"),
}
"""Name → what DuckDB says, the types it takes (a counter is none of them), and the type it gives. STD_DEV is a population's."""
