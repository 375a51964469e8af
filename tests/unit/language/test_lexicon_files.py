# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""The lexicon is data: operators add to it, and mistakes are told with file and line."""

import shutil
from pathlib import Path

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.language import Reader, load_lexicon
from llo11ypop.language.compose import compose
from llo11ypop.language.intent import Intent
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Quantity, Scope
from llo11ypop.language.times import read_times
from llo11ypop.query.check import check
from tests.reader_sample import AT, CONFIG, VALUES, catalog, lexicon


def _copy(tmp_path: Path, extra: str = "", questions: str = "") -> Path:
    shutil.copytree(CONFIG / "lexicon", tmp_path / "lexicon")
    shutil.copy(CONFIG / "xid.yaml", tmp_path / "xid.yaml")
    if extra:
        (tmp_path / "lexicon" / "zone.yaml").write_text(extra, encoding="utf-8")
    if questions:
        (tmp_path / "questions.yaml").write_text(questions, encoding="utf-8")
    return tmp_path


def test_a_synonym_of_a_site_is_understood(tmp_path: Path) -> None:
    folder = _copy(tmp_path, "fields:\n  slurm_sched.jobs_running: {words: [flying jobs], agg: avg, label: running jobs}\n")
    reader = Reader(catalog(), load_lexicon(folder, catalog()), VALUES)
    assert reader.read("flying jobs by cluster", AT).plan is not None


def test_a_verified_question_gives_its_plan(tmp_path: Path) -> None:
    folder = _copy(
        tmp_path,
        questions="questions:\n  elephants:\n    questions: [how many elephants do we have]\n    title: Elephants\n    columns: {n: elephants}\n    scalar: true\n"
        "    plan: {dataset: slurm_jobs, window: $window, measures: {n: {agg: count}}}\n",
    )
    reader = Reader(catalog(), load_lexicon(folder, catalog()), VALUES)
    reading = reader.read("How many elephants do we have yesterday?", AT)
    assert reading.scope.verified == "elephants"
    assert reading.plan is not None and reading.plan.selects["result"].window is not None
    assert reading.window is not None and reading.window.start.day == 20


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("things:\n  x: {dataset: nothing, noun: x}\n", 2, "not in the catalog"),
        ("fields:\n  slurm_jobs.nothing: {words: [x]}\n", 2, "not a dataset.field"),
        ("things:\n  job: {dataset: slurm_jobs, noun: x}\n", 2, "another file too"),
        ("measure:\n  x: 1\n", 1, "measure"),
        ("dimensions:\n  x: {fields: [nowhere], words: [x]}\n", 2, "no dataset has a field"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    folder = _copy(tmp_path, text)
    with pytest.raises(ConfigError, match=says) as caught:
        load_lexicon(folder, catalog())
    assert f"zone.yaml:{line}" in str(caught.value)


def test_no_lexicon_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no lexicon files"):
        load_lexicon(tmp_path)


@pytest.mark.parametrize("name", sorted(lexicon().recipes))
@pytest.mark.parametrize("by", [(), ("cluster",)])
def test_every_recipe_composes_into_a_plan_that_the_catalog_allows(name: str, by: tuple[str, ...]) -> None:
    recipe = lexicon().recipes[name]
    if by and "$by" not in str(recipe.steps):
        pytest.skip("this one has groups of its own only")
    groups = tuple(b for b in by if b in reachable(catalog(), recipe.dataset) and b not in recipe.dims)
    window = read_times("last week", AT).periods[0][2]
    scope = Scope(
        Intent.VALUE, measures=(Quantity(recipe.value, name, recipe.dataset, recipe=name, agg=""),), by=groups, window=window
    )
    plan, columns = compose(scope, catalog(), lexicon(), AT)
    schema = check(plan, catalog())[plan.result]
    assert recipe.value in schema
    assert {c.name for c in columns} <= set(schema)
