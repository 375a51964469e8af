"""Case files: what a right one is, how a mistake is told, how instants and values are filled in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.core.question import Status
from llo11ypop.core.window import Window
from llo11ypop.evals.suite.case import Case, ComponentCase
from llo11ypop.evals.suite.instants import resolve_instant
from llo11ypop.evals.suite.loading import fill, load_cases, read_cases
from llo11ypop.evals.suite.truth import only

GOOD = """\
id: failed-jobs
level: question
analyst: slurm
tags: count
values:
  who: SELECT user FROM slurm_jobs LIMIT 1
question: How many jobs of {who} failed?
paraphrases: ["failed jobs of {who}", "{who}: failed jobs"]
expect:
  status: [answered, no_data]
  sql: SELECT count(*) FROM slurm_jobs WHERE user = '{who}' AND end_at < {at}
  accept: SELECT 1
  match: value
"""
FLEET = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 22, tzinfo=UTC))


def case_file(folder: Path, text: str, name: str = "failed-jobs") -> Path:
    path = folder / "questions" / name / "case.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def test_a_case_folder_is_read(tmp_path: Path) -> None:
    case_file(tmp_path, GOOD)
    (case,) = load_cases(tmp_path)
    assert isinstance(case, Case)
    assert case.tags == ("count",) and case.fleet == "full" and case.at == "end"
    (turn,) = case.asked
    assert turn.expect.status == (Status.ANSWERED, Status.NO_DATA)
    assert turn.expect.accept == ("SELECT 1",) and turn.expect.answerable


def test_a_thread_has_turns(tmp_path: Path) -> None:
    text = """\
    id: t
    level: thread
    analyst: director
    turns:
      - {question: failed jobs by week}
      - {question: why, expect: {status: clarify}}
    """
    case_file(tmp_path, text, "t")
    (case,) = load_cases(tmp_path)
    assert isinstance(case, Case)
    assert [t.question for t in case.asked] == ["failed jobs by week", "why"]
    assert not case.asked[1].expect.answerable


def test_component_cases_are_lists_named_by_their_agent(tmp_path: Path) -> None:
    folder = tmp_path / "component"
    folder.mkdir()
    (folder / "guard.yaml").write_text("- {id: g1, input: a poem, expect: {allowed: false}}\n", encoding="utf-8")
    (folder / "poet.yaml").write_text("- {id: p1, input: a poem, expect: {allowed: false}}\n", encoding="utf-8")
    cases, mistakes = read_cases(tmp_path)
    assert [(c.id, c.agent) for c in cases if isinstance(c, ComponentCase)] == [("g1", "guard")]
    assert ["no agent named 'poet'" in str(m) for m in mistakes] == [True]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("id: failed-jobs", "id: other", "case.yaml:1: id 'other' is not the folder's name"),
        ("level: question", "level: quest", "case.yaml:2: level"),
        ("analyst: slurm", "analyst: sluurm", "case.yaml:3: analyst"),
        ("match: value", "match: vallue", "case.yaml:13: expect.match"),
        ("match: value", "mach: value", "case.yaml:13: expect.mach"),
        ("FROM slurm_jobs WHERE", "FRM slurm_jobs WHERE", "case.yaml:11: not SQL"),
        ("{at}", "{att}", r"case.yaml:11: \{att\} is not one of the case's values"),
        ("of {who} failed", "of {whom} failed", r"case.yaml:7: \{whom\} is not one"),
        ('paraphrases: ["failed jobs of {who}",', "paraphrases: [", "at least 2 paraphrases"),
        ("tags: count", "at: yesterday", "case.yaml:4: at: 'yesterday' is not an instant"),
        ("  who:", "  at:", "case.yaml:6: 'at' is already a placeholder"),
        ("  accept: SELECT 1\n", "  accept: SELECT 1; SELECT 2\n", "expected one SQL statement"),
        ("status: [answered, no_data]", "status: []", "'status' is empty"),
        ("question: How", "report: week\nquestion: How", "has one of question, turns, report, loop"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in GOOD
    case_file(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=line):
        load_cases(tmp_path)


def test_an_answered_question_expects_something(tmp_path: Path) -> None:
    case_file(tmp_path, "id: x\nlevel: investigation\nanalyst: gpu\nquestion: why\nexpect: {followups: 3}\n", "x")
    with pytest.raises(ConfigError, match="an answered question needs"):
        load_cases(tmp_path)


def test_two_cases_may_not_share_an_id(tmp_path: Path) -> None:
    case_file(tmp_path, GOOD)
    other = tmp_path / "more" / "failed-jobs" / "case.yaml"
    other.parent.mkdir(parents=True)
    other.write_text(GOOD, encoding="utf-8")
    with pytest.raises(ConfigError, match="is taken by"):
        load_cases(tmp_path)


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no case\.yaml below"):
        load_cases(tmp_path)
    with pytest.raises(ConfigError, match="no folder"):
        load_cases(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("end", FLEET.end),
        ("end-8h", FLEET.end - timedelta(hours=8)),
        ("start+3d", FLEET.start + timedelta(days=3)),
        ("day:10.5", FLEET.start + timedelta(days=10.5)),
        ("2026-05-20T12:00:00Z", datetime(2026, 5, 20, 12, tzinfo=UTC)),
        ("at-7d", datetime(2026, 5, 3, tzinfo=UTC)),
    ],
)
def test_instants_are_relative_to_the_fleet(text: str, at: datetime) -> None:
    assert resolve_instant(text, FLEET, datetime(2026, 5, 10, tzinfo=UTC)) == at


def test_a_scenario_fleet_needs_its_file(tmp_path: Path) -> None:
    case_file(tmp_path, GOOD.replace("tags: count", "fleet: scenario:fan.yaml"))
    with pytest.raises(ConfigError, match=r"case\.yaml:4: no scenario .*fan\.yaml"):
        load_cases(tmp_path)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "fan.yaml").write_text("[]\n", encoding="utf-8")
    (case,) = load_cases(tmp_path)
    assert case.fleet == "scenario:fan.yaml"


def test_only_known_placeholders_are_filled() -> None:
    assert fill("{a} and {b} and {'k': 1}", {"a": "1"}) == "1 and {b} and {'k': 1}"


def test_cases_are_chosen_by_tag_id_level_or_analyst(tmp_path: Path) -> None:
    case_file(tmp_path, GOOD)
    case_file(tmp_path, GOOD.replace("failed-jobs", "b").replace("tags: count", "tags: [share]"), "b")
    cases = load_cases(tmp_path)
    assert [c.id for c in only(cases, ["share"])] == ["b"]
    assert len(only(cases, ["slurm"])) == len(only(cases, ["question"])) == len(only(cases, [])) == 2
    with pytest.raises(ConfigError, match="no case is tagged nothing"):
        only(cases, ["nothing"])
