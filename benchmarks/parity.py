"""Every store against DuckDB on the same fleet: playbook, goal and question plans, and whole cycles. Writes docs/parity.md.

python benchmarks/parity.py [--out docs/parity.md] [--only "Elasticsearch SQL"]: three minutes of a CPU. SQL and ES|QL are asked
of the strict fake of the tests (or of a real one that holds the fleet, when LLO11YPOP_ES_URL names it); the Query DSL runs on
osmem-server, PromQL on Prometheus.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import duckdb
from pydantic import SecretStr

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.core.access import Access
from llo11ypop.core.clock import SystemClock
from llo11ypop.daemon.compose import latest_instant
from llo11ypop.evals.parity_plans import Asked, filed, instants, once, questions, shipped
from llo11ypop.evals.parity_table import Target, compared, cycled, page
from llo11ypop.query.store import TelemetryStore
from llo11ypop.settings import load_settings
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet
from llo11ypop.stores import elasticsearch_read
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import AUTO, DSL, ESQL, SQL, Language
from llo11ypop.stores.joining import JoiningStore, joined_within
from llo11ypop.stores.prometheus import PrometheusStore
from llo11ypop.stores.spanning import SpanningStore

ROOT = Path(__file__).resolve().parent.parent
GPUS, DAYS, SEED = 16, 1.0, 5
SCENARIO = ROOT / "benchmarks" / "parity.yaml"
CYCLES = 2
IN_PROMETHEUS = frozenset({"gpu_metrics", "switch_metrics", "facility_power"})
Opened = tuple[Target, TelemetryStore]
Opener = Callable[[Path, Catalog, TelemetryStore, ExitStack], Awaitable[Opened]]


def main() -> None:
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--every", type=int, default=1, help="every n-th case of the question suite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        fleet = Path(folder) / "fleet.duckdb"
        write_fleet(simulate(SimulationSpec(seed=SEED, gpus=GPUS, days=DAYS, scenario=SCENARIO))[0], fleet)
        targets = asyncio.run(run(fleet, stack, given.only, given.every))
    command = "python benchmarks/parity.py --out docs/parity.md" + (f" --every {given.every}" if given.every > 1 else "")
    text = page(targets, f"{command}` on `{SystemClock().now():%Y-%m-%d}", described())
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text)


def described() -> str:
    what = "the plans of playbooks and goals and all that the questions of the suite come to, each once"
    return f"a simulated fleet of {GPUS} GPUs and {DAYS:g} day with the incidents of `benchmarks/parity.yaml`: {what}"


async def run(fleet: Path, stack: ExitStack, only: list[str], every: int) -> list[Target]:
    catalog = load_catalog(ROOT / "config")
    of_suite = await questions(fleet, ROOT / "tests" / "evals", every=every)
    ours = DuckDbStore.open(fleet, catalog, read_only=True)
    at = await latest_instant(ours)
    asked = once([*shipped(ROOT / "config", catalog, at), *(Asked("questions", name, plan, at) for name, plan in of_suite)])
    settings = load_settings(ROOT / "config", telemetry={"path": fleet})
    when = instants(at, CYCLES, timedelta(hours=2))
    expected, _ = await filed(settings, ours, when)
    targets = []
    for name, opened in OPENERS.items():
        if only and name not in only:
            continue
        target, theirs = await opened(fleet, catalog, ours, stack)
        began = time.perf_counter()
        await compared(target, asked, ours, theirs)
        found, errors = await filed(settings, theirs, when)
        cycled(target, expected, found, CYCLES)
        took = time.perf_counter() - began
        print(f"{name}: {len(target.found)} plans, {theirs.query_count} queries, {took:.0f} s, {errors[:3]}", file=sys.stderr)
        targets.append(target)
    return targets


def _elasticsearch(name: str, language: Language) -> Opener:
    """The opener of what speaks SQL and ES|QL."""

    async def opened(fleet: Path, catalog: Catalog, ours: TelemetryStore, stack: ExitStack) -> Opened:
        from tests.fakes.elasticsearch import FakeElasticsearch, serving

        key = SecretStr(os.environ.get("LLO11YPOP_ES_API_KEY", ""))
        if url := os.environ.get("LLO11YPOP_ES_URL"):
            how = "a real Elasticsearch"
        else:
            fake = FakeElasticsearch()
            fake.hold(fleet, catalog)
            url, how = stack.enter_context(serving(fake)).url, "the strict fake of the tests; never a real one so far"
        store = ElasticsearchStore(Access(url, token=key), catalog, language=language, deadline_s=600)
        return Target(name, how), JoiningStore(store, catalog)

    return opened


async def _dsl(fleet: Path, catalog: Catalog, ours: TelemetryStore, stack: ExitStack) -> Opened:
    from tests import opensearch_server

    elasticsearch_read.AT_ONCE = 1  # osmem-server gives each script a moment, which is short on a busy machine
    url = stack.enter_context(opensearch_server.running())
    with duckdb.connect(str(fleet), read_only=True) as connection:
        await opensearch_server.filled(url, connection, catalog)
    store = ElasticsearchStore(Access(url, timeout_s=120), catalog, language=DSL, deadline_s=600)
    return Target("Query DSL", "osmem-server, an OpenSearch in memory"), JoiningStore(store, catalog)


async def _prometheus(fleet: Path, catalog: Catalog, ours: TelemetryStore, stack: ExitStack) -> Opened:
    from tests.prometheus_fleet import exported, places
    from tests.prometheus_server import running

    with duckdb.connect(str(fleet), read_only=True) as connection:
        url = stack.enter_context(running(exported(connection, catalog, IN_PROMETHEUS)))
        found = places(connection, catalog, IN_PROMETHEUS)
    store = PrometheusStore(Access(url, timeout_s=120), catalog, found, deadline_s=600)
    spanning = SpanningStore(ours, {"prometheus": store}, dict.fromkeys(IN_PROMETHEUS, "prometheus"), catalog)
    how = f"Prometheus 2.42 with {', '.join(sorted(IN_PROMETHEUS))}; the rest in DuckDB, and only plans over these"
    target = Target("PromQL", how, only=IN_PROMETHEUS)
    return target, JoiningStore(spanning, catalog, joined_within(catalog, IN_PROMETHEUS))


SQL_ALONE, ESQL_ALONE, EITHER = "Elasticsearch SQL", "ES|QL", "SQL, else ES|QL (the default)"
OPENERS: dict[str, Opener] = {
    SQL_ALONE: _elasticsearch(SQL_ALONE, SQL),
    ESQL_ALONE: _elasticsearch(ESQL_ALONE, ESQL),
    EITHER: _elasticsearch(EITHER, AUTO),
    "Query DSL": _dsl,
    "PromQL": _prometheus,
}


if __name__ == "__main__":
    main()
