"""The catalog: which datasets and fields there are, what else they are called, and how one is reached from another."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from llo11ypop.catalog.models import AliasTable, Dataset, FieldSpec, NamedMeasure, Relation, RuntimeField
from llo11ypop.core.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Route:
    """A field and the relations that lead to it; no relations when it is the dataset's own."""

    dataset: str
    name: str
    spec: FieldSpec
    path: tuple[Relation, ...] = ()


@dataclass(frozen=True)
class Catalog:
    """All datasets by name, and the foreign names of their fields."""

    datasets: Mapping[str, Dataset]
    aliases: Mapping[str, AliasTable] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    """Alias tables that say where this fleet's telemetry lies, as `catalog discover` writes them."""
    _routes: dict[tuple[str, str], Route | None] = field(default_factory=dict, repr=False, compare=False)

    def dataset(self, name: str, *, where: str = "") -> Dataset:
        """The dataset of that name. Raises UnknownNameError with the nearest names."""
        if name not in self.datasets:
            raise UnknownNameError("dataset", name, self.datasets, where=where)
        return self.datasets[name]

    def resolve(self, dataset: str, name: str) -> str:
        """The canonical field for a field name, synonym or foreign name. Raises UnknownNameError with the nearest names."""
        table = self.dataset(dataset)
        if name in table.fields:
            return name
        folded = name.casefold()
        for own, spec in table.fields.items():
            if folded == own.casefold() or folded in {s.casefold() for s in spec.synonyms}:
                return own
        for aliases in self.aliases.values():
            for canonical, foreign in aliases.names.items():
                home, _, own = canonical.partition(".")
                if home == dataset and any(f.name.casefold() == folded for f in foreign):
                    return own
        raise UnknownNameError("field", name, table.fields, where=f"dataset '{dataset}'")

    def runtime(self, dataset: str) -> dict[str, RuntimeField]:
        """Fields that Elasticsearch can work out for a dataset; the fleet's own tables win over shipped ones."""
        found: dict[str, RuntimeField] = {}
        for name in sorted(self.aliases, key=lambda n: n in self.own):
            found |= self.aliases[name].runtime.get(dataset, {})
        return found

    def measure(self, dataset: str, name: str) -> NamedMeasure:
        """A named measure. Raises UnknownNameError with the nearest names."""
        table = self.dataset(dataset)
        if name not in table.measures:
            raise UnknownNameError("measure", name, table.measures, where=f"dataset '{dataset}'")
        return table.measures[name]

    def route(self, dataset: str, name: str, *, where: str = "") -> Route:
        """How a plan over `dataset` reaches a field: its own, or over the fewest relations.

        Raises UnknownNameError with the nearest names of everything that can be reached.
        """
        key = (dataset, name)
        if key not in self._routes:
            self._routes[key] = self._find(dataset, name)
        found = self._routes[key]
        if found is None:
            place = f"{where}: dataset '{dataset}'" if where else f"dataset '{dataset}'"
            raise UnknownNameError("field or dimension", name, self.reachable(dataset), where=place)
        return found

    def reachable(self, dataset: str) -> dict[str, Route]:
        """Every field a plan over `dataset` may name, the nearest one where several have the same name."""
        found: dict[str, Route] = {}
        for home, path in self._walk(dataset):
            for name, spec in self.datasets[home].fields.items():
                found.setdefault(name, Route(home, name, spec, path))
        return found

    def _find(self, dataset: str, name: str) -> Route | None:
        for home, path in self._walk(dataset):
            spec = self.datasets[home].fields.get(name)
            if spec is not None:
                return Route(home, name, spec, path)
        return None

    def _walk(self, dataset: str) -> list[tuple[str, tuple[Relation, ...]]]:
        """Datasets reached over relations, nearest first, each once."""
        order: list[tuple[str, tuple[Relation, ...]]] = []
        todo: deque[tuple[str, tuple[Relation, ...]]] = deque([(dataset, ())])
        seen = {dataset}
        while todo:
            home, path = todo.popleft()
            order.append((home, path))
            for relation in self.datasets[home].relations:
                if relation.to not in seen:
                    seen.add(relation.to)
                    todo.append((relation.to, (*path, relation)))
        return order
