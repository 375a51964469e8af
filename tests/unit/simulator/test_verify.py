import numpy as np
import pytest

from llo11ypop.simulator.verify import QUANTILES, Check, ks, refail_share, telemetry_checks


def test_identical_distributions_have_distance_zero() -> None:
    values = np.linspace(0, 1, 10_001)
    points = np.quantile(values, QUANTILES / 100)
    assert ks((values, np.ones_like(values)), points, QUANTILES / 100) < 0.001


def test_a_shift_is_seen_and_a_step_is_not_one() -> None:
    values = np.linspace(0, 1, 10_001)
    points = np.quantile(values, QUANTILES / 100)
    assert ks((values + 0.2, np.ones_like(values)), points, QUANTILES / 100) == pytest.approx(0.2, abs=0.01)
    flat = np.zeros(100)
    assert ks((flat, np.ones(100)), np.zeros(3), np.array([0.1, 0.5, 1.0])) == 0


def test_refails_count_from_the_repair() -> None:
    start, end, node = np.array([0.0, 3e5, 5e6]), np.array([1e5, 4e5, 5.1e6]), np.array([0, 0, 0])
    assert refail_share(start, end, node, 1e8) == pytest.approx(1 / 3)


def test_a_check_knows_its_range() -> None:
    assert Check("x", 0.5, 0.4, 0.6, "").ok
    assert not Check("x", 0.7, 0.4, 0.6, "").ok


@pytest.mark.slow
def test_temperature_power_and_utilisation_follow_acme() -> None:
    from llo11ypop.simulator.verify import _reference

    for check in telemetry_checks(1, _reference(None)):
        assert check.ok, check
