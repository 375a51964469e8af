"""Repeat offenders: rules, ranking, forecasts; nothing from the future."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llo11ypop.analysis.risk import (
    HORIZON_DAYS,
    Flag,
    base_rate,
    beyond_chance,
    brier,
    brier_scores,
    count_in,
    fails_within,
    fleet_rate,
    forecast,
    judged_days,
    node_probability,
    offenders,
    precision,
    rank,
    ranked_flags,
    rule_flags,
    smoothed_rate,
    with_all_nodes,
)

days = st.lists(st.floats(0, 200, allow_nan=False), max_size=12).map(sorted)
fleets = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), days, min_size=1)


def test_counting_is_open_at_the_far_end() -> None:
    assert count_in([1, 10, 31], 31, 30) == 2
    assert count_in([1, 10, 31], 30, 30) == 2


@pytest.mark.parametrize(("at", "again"), [(0, True), (5, False), (4.9, True)])
def test_another_fault_lies_strictly_after(at: float, again: bool) -> None:
    assert fails_within([5.0], at) is again


def test_a_rule_flags_when_first_satisfied_and_again_after_it_lapsed() -> None:
    events = {"a": [0.0, 10, 15, 100, 101]}
    assert rule_flags(events, 2, 30) == [Flag(10, "a"), Flag(101, "a")]


def test_a_rule_that_goes_on_holding_flags_once() -> None:
    assert rule_flags({"a": [0.0, 10, 20, 30, 45]}, 2, 30) == [Flag(10, "a")]


def test_three_in_sixty_needs_three() -> None:
    assert rule_flags({"a": [0.0, 10], "b": [0.0, 30, 59]}, 3, 60) == [Flag(59, "b")]


def test_precision_leaves_out_flags_whose_horizon_is_not_over() -> None:
    events = {"a": [0.0, 10, 20, 95]}
    assert precision([Flag(10, "a"), Flag(20, "a"), Flag(95, "a")], events, end_day=100) == (2, 0.5)


def test_precision_of_nothing_is_not_a_number() -> None:
    assert precision([], {}, 100) == (0, None)


def test_precision_counts_from_a_day_on() -> None:
    assert precision([Flag(1, "a"), Flag(50, "a")], {"a": [1.0, 50]}, 100, from_day=40) == (1, 0.0)


def test_a_recent_failer_ranks_before_an_old_one() -> None:
    order = [r.node for r in rank({"old": [1.0, 2, 3], "new": [98.0, 99], "never": []}, 100)]
    assert order[0] == "new"
    assert order[-1] == "never"


def test_the_ranking_shows_its_counts() -> None:
    top = rank({"a": [10.0, 50, 95]}, 100)[0]
    assert (top.last_30, top.last_60, top.total) == (1, 2, 3)


@given(days, st.floats(1, 200))
def test_a_probability_is_one(own: list[float], day: float) -> None:
    assert 0 <= node_probability(own, day, 0.01) <= 1


@given(days, st.floats(1, 200))
def test_one_more_recent_fault_never_lowers_the_risk(own: list[float], day: float) -> None:
    assert smoothed_rate(sorted([*own, day]), day, 0.01) >= smoothed_rate(own, day, 0.01)


@settings(max_examples=60)
@given(fleets, st.floats(5, 150), st.floats(0, 100))
def test_the_future_changes_nothing_that_was_said(events: dict[str, list[float]], day: float, later: float) -> None:
    known = {n: [d for d in own if d <= day] for n, own in events.items()}
    more = {n: sorted([*own, day + 0.5 + later]) for n, own in known.items()}
    assert rank(known, day) == rank(more, day) == rank(events, day)
    assert base_rate(known, day) == base_rate(more, day)
    assert fleet_rate(known, day) == fleet_rate(more, day)


@settings(max_examples=60)
@given(fleets, st.floats(5, 150))
def test_flags_up_to_a_day_depend_on_nothing_after_it(events: dict[str, list[float]], day: float) -> None:
    known = {n: [d for d in own if d <= day] for n, own in events.items()}
    assert rule_flags(known, 2, 30) == [f for f in rule_flags(events, 2, 30) if f.day <= day]
    ours = ranked_flags(events, rule_flags(events, 2, 30))
    assert ranked_flags(known, rule_flags(known, 2, 30)) == [f for f in ours if f.day <= day]


@given(fleets)
def test_ours_has_at_most_the_rules_number_of_tickets(events: dict[str, list[float]]) -> None:
    budget = rule_flags(events, 2, 30)
    assert len(ranked_flags(events, budget)) <= len(budget)


def test_a_flagged_node_rests_for_one_horizon() -> None:
    events = {"a": [1.0, 2, 3], "b": [1.0]}
    flags = ranked_flags(events, [Flag(3, "a"), Flag(4, "a"), Flag(3 + HORIZON_DAYS, "a")])
    assert [f.node for f in flags] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("forecast", "outcome", "score"), [([1.0], [True], 0.0), ([0.5, 0.5], [True, False], 0.25), ([1.0], [False], 1.0)]
)
def test_brier(forecast: list[float], outcome: list[bool], score: float) -> None:
    assert brier(forecast, outcome) == score


def test_brier_of_nothing() -> None:
    assert brier([], []) is None


def test_base_rate_counts_weeks_whose_outcome_is_known() -> None:
    events = {"a": [10.0], "b": []}
    assert base_rate(events, 37) == 0.5
    assert base_rate(events, 44) == 0.25


def test_the_forecast_says_who_and_leaves_how_many_to_the_base_rate() -> None:
    events = with_all_nodes({"a": [95.0, 99], "b": [50.0]}, 50)
    chance = forecast(events, 100)
    assert sum(chance.values()) / 50 == pytest.approx(base_rate(events, 100))
    assert chance["a"] > chance["b"] > chance["never-failed-0000"] > 0


@given(fleets, st.floats(1, 200))
def test_a_forecast_is_a_probability(events: dict[str, list[float]], day: float) -> None:
    assert all(0 <= p <= 1 for p in forecast(events, day).values())


def test_brier_does_not_lose_where_nodes_are_alike() -> None:
    draw = np.random.default_rng(7)
    events = {f"n{n}": sorted(draw.uniform(0, 300, draw.poisson(1)).tolist()) for n in range(200)}
    ours, flat = brier_scores(events, 300)
    assert ours is not None
    assert flat is not None
    assert ours <= flat + 0.001


@pytest.mark.parametrize(
    ("ours", "rule", "better"),
    [
        ((30, 0.5667), (30, 0.4667), False),
        ((300, 0.6), (300, 0.4), True),
        ((58, 0.4), (58, 0.4), False),
        ((0, None), (3, 0.1), False),
    ],
)
def test_better_is_said_only_beyond_chance(ours: tuple[int, float | None], rule: tuple[int, float | None], better: bool) -> None:
    assert beyond_chance(ours, rule) is better


def test_judged_days_have_a_past_and_a_future() -> None:
    assert judged_days(80) == [42, 49]
    assert judged_days(80, from_day=45) == [49]
    assert judged_days(20) == []


def test_brier_beats_the_base_rate_where_the_signal_is_strong() -> None:
    events = with_all_nodes({f"bad{n}": [float(d) for d in range(0, 300, 6)] for n in range(5)}, 100)
    ours, flat = brier_scores(events, 300)
    assert ours is not None
    assert flat is not None
    assert ours < flat


def test_all_nodes_are_filled_up() -> None:
    assert with_all_nodes({"b": [2.0, 1.0]}, 3) == {"b": [1.0, 2.0], "never-failed-0000": [], "never-failed-0001": []}


def test_the_report_has_every_key_of_its_contract() -> None:
    out = offenders({"a": [1.0, 2, 20], "b": []}, 100)
    assert {"two_in_30", "three_in_60", "ours_at_two_in_30", "ours_at_three_in_60", "brier", "brier_base"} <= set(out)
    assert out["two_in_30"] == {"tickets": 1, "precision": 1.0}
