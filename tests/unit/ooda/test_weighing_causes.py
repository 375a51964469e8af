"""What a model that weighs causes may change: which rival is named, how sure that is; never whether anybody is told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.window import Window
from llo11ypop.ooda.contests import CLOSE, contests, weigh_in
from llo11ypop.ooda.deps import Limits
from llo11ypop.ooda.orient import AS_THE_RULES, Scene, Weighing, hypothesise, key_of, rooted
from llo11ypop.ooda.planned import Maintenance

Make = Callable[..., Any]


@pytest.fixture
def scene(fleet: Topology, t0: datetime) -> Make:
    def make(books: Any, windows: tuple[Maintenance, ...] = ()) -> Scene:
        return Scene(t0 + timedelta(minutes=30), books, fleet, list(windows), (), Limits())

    return make


def _work(t0: datetime, scope: str) -> Maintenance:
    return Maintenance("w-1", Entity.parse(scope), Window(t0 - timedelta(hours=1), t0 + timedelta(hours=1)), "change")


def _told(found: list[Any]) -> set[str]:
    return {str(h.entity) for h in found if not h.suppressed}


@pytest.fixture
def rivals(playbook: Make, book: Make) -> Any:
    return book(playbook("A", competing=["B", "C"]), playbook("B", competing=["C"]), playbook("C"), playbook("LONE"))


def test_close_rivals_are_weighed_and_clear_ones_are_not(scene: Make, rivals: Any, finding: Make) -> None:
    close = [finding("A", "node:n00", strength=0.9), finding("B", "node:n00", strength=0.9 * CLOSE)]
    clear = [finding("A", "node:n01", strength=0.9), finding("B", "node:n01", strength=0.9 * CLOSE - 0.01)]
    lone = [finding("LONE", "node:n02", strength=0.9)]
    here = scene(rivals)
    (only,) = contests(rooted([*close, *clear, *lone], here).findings, here)
    assert list(only.labels()) == ["A", "B"]
    assert only.winner is close[0]


def test_a_weak_cause_is_weighed_alone(scene: Make, rivals: Any, finding: Make) -> None:
    here = scene(rivals)
    (only,) = contests([finding("LONE", "node:n02", strength=0.4)], here)
    assert list(only.labels()) == ["LONE"]


def test_the_rival_that_is_put_first_is_named_and_the_other_stays_considered(scene: Make, rivals: Any, finding: Make) -> None:
    found, here = [finding("A", "node:n00", strength=0.9), finding("B", "node:n00", strength=0.8)], scene(rivals)
    (contest,) = contests(found, here)
    made = weigh_in(contest, "B", AS_THE_RULES, found, here)
    assert isinstance(made, Weighing)
    before, after = hypothesise(found, here), hypothesise(found, here, made)
    assert [h.cause for h in before if not h.suppressed] == ["A"]
    (named,) = [h for h in after if not h.suppressed]
    assert named.cause == "B"
    assert "model" in next(why for cause, _, why in named.rivals if cause == "A")
    assert named.confidence + sum(p for _, p, _ in named.rivals) == pytest.approx(1)
    assert _told(before) == _told(after)


def test_doubt_lowers_confidence_and_silences_nothing(scene: Make, rivals: Any, finding: Make) -> None:
    found, here = [finding("LONE", "node:n02", strength=0.5)], scene(rivals)
    (contest,) = contests(found, here)
    made = weigh_in(contest, "unknown", AS_THE_RULES, found, here)
    assert isinstance(made, Weighing)
    (before,), (after,) = hypothesise(found, here), hypothesise(found, here, made)
    assert after.confidence < before.confidence
    assert after.rivals[0][0] == "unknown"
    assert after.rivals[0][1] > after.confidence
    assert after.suppressed == ""


def test_what_the_rules_named_first_changes_nothing(scene: Make, rivals: Any, finding: Make) -> None:
    found, here = [finding("A", "node:n00", strength=0.9), finding("B", "node:n00", strength=0.8)], scene(rivals)
    (contest,) = contests(found, here)
    assert weigh_in(contest, "A", AS_THE_RULES, found, here) == AS_THE_RULES


@pytest.mark.parametrize("label", ["C", "F3", "RMA", "node:n00", ""])
def test_what_was_not_found_there_is_refused(scene: Make, rivals: Any, finding: Make, label: str) -> None:
    found, here = [finding("A", "node:n00", strength=0.9), finding("B", "node:n00", strength=0.8)], scene(rivals)
    (contest,) = contests(found, here)
    assert isinstance(weigh_in(contest, label, AS_THE_RULES, found, here), str)


def test_planned_work_is_weighed_by_nobody(scene: Make, rivals: Any, finding: Make, t0: datetime) -> None:
    found = [finding("A", "node:n00", strength=0.9), finding("B", "node:n00", strength=0.8)]
    assert contests(found, scene(rivals, (_work(t0, "node:n00"),))) == []


def test_a_rival_that_planned_work_accounts_for_is_not_offered(
    scene: Make, playbook: Make, book: Make, finding: Make, t0: datetime
) -> None:
    books = book(playbook("A", competing=["B"], local_work_only=True), playbook("B"))
    found = [finding("A", "node:n00", strength=0.5), finding("B", "node:n00", strength=0.49)]
    here = scene(books, (_work(t0, "cluster:c"),))
    (contest,) = contests(found, here)
    assert list(contest.labels()) == ["A"]
    assert isinstance(weigh_in(contest, "B", AS_THE_RULES, found, here), str)


def test_a_harmless_look_alike_is_neither_named_nor_beaten(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("A", competing=["LOAD"]), playbook("LOAD", kind="benign"))
    winner = [finding("LOAD", "node:n00", strength=0.9), finding("A", "node:n00", strength=0.8)]
    assert contests(winner, scene(books)) == []
    loser = [finding("LOAD", "node:n00", strength=0.5), finding("A", "node:n00", strength=0.55)]
    (contest,) = contests(loser, scene(books))
    assert list(contest.labels()) == ["A"]


def test_a_choice_that_would_raise_a_third_cause_is_refused(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("A", competing=["B", "C"]), playbook("B"), playbook("C"))
    found = [finding(m, "node:n00", strength=s) for m, s in (("A", 0.9), ("B", 0.8), ("C", 0.7))]
    here = scene(books)
    (contest,) = contests(found, here)
    why = weigh_in(contest, "B", AS_THE_RULES, found, here)
    assert isinstance(why, str)
    assert "raise or silence" in why
    assert _told(hypothesise(found, here)) == {"node:n00"}


def test_a_choice_that_would_silence_another_place_is_refused(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("A", competing=["B"]), playbook("B", competing=["C"]), playbook("C"))
    found = [
        finding("A", "node:n00", strength=0.9),
        finding("B", "node:n00", strength=0.8, related=("node:n01",)),
        finding("C", "node:n01", strength=0.7),
    ]
    here = scene(books)
    contest = next(c for c in contests(found, here) if "B" in c.labels())
    assert isinstance(weigh_in(contest, "B", AS_THE_RULES, found, here), str)


def test_two_findings_of_one_mode_have_labels_of_their_own(scene: Make, rivals: Any, finding: Make) -> None:
    found = [finding("A", "node:n00", strength=0.9), *(finding("B", f"gpu:n00-g{g}", strength=0.8) for g in (0, 1))]
    here = scene(rivals)
    (contest,) = contests(found, here)
    assert {label: key_of(f)[1].id for label, f in contest.labels().items()} == {"A": "n00", "B": "n00-g0", "B_2": "n00-g1"}
