"""Measures of the lexicon and aggregates of the question as quantities of a scope; units of thresholds."""

import re
from dataclasses import replace

from llo11ypop.language.draft import Named
from llo11ypop.language.entries import MeasureWords, Qualifier, Thing
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.scope import Quantity
from llo11ypop.language.where import all_of, expression

_QUANTILES = {"p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
_SPOKEN = {
    "avg": "average",
    "max": "highest",
    "min": "lowest",
    "sum": "total",
    "stddev": "standard deviation of",
    "last": "latest",
    "increase": "",
    "count": "",
    "count_distinct": "",
    "rate": "",
    "p50": "median",
}
_FACTORS = {
    ("kW", "W"): 1000.0,
    ("h", "s"): 3600.0,
    ("min", "s"): 60.0,
    ("d", "s"): 86400.0,
    ("wk", "s"): 604800.0,
    ("ms", "s"): 0.001,
    ("s", "ms"): 1000.0,
    ("us", "ms"): 0.001,
    ("ms", "us"): 1000.0,
    ("s", "us"): 1e6,
    ("h", "d"): 1 / 24,
    ("wk", "d"): 7.0,
    ("d", "h"): 24.0,
    ("min", "h"): 1 / 60,
    ("s", "h"): 1 / 3600,
    ("h", "min"): 60.0,
    ("GiBy", "MiBy"): 1024.0,
    ("TBy", "By"): 1e12,
    ("GiBy", "By"): 1073741824.0,
    ("MiBy", "By"): 1048576.0,
    ("GHz", "MHz"): 1000.0,
    ("%", "1"): 0.01,
    ("GBy/s", "By/s"): 1e9,
    ("Gbit/s", "By/s"): 1.25e8,
    ("min", "ns"): 6e10,
    ("s", "ns"): 1e9,
    ("h", "ns"): 3.6e12,
    ("GiBy", "By/s"): 1073741824.0,
    ("MiBy", "By/s"): 1048576.0,
}


def slug(text: str) -> str:
    """A column name."""
    return re.sub(r"\W+", "_", text.lower()).strip("_") or "value"


def quantities(named: Named, lexicon: Lexicon) -> list[Quantity]:
    """One quantity per aggregate that the question asks of a measure."""
    words = named.words
    if words.recipe:
        recipe = lexicon.recipes[words.recipe]
        levels = [a for a in named.aggs if a not in ("last", "first")]
        agg = next(iter(levels or named.aggs), "count")
        open_one = "$agg_or_max" in str(recipe.steps) and agg not in ("count", "last", "first")
        return [
            Quantity(
                recipe.value,
                f"{_SPOKEN.get(agg, agg)} {words.label}" if open_one else words.label,
                words.dataset,
                agg=_aggregate(agg)[0] if named.aggs else "count",
                q=_aggregate(agg)[1],
                unit=words.unit,
                better=words.better,
                recipe=words.recipe,
                definition=words.definition,
            )
        ]
    if words.fixed or words.agg in ("increase", "rate", "count", "count_distinct"):
        return [_fixed(named, words)]
    out = []
    for name in named.aggs or [words.agg]:
        agg, q = _aggregate(name)
        spoken = _SPOKEN.get(name, name)
        label = f"{spoken} {words.label}".strip()
        column = f"{name}_{slug(words.field)}" if words.field.isidentifier() else f"{name}_{slug(words.label)}"
        out.append(
            Quantity(
                column,
                label,
                words.dataset,
                agg,
                words.field,
                words.where,
                q,
                words.unit,
                words.better,
                definition=words.definition,
            )
        )
    return out


def reaggregated(quantity: Quantity, name: str) -> Quantity:
    """The same reading under another aggregate ('and the median?'); as it was where it is a count or a counter."""
    if not quantity.field or quantity.recipe or quantity.agg in ("count", "count_distinct", "increase", "rate"):
        return quantity
    agg, q = _aggregate(name)
    spoken = sorted({*_SPOKEN.values(), *_SPOKEN, *_QUANTILES}, key=len, reverse=True)
    plain = next((quantity.label[len(s) + 1 :] for s in spoken if s and quantity.label.startswith(f"{s} ")), quantity.label)
    return replace(quantity, name=f"{name}_{slug(plain)}", label=f"{_SPOKEN.get(name, name)} {plain}", agg=agg, q=q)


def _aggregate(name: str) -> tuple[str, float | None]:
    return ("percentile", _QUANTILES[name]) if name in _QUANTILES else (name, None)


def _fixed(named: Named, words: MeasureWords) -> Quantity:
    own = named.name.rpartition(".")[2]
    if words.agg == "increase":
        own = own.removesuffix("_total")
    return Quantity(
        slug(own),
        words.label,
        words.dataset,
        words.agg,
        words.field,
        words.where,
        words.q,
        words.unit,
        words.better,
        definition=words.definition,
    )


def count_of_thing(name: str, thing: Thing, qualifiers: list[tuple[Qualifier, bool]], lexicon: Lexicon) -> Quantity:
    """How many of a thing there are, under the conditions that belong to it."""
    where = all_of([thing.where, *together([(q.where, no) for q, no in qualifiers])])
    labels = [f"not {q.label}" if no else q.label for q, no in qualifiers if q.label]
    before = [x for x in labels if " " not in x and not x.startswith("not ")]
    after = [x for x in labels if x not in before]
    label = " ".join([*before, thing.noun, *after])
    better = next((q.better for q, no in qualifiers if q.better != "neither" and not no), thing.better)
    definition = "; ".join(d for d in (thing.definition, *(q.definition for q, _ in qualifiers)) if d)
    if thing.recipe:
        recipe = lexicon.recipes[thing.recipe]
        return Quantity(
            recipe.value,
            label,
            thing.dataset,
            "count",
            "",
            where,
            unit="1",
            better=better,
            recipe=thing.recipe,
            definition=definition,
        )
    column = slug(" ".join([*before[:2], thing.noun]))
    return Quantity(column, label, thing.dataset, thing.agg, thing.field, where, unit="1", better=better, definition=definition)


_LISTED = re.compile(r"(\w+) (?:= ('\w+')|in \(([^()]*)\))")


def together(conditions: list[tuple[str, bool]]) -> list[str]:
    """Conditions that all hold, except that values of one field which exclude each other are meant as 'or': down or drained."""
    found = [(where, _LISTED.fullmatch(where)) for where, no in conditions if not no]
    plain = [(where, m[1], set((m[2] or m[3]).replace(" ", "").split(","))) for where, m in found if m]
    apart = [p for p in plain if any(p[1] == o[1] and not p[2] & o[2] for o in plain)]
    joined = [" or ".join(f"({where})" for where, _, _ in apart)] if len(apart) > 1 else []
    inside = {where for where, _, _ in apart} if joined else set()
    return [*(f"({j})" for j in joined), *(negated(w) if no else w for w, no in conditions if no or w not in inside)]


def negated(where: str) -> str:
    """The opposite of a condition; an empty value counts as not meeting it."""
    return f"not coalesce({where}, 1 = 2)" if not _plain(where) else f"not ({where})"


def _plain(where: str) -> bool:
    return bool(expression(where))


def converted(value: float, unit: str, to: str) -> float | None:
    """A value in another unit; none where the units do not go together. Without a unit the value is taken as it stands."""
    if not unit or unit == to:
        return value
    if unit == "%" and to in ("%", ""):
        return value
    factor = _FACTORS.get((unit, to))
    return value * factor if factor is not None else None
