"""A model that lies about columns, names, filters, times, numbers, areas, verdicts: every lie is refused or shown.

What the rules explain is answered as they read it, row for row; what they do not is asked back. No figure comes from a model.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.agents.judge.model_mind import judged
from llo11ypop.ask.conversation import Conversation
from llo11ypop.core.question import Answer, Status
from llo11ypop.evals.suite.grounded import grounded
from llo11ypop.models.port import NO_MODELS, Request, Role
from tests.ask_fleet import END, conversation
from tests.scripted_model import ScriptedModel

PER_CLUSTER = "Failed jobs per cluster"
LAST_DAY = "How many jobs failed in the last 24 hours?"
IN_ONE = "failed jobs in c-a per partition"
TOP = "top 3 nodes with the most failed jobs"
HOT = "GPUs above 60 C in the last 24 hours"
POWER = "Average GPU power by cluster in the last 24 hours"
RIGHT = {"measure": "failed jobs", "by": ["cluster"]}

FORMS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "another measure": (PER_CLUSTER, {**RIGHT, "measure": "GPU power"}),
    "a wider measure": (PER_CLUSTER, {**RIGHT, "measure": "jobs"}),
    "a measure like it": (PER_CLUSTER, {**RIGHT, "measure": "job failure rate"}),
    "a table that is not there": (PER_CLUSTER, {**RIGHT, "measure": "secret_table"}),
    "a query for a measure": (PER_CLUSTER, {**RIGHT, "measure": "count(*) FROM slurm_jobs; DROP TABLE slurm_jobs"}),
    "tickets for jobs": (PER_CLUSTER, {**RIGHT, "measure": "tickets"}),
    "no group": (PER_CLUSTER, {"measure": "failed jobs"}),
    "another group": (PER_CLUSTER, {**RIGHT, "by": ["node"]}),
    "a group that is not there": (PER_CLUSTER, {**RIGHT, "by": ["password"]}),
    "a filter that nobody said": (PER_CLUSTER, {**RIGHT, "only": ["c-b"]}),
    "a cluster that is not there": (PER_CLUSTER, {**RIGHT, "only": ["c-zz"]}),
    "something left out": (PER_CLUSTER, {**RIGHT, "without": ["c-a"]}),
    "a ranking": (PER_CLUSTER, {**RIGHT, "rank": "most", "n": 1}),
    "a limit": (PER_CLUSTER, {**RIGHT, "limit": "above", "value": 1_000_000}),
    "steps of time": (PER_CLUSTER, {**RIGHT, "over_time": "hour"}),
    "an aggregate": (PER_CLUSTER, {**RIGHT, "how": "p99"}),
    "a list": (PER_CLUSTER, {**RIGHT, "show": "list"}),
    "a window of its own": (LAST_DAY, {"measure": "failed jobs", "window": "400d", "start": "1970-01-01"}),
    "a time in the measure": (LAST_DAY, {"measure": "failed jobs, last year"}),
    "an answer instead of a form": (LAST_DAY, {"measure": "failed jobs", "answer": 0, "rows": [[0]]}),
    "the filter left out": (IN_ONE, {"measure": "failed jobs", "by": ["partition"]}),
    "the filter turned round": (IN_ONE, {"measure": "failed jobs", "by": ["partition"], "without": ["c-a"]}),
    "another cluster": (IN_ONE, {"measure": "failed jobs", "by": ["partition"], "only": ["c-b"]}),
    "ten times as many": (TOP, {"measure": "failed jobs", "by": ["node"], "rank": "most", "n": 30}),
    "the other end": (TOP, {"measure": "failed jobs", "by": ["node"], "rank": "least", "n": 3}),
    "fewer than none": (TOP, {"measure": "failed jobs", "by": ["node"], "rank": "most", "n": -3}),
    "another bound": (HOT, {"measure": "GPU core temperature", "by": ["gpu"], "limit": "above", "value": 600}),
    "the bound turned round": (HOT, {"measure": "GPU core temperature", "by": ["gpu"], "limit": "below", "value": 60}),
    "power for temperature": (HOT, {"measure": "GPU power", "by": ["gpu"], "limit": "above", "value": 60}),
    "another aggregate": (POWER, {"measure": "GPU power", "by": ["cluster"], "how": "lowest"}),
    "another column": (POWER, {"measure": "GPU core temperature", "by": ["cluster"], "how": "average"}),
}  # fmt: skip
PUT_RIGHT = frozenset({"no group", "the filter left out", "a window of its own", "an answer instead of a form"})
"""What the question says outright is put in, and keys that no form has are not read."""
OTHERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "a refusal of a good question": (PER_CLUSTER, {Role.GUARDRAIL: {"verdict": "orders_a_change"}}),
    "a verdict that is none": (PER_CLUSTER, {Role.GUARDRAIL: {"verdict": "sudo"}}),
}
GIZMO = "failed jobs per gizmo"
"""The rules do not know a word of it, so that a model is asked where it belongs."""
AREAS: dict[str, Any] = {
    "areas of somebody else": {"areas": ["parts", "logs"]},
    "no areas": {"areas": []},
    "areas that are none": {"areas": ["root", 7, None]},
    "areas that are no list": {"areas": "everything"},
}
UNANSWERABLE: dict[str, tuple[str, str]] = {
    "a quantity that nobody measures": ("What is the flux capacitance of cluster c-a?", "GPU power"),
    "a processor that is not watched": ("average CPU utilisation per node, last 24 hours", "GPU utilization"),
    "carbon is not energy": ("carbon footprint of c-a, last 2 days", "energy"),
    "a group that nobody knows": ("failed jobs per zonk", "failed jobs"),
    "a word that may mean six things": ("What is the failure rate?", "job failure rate"),
    "a cluster that does not exist": ("failed jobs in cluster c-z", "failed jobs"),
    "no measure at all": ("top five?", "failed jobs"),
    "nothing but a period": ("the average for the past 7 days", "GPU power"),
    "badges are no logins": ("list badge swipes for c-a, last night", "syslog lines"),
    "an order": ("please reboot node gpu-a-001", "remediations"),
}


def eager(measure: str) -> Callable[[Request], Mapping[str, Any]]:
    """A model to which everything is the same thing: the measure of every form, the meaning of every word."""
    return lambda r: {w: [measure] for w in r.schema["properties"]} if r.name == "glosses" else {"measure": measure}


@cache
def outcomes() -> dict[str, tuple[Answer, Answer]]:
    """Lie → the answer beside the liar, and the answer of the rules."""

    async def run() -> dict[str, tuple[Answer, Answer]]:
        told = {n: (q, {Role.QUERY_WRITER: form}) for n, (q, form) in FORMS.items()}
        told |= {n: (q, {Role.QUERY_WRITER: RIGHT, **lie}) for n, (q, lie) in OTHERS.items()}
        yes = {"verdict": "about_the_fleet"}
        told |= {n: (q, {Role.GUARDRAIL: yes, Role.QUERY_WRITER: eager(m)}) for n, (q, m) in UNANSWERABLE.items()}
        honest = {Role.GUARDRAIL: yes, Role.DIRECTOR: {"areas": ["slurm"]}, Role.QUERY_WRITER: {"gizmo": ["cluster"]}}
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            async with conversation(Path(folder)) as deps:
                talk = Conversation(deps)
                for name, (question, answers) in told.items():
                    deps.models = ScriptedModel(answers)
                    lied = await talk.ask(question, at=END)
                    deps.models = NO_MODELS
                    found[name] = lied, await talk.ask(question, at=END)
                for name, lie in AREAS.items():
                    deps.models = ScriptedModel({**honest, Role.DIRECTOR: lie})
                    lied = await talk.ask(GIZMO, at=END)
                    deps.models = ScriptedModel(honest)
                    found[name] = lied, await talk.ask(GIZMO, at=END)
        return found

    return asyncio.run(run())


def test_there_are_enough_lies() -> None:
    assert len(FORMS) + len(OTHERS) + len(AREAS) + len(UNANSWERABLE) >= 30


@pytest.mark.parametrize("name", [*FORMS, *OTHERS])
def test_a_lie_about_what_the_rules_explain_changes_nothing(name: str) -> None:
    question = (FORMS | OTHERS)[name][0]
    lied, honest = outcomes()[name]
    assert honest.status is Status.ANSWERED
    assert (lied.status, lied.text, lied.reading) == (honest.status, honest.text, honest.reading)
    assert lied.result is not None
    assert honest.result is not None
    assert lied.result.rows.equals(honest.result.rows)
    assert grounded(lied, question).loose == ()


@pytest.mark.parametrize("name", AREAS)
def test_a_lie_about_areas_changes_no_row(name: str) -> None:
    lied, honest = outcomes()[name]
    assert any(s.agent == "director, model" for s in lied.steps)
    assert (lied.status, lied.text) == (honest.status, honest.text)
    assert lied.status is Status.ANSWERED
    assert any("model's reading" in n for n in lied.notes)
    assert grounded(lied, GIZMO).loose == ()


@pytest.mark.parametrize("name", FORMS)
def test_a_lie_is_refused_dropped_or_said(name: str) -> None:
    lied, _ = outcomes()[name]
    writer = next(s.did for s in lied.steps if s.agent == "query writer")
    otherwise = any("read it otherwise" in n for n in lied.notes)
    refused, dropped = writer.startswith("gave no reading"), "; dropped what the question does not say" in writer
    assert otherwise or refused or dropped or name in PUT_RIGHT
    if not otherwise and not refused:
        assert any("Two readings agree" in n for n in lied.notes)


@pytest.mark.parametrize("name", [*FORMS, *OTHERS, *AREAS, *UNANSWERABLE])
def test_nothing_breaks(name: str) -> None:
    assert not any("Something broke" in step.did for answer in outcomes()[name] for step in answer.steps)


@pytest.mark.parametrize("name", UNANSWERABLE)
def test_a_lie_about_what_nobody_can_answer_is_asked_back(name: str) -> None:
    lied, honest = outcomes()[name]
    assert honest.status is not Status.ANSWERED
    assert (lied.status, lied.text) == (honest.status, honest.text)
    assert lied.evidence == ()


@pytest.mark.parametrize(
    ("expected", "got"),
    [("5 jobs failed", "7 jobs failed"), ("the hottest is gpu-a-001", "the hottest is gpu-a-002"),
     ("it fell by 12 %", "it rose by 12 %"), ("hardware, on 3 nodes", "hardware"), ("a switch", "2 switches")],
)  # fmt: skip
async def test_a_judge_that_calls_everything_the_same_is_not_believed(expected: str, got: str) -> None:
    verdict = await judged(expected, got, ScriptedModel({Role.JUDGE: {"verdict": "same"}}))
    assert verdict.equal is not True


async def test_a_judge_that_is_undecided_between_the_orders_is_not_believed() -> None:
    said = iter(({"verdict": "same"}, {"verdict": "different"}))
    model = ScriptedModel({Role.JUDGE: lambda _: next(said)})
    assert (await judged("a slow filesystem", "the storage was slow", model)).equal is None
    assert len(model.asked) == 2


async def test_a_judge_decides_what_the_rules_leave_open() -> None:
    model = ScriptedModel({Role.JUDGE: {"verdict": "same"}})
    assert (await judged("a slow filesystem", "the storage was slow", model)).equal is True
