"""The suite's own cases, each a test, on one small seeded fleet of each profile. `llo11ypop eval` runs the same on large ones,
and every report and scenario, of which only a few are run here.

A case that the program does not get right yet stands in `known.yaml` with the reason, and is expected to fail.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from llo11ypop.core.located import load_located
from llo11ypop.evals.suite.case import SCENARIO, Case
from llo11ypop.evals.suite.fleets import FleetFile, simulated
from llo11ypop.evals.suite.loading import AnyCase, load_cases
from llo11ypop.evals.suite.runner import run_case
from llo11ypop.evals.suite.session import Session, opened
from llo11ypop.evals.suite.suite import judge_pairs
from llo11ypop.evals.suite.truth import Prepared, prepare
from tests.remembering import RememberingStore

HERE = Path(__file__).parent
SEED, GPUS, DAYS = 7, 64, 10.0
REPORTS = frozenset({"r-small-night-6"})
"""The report that is made here: each runs a night of cycles or a week of them; `llo11ypop eval` makes them all."""
STORIES = frozenset({"i-last-night-cooling", "i-slow-run-is-the-model", "l-leaf-switch", "l-quiet"})
"""The scenario cases that are run here: each has a fleet of its own; `llo11ypop eval --only scenario` runs them all."""


def chosen() -> list[AnyCase]:
    return [c for c in load_cases(HERE) if is_chosen(c)]


def is_chosen(case: AnyCase) -> bool:
    if case.fleet.startswith(SCENARIO):
        return case.id in STORIES
    return not (isinstance(case, Case) and case.level == "report") or case.id in REPORTS


CASES = chosen()
KNOWN: dict[str, str] = load_located((HERE / "known.yaml").read_text(encoding="utf-8"), "known.yaml").value or {}


def kind_of(case: AnyCase) -> str:
    """Small and full are one here."""
    return "full" if case.fleet == "small" else case.fleet


class Fleets:
    """Small fleets with the truth of their cases, opened when the first case needs them."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._open: dict[str, tuple[FleetFile, Session, dict[str, Prepared]]] = {}

    async def of(self, case: AnyCase) -> tuple[FleetFile, Session, Prepared]:
        kind = kind_of(case)
        if kind not in self._open:
            (fleet,) = simulated([kind], [SEED], gpus=GPUS, days=DAYS, folder=self._folder, cases=HERE)
            own = [c for c in CASES if kind_of(c) == kind]
            prepared = {p.case.id: p for p in prepare(own, fleet.path)}
            session = await self._stack.enter_async_context(opened(fleet.path))
            session.deps.store = RememberingStore(session.deps.store)
            self._open[kind] = fleet, session, prepared
        fleet, session, prepared = self._open[kind]
        return fleet, session, prepared[case.id]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fleets() -> AsyncIterator[Fleets]:
    async with AsyncExitStack() as stack:
        yield Fleets(stack, Path(".llo11ypop/fleets"))


def level(case: AnyCase) -> str:
    return case.level if isinstance(case, Case) else case.agent


def marks(case: AnyCase) -> list[pytest.MarkDecorator]:
    found = [pytest.mark.slow, pytest.mark.scenario] if case.fleet.startswith(SCENARIO) else []
    return [*found, pytest.mark.xfail(reason=KNOWN[case.id], strict=False)] if case.id in KNOWN else found


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{level(c)}-{c.id}", marks=marks(c)) for c in CASES])
@pytest.mark.asyncio(loop_scope="session")
async def test_case(case: AnyCase, fleets: Fleets) -> None:
    fleet, session, prepared = await fleets.of(case)
    if prepared.missing:
        pytest.skip(prepared.missing)
    record = await run_case(
        prepared, session, fleet.label, component=session.component, made=session.made, paraphrases=False
    )  # fmt: skip
    assert not record.error
    assert record.passed, "; ".join(problem for turn in record.turns for problem in turn.problems)


def test_the_judge_agrees_with_the_labels_and_accepts_nothing_wrong() -> None:
    agreed = judge_pairs(HERE)
    assert len(agreed) >= 100
    assert sum(agreed) >= 0.98 * len(agreed)


def test_every_case_that_is_chosen_by_name_is_there() -> None:
    assert REPORTS | STORIES <= {c.id for c in CASES}


def test_no_known_failure_is_forgotten() -> None:
    ids = {c.id for c in load_cases(HERE)}
    assert set(KNOWN) <= ids and all(KNOWN.values())
