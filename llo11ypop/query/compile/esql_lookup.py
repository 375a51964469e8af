"""Fields of dimensions in ES|QL, where their indices are in lookup mode: LOOKUP JOIN, as of each row's time.

LOOKUP JOIN gives a row for each match and its columns take the place of others of the same name, so every column is first copied
under a name of our own. Of a dimension that changes, the version that was valid then is kept; that each row has one, and only
one, is for the store to see: the rows before and after the joins are counted.
Source: Elasticsearch 9 documentation, ES|QL, LOOKUP JOIN.
"""

from collections.abc import Callable, Iterable

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset, FieldSpec, Relation
from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.duckdb_rows import way
from llo11ypop.query.compile.es_sql_names import Guard, Index
from llo11ypop.query.compile.esql_expr import EsqlColumns, named, source
from llo11ypop.query.compile.sql import Sql, joined


def joinable(catalog: Catalog, dataset: Dataset, names: Iterable[str], in_lookup: Callable[[str], bool]) -> bool:
    """Whether all fields that are not the dataset's own are reached over lookup indices alone, by one key each."""
    for name in names:
        for step in catalog.route(dataset.dataset, name).path:
            lasting = step.between or catalog.datasets[step.to].valid
            if not in_lookup(step.to) or len(step.on) != 1 or (lasting and not dataset.time):
                return False
    return True


class JoinedColumns(EsqlColumns):
    """Reads the fields of one dataset's index, and those that are joined to it."""

    def __init__(self, plain: EsqlColumns, names: Iterable[str], indices: Callable[[str], Index], before: Sql | None) -> None:
        """`before` is the condition on rows before anything is joined. Raises PlanError where an index lacks a field."""
        super().__init__(plain.catalog, plain.dataset, plain.index, plain.engine)
        self.plain, self.indices = plain, indices
        self.changing = False
        """Whether a dimension has versions."""
        self.routes = {n: r for n in sorted(set(names)) if (r := self.catalog.route(plain.dataset.dataset, n)).path}
        self.copies: dict[tuple[tuple[str, ...], str], str] = {}
        """Way of datasets and field → the column that holds it."""
        own = {*names, *(next(iter(r.path[0].on)) for r in self.routes.values())} - set(self.routes)
        self.text = (" | WHERE " + before if before else Sql("")) + self._kept(own) + self._joins()

    def _kept(self, own: set[str]) -> Sql:
        """The dataset's own fields under names that no join takes away."""
        dataset = self.dataset
        known = {dataset.time, dataset.known_at, *(dataset.valid or ()), *(dataset.span or ())}
        known |= {dataset.fields[n].known_at for n in own}
        wanted = sorted(n for n in (own | known) - {""} if n in self.index.columns)
        if any(self.index.columns[n].where for n in wanted):
            raise self.refused("joining to a field that only some documents hold")
        self.copies |= {((), n): f"o{i}" for i, n in enumerate(wanted)}
        return " | EVAL " + joined(Sql(f"{self.copies[(), n]} = {self.plain.column(n)}") for n in wanted)

    def _joins(self) -> Sql:
        steps = {way(r.path[: i + 1]): r.path[i] for r in self.routes.values() for i in range(len(r.path))}
        text = Sql("")
        for reached in sorted(steps, key=lambda ways: (len(ways), ways)):
            text = text + self._join(reached, steps[reached])
        return text

    def _join(self, reached: tuple[str, ...], step: Relation) -> Sql:
        target = EsqlColumns(self.catalog, self.catalog.datasets[step.to], self.indices(step.to), self.engine)
        ((mine, theirs),) = step.on.items()
        key = named(target.foreign(theirs).name)
        text = f" | EVAL {key} = {self._copy(reached[:-1], mine)} | LOOKUP JOIN {source(target.index.pattern)} ON {key}"
        lasting = step.between or target.dataset.valid
        if lasting:
            self.changing = True
            begin, end = (target.column(name) for name in lasting)
            time = self._copy((), self.dataset.time)
            text += f" | WHERE {begin} IS NULL OR ({begin} <= {time} AND ({end} IS NULL OR {time} < {end}))"
        beyond = [r.path for r in self.routes.values() if way(r.path[: len(reached)]) == reached]
        wanted = {r.name for r in self.routes.values() if way(r.path) == reached}
        wanted |= {next(iter(path[len(reached)].on)) for path in beyond if len(path) > len(reached)}
        copies = {n: f"d{len(self.copies) + i}" for i, n in enumerate(sorted(wanted))}
        for name in wanted:
            if target.guarded(name):
                raise self.refused(f"joining '{name}', whose blanks must read as nothing")
        self.copies |= {(reached, n): copy for n, copy in copies.items()}
        return Sql(text) + " | EVAL " + joined(Sql(f"{copies[n]} = ") + target.read(n) for n in sorted(wanted))

    def _copy(self, reached: tuple[str, ...], name: str) -> str:
        if (reached, name) not in self.copies:
            raise PlanError(f"the index '{self.index.pattern}' has no '{name}'")
        return self.copies[reached, name]

    # ---- as Columns --------------------------------------------------------------------------------------------
    def spec(self, name: str) -> FieldSpec:
        """See Columns."""
        return self.routes[name].spec if name in self.routes else super().spec(name)

    def column(self, name: str) -> str:
        """See Columns."""
        if name in self.routes:
            return self._copy(way(self.routes[name].path), self.routes[name].name)
        return self._copy((), name)

    def read(self, name: str) -> Sql:
        """See Columns."""
        return Sql(self.column(name)) if name in self.routes else super().read(name)

    def guarded(self, name: str) -> bool:
        """See Columns."""
        return name not in self.routes and super().guarded(name)

    def guards(self, name: str) -> list[Guard]:
        """See Columns."""
        return [] if name in self.routes else super().guards(name)
