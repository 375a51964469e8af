"""A form that a model fills: what is offered, what of it counts, and that it is said again in the reader's own words."""

import asyncio
from typing import Any

import jsonschema
import pyarrow as pa
import pytest

from llo11ypop.agents.query_writer.form import FormError, read_form, schema
from llo11ypop.agents.query_writer.terms import Terms
from llo11ypop.agents.query_writer.writer import Writer, Written, system_prompt, verified_examples
from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.vocabulary import Area
from llo11ypop.models.port import Role
from llo11ypop.query.plan import Plan
from tests.reader_sample import AT, reader
from tests.scripted_model import ScriptedModel

TERMS = Terms(reader())


def evidence(plan: Plan, rows: pa.Table) -> Evidence:
    told = plan.model_dump(mode="json")
    status = EvidenceStatus.OK if rows.num_rows else EvidenceStatus.EMPTY
    return Evidence(str(told), told, AT, None, (), rows, rows.num_rows, False, False, status)


async def read_nothing(plan: Plan) -> Evidence:
    """The evidence of a plan that found no rows."""
    return evidence(plan, pa.table({"n": pa.array([], pa.int64())}))


def written(question: str, *forms: Any, run: Any = read_nothing, k: int = 1) -> tuple[Written, ScriptedModel]:
    """What comes of forms that a model fills one after the other."""
    left = list(forms)
    model = ScriptedModel({Role.QUERY_WRITER: lambda _: left.pop(0) if len(left) > 1 else left[0]})
    return asyncio.run(Writer(model, reader(), TERMS, run, k=k).write(question, AT)), model


@pytest.mark.parametrize("example", verified_examples(), ids=lambda e: e["question"])
def test_an_example_of_the_prompt_is_true(example: dict[str, Any]) -> None:
    found, model = written(example["question"], example["form"])
    if not example["same_as"]:
        assert found.reading is None
        assert found.escaped
        return
    assert found.reading is not None, found.why
    assert found.dropped == ()
    assert found.reading.plan == reader().read(example["same_as"], AT).plan
    assert len(model.asked) == 1
    jsonschema.validate(example["form"], dict(model.asked[0].schema))


def test_the_system_part_is_the_same_for_every_question() -> None:
    _, one = written("failed jobs per cluster", {"measure": "failed jobs"})
    _, other = written("hottest GPU of c-b since Monday", {"measure": "none"})
    assert one.asked[0].system == other.asked[0].system == system_prompt().text
    assert one.asked[0].prompt_hash == other.asked[0].prompt_hash
    assert one.asked[0].user.rstrip().endswith("Form:")


def test_a_slice_of_the_catalog_is_offered_not_all_of_it() -> None:
    _, model = written("p95 queue wait per partition", {"measure": "queue wait"})
    offered = model.asked[0].schema["properties"]["measure"]["enum"]
    assert offered[0] == "queue wait"
    assert offered[-1] == "none"
    assert len(offered) <= 25
    assert "only" not in model.asked[0].schema["properties"]


def test_an_area_brings_its_measures_to_the_front() -> None:
    from llo11ypop.agents.query_writer.said import said

    asked = said("anything wrong with the errors?", AT, reader())
    areas = [o.term.area for o in TERMS.near(asked, [Area.NETWORK], AT, most=8).values()]
    elsewhere = [o.term.area for o in TERMS.near(asked, [], AT, most=8).values()]
    assert areas.count(Area.NETWORK) > elsewhere.count(Area.NETWORK)


def test_a_refused_form_is_repaired_once_with_the_reason() -> None:
    found, model = written("failed jobs per cluster", {"measure": "GPU power"}, {"measure": "failed jobs", "by": ["cluster"]})
    assert found.reading is not None
    assert found.reading.scope.by == ("cluster",)
    assert len(model.asked) == 2
    assert "was refused" in model.asked[1].user
    assert model.asked[1].user.startswith(model.asked[0].user)


def test_a_second_bad_form_is_the_end() -> None:
    found, model = written("failed jobs per cluster", {"measure": "GPU power"})
    assert found.reading is None
    assert found.why
    assert len(model.asked) == 2


def test_a_plan_that_a_store_refuses_is_repaired_and_one_that_it_cannot_run_now_is_not() -> None:
    async def refuses(_: Plan) -> Evidence:
        raise PlanError("too many groups")

    async def is_gone(_: Plan) -> Evidence:
        raise StoreError("the store does not answer", transient=True)

    found, model = written("failed jobs", {"measure": "failed jobs"}, run=refuses)
    assert (found.reading, len(model.asked)) == (None, 2)
    found, model = written("failed jobs", {"measure": "failed jobs"}, run=is_gone)
    assert (found.reading, len(model.asked)) == (None, 1)


def test_the_majority_by_rows_is_taken() -> None:
    async def counted(plan: Plan) -> Evidence:
        return evidence(plan, pa.table({"n": [len(plan.model_dump_json())]}))

    other = {"measure": "job failure rate", "by": ["cluster"]}
    question = "rate of failed jobs per cluster"
    found, model = written(question, other, {"measure": "none"}, other, run=counted, k=3)
    assert (found.votes, len(model.asked)) == (2, 3)
    assert found.reading is not None
    assert "failure rate" in found.reading.text
    found, _ = written(question, {"measure": "none"}, {"measure": "none"}, other, run=counted, k=3)
    assert found.reading is None


@pytest.mark.parametrize(
    "value",
    [{}, {"measure": 3}, {"measure": "x" * 500}, {"measure": "jobs", "by": [1]}, {"measure": "jobs", "n": "5"},
     {"measure": "jobs", "n": True}, {"measure": "jobs", "value": float("nan")}, {"measure": "jobs", "only": ["a"] * 50},
     {"measure": "jobs", "rank": {"$ref": "#"}}],
)  # fmt: skip
def test_what_is_no_form_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(FormError):
        read_form(value)


def test_a_schema_offers_only_what_the_question_gives() -> None:
    plain = schema(["jobs"], [], [], [])
    assert set(plain["properties"]) == {"measure", "show", "how", "rank", "over_time"}
    full = schema(["jobs"], ["cluster"], ["c-a"], [5.0])
    assert set(full["properties"]) > {"by", "only", "without", "n", "limit", "value"}
    assert full["required"] == ["measure"]
