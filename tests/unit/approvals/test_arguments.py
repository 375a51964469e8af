"""Edited arguments keep the shape of the proposed ones and name only what exists."""

from typing import Any

import pytest

from llo11ypop.approvals.arguments import InventoryCheck, SameEntities, level_of, named_entities, shape_problem
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Action, Level
from tests.ledger_samples import proposal

TEMPLATE = {"node": "gpu-a-001", "slot": 3, "share": 0.5, "force": False, "gpus": ["a"]}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"slot": 4}, ""),
        ({"share": 1}, ""),
        ({"slot": "4"}, "must be a whole number, not text"),
        ({"slot": True}, "must be a whole number, not true or false"),
        ({"force": 1}, "must be true or false"),
        ({"node": 7}, "must be text"),
        ({"gpus": "a"}, "must be a list"),
        ({"rm": "-rf"}, "there is no argument 'rm'"),
    ],
)
def test_names_and_types(changes: dict[str, Any], problem: str) -> None:
    found = shape_problem(TEMPLATE, {**TEMPLATE, **changes})
    assert problem in found
    assert bool(found) == bool(problem)


def test_an_argument_may_not_be_left_out() -> None:
    assert "'slot' is missing" in shape_problem({"node": "a", "slot": 3}, {"node": "a"})


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("node", Level.NODE),
        ("nodes", Level.NODE),
        ("node_id", Level.NODE),
        ("gpu_uuid", Level.GPU),
        ("gpu_uuids", Level.GPU),
        ("switch", Level.SWITCH),
        ("slot", None),
        ("user", None),
        ("part", None),
        ("s", None),
    ],
)
def test_an_arguments_name_says_what_it_is_about(name: str, level: Level | None) -> None:
    assert level_of(name) is level


def test_lists_name_each_of_their_entities() -> None:
    assert named_entities({"nodes": ["a", "b"], "slot": 3}) == [Entity(Level.NODE, "a"), Entity(Level.NODE, "b")]


async def test_the_inventory_must_know_every_entity() -> None:
    fleet = Topology.of([(Entity(Level.NODE, "gpu-a-002"), Entity(Level.RACK, "c-a-r03"))])
    check = InventoryCheck(fleet)
    assert await check.problem(Action.TECH, {"node": "gpu-a-002", "slot": 9}) == ""
    assert await check.problem(Action.TECH, {"nodes": ["gpu-a-002", "nope"]}) == "the inventory has no node 'nope'"


async def test_without_an_inventory_an_edit_may_only_name_what_the_proposal_names() -> None:
    check = SameEntities(proposal(1))
    assert await check.problem(Action.DRAIN, {"rack": "c-a-r03"}) == ""
    assert "does not mention node 'gpu-a-099'" in await check.problem(Action.DRAIN, {"node": "gpu-a-099"})
