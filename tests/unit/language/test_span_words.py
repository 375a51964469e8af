"""Spans are told in whole units, and a bare 'why' about a place asks what happened there."""

from datetime import timedelta

import pytest

from llo11ypop.language.periods import describe


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1_814_401, "21 days"), (7 * 86400, "7 days"), (86400, "24 hours"), (36 * 3600, "36 hours"), (5400, "90 minutes"),
        (59, "59 seconds"), (30.5 * 86400, "732 hours"),
    ],
)  # fmt: skip
def test_a_span_is_told_in_the_largest_whole_unit(seconds: float, text: str) -> None:
    assert describe(timedelta(seconds=seconds)) == text
