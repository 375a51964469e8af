# ruff: noqa: S608 - synthetic tables of our own
"""What the query layer costs: fused scans against a hand-written one, and a loop's worth of plans on a small fleet.

    python benchmarks/query.py [--gpus 10000] [--hours 24]

Writes synthetic tables to a temporary folder; prints one line per measurement.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.query.plan import Plan
from llo11ypop.stores.duckdb import DuckDbStore

AT = datetime(2026, 5, 2, tzinfo=UTC)
CONFIG = Path(__file__).parent.parent / "config"


def write_gpu_metrics(path: Path, catalog: Catalog, *, gpus: int, step_s: int, hours: float) -> None:
    """A time-sorted gpu_metrics table with quiet values, a few moving counters, and the inventory of its nodes."""
    steps = int(hours * 3600 / step_s)
    values = {
        "ts": f"TIMESTAMP '{AT:%Y-%m-%d}' - INTERVAL {int(hours * 3600)} SECOND + INTERVAL (i * {step_s}) SECOND",
        "cluster": "'c-' || (g // 2048)", "node_id": "'gpu-a-' || lpad(CAST(g // 8 AS VARCHAR), 5, '0')",
        "gpu_uuid": "'GPU-' || substr(md5(CAST(g AS VARCHAR)), 1, 32)", "gpu_index": "g % 8", "gpu_model": "'H100'",
        "driver": "'570.86'", "gpu_temp_c": "40 + hash(g, i) % 30 + g % 5", "mem_temp_c": "45 + hash(i, g) % 30",
        "power_w": "100 + hash(g, i, 1) % 500", "gpu_util_pct": "hash(g, i, 2) % 101",
        "pcie_replay_total": "CASE WHEN g % 500 = 3 THEN (i * 3) % 1000 ELSE 12 END",
        "remap_uncorrectable_total": "0", "xid_last": "0", "remap_failed": "0",
        "energy_mj_total": "i * 1000.0 * (g % 7 + 1)",
    }  # fmt: skip
    types = {"timestamp": "TIMESTAMP", "integer": "INTEGER", "float": "FLOAT", "string": "VARCHAR"}
    dataset = catalog.datasets["gpu_metrics"]
    columns = [
        f"CAST({values.get(name, '0.5' if f.type == 'float' else '0')} AS {types[f.type]}) AS {name}"
        for name, f in dataset.fields.items()
        if f.exported == "always"
    ]
    with duckdb.connect(str(path)) as con:
        con.execute("SET preserve_insertion_order = true")
        con.execute(
            f"CREATE TABLE gpu_metrics AS SELECT {', '.join(columns)} FROM range({steps}) s(i), range({gpus}) t(g) ORDER BY i, g"
        )
        con.execute(
            "CREATE TABLE inventory_nodes AS SELECT DISTINCT node_id, 'rack-' || (CAST(right(node_id, 5) AS INT) // 4) AS rack,"
            " cluster, 's1' AS site, TIMESTAMP '2020-01-01' AS valid_from, CAST(NULL AS TIMESTAMP) AS valid_to FROM gpu_metrics"
            f" WHERE ts >= TIMESTAMP '{AT:%Y-%m-%d}' - INTERVAL 1 HOUR"
        )


def measure(**parts: Any) -> dict[str, Any]:
    return parts


def fused_plans() -> dict[str, Plan]:
    """Eight questions about the same day, each with filters, thresholds or windows of its own."""
    day = {"dataset": "gpu_metrics", "window": "24h", "by": ["gpu_uuid"]}
    return {
        name: Plan.model_validate({**day, **more})
        for name, more in {
            "hot": {"measures": {"t": measure(agg="max", field="gpu_temp_c")}, "having": "t >= 77"},
            "hbm": {"measures": {"t": measure(agg="max", field="mem_temp_c")}, "having": "t > 95"},
            "power": {"measures": {"p": measure(agg="avg", field="power_w"), "n": measure(agg="count")}},
            "hot_now": {"measures": {"t": measure(agg="avg", field="gpu_temp_c", over="1h")}, "having": "t > 80"},
            "idle": {"measures": {"n": measure(agg="count", where="gpu_util_pct < 5")}, "having": "n > 1000"},
            "remap": {"measures": {"x": measure(agg="max", field="remap_failed")}, "having": "x = 1"},
            "xid": {"measures": {"x": measure(agg="max", field="xid_last")}, "having": "x > 0"},
            "cool": {"measures": {"t": measure(agg="min", field="gpu_temp_c")}, "having": "t < 10"},
        }.items()
    }


RAW = (
    "SELECT gpu_uuid, max(gpu_temp_c), max(mem_temp_c), avg(power_w), count(*), avg(gpu_temp_c), min(gpu_util_pct),"
    " max(remap_failed), max(xid_last), min(gpu_temp_c) FROM gpu_metrics WHERE ts >= ? AND ts < ? GROUP BY gpu_uuid"
)


def loop_plans() -> dict[str, Plan]:
    """Forty plans as playbooks ask them: several windows and keys, half with combining steps behind them."""
    plans: dict[str, Plan] = {}
    fields = ("gpu_temp_c", "mem_temp_c", "power_w", "gpu_util_pct", "sm_clock_mhz")
    for i, field in enumerate(fields):
        for window in ("1h", "6h", "24h"):
            select = {"dataset": "gpu_metrics", "window": window, "by": ["gpu_uuid", "node_id"],
                      "measures": {"v": measure(agg="avg", field=field), "n": measure(agg="count")}}  # fmt: skip
            plans[f"{field}.{window}"] = Plan.model_validate({**select, "having": "v > 60"})
            steps = {"rows": select, "odd": {"op": "derive", "source": "rows", "columns": {"d": "v - median_of(v, node_id)"}},
                     "far": {"op": "filter", "source": "odd", "where": f"d > {i + 1}"}}  # fmt: skip
            plans[f"{field}.{window}.odd"] = Plan.model_validate({"steps": steps})
    for window in ("1h", "24h"):
        for key in ("node_id", "rack"):
            base = {"dataset": "gpu_metrics", "window": window, "by": [key]}
            plans[f"hot.{key}.{window}"] = Plan.model_validate(
                {
                    **base,
                    "measures": {"n": measure(agg="count_distinct", field="gpu_uuid", where="gpu_temp_c > 70")},
                    "having": "n > 2",
                }
            )
    for counter in ("pcie_replay_total", "remap_uncorrectable_total"):
        for window in ("1h", "6h", "24h"):
            base = {"dataset": "gpu_metrics", "window": window, "by": ["gpu_uuid"]}
            plans[f"{counter}.{window}"] = Plan.model_validate(
                {**base, "measures": {"r": measure(agg="increase", field=counter)}, "having": "r > 0"}
            )
    return plans


def best_ms(call: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """(fastest, median) of several calls in milliseconds, the first one not counted."""
    call()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1e3)
    return min(taken), statistics.median(taken)


def large(folder: Path, catalog: Catalog, gpus: int, hours: float) -> None:
    path = folder / "large.duckdb"
    write_gpu_metrics(path, catalog, gpus=gpus, step_s=60, hours=hours)
    store = DuckDbStore.open(path, catalog)
    cursor = store._connection.cursor()
    window = [(AT - timedelta(hours=24)).replace(tzinfo=None), AT.replace(tzinfo=None)]
    raw = best_ms(lambda: cursor.sql(RAW, params=window).to_arrow_table())
    print(f"{gpus} GPUs, {hours:g} h at 1 min: hand-written scan of nine aggregates {raw[0]:.0f} ms")
    plans = fused_plans()
    fused = best_ms(lambda: store.run_many_now(plans, AT))
    print(f"  {len(plans)} plans fused {fused[0]:.0f} ms = {fused[0] / raw[0]:.2f} × that")
    apart = best_ms(lambda: [store.run_many_now({k: p}, AT) for k, p in plans.items()], 2)
    print(f"  one by one {apart[0]:.0f} ms = {apart[0] / raw[0]:.2f} ×")
    for field, what in (("pcie_replay_total", "0.2 % of the series move"), ("energy_mj_total", "every series moves")):
        plan = Plan.model_validate(
            {
                "dataset": "gpu_metrics",
                "window": "24h",
                "by": ["gpu_uuid"],
                "measures": {"r": measure(agg="increase", field=field)},
            }
        )
        took = best_ms(lambda plan=plan: store.run_many_now({"p": plan}, AT), 2)  # type: ignore[misc]
        print(f"  increase, {what}: {took[0]:.0f} ms = {took[0] / raw[0]:.2f} ×")
    rack = Plan.model_validate(
        {"dataset": "gpu_metrics", "window": "24h", "by": ["rack"], "measures": {"t": measure(agg="max", field="gpu_temp_c")}}
    )
    node = rack.model_copy(update={"steps": {"result": rack.selects["result"].model_copy(update={"by": ("node_id",)})}})
    print(f"  by node {best_ms(lambda: store.run_many_now({'p': node}, AT), 2)[0]:.0f} ms, by rack over the inventory "
          f"{best_ms(lambda: store.run_many_now({'p': rack}, AT), 2)[0]:.0f} ms")  # fmt: skip
    hour = Plan.model_validate(
        {"dataset": "gpu_metrics", "window": "1h", "by": ["gpu_uuid"], "measures": {"t": measure(agg="max", field="gpu_temp_c")}}
    )
    print(f"  one hour of it {best_ms(lambda: store.run_many_now({'p': hour}, AT))[0]:.0f} ms")
    store.close()


def small(folder: Path, catalog: Catalog) -> None:
    path = folder / "small.duckdb"
    write_gpu_metrics(path, catalog, gpus=512, step_s=300, hours=24 * 14)
    store = DuckDbStore.open(path, catalog)
    plans = loop_plans()
    started = time.perf_counter()
    store.run_many_now(plans, AT)
    first = (time.perf_counter() - started) * 1e3
    before = store.query_count
    fast, median = best_ms(lambda: store.run_many_now(plans, AT), 9)
    scans = (store.query_count - before) // 10
    print(
        f"512 GPUs, 14 d at 5 min: {len(plans)} plans in {median:.0f} ms (fastest {fast:.0f}, first {first:.0f}), {scans} queries"
    )
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=24)
    wanted = parser.parse_args()
    catalog = load_catalog(CONFIG)
    with tempfile.TemporaryDirectory() as folder:
        small(Path(folder), catalog)
        large(Path(folder), catalog, wanted.gpus, wanted.hours)


if __name__ == "__main__":
    main()
