"""What was seen of a telemetry store: one index pattern, or the series of one Prometheus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import FieldType

Kind = Literal["timestamp", "number", "string", "text", "label", "other", "mixed"]
"""`text` is searched word by word and cannot be compared; `mixed` has several types in the indices of one pattern."""

FITS: dict[FieldType, frozenset[Kind]] = {
    "timestamp": frozenset({"timestamp"}),
    "integer": frozenset({"number", "label"}),
    "float": frozenset({"number"}),
    "string": frozenset({"string", "label"}),
}


@dataclass(frozen=True)
class Holding:
    """Names of one place, with their types and a sample of their values."""

    pattern: str
    """Index pattern; for a Prometheus its address."""
    columns: Mapping[str, Kind]
    native: Mapping[str, str] = field(default_factory=dict)
    """Type in the store's own words, where that says more than the kind."""
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Newest values of those names that matter; a name without values was empty in the sample."""
    sampled: int = 0
    """Documents, or series, behind the values; 0 when none could be read."""
    series: Mapping[str, int] = field(default_factory=dict)
    """Metric of a Prometheus → its series now."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Name → UCUM unit that the store itself declares."""
    metrics: bool = False
    """Whether the names are those of a Prometheus: a number is a metric and a name a label."""

    def empty(self, name: str) -> bool:
        """Whether the sample has no value under a name."""
        return bool(self.sampled) and not self.metrics and not self.values.get(name)


def wanted_names(catalog: Catalog) -> frozenset[str]:
    """Every name under which a field of the catalog may be found: worth a look at its values."""
    own = {name for dataset in catalog.datasets.values() for name in dataset.fields}
    tables = catalog.aliases.values()
    foreign = {f.name for table in tables for names in table.names.values() for f in names}
    marks = {label for table in tables for names in table.names.values() for f in names for label in f.where}
    return frozenset(own | foreign | marks)
