# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""What a question means when it is said another way: alternatives, clauses, values joined by 'and', slips, turns of speech."""

import pytest

from llo11ypop.language.intent import Intent
from tests.reader_sample import AT, reader

READ = {
    "power of c-a and c-b": "average GPU power per cluster, only c-a, c-b",
    "how many jobs failed in c-a and c-b": "failed jobs, only c-a, c-b",
    "how many jobs failed in the last 24 hours, and how many health checks were critical?": "failed jobs and health checks failed (CRIT), last 24 hours",
    "which cluster has the most failed jobs per node over the last 10 days?": "failed jobs per node per cluster, last 10 days",
    "how mnay jobs failed yesterday": "failed jobs, yesterday",
    "show every crit or emerg syslog line since 1 May": "list of log lines critical or emergency, since 1 May 2026",
    "XIDs per node excluding codes 13/31, last 9 days": "XIDs per node, only not codes 13, 31, last 9 days",
    "failed jobs last four days vs the four before": "failed jobs, last 4 days, against the 4 days before",
    "did any switch run more than one firmware version since 1 May? which": "different firmwares per switch, with different firmwares > 1",
    "share of gpu hours used by jobs with 16 gpus, last 7d": "share of GPU-hours of finished jobs that are gpus = 16, last 7 days",
    "the five failed jobs with the longest run time since May 4": "highest run time per job, only failed, since 4 May 2026, top 5",
    "median time between a fatal xid and the node back in service": "hours from fatal XID to return to service",
    "which accounts had no out-of-memory jobs since 1 May?": "jobs out of memory per account, with jobs out of memory = 0",
    "racks with inlet temperature above 27 degrees from 1 may and the peak of each": "highest inlet temperature per rack, with highest inlet temperature > 27, since 1 May 2026",
}  # fmt: skip
ASKED = (
    "and per node?",
    "nodes in a state other than OK",
    "jobs submitted per hour on 10 May between 08:00 and 14:00",
    "top failed jobs",
)
MEANT = {
    "nine fan alerts at 14:05 - is that one problem or nine separate ones": Intent.ONE_OR_MANY,
    "did we improve compared to last month": Intent.BETTER_OR_WORSE,
    "what made failures go up in May": Intent.WHY,
    "for the 5% of nodes most at risk in each cluster, who should fix them?": Intent.TECHNICIANS,
    "most replaced parts (top 5), and whose supply is riskiest": Intent.SUPPLY_RISK,
}


@pytest.mark.parametrize(("question", "text"), READ.items())
def test_other_words_are_read_as_plain_ones(question: str, text: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is not None, (reading.clarify, reading.nothing)
    assert reading.text.startswith(text), reading.text


@pytest.mark.parametrize("question", ASKED)
def test_what_has_no_sure_meaning_is_asked_back(question: str) -> None:
    reading = reader().read(question, AT)
    assert reading.plan is None
    assert reading.clarify


@pytest.mark.parametrize(("question", "intent"), MEANT.items())
def test_investigations_have_many_names(question: str, intent: Intent) -> None:
    assert reader().read(question, AT).intent is intent
