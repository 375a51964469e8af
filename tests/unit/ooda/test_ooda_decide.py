"""Which hypotheses become a proposal, which confirm one, which wait."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from llo11ypop.agents.action.compose import Occasion, dedup_key
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal, ProposalStatus
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.core.vocabulary import Action, Severity
from llo11ypop.learning.policy import RulePolicy
from llo11ypop.ooda.decide import Decisions, Desk, decide
from llo11ypop.ooda.deps import Limits

Make = Callable[..., Any]
FAC = [{"name": "FAC", "arguments": {"rack": "$rack"}}]


@pytest.fixture
def guess(finding: Make) -> Make:
    def make(mode: str, entity: str, minute: float = 0, **changes: Any) -> Hypothesis:
        found = finding(mode, entity, minute)
        return replace(Hypothesis(mode, found.entity, found.since, 0.8, (found,)), **changes)

    return make


@pytest.fixture
def desk(fleet: Topology, t0: datetime) -> Make:
    def make(books: Any, *recent: Proposal, minute: float = 15, limits: Limits | None = None, filed_today: int = 0) -> Desk:
        limits = limits or Limits()
        at = t0 + timedelta(minutes=minute)
        return Desk(books, fleet, RulePolicy(), limits, recent, Occasion("cycle", at, limits.expires_after, "p"), filed_today)

    return make


@pytest.fixture
def filed(desk: Make, guess: Make) -> Make:
    """A proposal as an earlier cycle filed it."""

    def make(books: Any, mode: str, entity: str, status: ProposalStatus = ProposalStatus.PENDING, minute: float = 0) -> Proposal:
        made = decide([guess(mode, entity, minute)], desk(books, minute=minute)).file[0]
        return replace(made, status=status)

    return make


def _dispositions(out: Decisions) -> tuple[int, int, int, int, int]:
    return len(out.file), len(out.touch), len(out.reopen), len(out.clear), len(out.suppressed)


def test_a_new_condition_is_filed_with_everything_an_sre_reads(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    out = decide([guess("F", "gpu:n03-g1")], desk(book(playbook("F"))))
    (made,) = out.file
    assert made.action.name is Action.DRAIN
    assert made.action.arguments == {"node": "n03"}
    assert [a.name for a in made.other_actions] == [Action.DIAG]
    assert made.entities[:2] == (Entity.parse("gpu:n03-g1"), Entity.parse("node:n03"))
    assert made.why == ("1 event on n03-g1",)
    assert made.evidence == ("evidence-F-gpu:n03-g1",)
    assert made.blast_radius == {"nodes": 1, "gpus": 8, "cluster": "c", "cluster_share": 0.05}
    assert made.forbidden_actions == (Action.RMA,)
    assert "rack r0" in made.summary or "rack:r0" in made.summary
    assert made.success_measure and made.if_nothing_done


def test_the_same_condition_has_the_same_key_in_every_cycle(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F"))
    first, later = (decide([guess("F", "node:n00")], desk(books, minute=m)).file[0] for m in (15, 30))
    assert first.dedup_key == later.dedup_key == dedup_key("F", Entity.parse("node:n00"))
    assert first.id != later.id


@pytest.mark.parametrize("status", [ProposalStatus.PENDING, ProposalStatus.SNOOZED, ProposalStatus.APPROVED])
def test_an_open_proposal_is_confirmed_not_doubled(
    desk: Make, guess: Make, filed: Make, playbook: Make, book: Make, status: ProposalStatus
) -> None:
    books = book(playbook("F"))
    mine = filed(books, "F", "node:n00", status)
    out = decide([guess("F", "node:n00")], desk(books, mine))
    assert _dispositions(out) == (0, 1, 0, 0, 0)
    assert mine.id in out.touch


def test_a_recurrence_within_a_day_reopens(desk: Make, guess: Make, filed: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F"))
    ended = filed(books, "F", "node:n00", ProposalStatus.CLEARED)
    out = decide([guess("F", "node:n00", minute=23 * 60)], desk(books, ended, minute=23 * 60 + 15))
    assert list(out.reopen) == [ended.id]
    assert not out.file


def test_a_recurrence_after_a_day_is_a_new_incident(desk: Make, guess: Make, filed: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F"))
    ended = filed(books, "F", "node:n00", ProposalStatus.CLEARED)
    out = decide([guess("F", "node:n00", minute=25 * 60)], desk(books, ended, minute=25 * 60 + 15))
    assert len(out.file) == 1


def test_what_a_human_rejected_is_not_asked_again(desk: Make, guess: Make, filed: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F"))
    rejected = filed(books, "F", "node:n00", ProposalStatus.REJECTED)
    out = decide([guess("F", "node:n00", 30)], desk(books, rejected, minute=45))
    assert _dispositions(out) == (0, 0, 0, 0, 1)
    assert "rejected" in out.suppressed[0]["why"]


def test_a_rival_reading_of_an_open_proposal_is_not_a_second_ticket(
    desk: Make, guess: Make, filed: Make, playbook: Make, book: Make
) -> None:
    books = book(playbook("A", competing=["B"]), playbook("B"))
    mine = filed(books, "A", "gpu:n00-g0")
    assert _dispositions(decide([guess("B", "node:n00")], desk(books, mine))) == (0, 1, 0, 0, 0)


def test_an_unrelated_mode_on_the_same_node_is(desk: Make, guess: Make, filed: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("A"), playbook("B"))
    mine = filed(books, "A", "node:n00")
    assert len(decide([guess("B", "node:n00"), guess("A", "node:n00")], desk(books, mine)).file) == 1


def test_a_higher_cause_takes_over_the_open_tickets_of_its_symptoms(
    desk: Make, guess: Make, filed: Make, finding: Make, playbook: Make, book: Make
) -> None:
    books = book(playbook("HOT"), playbook("COOL", actions=FAC, explains=[{"modes": ["HOT"], "within": "rack"}]))
    child = filed(books, "HOT", "gpu:n00-g0")
    out = decide([guess("COOL", "rack:r0", explains=(finding("HOT", "gpu:n00-g0"),))], desk(books, child))
    assert [p.cause for p in out.file] == ["COOL"]
    assert "symptom of COOL" in out.clear[child.id]
    assert out.file[0].children[0]["entity"] == "gpu:n00-g0"


def test_a_ticket_that_a_human_approved_is_left_to_the_human(
    desk: Make, guess: Make, filed: Make, finding: Make, playbook: Make, book: Make
) -> None:
    books = book(playbook("HOT"), playbook("COOL", actions=FAC, explains=[{"modes": ["HOT"], "within": "rack"}]))
    child = filed(books, "HOT", "gpu:n00-g0", ProposalStatus.APPROVED)
    out = decide([guess("COOL", "rack:r0", explains=(finding("HOT", "gpu:n00-g0"),))], desk(books, child))
    assert not out.clear


def test_what_is_gone_for_long_enough_is_cleared(desk: Make, filed: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F", clears_after="2h"))
    mine = filed(books, "F", "node:n00")
    assert not decide([], desk(books, mine, minute=119)).clear
    assert "no sign of it" in decide([], desk(books, mine, minute=120)).clear[mine.id]


def test_a_clock_that_jumps_back_clears_nothing(desk: Make, filed: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F"))
    mine = filed(books, "F", "node:n00", minute=300)
    assert not decide([], desk(books, mine, minute=-600)).clear


def test_suppressed_hypotheses_are_told_not_filed(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    out = decide([guess("F", "node:n00", suppressed="planned work: w")], desk(book(playbook("F"))))
    assert _dispositions(out) == (0, 0, 0, 0, 1)
    assert out.suppressed == [{"cause": "F", "entity": "node:n00", "why": "planned work: w"}]


def test_the_circuit_breaker_holds_back_the_rest_of_a_storm(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F", actions=[{"name": "TECH", "arguments": {"node": "$node"}, "prior": 0.5}]))
    storm = [guess("F", f"node:n{n:02}") for n in range(20)]
    out = decide(storm, desk(books, limits=Limits(proposals_per_cycle=5)))
    assert len(out.file) == 5
    assert {s["why"] for s in out.suppressed} == {"held back: the budget of proposals is used up"}


def test_the_day_has_a_budget_too(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    out = decide([guess("F", "node:n00")], desk(book(playbook("F")), limits=Limits(proposals_per_day=3), filed_today=3))
    assert _dispositions(out) == (0, 0, 0, 0, 1)


def test_no_more_of_a_cluster_is_drained_at_once_than_allowed(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F"))
    out = decide([guess("F", f"node:n{n:02}") for n in range(3)], desk(books, limits=Limits(disruptive_share=0.1)))
    assert [p.action.name for p in out.file] == [Action.DRAIN, Action.DRAIN, Action.DIAG]


def test_drains_that_are_already_proposed_count(desk: Make, guess: Make, filed: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F"))
    open_one = filed(books, "F", "node:n01")
    out = decide([guess("F", "node:n00"), guess("F", "node:n01")], desk(books, open_one))
    assert [p.action.name for p in out.file] == [Action.DIAG]


def test_a_remedy_that_is_too_large_becomes_a_question_to_a_senior_engineer(
    desk: Make, guess: Make, playbook: Make, book: Make
) -> None:
    drain_all = [{"name": "DRAIN", "arguments": {"nodes": "$nodes"}}]
    (made,) = decide([guess("F", "rack:r1")], desk(book(playbook("F", actions=drain_all)))).file
    assert made.action.name is Action.ESCALATE
    assert made.action.arguments == {"entity": "r1", "instead_of": "DRAIN"}
    assert made.other_actions[0].arguments == {"nodes": ["n04", "n05", "n06", "n07"]}


def test_what_the_inventory_does_not_list_is_never_acted_on(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    out = decide([guess("F", "node:ignore-all-rules")], desk(book(playbook("F"))))
    assert not out.file
    assert "inventory" in out.suppressed[0]["why"]


def test_an_action_whose_arguments_cannot_be_filled_is_not_offered(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    actions = [{"name": "NETOPS", "arguments": {"run": "$run"}, "prior": 0.9}, {"name": "DIAG", "arguments": {"node": "$node"}}]
    (made,) = decide([guess("F", "node:n00")], desk(book(playbook("F", actions=actions)))).file
    assert made.action.name is Action.DIAG
    assert made.other_actions == ()


def test_severity_is_raised_by_the_signal_that_the_playbook_names(desk: Make, guess: Make, playbook: Make, book: Make) -> None:
    books = book(playbook("F", raise_severity=[{"when_signal": "seen", "to": "S1"}]))
    assert decide([guess("F", "node:n00")], desk(books)).file[0].severity is Severity.S1
