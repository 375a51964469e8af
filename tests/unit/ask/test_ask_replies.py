"""What a question means behind one that was asked back, or that named something which does not exist."""

import pytest

from llo11ypop.ask.reads import read_question
from llo11ypop.ask.state import Turn
from llo11ypop.core.question import Status
from llo11ypop.language import Reading
from tests.reader_sample import AT, reader


def _thread(*questions: str) -> list[Reading]:
    turns: list[Turn] = []
    readings = []
    for question in questions:
        reading = read_question(reader(), question, AT, turns)
        status = Status.CLARIFY if reading.clarify else Status.NO_DATA if reading.nothing else Status.ANSWERED
        turns.append(Turn(question=question, status=status.value, text="", reading="", scope=reading.scope.to_json(), at=""))
        readings.append(reading)
    return readings


@pytest.mark.parametrize("reply", ["c-b", "I meant c-b", "sorry, I meant c-b"])
@pytest.mark.parametrize("question", ["failed jobs in zeta last 3 days", "failed jobs in cluster zeta last 3 days"])
def test_a_name_takes_the_place_of_the_one_that_is_not_known(question: str, reply: str) -> None:
    first, second, third = _thread(question, reply, "by day")
    assert first.clarify or first.nothing
    assert second.scope.values("cluster") == ("c-b",)
    assert second.scope.window is not None and second.scope.window.label == "last 3 days"
    assert (third.scope.bucket, third.scope.values("cluster")) == ("day", ("c-b",))


def test_a_name_in_a_follow_up_is_put_right_too() -> None:
    last = _thread("XIDs by cluster yesterday", "and for cluster zeta?", "c-b")[-1]
    assert (last.scope.values("cluster"), last.scope.measures[0].label) == (("c-b",), "XIDs")


def test_a_reply_completes_the_question_that_was_asked_back() -> None:
    last = _thread("worst racks", "by temperature")[-1]
    assert (last.scope.by, last.scope.measures[0].field) == (("rack",), "gpu_temp_c")


def test_the_same_question_said_in_full_is_no_reply() -> None:
    last = _thread("What is the failure rate?", "the job failure rate per cluster, last 14 days")[-1]
    assert (last.scope.by, last.scope.filters, last.text) == (("cluster",), (), "job failure rate per cluster, last 14 days")


def test_a_question_of_its_own_is_no_reply() -> None:
    last = _thread("What is the failure rate?", "GPU temperature by rack")[-1]
    assert [q.field for q in last.scope.measures] == ["gpu_temp_c"]


def test_what_was_asked_back_does_not_change_the_thread() -> None:
    last = _thread("failed jobs by cluster last week", "and the median?", "sort by account", "by account")[-1]
    assert (last.scope.by, last.scope.measures[0].label) == (("account",), "failed jobs")
    assert last.scope.window is not None and last.scope.window.label == "last week"
