"""What Elasticsearch calls the catalog's datasets and fields, and how a field is read so that no blank passes for a reading.

An index is one dataset. A field is a column of it, perhaps under a foreign name, in another unit, or only in some of its rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import AliasTable, Dataset, FieldSpec, ForeignName, Kind, RuntimeField
from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.duckdb_rows import BLANKS_32, BLANKS_64
from llo11ypop.query.compile.sql import Sql, instant, quoted, value

AT_TIMESTAMP = "@timestamp"
"""What every document of a data stream calls its time (Elasticsearch 9 documentation, data streams)."""


@dataclass(frozen=True)
class Index:
    """Where one dataset lies."""

    pattern: str
    """Index, alias, data stream or pattern; every index it matches has the same mapping."""
    columns: Mapping[str, ForeignName]
    """Field of the catalog → what it is called here."""
    runtime: Mapping[str, RuntimeField] = field(default_factory=dict)
    """Fields that the cluster works out as it reads; every query that names one says how."""
    counters: frozenset[str] = frozenset()
    """Fields that the mapping declares as counters of a time series data stream."""
    dimensions: frozenset[str] = frozenset()
    """Fields that name a time series there."""
    lookup: bool = False
    """Whether it is said to be in lookup mode, so that ES|QL can join it."""


@dataclass(frozen=True)
class Guard:
    """A condition under which a field's value counts, and its opposite, true also where something is missing."""

    holds: Sql
    fails: Sql


def streamed(dataset: Dataset) -> bool:
    """Whether our own loader writes the dataset as a data stream: rows that are never changed and always have a time."""
    return dataset.kind in (Kind.METRIC, Kind.EVENT) and dataset.time == "ts"


def own_index(dataset: Dataset, prefix: str) -> Index:
    """The index that `llo11ypop load` writes: the catalog's names, but `@timestamp` for the time of a data stream."""
    time = dataset.time if streamed(dataset) else ""
    columns = {name: ForeignName(name=AT_TIMESTAMP if name == time else name) for name in dataset.fields}
    return Index(f"{prefix}{dataset.dataset}", columns)


def foreign_index(dataset: Dataset, pattern: str, aliases: AliasTable | None, there: frozenset[str] | None = None) -> Index:
    """An index of another shipper's names; of several names for a field the first that the mapping has.

    Without an alias table, or where the table is silent, a field goes by the catalog's name. `there` holds the names of the
    live mapping; None when it is not known.
    """
    columns: dict[str, ForeignName] = {}
    for name in dataset.fields:
        named = aliases.names.get(f"{dataset.dataset}.{name}", ()) if aliases else ()
        candidates = [*named, ForeignName(name=name)]
        if name == dataset.time:
            candidates.append(ForeignName(name=AT_TIMESTAMP))
        known = [c for c in candidates if there is None or c.name in there]
        if known:
            columns[name] = known[0]
    return Index(pattern, columns)


class Columns:
    """Reads the fields of one dataset's index."""

    same, unlike = "=", "<>"

    def __init__(self, catalog: Catalog, dataset: Dataset, index: Index, engine: str = "Elasticsearch SQL") -> None:
        self.catalog = catalog
        self.dataset = dataset
        self.index = index
        self.engine = engine
        self.others: Callable[[str], Index] = lambda name: Index(name, {})
        """Where other datasets lie."""

    def in_lookup(self, dataset: str) -> bool:
        """Whether another dataset's index is in lookup mode."""
        try:
            return self.others(dataset).lookup
        except KeyError:
            return False

    def refused(self, what: str) -> PlanError:
        """The error for what the engine cannot say."""
        return PlanError(f"{self.engine} cannot say it: {what}")

    def spec(self, name: str) -> FieldSpec:
        """The field. Raises PlanError for one of another dataset: a query has one source."""
        if name not in self.dataset.fields:
            home = self.catalog.route(self.dataset.dataset, name).dataset
            raise PlanError(
                f"'{name}' belongs to '{home}', and {self.engine} joins no two indices (it has only one source per query)",
                next_step="keep the two selects apart and join their results",
            )
        return self.dataset.fields[name]

    def foreign(self, name: str) -> ForeignName:
        """What the index calls a field. Raises PlanError where it does not have it."""
        self.spec(name)
        if name not in self.index.columns:
            raise PlanError(f"the index '{self.index.pattern}' has no '{name}'")
        return self.index.columns[name]

    def column(self, name: str) -> str:
        """The column as it is stored. Raises PlanError where the index does not have it."""
        return self.named(self.foreign(name).name)

    def named(self, name: str) -> str:
        """A field of the index in query text."""
        return quoted(name)

    def ago(self, span: timedelta = timedelta(0)) -> Sql:
        """The instant of the run less a span, as the engine compares it."""
        return self.moment(instant(span))

    def moment(self, text: Sql) -> Sql:
        """A parameter that is an instant."""
        return "CAST(" + text + " AS DATETIME)"

    def guarded(self, name: str) -> bool:
        """Whether a value that is stored may be no reading of this field."""
        spec, blanks = self.spec(name), self.dataset.blanks == "dcgm"
        found = spec.valid is not None or spec.absent or spec.known_at or self.foreign(name).where
        return bool(found) or (blanks and spec.numeric)

    def read(self, name: str) -> Sql:
        """The column in the catalog's unit."""
        text = self.column(name)
        foreign = self.index.columns[name]
        if foreign.factor != 1.0:
            text = f"({text} * {foreign.factor!r})"
        return Sql(f"({text} + {foreign.offset!r})" if foreign.offset else text)

    def bare(self, name: str) -> bool:
        """Whether the column is read as it is stored."""
        self.column(name)
        foreign = self.index.columns[name]
        return foreign.factor == 1.0 and not foreign.offset

    def guards(self, name: str) -> list[Guard]:
        """When the column holds a reading of this field that was known at the instant."""
        spec, text = self.spec(name), self.read(name).text
        found = [self._label(self.named(label), wanted) for label, wanted in self.index.columns[name].where.items()]
        absent = list(spec.absent)
        if spec.valid is not None:
            low, high = spec.valid
            found.append(_between(text, low, high))
            absent = [v for v in absent if low <= v <= high]
        elif self.dataset.blanks == "dcgm" and spec.type == "float":
            listed = ", ".join(f"{float(b)!r}" for b in (*BLANKS_32, 2.0**31))
            found += [_one(f"{text} < 9.2E18", f"{text} >= 9.2E18", text), _not_in(text, listed)]
        elif self.dataset.blanks == "dcgm" and spec.type == "integer":
            low32, high32 = BLANKS_32[0], BLANKS_32[-1]
            outside = Guard(
                Sql(f"({text} < {low32} OR {text} > {high32})"),
                Sql(f"(({text} >= {low32} AND {text} <= {high32}) OR {text} IS NULL)"),
            )
            found += [_one(f"{text} < {BLANKS_64[0]}", f"{text} >= {BLANKS_64[0]}", text), outside]
        if absent:
            found.append(_not_in(text, ", ".join(repr(v) for v in absent)))
        if spec.known_at:
            known = self.column(spec.known_at)
            found.append(Guard(f"{known} <= " + self.ago(), f"({known} > " + self.ago() + f" OR {known} IS NULL)"))
        return found

    def _label(self, text: str, wanted: str) -> Guard:
        fails = f"({text} {self.unlike} " + value(wanted) + f" OR {text} IS NULL)"
        return Guard(f"{text} {self.same} " + value(wanted), fails)


def _one(holds: str, fails: str, text: str) -> Guard:
    return Guard(Sql(holds), Sql(f"({fails} OR {text} IS NULL)"))


def _between(text: str, low: float, high: float) -> Guard:
    holds = f"({text} >= {low!r} AND {text} <= {high!r})"
    return _one(holds, f"{text} < {low!r} OR {text} > {high!r}", text)


def _not_in(text: str, listed: str) -> Guard:
    return _one(f"({text} NOT IN ({listed}) AND {text} IS NOT NULL)", f"{text} IN ({listed})", text)
