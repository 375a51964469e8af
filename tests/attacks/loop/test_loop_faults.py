"""Each model role of the loop × each fault of an endpoint: the cycle ends, the rule mind files, and the report says so."""

from dataclasses import asdict

import pytest

from llo11ypop.agents.writer.model_mind import WORDED
from llo11ypop.cli.once import summary
from llo11ypop.models.config import Budgets, Limit, MindLimits
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.observability import metrics
from tests.attacks.loop.conftest import honest
from tests.attacks.loop.stage import ROLES, Run, Stage, minds

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]
NODES = {"director": "direct", "causes": "orient", "writer": "decide"}
REASONS = {
    "slow": "timeout",
    "429": "rate_limited",
    "500": "unreachable",
    "cut_off": "cut_off",
    "prose": "prose",
    "empty": "empty",
    "wrong_json": "schema",
    "refusal": "refusal",
}
"""Fault → the reason that the report gives."""
NOTHING = {"role": "", "mind": "rule", "asked": 0, "answered": 0, "why": ["not_configured"]}


def refused(role: str) -> float:
    samples = (s for m in metrics.MODEL_REFUSED.collect() for s in m.samples if s.name.endswith("_total"))
    return sum(s.value for s in samples if s.labels["role"] == role)


@pytest.mark.parametrize("fault", REASONS)
@pytest.mark.parametrize("role", ROLES)
async def test_a_failing_endpoint_leaves_a_role_to_its_rule_mind(
    clean: Stage, quiet_run: Run, server: FakeModelServer, role: str, fault: str
) -> None:
    broken = Rule.model_validate({"role": role, "fault": fault})
    server.script([broken, *honest(quiet_run)], slow_s=5)
    before = refused(role)
    run = await clean.cycle(minds(server, [role], timeouts={role: 0.2} if fault == "slow" else {}))
    said = run.report.minds[NODES[role]]
    assert run.report.errors == []
    assert run.acts() == quiet_run.acts()
    assert said["asked"] >= 1
    assert (said["mind"], said["answered"], said["why"]) == ("rule", 0, [REASONS[fault]])
    assert refused(role) == before + said["asked"]
    assert run.report.spent["refused"] == {REASONS[fault]: said["asked"]}
    assert run.texts() == quiet_run.texts()


async def test_roles_whose_endpoints_answer_are_used_beside_those_that_fail(
    clean: Stage, quiet_run: Run, server: FakeModelServer
) -> None:
    server.script([Rule(role="director", fault="500"), Rule(role="causes", fault="prose"), *honest(quiet_run)])
    run = await clean.cycle(minds(server))
    assert {m["role"]: m["mind"] for m in run.report.minds.values()} == {"director": "rule", "causes": "rule", "writer": "model"}
    assert run.acts() == quiet_run.acts()
    assert all(p.summary.endswith(WORDED) for p in run.proposals.values())


@pytest.mark.parametrize("role", ROLES)
async def test_a_server_that_counts_no_tokens_is_used_and_its_calls_are_shown_as_unmetered(
    clean: Stage, quiet_run: Run, server: FakeModelServer, role: str
) -> None:
    uncounted = [r.model_copy(update={"fault": "no_usage"}) for r in honest(quiet_run)]
    server.script(uncounted if role == "writer" else [Rule(role=role, fault="no_usage"), *honest(quiet_run)])
    run = await clean.cycle(minds(server, [role]))
    said = run.report.minds[NODES[role]]
    assert (said["mind"], said["answered"]) == ("model", said["asked"])
    assert run.report.spent["unmetered"] == said["asked"]
    assert run.acts() == quiet_run.acts()


@pytest.mark.parametrize("role", ROLES)
async def test_a_hostile_server_changes_no_action(clean: Stage, quiet_run: Run, server: FakeModelServer, role: str) -> None:
    server.script([Rule(role=role, fault="adversarial")])
    run = await clean.cycle(minds(server, [role]))
    assert run.acts() == quiet_run.acts()
    assert run.texts() == quiet_run.texts()


async def test_without_a_model_nothing_is_asked_and_the_report_says_why(quiet_run: Run) -> None:
    assert quiet_run.report.minds == {node: {**NOTHING, "role": role} for role, node in NODES.items()}
    assert quiet_run.report.spent["calls"] == 0


async def test_a_role_that_is_not_set_stays_with_its_rule_mind(clean: Stage, quiet_run: Run, server: FakeModelServer) -> None:
    server.script(honest(quiet_run))
    run = await clean.cycle(minds(server, roles=["writer"]))
    assert {n: m["mind"] for n, m in run.report.minds.items()} == {"direct": "rule", "orient": "rule", "decide": "model"}
    assert {body["model"] for body in server.bodies} == {"fake-writer"}


async def test_what_a_server_can_cache_stays_the_same(clean: Stage, quiet_run: Run, server: FakeModelServer) -> None:
    server.script(honest(quiet_run))
    await clean.cycle(minds(server))
    prefixes = {(b["model"], b["messages"][0]["role"], b["messages"][0]["content"]) for b in server.bodies}
    assert len(server.bodies) == 11
    assert len(prefixes) == len(ROLES)
    assert all(b["messages"][-1]["content"].startswith("<data kind=") for b in server.bodies)


async def test_whatever_fails_the_report_is_the_rule_minds_own(clean: Stage, server: FakeModelServer) -> None:
    server.script(fault="500")
    rules, failing = await clean.cycle(), await clean.cycle(minds(server))
    for name in ("observations", "findings", "hypotheses", "suppressed", "errors"):
        assert getattr(failing.report, name) == getattr(rules.report, name)
    theirs, ours = ([{k: v for k, v in p.items() if k != "cycle_id"} for p in r.report.proposals] for r in (failing, rules))
    assert theirs == ours


async def test_one_line_says_which_models_were_asked(clean: Stage, quiet_run: Run, server: FakeModelServer) -> None:
    def line(run: Run) -> list[str]:
        return [one for one in summary(asdict(run.report)).splitlines() if one.startswith("Models:")]

    server.script(honest(quiet_run))
    (answered,) = line(await clean.cycle(minds(server)))
    server.script(fault="500")
    (failed,) = line(await clean.cycle(minds(server, ["director"])))
    assert answered.startswith("Models: director answered 1 of 1, ")
    assert "writer answered" in answered
    assert "the rules decided" not in answered
    assert failed == "Models: director answered 0 of 1 (unreachable); the rules decided the rest."
    assert line(quiet_run) == []


@pytest.mark.parametrize("calls", [0, 1, 4])
async def test_the_budget_of_a_cycle_holds(clean: Stage, quiet_run: Run, server: FakeModelServer, calls: int) -> None:
    server.script(honest(quiet_run))
    run = await clean.cycle(minds(server, budgets=Budgets(cycle=Limit(calls=calls))))
    assert len(server.bodies) == run.report.spent["calls"] == calls
    assert run.acts() == quiet_run.acts()
    assert run.report.minds["decide"]["why"] == ["budget"]
    assert run.report.minds["decide"]["answered"] == max(0, calls - 2)


async def test_a_node_waits_no_longer_than_it_may(clean: Stage, quiet_run: Run, server: FakeModelServer) -> None:
    server.script(fault="slow", slow_s=30)
    run = await clean.cycle(minds(server), most=MindLimits(seconds=0.2))
    assert {m["mind"] for m in run.report.minds.values()} == {"rule"}
    assert {why for m in run.report.minds.values() for why in m["why"]} == {"timeout"}
    assert run.acts() == quiet_run.acts()
    assert run.report.duration_s < 10
