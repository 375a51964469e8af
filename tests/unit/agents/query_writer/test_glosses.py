"""Words that nobody knows, explained by a model: what may stand in their place, what may be left out, and what is refused."""

import asyncio
from typing import Any

import jsonschema
import pyarrow as pa
import pytest

from llo11ypop.agents.query_writer.asking import Written
from llo11ypop.agents.query_writer.form import FormError
from llo11ypop.agents.query_writer.glosses import MOST_WORDS, glossed, read_glosses, schema
from llo11ypop.agents.query_writer.same_rows import same_rows
from llo11ypop.agents.query_writer.terms import Terms
from llo11ypop.agents.query_writer.writer import AGREE, Writer, gloss_prompt, verified_examples
from llo11ypop.core.evidence import Evidence
from llo11ypop.models.port import Role
from llo11ypop.query.plan import Plan
from tests.reader_sample import AT, reader
from tests.scripted_model import ScriptedModel
from tests.unit.agents.query_writer.test_forms import evidence, read_nothing

TERMS = Terms(reader())
JOBS = "failed jobs bothering us per cluster"


def written(question: str, *answers: Any, run: Any = read_nothing, k: int = 1) -> tuple[Written, ScriptedModel]:
    """What comes of answers that a model gives one after the other."""
    left = list(answers)
    model = ScriptedModel({Role.QUERY_WRITER: lambda _: left.pop(0) if len(left) > 1 else left[0]})
    unknown = reader().read(question, AT).unknown
    return asyncio.run(Writer(model, reader(), TERMS, run, k=k).gloss(question, unknown, AT)), model


@pytest.mark.parametrize("example", verified_examples("glosses.yaml"), ids=lambda e: e["question"])
def test_an_example_of_the_prompt_is_true(example: dict[str, Any]) -> None:
    unknown = reader().read(example["question"], AT).unknown
    assert set(unknown) == set(example["glosses"])
    jsonschema.validate(example["glosses"], schema(unknown))
    reading, chosen = glossed(example["question"], example["glosses"], reader(), AT)
    assert all(chosen.values())
    assert reading.plan == reader().read(example["same_as"], AT).plan


@pytest.mark.parametrize(
    ("question", "glosses", "same_as"),
    [
        ("jobs that croaked per partition yesterday", {"croaked": ["died", "failed"]}, "failed jobs per partition yesterday"),
        ("top 3 nodes by binned jobs this week", {"binned": ["cancelled"]}, "top 3 nodes by cancelled jobs this week"),
        ("average GPU power gobbled per rack yesterday", {"gobbled": ["eaten"]}, "average GPU power per rack yesterday"),
        ("how frazzled were GPUs of c-b yesterday", {"frazzled": ["hot"]}, "GPU core temperature of c-b yesterday"),
        ("failed jobs per gizmo", {"gizmo": ["cluster"]}, "failed jobs per cluster"),
        ("failed jobs per gizmo", {"gizmo": ["quux", "cluster"]}, "failed jobs per cluster"),
    ],
)  # fmt: skip
def test_a_meaning_stands_in_place_of_a_word(question: str, glosses: dict[str, list[str]], same_as: str) -> None:
    reading, _ = glossed(question, glosses, reader(), AT)
    assert reading.plan == reader().read(same_as, AT).plan


@pytest.mark.parametrize(
    ("question", "glosses", "why"),
    [
        ("average GPU encoder utilisation per cluster", {"encoder": [""]}, "none of the meanings"),
        ("average GPU encoder utilisation per cluster", {"encoder": ["GPU", "utilisation"]}, "none of the meanings"),
        ("average CPU utilisation per cluster", {"cpu": ["GPU"]}, "none of the meanings"),
        ("average encoder utilisation per cluster", {"encoder": ["GPU power"]}, "something else|does not know"),
        ("average encoder utilisation per cluster", {"encoder": ["healthy"]}, "changes nothing|does not know|something else"),
        ("how gnarly were the GPUs of c-b", {"gnarly": [""]}, "none of the meanings"),
        ("how vexed were the GPUs of c-b", {"vexed": ["quux"]}, "none of the meanings"),
        ("jobs that croaked per cluster", {"croaked": ["quux"]}, "none of the meanings"),
        ("top 3 nodes by binned jobs", {"binned": [""]}, "none of the meanings"),
        ("jobs that croaked per cluster", {"croaked": ["failed\\"]}, "none of the meanings"),
        ("jobs that croaked per cluster", {"croaked": ["failed, per node"]}, "none of the meanings"),
        ("failed jobs that were excluded per cluster", {"excluded": ["removed"]}, "none of the meanings"),
        ("failed jobs per zonk", {"zonk": ["gpu-a-001"]}, "none of the meanings"),
        ("failed jobs per zonk", {"zonk": ["last week"]}, "none of the meanings"),
        ("failed jobs per zonk", {"zonk": ["5 nodes"]}, "none of the meanings"),
        ("failed jobs per zonk", {"zonk": ["quux"]}, "none of the meanings"),
        ("carbon footprint of c-a yesterday", {"carbon": ["energy"], "footprint": ["GPU power"]}, "nothing of the question"),
        ("diesel level per site", {"diesel": ["energy"], "level": ["GPU power"]}, "nothing of the question"),
        ("top five of the zonks", {"zonks": ["failed jobs"]}, "nothing of the question"),
    ],
)
def test_what_does_not_hold_is_refused(question: str, glosses: dict[str, list[str]], why: str) -> None:
    with pytest.raises(FormError, match=why):
        glossed(question, glosses, reader(), AT)


@pytest.mark.parametrize("value", [{}, {"zonk": "cluster"}, {"zonk": [1]}, {"zonk": None}, {"zonk": [{"$ref": "#"}]}])
def test_what_is_no_list_of_meanings_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(FormError):
        read_glosses(value, ["zonk"])


def test_what_is_too_long_or_the_word_itself_is_left_out() -> None:
    assert read_glosses({"zonk": ["x" * 99, "Zonk", " a  b ", ""]}, ["zonk"]) == {"zonk": ["a b"]}


def test_an_answer_is_repaired_once_with_the_reason() -> None:
    found, model = written("jobs that croaked per cluster", {"croaked": 5}, {"croaked": ["failed"]})
    assert found.reading is not None
    assert found.glosses == {"croaked": "failed"}
    assert "was refused" in model.asked[1].user
    assert model.asked[0].system == gloss_prompt().text
    found, model = written("failed jobs per zonk", {"zonk": ["quux"]})
    assert (found.reading, len(model.asked)) == (None, 2)


def test_the_question_stands_in_a_data_block_with_its_unknown_words() -> None:
    _, model = written(JOBS, {"bothering": ["failing"]})
    user = model.asked[0].user
    assert f"{JOBS}\nNot known: bothering\n</data" in user
    assert set(model.asked[0].schema["properties"]) == {"bothering"}


def test_with_too_many_unknown_words_no_model_is_asked() -> None:
    found, model = written("failed jobs of " + " ".join(f"zonk{c}x" for c in "abcdefg"[: MOST_WORDS + 1]), {})
    assert found.reading is None
    assert model.asked == []


def test_a_meaning_that_changes_from_answer_to_answer_is_suggested_and_not_answered() -> None:
    async def counted(plan: Plan) -> Evidence:
        return evidence(plan, pa.table({"n": [len(plan.model_dump_json())]}))

    question = "jobs that croaked per cluster"
    found, model = written(question, {"croaked": ["failed"]}, {"croaked": ["cancelled"]}, run=counted)
    assert found.reading is None
    assert found.suggested.startswith("failed jobs per cluster")
    assert len(model.asked) == 2
    found, model = written(question, {"croaked": ["failed"]}, {"croaked": ["broke", "failed"]}, run=counted)
    assert found.reading is not None
    assert (found.votes, len(model.asked)) == (AGREE, AGREE)


def test_rows_of_one_mind_are_the_same_where_one_answer_has_more_columns() -> None:
    def holding(low: list[float]) -> Evidence:
        return evidence(plan, pa.table({"c": ["b", "a"], "x": [7, 8], "low": low}))

    plan = reader().read("failed jobs", AT).plan
    assert plan is not None
    lean = evidence(plan, pa.table({"c": ["a", "b"], "low": [1.0, 2.0]}))
    rich, other = holding([2.0, 1.0]), holding([2.0, 9.0])
    assert same_rows(lean, rich, (), (), loose=True) is True
    assert same_rows(lean, rich, (), ()) is False
    assert same_rows(lean, other, (), (), loose=True) is False
