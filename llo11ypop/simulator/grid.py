"""One metric dataset on a regular step, as matrices: entity by time. Faults are strokes on these matrices."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = int | NDArray[np.intp] | list[int]
Matrix = NDArray[Any]


@dataclass
class Grid:
    """Rows of a metric dataset before they are written; the row of step `i` is stamped `i × step_s` after the start.

    `columns` holds (entities, steps) matrices: NaN is a sensor that gave nothing. A column named in `labels` holds
    small integer codes into a list of words. `static` holds one value per entity, words or numbers. `present` is
    False where no row was delivered. Counters are cumulative: use `bump` and `ramp`.
    """

    dataset: str
    entities: list[str]
    step_s: int
    steps: int
    columns: dict[str, Matrix] = field(default_factory=dict)
    static: dict[str, NDArray[Any]] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    offset_s: float = 0.0
    """Time of step 0; only detail windows have one."""

    def __post_init__(self) -> None:
        """Deliver every row until told otherwise."""
        self.present: NDArray[np.bool_] = np.ones((len(self.entities), self.steps), dtype=bool)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {entity: i for i, entity in enumerate(self.entities)}

    @cached_property
    def _rows_by_static(self) -> dict[str, dict[str, NDArray[np.intp]]]:
        out: dict[str, dict[str, NDArray[np.intp]]] = {}
        for name, values in self.static.items():
            if values.dtype.kind in "OU":
                words, codes = np.unique(values.astype(str), return_inverse=True)
                order = np.argsort(codes, kind="stable")
                cuts = np.searchsorted(codes[order], np.arange(len(words) + 1))
                out[name] = {str(w): order[cuts[i] : cuts[i + 1]] for i, w in enumerate(words)}
        return out

    def times_s(self) -> NDArray[np.float64]:
        """Seconds since the world's start of every step."""
        return np.arange(self.steps, dtype=np.float64) * self.step_s

    @contextmanager
    def unchanged(self, rows: Rows, span: slice) -> Iterator[None]:
        """Whatever is painted in here leaves these rows as they were in this span."""
        kept = {name: matrix[rows, span].copy() for name, matrix in self.columns.items()}
        yield
        for name, matrix in kept.items():
            self.columns[name][rows, span] = matrix

    def span(self, start_s: float, end_s: float) -> slice:
        """Step indices whose timestamp lies in [start, end); empty outside the world."""
        first = min(max(0, int(np.ceil(start_s / self.step_s))), self.steps)
        last = min(max(first, int(np.ceil(end_s / self.step_s))), self.steps) if np.isfinite(end_s) else self.steps
        return slice(first, last)

    def row(self, entity: str) -> int:
        """Matrix row of an entity. Raises KeyError."""
        return self._row_of[entity]

    def rows(self, entities: Iterable[str]) -> NDArray[np.intp]:
        """Matrix rows of entities; a node, rack, cluster … stands for all its rows. Unknown ones give no row."""
        found: list[NDArray[np.intp]] = []
        for entity in entities:
            if entity in self._row_of:
                found.append(np.array([self._row_of[entity]], dtype=np.intp))
                continue
            found += [words[entity] for words in self._rows_by_static.values() if entity in words]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.intp)

    def where(self, **static: str) -> NDArray[np.intp]:
        """Matrix rows whose static columns have these words, for example mount='/scratch', cluster='c-a'."""
        keep = np.ones(len(self.entities), dtype=bool)
        for name, word in static.items():
            keep &= self.static[name] == word
        return np.flatnonzero(keep)

    def code(self, column: str, word: str) -> int:
        """The code of a word in a label column; a new word is added."""
        words = self.labels[column]
        if word not in words:
            words.append(word)
        return words.index(word)

    def put(self, column: str, rows: Rows, span: slice, value: Any) -> None:
        """Set values (a word for a label column). A column this profile lacks is skipped."""
        if column in self.columns:
            self.columns[column][rows, span] = self.code(column, value) if isinstance(value, str) else value

    def shift(self, column: str, rows: Rows, span: slice, delta: Any, *, low: float = -np.inf, high: float = np.inf) -> None:
        """Add to a gauge, kept inside [low, high]. A column this profile lacks is skipped."""
        if column in self.columns:
            values = self.columns[column][rows, span]
            self.columns[column][rows, span] = np.clip(values + delta, low, high)

    def scale(self, column: str, rows: Rows, span: slice, factor: Any, *, high: float = np.inf) -> None:
        """Multiply a gauge. A column this profile lacks is skipped."""
        if column in self.columns:
            self.columns[column][rows, span] = np.minimum(self.columns[column][rows, span] * factor, high)

    def bump(self, column: str, rows: Rows, at_s: float, amount: float) -> None:
        """Let a counter jump by `amount` at an instant, for good."""
        if column in self.columns:
            self.columns[column][rows, self.span(at_s, np.inf)] += amount

    def ramp(self, column: str, rows: Rows, start_s: float, end_s: float, total: float) -> None:
        """Let a counter grow evenly by `total` from start to end."""
        if column in self.columns:
            share = np.clip((self.times_s() - start_s) / max(end_s - start_s, 1e-9), 0.0, 1.0)
            grown = share * total
            matrix = self.columns[column]
            matrix[rows] = matrix[rows] + (grown if matrix.dtype.kind == "f" else np.floor(grown)).astype(matrix.dtype)

    def reset(self, column: str, rows: Rows, at_s: float) -> None:
        """Let a counter start again at zero (driver reload, reboot, exporter restart)."""
        first = self.span(at_s, np.inf).start
        if column in self.columns and first < self.steps:
            matrix = self.columns[column]
            wanted = np.atleast_1d(np.asarray(rows))
            matrix[wanted, first:] -= matrix[wanted, first][:, None]

    def hide(self, rows: Rows, span: slice) -> None:
        """Deliver no rows."""
        self.present[rows, span] = False
