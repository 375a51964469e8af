"""Which jobs count, how long nodes were out, and what is compared with what."""

from datetime import timedelta
from typing import Any

import pytest

from llo11ypop.agents.reporter.facts import PlannedWork
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.report.days import by_day
from llo11ypop.report.incidents import covers, overlap_h
from llo11ypop.report.jobs import ascribed, at_onset
from llo11ypop.report.outages import STALE, stretches
from llo11ypop.report.outages import ascribed as outage_of
from llo11ypop.report.places import Place, Places
from tests.report_samples import END, HOUR, START, hit, incident, lost_job, period

MINUTE = timedelta(minutes=1)
NODE, RACK, ROW, CLUSTER, SITE = (
    Entity(Level.NODE, "gpu-a-003"),
    Entity(Level.RACK, "c-a-r01"),
    Entity(Level.ROW, "c-a-row1"),
    Entity(Level.CLUSTER, "c-a"),
    Entity(Level.SITE, "iad1"),
)
GPU = Entity(Level.GPU, "GPU-1")
OTHER = Entity(Level.NODE, "gpu-a-004")
TOPOLOGY = Topology.of([(GPU, NODE), (NODE, RACK), (OTHER, RACK), (RACK, ROW), (ROW, CLUSTER), (CLUSTER, SITE)])
PLACES = Places(TOPOLOGY, {"c-a": Place("c-a", "iad1", "northstar", "us-east")}, {"gpu-a-003": "c-a", "gpu-a-004": "c-a"})


def job(**changed: Any) -> dict[str, Any]:
    plain = {"end_at": START + HOUR, "state": "FAILED", "node_list": "gpu-a-001,gpu-a-003", "failed_node": "", "run_id": ""}
    return plain | changed


def test_a_job_is_ascribed_to_the_incident_on_its_nodes() -> None:
    found = ascribed(job(), [incident(id="other", nodes=("gpu-b-001",)), incident()])
    assert found is not None and found.id == "p-1"


def test_the_node_that_slurm_blames_decides() -> None:
    assert ascribed(job(failed_node="gpu-a-001"), [incident()]) is None


def test_a_run_is_ascribed_to_an_incident_that_names_it() -> None:
    about_run = incident(entity="run:r-118", nodes=())
    assert ascribed(job(run_id="r-118", node_list="gpu-x-001"), [about_run]) is about_run


@pytest.mark.parametrize(("minutes", "reached"), [(-11, False), (-9, True), (0, True), (134, True), (136, False)])
def test_only_around_the_time_of_the_incident(minutes: int, reached: bool) -> None:
    ended = START + HOUR + minutes * MINUTE
    assert (ascribed(job(end_at=ended), [incident()]) is not None) is reached


def test_the_incident_nearest_in_time_wins() -> None:
    early, near = incident(id="early"), incident(id="near", since=START + 2 * HOUR)
    found = ascribed(job(end_at=START + 2 * HOUR), [early, near])
    assert found is near


def test_what_users_do_to_themselves_is_no_loss_to_infrastructure() -> None:
    assert ascribed(job(), [incident(queue="USER")]) is None


@pytest.mark.parametrize(
    ("queue", "nodes", "minutes", "lost"),
    [
        ("NETOPS", "gpu-a-001,gpu-a-003", 22, True),
        ("NETOPS", "gpu-a-001,gpu-a-003", 36, False),
        ("NETOPS", "gpu-a-003", 22, False),
        ("GPU-HW", "gpu-a-001,gpu-a-003", 22, False),
        ("GPU-HW", "gpu-a-003", 14, True),
    ],
)
def test_a_job_over_several_nodes_waits_for_its_watchdog_when_the_fabric_fails(
    queue: str, nodes: str, minutes: int, lost: bool
) -> None:
    one = incident(queue=queue)
    assert at_onset(job(end_at=one.since + minutes * MINUTE, node_list=nodes), one) is lost


@pytest.mark.parametrize(
    ("changed", "reached"),
    [({}, True), ({"cluster": "c-b"}, False), ({"reason": "NonZeroExitCode"}, False), ({"state": "REQUEUED"}, False)],
)
def test_a_job_that_died_of_its_files_is_ascribed_to_the_filesystem(changed: dict[str, Any], reached: bool) -> None:
    stall = incident(entity="mount:c-a//scratch", nodes=(), cluster="c-a")
    row = job(node_list="gpu-a-009", cluster="c-a", reason="I/O error: Stale file handle") | changed
    assert (ascribed(row, [stall]) is not None) is reached


@pytest.mark.parametrize(("before", "expected"), [(True, "p-1"), (False, "")])
def test_an_outage_from_before_belongs_to_an_incident_from_before(before: bool, expected: str) -> None:
    one = incident(before=before, since=START - HOUR)
    assert outage_of("gpu-a-003", START - 10 * HOUR, END, [one]) == expected


def test_an_outage_lasts_until_the_next_state() -> None:
    seen = [(START, "allocated", 8), (START + HOUR, "down", 8), (START + 2 * HOUR, "drained", 8), (START + 4 * HOUR, "idle", 8)]
    assert stretches(seen, END) == [(START + HOUR, START + 4 * HOUR, 8)]


def test_a_state_that_is_not_said_again_does_not_last_for_ever() -> None:
    assert stretches([(START, "down", 8)], END) == [(START, START + STALE, 8)]


@pytest.mark.parametrize("state", ["idle", "mixed", "allocated", "maint", "reserved", "completing"])
def test_states_in_which_a_node_is_not_lost(state: str) -> None:
    assert stretches([(START, state, 8)], END) == []


@pytest.mark.parametrize(
    ("scope", "covered"), [("node:gpu-a-003", True), ("rack:c-a-r01", True), ("cluster:c-a", True), ("rack:c-a-r02", False)]
)
def test_work_covers_what_lies_in_it(scope: str, covered: bool) -> None:
    work = PlannedWork("CHG-1", "upgrade", (scope,), "c-a", START, END)
    assert covers(work, "gpu-a-003", PLACES) is covered


def test_overlapping_windows_are_counted_once() -> None:
    windows = [PlannedWork(str(n), "x", (), "", START + n * HOUR, START + (n + 2) * HOUR) for n in range(3)]
    assert overlap_h(windows, START + HOUR, END) == 3.0


def test_the_place_of_a_thing_is_that_of_its_cluster() -> None:
    assert PLACES.of([GPU]) == Place("c-a", "iad1", "northstar", "us-east")
    assert PLACES.of([Entity(Level.PART, "900-1")]) == Place()
    assert PLACES.of([SITE]).site == "iad1"


def test_a_rack_holds_its_nodes_and_a_cluster_is_too_wide() -> None:
    assert PLACES.nodes_of([RACK]) == ("gpu-a-003", "gpu-a-004")
    assert PLACES.nodes_of([GPU]) == ("gpu-a-003",)
    assert PLACES.nodes_of([CLUSTER]) == ()


def test_days_add_up_to_the_whole() -> None:
    week = period(start=START - 100 * HOUR)
    jobs = tuple(lost_job(job_id=n, ended_at=START - n * 20 * HOUR, lost_h=1.5) for n in range(4))
    days = by_day(week, [incident()], hit(jobs=jobs))
    assert sum(d.jobs_lost for d in days) == 4
    assert sum(d.job_h for d in days) == 6.0
    assert sum(d.incidents for d in days) == 1
    assert by_day(period(), [], hit()) == ()
