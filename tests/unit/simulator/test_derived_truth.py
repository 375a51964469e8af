"""Truth that only the finished world shows: the fifth repair of a node, and runs that had died before."""

import numpy as np
import pytest

from llo11ypop.simulator.incidents.derived import _reached

DAY = 86400.0


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([1, 2, 3, 4], []),
        ([1, 2, 3, 4, 5], [5]),
        ([1, 2, 3, 4, 9.5], []),
        ([1, 2, 3, 4, 5, 6, 7], [5]),
        ([1, 2, 3, 4, 5, 20, 21, 22, 23, 24], [5, 24]),
        ([0.1, 0.2, 0.3, 0.4, 0.5], []),
    ],
)
def test_the_fifth_repair_in_seven_days_is_escalated_once(days: list[float], expected: list[float]) -> None:
    assert [at / DAY for at in _reached(np.array(days) * DAY, 5, 7 * DAY)] == expected
