"""A small fleet in both stores: as rows in DuckDB and, under dcgm-exporter's names, as series in Prometheus."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import duckdb

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.access import Access
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.prometheus import Place, PrometheusStore
from tests.conformance.store_tables import Row, catalog, minutes_ago, store_of
from tests.prometheus_server import Sample

ALIASES = catalog().aliases["dcgm_exporter"].names
BLANK = float(0x7FFFFFFFFFFFFFF0)
MODEL = "NVIDIA H100 80GB HBM3"
PLACES = {"gpu_metrics": Place(aliases="dcgm_exporter", match={"job": "dcgm"}, rows="power_w")}


def rows() -> list[Row]:
    """Six GPUs, six hours at five minutes: a dead sensor, a sensor that fails at times, resets, a gap and a driver update."""
    return list(_rows())


def _rows() -> Iterator[Row]:
    for g in range(6):
        for i in range(-1, 73):
            if g == 2 and 10 <= i < 22:
                continue
            yield {
                "ts": 5 * i,
                "cluster": f"c{g // 4}",
                "node_id": f"n{g // 2}",
                "gpu_uuid": f"GPU-{g}",
                "gpu_index": g % 2,
                "gpu_model": MODEL,
                "driver": "570.1" if g == 3 and i < 20 else "550.2",
                "gpu_temp_c": 0.0 if g == 5 else 40.0 + (i * 13 + g * 7) % 50,
                "mem_temp_c": 0.0 if g == 3 and i % 9 == 4 else 50.0 + (i * 11 + g) % 40,
                "power_w": 100.5 + (i * 31 + g * 17) % 300,
                "energy_mj_total": BLANK if g == 0 else 1e9 + (72 - i) * 1000.0 * (g + 1),
                "pcie_replay_total": float((72 - i) % 17) if g == 1 else float((72 - i) * g),
                "xid_last": 79 if g == 4 and i < 6 else 0,
                "gpu_util_pct": None if g == 4 and i > 30 else float((i * 7 + g) % 101),
            }


def samples() -> list[Sample]:
    """The same rows as series."""
    labels = {"cluster": "cluster", "node_id": "Hostname", "gpu_uuid": "UUID", "gpu_index": "gpu", "gpu_model": "modelName"}
    labels["driver"] = "DCGM_FI_DRIVER_VERSION"
    found: list[Sample] = []
    for row in rows():
        own = {label: str(row[name]) for name, label in labels.items()} | {"job": "dcgm"}
        for name, value in row.items():
            if name not in labels and name != "ts" and value is not None:
                metric = ALIASES[f"gpu_metrics.{name}"][0].name
                found.append((metric, own, minutes_ago(row["ts"]).timestamp(), float(value)))
    strange = {"job": "other", "UUID": "GPU-x", "Hostname": "elsewhere"}
    found.append(("DCGM_FI_DEV_POWER_USAGE", strange, minutes_ago(7).timestamp(), 1.0))
    return found


def duckdb_store() -> DuckDbStore:
    """The rows in DuckDB."""
    return store_of({"gpu_metrics": rows()})


def prometheus_store(url: str, **more: Any) -> PrometheusStore:
    """The rows behind an address."""
    return PrometheusStore(Access(url, **more), catalog(), PLACES)


SLOTS = frozenset({"gpu_index"})
"""Numbers that name something, and are labels."""


def places(connection: duckdb.DuckDBPyConnection, catalog: Catalog, datasets: frozenset[str]) -> dict[str, Place]:
    """Where whole datasets lie after `exported`, with the first number that every row has; without one rows are not counted."""
    return {name: Place(rows=next(_always_there(connection, catalog, name), "")) for name in sorted(datasets)}


def _always_there(connection: duckdb.DuckDBPyConnection, catalog: Catalog, name: str) -> Iterator[str]:
    columns = {row[0] for row in connection.execute(f'DESCRIBE "{name}"').fetchall()}
    for field, spec in catalog.datasets[name].fields.items():
        if spec.numeric and field in columns - SLOTS:
            missing = f'SELECT count(*) FROM "{name}" WHERE "{field}" IS NULL OR isnan("{field}"::DOUBLE)'  # noqa: S608 - see above
            if connection.execute(missing).fetchone() == (0,):
                yield field


def exported(connection: duckdb.DuckDBPyConnection, catalog: Catalog, datasets: frozenset[str]) -> list[Sample]:
    """Whole datasets of a fleet's database as series, under the catalog's own names."""
    found: list[Sample] = []
    for name in sorted(datasets):
        dataset = catalog.datasets[name]
        there = connection.execute(f'SELECT * FROM "{name}"').to_arrow_table().to_pylist()  # noqa: S608 - a name of the catalog
        for row in there:
            stamp = row[dataset.time].replace(tzinfo=UTC).timestamp()
            labels = {
                n: str(row[n]) for n, spec in dataset.fields.items() if row.get(n) and (spec.type == "string" or n in SLOTS)
            }
            labels |= {n: str(row[n]) for n in SLOTS if row.get(n) is not None}
            for field, spec in dataset.fields.items():
                value = row.get(field)
                if spec.numeric and field not in SLOTS and value is not None and value == value:  # noqa: PLR0124 - no NaN
                    found.append((f"{name}_{field}", labels, stamp, float(value)))
    return found
