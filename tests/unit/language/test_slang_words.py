# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""Questions in operators' slang, as a blind set asked them: kinds in other words, and what would get lost asked back."""

import pytest

from tests.reader_sample import AT, reader

READ = {
    # the reading that holds an extreme, with its time
    "lowest feed voltage since 2 May: rack, feed and when": "list of lowest feed voltage, since 2 May 2026, lowest 1",
    "hottest inlet in fra2 yesterday, which rack and at what time": "list of highest inlet temperature, only fra2, yesterday, top 1",
    "worst rtt p99 on c-b last week with its time": "list of highest p99 round trip, only c-b, last week, top 1",
    "longest step time of r-117 since 18 May and when": "list of highest step time, only r-117",
    "count and last time of failed health checks per node": "health checks and last time: health checks per node, only",
    "latest xid per cluster": "XIDs and last time: XIDs per cluster",
    "fans reading below 3000 rpm since 1 May: node, fan, first time": "first time fan speed < 3000 per node and sensor",
    # what is left out, and the whole of a share
    "share of tickets past their deadline per site, open ones not counted": "share of tickets not open that are past their deadline per site",
    "jobs per account since 10 May, timeouts and cancelled jobs left out": "jobs not timed out not cancelled per account",
    "failed checks per node, skip gpu-a-001": "health checks failed (CRIT) per node, only not gpu-a-001",
    "what share of gpu hours went to timed out jobs per account": "share of GPU-hours of finished jobs that are timed out per account",
    "share of gpu hours of timed out jobs per account": "share of GPU-hours of finished jobs per account, only timed out",
    # one figure over another, a limit on the readings, sums of one moment
    "p90 of queue wait divided by run time per user": "p90 queue wait over run time per user",
    "what fraction of their time limit do jobs really use, median by account": "median run time over time limit per account",
    "mean hbm temp per cluster where board power > 300 W": "average HBM temperature per cluster, only power_w > 300",
    "peak total rack power of c-b at any one moment on 10 May, all feeds added up": "power of all rack feeds together, only c-b, 10 May 2026",
    "average unit cost by vendor": "average unit cost per vendor",
    "average rack power per site on feed A and on feed B": "average rack feed power per site and feed",
    # times
    "nodes per vendor with warranty ending between 1 Feb and 31 Mar 2027": "nodes per vendor, only warranty ends 1 February 2027 to 31 March 2027",
    "nodes whose warranty runs out in the second half of 2027, by cluster": "nodes per cluster, only warranty ends second half of 2027",
    "jobs with a runtime of over a day beginning 9 May": "jobs, only elapsed_s > 86400, since 9 May 2026",
    "compare failed jobs per cluster between 4 May and 11 May": "failed jobs per cluster, 11 May 2026, against 4 May 2026",
    # words of operators
    "which two c-a boxes worked their tensor cores hardest on 12 May": "average tensor core activity per node, only c-a, 12 May 2026, top 2",
    "pcie tx rate per node": "average PCIe send rate per node",
    "how many cards had the sw thermal slowdown bit yesterday": "GPUs (GPUs with a software thermal slowdown), yesterday",
    "median hours ticket opened -> back in service by site": "median hours from ticket to return to service per site",
    "mean lag first signal -> ticket per cluster": "average minutes from first signal to ticket per cluster",
    "what was done on gpu-a-002 since 3 May? time, action, who": "list of remediations, only gpu-a-002, since 3 May 2026",
    "how often did hosts of c-a log a kernel panic": "log lines with 'panic', only c-a",
    "minutes each stage was the slowest in r-118 on 12 May": "minutes in which it had the slowest rank per slowest stage, only r-118, 12 May 2026",
    "how many nodes by drain reason where reason starts with 'disk'": "nodes drained or down per reason, only reason starting with \"disk\"",
    "users ranked by jobs that ran over two hours, top 3": "jobs per user, only elapsed_s > 7200",
    "jobs that FAILED per user": "jobs in state FAILED per user",
    # sentences before the question
    "I'm writing the shift log. Failed jobs by cluster since 10 May?": "failed jobs per cluster, since 10 May 2026",
    "We wonder about cooling: average inlet temperature per site": "average inlet temperature per site",
    "Which teams have the flakiest jobs? Job failure rate per account": "job failure rate per account",
    "Is c-b acting up again? XIDs per node since 2 May": "XIDs per node, only c-b, since 2 May 2026",
}  # fmt: skip
ASKED = (
    # a part that would get lost
    "mean lead time: single source vs not",
    "lead time of parts with one vendor and of parts with more than one",
    "average kW of a rack's feeds by site",
    "highest inlet temperature per site and when",
    "why did it fall so much",
    "what made them drop",
    "encoder utilisation per cluster",
    "CPU temperature of gpu-a-001",
    "diesel level per site",
    "how many spare parts did we buy this month",
    "I only care about preempted ones. Jobs per user?",
)  # fmt: skip
NARROWED = {
    "Are failed jobs running longer? Median run time by account": "median run time per account, last",
    "How many jobs failed yesterday? How many GPUs are idle now?": "GPUs idle and schedulable",
}
"""An opening that narrows, or that asks by itself, is not left aside without a word."""


@pytest.mark.parametrize(("question", "text"), READ.items())
def test_slang_is_read_as_plain_words(question: str, text: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is not None, reading.clarify or reading.nothing
    assert reading.text.startswith(text)


@pytest.mark.parametrize("question", ASKED)
def test_what_would_lose_a_part_is_asked_back(question: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is None
    assert reading.clarify


@pytest.mark.parametrize(("question", "text"), NARROWED.items())
def test_an_opening_that_narrows_is_kept(question: str, text: str) -> None:
    assert not reader().read(question, AT).text.startswith(text)


def test_what_is_left_aside_is_said() -> None:
    reading = reader().read("I'm sorting cables. Link flaps per node since 2 May?", AT)
    assert any("left aside" in note and "cables" in note for note in reading.defaults)


def test_an_extreme_with_its_time_is_one_row_in_order_of_the_measure() -> None:
    plan = reader().read("lowest feed voltage since 2 May: rack, feed and when", AT).plan
    assert plan is not None
    step = plan.steps["result"].model_dump()
    assert step["limit"] == 1
    assert [(o["by"], o["desc"]) for o in step["order"]] == [("voltage_v", False)]
    assert {"ts", "rack", "feed", "voltage_v"} <= set(step["fields"])
