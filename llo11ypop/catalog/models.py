"""The shape of a catalog file: one dataset, its fields, relations and named measures.

pydantic models of configuration only; `catalog.py` answers questions about them.
"""

from collections.abc import Container
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llo11ypop.core.vocabulary import Area
from llo11ypop.query.plan import Duration, Measure, spelled_on

FieldType = Literal["timestamp", "integer", "float", "string"]


class Kind(StrEnum):
    """How the rows of a dataset come about."""

    METRIC = "metric"
    """A row per thing and step, whatever happens."""
    EVENT = "event"
    """A row when something happens; no rows may well mean that nothing did."""
    STATE = "state"
    """A row per change, and a snapshot now and then."""
    DIMENSION = "dimension"
    """What things are; valid for an interval, or always."""


class Part(BaseModel):
    """Base of all parts of a catalog file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class FieldSpec(Part):
    """One column."""

    type: FieldType
    description: str
    unit: str = ""
    """UCUM code such as `Cel`, `W`, `By/s`; '1' is a bare number or ratio; empty where a unit makes no sense."""
    counter: bool = False
    """Only ever grows, and starts from zero after a restart."""
    values: tuple[str, ...] = ()
    """Every value it can have, where the list is closed."""
    valid: tuple[float, float] | None = None
    """A reading outside is no reading."""
    absent: tuple[float, ...] = ()
    """Values that sensors print when there is nothing to read."""
    free_text: bool = False
    """Written by people or programs at will: shown, searched, never trusted."""
    personal: bool = False
    """Names a person."""
    exported: Literal["always", "opt_in"] = "always"
    """`opt_in`: many fleets do not have it."""
    known_at: str = ""
    """The time field from which on the value is known; before, the field reads as empty."""
    synonyms: tuple[str, ...] = ()
    """Other words that people use for it."""

    @property
    def numeric(self) -> bool:
        """Whether arithmetic makes sense."""
        return self.type in ("integer", "float")

    @model_validator(mode="after")
    def _sensible(self) -> "FieldSpec":
        if not self.numeric and (self.counter or self.valid or self.absent):
            raise ValueError("'counter', 'valid' and 'absent' go with numbers")
        if self.valid is not None and self.valid[0] >= self.valid[1]:
            raise ValueError("'valid' is [lowest, highest]")
        return self


class Relation(Part):
    """How rows of this dataset find the one row of another that describes them."""

    to: str
    on: dict[str, str] = Field(min_length=1)
    """Own field → field of the other dataset."""
    between: tuple[str, str] | None = None
    """(from, to) of the other dataset: the row's time lies in that interval, an open `to` being for ever."""

    _yaml_on = model_validator(mode="before")(spelled_on)


class NamedMeasure(Part):
    """A measure that has a name of its own in the field's language."""

    description: str
    measure: Measure
    unit: str = ""
    synonyms: tuple[str, ...] = ()
    better: Literal["higher", "lower", "neither"] = "neither"


class Dataset(Part):
    """One table, index or group of metrics."""

    dataset: str
    description: str
    area: Area
    kind: Kind
    time: str = ""
    """The field that says when a row happened; empty for dimensions."""
    cadence: Duration | None = None
    """How often a row is expected per thing; none for events."""
    occasional: bool = False
    """Whether rows are kept now and then only (around incidents), so that none for a while is no silence."""
    grain: tuple[str, ...] = ()
    """The fields that name one series, or one row of a dimension; empty for free-standing events."""
    source: str = ""
    exported: Literal["always", "opt_in"] = "always"
    valid: tuple[str, str] | None = None
    """(from, to) fields of a slowly changing dimension."""
    span: tuple[str, str] | None = None
    """(start, end) fields of rows that last: a window selects the rows that overlap it."""
    known_at: str = ""
    """The field from which on a row is known, where that is not its time: planned work is known when announced."""
    blanks: Literal["", "dcgm"] = ""
    """Whose blank values its numbers may carry."""
    synonyms: tuple[str, ...] = ()
    fields: dict[str, FieldSpec] = Field(min_length=1)
    relations: tuple[Relation, ...] = ()
    measures: dict[str, NamedMeasure] = Field(default_factory=dict)

    def field(self, name: str) -> FieldSpec:
        """The field of that name. Raises KeyError; `Catalog.resolve` is the one that suggests."""
        return self.fields[name]

    @property
    def timed(self) -> bool:
        """Whether a plan must say which span of time it reads: years of rows lie behind such a dataset."""
        return self.kind in (Kind.METRIC, Kind.EVENT) and not self.known_at

    @property
    def heartbeat(self) -> timedelta | None:
        """How often something must arrive; none for what comes now and then."""
        return None if self.occasional else self.cadence

    @property
    def always_speaks(self) -> bool:
        """Whether no rows at all means silence rather than that nothing happened."""
        return self.kind is not Kind.EVENT or self.cadence is not None

    @model_validator(mode="after")
    def _consistent(self) -> "Dataset":
        mentioned = {
            "time": (self.time,), "grain": self.grain, "valid": self.valid or (), "span": self.span or (),
            "known_at": (self.known_at, *(f.known_at for f in self.fields.values())),
            "relations": tuple(own for r in self.relations for own in r.on),
        }  # fmt: skip
        for part, names in mentioned.items():
            for name in names:
                if name and name not in self.fields:
                    raise ValueError(f"'{part}' names '{name}', which is not one of the fields")
        if self.kind is not Kind.DIMENSION and not self.time:
            raise ValueError(f"a dataset of kind '{self.kind}' needs 'time'")
        if self.time and self.fields[self.time].type != "timestamp":
            raise ValueError(f"'time' names '{self.time}', which is not a timestamp")
        if any(f.counter for f in self.fields.values()) and not self.grain:
            raise ValueError("a dataset with counters needs a 'grain': the fields that name one series")
        return self


class ForeignName(Part):
    """What another source calls a canonical field."""

    name: str = Field(min_length=1)
    factor: float = 1.0
    """canonical = foreign × factor (+ offset)."""
    offset: float = 0.0
    unit: str = ""
    """Unit of the foreign value, where it differs."""
    where: dict[str, str] = Field(default_factory=dict)
    """Labels or attributes that pick the series out."""
    note: str = ""
    """What to look out for, such as a ratio that is declared as per cent."""


class SeriesPlace(Part):
    """Where a dataset's series are in a Prometheus."""

    match: dict[str, str] = Field(default_factory=dict)
    """Labels that all its series have."""
    rows: str = ""
    """The metric field that every row has; without it rows are not counted."""


class RuntimeField(Part):
    """A field that Elasticsearch works out from others as it reads a document (Elasticsearch 9 documentation, runtime fields)."""

    type: Literal["keyword", "long", "double", "date"]
    needs: tuple[str, ...] = Field(min_length=1)
    """Fields of the mapping that the script reads; without one of them the field is not there."""
    any_of: bool = False
    """Whether one of `needs` is enough."""
    script: str
    """Painless."""

    def possible(self, there: Container[str]) -> bool:
        """Whether the fields it is made from are there."""
        return (any if self.any_of else all)(name in there for name in self.needs)


class AliasTable(Part):
    """The names one foreign source uses."""

    source: str
    description: str
    names: dict[str, tuple[ForeignName, ...]]
    """`dataset.field` → the names it goes by, the commonest first."""
    indices: dict[str, str] = Field(default_factory=dict)
    """Dataset → index pattern. In a table of the fleet's own, where it lies; in a shipped one, where it usually lies."""
    series: dict[str, SeriesPlace] = Field(default_factory=dict)
    """Dataset → where it lies in the Prometheus of the settings."""
    runtime: dict[str, dict[str, RuntimeField]] = Field(default_factory=dict)
    """Dataset → field that Elasticsearch works out from the shipper's own ones."""
    unmapped: dict[str, str] = Field(default_factory=dict)
    """Dataset, or `dataset.field` → why nothing was found for it; for people to read."""
