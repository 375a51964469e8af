"""Whether every number, instant and name of an answer's sentence stands in what it cites: rows, window, question, the query.

This is computed apart from the answerer's own check, with the judge's reading of numbers, so that one mistake does not hide in
both.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from llo11ypop.agents.judge.dates import Moment, moments
from llo11ypop.agents.judge.names import ids, masked
from llo11ypop.agents.judge.quantities import UNITS, Quantity, quantities, spell_out
from llo11ypop.core.question import Answer

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CELLS = 200_000
_RANGE = re.compile(r"\b(\d{1,2})\s?[–-]\s?(?=\d{1,2}\s(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))")
_UCUM = {
    "s": "s", "ms": "ms", "us": "us", "min": "min", "h": "h", "d": "d", "%": "%", "Cel": "°C", "W": "W", "kW": "kW", "By": "B",
    "By/s": "B", "GBy": "GB", "MBy": "MB", "Hz": "Hz", "MHz": "MHz", "V": "V", "Wh": "Wh", "kWh": "kWh",
}  # fmt: skip
_PER = re.compile(r"\bper 1,?0+(?:,000)*\s")
_CODE = re.compile(r"([a-z]+)(\d+)")
SHORTEST_CELL = 5
_NUMBER_IN_TEXT = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")


@dataclass(frozen=True, slots=True)
class Grounded:
    """How much of a sentence is borne out."""

    said: int
    """Numbers, instants and names in it."""
    loose: tuple[str, ...]
    """Those that nothing cited bears out."""

    @property
    def share(self) -> float:
        """1.0 where nothing was said that could be wrong."""
        return 1.0 - len(self.loose) / self.said if self.said else 1.0


@dataclass(frozen=True, slots=True)
class _Cited:
    numbers: tuple[tuple[float, str], ...]
    """(value, unit) of cells."""
    plain: frozenset[float]
    """Numbers of the question and of the query's conditions."""
    instants: tuple[datetime, ...]
    cells: frozenset[str]
    """Texts of rows that hold a digit."""
    texts: str
    """Every text that is cited, in lower case."""


def grounded(answer: Answer, question: str) -> Grounded:
    """Check one answer's sentence against what it cites."""
    cited = _cited(answer, question)
    shown, whole = _without_cells(answer.text, cited.cells)
    found, rest = moments(_RANGE.sub("", shown))
    names = ids(rest)
    loose = [str(m) for m in found if not any(m.agrees(_moment(i)) for i in cited.instants) and not _asked(m, question)]
    loose += [n for n in names if not _named(n, cited)]
    rest = masked(_PER.sub("per ", rest))
    numbers = quantities(rest)
    loose += [f"{q.written:g}" for q in numbers if not _borne_out(q, cited)]
    return Grounded(len(found) + len(names) + len(numbers) + whole, tuple(dict.fromkeys(loose)))


def _without_cells(text: str, cells: frozenset[str]) -> tuple[str, int]:
    """The sentence without the texts of rows that it quotes whole ('NVIDIA H100 80GB HBM3'), and how many those are."""
    count = 0
    for cell in sorted((c for c in cells if len(c) >= SHORTEST_CELL and c in text), key=len, reverse=True):
        text, times = re.subn(rf"(?<![\w-]){re.escape(cell)}(?![\w-])", " … ", text)
        count += times
    return text, count


def _named(name: str, cited: _Cited) -> bool:
    """Whether a name stands in what is cited; 'rank 7' also where 7 does."""
    if name in cited.texts:
        return True
    code = _CODE.fullmatch(name)
    return code is not None and any(n == float(code[2]) for n in (*cited.plain, *(v for v, _ in cited.numbers)))


def _asked(moment: Moment, question: str) -> bool:
    return any(m.agrees(moment) for m in moments(question)[0])


def _moment(at: datetime) -> Moment:
    return Moment(at.year, at.month, at.day, at.hour, at.minute)


def _cited(answer: Answer, question: str) -> _Cited:
    numbers: list[tuple[float, str]] = []
    instants: list[datetime] = [answer.at]
    texts: set[str] = {question, answer.reading, *(a.value for a in answer.areas)}
    windows = [w for w in (answer.window, *(e.window for e in answer.evidence)) if w]
    for window in windows:
        instants += [window.start, window.end, window.end - timedelta(seconds=1)]
        numbers += [((window.end - window.start).total_seconds(), "s")]
    if answer.result is not None:
        units = {c.name: c.unit for c in answer.result.columns}
        _read(answer.result.rows, units, numbers, instants, texts)
        numbers += _made(answer.result.rows, units, spell_out(answer.text))
    cells = frozenset(t for t in texts if any(c.isdigit() for c in t)) - {question, answer.reading}
    for evidence in answer.evidence:
        _read(evidence.rows, {}, numbers, instants, texts)
        numbers.append((float(evidence.row_count), "1"))
    conditions = [text for e in answer.evidence for text in _conditions(e.plan)]
    texts |= set(conditions)
    plain = {float(n) for text in (spell_out(question), *conditions) for n in _NUMBER_IN_TEXT.findall(text)}
    plain |= {q.written for q in quantities(question)}
    return _Cited(tuple(set(numbers)), frozenset(plain), tuple(set(instants)), cells, "\n".join(texts).lower())


def _read(
    rows: "pa.Table", units: dict[str, str], numbers: list[tuple[float, str]], instants: list[datetime], texts: set[str]
) -> None:
    import pyarrow as pa

    if rows.num_rows * rows.num_columns > MOST_CELLS:
        rows = rows.slice(0, MOST_CELLS // max(rows.num_columns, 1))
    for name in rows.column_names:
        kind = rows.schema.field(name).type
        values = rows.column(name).unique().drop_null().to_pylist()
        if pa.types.is_timestamp(kind):
            instants += [v if v.tzinfo else v.replace(tzinfo=UTC) for v in values]
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            numbers += [(float(v), units.get(name, "")) for v in values]
        elif not pa.types.is_boolean(kind):
            texts |= {str(v) for v in values}
    texts |= {c.replace("_", " ") for c in rows.column_names}


def _made(rows: "pa.Table", units: dict[str, str], text: str) -> list[tuple[float, str]]:
    """Figures that sentences may make from rows: how many, how many different, the rest; totals, means, shares, halves."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = [(float(rows.num_rows), "1")]
    for name in rows.column_names:
        column = rows.column(name).combine_chunks()
        kind, unit = column.type, units.get(name, "")
        if pa.types.is_string(kind):
            different = {str(v) for v in column.unique().drop_null().to_pylist()}
            named = sum(v in text for v in different)
            found += [(float(len(different)), "1"), (float(len(different) - named), "1"), (float(rows.num_rows - named), "1")]
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
            values = pc.drop_null(column.cast(pa.float64())).to_numpy()
            values = values[np.isfinite(values)]
            if values.size:
                found += [(float(f(values)), unit) for f in (np.sum, np.mean, np.median)]
                found += _shares(values) + _halves(values)
    return found


def _shares(values: "np.ndarray[Any, Any]") -> list[tuple[float, str]]:
    total = float(values.sum())
    return [(100 * float(v) / total, "%") for v in set(values.tolist())] if total else []


def _halves(values: "np.ndarray[Any, Any]") -> list[tuple[float, str]]:
    """The change from the mean of the first half to that of the second, and from the first value to the last, in per cent."""
    pairs = [(values[0], values[-1])]
    for whole in (values, values[1:], values[:-1], values[1:-1]):  # the first and the last period may be partial
        half = whole.size // 2
        pairs += [(whole[:half].mean(), whole[-half:].mean())] if half else []
    return [(100 * float((b - a) / a), "%") for a, b in pairs if a]


def _conditions(plan: Any) -> Iterator[str]:
    """The texts of filters and measures of a plan's JSON."""
    if isinstance(plan, dict):
        for key, value in plan.items():
            if isinstance(value, str) and key in ("where", "having", "field"):
                yield value
            elif key == "columns" and isinstance(value, dict):
                yield from (str(v) for v in value.values())
            elif key == "top" and isinstance(value, int):
                yield str(value)
            else:
                yield from _conditions(value)
    elif isinstance(plan, (list, tuple)):
        for value in plan:
            yield from _conditions(value)


def _borne_out(said: Quantity, cited: _Cited) -> bool:
    written, half = said.written, said.half_digit / _factor(said)
    if any(_near(abs(n), abs(written), half) for n in cited.plain):
        return True
    return any(_near(abs(value), abs(written), half) for value in _forms(cited.numbers, said))


def _factor(said: Quantity) -> float:
    """From the unit it is written in to the base of its dimension."""
    if not said.dimension or not said.written:
        return 1.0
    offsets = {o for d, _, o in UNITS.values() if d == said.dimension}
    return said.value / said.written if offsets == {0.0} else 1.0


def _forms(numbers: Iterable[tuple[float, str]], said: Quantity) -> Iterator[float]:
    """The cited values in the unit that the sentence uses."""
    for value, unit in numbers:
        home = UNITS.get(_UCUM.get(unit, ""))
        if not said.dimension or unit in ("", "1") or (unit == "h" and said.dimension == "gpu time"):
            yield value
        if unit in ("", "1") and said.dimension in ("", "ratio"):
            yield value * 100
        elif home and home[0] == said.dimension:
            yield value * home[1] / _factor(said)
        elif unit == "mJ" and said.dimension == "energy":
            yield value / 3.6e6 / _factor(said)
        elif not unit and said.dimension in ("time", "bytes", "power"):
            yield value / _factor(said)


def _near(value: float, written: float, half: float) -> bool:
    return abs(value - written) <= half + 1e-9 * max(value, written)
