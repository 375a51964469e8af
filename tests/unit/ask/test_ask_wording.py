"""What an answer says of rows, of no rows, and of the kinds of nothing."""

from dataclasses import replace

import pytest

from llo11ypop.ask.nothing import worded
from llo11ypop.ask.wording import partial_note, sentences, truncation_note
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.core.question import Result, Status
from llo11ypop.language import Condition, Intent, Reading
from llo11ypop.language.binding import grounds, kept
from tests.ask_samples import CLUSTER, DAY, END, FAILED, NODE, TEMP, WAIT, WINDOW, clusters, days, reading, result


def said(asked: Reading, rows: Result) -> list[str]:
    """The sentences, all of which must be bound."""
    made = sentences(asked, rows)
    good, loose = kept(made, rows, grounds(rows, question=asked.question, said=[asked.text], window=WINDOW))
    assert loose == ()
    return [s.text for s in good]


def test_a_single_figure_is_said_with_its_window() -> None:
    one = result((FAILED,), [{"failed": 1204}])
    assert said(reading(FAILED, intent=Intent.VALUE), one) == ["Failed jobs: 1,204, 2026-05-01 to 2026-05-21."]


def test_a_filter_that_the_label_does_not_say_is_said() -> None:
    asked = reading(FAILED, intent=Intent.VALUE, filters=(Condition("cluster", "in", ("c-a",), "cluster c-a"),))
    rows = result((FAILED,), [{"failed": 4}])
    assert sentences(asked, rows)[0].text == "Failed jobs (cluster c-a): 4, 2026-05-01 to 2026-05-21."


def test_a_ranking_names_the_first_the_others_and_the_whole() -> None:
    rows = clusters({"c-d": 40, "c-a": 30, "c-b": 10})
    assert said(reading(CLUSTER, FAILED), rows) == [
        "c-d has the most failed jobs: 40, 2026-05-01 to 2026-05-21; then c-a 30 and c-b 10.",
        "All together 80; c-d is 50 % of it.",
    ]


def test_rows_in_no_order_are_ranked_by_the_text() -> None:
    assert said(reading(CLUSTER, FAILED), clusters({"c-a": 3, "c-b": 10, "c-c": 5}))[0].startswith(
        "c-b has the most failed jobs: 10"
    )


def test_the_lowest_first_is_said_as_such() -> None:
    rows = result((CLUSTER, TEMP), [{"cluster": "c-b", "temp": 41.04}, {"cluster": "c-a", "temp": 63.4}])
    text = said(reading(CLUSTER, TEMP, agg="avg", ordered=True, desc=False), rows)[0]
    assert text == "c-b has the lowest core temperature: 41.0 °C, 2026-05-01 to 2026-05-21; then c-a 63.4 °C."


def test_means_and_rates_are_never_added_up() -> None:
    rows = result((CLUSTER, TEMP), [{"cluster": "c-b", "temp": 61.0}, {"cluster": "c-a", "temp": 43.4}])
    assert not any("All together" in s for s in said(reading(CLUSTER, TEMP, agg="avg"), rows))
    assert not any("All together" in s for s in said(reading(CLUSTER, FAILED, per="1000_gpus"), clusters({"c-a": 3, "c-b": 1})))
    assert not any(
        "All together" in s for s in said(reading(CLUSTER, FAILED, agg="count_distinct"), clusters({"c-a": 3, "c-b": 1}))
    )


def test_things_without_a_reading_are_named_and_are_not_zero() -> None:
    rows = result(
        (CLUSTER, TEMP), [{"cluster": "c-b", "temp": 61.0}, {"cluster": "c-a", "temp": 43.4}, {"cluster": "c-z", "temp": None}]
    )
    assert "c-z gave no reading; that is not zero." in said(reading(CLUSTER, TEMP, agg="avg"), rows)


def test_equal_figures_have_no_first() -> None:
    text = said(reading(CLUSTER, FAILED, ordered=True), clusters({"c-a": 2, "c-b": 2}))[0]
    assert text == "Failed jobs is 2 for all 2 clusters, 2026-05-01 to 2026-05-21."


def test_a_course_says_total_highest_lowest_and_which_way_it_went() -> None:
    text = said(reading(DAY, FAILED, intent=Intent.TREND, bucket="day"), days([4, 2, 6, 8, 9, 12]))
    assert text == [
        "Failed jobs per day, 2026-05-01 to 2026-05-21: 41 in all, highest 12 (2026-05-06), lowest 2 (2026-05-02).",
        "The mean of the second half is 142 % more than that of the first, which is worse.",
    ]


def test_a_course_that_hardly_moved_is_about_the_same() -> None:
    text = said(reading(DAY, TEMP, intent=Intent.TREND, agg="avg", bucket="day"), days([60.0, 61.0, 60.5, 60.4], TEMP))
    assert text[1] == "The second half of the period is about the same as the first."
    assert "in all" not in text[0]


def test_a_list_names_a_few_and_counts_the_rest() -> None:
    rows = result((NODE,), [{"node_id": f"gpu-a-{i:03d}"} for i in range(1, 9)])
    asked = reading(NODE, intent=Intent.LIST, measures=())
    assert said(asked, rows) == [
        "8 nodes, 2026-05-01 to 2026-05-21: gpu-a-001, gpu-a-002, gpu-a-003, gpu-a-004 and gpu-a-005, and 3 more."
    ]


def test_durations_are_said_in_a_unit_that_reads_well() -> None:
    rows = result((CLUSTER, WAIT), [{"cluster": "c-a", "wait": 9000.0}, {"cluster": "c-b", "wait": 95.0}])
    assert "c-a has the highest queue wait: 2.50 h" in said(reading(CLUSTER, WAIT, agg="avg"), rows)[0]
    assert "c-b 95 s" in said(reading(CLUSTER, WAIT, agg="avg"), rows)[0]


def test_a_period_that_is_not_over_and_rows_that_were_cut_off_are_said() -> None:
    asked = reading(DAY, FAILED, intent=Intent.TREND, bucket="day", partial=True)
    assert partial_note(asked, END) == (
        "Last 21 days is not over: counted until 2026-05-22 00:00 UTC; the last day is incomplete."
    )
    assert partial_note(reading(FAILED), END) == ""
    assert truncation_note(clusters({"c-a": 1})) == ""
    cut = result((CLUSTER, FAILED), [{"cluster": "c-a", "failed": 1}], truncated=True)
    assert truncation_note(cut).startswith("Cut off at 1 rows: there are more")


@pytest.mark.parametrize(
    ("status", "missing", "rows", "expected", "start"),
    [
        (EvidenceStatus.NOT_EXPORTED, ("gpu_metrics.thermal_ns",), [], Status.NO_DATA,
         "Not exported: this fleet does not send thermal_ns of gpu_metrics, so failed jobs cannot be told."),
        (EvidenceStatus.NO_DATA, (), [], Status.NO_DATA, "No data: nothing arrived from slurm_jobs, 2026-05-01 to 2026-05-21"),
        (EvidenceStatus.NO_DATA, (), [{"failed": 0}], Status.NO_DATA, "No data: nothing arrived"),
        (EvidenceStatus.OK, (), [{"failed": None}], Status.NO_DATA, "Not applicable: no reading of failed jobs exists"),
        (EvidenceStatus.EMPTY, (), [], Status.ANSWERED, "Failed jobs: 0, 2026-05-01 to 2026-05-21. The telemetry was there"),
    ],
)  # fmt: skip
def test_the_kinds_of_nothing_have_different_texts(
    status: EvidenceStatus, missing: tuple[str, ...], rows: list[dict[str, None]], expected: Status, start: str
) -> None:
    made = result((FAILED,), rows, status=status, missing=missing)
    found = worded(reading(FAILED, intent=Intent.VALUE), made)
    assert found is not None
    assert found[0] is expected
    assert found[1].text.startswith(start)


def test_what_could_not_be_read_fails_with_the_reason() -> None:
    made = result((FAILED,), [], status=EvidenceStatus.UNREAD)
    refused = replace(made.evidence[0], note="a counter that starts again")
    found = worded(reading(FAILED), replace(made, evidence=(refused,)))
    assert found is not None
    assert found[0] is Status.FAILED
    assert found[1].text == (
        "Not read: a counter that starts again; so failed jobs is unknown. That is neither zero nor silence."
    )


def test_no_group_that_matches_is_none_rather_than_zero_of_something() -> None:
    found = worded(reading(CLUSTER, FAILED), result((CLUSTER, FAILED), []))
    assert found is not None
    assert found[1].text.startswith("None: nothing matches failed jobs")


def test_a_zero_that_was_counted_is_an_answer() -> None:
    rows = result((FAILED,), [{"failed": 0}])
    assert worded(reading(FAILED, intent=Intent.VALUE), rows) is None
    assert said(reading(FAILED, intent=Intent.VALUE), rows) == ["Failed jobs: 0, 2026-05-01 to 2026-05-21."]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"c-a": 99.4, "c-b": 96.1}, "The goal of 99 % is missed by c-b (96.1)."),
        ({"c-a": 99.4, "c-b": 99.9}, "All meet the goal of 99 %."),
    ],
)
def test_who_misses_the_goal_is_said_where_it_is_asked_about(cells: dict[str, float], text: str) -> None:
    column = replace(FAILED, better="higher")
    rows = replace(clusters(cells), columns=(CLUSTER, column))
    asked = replace(
        reading(CLUSTER, column), definition="a share; the goal is 99 %", question="Do we meet the goal, per cluster?"
    )
    assert text in [s.text for s in sentences(asked, rows)]
    assert not any("goal" in s.text for s in sentences(replace(asked, question="availability per cluster"), rows))
