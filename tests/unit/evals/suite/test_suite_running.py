"""From cases and answers to records, figures, comparison and pages; with a system that says what the test wants."""

import json
from dataclasses import replace
from datetime import UTC
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml

from llo11ypop.core.errors import ConfigError, StoreError
from llo11ypop.core.question import Status
from llo11ypop.core.vocabulary import Area
from llo11ypop.evals.suite.case import Case, ComponentCase
from llo11ypop.evals.suite.fleets import FleetFile
from llo11ypop.evals.suite.html import page
from llo11ypop.evals.suite.metrics import below, figures
from llo11ypop.evals.suite.outcome import Outcome
from llo11ypop.evals.suite.paired import compare, mcnemar, read_records
from llo11ypop.evals.suite.record import Record, record_from_json
from llo11ypop.evals.suite.report import as_json, failing, text
from llo11ypop.evals.suite.runner import run_case, run_cases
from llo11ypop.evals.suite.sharing import shared
from llo11ypop.evals.suite.suite import judge_pairs, run_suite
from llo11ypop.evals.suite.truth import Prepared, check_sql, prepare
from tests.unit.evals.suite.suite_samples import END, Fake, answer, case, fleet_file, refusal

FAILED = "SELECT count(*) FROM slurm_jobs WHERE state = 'FAILED' AND end_at < {at}"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet_file(tmp_path_factory.mktemp("fleet"))


async def nothing_wrong(prepared: Prepared) -> list[str]:
    return []


async def nothing_made(prepared: Prepared) -> Outcome:
    return Outcome("cycle", Status.ANSWERED, "No proposals.", "No proposals.")


async def ran(fleet: Path, given: Case | ComponentCase, says: dict[str, Any] | None = None) -> Record:
    (one,) = prepare([given], fleet)
    return await run_case(one, Fake(says or {}), "f", component=nothing_wrong, made=nothing_made)


def expecting(**expect: Any) -> Case:
    return case(expect={"sql": FAILED, "match": "value", **expect})


def test_the_truth_is_read_with_placeholders_and_values(fleet: Path) -> None:
    given = case(
        at="day:2", values={"c": "SELECT max(cluster) FROM slurm_jobs", "when": "SELECT max(end_at) FROM slurm_jobs"},
        question="failed jobs of {c}", expect={"sql": FAILED + " AND cluster = '{c}'", "fact": {"sql": "SELECT 0.5"}},
    )  # fmt: skip
    (one,) = prepare([given], fleet)
    assert one.values == {"c": "c-b", "when": "2026-05-05 03:00"} and one.said(given.question) == "failed jobs of c-b"
    assert one.at.tzinfo is UTC and one.at.day == 3
    assert one.truths[0].accepted[0].rows == ((8,),) and one.truths[0].fact == "0.5"


async def test_a_case_that_does_not_apply_is_left_out(fleet: Path) -> None:
    record = await ran(fleet, case(values={"run": "SELECT NULL"}, expect={"mentions": ["x"]}))
    assert record.missing == "this fleet has no run" and not record.judged


async def test_wrong_sql_is_an_error_of_the_harness(fleet: Path) -> None:
    record = await ran(fleet, case(expect={"sql": "SELECT x FROM nowhere"}))
    assert record.error.startswith("truth: Catalog Error") and not record.passed and not record.judged
    assert check_sql([case(expect={"sql": "SELECT x FROM nowhere"})], fleet)[0].startswith("x: truth: Catalog Error")
    empty = case(expect={"sql": "SELECT 1 WHERE false"})
    assert check_sql([empty], fleet) == ["x: turn 1: the truth has no rows"]


@pytest.mark.parametrize(
    ("expect", "said", "passed", "result", "problem"),
    [
        ({}, answer(), True, "right", ""),
        ({}, answer("35 jobs failed.", [{"failed": 35}]), False, "silent_wrong", "rows differ"),
        ({}, refusal(Status.CLARIFY), False, "asked_back", "clarify instead of answered"),
        ({}, refusal(Status.DECLINED), False, "declined", "declined instead of answered"),
        ({}, refusal(Status.NO_DATA), False, "declined", "no_data instead of answered"),
        ({"status": ["answered", "no_data"]}, refusal(Status.NO_DATA), False, "declined", "no_data although there are rows"),
        ({"status": ["answered", "clarify"]}, refusal(Status.CLARIFY), True, "asked_back", ""),
        ({}, answer("36 jobs failed."), False, "right", "not grounded: 36"),
        ({"accept": ["SELECT 35"]}, answer("35 jobs failed.", [{"failed": 35}]), True, "right", ""),
        ({"chart": "bar"}, answer(), True, "right", ""),
        ({"chart": "line"}, answer(), False, "right", "bar chart instead of line"),
        ({"chart": "none"}, answer(), False, "right", "a bar chart where none helps"),
        ({"chart": "any"}, answer(chart=None), False, "right", "no chart"),
        ({"mentions": ["failed jobs"]}, answer(), True, "right", ""),
        ({"mentions": ["May"]}, answer(), False, "right", "does not mention 'May'"),
        ({"forbidden": ["34"]}, answer(), False, "right", "says '34'"),
        ({"evidence": ["slurm_jobs"]}, answer(), True, "right", ""),
        ({"evidence": ["gpu_metrics"]}, answer(), False, "right", "cites slurm_jobs, not gpu_metrics"),
        ({"areas": ["slurm"]}, answer(), True, "right", ""),
        ({"areas": ["gpu"]}, answer(), False, "right", "analysts slurm instead of gpu"),
        ({"areas": ["slurm"]}, answer(areas=(Area.SLURM, Area.GPU, Area.LOGS)), False, "right", "analysts"),
        ({"followups": 3}, answer(), True, "right", ""),
        ({"followups": 4}, answer(), False, "right", "3 follow-ups instead of 4"),
        ({"fact": {"answer": "34"}}, answer(), True, "right", ""),
        ({"fact": {"answer": "35"}}, answer(), False, "silent_wrong", "the sentence does not say '35'"),
        ({"fact": {"any_of": ["failed", "broke"]}}, answer(), True, "right", ""),
        ({"fact": {"any_of": ["hardware"]}}, answer(), False, "silent_wrong", "the sentence says none of hardware"),
    ],
)
async def test_an_answer_is_held_against_all_that_is_expected(
    fleet: Path, expect: dict[str, Any], said: Any, passed: bool, result: str, problem: str
) -> None:
    record = await ran(fleet, expecting(**expect), {"How many jobs failed?": said})
    (turn,) = record.turns
    assert (record.passed, turn.result) == (passed, result)
    assert problem in "; ".join(turn.problems) and bool(turn.problems) is not passed


NO_ROWS = "SELECT 1 WHERE false"


@pytest.mark.parametrize(
    ("sql", "accept", "rows", "right"),
    [
        ("SELECT 34", NO_ROWS, [], False),
        ("SELECT 34", NO_ROWS, [{"failed": 0}], False),
        ("SELECT 34", "SELECT 0", [], False),
        ("SELECT 34", "SELECT 0", [{"failed": 0}], True),
        ("SELECT 34", NO_ROWS, [{"failed": 34}], True),
        (NO_ROWS, "SELECT 34", [], True),
        (NO_ROWS, NO_ROWS, [], True),
        ("SELECT 0", NO_ROWS, [], True),
        ("SELECT 0", "SELECT 34", [{"failed": 34}], True),
    ],
)
async def test_a_reading_that_finds_nothing_makes_no_answer_right_where_there_is_something(
    fleet: Path, sql: str, accept: str, rows: list[dict[str, Any]], right: bool
) -> None:
    given = case(expect={"sql": sql, "accept": accept, "match": "rows"})
    found = answer("That is what was found.", rows or [{"failed": 34}])
    if not rows and found.result is not None:
        found = replace(found, result=replace(found.result, rows=found.result.rows.slice(0, 0)))
    record = await ran(fleet, given, {"How many jobs failed?": found})
    assert record.turns[0].result == ("right" if right else "silent_wrong")


async def test_the_words_of_a_fact_have_the_values_of_their_fleet(fleet: Path) -> None:
    given = case(
        values={"c": "SELECT max(cluster) FROM slurm_jobs"},
        expect={"sql": FAILED, "match": "value", "fact": {"any_of": ["cluster {c}"]}},
    )
    said = {there: answer(f"34 jobs failed, most of them in cluster {there}.") for there in ("c-a", "c-b")}
    wrong = await ran(fleet, given, {"How many jobs failed?": said["c-a"]})
    right = await ran(fleet, given, {"How many jobs failed?": said["c-b"]})
    assert "the sentence says none of cluster c-b" in "; ".join(wrong.turns[0].problems)
    assert (wrong.turns[0].result, right.turns[0].result) == ("silent_wrong", "right")


@pytest.mark.parametrize(
    ("wanted", "said", "kind", "right"),
    [
        ("declined", refusal(), "declined", True),
        ("declined", answer(), "declined", False),
        ("no_data", refusal(Status.NO_DATA), "no_data", True),
        ("no_data", answer(), "no_data", False),
        ("clarify", refusal(Status.CLARIFY), "clarify", True),
    ],
)
async def test_what_has_no_answer_is_judged_by_its_status(fleet: Path, wanted: str, said: Any, kind: str, right: bool) -> None:
    record = await ran(fleet, case(expect={"status": wanted}), {"How many jobs failed?": said})
    (turn,) = record.turns
    assert (turn.kind, turn.status_right, turn.result, record.passed) == (kind, right, None, right)


async def test_an_empty_truth_may_be_zero_or_no_data(fleet: Path) -> None:
    given = case(expect={"sql": "SELECT 0", "match": "value", "status": ["answered", "no_data"]})
    for said in (refusal(Status.NO_DATA), answer("None failed.", [{"failed": 0}])):
        record = await ran(fleet, given, {"How many jobs failed?": said})
        assert record.passed and record.turns[0].kind == "either"
    wrong = await ran(fleet, given, {"How many jobs failed?": answer()})
    assert not wrong.passed


async def test_turns_share_a_thread_and_paraphrases_do_not(fleet: Path) -> None:
    thread = case(level="thread", question="", turns=[{"question": "a"}, {"question": "b", "expect": {"mentions": ["34"]}}])
    fake = Fake()
    (one,) = prepare([thread], fleet)
    assert (await run_case(one, fake, "f", component=nothing_wrong, made=nothing_made)).passed
    assert len({t for _, t in fake.asked}) == 1
    asked = case(level="question", paraphrases=["b", "c"], expect={"sql": FAILED, "match": "value"})
    fake = Fake({"c": answer("35", [{"failed": 35}])})
    (one,) = prepare([asked], fleet)
    record = await run_case(one, fake, "f", component=nothing_wrong, made=nothing_made)
    assert len({t for _, t in fake.asked}) == 3
    assert record.passed and [(p.same, p.passed) for p in record.paraphrases] == [(True, True), (True, False)]


async def test_other_rows_in_other_words_are_unstable(fleet: Path) -> None:
    asked = case(level="question", paraphrases=["b", "c"], expect={"sql": FAILED, "match": "value"})
    other = answer("35", [{"failed": 35}])
    assert other.result is not None
    other = replace(other, evidence=(replace(other.evidence[0], plan={"dataset": "slurm_jobs"}),))
    record = await ran(fleet, asked, {"b": other, "c": refusal()})
    assert [p.same for p in record.paraphrases] == [False, False]


async def test_what_is_random_must_pass_three_times_with_the_same_rows(fleet: Path) -> None:
    given = expecting(accept=["SELECT 35"]).model_copy(update={"tags": ("random",)})
    assert (await ran(fleet, given)).runs == 3
    other = answer("35", [{"failed": 35}])
    other = replace(other, evidence=(replace(other.evidence[0], plan={"dataset": "slurm_jobs"}),))
    record = await ran(fleet, given, {"How many jobs failed?": [answer(), other, answer()]})
    assert not record.passed


async def test_a_broken_system_is_not_a_wrong_answer(fleet: Path) -> None:
    record = await ran(fleet, expecting(), {"How many jobs failed?": StoreError("gone")})
    assert record.error == "gone" and not record.judged
    result = figures([record])
    assert (result["cases"], result["harness_errors"], result["execution_accuracy"]) == (0, 1, None)


async def records_of(fleet: Path) -> list[Record]:
    guard = ComponentCase(id="g", agent="guard", input="a poem", expect={"allowed": False})
    lets = ComponentCase(id="l", agent="guard", input="jobs", expect={"allowed": True})
    given = [
        expecting().model_copy(update={"id": "a"}),
        expecting().model_copy(update={"id": "b", "question": "wrong"}),
        expecting().model_copy(update={"id": "c", "question": "back"}),
        case(id="d", question="poem", analyst="guard", expect={"status": "declined"}),
        case(id="e", question="absent", analyst="gpu", expect={"status": "no_data"}),
        guard,
        lets,
    ]
    says = {"wrong": answer("35", [{"failed": 35}]), "back": refusal(Status.CLARIFY), "poem": refusal(), "absent": answer()}

    async def component(prepared: Prepared) -> list[str]:
        return ["declined as off_topic"] if prepared.case.id == "l" else []

    prepared = prepare(given, fleet)
    return await run_cases(prepared, Fake(says), "f", component=component, made=nothing_made)


async def test_the_figures(fleet: Path) -> None:
    records = await records_of(fleet)
    result = figures(records, [True, True, False])
    shares = {
        "cases": 7, "passed": 3, "execution_accuracy": 0.3333, "silent_wrong": 0.3333, "asked_back": 0.3333, "score": -1.0,
        "groundedness": 1.0, "abstention": 0.0, "refusal_recall": 1.0, "false_refusals": 0.2, "judge_agreement": 0.6667,
        "harness_errors": 0, "paraphrase_stability": None,
    }  # fmt: skip
    assert {k: result[k] for k in shares} == shares
    assert result["per_analyst"]["guard"]["passed"] == 2 and result["per_level"]["component"]["cases"] == 2
    assert result["per_agent"]["guard"]["false_refusals"] == 1.0
    assert any(line.startswith("execution_accuracy") for line in below(result))
    contract = (
        "cases passed execution_accuracy silent_wrong asked_back groundedness abstention refusal_recall false_refusals "
        "paraphrase_stability judge_agreement harness_errors per_analyst per_level"
    )
    assert set(contract.split()) <= set(result)


async def test_a_run_is_told_as_text_json_and_html(fleet: Path, tmp_path: Path) -> None:
    records = await records_of(fleet)
    records[0] = replace(records[0], turns=(replace(records[0].turns[0], text="<script>alert(1)</script>"),))
    result = as_json(records, [True], compare(records, records))
    told = text(result)
    assert "3 of 7 cases passed" in told and "rows differ" in told and "McNemar" in told
    kept = tmp_path / "run.json"
    kept.write_text(json.dumps(result), encoding="utf-8")
    assert read_records(kept) == records
    html = page(json.loads(kept.read_text(encoding="utf-8")))
    assert "<script>" not in html and "<script>alert" in unescape(html) and "http" not in html
    assert "execution_accuracy" not in html and "Execution accuracy" in html


def test_a_file_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="is no earlier run"):
        read_records(tmp_path / "x.json")
    with pytest.raises(ConfigError, match="cannot read"):
        read_records(tmp_path / "y.json")


@pytest.mark.parametrize(
    ("broken", "repaired", "p"), [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (8, 2, 0.109375), (3, 3, 1.0)]
)
def test_mcnemar_is_the_binomial(broken: int, repaired: int, p: float) -> None:
    assert mcnemar(broken, repaired) == pytest.approx(p)


def record(name: str, passed: bool, **parts: Any) -> Record:
    return Record(name, "f", "question", "slurm", "", (), passed, **parts)


def test_runs_are_compared_case_by_case() -> None:
    before = [record(f"c{i}", True) for i in range(10)] + [record("new", False), record("gone", True)]
    now = [record(f"c{i}", i >= 8) for i in range(10)] + [record("new", True), record("added", True)]
    found = compare(now, before)
    assert (found.both, len(found.broken), found.repaired) == (11, 8, ("new (f)",))
    assert found.worse and found.p_value == pytest.approx(0.0390625, abs=1e-6)
    assert not compare(before, before).worse
    assert compare([record("c1", False, error="x")], before).both == 0


def test_records_survive_json(fleet: Path) -> None:
    one = record("a", True)
    assert record_from_json(json.loads(json.dumps(one.to_json()))) == one


def test_the_labelled_pairs_are_judged(tmp_path: Path) -> None:
    assert judge_pairs(tmp_path) == []
    (tmp_path / "judge_pairs.yaml").write_text(
        "- {expected: 3, got: three, equal: true}\n- {expected: 3, got: four, equal: true}\n"
    )
    assert judge_pairs(tmp_path) == [True, False]
    (tmp_path / "judge_pairs.yaml").write_text("- {expected: 3, got: three}\n")
    with pytest.raises(ConfigError, match=r"judge_pairs\.yaml:1: a pair has expected"):
        judge_pairs(tmp_path)


def test_the_end_is_the_fleets(fleet: Path) -> None:
    (one,) = prepare([expecting()], fleet)
    assert one.at == END == one.fleet.end


async def test_failing_cases_are_listed_with_their_problem(fleet: Path) -> None:
    records = await records_of(fleet)
    listed = yaml.safe_load(failing(records))
    assert set(listed) == {r.id for r in records if not r.passed}
    assert listed["b"].startswith("rows differ")
    assert yaml.safe_load(failing([r for r in records if r.passed])) == {}


def squared(number: int) -> int:
    """For other processes, which know only what a module holds."""
    if number < 0:
        raise StoreError("a number below zero")
    return number * number


@pytest.mark.parametrize("jobs", [1, 2])
def test_shared_work_keeps_the_order_and_its_errors(jobs: int) -> None:
    assert shared(squared, [3, 1, 2], jobs) == [9, 1, 4]
    assert shared(squared, [], jobs) == []
    with pytest.raises(StoreError, match="below zero"):
        shared(squared, [1, -1], jobs)


PROMISED = (
    "cases", "passed", "execution_accuracy", "silent_wrong", "asked_back", "groundedness", "abstention", "refusal_recall",
    "false_refusals", "paraphrase_stability", "judge_agreement", "harness_errors", "per_analyst", "per_level",
)  # fmt: skip


@pytest.mark.parametrize("level", ["component", "question", "thread", "investigation", "report", "loop"])
def test_every_figure_is_there_whatever_level_was_run(level: str) -> None:
    result = as_json([Record("one", "full seed 1", level, "slurm", "", (), passed=True)], [], None)
    assert set(PROMISED) <= set(result)
    assert (result["cases"], result["passed"], result["execution_accuracy"], result["judge_agreement"]) == (1, 1, None, None)
    assert list(result["per_level"]) == [level] and set(PROMISED[2:10]) <= set(result["per_analyst"]["slurm"])
    shown, html = text(result), page(result)
    assert all(head in shown and f"<th>{head}</th>" in html for head in ("accuracy", "abstains", "refuses", "falsely", "stable"))
    assert "src=" not in html and "http" not in html and "@import" not in html


def test_a_run_without_any_case_fails(tmp_path: Path) -> None:
    fleet = FleetFile(tmp_path / "none.duckdb", frozenset({"default"}), "none")
    with pytest.raises(ConfigError, match="nothing was run"):
        run_suite([case(expect={"mentions": ["x"]})], [fleet])
