# ruff: noqa: S608 - synthetic tables of our own
"""What one cycle costs on a large fleet: against the raw scans it needs, and how it grows with GPUs and goals.

    python benchmarks/cycle.py [--gpus 10000] [--small 1000]

The fleet: a simulated one in events-only mode (inventory, jobs, logs, node states, two days), with 24 h of
`gpu_metrics` and `fabric_ports` at one minute written beside it. The raw scan of a dataset reads, once, every
column and the longest window that the cycle's plans ask of it, grouped by the dataset's grain, written by hand.
Prints medians of three cycles after a first one.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.goal import Goal
from llo11ypop.learning.policy import RulePolicy
from llo11ypop.ledger import SqlLedger
from llo11ypop.ooda.cycle import Cycle
from llo11ypop.ooda.deps import Deps
from llo11ypop.playbooks import load_goals, load_playbooks
from llo11ypop.query.plan import Plan
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import DEFAULT_START, SimulationSpec
from llo11ypop.simulator.writer import write_fleet
from llo11ypop.stores.duckdb import DuckDbStore

CONFIG = Path(__file__).parent.parent / "config"
AT = DEFAULT_START + timedelta(days=2)
ROUNDS = 3
QUIET = {
    "gpu_temp_c": "45 + hash(e.rowid, s.i) % 25",
    "mem_temp_c": "50 + hash(s.i, e.rowid) % 25",
    "power_w": "300 + hash(e.rowid, s.i, 1) % 300",
    "gpu_util_pct": "90 + hash(e.rowid, s.i, 2) % 10",
    "sm_clock_mhz": "1900 + hash(e.rowid, s.i, 3) % 60",
    "pcie_link_width": "16",
    "pcie_link_gen": "5",
    "rate_gbps": "400",
    "pcie_width": "16",
    "energy_mj_total": "s.i * 1000.0",
    "port_state": "'ACTIVE'",
    "physical_state": "'LinkUp'",
    "gid": "'fe80::1'",
    "link_layer": "'ib'",
    "module_temp_c": "45",
    "driver": "'570.86'",
    "xmit_wait_total": "s.i * 10.0 + hash(e.rowid) % 5",
    "xmit_bytes_total": "s.i * 1e9",
    "rcv_bytes_total": "s.i * 1e9",
}
"""Columns of a healthy fleet; whatever is not listed is zero."""
TYPES = {"timestamp": "TIMESTAMP", "integer": "INTEGER", "float": "FLOAT", "string": "VARCHAR"}


def write_metrics(con: duckdb.DuckDBPyConnection, catalog: Catalog, dataset: str, entities: str, minutes: int) -> int:
    """A dataset at one minute for every row of `entities`, sorted by time; the number of rows."""
    known = {c[0] for c in con.execute(f"DESCRIBE {entities}").fetchall()}
    columns = []
    for name, field in catalog.datasets[dataset].fields.items():
        value = f"e.{name}" if name in known else QUIET.get(name, "''" if field.type == "string" else "0")
        if field.type == "timestamp":
            value = f"TIMESTAMP '{AT:%Y-%m-%d}' - INTERVAL {minutes} MINUTE + INTERVAL (s.i) MINUTE"
        columns.append(f"CAST({value} AS {TYPES[field.type]}) AS {name}")
    con.execute(f"DROP TABLE IF EXISTS {dataset}")
    con.execute(
        f"CREATE TABLE {dataset} AS SELECT {', '.join(columns)} FROM range({minutes}) s(i), {entities} e ORDER BY s.i, e.rowid"
    )
    return int(con.execute(f"SELECT count(*) FROM {dataset}").fetchall()[0][0])


def write_large(path: Path, catalog: Catalog, gpus: int) -> int:
    """The fleet file; rows of gpu_metrics."""
    world, _ = simulate(SimulationSpec(seed=1, gpus=gpus, days=2, events_only=True, acceleration=1.0))
    write_fleet(world, path)
    with duckdb.connect(str(path)) as con:
        con.execute(
            "CREATE TEMP TABLE gpus AS SELECT g.gpu_uuid, g.slot AS gpu_index, g.gpu_model, n.node_id, n.cluster "
            "FROM inventory_gpus g JOIN inventory_nodes n USING (node_id) WHERE g.valid_to IS NULL AND n.valid_to IS NULL"
        )
        con.execute("CREATE TEMP TABLE ports AS SELECT port_id, node_id, switch_id, cluster FROM inventory_links")
        write_metrics(con, catalog, "fabric_ports", "ports", 24 * 60)
        return write_metrics(con, catalog, "gpu_metrics", "gpus", 24 * 60)


def raw_scans_s(path: Path, catalog: Catalog, evidence: Sequence[Evidence]) -> float:
    """Seconds for one hand-written scan per dataset over what the cycle read of it."""
    need: dict[str, tuple[set[str], timedelta]] = {}
    for one in evidence:
        for select in Plan.model_validate(one.plan).selects.values():
            text = select.model_dump_json()
            fields = {f for f in catalog.datasets[select.dataset].fields if f in text}
            known, span = need.get(select.dataset, (set(), timedelta(0)))
            need[select.dataset] = (known | fields, max(span, select.window.start if select.window else timedelta(0)))
    total = 0.0
    with duckdb.connect(str(path), read_only=True) as con:
        there = {row[0] for row in con.execute("SELECT table_name FROM information_schema.tables").fetchall()}
        for dataset, (fields, span) in sorted(need.items()):
            if dataset in there:
                total += raw_scan_s(con, catalog, dataset, fields, span)
    return total


def raw_scan_s(con: duckdb.DuckDBPyConnection, catalog: Catalog, dataset: str, fields: set[str], span: timedelta) -> float:
    """Seconds for one grouped scan; minimum and maximum of every column, as a person would look for the odd one out."""
    spec = catalog.datasets[dataset]
    there = {row[0] for row in con.execute(f"DESCRIBE {dataset}").fetchall()}
    keys = [k for k in spec.grain if k in there] or [k for k in ("node_id", "cluster") if k in there][:1]
    read = ", ".join(f"min({f}), max({f})" for f in sorted(fields & there - set(keys))) or "count(*)"
    where = f"WHERE {spec.time} >= TIMESTAMP '{AT - span:%Y-%m-%d %H:%M:%S}'" if spec.time else ""
    by = f"GROUP BY {', '.join(keys)}" if keys else ""
    started = time.perf_counter()
    con.execute(f"SELECT {', '.join([*keys, read])} FROM {dataset} {where} {by}").fetchall()
    return time.perf_counter() - started


async def cycles(path: Path, catalog: Catalog, goals: tuple[Goal, ...]) -> tuple[float, int, list[Evidence]]:
    """(median seconds, queries, evidence) of a cycle that measures every goal and tests every playbook."""
    store = DuckDbStore.open(path, catalog)
    took, queries, evidence = [], 0, list[Evidence]()
    for _ in range(ROUNDS + 1):
        ledger = SqlLedger.in_memory()
        deps = Deps(catalog, store, load_playbooks(CONFIG, catalog), goals, ledger, RulePolicy())
        report = await Cycle(deps).run(AT)
        took.append(report.duration_s)
        queries = report.queries
        evidence = list(deps.memory.scratch.values())
        await ledger.close()
    store.close()
    return statistics.median(took[1:]), queries, evidence


def many(goals: tuple[Goal, ...], count: int) -> tuple[Goal, ...]:
    """`count` goals: the shipped ones, and copies of them under other names."""
    return tuple(replace(goals[n % len(goals)], id=f"{goals[n % len(goals)].id}_{n}") for n in range(count))


def peak_gb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024


def report(label: str, path: Path, catalog: Catalog, goals: tuple[Goal, ...]) -> None:
    """Print one line."""
    took_s, queries, evidence = asyncio.run(cycles(path, catalog, goals))
    raw_s = statistics.median(raw_scans_s(path, catalog, evidence) for _ in range(ROUNDS))
    cost = f"cycle {took_s:6.2f} s  raw scans {raw_s:6.2f} s  ratio {took_s / raw_s:5.2f}"
    print(f"{label:34} {cost}  queries {queries:4d}  peak {peak_gb():.1f} GB")


def main() -> None:
    """Build the fleets, run the cycles, print a line each."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    ask.add_argument("--gpus", type=int, default=10000)
    ask.add_argument("--small", type=int, default=1000)
    chosen = ask.parse_args()
    catalog = load_catalog(CONFIG)
    goals = load_goals(CONFIG, catalog)
    with tempfile.TemporaryDirectory() as folder:
        for gpus in (chosen.small, chosen.gpus):
            path = Path(folder, f"{gpus}.duckdb")
            rows = write_large(path, catalog, gpus)
            print(f"{gpus:,} GPUs x 24 h at one minute: {rows:,} rows of gpu_metrics")
            report(f"{gpus:,} GPUs, {len(goals)} goals", path, catalog, goals)
            report(f"{gpus:,} GPUs, 10 goals", path, catalog, many(goals, 10))
            report(f"{gpus:,} GPUs, 40 goals", path, catalog, many(goals, 40))
            report(f"{gpus:,} GPUs, no goal due", path, catalog, ())


if __name__ == "__main__":
    main()
