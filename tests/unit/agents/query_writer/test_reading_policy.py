"""Whose reading is answered, and what is said about it: every case of the decision."""

from dataclasses import replace

import pytest

from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.agents.query_writer.policy import decide, wanted
from llo11ypop.language.reading import Reading
from tests.reader_sample import AT, reader

WHOLE = reader().read("failed jobs per cluster", AT)
OTHER = reader().read("job failure rate per cluster", AT)
UNKNOWN = reader().read("failed jobs per zonk", AT)
AMBIGUOUS = reader().read("what is the failure rate?", AT)
ABSENT = reader().read("failed jobs in cluster c-z", AT)
INVESTIGATED = reader().read("why did GPU power drop yesterday?", AT)


def test_the_samples_are_what_they_are_called() -> None:
    assert WHOLE.plan is not None
    assert UNKNOWN.unknown
    assert AMBIGUOUS.clarify
    assert not AMBIGUOUS.unknown
    assert ABSENT.nothing
    assert INVESTIGATED.plan is None
    assert not INVESTIGATED.clarify


@pytest.mark.parametrize("same", [True, False, None])
def test_the_rules_win_where_they_explain_the_whole_question(same: bool | None) -> None:
    made = decide(WHOLE, OTHER, same)
    assert made.reading is WHOLE
    assert not made.by_model
    assert made.confident is bool(same)
    assert ["agree" in n for n in made.notes] == {True: [True], False: [False], None: []}[same]


def test_disagreement_names_the_other_reading() -> None:
    assert OTHER.text in decide(WHOLE, OTHER, False).notes[0]


@pytest.mark.parametrize("rule", [AMBIGUOUS, ABSENT, INVESTIGATED], ids=["ambiguous", "absent", "investigated"])
def test_what_is_not_a_matter_of_unknown_words_stays_with_the_rules(rule: Reading) -> None:
    made = decide(rule, OTHER, True)
    assert made.reading is rule
    assert made.notes == ()


def test_where_a_word_is_unknown_the_model_answers_and_it_is_said() -> None:
    made = decide(UNKNOWN, OTHER, None, glosses={"zonk": "cluster", "burning": ""})
    assert made.by_model
    assert made.reading == replace(OTHER, question=UNKNOWN.question)
    assert "model's reading" in made.notes[0]
    assert "'zonk'" in made.notes[0]
    assert made.notes[1] == "It took 'zonk' for 'cluster', 'burning' for nothing."


def test_without_a_reading_of_the_model_the_rules_ask_back() -> None:
    assert decide(UNKNOWN, None, None).reading is UNKNOWN
    assert decide(UNKNOWN, OTHER, None, minds=Minds.RULE).reading is UNKNOWN


def test_the_model_alone_is_only_for_measuring() -> None:
    assert decide(WHOLE, OTHER, None, minds=Minds.MODEL).reading is OTHER
    assert decide(WHOLE, None, None, minds=Minds.MODEL).reading.plan is None
    assert decide(WHOLE, None, None, minds=Minds.MODEL).reading.clarify
    assert decide(ABSENT, OTHER, None, minds=Minds.MODEL).reading is ABSENT


@pytest.mark.parametrize(
    ("rule", "asked"),
    [(WHOLE, True), (UNKNOWN, True), (AMBIGUOUS, False), (ABSENT, False), (INVESTIGATED, False)],
)
def test_a_model_is_asked_only_where_it_can_matter(rule: Reading, asked: bool) -> None:
    assert wanted(rule, Minds.BOTH) is asked
    assert not wanted(rule, Minds.RULE)
