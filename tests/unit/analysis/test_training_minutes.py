"""Stragglers and convergence on minutes with a known story."""

import numpy as np
import pytest

from llo11ypop.analysis.convergence import Trend, judge_convergence
from llo11ypop.analysis.stragglers import Straggling, judge_stragglers

N = 120


def minutes(**changed):
    rng = np.random.default_rng(5)
    length = 8192 * (1 + 0.02 * rng.standard_normal(N))
    step = 10 * (1 + 0.01 * rng.standard_normal(N))
    given = {
        "slowest": step * 1.02, "fastest": step * 0.99, "ranks": rng.integers(0, 64, N).astype(float), "stages": np.zeros(N),
        "step_time": step * 1.03, "length": length,
    }  # fmt: skip
    return judge_stragglers(**(given | changed))


def test_even_ranks_do_not_straggle():
    assert minutes().kind is Straggling.NONE


def test_the_same_slow_rank_is_a_worker():
    found = minutes(slowest=np.full(N, 13.0), ranks=np.full(N, 17.0))
    assert (found.kind, found.rank) == (Straggling.WORKER, 17)
    assert found.spread == pytest.approx(13 / 9.9, abs=0.02)


def test_the_same_slow_stage_on_many_ranks_is_imbalance():
    found = minutes(slowest=np.full(N, 13.0), stages=np.full(N, 3.0))
    assert (found.kind, found.stage) == (Straggling.STAGE, 3)


def test_steps_that_follow_the_length_are_length_imbalance():
    rng = np.random.default_rng(2)
    length = 8192 * (1 + 0.3 * rng.random(N))
    found = minutes(slowest=length / 700, step_time=length / 690, length=length, stages=rng.integers(0, 4, N).astype(float))
    assert found.kind is Straggling.LENGTH


def test_few_minutes_name_nobody():
    assert judge_stragglers(*(np.full(3, 1.0) for _ in range(6))).kind is Straggling.UNKNOWN


def curve(**changed):
    rng = np.random.default_rng(1)
    n = 1000
    given = {
        "loss": 2 + (1 + np.arange(n) / 300) ** -0.5 + 0.006 * rng.standard_normal(n),
        "grad_norm": 0.3 * np.exp(0.1 * rng.standard_normal(n)), "lr": np.full(n, 3e-4), "nan_count": np.zeros(n),
    }  # fmt: skip
    for name, (index, value) in changed.items():
        given[name][index] = value
    return judge_convergence(**given)


def test_a_falling_loss_converges():
    found = curve()
    assert found.trend is Trend.FALLING
    assert (found.spikes, found.nan_minutes) == (0, 0)


def test_a_spike_before_nan_is_seen_in_that_order():
    found = curve(grad_norm=(slice(900, 905), 40.0), nan_count=(slice(910, 1000), 5), loss=(slice(910, 1000), np.nan))
    assert found.trend is Trend.NOT_A_NUMBER
    assert (found.first_spike, found.first_nan, found.spike_before_nan) == (900, 910, True)


def test_a_loss_that_runs_away_diverges():
    assert curve(loss=(slice(850, 1000), 4.0)).trend is Trend.DIVERGING


def test_a_flat_loss_is_flat():
    assert curve(loss=(slice(0, 1000), 2.0 + 0.01 * np.random.default_rng(3).standard_normal(1000))).trend is Trend.FLAT


def test_nothing_is_said_of_a_few_minutes():
    empty = np.array([])
    assert judge_convergence(empty, empty, empty, empty).trend is Trend.UNKNOWN
