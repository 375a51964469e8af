# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""Questions to plans: what is measured, over what, by what, under which conditions."""

import pytest

from llo11ypop.language import Intent
from llo11ypop.language.reading import Reading
from llo11ypop.query.check import check
from llo11ypop.query.plan import Plan, Select
from tests.reader_sample import AT, catalog, reader

READABLE = [
    "How many jobs failed yesterday?", "job failure rate by account", "p95 queue wait by cluster", "top 5 accounts by GPU hours this month",
    "GPU hours of user u1001 last week", "pending jobs by cluster", "idle GPUs right now", "reasons jobs are pending", "which nodes are down",
    "failed health checks by check name last 3 days", "GPU availability per provider", "node hours lost per cluster this week",
    "average GPU temperature per cluster", "hottest 5 GPUs in the last 24 hours", "GPUs above 85 °C today", "p99 HBM temperature of H100 GPUs",
    "total GPU power by cluster", "PCIe replays per node, top 10", "Nodes with row-remap pending.", "XIDs by code last week",
    "Count XID 79 by node, last 14 days, deduplicated.", "XIDs per 1,000 GPUs by cluster", "remediations by action last 7 days",
    "Nodes with > 5 remediations in 7 days", "fan failures by rack", "PSUs with redundancy lost, by site", "max inlet temperature per rack this week",
    "Humidity outside 20-80 %: where and how long?", "Which racks' inlet temperature rose > 5 °C within 30 min?", "lowest voltage per feed",
    "breaker trips last week by rack", "any coolant leaks this month?", "Ports that flapped ≥ 3 times in 12 h.", "which switches are unreachable",
    "average p99 latency by cluster", "free space on /scratch by cluster", "write bandwidth by cluster, hourly, last 24 hours",
    "Evictions by reason, last 24 h.", "nodes not ready right now", "kernel error log lines by node last 3 days", "parts replaced by type in the last 30 days",
    "stock on hand by part", "parts with lead time over 60 days", "single sourced parts", "open tickets by queue", "mean time to restore by cluster",
    "which technicians have optics skills", "Technicians with liquid-cooling skill at site fra2 free tonight.", "Which GPU serials have been in more than one node?",
    "Median time from fatal XID to return to service.", "average MFU per run", "checkpoint duration p95 by mount", "Which provider gives the best goodput per GPU?",
    "how many nodes per cluster", "maintenance windows this week", "which nodes do users exclude most", "Longest queue waits this week and why?",
    "Drain reasons this week, grouped.", "NVLink replay errors per GPU hour for cluster b.", "What share of failures are user code?",
    "Mean HBM temperature per H100 cluster, p50/p95/p99.", "Step-time p95 of run r-118 before and after node gpu-b-001 was replaced.",
    "How many GPUs exceeded the normal temperature range yesterday?", "Which clusters have the worst fan failures?", "Which users' jobs fail most?",
    "Did preemption get worse?", "How much thermal throttling last week?", "failed jobs per node last week", "switch firmware versions",
    "training loss of r-117 over time", "tokens per second by run", "scheduler cycle time max by cluster yesterday", "jobs with exit code 137 by user",
]  # fmt: skip


def _read(question: str) -> Reading:
    return reader().read(question, AT)


def _select(reading: Reading) -> Select:
    assert reading.plan is not None, (reading.clarify, reading.nothing)
    return next(iter(reading.plan.selects.values()))


@pytest.mark.parametrize("question", READABLE)
def test_a_readable_question_gives_a_plan_that_the_catalog_allows(question: str) -> None:
    reading = _read(question)
    assert isinstance(reading.plan, Plan), (reading.clarify, reading.nothing)
    schema = check(reading.plan, catalog())[reading.plan.result]
    assert {c.name for c in reading.columns} <= set(schema)
    assert reading.text
    assert reading.areas


def test_failed_is_not_cancelled() -> None:
    failed = str(_select(_read("How many jobs failed?")).where)
    assert "'NODE_FAIL'" in failed
    assert "CANCELLED" not in failed
    assert str(_select(_read("How many jobs were cancelled?")).where) == "state = 'CANCELLED'"


def test_the_worst_of_places_is_by_rate() -> None:
    reading = _read("Which clusters have the worst fan failures?")
    assert reading.columns[1].name == "failed_fans_per_1000_gpus"
    assert any("by rate" in d for d in reading.defaults)


def test_kubernetes_events_are_summed_by_their_count() -> None:
    measure = next(iter(_select(_read("evictions by namespace")).measures.values()))
    assert (measure.agg, str(measure.field)) == ("sum", "count")


def test_xids_are_deduplicated_and_not_read_from_the_sticky_gauge() -> None:
    reading = _read("how many XIDs last week")
    assert [s.dataset for s in reading.plan.selects.values()] == ["gpu_events"]  # type: ignore[union-attr]
    assert "once" in reading.definition


def test_a_named_threshold_is_read_in_its_unit() -> None:
    assert "elapsed_s > 86400" in str(_select(_read("how many jobs ran longer than 24 hours?")).where)
    assert "gpus > 32" in str(_select(_read("how many jobs used more than 32 GPUs?")).where)


def test_negation_excludes() -> None:
    assert "cluster != 'c-b'" in str(_select(_read("failed jobs excluding cluster b")).where)
    assert "not (state = 'COMPLETED')" in str(_select(_read("jobs that were not completed, by partition")).where)


def test_a_count_of_things_that_meet_a_threshold() -> None:
    reading = _read("how many users had more than 20 failed jobs in the last 14 days")
    assert reading.scope.count_of == "user"
    assert reading.scalar


def test_a_comparison_of_two_periods_has_both_and_the_change() -> None:
    reading = _read("compare failed jobs this week vs last week")
    assert reading.intent is Intent.COMPARE
    assert [c.name for c in reading.columns] == [
        "failed_jobs",
        "failed_jobs_before",
        "failed_jobs_change",
        "failed_jobs_change_pct",
    ]


def test_a_comparison_of_two_values_groups_by_them() -> None:
    assert _read("GPU temperature in c-a versus c-b").scope.by == ("cluster",)


def test_a_share_has_its_part_and_its_whole() -> None:
    reading = _read("what share of failed jobs were out of memory")
    assert reading.intent is Intent.SHARE
    assert reading.columns[0].name == "share_pct"


def test_the_default_window_is_told() -> None:
    reading = _read("failed jobs by cluster")
    assert reading.scope.window is not None and reading.scope.window.defaulted
    assert "no time was named: last 7 days" in reading.defaults


def test_a_partial_day_is_told() -> None:
    assert any("not over yet" in d for d in _read("Job failures today").defaults)


def test_a_chart_without_a_group_is_over_time() -> None:
    reading = _read("Show me a chart of job failures")
    assert (reading.intent, reading.scope.bucket, reading.wants_chart) == (Intent.TREND, "day", True)


def test_how_things_are_now_is_the_latest_reading() -> None:
    reading = _read("how many nodes are drained right now?")
    assert "as of the latest reading" in reading.defaults
    assert next(iter(_select(reading).measures.values())).agg == "last"


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("failed jobs by cluster last week", "last week, failed jobs per cluster"),
        ("failed jobs by cluster last week", "How many jobs failed in each cluster last week?"),
        ("failed jobs by cluster last week", "job failures for every cluster, last week"),
        ("failed jobs by cluster last week", "please show the number of failed jobs by clsuter last week"),
        ("average GPU temperature per node yesterday", "mean GPU temp by host, yesterday"),
        ("average GPU utilization of H100s", "mean utilisation of the H100 GPUs"),
        ("how many XID 79 since 5 May", "XID-79 count since May 5"),
        ("Nodes with > 5 remediations in 7 days", "which nodes had more than five remediations in the last 7 days"),
    ],
)
def test_other_words_give_the_same_plan(question: str, same: str) -> None:
    first, second = _read(question), _read(same)
    assert first.plan is not None
    assert first.plan == second.plan, second.clarify


def test_a_misspelling_is_put_right_and_told() -> None:
    assert "'tempreture' read as 'temperature'" in _read("average GPU tempreture by cluster").defaults


def test_a_field_that_is_not_exported_names_its_proxy() -> None:
    reading = reader("gpu_metrics.thermal_violation_ns_total").read("how much thermal throttling last week", AT)
    assert any("not exported" in d and "85" in d for d in reading.defaults)
