"""What an answer's sentence may say: numbers, instants and names that stand in what it cites."""

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from llo11ypop.core.question import Column, Result
from llo11ypop.evals.suite.grounded import grounded
from tests.unit.evals.suite.suite_samples import answer, evidence

ROWS = [
    {"cluster": "c-a", "failed": 34, "share": 0.2333, "wait_s": 5400.0, "first_at": datetime.fromisoformat("2026-05-03T03:10")},
    {"cluster": "c-b", "failed": 1234, "share": 0.0151, "wait_s": 36.8, "first_at": datetime.fromisoformat("2026-05-04T12:00")},
]
UNITS = {"failed": "1", "share": "1", "wait_s": "s"}


def loose(text: str, question: str = "How many jobs failed, top 5?", rows: list[dict[str, Any]] = ROWS) -> tuple[str, ...]:
    table = pa.Table.from_pylist(rows)
    columns = tuple(Column(n, n, "measure", UNITS.get(n, "")) for n in table.column_names)
    read = evidence(table, where="gpu_temp_c > 85")
    return grounded(answer(text, result=Result(columns, table, (read,)), evidence=(read,)), question).loose


@pytest.mark.parametrize(
    "text",
    [
        "c-a had 34 failed jobs, c-b 1,234.",
        "1.2k jobs failed in c-b.",
        "23 % of jobs failed; 1.5 % in c-b.",
        "The longest wait was 1.5 h, the shortest 36.8 s.",
        "The longest wait was 90 minutes.",
        "Two clusters had failures in the last 7 days.",
        "The top 5 are shown, from 1 May to 8 May 2026.",
        "It began on 2026-05-03 at 03:10.",
        "Over 85 °C: none is known.",
        "Most of them failed.",
        "1–8 May: 34 in c-a.",
    ],
)
def test_what_is_cited_may_be_said(text: str) -> None:
    assert loose(text) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("c-a had 35 failed jobs.", "35"),
        ("c-z had 34 failed jobs.", "c-z"),
        ("24 % of jobs failed.", "24"),
        ("The longest wait was 3 h.", "3"),
        ("It began on 5 June.", "month=6"),
        ("1.5k jobs failed.", "1500"),
        ("Thirteen jobs failed.", "13"),
        ("gpu-a-017 failed most.", "gpu-a-017"),
    ],
)
def test_what_is_not_cited_is_loose(text: str, what: str) -> None:
    found = loose(text)
    assert len(found) == 1 and what in found[0]


def test_the_share_counts_what_was_said() -> None:
    half = grounded(answer("34 and 35"), "")
    assert half.said == 2 and half.share == 0.5
    assert grounded(answer("Nothing stands out."), "").share == 1.0
