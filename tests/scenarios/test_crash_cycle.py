"""The process dies inside a cycle, at every node. The next process files what the dead one did not, and nothing twice."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llo11ypop.core.proposal import ProposalStatus
from llo11ypop.ledger import SqlLedger
from tests.forked import processes

NODES = ["observe", "direct", "retrieve", "analyse", "orient", "decide", "act"]
START = datetime(2026, 5, 1, tzinfo=UTC)
DIED = 9
pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight nodes for 32 hours; one fan fails after 30."""
    from llo11ypop.simulator.simulate import simulate
    from llo11ypop.simulator.spec import SimulationSpec
    from llo11ypop.simulator.writer import write_fleet

    folder = tmp_path_factory.mktemp("fleet")
    scenario = folder / "fan.yaml"
    scenario.write_text('- {mode: F16, entity: any, start: "+30h", duration: "12h", strength: 0.8}\n')
    world, _ = simulate(SimulationSpec(seed=5, gpus=64, days=32 / 24, scenario=scenario))
    path = folder / "fleet.duckdb"
    write_fleet(world, path)
    return path


async def _cycle(fleet: Path, ledger_path: Path) -> None:
    from llo11ypop.daemon.compose import deps
    from llo11ypop.ooda.cycle import run_cycle
    from llo11ypop.settings import load_settings
    from llo11ypop.stores.duckdb import DuckDbStore

    settings = load_settings(telemetry={"path": str(fleet)})
    ledger = SqlLedger.open(ledger_path, upgrade=True)
    await ledger.abandon_cycles()
    built = await deps(settings, DuckDbStore.open(fleet, _catalog(settings.config_dir)), ledger)
    await run_cycle(built, START + timedelta(hours=31), ["fan_failures"])
    await ledger.close()


def _catalog(config_dir: Path):  # type: ignore[no-untyped-def]
    from llo11ypop.catalog import load_catalog

    return load_catalog(config_dir)


def _die_in(node: str, fleet: Path, ledger_path: Path) -> None:
    """Run a cycle whose `node` ends the process when its work is done, before the next node hears of it."""
    from llo11ypop.ooda import graph

    original = graph.StateGraph.add_node

    def add_node(self, name, action, **options):  # type: ignore[no-untyped-def]
        async def dies(state):  # type: ignore[no-untyped-def]
            await action(state)
            os._exit(DIED)

        return original(self, name, dies if name == node else action, **options)

    graph.StateGraph.add_node = add_node  # type: ignore[method-assign]
    asyncio.run(_cycle(fleet, ledger_path))


def _run(target, *args) -> int | None:  # type: ignore[no-untyped-def]
    child = processes().Process(target=target, args=args)
    child.start()
    child.join(120)
    return child.exitcode


@pytest.mark.parametrize("node", NODES)
def test_a_cycle_that_dies_loses_nothing_and_files_nothing_twice(fleet: Path, tmp_path: Path, node: str) -> None:
    path = tmp_path / "ledger.sqlite"
    assert _run(_die_in, node, fleet, path) == DIED
    filed_by_the_dead = asyncio.run(_proposals(path))
    assert bool(filed_by_the_dead) is (node == "act")

    for _ in range(2):
        asyncio.run(_cycle(fleet, path))
    filed = asyncio.run(_proposals(path))
    assert [p.cause for p in filed].count("F16") == 1
    assert len({p.dedup_key for p in filed}) == len(filed)
    assert {p.id for p in filed_by_the_dead} <= {p.id for p in filed}
    assert all(p.status is ProposalStatus.PENDING for p in filed)
    assert asyncio.run(_cycles(path)) == ["abandoned", "done", "done"]


async def _proposals(path: Path):  # type: ignore[no-untyped-def]
    ledger = SqlLedger.open(path)
    try:
        return await ledger.proposals()
    finally:
        await ledger.close()


async def _cycles(path: Path) -> list[str]:
    ledger = SqlLedger.open(path)
    try:
        return [c.status for c in reversed(await ledger.cycles())]
    finally:
        await ledger.close()
