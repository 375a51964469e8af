"""Change points, attribution, correlation, intervention and counts on series with a known answer."""

import math

import numpy as np
import pytest

from llo11ypop.analysis.attribution import explain, rank_dimensions, rate_or_volume, slices_of
from llo11ypop.analysis.change_point import changes, strongest
from llo11ypop.analysis.correlation import beyond_control, correlate, lagged
from llo11ypop.analysis.counts import binomial_tail, change_z, overdispersion, poisson_tail, rate_ratio
from llo11ypop.analysis.intervention import difference_in_differences, freed_of


def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("at", [20, 60, 100])
def test_a_level_shift_is_found_where_it_is(at):
    values = rng().normal(10, 1, 120)
    values[at:] += 5
    found = changes(values)
    assert [abs(c.index - at) <= 2 for c in found] == [True]
    assert found[0].shift == pytest.approx(5, abs=0.7)


def test_noise_alone_has_no_change():
    assert sum(len(changes(np.random.default_rng(s).normal(0, 1, 200))) for s in range(20)) <= 1


def test_missing_samples_and_long_series_keep_their_index():
    values = rng().normal(0, 1, 6000)
    values[4000:] += 4
    values[::7] = np.nan
    best = strongest(changes(values), rising=True)
    assert best is not None
    assert abs(best.index - 4000) < 30


def test_a_series_without_noise_steps_exactly():
    assert [c.index for c in changes(np.array([0.0] * 10 + [3.0] * 10))] == [10]
    assert changes(np.zeros(50)) == []
    assert changes(np.array([1.0, 9.0])) == []


def test_the_cluster_that_moved_the_total_is_named():
    before = {"cluster": {"a": 40, "b": 42, "c": 38}, "state": {"FAILED": 100, "TIMEOUT": 20}}
    now = {"cluster": {"a": 41, "b": 120, "c": 40}, "state": {"FAILED": 170, "TIMEOUT": 31}}
    ranked = rank_dimensions([explain(slices_of(d, now[d], before[d])) for d in before])
    assert ranked[0].name == "cluster"
    assert [s.value for s in ranked[0].slices] == ["b"]
    assert ranked[0].slices[0].z > 5


def test_what_grew_in_proportion_explains_nothing():
    assert explain(slices_of("state", {"FAILED": 200, "TIMEOUT": 20}, {"FAILED": 100, "TIMEOUT": 10})).slices == ()


def test_windows_of_other_length_are_scaled():
    part = slices_of("x", {"a": 10}, {"a": 40}, scale=0.25)[0]
    assert part.delta == 0
    assert abs(part.z) < 0.1


def test_rate_and_volume_add_up():
    shift = rate_or_volume({"a": (60, 300), "b": (5, 50)}, {"a": (20, 200), "b": (5, 50)}, 1.0)[0]
    assert shift.value == "a"
    assert shift.rate_effect + shift.volume_effect == pytest.approx(40)
    assert shift.rate_effect > shift.volume_effect


def test_the_lag_of_a_follower_is_found():
    lead = rng().normal(0, 1, 200)
    follow = np.roll(lead, 3) + 0.3 * rng().normal(0, 1, 200)
    found = lagged(lead, follow, 6)
    assert found is not None
    assert found.lag == 3
    assert found.p < 0.001


def test_a_common_driver_is_taken_away():
    weather = np.cumsum(rng().normal(0, 1, 300))
    generator = np.random.default_rng(9)
    x, y = weather + generator.normal(0, 0.5, 300), weather + generator.normal(0, 0.5, 300)
    assert correlate(x, y).r > 0.9
    assert abs(beyond_control(x, y, weather).r) < 0.2


def test_two_random_walks_are_not_called_related():
    wrong = 0
    for seed in range(30):
        generator = np.random.default_rng(seed)
        found = correlate(np.cumsum(generator.normal(0, 1, 150)), np.cumsum(generator.normal(0, 1, 150)))
        wrong += found.p < 0.01
    assert wrong <= 3


def test_an_intervention_is_told_from_the_weather():
    generator = np.random.default_rng(3)
    weather = -3.0
    treated = -2.0 + weather + generator.normal(0, 0.3, 6)
    control = weather + generator.normal(0, 0.3, 12)
    effect = difference_in_differences(treated, control)
    assert effect.value == pytest.approx(-2, abs=0.4)
    assert effect.beyond_chance
    assert not difference_in_differences(control[:6], control[6:]).beyond_chance


def test_one_unit_alone_proves_nothing_without_a_known_noise():
    assert math.isinf(difference_in_differences(np.array([-2.0]), np.array([])).high)
    assert difference_in_differences(np.array([-2.0]), np.array([0.1]), noise=0.2).beyond_chance
    assert difference_in_differences(np.array([np.nan]), np.array([1.0])) is None


def test_load_is_taken_out_of_a_temperature():
    load = rng().uniform(0, 1, 100)
    left = freed_of(20 + 10 * load, load[:, None])
    assert np.ptp(left) < 1e-6


def test_counts_know_their_chance():
    assert poisson_tail(1, 1) == pytest.approx(1 - math.exp(-1))
    assert poisson_tail(9, 1.2) < 1e-5
    assert poisson_tail(700, 600) < 1e-3
    assert binomial_tail(5, 10, 0.5) == pytest.approx(0.623, abs=1e-3)
    assert change_z(100, 50) > 3
    assert abs(change_z(3, 1)) < 1.5
    assert rate_ratio(30, 100, 3, 100).low > 2
    assert not rate_ratio(2, 100, 1, 100).beyond_chance
    assert rate_ratio(0, 10, 0, 0) is None
    assert overdispersion([0, 0, 10, 0]) > 5
    assert overdispersion([3, 3, 3]) == 1
