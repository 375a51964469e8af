"""Two periods: how much, how much before, and whether that is better."""

from datetime import timedelta

import pytest

from llo11ypop.ask.wording import sentences
from llo11ypop.core.question import Column
from llo11ypop.language import Intent, Period
from llo11ypop.language.binding import grounds, kept
from tests.ask_samples import CLUSTER, FAILED, START, WINDOW, reading, result

BEFORE = Period(START - timedelta(days=21), START, "the 21 days before")
COLUMNS = (
    FAILED,
    Column("failed_before", "failed jobs, before", "measure", "1", "lower"),
    Column("failed_change", "change", "measure", "1", "lower"),
    Column("failed_change_pct", "change in %", "measure", "%", "lower"),
)


def row(now: float | None, before: float | None, **more: object) -> dict[str, object]:
    change = None if now is None or before is None else now - before
    share = None if change is None or not before else 100.0 * change / before
    return {**more, "failed": now, "failed_before": before, "failed_change": change, "failed_change_pct": share}


@pytest.mark.parametrize(
    ("now", "before", "end"),
    [
        (12, 9, "12 against 9 the 21 days before, 2026-05-01 to 2026-05-21; 33.3 % more, which is worse."),
        (9, 12, "9 against 12 the 21 days before, 2026-05-01 to 2026-05-21; 25 % less, which is better."),
        (9, 9, "9 against 9 the 21 days before, 2026-05-01 to 2026-05-21; that is the same."),
        (9, 0, "9 against 0 the 21 days before, 2026-05-01 to 2026-05-21; 9 more, which is worse."),
        (9, None, "9 against – the 21 days before, 2026-05-01 to 2026-05-21; a period was not measured."),
    ],
)
def test_one_pair_is_judged(now: int, before: int | None, end: str) -> None:
    asked = reading(FAILED, intent=Intent.COMPARE, compare=BEFORE)
    rows = result(COLUMNS, [row(now, before)])
    good, loose = kept(sentences(asked, rows), rows, grounds(rows, question="q", said=[BEFORE.label], window=WINDOW))
    assert loose == ()
    assert [s.text for s in good] == [f"Failed jobs: {end}"]


def test_of_many_pairs_the_first_are_said() -> None:
    asked = reading(CLUSTER, FAILED, intent=Intent.COMPARE, compare=BEFORE)
    rows = result((CLUSTER, *COLUMNS), [row(12, 9, cluster="c-a"), row(4, 5, cluster="c-b")])
    text = sentences(asked, rows)[0].text
    assert text == "Failed jobs, 2026-05-01 to 2026-05-21: c-a 12 against 9 the 21 days before; c-b 4 against 5."
