"""Merging upwards in the topology and backwards in time."""

from collections.abc import Callable
from typing import Any

from llo11ypop.core.fleet import Topology
from llo11ypop.ooda.symptoms import attach

Make = Callable[..., Any]


def _rule(*modes: str, within: str, lag: str = "1h") -> list[dict[str, Any]]:
    return [{"modes": list(modes), "within": within, "lag": lag}]


def test_hot_gpus_of_a_rack_belong_to_its_cooling(fleet: Topology, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("COOL", explains=_rule("HOT", within="rack")), playbook("HOT"))
    seen = [finding("COOL", "rack:r0"), *(finding("HOT", f"gpu:n0{n}-g0", minute=10) for n in range(4))]
    tree = attach(seen, books, fleet)
    assert tree.roots == (0,)
    assert tree.parent == {1: 0, 2: 0, 3: 0, 4: 0}


def test_a_gpu_of_another_rack_stays_its_own_problem(fleet: Topology, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("COOL", explains=_rule("HOT", within="rack")), playbook("HOT"))
    tree = attach([finding("COOL", "rack:r0"), finding("HOT", "gpu:n19-g0", minute=10)], books, fleet)
    assert tree.roots == (0, 1)


def test_what_began_long_before_the_cause_is_no_symptom(fleet: Topology, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("COOL", explains=_rule("HOT", within="rack", lag="30m")), playbook("HOT"))
    early, just = finding("HOT", "gpu:n00-g0", minute=-31), finding("HOT", "gpu:n01-g0", minute=-29)
    tree = attach([finding("COOL", "rack:r0"), early, just], books, fleet)
    assert tree.parent == {2: 0}


def test_a_chain_of_causes_ends_at_the_first(fleet: Topology, playbook: Make, book: Make, finding: Make) -> None:
    books = book(
        playbook("STORE", explains=_rule("STUCK", within="cluster")),
        playbook("STUCK", explains=_rule("DRAINED", within="node")),
        playbook("DRAINED"),
    )
    seen = [finding("DRAINED", "node:n01", 20), finding("STUCK", "node:n01", 10), finding("STORE", "cluster:c")]
    tree = attach(seen, books, fleet)
    assert tree.roots == (2,)
    assert tree.parent == {0: 2, 1: 2}


def test_two_modes_that_explain_each_other_leave_one_cause(fleet: Topology, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("A", explains=_rule("B", within="node")), playbook("B", explains=_rule("A", within="node")))
    tree = attach([finding("A", "node:n01"), finding("B", "node:n01")], books, fleet)
    assert len(tree.roots) == 1


def test_the_broader_cause_wins(fleet: Topology, playbook: Make, book: Make, finding: Make) -> None:
    books = book(
        playbook("NODE", explains=_rule("HOT", within="node")),
        playbook("ROW", explains=_rule("HOT", within="row")),
        playbook("HOT"),
    )
    seen = [finding("NODE", "node:n00", strength=0.95), finding("ROW", "row:row", strength=0.6), finding("HOT", "gpu:n00-g1", 5)]
    assert attach(seen, books, fleet).parent == {2: 1}


def test_a_run_reaches_the_hardware_that_it_names(fleet: Topology, playbook: Make, book: Make, finding: Make) -> None:
    books = book(playbook("SLOW", explains=_rule("DIP", within="run")), playbook("DIP"))
    seen = [finding("SLOW", "gpu:n00-g1", related=("run:r-1",)), finding("DIP", "run:r-1", 5), finding("DIP", "run:r-2", 5)]
    assert attach(seen, books, fleet).parent == {1: 0}


def test_no_findings_no_causes(fleet: Topology, book: Make) -> None:
    assert attach([], book(), fleet).roots == ()
