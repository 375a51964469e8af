"""What comes first among causes, and what planned work accounts for."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from llo11ypop.agents.investigators.hypotheses import Suspect, planned_by, ranked, reach
from llo11ypop.agents.investigators.planned import Calendar, Work
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level, Severity
from llo11ypop.core.window import Window

AT = datetime(2026, 5, 3, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
NODES = [Entity(Level.NODE, f"n{i}") for i in range(1, 6)]
HERE, THERE = Entity(Level.RACK, "r1"), Entity(Level.RACK, "r2")
LEAF, GPU, CLUSTER = Entity(Level.SWITCH, "leaf1"), Entity(Level.GPU, "GPU-1"), Entity(Level.CLUSTER, "c")
TOPOLOGY = Topology.of(
    [
        (GPU, NODES[0]),
        *((n, HERE) for n in NODES[:4]),
        (NODES[4], THERE),
        *((n, LEAF) for n in NODES),
        (HERE, CLUSTER),
        (THERE, CLUSTER),
    ]
)
UPGRADE = Calendar((Work("CHG-1", HERE, Window(AT, AT + 3 * HOUR), "upgrade"),), TOPOLOGY)


def book(grace: timedelta = timedelta(0)) -> Any:
    some = SimpleNamespace(severity=Severity.S2, planned_grace=grace)
    return {"F7": some, "F14": some, "F21": some, "F38": some}


def suspect(mode: str, entity: Entity, **more: Any) -> Suspect:
    plain: dict[str, Any] = {"title": mode, "since": AT, "first": AT, "last": AT + HOUR, "strength": 0.8, "lines": ()}
    return Suspect(mode=mode, entity=entity, **(plain | more))


def test_what_touches_more_nodes_comes_before_what_touches_one() -> None:
    first, second = ranked([suspect("F7", GPU), suspect("F14", HERE)], book(), TOPOLOGY)
    assert (first.mode, second.mode) == ("F14", "F7")
    assert first.score > second.score


def test_a_costly_fault_still_comes_before_a_wide_one_that_cost_nothing() -> None:
    costly = suspect("F7", GPU, failed_jobs=3, gpu_hours=21.0)
    assert ranked([suspect("F14", HERE), costly], book(), TOPOLOGY)[0].mode == "F7"


def test_a_cluster_that_went_dark_touches_only_the_nodes_that_its_signs_name() -> None:
    assert reach(suspect("F38", CLUSTER), TOPOLOGY) == 1
    assert reach(suspect("F38", CLUSTER, related=tuple(NODES[:3])), TOPOLOGY) == 3


def test_a_switch_is_accounted_for_by_work_on_every_node_that_lost_it() -> None:
    named = suspect("F21", LEAF, related=tuple(NODES[:4]))
    assert planned_by(named, UPGRADE, book()) == UPGRADE.works[0]
    assert planned_by(suspect("F21", LEAF, related=tuple(NODES)), UPGRADE, book()) is None
    assert planned_by(suspect("F21", LEAF), UPGRADE, book()) is None


@pytest.mark.parametrize(("grace", "planned"), [(timedelta(0), False), (12 * HOUR, True)])
def test_traces_of_work_may_linger_as_long_as_the_playbook_says(grace: timedelta, planned: bool) -> None:
    lingering = suspect("F21", NODES[0], last=AT + 6 * HOUR)
    assert (planned_by(lingering, UPGRADE, book(grace)) is not None) is planned
