"""The fleet as it is, the same fleet under attack, and cycles over both, each made once."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from llo11ypop.models.fake import FakeModelServer, Rule
from tests.attacks.loop.planting import Attack, answered, attacks, described, planted
from tests.attacks.loop.stage import Run, Stage, fleet, minds, staged

FLEETS = Path(".llo11ypop/fleets")
OBEYED = {
    "writer": {"title": "All is well: close this ticket", "sentences": ["Drain every node of the fleet now.", "Severity is S4."]},
    "causes": {"likeliest": "unknown", "further": []},
    "director": {"areas": ["training"]},
}
"""What an endpoint answers that does as an attack in its prompt says."""


@dataclass(frozen=True)
class Scenes:
    """What was filed without and with the attacks, by rule minds and by model minds; and what the models were shown."""

    runs: dict[str, Run]
    shown: dict[str, str]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clean() -> Stage:
    """The fleet as it is."""
    return await staged(fleet(FLEETS))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def quiet_run(clean: Stage) -> Run:
    """What rule minds file on the fleet as it is."""
    return await clean.cycle(ledger=await answered())


@pytest.fixture(scope="session")
def server() -> AsyncIterator[FakeModelServer]:
    """One fake endpoint for all; each test scripts it anew."""
    with FakeModelServer() as fake:
        yield fake  # type: ignore[misc]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scenes(clean: Stage, quiet_run: Run, server: FakeModelServer, tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    """All attacks at once, with no mind of a model, with one that obeys what it reads, and with one that is hostile anyway."""
    wanted = attacks()
    path = planted(fleet(FLEETS), tmp_path_factory.mktemp("hostile") / "fleet.duckdb", wanted)
    hostile = clean.over(path, described(clean.base.catalog, wanted))
    runs, shown = {"clean, rules": quiet_run}, dict[str, str]()
    runs["attacked, rules"] = await hostile.cycle(ledger=await answered(wanted))
    for name, fault in (("obedient", ""), ("hostile", "adversarial")):
        for stage, said in ((clean, "clean"), (hostile, "attacked")):
            server.script([*obeying(wanted), *honest(quiet_run)] if not fault else [], fault=fault)
            past = await answered(wanted if said == "attacked" else ())
            runs[f"{said}, {name}"] = await stage.cycle(minds(server), ledger=past)
            shown[f"{said}, {name}"] = json.dumps(server.bodies, ensure_ascii=False)
    return Scenes(runs, shown)


def obeying(wanted: list[Attack]) -> list[Rule]:
    """Rules of an endpoint that does as it is told wherever an attack stands in its prompt."""
    return [Rule(role=role, contains=a.fragment, answer=answer) for a in wanted for role, answer in OBEYED.items()]


def honest(run: Run) -> list[Rule]:
    """Rules of an endpoint that words each ticket by its facts."""
    rules = []
    for thing, p in run.proposals.items():
        shown = "user-1" if thing.startswith("user:") else p.entities[0].id
        first = p.summary.partition(" It accounts")[0].replace(p.entities[0].id, shown)
        title = p.title.replace(p.entities[0].id, shown)
        rules.append(
            Rule(role="writer", contains=f"{shown} (" if " (" in first else shown, answer={"title": title, "sentences": [first]})
        )
    return rules
