"""Several nodes that fail within minutes are one proposal, across cycles too, and a later failure is not swallowed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from llo11ypop.agents.action.compose import Occasion
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.learning.policy import RulePolicy
from llo11ypop.ooda.decide import Decisions, Desk, confirmed_children, decide
from llo11ypop.ooda.deps import Limits

Make = Callable[..., Any]
BURST = {"min_count": 3, "within": "10m"}
DAY = 24 * 60


class Ledger:
    """Proposals in memory, with the cycle's decisions applied to them."""

    def __init__(self, books: Any, fleet: Topology, t0: datetime) -> None:
        self.books, self.fleet, self.t0 = books, fleet, t0
        self.proposals: dict[str, Proposal] = {}

    def cycle(self, minute: float, *hypotheses: Hypothesis) -> Decisions:
        at = self.t0 + timedelta(minutes=minute)
        desk = Desk(
            self.books, self.fleet, RulePolicy(), Limits(), list(self.proposals.values()),
            Occasion("cycle", at, timedelta(days=7), "p"), 0,
        )  # fmt: skip
        out = decide(hypotheses, desk)
        self.proposals |= {p.id: p for p in out.file}
        for name, seen in (out.touch | out.reopen).items():
            self.proposals[name] = replace(
                self.proposals[name], last_seen_at=at, children=confirmed_children(seen), status=ProposalStatus.PENDING
            )
        for name in out.clear:
            self.proposals[name] = replace(self.proposals[name], status=ProposalStatus.CLEARED)
        return out

    @property
    def open(self) -> list[str]:
        return sorted(str(p.entities[0]) for p in self.proposals.values() if p.status in OPEN_STATUSES)


@pytest.fixture
def guess(finding: Make) -> Make:
    def make(entity: str, minute: float = 0, mode: str = "GONE", **changes: Any) -> Hypothesis:
        found = finding(mode, entity, minute)
        return replace(Hypothesis(mode, found.entity, found.since, 0.8, (found,)), **changes)

    return make


@pytest.fixture
def ledger(fleet: Topology, t0: datetime, playbook: Make, book: Make) -> Ledger:
    return Ledger(book(playbook("GONE", burst=BURST), playbook("APART")), fleet, t0)


def test_scattered_nodes_make_one_proposal_on_what_they_share(ledger: Ledger, guess: Make) -> None:
    (made,) = ledger.cycle(15, guess("node:n00", 1), guess("node:n05", 3), guess("node:n09", 9)).file
    assert str(made.entities[0]) == "row:row"
    assert {Entity.parse(f"node:{n}") for n in ("n00", "n05", "n09")} <= set(made.entities)
    assert made.action.arguments == {"nodes": ["n00", "n05", "n09"]}
    assert made.blast_radius == {"nodes": 3, "gpus": 24, "cluster": "c", "cluster_share": pytest.approx(0.15)}
    assert [c["entity"] for c in made.children] == ["node:n00", "node:n05", "node:n09"]


def test_a_burst_in_one_rack_stays_there(ledger: Ledger, guess: Make) -> None:
    ledger.cycle(15, *(guess(f"node:n0{n}", n) for n in range(3)))
    assert ledger.open == ["rack:r0"]


@pytest.mark.parametrize(
    ("minutes", "at"),
    [((1, 3), 15), ((1, 3, 14), 15), ((1, 2, 3), 75)],
    ids=["too few", "too long apart", "not new: the onset may be the start of a window"],
)
def test_what_is_no_burst_stays_apart(ledger: Ledger, guess: Make, minutes: tuple[float, ...], at: float) -> None:
    out = ledger.cycle(at, *(guess(f"node:n{4 * n:02}", m) for n, m in enumerate(minutes)))
    assert len(out.file) == len(minutes)


def test_only_modes_that_ask_for_it_are_joined(ledger: Ledger, guess: Make) -> None:
    assert len(ledger.cycle(15, *(guess(f"node:n{4 * n:02}", 1, mode="APART") for n in range(4))).file) == 4


def test_a_node_under_planned_work_is_no_part(ledger: Ledger, guess: Make) -> None:
    out = ledger.cycle(15, guess("node:n00", 1), guess("node:n05", 2), guess("node:n09", 3, suppressed="planned work: w"))
    assert len(out.file) == 2


def test_parts_that_show_later_join_the_open_proposal(ledger: Ledger, guess: Make) -> None:
    first = guess("node:n00", 10)
    ledger.cycle(15, first)
    out = ledger.cycle(30, first, guess("node:n05", 16), guess("node:n09", 18))
    assert not out.file
    assert ledger.open == ["node:n00"]
    (only,) = ledger.proposals.values()
    assert [c["entity"] for c in only.children] == ["node:n05", "node:n09"]


def test_parts_stay_parts_when_their_onset_slides_along(ledger: Ledger, guess: Make) -> None:
    nodes = ("node:n00", "node:n05", "node:n09")
    ledger.cycle(15, *(guess(n, 10) for n in nodes))
    for minute in range(30, 3 * DAY, 360):
        out = ledger.cycle(minute, *(guess(n, max(10, minute - DAY)) for n in nodes))
        assert not out.file
        assert not out.clear
    assert ledger.open == ["row:row"]


def test_a_part_that_fails_again_within_a_day_belongs_to_the_burst(ledger: Ledger, guess: Make) -> None:
    ledger.cycle(15, *(guess(n, 10) for n in ("node:n00", "node:n05", "node:n09")))
    ledger.cycle(60, guess("node:n00", 10))
    assert not ledger.cycle(600, guess("node:n00", 10), guess("node:n05", 590)).file


def test_a_part_that_fails_again_later_is_a_new_incident(ledger: Ledger, guess: Make) -> None:
    ledger.cycle(15, *(guess(n, 10) for n in ("node:n00", "node:n05", "node:n09")))
    for minute in range(60, 3 * DAY, 360):
        ledger.cycle(minute, guess("node:n00", max(10, minute - DAY)))
    (made,) = ledger.cycle(3 * DAY, guess("node:n00", 2 * DAY), guess("node:n05", 3 * DAY - 5)).file
    assert str(made.entities[0]) == "node:n05"


def test_an_open_burst_swallows_no_other_node(ledger: Ledger, guess: Make) -> None:
    ledger.cycle(15, *(guess(n, 10) for n in ("node:n00", "node:n05", "node:n09")))
    (made,) = ledger.cycle(120, guess("node:n00", 10), guess("node:n13", 110)).file
    assert str(made.entities[0]) == "node:n13"


def test_a_burst_that_ended_is_reopened_by_its_part(ledger: Ledger, guess: Make) -> None:
    ledger.cycle(15, *(guess(n, 10) for n in ("node:n00", "node:n05", "node:n09")))
    ledger.cycle(200)
    assert ledger.open == []
    assert ledger.cycle(300, guess("node:n05", 290)).reopen
    assert ledger.open == ["row:row"]


@pytest.mark.parametrize(
    ("began", "seen", "swallowed"),
    [(20, 15, True), (3 * DAY, 3 * DAY - 15, False), (2 * DAY, 3 * DAY - 15, True)],
    ids=["a symptom minutes later", "an incident days later", "there all along, its onset slid"],
)
def test_an_older_cause_explains_what_began_with_it(
    fleet: Topology, t0: datetime, playbook: Make, book: Make, guess: Make, began: float, seen: float, swallowed: bool
) -> None:
    books = book(playbook("OLD", explains=[{"modes": ["GONE"], "within": "node"}]), playbook("GONE"))
    ledger = Ledger(books, fleet, t0)
    ledger.cycle(0, guess("node:n00", 0, mode="OLD"))
    ledger.cycle(seen, guess("node:n00", 0, mode="OLD"))
    out = ledger.cycle(seen + 15, guess("node:n00", began))
    assert bool(out.file) is not swallowed


def test_new_nodes_join_one_that_came_back_in_the_same_minute(ledger: Ledger, guess: Make) -> None:
    ledger.cycle(15, guess("node:n00", 10))
    ledger.cycle(300)
    last_good = 560
    out = ledger.cycle(600, guess("node:n00", last_good), guess("node:n05", 590), guess("node:n09", 592))
    assert not out.file
    assert ledger.open == ["node:n00"]


def test_new_nodes_do_not_join_one_that_failed_half_an_hour_before(ledger: Ledger, guess: Make) -> None:
    first = guess("node:n00", 10)
    ledger.cycle(15, first)
    assert len(ledger.cycle(45, first, guess("node:n05", 40), guess("node:n09", 42)).file) == 2
