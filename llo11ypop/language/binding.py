"""Prove every number and every entity of an answer's text, or take its sentence out.

A number is bound when rounding a value that stands in the rows, the window, the question or the definition, in one of the units
its column may be shown in, to the digits printed gives that number (rules: `figures`). A figure made from rows (a total, a share,
a change) is declared by the template and computed again here. An entity (a word with digits in it, or joined by hyphens, slashes
or underscores) is bound when the rows or the question name it, or the reading does.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from llo11ypop.core.question import Result
from llo11ypop.core.window import Window
from llo11ypop.language.figures import SCALES, SYMBOLS, scales

DerivedKind = Literal[
    "rows", "distinct", "rest", "sum", "mean", "median", "min", "max", "share", "change", "difference", "halves", "over"
]


@dataclass(frozen=True, slots=True)
class Derived:
    """A figure made from the rows, as a recipe that the check carries out again."""

    kind: DerivedKind
    column: str = ""
    rows: tuple[int, ...] | None = None
    """Row numbers; all when none. `change` and `difference` go from the first of them to the last, `halves` compares the mean of
    their second half with that of the first."""
    value: float = 0.0
    """Threshold of `over`: rows whose value is greater; of `rest`: how many distinct values are named already."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with the recipes of the figures in it that are not cells."""

    text: str
    derived: tuple[Derived, ...] = ()


@dataclass(frozen=True)
class Grounds:
    """What an answer may speak of."""

    numbers: tuple[tuple[np.ndarray, str], ...]
    """(values, unit)."""
    instants: frozenset[str]
    """Every way in which a known instant may be written."""
    words: frozenset[str]
    """Known words, casefolded."""
    texts: tuple[str, ...] = field(default=())
    """Whole known texts, casefolded: an entity may contain blanks."""


_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?Z?)?|\b\d{2}:\d{2}\b"
    rf"|\b\d{{1,2}} (?:{_MONTHS})[a-z]*(?: \d{{4}})?|\b(?:{_MONTHS})[a-z]* \d{{4}}"
)
_TOKEN = re.compile(r"[^\s,;:()\[\]\"“”‘’…!?]+(?:,\d{3})*(?:\.\d+)?")
_NUMBER = re.compile(r"[-−+±]?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(e[-+]?\d+)?")
_NAMED_RATIO = re.compile(r"p\d{1,2}(\.\d+)?|\d+(st|nd|rd|th)", re.IGNORECASE)
_ENTITY = re.compile(r"(?=.*[A-Za-z])(?:.*\d.*|\w+(?:[-_/]\w+)+.*)")
_ANY_UNIT = "?"
"""Of figures whose unit stands in a column of its own."""
WORDS = {w: n for n, w in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)}
"""Number words that count as numbers; 'one' is a pronoun as often as a number."""
_SYMBOLS = frozenset(symbol for steps in SCALES.values() for symbol, _ in steps) | frozenset(SYMBOLS.values())
_UNITS = re.compile(r"^\s?(%|°C|[A-Za-zµ][A-Za-zµ/]{0,5})(?![A-Za-z])")


def grounds(
    result: Result | None, *, question: str, said: Iterable[str] = (), window: Window | None = None,
    instants: Iterable[datetime] = (), derived: Sequence[Derived] = (),
) -> Grounds:  # fmt: skip
    """Everything that may be said about a result. `said` are texts that come from code or configuration, not from rows."""
    numbers: list[tuple[np.ndarray, str]] = []
    known = [question, *said]
    windows = [w for w in (window, *(e.window for e in (result.evidence if result else ()))) if w]
    times = {*instants, *(i for w in windows for i in (w.start, w.end))}
    cells: list[str] = []
    units: set[str] = set()
    mixed = result is not None and any(c.name == "unit" for c in result.columns)
    if result is not None:
        for column in result.columns:
            known.append(column.label)
            units |= {column.unit} - {"1"}
            if column.name in result.rows.column_names:
                unit = _ANY_UNIT if mixed and column.unit in ("", "1") else column.unit
                _cells(result.rows.column(column.name), unit, numbers, times, cells)
        numbers.append((np.array([float(result.rows.num_rows)]), "rows"))
    written = {m for text in known for m in INSTANT.findall(text)}
    stated = [float(n.replace(",", "")) for text in known for n in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)]
    stated += [float(n) for word, n in WORDS.items() for text in known if re.search(rf"\b{word}\b", text, re.IGNORECASE)]
    numbers.append((np.array(stated), "*"))
    texts = tuple({t.casefold() for t in (*known, *cells)})
    words = frozenset(part for text in (*texts, *units) for part in _parts(text.casefold()))
    times |= {w.end - timedelta(days=1) for w in windows if not (w.end.hour or w.end.minute)}
    forms = {form for at in times for form in _forms(at)} | {f for w in written for f in (w, f"{w}Z", w.removesuffix("Z"))}
    return Grounds(tuple(numbers), frozenset(forms), words, texts)


def _cells(column: pa.ChunkedArray, unit: str, numbers: list[Any], times: set[datetime], cells: list[str]) -> None:
    if pa.types.is_timestamp(column.type):
        times.update(t if t.tzinfo else t.replace(tzinfo=UTC) for t in column.to_pylist() if t)
    elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = column.cast(pa.float64()).drop_null().to_numpy()
        numbers.append((values[np.isfinite(values)], unit))
    else:
        cells += [str(v) for v in column.unique().to_pylist() if v is not None]


_REDUCED: dict[str, Callable[[np.ndarray], Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "median": np.median,
    "min": np.min,
    "max": np.max,
}


def _value(recipe: Derived, result: Result) -> tuple[np.ndarray, str]:
    unit = next((c.unit for c in result.columns if c.name == recipe.column), "")
    if recipe.kind == "rows":
        return np.array([float(result.rows.num_rows if recipe.rows is None else len(recipe.rows))]), "rows"
    values = result.rows.column(recipe.column)
    if recipe.kind in ("distinct", "rest"):
        different = len([v for v in values.unique().to_pylist() if v is not None])
        return np.array([different - (recipe.value if recipe.kind == "rest" else 0.0)]), "rows"
    numbers = np.array([np.nan if v is None else float(v) for v in values.to_pylist()])
    chosen = numbers if recipe.rows is None else numbers[[r for r in recipe.rows if 0 <= r < len(numbers)]]
    chosen = chosen[np.isfinite(chosen)]
    if not len(chosen):
        return np.array([]), unit
    match recipe.kind:
        case "share":
            total = np.nansum(numbers)
            return (np.array([chosen.sum() / total]) if total else np.array([])), "1"
        case "change":
            moved = abs(chosen[-1] / chosen[0] - 1) if chosen[0] else np.nan
            return np.array([moved]) if np.isfinite(moved) else np.array([]), "1"
        case "difference":
            return np.array([abs(chosen[-1] - chosen[0])]), unit
        case "halves":
            half = len(chosen) // 2
            before = chosen[:half].mean() if half else 0.0
            return (np.array([abs(chosen[-half:].mean() / before - 1)]) if before else np.array([])), "1"
        case "over":
            return np.array([float((chosen > recipe.value).sum())]), "rows"
    return np.array([float(_REDUCED[recipe.kind](chosen))]), unit


def _parts(text: str) -> set[str]:
    tokens = {t.strip(".'`*") for t in _TOKEN.findall(text)}
    return {p for t in tokens for p in (t, *re.split(r"[/=|]", t)) if p} | {text}


def _forms(at: datetime) -> set[str]:
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    short, clock = f"{at.day} {at:%b}", f"{at:%H:%M}"
    days = {
        f"{at:%Y-%m-%d}",
        short,
        f"{at.day} {at:%B}",
        f"{short} {at:%Y}",
        f"{at.day} {at:%B %Y}",
        f"{at:%B %Y}",
        f"{at:%b %Y}",
    }
    stamps = {
        f"{at:%Y-%m-%d} {clock}",
        f"{at:%Y-%m-%d} {clock}Z",
        f"{at:%Y-%m-%dT%H:%M:%SZ}",
        f"{at:%Y-%m-%d %H:%M:%S}",
        f"{at:%Y-%m-%dT%H:%M}Z",
    }
    return {clock, *days, *stamps}


def unbound(text: str, known: Grounds) -> tuple[str, ...]:
    """What in a text nothing stands behind, in the order of the text; empty when all of it is bound."""
    loose: list[str] = []
    folded = text.casefold()
    for entity in sorted((t for t in known.texts if " " in t and t in folded), key=len, reverse=True):
        text = re.sub(re.escape(entity), " ", text, flags=re.IGNORECASE)

    def instant(found: re.Match[str]) -> str:
        if found.group() not in known.instants and found.group().casefold() not in known.words:
            loose.append(found.group())
        return " "

    rest = INSTANT.sub(instant, text)
    for token in _TOKEN.finditer(rest):
        word = token.group().strip(".'`*–—")
        if word and not _bound(word, rest[token.end() :], known):
            loose.append(word)
    return tuple(loose)


def _bound(word: str, after: str, known: Grounds) -> bool:
    folded = word.casefold().removesuffix("'s").removesuffix("’s")
    if folded in known.words or word in _SYMBOLS:
        return True
    if folded in WORDS:
        return _stands(float(WORDS[folded]), 0, "", known)
    number = re.fullmatch(_NUMBER.pattern + r"(%|[A-Za-zµ°][A-Za-zµ°/]{0,5}|×)?", word)
    if number and not _NAMED_RATIO.fullmatch(word):
        attached = number.group(4) or ""
        unit = attached.strip("×") or ((found := _UNITS.match(after)) and found.group(1)) or ""
        whole, fraction, power = number.group(1), number.group(2) or "", number.group(3) or "e0"
        value = float(f"{whole}{fraction}{power}".replace(",", ""))
        return _stands(value, max(0, len(fraction) - 1) - int(power[1:]), unit, known)
    return not _ENTITY.fullmatch(word)


def _stands(number: float, digits: int, unit: str, known: Grounds) -> bool:
    """Whether some known value, rounded to so many digits after the point in that unit, is the number."""
    reach = 0.5 * 10.0**-digits * (1 + 1e-9)
    for values, own in known.numbers:
        if not len(values):
            continue
        if own == "rows" and (unit == "%" or unit in _SYMBOLS - {""}):
            continue
        if own in ("*", "rows"):
            if bool(np.any(np.isclose(values, number, rtol=1e-12, atol=0.0 if own == "rows" else 1e-12))):
                return True
            continue
        symbols = scales(own)
        fitting = [d for s, d in symbols if s == unit] or [d for s, d in symbols[:1] if unit not in {t for t, _ in symbols}]
        if any(bool(np.any(np.abs(np.abs(values) / d - number) <= reach)) for d in fitting):
            return True
    return False


def kept(sentences: Sequence[Sentence], result: Result | None, known: Grounds) -> tuple[tuple[Sentence, ...], tuple[str, ...]]:
    """(the sentences of which everything is bound, what was not bound in the others)."""
    good: list[Sentence] = []
    loose: list[str] = []
    for one in sentences:
        if not one.text:
            continue
        made = tuple(_value(d, result) for d in one.derived) if result else ()
        missing = unbound(one.text, replace(known, numbers=(*known.numbers, *made)))
        loose += missing
        if not missing:
            good.append(one)
    return tuple(good), tuple(loose)
