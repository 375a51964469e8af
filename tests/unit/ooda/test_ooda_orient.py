"""Hypotheses: what competes, what is suppressed, how sure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Observation, ObservationKind
from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import Window
from llo11ypop.ooda.deps import Limits
from llo11ypop.ooda.orient import Scene, hypothesise
from llo11ypop.ooda.planned import Maintenance

Make = Callable[..., Any]
STANDING = {"planned work", "user error", "sensor or exporter fault", "unknown"}


@pytest.fixture
def scene(fleet: Topology, t0: datetime) -> Make:
    def make(
        books: Any, *, minute: float = 30, windows: tuple[Maintenance, ...] = (), seen: tuple[Observation, ...] = ()
    ) -> Scene:
        return Scene(t0 + timedelta(minutes=minute), books, fleet, list(windows), seen, Limits())

    return make


def _window(t0: datetime, scope: str, begin: float, end: float) -> Maintenance:
    span = Window(t0 + timedelta(minutes=begin), t0 + timedelta(minutes=end))
    return Maintenance("w-1", Entity.parse(scope), span, "change")


def test_the_four_standing_rivals_always_compete(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    (only,) = hypothesise([finding("F", "node:n00")], scene(book(playbook("F"))))
    assert {cause for cause, _, _ in only.rivals} == STANDING
    assert all(why for _, _, why in only.rivals)
    assert only.confidence + sum(p for _, p, _ in only.rivals) == pytest.approx(1)


def test_more_strength_gives_more_confidence(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("F"))
    weak, strong = (hypothesise([finding("F", "node:n00", strength=s)], scene(books))[0].confidence for s in (0.4, 0.9))
    assert weak < strong < 1


@pytest.mark.parametrize("scope", ["node:n00", "rack:r0", "row:row", "switch:leaf", "cluster:c"])
def test_planned_work_around_a_node_suppresses_it(
    scene: Make, playbook: Make, book: Make, finding: Make, t0: datetime, scope: str
) -> None:
    (only,) = hypothesise([finding("F", "node:n00", 5)], scene(book(playbook("F")), windows=(_window(t0, scope, 0, 60),)))
    assert only.suppressed.startswith("planned work")
    assert dict((c, p) for c, p, _ in only.rivals)["planned work"] > 0.2


@pytest.mark.parametrize(
    ("scope", "begin", "end", "minute"),
    [
        ("node:n01", 0, 60, 30),  # another node
        ("gpu:n00-g0", 0, 60, 30),  # only a part of the node
        ("node:n00", 30, 90, 40),  # the fault was there before the work
        ("node:n00", 0, 60, 120),  # the work is over and the fault is not
    ],
)
def test_other_planned_work_does_not(
    scene: Make, playbook: Make, book: Make, finding: Make, t0: datetime, scope: str, begin: float, end: float, minute: float
) -> None:
    set_up = scene(book(playbook("F")), minute=minute, windows=(_window(t0, scope, begin, end),))
    assert hypothesise([finding("F", "node:n00", 5)], set_up)[0].suppressed == ""


def test_a_mode_about_planned_work_is_not_hidden_by_it(
    scene: Make, playbook: Make, book: Make, finding: Make, t0: datetime
) -> None:
    books = book(playbook("OVERRUN", despite_planned_work=True))
    (only,) = hypothesise([finding("OVERRUN", "node:n00", 5)], scene(books, windows=(_window(t0, "node:n00", 0, 60),)))
    assert only.suppressed == ""


def test_a_harmless_reading_takes_the_fault_with_it(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    storm = playbook("STORM", kind="benign", explains=[{"modes": ["F"], "within": "cluster", "lag": "1h"}])
    found = hypothesise([finding("F", "node:n00", 5), finding("STORM", "cluster:c")], scene(book(storm, playbook("F"))))
    assert [h.cause for h in found] == ["STORM"]
    assert found[0].suppressed == "harmless: Mode STORM"
    assert [f.playbook for f in found[0].explains] == ["F"]


def test_of_two_rival_modes_the_stronger_is_named(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("A", competing=["B"]), playbook("B"))
    found = {h.cause: h for h in hypothesise([finding("A", "gpu:n00-g0", strength=0.6), finding("B", "node:n00")], scene(books))}
    assert found["A"].suppressed == "better explained by B on node:n00"
    assert found["B"].suppressed == ""
    assert "A" in {cause for cause, _, _ in found["B"].rivals}


def test_modes_that_do_not_compete_both_stand(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    found = hypothesise([finding("A", "node:n00"), finding("B", "node:n00")], scene(book(playbook("A"), playbook("B"))))
    assert [h.suppressed for h in found] == ["", ""]


def test_rivals_on_different_nodes_do_not_compete(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("A", competing=["B"]), playbook("B"))
    found = hypothesise([finding("A", "node:n00"), finding("B", "node:n01")], scene(books))
    assert [h.suppressed for h in found] == ["", ""]


def test_silent_telemetry_makes_a_sensor_fault_likelier(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    silence = Observation(ObservationKind.SILENCE, "gpu_metrics", (Area.GPU,))
    books = book(playbook("F"))
    calm = hypothesise([finding("F", "node:n00")], scene(books))[0]
    noisy = hypothesise([finding("F", "node:n00")], scene(books, seen=(silence,)))[0]
    assert noisy.confidence < calm.confidence
    assert any("gpu_metrics" in why for _, _, why in noisy.rivals)


def test_the_same_finding_of_two_analysts_is_one(scene: Make, playbook: Make, book: Make, finding: Make, t0: datetime) -> None:
    (only,) = hypothesise([finding("F", "node:n00", 5), finding("F", "node:n00", 2)], scene(book(playbook("F"))))
    assert only.since == t0 + timedelta(minutes=2)


def test_the_most_severe_comes_first_and_the_suppressed_last(scene: Make, playbook: Make, book: Make, finding: Make) -> None:
    books = book(
        playbook("CALM", severity="S4"), playbook("URGENT", severity="S1"), playbook("USER", kind="benign", severity="S1")
    )
    found = hypothesise([finding("CALM", "node:n00"), finding("USER", "node:n01"), finding("URGENT", "node:n02")], scene(books))
    assert [h.cause for h in found] == ["URGENT", "CALM", "USER"]
