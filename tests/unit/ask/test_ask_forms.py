"""The answer as JSON, as CSV and on a terminal."""

import csv
import io
import json

import pytest
from rich.console import Console

from llo11ypop.ask.answer_json import answer_csv, answer_json
from llo11ypop.cli.ask import exit_code
from llo11ypop.cli.ask_view import safe, show
from llo11ypop.core.question import AgentStep, Status
from tests.ask_samples import CLUSTER, FAILED, answer, result

CONTRACT = {
    "status", "answer", "reading", "columns", "rows", "window", "definition", "evidence", "queries", "chart", "analysts",
    "followups", "thread", "seconds",
}  # fmt: skip


def test_the_json_has_every_field_others_read() -> None:
    made = answer_json(answer())
    assert made.keys() >= CONTRACT
    assert json.loads(json.dumps(made)) == made
    assert made["rows"] == [{"cluster": "c-a", "failed": 12}, {"cluster": "c-b", "failed": 3}]
    assert made["window"] == ["2026-05-01T00:00:00Z", "2026-05-22T00:00:00Z"]
    assert made["queries"] == [
        {"engine": "duckdb", "dataset": "slurm_jobs", "text": "SELECT 1 WHERE x = $1", "params": ["FAILED"]}
    ]
    assert made["evidence"] == ["00000000-0000-4000-8000-000000000001"]
    assert made["chart"] is None


def test_a_declined_answer_has_the_same_fields_and_no_rows() -> None:
    made = answer_json(answer(status=Status.DECLINED, result=None, window=None, evidence=(), queries=()))
    assert made.keys() >= CONTRACT
    assert (made["rows"], made["window"], made["status"]) == ([], None, "declined")


def test_not_a_number_is_null() -> None:
    rows = result((CLUSTER, FAILED), [{"cluster": "c-a", "failed": float("nan")}])
    assert answer_json(answer(rows))["rows"] == [{"cluster": "c-a", "failed": None}]


def test_csv_keeps_text_from_being_a_formula() -> None:
    rows = result((CLUSTER, FAILED), [{"cluster": "=HYPERLINK(1)", "failed": 2}, {"cluster": "c,b", "failed": -1}])
    parsed = list(csv.reader(io.StringIO(answer_csv(answer(rows)))))
    assert parsed == [["cluster", "failed"], ["'=HYPERLINK(1)", "2"], ["c,b", "-1"]]


def shown(made: object, **options: bool) -> str:
    console = Console(width=100, record=True, file=io.StringIO(), highlight=False)
    show(made, console, **options)  # type: ignore[arg-type]
    return console.export_text()


def test_the_terminal_shows_sentence_table_reading_query_and_followups() -> None:
    text = shown(answer(notes=("a note",)))
    for part in ("c-a has the most failed jobs: 12.", "cluster", "failed jobs per cluster", "SELECT 1 WHERE", "FAILED",
                 "2026-05-01 to 2026-05-21 (UTC)", "a note", "1. Split that by rack", "thread-1"):  # fmt: skip
        assert part in text


def test_explain_shows_each_step_with_its_time() -> None:
    text = shown(answer(steps=(AgentStep("guard", "let it in", 0.0012),)), explain=True)
    assert "guard" in text
    assert "1.2" in text


def test_many_rows_are_cut_and_counted() -> None:
    rows = result((CLUSTER, FAILED), [{"cluster": f"c-{i}", "failed": i} for i in range(45)])
    assert "and 25 more rows" in shown(answer(rows))


@pytest.mark.parametrize(
    ("text", "clean"),
    [("\x1b[31mred", "�[31mred"), ("a\u202eb", "a�b"), ("مرحبا", "مرحبا"), ("🙂 ok\nb", "🙂 ok\nb"), ("a\x07\x9b", "a��")],
)
def test_text_from_telemetry_cannot_steer_the_terminal(text: str, clean: str) -> None:
    assert safe(text) == clean


@pytest.mark.parametrize(("status", "code"), [("answered", 0), ("no_data", 0), ("clarify", 1), ("declined", 1), ("failed", 1)])
def test_exit_codes_say_whether_the_operator_must_act(status: str, code: int) -> None:
    assert exit_code(answer(status=Status(status))) == code
