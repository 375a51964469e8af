"""What Prometheus calls the catalog's datasets: a metric per number, a label per name, and which of their values are no readings.

A row of a dataset is a scrape of one series; a field that a person could group by is a label. Sources: Prometheus documentation
(data model, querying), dcgm-exporter `default-counters.csv`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from llo11ypop.catalog.models import AliasTable, Dataset, FieldSpec, ForeignName
from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.duckdb_rows import BLANKS_32, BLANKS_64

ENGINE = "PromQL"
RANGE = "\x00"
"""Stands in query text for the width of the range, which depends on the server and on the instant. No literal can hold it."""
_BLANK_64 = 9.2e18
"""Below every 64-bit blank of DCGM, as a double holds them."""


def refused(what: str) -> PlanError:
    """The error for what PromQL cannot say."""
    return PlanError(f"{ENGINE} cannot say it: {what}")


@dataclass(frozen=True)
class Series:
    """Where one dataset lies."""

    metrics: Mapping[str, ForeignName]
    """Number of the catalog → its metric."""
    labels: Mapping[str, str]
    """Name (or small number, such as a slot) of the catalog → its label."""
    match: tuple[tuple[str, str], ...] = ()
    """Labels that all its series have, such as ("job", "dcgm")."""
    rows: str = ""
    """The metric field that every row has; without it rows cannot be counted."""

    @property
    def anchor(self) -> str:
        """The metric field that says that a row was there."""
        return self.rows or next(iter(self.metrics))


def legal(name: str) -> str:
    """A foreign name as Prometheus keeps it: OpenTelemetry's dots become underscores."""
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name)


def series_of(
    dataset: Dataset,
    aliases: AliasTable | None,
    metrics: frozenset[str],
    labels: frozenset[str],
    *,
    match: Mapping[str, str] | None = None,
    rows: str = "",
) -> Series | None:
    """The dataset over the metrics and labels that are there; None when not one metric of it is.

    Where the alias table is silent a number is the metric `<dataset>_<field>` and a name the label of the field's name.
    """
    found_metrics: dict[str, ForeignName] = {}
    found_labels: dict[str, str] = {}
    for name, spec in dataset.fields.items():
        if name == dataset.time:
            continue
        named = aliases.names.get(f"{dataset.dataset}.{name}", ()) if aliases else ()
        metric = next((f for f in (*named, ForeignName(name=f"{dataset.dataset}_{name}")) if legal(f.name) in metrics), None)
        label = next((n for n in (*(legal(f.name) for f in named), name) if n in labels), None)
        if spec.numeric and metric is not None:
            found_metrics[name] = metric.model_copy(update={"name": legal(metric.name)})
        elif label is not None and spec.type != "float":
            found_labels[name] = label
    if not found_metrics:
        return None
    return Series(found_metrics, found_labels, tuple((match or {}).items()), rows if rows in found_metrics else "")


@dataclass(frozen=True)
class Blanks:
    """Which values of a metric are no readings: everything outside [low, high], and everything inside one of the holes."""

    low: float | None = None
    high: float | None = None
    holes: tuple[tuple[float, float], ...] = field(default=())

    def __contains__(self, value: object) -> bool:
        """Whether a value is no reading."""
        if not isinstance(value, float) or value != value:  # noqa: PLR0124 - NaN is not itself
            return True
        outside = (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
        return outside or any(a <= value <= b for a, b in self.holes)

    def whole(self, of: str) -> str:
        """The series that show nothing but blanks in the range; `of` is the range vector."""
        parts = [f"(max_over_time({of}) < {self.low!r})"] if self.low is not None else []
        parts += [f"(min_over_time({of}) > {self.high!r})"] if self.high is not None else []
        parts += [f"(min_over_time({of}) >= {a!r} and max_over_time({of}) <= {b!r})" for a, b in self.holes]
        return " or ".join(parts)

    def some(self, of: str) -> str:
        """The series that show any blank, as far as their lowest and highest value tell, or any NaN."""
        parts = [f"(min_over_time({of}) < {self.low!r})"] if self.low is not None else []
        parts += [f"(max_over_time({of}) > {self.high!r})"] if self.high is not None else []
        parts += [f"(max_over_time({of}) >= {a!r} <= {b!r})" for a, b in self.holes]
        parts.append(f"(sum_over_time({of}) != sum_over_time({of}))")
        return " or ".join(parts)


def blanks_of(dataset: Dataset, name: str, foreign: ForeignName) -> Blanks:
    """The blanks of a metric, in its own unit. Raises PlanError for a blank between two readings, which no range can show.

    A 32-bit blank of DCGM is found where it is a series' highest value: fields whose readings go beyond it are 64-bit ones, and
    have 64-bit blanks.
    """
    spec = dataset.fields[name]
    if foreign.factor <= 0:
        raise refused(f"'{name}' in a unit that turns its order round")
    if spec.valid is not None:
        low, high = (_foreign(v, foreign) for v in spec.valid)
        inside = [v for v in spec.absent if spec.valid[0] < v < spec.valid[1]]
        if inside or any(v in spec.valid for v in spec.absent):
            raise refused(f"'{name}', whose blank value {spec.absent[0]:g} lies among its readings")
        return Blanks(low, high)
    if spec.absent:
        raise refused(f"'{name}', whose blank value {spec.absent[0]:g} lies among its readings")
    if dataset.blanks == "dcgm":
        high = _BLANK_64 if spec.type == "float" else float(BLANKS_64[0] - 1025)
        return Blanks(None, high, ((float(BLANKS_32[0]), float(BLANKS_32[-1])), (2.0**31, 2.0**31)))
    return Blanks()


def _foreign(value: float, foreign: ForeignName) -> float:
    return (value - foreign.offset) / foreign.factor


class Names:
    """Reads the fields of one dataset's series."""

    def __init__(self, dataset: Dataset, series: Series) -> None:
        self.dataset = dataset
        self.series = series

    def spec(self, name: str) -> FieldSpec:
        """The field. Raises PlanError for one of another dataset."""
        if name not in self.dataset.fields:
            raise PlanError(
                f"'{name}' belongs to another dataset, and {ENGINE} sees one dataset's series at a time",
                next_step="keep the two selects apart and join their results",
            )
        return self.dataset.fields[name]

    def label(self, name: str) -> str:
        """The label of a field. Raises PlanError for what is none."""
        spec = self.spec(name)
        if name not in self.series.labels:
            what = "a measured value" if spec.numeric else "no label"
            raise refused(f"'{name}' is {what} there, and only labels can be grouped by or compared with text")
        return self.series.labels[name]

    def metric(self, name: str) -> ForeignName:
        """The metric of a field. Raises PlanError for what is none."""
        self.spec(name)
        if name not in self.series.metrics:
            raise refused(f"'{name}' is no metric there")
        return self.series.metrics[name]
