# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""What is so now, what happened last, what never happened, which span of time had most, and shares of all things."""

from dataclasses import replace

import pytest

from llo11ypop.language import Reader
from llo11ypop.language.latest import LATEST
from tests.reader_sample import AT, VALUES, catalog, lexicon, reader


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("what's the power draw of c-b right now", f"average GPU power, only c-b, {LATEST}"),
        ("which rack has the warmest inlet air at the moment", f"highest inlet temperature per rack, {LATEST}"),
        ("GPUs above 75 C right now", f"highest GPU core temperature per GPU, with highest GPU core temperature > 75, {LATEST}"),
        ("how many nodes are down right now", f"nodes (down nodes), {LATEST}"),
        ("how many ports are down", f"ports (down ports), {LATEST} (default)"),
        ("how many XIDs right now", "XIDs, last hour"),
        ("latest XID on gpu-a-001", "list of XIDs, only gpu-a-001, all telemetry (default), newest 1"),
        ("when did gpu-a-001 last throw an XID", "list of XIDs, only gpu-a-001, all telemetry (default), newest 1"),
        ("the last 5 XIDs in c-a this week", "list of XIDs, only c-a, this week (not over yet), newest 5"),
        ("what's the oldest open ticket", "list of open tickets, all telemetry (default), oldest 1"),
        ("which nodes had no XID in the last 7 days", "XIDs per node, with XIDs = 0, last 7 days"),
        ("GPUs that never logged an XID", "XIDs per GPU, with XIDs = 0, all telemetry (default)"),
        ("nodes with no failed jobs last week", "failed jobs per node, with failed jobs = 0, last week"),
        ("how many nodes had zero remediations last week", "number of nodes by remediations, with remediations = 0, last week"),
        ("ports with no link flaps in the last 3 days", "link flaps per port, with link flaps = 0, last 3 days"),
        ("Which day had the most failed jobs in the last two weeks?", "failed jobs, last 2 weeks, by day, top 10"),
        ("top 3 days by failed jobs last 3 weeks", "failed jobs, last 3 weeks, by day, top 3"),
        ("what hour had the fewest OOM kills yesterday", "Kubernetes events OOM kill, yesterday, by hour, lowest 10"),
        ("most common remediations last 2 weeks", "remediations per action, last 2 weeks"),
        ("which health check fails most often this week", "health checks failed (CRIT) per check, this week (not over yet)"),
        ("the biggest job of last week", "highest GPUs of a job per job, last week"),
        ("what fraction of GPUs had any XID last week", "GPUs (XIDs) as a share of all GPUs, last week"),
        ("what share of nodes had at least one ticket last week", "nodes (tickets) as a share of all nodes, last week"),
        ("success rate of resets last week", "share of remediations GPU reset that are successful, last week"),
        ("what percentage of GPU samples showed utilisation under 5% in c-b yesterday", "share of readings of GPU utilization that are gpu_util_pct < 5, only c-b, yesterday"),
        ("share of GPUs in c-b above 80 C yesterday", "number of GPUs by highest GPU core temperature as a share of all GPUs, with highest GPU core temperature > 80, only c-b, yesterday"),
        ("how many jobs were submitted on 8 May", "jobs, only submitted 8 May 2026, 8 May 2026"),
        ("max pending jobs per cluster last week", "pending jobs per cluster, last week"),
        ("failed jobs by vendor of the nodes they ran on last week", "failed jobs per vendor, last week"),
        ("failed jobs by node vendor last week", "failed jobs per vendor, last week"),
        ("jobs running longer than 12 hours by partition last week", "jobs per partition, only elapsed_s > 43200, last week"),
        ("hottest rack inlet last week", "highest inlet temperature per rack, last week"),
        ("for every cluster: XIDs since 2 May, per 1000 gpus", "XIDs per 1,000 GPUs per cluster, since 2 May 2026"),
        ("Which clusters does northstar run?", "list of clusters, only northstar"),
        ("how many H100s per region", "GPUs per region, only NVIDIA H100 80GB HBM3"),
        ("XIDs other than 13 and 31 per node last week", "XIDs per node, only not xids 13, 31, last week"),
        ("XIDs per driver version of the node last week", "XIDs per driver, last week"),
        ("mean utilisation in all clusters other than c-b yesterday", "average GPU utilization, only not c-b, yesterday"),
        ("failed jobs in train and in dev last week", "failed jobs per partition, only train, dev, last week"),
        ("which three nodes ran the hottest on average last week", "average GPU core temperature per node, last week, top 3"),
        ("number of fans below 3000 rpm by cluster last week", "number of node and sensor pairs by lowest fan speed per cluster, with lowest fan speed < 3000, last week"),
        ("syslog lines saying link down per node this week", 'log lines per node, only message with "link down", this week (not over yet)'),
        ("when was the last AER correctable error logged?", 'list of error log lines, only message with "aer", message with "correctable", all telemetry (default), newest 1'),
    ],
)  # fmt: skip
def test_how_it_is_read(question: str, text: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is not None, (reading.clarify, reading.nothing)
    assert reading.text == text


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("average power of c-a in kW yesterday", "average power of c-a yesterday"),
        ("MTTR (hours), tickets of the last 10 days", "MTTR of tickets of the last 10 days"),
        ("failed jobs per-cluster last week", "failed jobs per cluster last week"),
        ("failed jobs that exited with 137 last week", "failed jobs with exit code 137 last week"),
        ("GPU utilization by cluster over the last day (24h)", "GPU utilization by cluster over the last day"),
        ("jobs queued for more than an hour last week", "jobs queued for more than 1 hour last week"),
        ("nodes w/ XID 79 last week", "nodes with XID 79 last week"),
    ],
)
def test_ways_of_saying_the_same(question: str, same: str) -> None:
    one, other = reader().read(question, AT), reader().read(same, AT)
    assert one.plan is not None, (one.clarify, one.nothing)
    assert one.plan == other.plan


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("average GPU power in hours", "measured in W, not in h"),
        ("cost of failed jobs last week", "cost"),
        ("share of racks above 30 C inlet yesterday", "share of readings"),
        ("is it better than the other one?", "of what?"),
        ("which day of the GPUs", "not told over time"),
    ],
)
def test_what_is_asked_back(question: str, says: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is None
    assert says in (reading.clarify or "")


def test_what_was_before_telemetry_is_not_zero() -> None:
    begun = replace(VALUES, since={"slurm_jobs": AT.replace(day=1, hour=0)})
    reading = Reader(catalog(), lexicon(), begun).read("how many jobs failed in March 2026", AT)
    assert reading.plan is None
    assert "begins on 1 May 2026" in (reading.nothing or "")
    assert Reader(catalog(), lexicon(), begun).read("how many jobs failed in May 2026", AT).plan is not None
