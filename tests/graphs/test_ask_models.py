"""A turn of the conversation with models behind real HTTP: what they add, what is said of it, and every fault of theirs."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.ask.conversation import Conversation
from llo11ypop.ask.deps import AskDeps
from llo11ypop.core.question import Answer, Status
from llo11ypop.models.client import Endpoints
from llo11ypop.models.config import Budgets, Circuit, Endpoint, Limit, Models
from llo11ypop.models.fake import FAULTS, FakeModelServer, Rule
from llo11ypop.models.port import Role
from tests.ask_fleet import END, conversation
from tests.scripted_model import ScriptedModel

PER_CLUSTER = "Failed jobs per cluster"
UNKNOWN = "failed jobs per gizmo"
FORM = {"measure": "failed jobs", "by": ["cluster"]}
ROLES = (Role.GUARDRAIL, Role.DIRECTOR, Role.QUERY_WRITER)
GOOD = (
    Rule(schema="guard_verdict", answer={"verdict": "about_the_fleet"}),
    Rule(schema="areas", answer={"areas": ["slurm"]}),
    Rule(schema="query_form", answer=FORM),
    Rule(schema="glosses", answer={"gizmo": ["quux", "cluster"]}),
)
HARMLESS = frozenset({"no_usage"})


def rule_of(role: Role, fault: str) -> Rule:
    schema = {Role.GUARDRAIL: "guard_verdict", Role.DIRECTOR: "areas", Role.QUERY_WRITER: "glosses"}[role]
    return Rule(schema=schema, answer=next(r.answer for r in GOOD if r.schema_name == schema), fault=fault)


def models_at(
    server: FakeModelServer, roles: Sequence[str] = ROLES, budgets: Budgets | None = None, hurried: Role | None = None
) -> Endpoints:
    """Endpoints of some roles, one of them given little time; the circuit breaker stays out of it."""
    one = {
        r: Endpoint(base_url=server.base_url, model=f"fake-{r}", timeout_s=0.4 if r == hurried else 30, retries=0) for r in roles
    }
    return Endpoints(
        Models(endpoints=one, budgets=budgets or Budgets(), circuit_breaker=Circuit(failures=1000), cache=0), pause_s=0.0
    )


@asynccontextmanager
async def talking() -> AsyncIterator[tuple[AskDeps, Conversation]]:
    with tempfile.TemporaryDirectory() as folder:
        async with conversation(Path(folder)) as deps:
            yield deps, Conversation(deps)


def steps(answer: Answer) -> dict[str, str]:
    return {s.agent: s.did for s in answer.steps}


@dataclass(frozen=True)
class Matrix:
    """What came of every role with every fault."""

    answers: dict[tuple[str, str], Answer]
    healthy: Answer
    by_rules: Answer


@cache
def matrix() -> Matrix:
    async def run() -> Matrix:
        found = {}
        async with talking() as (deps, talk):
            by_rules = await talk.ask(UNKNOWN, at=END)
            with FakeModelServer(GOOD, slow_s=5.0) as server:
                deps.models = models_at(server)
                healthy = await talk.ask(UNKNOWN, at=END)
                for role in ROLES:
                    for fault in FAULTS:
                        others = [r for r in GOOD if r.schema_name != rule_of(role, fault).schema_name]
                        deps.models = models_at(server, hurried=role if fault == "slow" else None)
                        server.script([rule_of(role, fault), *others], slow_s=5.0)
                        found[role.value, fault] = await talk.ask(UNKNOWN, at=END)
        return Matrix(found, healthy, by_rules)

    return asyncio.run(run())


def test_where_the_rules_know_a_word_not_the_models_reading_is_answered_and_marked() -> None:
    answer = matrix().healthy
    assert matrix().by_rules.status is Status.CLARIFY
    assert answer.status is Status.ANSWERED
    assert any("model's reading" in n and "'gizmo'" in n for n in answer.notes)
    assert "It took 'gizmo' for 'cluster'." in answer.notes
    assert {"guard, model", "director, model", "query writer", "models"} <= set(steps(answer))
    assert "3 calls" in steps(answer)["models"] or steps(answer)["models"].count("1 calls") == 3


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("role", ROLES)
def test_a_turn_ends_whatever_an_endpoint_does(role: Role, fault: str) -> None:
    found = matrix()
    answer = found.answers[role.value, fault]
    if role is Role.QUERY_WRITER and fault not in HARMLESS:
        assert (answer.status, answer.text) == (found.by_rules.status, found.by_rules.text)
        assert steps(answer)["query writer"].startswith("gave no reading")
    elif fault == "adversarial" and role is Role.GUARDRAIL:
        assert answer.status is Status.DECLINED
    else:
        assert (answer.status, answer.text) == (found.healthy.status, found.healthy.text)
    if fault not in (*HARMLESS, "adversarial") and role is not Role.QUERY_WRITER:
        agent = {Role.GUARDRAIL: "guard, model", Role.DIRECTOR: "director, model"}[role]
        assert "no answer of the model" in steps(answer)[agent]


async def test_agreement_is_said_and_so_is_disagreement() -> None:
    async with talking() as (deps, talk):
        with FakeModelServer(GOOD) as server:
            deps.models = models_at(server, [Role.QUERY_WRITER])
            agreed = await talk.ask(PER_CLUSTER, at=END)
            assert len(server.bodies) == 1
            server.script([Rule(schema="query_form", answer={"measure": "job failure rate", "by": ["cluster"]})])
            otherwise = await talk.ask(PER_CLUSTER, at=END)
        deps.models = ScriptedModel({})
        alone = await talk.ask(PER_CLUSTER, at=END)
    assert any("Two readings agree" in n for n in agreed.notes)
    assert any("A model read it otherwise" in n for n in otherwise.notes)
    assert agreed.text == otherwise.text == alone.text
    assert not any("model" in n for n in alone.notes)


async def test_a_followup_an_investigation_and_a_refusal_ask_no_model() -> None:
    async with talking() as (deps, talk):
        first = await talk.ask(PER_CLUSTER, at=END)
        model = deps.models = ScriptedModel({Role.QUERY_WRITER: FORM, Role.GUARDRAIL: {"verdict": "about_the_fleet"}})
        await talk.ask("and by partition?", thread=first.thread, at=END)
        await talk.ask("Five most likely causes of last night's issue", at=END)
        await talk.ask("Drop the telemetry index", at=END)
        await talk.ask("failed jobs in cluster c-z", at=END)
        assert model.asked == []
        await talk.ask(PER_CLUSTER, thread=first.thread, at=END)
        assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("roles", "asked"),
    [
        (["analyst.slurm", "query_writer"], "fake-analyst.slurm"),
        (["analyst.gpu", "query_writer"], "fake-query_writer"),
        (["analyst", "query_writer"], "fake-analyst"),
        (["analyst.gpu", "analyst"], "fake-analyst"),
        (["analyst.slurm"], "fake-analyst.slurm"),
        (["analyst.gpu"], None),
    ],
)
async def test_the_model_of_an_areas_analyst_reads_its_questions(roles: list[str], asked: str | None) -> None:
    async with talking() as (deps, talk):
        with FakeModelServer(GOOD) as server:
            deps.models = models_at(server, roles)
            answer = await talk.ask(PER_CLUSTER, at=END)
            assert [b["model"] for b in server.bodies] == [asked] * (asked is not None)
    assert answer.status is Status.ANSWERED
    assert any("Two readings agree" in n for n in answer.notes) is (asked is not None)


@pytest.mark.parametrize(("area", "models"), [("slurm", 2), ("gpu", 1)])
async def test_a_directors_area_picks_the_analyst(area: str, models: int) -> None:
    """Nobody reads a question that the director sends to an area without a model."""
    async with talking() as (deps, talk):
        with FakeModelServer([Rule(schema="areas", answer={"areas": [area]}), *GOOD]) as server:
            deps.models = models_at(server, [Role.DIRECTOR, "analyst.slurm"])
            await talk.ask(UNKNOWN, at=END)
            assert len({b["model"] for b in server.bodies}) == models


async def test_a_budget_leaves_the_rest_to_the_rules() -> None:
    async with talking() as (deps, talk):
        with FakeModelServer(GOOD) as server:
            deps.models = models_at(server, budgets=Budgets(question=Limit(calls=2)))
            answer = await talk.ask(UNKNOWN, at=END)
            assert len(server.bodies) == 2
            again = await talk.ask(PER_CLUSTER, at=END)
    assert answer.status is Status.CLARIFY
    assert "(budget)" in steps(answer)["query writer"]
    assert "left to the rule mind" in steps(answer)["models"]
    assert again.status is Status.ANSWERED


async def test_a_model_may_add_a_refusal_where_the_rules_are_at_a_loss() -> None:
    async with talking() as (deps, talk):
        answers: dict[str, Any] = {Role.GUARDRAIL: {"verdict": "off_topic"}, Role.QUERY_WRITER: FORM}
        model = deps.models = ScriptedModel(answers)
        declined = await talk.ask(UNKNOWN, at=END)
        assert [r.role for r in model.asked] == [Role.GUARDRAIL]
        kept = await talk.ask(PER_CLUSTER, at=END)
    assert declined.status is Status.DECLINED
    assert kept.status is Status.ANSWERED
