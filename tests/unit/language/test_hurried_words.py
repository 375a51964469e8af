# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""Questions in the words of people in a hurry, as two blind sets asked them: kinds, not the questions of the sets themselves."""

import pytest

from llo11ypop.language.reading import Reading
from tests.reader_sample import AT, reader

READ = {
    # shares and their limits
    "what share of dev jobs ran longer than 2 hours": "share of jobs that are elapsed_s > 7200, only dev",
    "share of failed jobs with queue wait under 5 minutes": "share of failed jobs that are queue_wait_s < 300",
    "share of jobs longer than 2 hours that failed": "job failure rate, only elapsed_s > 7200",
    "what % of the time were c-b's gpus above 95% utilisation": "share of readings of GPU utilization that are gpu_util_pct > 95, only c-b",
    "percentage of kernel log lines at severity warning or above": "share of kernel log lines that are warning or worse",
    # side by side
    "c-b kubernetes events: normal vs warning": "Kubernetes events per type, only c-b, Normal, Warning",
    "/scratch read and write throughput per cluster": "average read rate and average write rate per cluster, only /scratch",
    "rtt p50 and p99 by cluster": "average median round trip and average p99 round trip per cluster",
    "longest and shortest queue wait by partition": "highest queue wait and lowest queue wait per partition",
    "does c-a have more failed jobs than c-b?": "failed jobs per cluster, only c-a, c-b",
    "jobs and gpu hours by user": "jobs and GPU-hours of finished jobs per user",
    "number of jobs and median wait by partition": "jobs and median queue wait per partition",
    "finished jobs per day: how many completed and how many failed?": "completed jobs and failed jobs",
    # days and parts of days
    "xids on the morning of 10 May": "XIDs, 10 May 2026, morning (06:00-12:00 UTC)",
    "failed jobs since the first of May": "failed jobs, since 1 May 2026",
    "failed jobs since the 15th": "failed jobs, since 15 May 2026",
    "jobs finished per hour on 10 May from 18:00 to midnight": "jobs, 2026-05-10 18:00 to 00:00, by hour",
    # ends that restate the ask
    "users with over 4 job failures since May 11 with the count": "failed jobs per user, with failed jobs > 4, since 11 May 2026",
    "which ports went down three times or more since 8 May, and how often?": "link flaps per port, with link flaps >= 3, since 8 May 2026",
    "gpus with xids, count by cluster": "GPUs (XIDs) per cluster",
    "which completed job ran longest on c-b and for how many hours": "run time per job, only c-b, completed",
    # one of them
    "ticket that took longest to restore since 1 May": "highest hours from first signal to return to service per ticket, since 1 May 2026",
    "when was gpu power highest in c-a": "highest GPU power, only c-a, last 7 days (default), by hour",
    "highest grad norm of each training run": "highest gradient norm per run",
    # conditions
    "failed single-GPU jobs": "failed jobs, only gpus = 1",
    "median run time of completed jobs with 8 or more GPUs by cluster": "median run time per cluster, only completed, gpus >= 8",
    "users with jobs on more than 3 distinct clusters": "different clusters per user, with different clusters > 3",
    "how many jobs were cancelled after running for less than 10 minutes": "cancelled jobs, only elapsed_s < 600",
    "count XIDs by code, leaving out 13 and 31": "XIDs per code, only not xids 13, 31",
    "how many GPUs did nothing at all on 10 May": "number of GPUs by highest GPU utilization, with highest GPU utilization = 0, 10 May 2026",
    "per run: count of saves with a duration above 600 s": "saved checkpoints per run, only duration_s > 600",
    "log lines per facility": "log lines per facility",
    "how many GPUs drew less than 50 W at some point on 10 May": "number of GPUs by lowest GPU power, with lowest GPU power < 50",
    "most GPUs asked for by pending jobs on c-b": "GPUs that pending jobs ask for, only c-b",
}  # fmt: skip
ASKED = (
    "how many new nodes this month",
    "why?",
    "which ones are over the limit right now?",
    "jobs with >= 8 gpus: % of all jobs and what share of gpu hours",
    "share of samples with core temperature > 60 degrees and the peak, per cluster",
)
THREADS = {
    ("how many jobs waited more than 10 minutes, last 4 days?", "and over half an hour?"): "jobs, only queue_wait_s > 1800, last 4 days",
    ("mean outlet temperature per rack", "which one is hottest?"): "average outlet temperature per rack, last 7 days (default), top 1",
    ("mean outlet temperature per rack", "and the coolest"): "average outlet temperature per rack, last 7 days (default), lowest 1",
    ("gpu hours by account, last 6 days", "number of jobs instead"): "jobs per account, last 6 days",
    ("mean write throughput per mount on c-b", "reads?"): "average read rate per mount, only c-b",
    ("highest GPU core temperature per cluster", "and the HBM?"): "highest HBM temperature per cluster",
    ("how many tickets came in by cluster?", "which of these are still open?"): "list of tickets, only open",
}  # fmt: skip


@pytest.mark.parametrize(("question", "text"), READ.items())
def test_hurried_words_are_read_as_plain_ones(question: str, text: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is not None, reading.clarify or reading.nothing
    assert reading.text.startswith(text)


@pytest.mark.parametrize("question", ASKED)
def test_what_would_lose_a_part_is_asked_back(question: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is None
    assert reading.clarify


@pytest.mark.parametrize(("thread", "text"), THREADS.items())
def test_a_short_follow_up_is_about_what_was_shown(thread: tuple[str, str], text: str) -> None:
    previous: Reading = reader().read(thread[0], AT)
    reading = reader().read(thread[1], AT, previous.scope)
    assert reading.plan is not None, reading.clarify or reading.nothing
    assert reading.text.startswith(text)
