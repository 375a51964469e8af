"""Read `config/catalog/*.yaml` and `config/catalog/aliases/*.yaml`; every mistake is `file:line: what is wrong`."""

from pathlib import Path

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import AliasTable, Dataset
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import Located, load_located, validate


def load_catalog(config_dir: Path, own: Path | None = None) -> Catalog:
    """The catalog below a configuration folder, with the alias tables of the fleet's own folder.

    Raises ConfigError with file and line of the first mistake.
    """
    folder = config_dir / "catalog"
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ConfigError(f"{folder}: no catalog files here", next_step="point --config at a folder that holds catalog/")
    documents = {path: _read(path) for path in files}
    datasets: dict[str, Dataset] = {}
    places: dict[str, Located] = {}
    for path, document in documents.items():
        dataset = validate(Dataset, document)
        if dataset.dataset != path.stem:
            raise document.error(f"dataset '{dataset.dataset}' belongs in {dataset.dataset}.yaml", ("dataset",))
        datasets[dataset.dataset] = dataset
        places[dataset.dataset] = document
    for name, dataset in datasets.items():
        _check_relations(dataset, datasets, places[name])
    aliases = _read_aliases(folder / "aliases", datasets)
    found = _read_aliases(own, datasets) if own else {}
    if own and not found:
        raise ConfigError(f"{own}: no alias tables here", next_step=f"write one with 'llo11ypop catalog discover --write {own}'")
    for name in found.keys() & aliases.keys():
        raise ConfigError(f"{own}/{name}.yaml: '{name}' is a table that is shipped", next_step="give the file another name")
    catalog = Catalog(datasets, aliases | found, tuple(found))
    for name in datasets:
        _check_measures(catalog, name, places[name])
    return catalog


def _read(path: Path) -> Located:
    try:
        return load_located(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as bad:
        raise ConfigError(f"{path}:1: cannot read the file: {bad}") from bad


def _check_relations(dataset: Dataset, datasets: dict[str, Dataset], document: Located) -> None:
    for index, relation in enumerate(dataset.relations):
        place = ("relations", index)
        target = datasets.get(relation.to)
        if target is None:
            raise document.error(f"relation to '{relation.to}', which is not a dataset", place)
        for name in (*relation.on.values(), *(relation.between or ())):
            if name not in target.fields:
                raise document.error(f"relation to '{relation.to}': it has no field '{name}'", place)
        if not set(target.grain) <= set(relation.on.values()):
            message = f"relation to '{relation.to}' could find several rows: join on its grain ({', '.join(target.grain)})"
            raise document.error(message, place)


def _read_aliases(folder: Path, datasets: dict[str, Dataset]) -> dict[str, AliasTable]:
    tables: dict[str, AliasTable] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = _read(path)
        tables[path.stem] = validate(AliasTable, document)
        _check_aliases(tables[path.stem], datasets, document)
    return tables


def _check_aliases(table: AliasTable, datasets: dict[str, Dataset], document: Located) -> None:
    for canonical in table.names:
        home, _, name = canonical.partition(".")
        if home not in datasets or name not in datasets[home].fields:
            raise document.error(f"'{canonical}' is not a dataset.field of the catalog", ("names", canonical))
    for part in ("indices", "series", "runtime"):
        for name in getattr(table, part):
            if name not in datasets:
                raise document.error(f"'{name}' is not a dataset of the catalog", (part, name))


def _check_measures(catalog: Catalog, name: str, document: Located) -> None:
    known = catalog.reachable(name)
    for measure, named in catalog.datasets[name].measures.items():
        for expression in (named.measure.field, named.measure.where):
            unknown = sorted((expression.names() if expression else set()) - set(known))
            if unknown:
                raise document.error(f"measure '{measure}' uses '{unknown[0]}', which is no field here", ("measures", measure))
