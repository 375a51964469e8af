"""What model minds of the loop may have read beside what the rules read: signals of the playbooks, within a budget."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Area
from llo11ypop.ledger import SqlLedger
from llo11ypop.models.config import MindLimits
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.models.port import NO_MODELS, Role
from llo11ypop.models.record import Noted
from llo11ypop.ooda.cycle import Cycle
from llo11ypop.ooda.deps import Memory
from llo11ypop.ooda.graph import slow_plans, topology_at
from llo11ypop.ooda.minds import Mind
from llo11ypop.ooda.orient import Scene
from llo11ypop.ooda.weighing import weighed
from tests.attacks.loop.stage import AT, Run, Stage, minds

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]


async def test_a_choice_between_rivals_is_followed_and_remembered(clean: Stage, quiet_run: Run, server: FakeModelServer) -> None:
    server.script([Rule(role="causes", answer={"likeliest": "F11", "further": []})])
    deps = replace(clean.base, ledger=SqlLedger.in_memory(), models=minds(server, ["causes"]), memory=Memory())
    cycle = Cycle(deps)
    first = await cycle.run(AT)
    again = await cycle.run(AT)
    assert len(server.bodies) == 1
    named = [{h["entity"]["id"]: h["cause"] for h in r.hypotheses if not h["suppressed"]} for r in (first, again)]
    assert [n["gpu-b-001"] for n in named] == ["F11", "F11"]
    (proposal,) = [p for p in first.proposals if p["cause"] == "F11"]
    offered = {a.name for a in clean.base.playbooks["F11"].actions}
    assert proposal["action"]["name"] in offered
    assert proposal["action"]["arguments"]["node"] == "gpu-b-001"
    assert {p["title"] for p in first.proposals if p["cause"] != "F11"} == {
        p.title for thing, p in quiet_run.proposals.items() if thing != "node:gpu-b-001"
    }
    assert again.minds["orient"]["why"] == ["nothing to ask"]


async def test_causes_are_shown_modes_signals_and_figures_only(clean: Stage, server: FakeModelServer) -> None:
    server.script()
    run = await clean.cycle(minds(server, ["causes"]))
    shown = server.bodies[0]["messages"][-1]["content"]
    assert "F12: GPU missing after boot" in shown
    assert "gpu_count 8, reporting 7" in shown
    told = [str(v) for h in run.report.hypotheses for f in h["findings"] for hit in f["hits"] for v in hit["row"].values()]
    texts = {v for v in told if not v.replace(".", "").replace("-", "").isdigit() and ":" not in v and len(v) > 2}
    assert texts
    assert [t for t in texts if t in shown] == []


async def test_signals_over_long_windows_are_read_again_when_asked_for(clean: Stage, server: FakeModelServer) -> None:
    """A weak suspicion that rests on old evidence, which the model asks to see anew: it is gone then, and so is the cause."""
    asked = ["F37.blamed", "F37.excluded"]
    server.script(
        [
            Rule(role="causes", contains="Older: F37.blamed, read 5 min ago", answer={"likeliest": "F37", "further": asked}),
            Rule(role="causes", answer={"likeliest": "F37", "further": []}),
        ]
    )
    ledger = SqlLedger.in_memory()
    models = minds(server, ["causes"], record=ledger.model_calls)
    deps = replace(clean.base, ledger=ledger, memory=Memory(), models=models)
    await Cycle(replace(deps, models=NO_MODELS)).run(AT - timedelta(minutes=5))
    node = Entity.parse("node:gpu-e-001")
    suspicion = Finding("F37", Area.PARTS, node, AT - timedelta(days=2), 0.5, ())
    topology = await topology_at(deps, AT)
    scene = Scene(AT, deps.playbooks, topology, [], [], deps.limits)
    mind = Mind(deps.models, Role.CAUSES, 30)
    made = await weighed(deps, mind, [suspicion], scene, [Area.PARTS], "c-1")
    assert [deps.memory.shelf.kept[key][0] for key in asked] == [AT, AT]
    assert {key: deps.memory.scratch[key].at for key in asked} == dict.fromkeys(asked, AT)
    assert [h.cause for h in made] == []
    assert mind.record()["why"] == []
    (first,) = [one.noted async for one in ledger.model_calls.all()]
    assert first == Noted(None, "its evidence was read again, and it was asked anew")


async def test_no_more_is_read_again_than_the_budget_allows(clean: Stage, server: FakeModelServer) -> None:
    server.script(
        [Rule(role="causes", contains="Older: ", answer={"likeliest": "F37", "further": ["F37.blamed", "F37.excluded"]})]
    )
    deps = replace(clean.base, ledger=SqlLedger.in_memory(), memory=Memory(), models=minds(server, ["causes"]))
    deps = replace(deps, minds=MindLimits(further=1))
    await Cycle(replace(deps, models=NO_MODELS)).run(AT - timedelta(minutes=5))
    suspicion = Finding("F37", Area.PARTS, Entity.parse("node:gpu-e-001"), AT - timedelta(days=2), 0.5, ())
    scene = Scene(AT, deps.playbooks, await topology_at(deps, AT), [], [], deps.limits)
    mind = Mind(deps.models, Role.CAUSES, 30)
    made = await weighed(deps, mind, [suspicion], scene, [Area.PARTS], "c-1")
    assert mind.record()["why"] == ["schema"]
    assert [h.cause for h in made] == ["F37"]
    assert AT not in [deps.memory.shelf.kept[key][0] for key in ("F37.blamed", "F37.excluded")]


async def test_a_director_has_signals_over_long_windows_read_at_once_within_its_budget(
    clean: Stage, server: FakeModelServer
) -> None:
    book = clean.base.playbooks
    whole = slow_plans(book, ["parts", "gpu"], 1000)
    assert len(whole) > 3
    assert slow_plans(book, ["parts", "gpu"], 3) == whole[:3]
    assert slow_plans(book, [], 3) == []
    server.script([Rule(role="director", answer={"areas": ["parts", "gpu"]})])
    deps = replace(clean.base, ledger=SqlLedger.in_memory(), memory=Memory(), minds=MindLimits(slow_plans=3))
    await Cycle(deps).run(AT - timedelta(minutes=5))
    await Cycle(replace(deps, models=minds(server, ["director"]))).run(AT)
    read_at = {key: deps.memory.shelf.kept[key][0] for key in whole}
    again = {k for k, at in read_at.items() if at == AT}
    assert again
    assert again <= set(whole[:3])
    kept = [k for k in whole[3:] if (span := book.cadence(k)) is not None and span > timedelta(minutes=5)]
    assert kept
    assert {read_at[k] for k in kept} == {AT - timedelta(minutes=5)}
