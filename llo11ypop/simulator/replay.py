"""A recorded fault trace as a fleet the loop can read: a DuckDB database with the catalog's tables.

What happens once (log lines, state changes, planned work) is written for the whole trace at the start. Regular
telemetry is written for the hours before the instant the loop is about to look from, and dropped behind it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from llo11ypop.catalog import Catalog
from llo11ypop.simulator.replay_beats import STEPS, Beats
from llo11ypop.simulator.replay_fleet import ReplayFleet, inventory
from llo11ypop.simulator.replay_signs import Row, Shown, event_rows, shown
from llo11ypop.simulator.trace_format import Trace

LOOK_BACK = timedelta(minutes=90)
"""How much regular telemetry lies before the instant of a cycle: more than any signal needs to see a change."""
DATASETS = (
    "fleet_meta", "inventory_sites", "inventory_clusters", "inventory_racks", "inventory_nodes", "inventory_gpus",
    "inventory_links", "inventory_switches", "gpu_metrics", "gpu_events", "node_hw", "fabric_ports", "slurm_nodes",
    "k8s_node_conditions", "k8s_events", "health_checks", "syslog", "maintenance_windows",
)  # fmt: skip
"""What a replayed fleet exports; everything else is 'not exported here'."""
BEATS_ONLY = ("gpu_metrics", "node_hw", "fabric_ports")
"""Tables that hold regular telemetry and nothing else."""
_TYPES = {"timestamp": "TIMESTAMP", "integer": "BIGINT", "float": "DOUBLE", "string": "VARCHAR"}
_LONG_AGO = timedelta(days=365)


class ReplayedFleet:
    """The database of a replay. `advance` moves the regular telemetry to the instant of the next cycle."""

    def __init__(self, trace: Trace, catalog: Catalog, nodes: int, path: Path | None = None) -> None:
        self.trace = trace
        self.faults: tuple[Shown, ...] = shown(trace)
        self.fleet = ReplayFleet.of((f.node_id for f in trace.faults), nodes)
        self.end_at = trace.origin + timedelta(days=trace.end_day)
        self.connection = duckdb.connect(str(path) if path else ":memory:")
        self.connection.execute("SET threads = 1")
        self._beats = Beats(self.fleet, self.faults)
        self._written: dict[str, datetime] = {}
        self._catalog = catalog
        for name in DATASETS:
            self.connection.execute(_ddl(catalog, name))
        self._write_static()

    def advance(self, at: datetime) -> None:
        """Make regular telemetry exist for the hours before `at`. Instants must not go backwards."""
        for dataset, step in STEPS.items():
            start = at - max(LOOK_BACK, 2 * step)
            last = self._written.get(dataset)
            if last is None or last < start:
                self._empty(dataset)
            else:
                self._drop(dataset, start)
                start = last
            table = self._beats.table(dataset, start, at)
            if table is not None:
                self._insert(dataset, table)
            self._written[dataset] = max(at, start)

    def close(self) -> None:
        """Release the database."""
        self.connection.close()

    def _empty(self, dataset: str) -> None:
        """A new table instead of deleted rows: those would still be scanned."""
        if dataset in BEATS_ONLY:
            self.connection.execute(_ddl(self._catalog, dataset))

    def _drop(self, dataset: str, before: datetime) -> None:
        if dataset in BEATS_ONLY:
            self.connection.execute(f"DELETE FROM {dataset} WHERE ts < ?", [before.replace(tzinfo=None)])  # noqa: S608 - one of three constants

    def _insert(self, dataset: str, table: pa.Table) -> None:
        self.connection.register("_rows", table)
        self.connection.execute(f"INSERT INTO {dataset} BY NAME SELECT * FROM _rows")  # noqa: S608 - a catalog name
        self.connection.unregister("_rows")

    def _write_static(self) -> None:
        installed = (self.trace.origin - _LONG_AGO).replace(tzinfo=None)
        for dataset, rows in inventory(self.fleet).items():
            dated = dataset in ("inventory_nodes", "inventory_gpus")
            self._insert(dataset, pa.Table.from_pylist([{**r, "valid_from": installed} if dated else r for r in rows]))
        meta = {"simulated": "trace", "profile": "full", "start": str(self.trace.origin), "end": str(self.end_at)}
        self._insert("fleet_meta", pa.Table.from_pylist([{"key": k, "value": v} for k, v in meta.items()]))
        for dataset, rows in _by_dataset(list(event_rows(self.faults, self.fleet, self.end_at))).items():
            self._insert(dataset, pa.Table.from_pylist(rows))


def _by_dataset(rows: Sequence[Row]) -> dict[str, list[dict[str, object]]]:
    out: dict[str, list[dict[str, object]]] = {}
    for dataset, row in rows:
        out.setdefault(dataset, []).append({name: _naive(value) for name, value in row.items()})
    for members in out.values():
        members.sort(key=lambda r: str(r.get("ts") or r.get("start_at")))
    return out


def _naive(value: object) -> object:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _ddl(catalog: Catalog, name: str) -> str:
    columns = ", ".join(f'"{f}" {_TYPES[spec.type]}' for f, spec in catalog.dataset(name).fields.items())
    return f'CREATE OR REPLACE TABLE "{name}" ({columns})'
