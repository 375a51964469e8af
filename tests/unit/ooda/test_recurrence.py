"""A hardware fault that is back days later is the old one unless somebody repaired the thing in between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from llo11ypop.agents.action.compose import Occasion
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal, ProposalStatus
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.learning.policy import RulePolicy
from llo11ypop.ooda.decide import Desk, decide
from llo11ypop.ooda.deps import Deps, Limits
from llo11ypop.ooda.recurrence import unrepaired

Make = Callable[..., Any]
DAY_MIN = 24 * 60.0


class Remediations:
    """A store that knows one table."""

    def __init__(self, *rows: tuple[str, str, datetime]) -> None:
        self._rows = pa.table(
            {
                "node_id": [r[0] for r in rows],
                "action": [r[1] for r in rows],
                "last_at": pa.array([r[2].replace(tzinfo=None) for r in rows], pa.timestamp("us")),
            }
        )
        self.asked = 0

    async def run(self, _plan: object, _at: datetime) -> SimpleNamespace:
        self.asked += 1
        return SimpleNamespace(rows=self._rows)


@pytest.fixture
def case(finding: Make, book: Make, playbook: Make, fleet: Topology, t0: datetime) -> Make:
    """(desk of the recurrence, hypothesis, deps) of a fault seen at t0, cleared, and back after some days."""

    def make(
        *rows: tuple[str, str, datetime], days: float, queue: str = "GPU-HW", actions: Any = None
    ) -> tuple[Desk, Hypothesis, Deps]:
        books = book(playbook("F", queue=queue, **({"actions": actions} if actions else {})))
        limits = Limits()

        def desk(minute: float, *recent: Proposal, back: frozenset[str] = frozenset()) -> Desk:
            at = t0 + timedelta(minutes=minute)
            occasion = Occasion("cycle", at, limits.expires_after, "p")
            return Desk(books, fleet, RulePolicy(), limits, recent, occasion, 0, back)

        def guess(minute: float) -> Hypothesis:
            found = finding("F", "gpu:n03-g1", minute)
            return Hypothesis("F", found.entity, found.since, 0.8, (found,))

        old = replace(decide([guess(0)], desk(15)).file[0], status=ProposalStatus.CLEARED)
        deps = cast(Deps, SimpleNamespace(playbooks=books, limits=limits, store=Remediations(*rows)))
        return desk(days * DAY_MIN, old), guess(days * DAY_MIN - 15), deps

    return make


async def back(case: tuple[Desk, Hypothesis, Deps]) -> tuple[bool, int]:
    """Whether the proposal is taken for unrepaired, and how often the store was asked."""
    desk, hypothesis, deps = case
    ids = await unrepaired(deps, [hypothesis], desk.recent, desk.topology, desk.occasion.at)
    made = decide([hypothesis], replace(desk, unrepaired=ids))
    assert bool(ids) == (set(made.reopen) == {p.id for p in desk.recent})
    assert bool(ids) != bool(made.file) or bool(made.reopen)
    return bool(ids), deps.store.asked  # type: ignore[attr-defined]


async def test_what_nobody_repaired_is_the_same_fault(case: Make, t0: datetime) -> None:
    elsewhere = ("n99", "RMA", t0 + timedelta(days=1))
    assert await back(case(elsewhere, days=3)) == (True, 1)


@pytest.mark.parametrize("action", ["RMA", "TECH"])
async def test_a_repair_in_between_makes_it_a_new_one(case: Make, t0: datetime, action: str) -> None:
    assert await back(case(("n03", action, t0 + timedelta(days=1)), days=3)) == (False, 1)


@pytest.mark.parametrize("action", ["REBOOT", "RESET_GPU"])
async def test_a_reset_repairs_only_what_it_is_the_first_remedy_of(case: Make, t0: datetime, action: str) -> None:
    done = ("n03", action, t0 + timedelta(days=1))
    technician = [{"name": "TECH", "arguments": {"node": "$node"}}]
    assert (await back(case(done, days=3, actions=technician)))[0]
    assert not (await back(case(done, days=3, actions=[{"name": action, "arguments": {"node": "$node"}}])))[0]


async def test_a_repair_before_its_last_sign_did_not_help(case: Make, t0: datetime) -> None:
    assert (await back(case(("n03", "RMA", t0 - timedelta(days=1)), days=3)))[0]


async def test_nothing_is_known_where_nobody_records_repairs(case: Make) -> None:
    assert await back(case(days=3)) == (False, 1)


@pytest.mark.parametrize(("days", "queue"), [(8.0, "GPU-HW"), (3.0, "USER"), (3.0, "STORAGE")])
async def test_old_ones_and_other_queues_are_filed_anew_without_asking(case: Make, t0: datetime, days: float, queue: str) -> None:
    assert await back(case(("n99", "RMA", t0), days=days, queue=queue)) == (False, 0)
