"""Which ticket counts for which incident."""

from datetime import timedelta

import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.evals.matching import GRACE, Period
from tests.unit.evals.truth_samples import CADENCE, PERIOD, T0, matched, minutes, ticket, truth


def test_a_ticket_on_the_entity_during_the_incident_finds_it() -> None:
    out = matched([ticket("t", "F1", "gpu:G00")], [truth("i", "F1", "gpu:G00")])
    assert out.found["i"].id == "t"
    assert out.missed == []
    assert out.false == []


@pytest.mark.parametrize("entity", ["node:n0", "rack:r0"])
def test_an_ancestor_of_the_entity_finds_it_too(entity: str) -> None:
    assert "i" in matched([ticket("t", "F9", entity)], [truth("i", "F1", "gpu:G00")]).found


def test_a_descendant_finds_a_rack_incident() -> None:
    assert "i" in matched([ticket("t", "F13", "gpu:G00")], [truth("i", "F14", "rack:r0")]).found


def test_a_sibling_does_not() -> None:
    out = matched([ticket("t", "F1", "gpu:G01")], [truth("i", "F1", "gpu:G00")])
    assert not out.found
    assert [t.id for t in out.false] == ["t"]


@pytest.mark.parametrize("entity", ["row:w0", "cluster:c", "switch:s0"])
def test_a_broad_ticket_counts_only_with_the_right_cause(entity: str) -> None:
    incident = truth("i", "F1", "gpu:G00")
    assert not matched([ticket("t", "F14", entity)], [incident]).found
    assert matched([ticket("t", "F1", entity)], [incident]).found


def test_a_cluster_wide_incident_does_not_swallow_unrelated_tickets() -> None:
    out = matched([ticket("t", "F16", "node:n5")], [truth("i", "F19", "cluster:c")])
    assert [t.id for t in out.false] == ["t"]


def test_an_acceptable_entity_is_as_good_as_the_declared_one() -> None:
    incident = truth("i", "F20", "port:n0/p0", acceptable_entities=("node:n7",))
    assert "i" in matched([ticket("t", "F20", "node:n7")], [incident]).found


def test_an_entity_the_truth_lists_counts_but_its_location_does_not() -> None:
    incident = truth("i", "F31", "gpu:G00", entities={"gpu": ("G00",), "run": ("r-1",), "rack": ("r0",), "node": ("n0",)})
    assert matched([ticket("t", "F34", "run:r-1")], [incident]).found
    assert not matched([ticket("t", "F16", "node:n1")], [incident]).found


@pytest.mark.parametrize(("at", "counts"), [(44, False), (45, True), (60, True), (180, True), (299, True), (301, False)])
def test_time_runs_from_a_cadence_before_it_shows_to_the_grace_after_its_end(at: float, counts: bool) -> None:
    assert timedelta(hours=2) == GRACE
    assert bool(matched([ticket("t", "F1", "gpu:G00", at)], [truth("i", "F1", "gpu:G00")]).found) is counts


def test_further_tickets_are_duplicates() -> None:
    out = matched([ticket("a", "F1", "gpu:G00", 60), ticket("b", "F10", "gpu:G00", 90)], [truth("i", "F1", "gpu:G00")])
    assert out.found["i"].id == "a"
    assert [(t.id, d.incident_id) for t, d in out.duplicates] == [("b", "i")]


def test_the_exact_entity_is_preferred_to_an_earlier_ancestor() -> None:
    out = matched([ticket("a", "F1", "node:n0", 60), ticket("b", "F1", "gpu:G00", 90)], [truth("i", "F1", "gpu:G00")])
    assert out.found["i"].id == "b"


def test_two_incidents_share_two_tickets_one_to_one() -> None:
    incidents = [truth("i", "F1", "gpu:G00"), truth("j", "F16", "node:n0")]
    out = matched([ticket("a", "F16", "node:n0"), ticket("b", "F1", "gpu:G00")], incidents)
    assert {k: t.id for k, t in out.found.items()} == {"i": "b", "j": "a"}
    assert not out.duplicates


def test_as_many_as_possible_are_found_even_when_the_best_pair_must_give_way() -> None:
    incidents = [truth("i", "F1", "gpu:G00"), truth("j", "F16", "node:n0")]
    only_i = ticket("a", "F1", "gpu:G00", 60)
    both = ticket("b", "F1", "gpu:G00", 61)
    out = matched([only_i, both], incidents)
    assert set(out.found) == {"i", "j"}


def test_a_ticket_on_a_child_is_a_duplicate_of_the_parent() -> None:
    parent = truth("p", "F14", "rack:r0")
    child = truth("c", "F13", "gpu:G50", parent_id="p", expected_ticket=False)
    out = matched([ticket("a", "F14", "rack:r0"), ticket("b", "F13", "gpu:G50")], [parent, child])
    assert out.found["p"].id == "a"
    assert [(t.id, d.incident_id) for t, d in out.duplicates] == [("b", "p")]
    assert len(out.incidents) == 1


def test_a_child_that_asks_for_a_ticket_is_covered_by_its_parent() -> None:
    parent, child = truth("p", "F14", "rack:r0"), truth("c", "F13", "gpu:G00", parent_id="p")
    assert [i.truth.incident_id for i in matched([], [parent, child]).incidents] == ["p"]


def test_a_grandchild_belongs_to_the_topmost_ticketed_incident() -> None:
    family = [
        truth("p", "F14", "rack:r0"),
        truth("c", "F13", "gpu:G00", parent_id="p"),
        truth("g", "F31", "gpu:G01", parent_id="c"),
    ]
    out = matched([], family)
    assert [[c.incident_id for c in i.children] for i in out.incidents] == [["c", "g"]]


def test_a_ring_of_parents_ends() -> None:
    ring = [truth("a", "F1", "gpu:G00", parent_id="b"), truth("b", "F1", "gpu:G01", parent_id="a")]
    assert matched([], ring) is not None


def test_a_child_of_a_parent_that_wants_no_ticket_stands_alone() -> None:
    family = [truth("p", "D1", "node:n0", expected_ticket=False), truth("c", "F1", "gpu:G00", parent_id="p")]
    assert [i.truth.incident_id for i in matched([], family).incidents] == ["c"]


def test_a_ticket_during_planned_work_is_false_and_counted_apart() -> None:
    decoy = truth("d", "D1", "node:n3", expected_ticket=False, planned=True)
    out = matched([ticket("t", "F16", "node:n3")], [decoy])
    assert [(t.id, d.incident_id) for t, d in out.quiet] == [("t", "d")]


def test_a_ticket_elsewhere_during_a_decoy_is_plainly_false() -> None:
    out = matched([ticket("t", "F16", "node:n5")], [truth("d", "D1", "node:n3", expected_ticket=False)])
    assert [t.id for t in out.false] == ["t"]


def test_a_decoy_that_wants_a_ticket_is_an_incident() -> None:
    assert [i.truth.incident_id for i in matched([], [truth("d", "D3", "user:u", queue="USER")]).incidents] == ["d"]


def _opt_in(name: str) -> object:
    incident = truth(name, "F10", "gpu:G00")
    return truth(
        name,
        "F10",
        "gpu:G00",
        evidence=tuple(type(e)(e.table, e.field, e.where, e.start_at, e.end_at, True, True) for e in incident.evidence),
    )


def test_what_the_profile_does_not_export_is_not_counted_and_not_false() -> None:
    period = Period(T0, PERIOD.until, CADENCE, profile="default")
    out = matched([ticket("t", "F10", "gpu:G00")], [_opt_in("i")], period)  # type: ignore[list-item]
    assert out.incidents == []
    assert [t.incident_id for t in out.not_exported] == ["i"]
    assert [t.id for t, _ in out.excused] == ["t"]


def test_the_full_profile_counts_it() -> None:
    assert len(matched([], [_opt_in("i")]).incidents) == 1  # type: ignore[list-item]


@pytest.mark.parametrize(("start", "counts"), [(-10, False), (0, True), (5 * 1440 - 31, True), (5 * 1440 - 29, False)])
def test_an_incident_counts_when_it_shows_inside_the_period_with_time_to_see_it(start: float, counts: bool) -> None:
    out = matched([], [truth("i", "F1", "gpu:G00", start, start + 60)])
    assert bool(out.incidents) is counts


def test_a_ticket_on_an_incident_from_before_the_period_is_excused() -> None:
    out = matched([ticket("t", "F1", "gpu:G00", 5)], [truth("i", "F1", "gpu:G00", -60, 60)])
    assert [t.id for t, _ in out.excused] == ["t"]


def test_an_incident_no_table_ever_shows_is_not_counted() -> None:
    assert matched([], [truth("i", "F32", "node:n0", first_observable={})]).incidents == []


def test_a_refail_within_a_day_extends_the_incident() -> None:
    incident = truth("i", "F1", "gpu:G00", reopened_at=(minutes(900),))
    out = matched([ticket("a", "F1", "gpu:G00", 60), ticket("b", "F1", "gpu:G00", 910)], [incident])
    assert [t.id for t, _ in out.duplicates] == ["b"]


def test_a_mount_lies_in_its_cluster_by_name() -> None:
    assert "i" in matched([ticket("t", "F24", "cluster:c")], [truth("i", "F24", "mount:c//scratch")]).found


def test_nothing_compared_with_nothing_is_empty() -> None:
    out = matched([], [])
    assert (out.incidents, out.found, out.false, out.missed) == ([], {}, [], [])


def test_every_ticket_is_in_exactly_one_place() -> None:
    truths = [
        truth("i", "F1", "gpu:G00"),
        truth("d", "D1", "node:n3", expected_ticket=False),
        truth("o", "F2", "gpu:G40", -90, 30),
    ]
    tickets = [ticket(f"t{n}", "F1", e) for n, e in enumerate(["gpu:G00", "gpu:G00", "node:n3", "gpu:G40", "node:n7"])]
    out = matched(tickets, truths)
    placed = [t.id for t in out.found.values()] + [t.id for t in out.false]
    placed += [t.id for t, _ in [*out.duplicates, *out.quiet, *out.excused]]
    assert sorted(placed) == [t.id for t in tickets]


def test_listed_entities_of_a_ticket_count() -> None:
    wide = ticket("t", "F21", "switch:s0", entities=(Entity.parse("switch:s0"), Entity.parse("run:r-1")))
    assert matched([wide], [truth("i", "F34", "run:r-1")]).found


def test_a_ticket_before_the_mode_is_established_is_early_not_false() -> None:
    established = truth("i", "F20", "port:n0/p0", first_observable={"fabric_ports": minutes(150)})
    out = matched([ticket("t", "F20", "port:n0/p0", at=70)], [established])
    assert out.found["i"].id == "t"


def test_a_small_failure_of_a_lemon_is_excused_and_does_not_find_the_lemon() -> None:
    out = matched([ticket("t", "F28", "node:n0", at=70)], [truth("i", "F37", "node:n0", 60, 600)])
    assert not out.found
    assert [(t.id, about.mode) for t, about in out.excused] == [("t", "F37")]
    assert out.false == []


def test_on_another_node_it_is_false() -> None:
    assert [t.id for t in matched([ticket("t", "F28", "node:n1")], [truth("i", "F37", "node:n0", 60, 600)]).false] == ["t"]
