from datetime import timedelta

from llo11ypop.core.breaker import Breaker


def open_breaker() -> Breaker:
    breaker = Breaker(2, timedelta(seconds=10))
    assert not breaker.broke(0.0)
    assert breaker.broke(1.0)
    return breaker


def test_it_opens_after_failures_in_a_row_and_rests() -> None:
    breaker = open_breaker()
    assert not breaker.allows(10.9)
    assert breaker.allows(11.0)


def test_after_the_rest_one_of_many_is_let_through() -> None:
    breaker = open_breaker()
    assert [breaker.enter(12.0) for _ in range(3)] == [True, False, False]


def test_a_try_that_works_closes_it_and_one_that_fails_rests_again() -> None:
    worked, failed = open_breaker(), open_breaker()
    assert worked.enter(12.0)
    assert worked.succeeded()
    assert all(worked.enter(12.0) for _ in range(3))
    assert failed.enter(12.0)
    assert failed.broke(13.0)
    assert not failed.enter(22.9)
    assert failed.enter(23.0)


def test_a_try_that_never_ends_does_not_hold_it_for_ever() -> None:
    breaker = open_breaker()
    assert breaker.enter(12.0)
    assert breaker.enter(22.0)
