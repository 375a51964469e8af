"""Hand-made telemetry for playbook tests: every dataset of the catalog exists, a test adds the rows that matter."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Area
from llo11ypop.playbooks import PlaybookSet, load_playbooks
from llo11ypop.stores.duckdb import DuckDbStore
from tests.conformance.store_tables import AT, Row, catalog, minutes_ago, write_tables

CONFIG = Path(__file__).parents[3] / "config"
NODES = ("n1", "n2", "n3", "n4")
OPT_IN = tuple(
    f"{name}.{field}"
    for name, dataset in catalog().datasets.items()
    for field, spec in dataset.fields.items()
    if spec.exported == "opt_in"
)


@cache
def book() -> PlaybookSet:
    return load_playbooks(CONFIG, catalog())


def node_of(gpu: str) -> str:
    return gpu.partition("-")[0]


def gpus_of(node: str) -> tuple[str, ...]:
    return tuple(f"{node}-g{i}" for i in range(8))


def ports_of(node: str) -> tuple[str, ...]:
    return tuple(f"{node}/mlx5_{i}" for i in range(4))


def topology() -> Topology:
    """One site, cluster c-a, row w1 with racks k1 (n1, n2, n3) and k2 (n4); two leaf switches; one driver each for k1 and k2."""
    edges = [("cluster:c-a", "site:s1"), ("row:w1", "cluster:c-a"), ("rack:k1", "row:w1"), ("rack:k2", "row:w1")]
    edges += [("switch:sw1", "cluster:c-a"), ("switch:sw2", "cluster:c-a"), ("mount:c-a//scratch", "cluster:c-a")]
    for node in NODES:
        edges += [(f"node:{node}", f"rack:{rack_of(node)}"), (f"node:{node}", f"switch:{switch_of(node)}")]
        edges += [(f"gpu:{g}", f"node:{node}") for g in gpus_of(node)]
        edges += [(f"port:{p}", f"node:{node}") for p in ports_of(node)]
        edges += [(f"port:{p}", f"switch:{switch_of(node)}") for p in ports_of(node)]
    return Topology.of((Entity.parse(child), Entity.parse(parent)) for child, parent in edges)


def rack_of(node: str) -> str:
    return "k2" if node == "n4" else "k1"


def switch_of(node: str) -> str:
    return "sw2" if node == "n4" else "sw1"


def inventory() -> dict[str, list[Row]]:
    nodes = [
        {
            "node_id": n,
            "cluster": "c-a",
            "site": "s1",
            "row": "w1",
            "rack": rack_of(n),
            "leaf_switch": switch_of(n),
            "gpu_count": 8,
            "driver": "550",
            "install_date": 60 * 24 * 400,
            "valid_from": 60 * 24 * 400,
            "valid_to": None,
        }
        for n in NODES
    ]
    racks = [{"rack": k, "row": "w1", "cluster": "c-a", "site": "s1"} for k in ("k1", "k2")]
    return {"inventory_nodes": nodes, "inventory_racks": racks}


def gpu_rows(gpu: str, minutes: Sequence[float], **fields: object) -> list[Row]:
    """Samples of one GPU at some minutes before AT; the defaults are a busy, healthy one."""
    usual = {"gpu_temp_c": 55.0, "power_w": 400.0, "gpu_util_pct": 98.0, "sm_clock_mhz": 1900.0, "pcie_replay_total": 0.0}
    base = {"cluster": "c-a", "node_id": node_of(gpu), "gpu_uuid": gpu, "gpu_index": int(gpu[-1]), "driver": "550"}
    rows: list[Row] = [{"ts": m, **base, **usual, **fields} for m in minutes]
    for number, row in enumerate(rows):  # a sensor is never quite still
        row["power_w"] += number % 3
    return rows


def steps(start: float, end: float = 0, every: float = 5) -> list[float]:
    """Minutes before AT from `start` ago to just before `end` ago, oldest first."""
    found = []
    at = start
    while at > end:
        found.append(at)
        at -= every
    return found


def healthy(hours: float = 3, silent: Sequence[str] = (), nodes: Sequence[str] = NODES) -> list[Row]:
    """Samples of all GPUs but the silent ones."""
    return [r for n in nodes for g in gpus_of(n) if g not in silent for r in gpu_rows(g, steps(60 * hours))]


def findings(
    tables: dict[str, list[Row]], modes: Sequence[str], leave_out: Sequence[str] = (), at: datetime = AT
) -> list[Finding]:
    """What some of the shipped playbooks find in these tables; every other dataset is there and empty."""
    chosen = book().only(modes)
    plans = chosen.plans(tuple(Area), at=at)
    needed = {select.dataset for p in plans.values() for select in p.selects.values()} | {"inventory_nodes", "inventory_racks"}
    needed |= {"inventory_gpus", "inventory_sites", "inventory_clusters", "inventory_switches", "inventory_parts", "slurm_jobs"}
    connection = duckdb.connect(":memory:")
    write_tables(connection, {name: [] for name in sorted(needed)}, tuple(leave_out))
    for name, rows in {**inventory(), **tables}.items():
        _append(connection, name, rows, leave_out)
    try:
        store = DuckDbStore.attach(connection, catalog())
        return chosen.match(tuple(Area), store.run_many_now(plans, at), topology(), at)
    finally:
        connection.close()


def _append(connection: duckdb.DuckDBPyConnection, name: str, rows: list[Row], leave_out: Sequence[str]) -> None:
    """All rows at once: one insert per row would take a second a test."""
    specs = {f: s for f, s in catalog().datasets[name].fields.items() if f"{name}.{f}" not in leave_out}
    columns = [f for f in specs if any(f in row for row in rows)]
    data = {f: [_value(row.get(f), specs[f].type) for row in rows] for f in columns}
    if rows:
        connection.register("new_rows", pa.table(data))
        connection.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM new_rows')  # noqa: S608 - names of the catalog
        connection.unregister("new_rows")


def _value(value: Any, kind: str) -> Any:
    return minutes_ago(value).replace(tzinfo=None) if kind == "timestamp" and value is not None else value


def named(found: Sequence[Finding]) -> set[str]:
    """`MODE entity` of every finding."""
    return {f"{f.playbook} {f.entity}" for f in found}
