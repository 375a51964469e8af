# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""What people type at three in the morning: short forms, no verbs, places in front, columns behind, first rows of each, dates of rows."""

import pytest

from llo11ypop.language import Scope
from tests.reader_sample import AT, reader

SHORT = {
    "whats the inlet temp in c-a": "average inlet temperature, only c-a",
    "gimme drained nodes w/ reason": "list of nodes drained or draining, latest reading",
    "failed jobs last hr": "failed jobs, last 1 hour",
    "which gpus over 80C rn": "highest GPU core temperature per GPU, with highest GPU core temperature > 80, latest reading",
    "XIDs by code since 3 May, everything but c-a": "XIDs per code, only not c-a, since 3 May 2026",
    "p99 rtt above 15 µs by cluster": "highest p99 round trip per cluster, with highest p99 round trip > 15",
    "GPUs hotter than 60 C": "highest GPU core temperature per GPU, with highest GPU core temperature > 60",
    "gpus hotter than 85C": "highest GPU core temperature per GPU, with highest GPU core temperature > 85",
    "which 3 nodes had the most failed jobs": "failed jobs per node, last 7 days (default), top 3",
    "3 hosts with most failed jobs": "failed jobs per node, last 7 days (default), top 3",
    "gpus hotter than 75 last hour": "highest GPU core temperature per GPU, with highest GPU core temperature > 75, last 1 hour",
    "who is hogging the gpus": "GPU-hours of finished jobs per user",
    "jobs killed by oom since monday": "jobs out of memory",
    "fs over 90% full": "highest used space per mount, with highest used space > 90",
    "tokens/s/GPU of r-118 last 6 hours": "tokens per second and GPU of the run, only r-118, last 6 hours",
    "is the p95 queue wait up from last week": "p95 queue wait, this week (not over yet), against last week",
    "how much hotter are c-b GPUs than c-a ones on average, last 24h": "average GPU core temperature per cluster, only c-b, c-a",
    "inlet went past 27C where": "highest inlet temperature per rack, with highest inlet temperature > 27",
    "jobs that waited more than 2h but ran less than 10 min": "jobs, only queue_wait_s > 7200, elapsed_s < 600",
}
NOW = {
    "how many gpus idle": "GPUs idle and schedulable, latest reading",
    "queue depth": "pending jobs, latest reading",
    "pending jobs by hour": "pending jobs, last 7 days (default), by hour",
    "alloc % per cluster now": "allocated share of GPUs in service per cluster, last hour",
}
BESIDE = {
    "c-a racks: fraction of facility inlet readings > 24°C": "share of readings of inlet temperature that are inlet_c > 24, only c-a",
    "c-a: % of k8s events of type Warning since 1 May": "share of Kubernetes events that are warning, only c-a",
    "are DLC nodes cooler than air ones? average gpu temp by cooling": "average GPU core temperature per cooling",
    "GPU allocation rate per cluster over the last 24h (allocated / total)": "allocated share of GPUs in service per cluster, last 24 hours",
    "fans under the lower critical limit, last 10 days (node and sensor)": "fans below the lower critical limit per node and sensor",
    "log lines at crit/emerg level from 1 may, with node and message": "list of log lines critical or emergency",
    "jobs with user and state yesterday": "list of jobs, yesterday",
    "xids per node, cluster and code": "XIDs per node and cluster and code",
}
KINDS = {
    "how many leaf and spine switches in each cluster": "leaf spine switches per cluster and role",
    "how many resets, reboots, drains and so on over the last eight days?": "remediations per action, last 8 days",
    "at this moment how many nodes are idle, allocated, down etc": "nodes per state, latest reading",
    "distinct xids on gpu-a-001 since sunday": "XIDs per code, only gpu-a-001",
    "distinct users with failed jobs": "users (failed jobs)",
    "number of symbol errors": "symbol errors",
    "current unit cost of the gpu parts": "unit cost per part number, only gpu",
    "average checkpoint save duration per run": "average duration of checkpoint saves per run",
}
FIRST_OF_EACH = {
    "top 3 users per partition by failed jobs last week": "failed jobs per user and partition, last week, top 3 of each partition",
    "hottest gpu in each cluster right now": "highest GPU core temperature per GPU and cluster, latest reading, top 1 of each cluster",
    "worst node per rack by xids": "XIDs per node and rack, last 7 days (default), top 1 of each rack",
    "longest job per user yesterday": "highest run time per job and user, yesterday, top 1 of each user",
    "top 5 nodes by failed jobs": "failed jobs per node, last 7 days (default), top 5",
    "failed jobs with at least 8 gpus": "failed jobs, only gpus >= 8",
    "failed jobs per node by rack": "failed jobs per node per rack",
    "worst p99 latency in c-a yesterday": "highest p99 round trip, only c-a",
    "fans below 3000 RPM in the past ten days, per cluster": "number of node and sensor pairs by lowest fan speed per cluster",
    "nodes whose warranty ends before June 2028, by vendor": "nodes per vendor, only warranty ends before June 2028",
}
THOSE_WITH_ANY = {
    "which ports had link flaps yesterday": "link flaps per port, with link flaps > 0",
    "list gpus that lost time to thermal throttling": "time throttled for heat per GPU, with time throttled for heat > 0",
    "which node pairs lost any probes in the ping mesh": "average share of probes lost per node and destination node, with average share of probes lost > 0",
    "nodes and their symbol errors": "symbol errors per node, last 7 days",
    "nodes whose combined GPU power went over 4500 W at some point yesterday": "highest power of GPUs together per node, with highest power of GPUs together > 4500",
    "list power feeds that dipped below 380 volts": "lowest feed voltage per rack and feed, with lowest feed voltage < 380",
}
DATES = {
    "what maintenance is planned for the next 3 days?": "maintenance windows per window and scope, only started next 3 days",
    "count by vendor of servers with warranty end earlier than 2028-06-01": "nodes per vendor, only warranty ends before 1 June 2028",
    "nodes installed in the last 90 days": "list of nodes, only installed last 90 days",
    "tickets closed since monday": "restored tickets, only restored since Monday",
    "xids between 2 and 4 last night": "XIDs, 2026-",
    "failed jobs since tue noon": "failed jobs, since 2026-",
    "slurm.conf changes since 10 days ago": "list of scheduler configuration changes, last 10 days",
    "when was gpu-a-001 drained": "first time: nodes drained or draining and last time: nodes drained or draining, only gpu-a-001",
}
GROUPS = {**SHORT, **NOW, **BESIDE, **KINDS, **FIRST_OF_EACH, **THOSE_WITH_ANY, **DATES}
ASKED = {
    "longest pending job": "no order",
    "p95 of failed jobs": "p95",
    "ratio of failed to completed jobs by cluster": "divided",
    "tensor activity by run": "per run",
    "longest running job right now": "one by one",
    "jobs longer than 24 hours and shorter than 1 hour": "both",
}
AHEAD = ("failed jobs next week", "xids tomorrow")
THREADS = {
    ("average p99 rtt in c-b", "c-a too"): "average p99 round trip per cluster, only c-b, c-a",
    ("failed jobs in c-b yesterday", "also c-a"): "failed jobs, only c-b, c-a",
    ("warning k8s events per cluster", "leave out BackOff"): "warning Kubernetes events per cluster, only not back-off",
    ("mean humidity in c-a", "all clusters side by side"): "average relative humidity per cluster",
    ("average median rtt by cluster", "p99 rtt too"): "average median round trip and average p99 round trip per cluster",
    ("err lines in syslog per node", "and warnings?"): "log lines per node, only warning",
    ("k8s evictions by cluster", "total across clusters"): "eviction Kubernetes events, last 7 days",
    ("average checkpoint duration per run", "how many saves were there"): "saved checkpoints",
    (
        "which nodes were drained more than once since 1 May?",
        "ok, then drains per day for the whole fleet",
    ): "drain remediations, since 1 May 2026, by day",
    ("how many tickets were opened since 1 May?", "different topic: number of nodes drained or down right now"): "nodes (",
}


@pytest.mark.parametrize(("question", "text"), GROUPS.items())
def test_what_people_in_a_hurry_mean(question: str, text: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is not None, (reading.clarify, reading.nothing)
    assert reading.text.startswith(text), reading.text


@pytest.mark.parametrize(("question", "why"), ASKED.items())
def test_what_would_be_a_guess_is_asked_back(question: str, why: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is None, reading.text
    assert why in (reading.clarify or ""), reading.clarify


@pytest.mark.parametrize("question", AHEAD)
def test_what_has_not_happened_yet_is_no_zero(question: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is None
    assert "still to come" in (reading.nothing or "")


@pytest.mark.parametrize(("turns", "text"), THREADS.items())
def test_a_second_question_changes_what_it_says(turns: tuple[str, str], text: str) -> None:
    first = reader().read(turns[0], AT)
    assert first.plan is not None, (first.clarify, first.nothing)
    second = reader().read(turns[1], AT, Scope.from_json(first.scope.to_json()))
    assert second.plan is not None, (second.clarify, second.nothing)
    assert second.text.startswith(text), second.text
