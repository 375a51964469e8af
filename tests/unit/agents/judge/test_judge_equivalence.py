"""The judge of answers: the pairs labelled by hand, and pairs made from number words, units, lists and directions."""

from pathlib import Path
from typing import Any

import pytest

from llo11ypop.agents.judge import equivalent, states
from llo11ypop.agents.judge.dates import moments
from llo11ypop.agents.judge.quantities import quantities, spell_out
from llo11ypop.core.located import load_located

PAIRS: list[dict[str, Any]] = load_located(
    (Path(__file__).parents[3] / "evals" / "judge_pairs.yaml").read_text(encoding="utf-8"), "judge_pairs.yaml"
).value
LABEL = {True: True, False: False, "undecided": None}
ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def said(number: int) -> str:
    if number < len(ONES):
        return ONES[number]
    if number in (18, 19):
        return ("eighteen", "nineteen")[number - 18]
    tens, ones = divmod(number, 10)
    return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")


def test_the_labelled_pairs_are_many_and_of_all_labels() -> None:
    assert len(PAIRS) >= 100
    assert {p["equal"] for p in PAIRS} == set(LABEL)


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{i}: {p['expected']} | {p['got']}"[:60] for i, p in enumerate(PAIRS)])
def test_the_judge_agrees_with_the_label(pair: dict[str, Any]) -> None:
    verdict = equivalent(str(pair["expected"]), str(pair["got"]), question=pair.get("question", ""), ranked=pair.get("ranked"))
    assert verdict.equal is LABEL[pair["equal"]], verdict.why


@pytest.mark.parametrize("number", range(100))
def test_a_number_is_its_word_and_not_its_neighbours(number: int) -> None:
    assert equivalent(str(number), said(number)).equal is True
    assert equivalent(str(number), f"{said(number).capitalize()} GPUs exceeded it").equal is True
    for other in (number + 1, number * 10, number + 100):
        if other != number:
            assert equivalent(str(number), str(other)).equal is False
            assert equivalent(str(other), said(number)).equal is False


@pytest.mark.parametrize(
    ("one", "other"),
    [("36 min", "2160 s"), ("1.5 h", "90 minutes"), ("2 GB", "2000 MB"), ("0.4 kW", "400 W"), ("12 %", "0.12"), ("3 d", "72 h")],
)
def test_units_are_converted_both_ways_and_a_swapped_unit_is_wrong(one: str, other: str) -> None:
    assert equivalent(one, other).equal is True
    assert equivalent(other, one).equal is True
    swapped = f"{one.partition(' ')[0]} {other.partition(' ')[2]}"
    assert swapped in (one, other) or equivalent(one, swapped).equal is not True


@pytest.mark.parametrize("count", range(2, 7))
def test_a_list_misses_and_adds_nothing(count: int) -> None:
    names = [f"gpu-a-{i:03}" for i in range(count)]
    text = ", ".join(names)
    assert equivalent(text, " and ".join(reversed(names))).equal is True
    assert equivalent(text, ", ".join(reversed(names)), ranked=True).equal is False
    assert equivalent(text, ", ".join(names[:-1])).equal is False
    assert equivalent(text, f"{text}, gpu-a-999").equal is False


@pytest.mark.parametrize(
    ("fact", "sentence", "equal"),
    [
        ("12", "12 % of jobs failed", None),
        ("34", "34 of 283 jobs (12 %) failed between 1 May and 7 May, most in c-a.", True),
        ("12 %", "34 of 283 jobs (12 %) failed.", True),
        ("35", "34 of 283 jobs (12 %) failed.", False),
        ("gpu-a-017", "The straggler is gpu-a-017; its siblings gpu-a-018 and gpu-a-019 are fine.", True),
        ("gpu-a-020", "The straggler is gpu-a-017.", False),
        ("yes", "Yes: inlet temperature fell by 3.1 °C.", True),
        ("no", "Yes: inlet temperature fell by 3.1 °C.", False),
        ("2026-05-10T03:10:00", "It slowed down on 2026-05-10 at 03:10.", True),
        ("hardware", "Hardware: GPU 3 of gpu-a-009 throttles.", True),
    ],
)
def test_a_sentence_states_a_fact_among_others(fact: str, sentence: str, equal: bool | None) -> None:
    assert states(fact, sentence).equal is equal


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("36 minutes and 48 seconds", [2208.0]),
        ("1h30m", [5400.0]),
        ("3 of 12", [3.0]),
        ("p95 of gpu-a-017 is 12 ms", [0.012]),
        ("-12 and +3", [-12.0, 3.0]),
        ("1,234.5 W", [1234.5]),
        ("", []),
    ],
)
def test_numbers_are_found_in_sentences(text: str, values: list[float]) -> None:
    from llo11ypop.agents.judge.names import masked

    assert [round(q.value, 9) for q in quantities(masked(text))] == values


def test_number_words_are_spelled_out_and_other_words_are_not() -> None:
    assert spell_out("twenty one nodes of one cluster") == "21 nodes of 1 cluster"
    assert spell_out("the lonely phone") == "the lonely phone"


def test_dates_are_taken_out_of_the_text() -> None:
    found, rest = moments("3 failures on 3 May 2026 at 03:10 UTC")
    assert [(m.year, m.month, m.day, m.hour, m.minute) for m in found] == [(2026, 5, 3, 3, 10)]
    assert rest.split() == ["3", "failures", "on"]


@pytest.mark.parametrize("text", ["", " ", "🔥", "1" * 5000, "and " * 500, "-,.;:()[]{}", "NaN inf 1e999"])
def test_no_text_breaks_the_judge(text: str) -> None:
    assert equivalent("3", text).equal is not True
    assert equivalent(text, "3").equal is not True
