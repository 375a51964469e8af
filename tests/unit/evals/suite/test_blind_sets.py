"""The blind sets are cases that can be asked, and none is in two of them."""

from pathlib import Path

import pytest

from llo11ypop.evals.suite.loading import load_cases

BLIND = Path(__file__).parents[3] / "blind"
SIZE = {"sixth": 72, "seventh": 60, "eighth": 60, "ninth": 64}
"""Cases of a set, where it is not of 92."""
SETS = sorted(p.name for p in BLIND.iterdir() if p.is_dir())


@pytest.mark.parametrize("name", SETS)
def test_a_blind_set_holds_questions_and_threads(name: str) -> None:
    cases = load_cases(BLIND / name)
    assert len(cases) == len({c.id for c in cases}) == SIZE.get(name, 92)


def test_no_case_is_in_two_sets() -> None:
    ids = [c.id for name in SETS for c in load_cases(BLIND / name)]
    assert len(SETS) == 9
    assert len(ids) == len(set(ids))
