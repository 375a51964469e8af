"""A model of the loop that lies: about figures, things, causes, actions, times and certainty. Every lie is caught.

The writer's lies stand beside a true sentence, which is kept; what the others make up fits no form and no rule.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from llo11ypop.agents.analysts import analysts
from llo11ypop.agents.causes.model_mind import weigh
from llo11ypop.agents.director.agent import assign
from llo11ypop.agents.director.model_mind_areas import direct
from llo11ypop.agents.writer.claims import Claimed, loose
from llo11ypop.agents.writer.facts import facts_of
from llo11ypop.agents.writer.model_mind import WORDED, word
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.reasoning import Finding, Observation, ObservationKind
from llo11ypop.core.vocabulary import Area
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.models.port import Refused
from llo11ypop.ooda.state import from_json
from tests.attacks.loop.stage import AT, Run, Stage, minds

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]
LIES: list[dict[str, str]] = yaml.safe_load(Path(__file__).with_name("lies.yaml").read_text(encoding="utf-8"))
CAUSE = "PCIe link of a GPU degraded"


@pytest.fixture(scope="session")
def thing(quiet_run: Run) -> str:
    """The GPU whose link is degraded."""
    return next(t for t, p in quiet_run.proposals.items() if p.cause == "F10")


def acts(p: Proposal) -> tuple[Any, ...]:
    return p.action, p.other_actions, p.entities, p.severity, p.queue, p.cause, p.confidence, p.since, p.why, p.alternatives


async def test_there_are_enough_lies() -> None:
    assert len(LIES) >= 30
    assert {lie["about"] for lie in LIES} == {"numbers", "entities", "causes", "actions", "times", "confidence"}


@pytest.mark.parametrize("lie", LIES, ids=lambda one: one.get("says", one.get("title")))
async def test_a_lie_about_a_ticket_is_taken_out(
    clean: Stage, quiet_run: Run, server: FakeModelServer, thing: str, lie: dict[str, str]
) -> None:
    proposal, hypothesis, names = clean.case(quiet_run, thing)
    true = proposal.summary.partition(" It accounts")[0]
    answer = {"title": lie.get("title", proposal.title), "sentences": [true, lie.get("says", true)]}
    server.script([Rule(role="writer", answer=answer)])
    made = await word(minds(server), proposal, hypothesis, names)
    assert made.dropped
    assert made.proposal.title == proposal.title
    told = [true, f"It accounts for {len(hypothesis.explains)} further symptom(s), listed below.", WORDED]
    assert made.proposal.summary == " ".join(told if "says" in lie else [true, *told])
    assert acts(made.proposal) == acts(proposal)


_FIGURE = re.compile(r"(?<![\w.:-])\d+(?:\.\d+)?(?![\w:-])")


async def test_no_figure_can_stand_in_for_another(clean: Stage, quiet_run: Run) -> None:
    """Every figure of every ticket's facts, replaced by every other one that the facts have."""
    tried = 0
    for thing in quiet_run.proposals:
        facts = facts_of(*clean.case(quiet_run, thing))
        lines = (facts.about, *facts.others())
        claimed = Claimed.of(facts.about, (facts.cause, facts.entity), facts.others())
        known = {f for line in lines for f in _FIGURE.findall(line)}
        for line in lines:
            assert claimed.stands(line) and not loose(line, lines)
            for found in _FIGURE.finditer(line):
                for other in known - {found.group()}:
                    tried += 1
                    false = line[: found.start()] + other + line[found.end() :]
                    assert not claimed.stands(false), false
    assert tried > 50


async def test_no_place_can_stand_in_for_another(clean: Stage, quiet_run: Run) -> None:
    """The thing of every line, replaced by that of every other ticket."""
    things = {t.partition(":")[2] for t in quiet_run.proposals}
    for thing in quiet_run.proposals:
        facts = facts_of(*clean.case(quiet_run, thing))
        lines = (facts.about, *facts.others())
        claimed = Claimed.of(facts.about, (facts.cause, facts.entity), facts.others())
        for line in lines:
            for other in things - {facts.entity} if facts.entity in line else ():
                assert not claimed.stands(line.replace(facts.entity, other)), line


async def test_true_words_are_kept(clean: Stage, quiet_run: Run, server: FakeModelServer, thing: str) -> None:
    proposal, hypothesis, names = clean.case(quiet_run, thing)
    gpu = proposal.entities[0].id
    said = [
        f"{CAUSE} on gpu {gpu} of node gpu-a-002 in rack c-a-r01 since 2026-05-02 11:30Z.",
        "GPU 3 runs on 4 PCIe lanes, its siblings on 16.",
        "GPU 3 counts 55.3 PCIe replays a minute.",
        "It accounts for 1 further symptom.",
    ]
    server.script([Rule(role="writer", answer={"title": f"{CAUSE} on gpu {gpu}", "sentences": said})])
    made = await word(minds(server), proposal, hypothesis, names)
    assert made.dropped == ()
    assert (made.proposal.title, made.proposal.summary) == (f"{CAUSE} on gpu {gpu}", " ".join([*said, WORDED]))


@pytest.mark.parametrize(
    "said",
    [
        ["GPU 3 of gpu-a-002 runs on 4 PCIe lanes, its siblings on 16."],
        [f"{CAUSE} since 2026-05-02 11:30Z."],
        [f"{CAUSE} on node gpu-a-002."],
        ["All is well."],
    ],
)
async def test_what_is_not_whole_leaves_the_template(
    clean: Stage, quiet_run: Run, server: FakeModelServer, thing: str, said: list[str]
) -> None:
    proposal, hypothesis, names = clean.case(quiet_run, thing)
    server.script([Rule(role="writer", answer={"title": proposal.title, "sentences": said})])
    made = await word(minds(server), proposal, hypothesis, names)
    assert made.proposal == proposal
    assert made.dropped


async def test_free_text_of_rows_is_not_among_the_facts(clean: Stage, quiet_run: Run) -> None:
    proposal, hypothesis, names = clean.case(quiet_run, "node:gpu-b-002")
    assert any("Epilog error" in why for why in proposal.why)
    facts = facts_of(proposal, hypothesis, names)
    assert "Epilog error" not in facts.text()
    assert any(s.endswith("[text]") for s in facts.signs)


async def test_a_name_that_only_telemetry_knows_is_ours_until_it_is_checked(
    clean: Stage, quiet_run: Run, server: FakeModelServer
) -> None:
    proposal, hypothesis, names = clean.case(quiet_run, "user:u1001")
    assert "u1001" not in facts_of(proposal, hypothesis, names).text()
    said = [
        "Out of memory, again and again on user user-1 since 2026-05-02 09:20Z.",
        "3 jobs of user-1 ran out of memory in c-e.",
    ]
    server.script([Rule(role="writer", answer={"title": "Out of memory, again and again: user user-1", "sentences": said})])
    made = await word(minds(server), proposal, hypothesis, names)
    assert made.proposal.title == proposal.title
    assert made.proposal.summary == " ".join([*(s.replace("user-1", "u1001") for s in said), WORDED])


@pytest.fixture(scope="session")
def rivals(quiet_run: Run) -> dict[str, Finding]:
    """Two modes that match one node."""
    found = [from_json(Finding, f) for f in quiet_run.report.findings]
    return {f.playbook: f for f in found if str(f.entity) == "node:gpu-b-001" and f.playbook in ("F12", "F11")}


@pytest.mark.parametrize(
    "answer",
    [
        {"likeliest": "F3", "further": []},
        {"likeliest": "planned work", "further": []},
        {"likeliest": "F12 RMA", "further": []},
        {"likeliest": ["F12", "F11"], "further": []},
        {"likeliest": "F12", "further": ["F3.uncontained"]},
        {"likeliest": "F12", "further": [], "action": "RMA"},
        {"likeliest": "F12", "further": [], "node": "gpu-e-001"},
        {"likeliest": "F12", "further": [], "confidence": 1.0},
        {"likeliest": None, "further": []},
        {"further": []},
    ],
    ids=str,
)
async def test_a_cause_an_action_or_a_target_of_its_own_fits_no_form(
    clean: Stage, server: FakeModelServer, rivals: dict[str, Finding], answer: dict[str, Any]
) -> None:
    assert set(rivals) == {"F11", "F12"}
    server.script([Rule(role="causes", answer=answer)])
    with pytest.raises(Refused) as why:
        await weigh(minds(server), rivals, clean.base.playbooks, {"F12.gres_low": AT}, AT)
    assert why.value.reason == "schema"
    assert len(server.bodies) == 2  # one repair


@pytest.mark.parametrize(
    "answer", [{"areas": ["none"]}, {"areas": "gpu"}, {"areas": [], "skip": ["gpu"]}, {"skip": ["gpu"]}], ids=str
)
async def test_a_director_cannot_leave_out_an_area(server: FakeModelServer, answer: dict[str, Any]) -> None:
    server.script([Rule(role="director", answer=answer)])
    with pytest.raises(Refused):
        await direct(minds(server), [], {Area.GPU: ["breach: availability"]}, 2, "c-1")


async def test_what_a_director_adds_is_bounded(server: FakeModelServer) -> None:
    seen = [Observation(ObservationKind.BREACH, "availability", (Area.GPU,), value=0.9, target=0.97)]
    required = assign(seen, analysts())
    server.script([Rule(role="director", answer={"areas": ["training", "parts", "logs", "gpu"]})])
    made = await direct(minds(server), seen, required, 2, "c-1")
    assert list(made.assignments) == [Area.GPU, Area.PARTS, Area.TRAINING]
    assert made.deeper == (Area.TRAINING, Area.PARTS, Area.GPU)
    assert made.assignments[Area.GPU] == required[Area.GPU]
