"""How well one place fits one dataset: which of its names are fields, and what is wrong with the rest."""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.discovery.holding import FITS, Holding
from llo11ypop.catalog.discovery.nearest import nearest
from llo11ypop.catalog.discovery.units import checked, declared
from llo11ypop.catalog.models import AliasTable, Dataset, ForeignName, RuntimeField

WHERE = frozenset({"cluster", "node_id", "rack", "provider", "site"})
"""Fields that say where something is: every shipper's documents have them, so they tell no dataset from another."""
ENOUGH = 3
"""So many telling fields make a dataset out of an index of any name (our assumption)."""
_KINDS = {"keyword": "string", "long": "number", "double": "number", "date": "timestamp"}


@dataclass(frozen=True)
class Match:
    """One dataset in one place."""

    dataset: str
    holding: Holding
    usual: bool
    """Whether the place is called as the shipper or the catalog calls it."""
    names: Mapping[str, ForeignName] = field(default_factory=dict)
    unmapped: Mapping[str, str] = field(default_factory=dict)
    """Field → why not."""

    @property
    def telling(self) -> int:
        """How many of its fields speak for this very dataset."""
        return sum(name not in WHERE for name in self.names)

    def rank(self) -> tuple[bool, int, int, str]:
        """The better the larger; the same for the same findings."""
        return self.usual, self.telling, len(self.names), self.holding.pattern

    def missing(self, dataset: Dataset) -> list[str]:
        """Fields without which it is not the dataset at all: its time and what names its series."""
        time = () if self.holding.metrics or not dataset.time else (dataset.time,)
        return [name for name in (*time, *dataset.grain) if name not in self.names]

    def holds(self, dataset: Dataset) -> bool:
        """Whether it is the dataset: its time and series are there, and enough that tells it from others."""
        if self.missing(dataset):
            return False
        own = self.telling - (dataset.time in self.names)
        return own >= 1 if self.usual else own >= ENOUGH and own * 3 >= len(set(dataset.fields) - WHERE)


def match(catalog: Catalog, dataset: Dataset, holding: Holding) -> Match:
    """What of a dataset a place holds."""
    tables = _by_hits(catalog, dataset, holding)
    runtime = _runtime(catalog, dataset, holding)
    usual = _usual(tables, dataset, holding)
    names: dict[str, ForeignName] = {}
    unmapped: dict[str, str] = {}
    for name in dataset.fields:
        chosen = _choose(dataset, name, tables, holding, runtime)
        if isinstance(chosen, str):
            unmapped[name] = chosen
        else:
            names[name] = chosen
    return Match(dataset.dataset, holding, usual, names, unmapped)


def _by_hits(catalog: Catalog, dataset: Dataset, holding: Holding) -> list[AliasTable]:
    """Shipped alias tables that name fields of the dataset, the one with the most names here first."""
    scored = []
    for key, table in catalog.aliases.items():
        named = [f for c, names in table.names.items() if c.partition(".")[0] == dataset.dataset for f in names]
        if named and key not in catalog.own:
            scored.append((-sum(spelled(f.name, holding) in holding.columns for f in named), key, table))
    return [table for _, _, table in sorted(scored, key=lambda s: s[:2])]


def _runtime(catalog: Catalog, dataset: Dataset, holding: Holding) -> dict[str, RuntimeField]:
    made = {} if holding.metrics else catalog.runtime(dataset.dataset)
    return {n: one for n, one in made.items() if n not in holding.columns and one.possible(holding.columns)}


def _usual(tables: list[AliasTable], dataset: Dataset, holding: Holding) -> bool:
    pattern = holding.pattern.rpartition(":")[2]
    usual = [p for table in tables for p in table.indices.get(dataset.dataset, "").split(",") if p]
    named = re.search(rf"(^|_){dataset.dataset}(_|$)", re.sub(r"[^a-z0-9]+", "_", pattern.lower()))
    return bool(named) or any(fnmatch.fnmatchcase(pattern, p) for p in usual)


def _candidates(dataset: Dataset, name: str, tables: list[AliasTable], holding: Holding) -> Iterator[ForeignName]:
    for table in tables:
        yield from table.names.get(f"{dataset.dataset}.{name}", ())
    if holding.metrics and dataset.fields[name].numeric:
        yield ForeignName(name=f"{dataset.dataset}_{name}")
    yield ForeignName(name=name)
    if name == dataset.time:
        yield ForeignName(name="@timestamp")


def _choose(
    dataset: Dataset, name: str, tables: list[AliasTable], holding: Holding, runtime: Mapping[str, RuntimeField]
) -> ForeignName | str:
    """The first name with values, else the first that is there; or why there is none."""
    spec = dataset.fields[name]
    wrong = ""
    empty: ForeignName | None = None
    for candidate in _candidates(dataset, name, tables, holding):
        foreign = candidate.model_copy(update={"name": spelled(candidate.name, holding)})
        kind = holding.columns.get(foreign.name) or _kind_of(runtime.get(foreign.name))
        if kind is None or any(label not in holding.columns and label not in runtime for label in foreign.where):
            continue
        if kind not in FITS[spec.type]:
            wrong = wrong or _unfit(foreign.name, spec.type, holding)
            continue
        read = checked(spec, declared(spec, foreign, holding.units.get(foreign.name, "")), holding.values.get(foreign.name, ()))
        if isinstance(read, str):
            wrong = wrong or read
        elif not holding.empty(foreign.name) or foreign.name in runtime:
            return read
        else:
            empty = empty or read
    if empty is not None:
        said = f"no value in the newest {holding.sampled:,} documents"
        return empty.model_copy(update={"note": f"{empty.note}; {said}" if empty.note else said})
    return wrong or _nothing(dataset, name, holding)


def _kind_of(made: RuntimeField | None) -> str | None:
    return None if made is None else _KINDS[made.type]


def _unfit(name: str, wanted: str, holding: Holding) -> str:
    kind, native = holding.columns[name], holding.native.get(name, holding.columns[name])
    if kind == "mixed":
        return f"'{name}' is {native} in different indices; all indices of a pattern need one type"
    if kind == "text":
        return f"'{name}' is {native}, which cannot be compared or grouped: give it a sub-field 'keyword' (type wildcard)"
    article = "an" if wanted[0] in "aeiou" else "a"
    return f"'{name}' is {native}, and {article} {wanted} is needed"


def _nothing(dataset: Dataset, name: str, holding: Holding) -> str:
    near = nearest(name, dataset.fields[name], holding.columns)
    said = f"nothing of that name; nearest: {', '.join(near)}" if near else "nothing like it"
    return f"{said} (many fleets do not export it)" if dataset.fields[name].exported == "opt_in" else said


def spelled(name: str, holding: Holding) -> str:
    """A foreign name as the place keeps it: Prometheus has underscores where OpenTelemetry has dots."""
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name) if holding.metrics else name
