# ruff: noqa: E501 - a thread and what it means on one line reads as a table
"""Every operation of a follow-up: what it changes in the scope, and what it leaves as it was."""

from dataclasses import replace
from typing import Any

import pytest

from llo11ypop.language import Intent, Reading, Scope
from tests.reader_sample import AT, reader

A100 = ("NVIDIA A100-PCIE-40GB", "NVIDIA A100-SXM4-80GB")
H100 = ("NVIDIA H100 80GB HBM3",)
FAILED = "failed jobs by cluster last week"
WAIT = "queue wait by partition last 7 days"
POWER = "average GPU power by rack last 3 days"
XIDS = "XIDs by code last 14 days"


def last(*questions: str, shown: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Reading:
    """The reading of the last question; those before must be answered. `shown` is what the one before the last showed."""
    previous: Scope | None = None
    for question in questions[:-1]:
        reading = reader().read(question, AT, previous)
        assert reading.clarify is None and reading.nothing is None, f"{question}: {reading.clarify or reading.nothing}"
        previous = Scope.from_json(reading.scope.to_json())
    assert previous is not None
    return reader().read(questions[-1], AT, replace(previous, shown=shown))


def told(scope: Scope) -> dict[str, Any]:
    """A scope by its parts, those that say nothing left out."""
    parts: dict[str, Any] = {
        "measure": "+".join(q.label for q in scope.measures), "by": scope.by, "bucket": scope.bucket, "window": scope.window.label if scope.window else "",
        "compare": scope.compare.label if scope.compare else "", "top": scope.top, "desc": None if scope.desc else False, "per": scope.per, "share": scope.share,
        "having": tuple((t.op, t.value) for t in scope.having), "count_of": scope.count_of,
        "only": {f.field or f.words: f.values for f in scope.filters if f.op == "in" and f.field},
        "where": tuple(f.words for f in scope.filters if f.op == "expr"), "not": {f.field: f.values for f in scope.filters if f.op == "not in" and f.words},
        "planned": ("planned", "excluded") in scope.entities,
    }  # fmt: skip
    return {k: v for k, v in parts.items() if v or (v is False and k == "desc")}


BASE = {"measure": "failed jobs", "by": ("cluster",), "window": "last week"}
CHANGED: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    # window
    ((FAILED, "and yesterday?"), {**BASE, "window": "yesterday"}),
    ((FAILED, "over the last 3 days"), {**BASE, "window": "last 3 days"}),
    ((FAILED, "and the week before?"), {**BASE, "window": "the week before"}),
    (("failed jobs by cluster yesterday", "and the day before?", "and the day after?"), {**BASE, "window": "the day after"}),
    ((POWER, "7 days instead of 3"), {"measure": "average GPU power", "by": ("rack",), "window": "last 7 days"}),
    (("failed jobs last 14 days", "And how many XIDs did GPUs log over the same 14 days?"), {"measure": "XIDs", "window": "last 14 days"}),
    # groups: set, replaced, extended, dropped
    ((FAILED, "by account instead"), {**BASE, "by": ("account",)}),
    ((FAILED, "by account"), {**BASE, "by": ("account",)}),
    ((FAILED, "split that by account"), {**BASE, "by": ("cluster", "account")}),
    ((FAILED, "also by account"), {**BASE, "by": ("cluster", "account")}),
    ((FAILED, "by account too"), {**BASE, "by": ("cluster", "account")}),
    (("failed jobs by cluster and account last week", "by partition instead of account"), {**BASE, "by": ("cluster", "partition")}),
    (("failed jobs by cluster and account last week", "not by account"), BASE),
    ((FAILED, "without the grouping"), {"measure": "failed jobs", "window": "last week"}),
    ((FAILED, "in total"), {"measure": "failed jobs", "window": "last week"}),
    ((FAILED, "just the total"), {"measure": "failed jobs", "window": "last week"}),
    (("failed jobs in c-a last week", "by cluster"), BASE),
    ((XIDS, "which nodes?"), {"measure": "XIDs", "by": ("node_id",), "window": "last 14 days"}),
    # time buckets
    ((FAILED, "by day"), {**BASE, "bucket": "day"}),
    (("failed jobs per day last week", "by week instead"), {"measure": "failed jobs", "bucket": "week", "window": "last week"}),
    (("failed jobs by cluster per day last week", "not by day"), BASE),
    (("failed jobs per day last week", "by cluster instead"), BASE),
    # conditions
    ((FAILED, "only H100"), {**BASE, "only": {"gpu_model": H100}}),
    ((FAILED, "only c-a and c-b", "not c-b"), {**BASE, "only": {"cluster": ("c-a",)}}),
    ((FAILED, "without c-b"), {**BASE, "not": {"cluster": ("c-b",)}}),
    ((FAILED, "in c-a", "and for c-b"), {**BASE, "only": {"cluster": ("c-b",)}}),
    ((FAILED, "in c-a", "also c-b"), {**BASE, "only": {"cluster": ("c-a", "c-b")}}),
    ((FAILED, "in c-a", "c-b instead of c-a"), {**BASE, "only": {"cluster": ("c-b",)}}),
    ((FAILED, "in c-a", "same for provider helion"), {**BASE, "only": {"provider": ("helion",)}}),
    ((FAILED, "in c-a", "all clusters again"), BASE),
    ((FAILED, "in c-a", "drop c-a"), BASE),
    ((FAILED, "only H100", "in c-a", "drop the cluster filter"), {**BASE, "only": {"gpu_model": H100}}),
    ((FAILED, "user u1001", "in c-a", "the whole fleet"), {**BASE, "only": {"user": ("u1001",)}}),
    ((FAILED, "in c-a", "drop the filter"), BASE),
    ((FAILED, "in c-b", "what about H100?"), {**BASE, "only": {"gpu_model": H100}}),
    ((XIDS, "only 79"), {"measure": "XIDs", "by": ("code",), "window": "last 14 days", "only": {"code": (79.0,)}}),
    ((XIDS, "31 and 79", "without 79"), {"measure": "XIDs", "by": ("code",), "window": "last 14 days", "only": {"code": (31.0,)}}),
    (("Parts replaced by site in the last 90 days", "only fans"), {"measure": "part replacements", "by": ("site",), "window": "last 90 days", "where": ("fan",)}),
    (("average run time of failed jobs by account last week", "and cancelled ones?"), {"measure": "average run time", "by": ("account",), "window": "last week", "where": ("cancelled",)}),
    # measures and aggregates
    ((FAILED, "what about queue wait?"), {**BASE, "measure": "average queue wait"}),
    ((FAILED, "in c-a", "and XIDs?"), {**BASE, "measure": "XIDs", "only": {"cluster": ("c-a",)}}),
    ((FAILED, "and cancelled?"), {**BASE, "measure": "cancelled jobs"}),
    ((FAILED, "also GPU hours"), {**BASE, "measure": "failed jobs+GPU-hours of finished jobs"}),
    ((WAIT, "and the median?"), {"measure": "median queue wait", "by": ("partition",), "window": "last 7 days"}),
    ((WAIT, "p95 instead of the mean"), {"measure": "p95 queue wait", "by": ("partition",), "window": "last 7 days"}),
    ((WAIT, "p95 and p99"), {"measure": "p95 queue wait+p99 queue wait", "by": ("partition",), "window": "last 7 days"}),
    ((WAIT, "the maximum too"), {"measure": "average queue wait+highest queue wait", "by": ("partition",), "window": "last 7 days"}),
    (("How many nodes were drained in the last 7 days, by cluster?", "and down?"), {"measure": "down nodes", "by": ("cluster",), "window": "last 7 days"}),
    # order, first rows, thresholds
    ((FAILED, "only the top 3"), {**BASE, "top": 3}),
    ((FAILED, "top 3", "top 5 instead"), {**BASE, "top": 5}),
    ((FAILED, "top 3", "all of them"), BASE),
    (("GPU-hours by account last week", "only the top 3", "by partition instead of account, all of them"), {"measure": "GPU-hours of finished jobs", "by": ("partition",), "window": "last week"}),
    ((FAILED, "lowest first"), {**BASE, "desc": False}),
    ((FAILED, "best first"), {**BASE, "desc": False}),
    ((FAILED, "ascending", "reverse it"), BASE),
    (("tokens per second by run last 24 hours", "which run is slowest?"), {"measure": "average tokens per second", "by": ("run_id",), "window": "last 24 hours", "desc": False}),
    ((POWER, "only above 300 W"), {"measure": "average GPU power", "by": ("rack",), "window": "last 3 days", "having": ((">", 300.0),)}),
    ((WAIT, "which of them waited more than 2 hours?"), {"measure": "average queue wait", "by": ("partition",), "window": "last 7 days", "having": ((">", 7200.0),)}),
    ((POWER, "only above 300 W", "without the threshold"), {"measure": "average GPU power", "by": ("rack",), "window": "last 3 days"}),
    (("GPUs above 85 °C today", "how many?"), {"measure": "highest GPU core temperature", "window": "today", "having": ((">", 85.0),), "count_of": "gpu_uuid"}),
    # shares, sizes, comparisons, planned work
    ((FAILED, "as a share"), {**BASE, "share": True}),
    ((FAILED, "as a share", "absolute numbers again"), BASE),
    ((FAILED, "per GPU"), {**BASE, "per": "gpu"}),
    ((FAILED, "per 1,000 GPUs"), {**BASE, "per": "1000_gpus"}),
    ((FAILED, "per GPU", "not per GPU"), BASE),
    ((FAILED, "compare with the week before"), {**BASE, "compare": "the week before"}),
    ((FAILED, "compare with the week before", "without the comparison"), BASE),
    (("failed jobs last week in c-a", "compare with c-b"), {**BASE, "only": {"cluster": ("c-a", "c-b")}}),
    ((FAILED, "last month vs this month"), {**BASE, "window": "this month", "compare": "last month"}),
    ((FAILED, "sum it up"), {"measure": "failed jobs", "window": "last week"}),
    ((FAILED, "change it to daily"), {**BASE, "bucket": "day"}),
    ((FAILED, "same as above but last month"), {**BASE, "window": "last month"}),
    ((FAILED, "repeat for c-b"), {**BASE, "only": {"cluster": ("c-b",)}}),
    ((FAILED, "filter by cluster c-a"), {**BASE, "only": {"cluster": ("c-a",)}}),
    ((FAILED, "also show successful ones"), {**BASE, "measure": "failed jobs+completed jobs"}),
    (("Evictions by reason, last 24 h.", "now the same for OOM kills"), {"measure": "Kubernetes events OOM kill", "by": ("reason",), "window": "last 24 hours"}),
    ((FAILED, "exclude the maintenance window"), {**BASE, "planned": True}),
    ((FAILED, "exclude the maintenance window", "with maintenance"), BASE),
]  # fmt: skip


@pytest.mark.parametrize(("thread", "expected"), CHANGED, ids=[" > ".join(t) for t, _ in CHANGED])
def test_a_follow_up_changes_what_it_says_and_nothing_else(thread: tuple[str, ...], expected: dict[str, Any]) -> None:
    reading = last(*thread)
    assert reading.clarify is None and reading.nothing is None
    assert told(reading.scope) == expected
    assert reading.plan is not None


ASKED = [
    (FAILED, "and the median?"), (FAILED, "p95"), (FAILED, "is that normal?"), (FAILED, "tell me more"), (FAILED, "go back"), (FAILED, "which ones?"),
    (FAILED, "and the others?"), (FAILED, "sort by account"), (FAILED, "newest first"), (FAILED, "how about frobnication?"), (FAILED, "top 3", "split them by account"),
    (FAILED, "drop the filter"), (FAILED, "drop the account filter"), (FAILED, "without the comparison"), (FAILED, "not by rack"), (FAILED, "by account instead of rack"),
    (FAILED, "c-b instead of c-a"), (FAILED, "in c-a", "without c-a"), (FAILED, "in c-a", "not c-b"), (FAILED, "include c-a again"), (FAILED, "those nodes"),
    (FAILED, "absolute numbers"), (FAILED, "with maintenance"), (FAILED, "compare with the 2 days before"), (FAILED, "without the threshold"),
    (FAILED, "those with more than 100 GPUs"), (POWER, "highest"), (POWER, "as a share"), (POWER, "how many racks?"), (XIDS, "by cluster", "per GPU"),
    ("failed jobs last week", "as a share"), ("failed jobs last week", "worst first"), ("failed jobs last week", "top 3"), ("failed jobs last week", "above 10"),
    ("failed jobs per day last week", "top 3"), ("failed jobs last week", "only timeouts", "and the mean?"), ("why did jobs fail in May?", "what about it?"),
    (FAILED, "per job"), (FAILED, "relative to the number of jobs"), (FAILED, "at night"), ("open tickets by queue", "how old are they?"), (POWER, "top 5", "and temperature?"),
]  # fmt: skip


@pytest.mark.parametrize("thread", ASKED, ids=[" > ".join(t) for t in ASKED])
def test_what_no_operation_explains_is_asked_back(thread: tuple[str, ...]) -> None:
    assert last(*thread).clarify


FRESH = [
    (FAILED, "How many jobs are pending right now?"), (FAILED, "GPU power by rack"), (FAILED, "Which users' jobs fail most?"), (FAILED, "how healthy is the fleet right now?"),
    ("failed jobs in c-a by account last week", "What is the mean GPU temperature of each cluster over the last 24 hours?"),
    ("failed jobs in c-a by account last week", "Then the highest GPU temperature per cluster in the last 5 days"),
    ("failed jobs in c-a by account last week", "In c-b, how many XIDs were logged yesterday?"),
    ("failed jobs in c-a by account last week", "which nodes had XIDs yesterday and their racks"),
    ("why did jobs fail in c-a in May?", "GPU-hours by account in the last 14 days"),
    ("failed jobs in c-a last week", "failed jobs as a share by account, last month"),
]  # fmt: skip


@pytest.mark.parametrize("thread", FRESH, ids=[" > ".join(t) for t in FRESH])
def test_a_question_that_is_complete_inherits_nothing(thread: tuple[str, ...]) -> None:
    alone = reader().read(thread[-1], AT)
    assert last(*thread).scope == alone.scope
    assert not any(d.startswith("kept") for d in last(*thread).defaults)


def test_figures_can_be_asked_for_behind_a_why() -> None:
    thread = (
        "failed jobs by day in c-a last 14 days",
        "why more failures in May?",
        "Same for provider helion, just the number of failed jobs of the last 14 days",
    )
    reading = last(*thread)
    assert told(reading.scope) == {"measure": "failed jobs", "window": "last 14 days", "only": {"provider": ("helion",)}}
    assert reading.intent is Intent.VALUE
    assert last(*thread[:2], "by account").scope.by == ("account",)


def test_an_investigation_of_another_place_stays_one() -> None:
    reading = last("What are the most likely causes of last night's problem?", "and the night before?", "only c-a")
    assert reading.intent is Intent.CAUSES
    assert reading.scope.entity("cluster") == "c-a"
    assert reading.scope.window is not None and reading.scope.window.label == "the night before"


SHOWN = (("node_id", ("gpu-a-001", "gpu-b-001")),)


def test_those_are_the_things_that_were_shown() -> None:
    reading = last("XIDs by node last week", "top 2", "what is their mean GPU temperature?", shown=SHOWN)
    assert told(reading.scope) == {
        "measure": "average GPU core temperature", "by": ("node_id",), "window": "last week", "only": {"node_id": SHOWN[0][1]},
    }  # fmt: skip


def test_splitting_a_ranking_keeps_the_things_that_were_shown() -> None:
    reading = last("XIDs by node last week", "top 2", "split them by code", shown=SHOWN)
    assert told(reading.scope) == {
        "measure": "XIDs",
        "by": ("node_id", "code"),
        "window": "last week",
        "only": {"node_id": SHOWN[0][1]},
    }


def test_one_of_several_is_asked_for() -> None:
    assert "gpu-a-001" in (last("XIDs by node last week", "that node by day", shown=SHOWN).clarify or "")
    one = (("node_id", ("gpu-b-001",)),)
    assert told(last("XIDs by node last week", "top 1", "that node by day", shown=one).scope)["only"] == {
        "node_id": ("gpu-b-001",)
    }


def test_what_was_kept_and_what_fell_away_is_said() -> None:
    reading = last(FAILED, "in c-a", "top 3", "by account, all of them")
    assert "kept from before: failed jobs, c-a, last week" in reading.defaults
    assert "no longer: per cluster, the first 3" in reading.defaults


@pytest.mark.parametrize(
    ("said", "chart"), [("as a bar chart", True), ("plot that", True), ("as a table", False), ("as csv", False)]
)
def test_a_form_changes_no_rows(said: str, chart: bool) -> None:
    plain, formed = last(FAILED, "in c-a"), last(FAILED, "in c-a", said)
    assert formed.plan == plain.plan
    assert formed.wants_chart is chart
