"""A world into one DuckDB file: a table per dataset with the catalog's columns, all or nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset
from llo11ypop.core.errors import StoreError
from llo11ypop.simulator.tables import ALL, exported_fields, sql_type, tables
from llo11ypop.simulator.world import World


def packaged_catalog() -> Catalog:
    """The catalog that travels with the program."""
    from llo11ypop.catalog.loading import load_catalog
    from llo11ypop.settings import packaged_config

    return load_catalog(packaged_config())


def write_fleet(world: World, path: Path, *, catalog: Catalog | None = None) -> dict[str, int]:
    """Write a finished world; returns rows per table. The file appears complete or not at all.

    Raises StoreError with one line when the folder is missing, not writable or full; a retry helps only after
    that is put right.
    """
    known = catalog or packaged_catalog()
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    with _plain_errors(path):
        try:
            with duckdb.connect(str(partial)) as connection:
                create_tables(connection, known, world.profile)
                counts = {name: insert(connection, world, dataset) for name, dataset in _present(known, world.profile)}
                connection.execute("CHECKPOINT")
            partial.replace(path)
        finally:
            for left in (partial, partial.with_name(partial.name + ".wal")):
                left.unlink(missing_ok=True)
    return counts


def check_target(path: Path) -> None:
    """Refuse a path that cannot be written, before any work. Raises StoreError."""
    if not path.parent.is_dir():
        raise StoreError(f"{path}: the folder {path.parent} does not exist", next_step="create it or give another --out")
    if path.is_dir():
        raise StoreError(f"{path} is a folder", next_step="give a file name, for example --out fleet.duckdb")
    if not os.access(path.parent, os.W_OK):
        raise StoreError(f"{path}: the folder is not writable", next_step="give another --out")


def _present(catalog: Catalog, profile: str) -> Iterator[tuple[str, Dataset]]:
    """Datasets this profile exports, by name."""
    for name in sorted(catalog.datasets):
        if exported_fields(catalog.datasets[name], profile):
            yield name, catalog.datasets[name]


def create_tables(connection: duckdb.DuckDBPyConnection, catalog: Catalog, profile: str) -> None:
    """Create every table that is not there yet; empty tables are created too."""
    for name, dataset in _present(catalog, profile):
        columns = ", ".join(f'"{c}" {sql_type(dataset, f)}' for c, f in exported_fields(dataset, profile).items())
        connection.execute(f'CREATE TABLE IF NOT EXISTS "{name}" ({columns})')


def insert(connection: duckdb.DuckDBPyConnection, world: World, dataset: Dataset, span: tuple[float, float] = ALL) -> int:
    """Append the rows of one dataset whose time lies in the span; returns how many."""
    count = 0
    for table in tables(world, dataset, span):
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        connection.register("arrow_chunk", table)
        try:
            connection.execute(f'INSERT INTO "{dataset.dataset}" ({columns}) SELECT {columns} FROM arrow_chunk')  # noqa: S608
        finally:
            connection.unregister("arrow_chunk")
        count += table.num_rows
    return count


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """Problems of disk and path as one line with what to do."""
    check_target(path)
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException) as bad:
        text = " ".join(str(bad).split())
        full = "No space left" in text or "disk full" in text.lower()
        advice = (
            "free space or give another --out" if full else "check that the folder is writable and the file is not open elsewhere"
        )
        raise StoreError(f"{path}: could not be written: {text[:200]}", next_step=advice) from bad
