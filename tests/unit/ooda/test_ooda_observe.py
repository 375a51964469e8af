"""Goals against their targets and their past; silence and activity of telemetry."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from llo11ypop.agents.analysts import analysts
from llo11ypop.agents.director.agent import assign
from llo11ypop.agents.retriever.agent import Shelf, retrieve
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.reasoning import Observation, ObservationKind
from llo11ypop.core.vocabulary import Area
from llo11ypop.ooda.observe import judge
from llo11ypop.query.plan import Plan

GOAL = Goal(
    id="fans", title="Fan failures", definition="", value="per_week", direction=Direction.DOWN, target=2.0, unit="1", owner="sre",
    window=timedelta(days=7), cadence=timedelta(hours=1), areas=(Area.ENVIRONMENT,), slices=("cluster",), proposals_per_day=5,
    now_plan="now", before_plan="before", slice_plans={"cluster": "by cluster"},
)  # fmt: skip


def _evidence(
    id_: str, rows: list[dict[str, Any]], status: EvidenceStatus = EvidenceStatus.OK, missing: tuple[str, ...] = ()
) -> Evidence:
    at = datetime.fromisoformat("2026-05-10T00:00:00+00:00")
    return Evidence(id_, {}, at, None, (), pa.Table.from_pylist(rows), len(rows), False, False, status, missing)


def _judged(
    now: float | None, before: float | None = None, goal: Goal = GOAL, clusters: Mapping[str, float] | None = None
) -> list[Observation]:
    evidence = {
        goal.now_key: _evidence("e-now", [{"per_week": now}]),
        goal.before_key: _evidence("e-before", [{"per_week": before}]),
        "fans:by:cluster": _evidence("e-slice", [{"cluster": c, "per_week": v} for c, v in (clusters or {}).items()]),
    }
    return judge(goal, evidence)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (3.0, 1.0, "breach"),
        (2.0, 2.0, "ok"),
        (1.0, 0.5, "drift"),
        (1.0, 0.9, "ok"),
        (0.5, 1.5, "ok"),
        (None, 1.0, "ok"),
        (1.0, None, "ok"),
    ],
)
def test_a_goal_that_should_fall(now: float | None, before: float | None, expected: str) -> None:
    assert _judged(now, before)[0].kind == expected


@pytest.mark.parametrize(("now", "before", "expected"), [(98.0, 99.5, "breach"), (99.5, 99.9, "ok"), (99.5, 140.0, "drift")])
def test_a_goal_that_should_rise(now: float, before: float, expected: str) -> None:
    assert _judged(now, before, replace(GOAL, direction=Direction.UP, target=99.0))[0].kind == expected


def test_a_goal_without_a_target_can_only_drift() -> None:
    assert [o.kind for o in _judged(5.0, 1.0, replace(GOAL, target=None), {"a": 9.0})] == [ObservationKind.DRIFT]


def test_only_the_slices_that_miss_the_target_are_named() -> None:
    whole, *slices = _judged(1.0, 1.0, clusters={"a": 0.5, "b": 4.0})
    assert whole.kind is ObservationKind.OK
    assert [(s.slice, s.value, s.evidence) for s in slices] == [({"cluster": "b"}, 4.0, ("e-slice",))]


@pytest.mark.parametrize(
    ("status", "missing", "note"),
    [
        (EvidenceStatus.NOT_EXPORTED, ("node_hw",), "not exported here: node_hw"),
        (EvidenceStatus.UNREAD, (), "not read:"),
        (EvidenceStatus.NO_DATA, (), "no telemetry arrived"),
    ],
)
def test_what_cannot_be_measured_is_unknown_and_says_why(status: EvidenceStatus, missing: tuple[str, ...], note: str) -> None:
    (seen,) = judge(GOAL, {GOAL.now_key: _evidence("e", [], status, missing)})
    assert seen.kind is ObservationKind.UNKNOWN
    assert seen.value is None
    assert note in seen.note


def test_there_is_an_analyst_for_every_area() -> None:
    assert list(analysts()) == list(Area)
    assert all(a.datasets and a.traps for a in analysts().values())


def test_every_analyst_reads_datasets_of_the_catalog(catalog: Any) -> None:
    assert {d for a in analysts().values() for d in a.datasets} <= set(catalog.datasets)


@pytest.mark.parametrize("kind", [k for k in ObservationKind if k is not ObservationKind.OK])
def test_the_director_calls_who_is_concerned_and_says_why(kind: ObservationKind) -> None:
    called = assign([Observation(kind, "fans", (Area.ENVIRONMENT, Area.GPU))], analysts())
    assert called == {Area.GPU: [f"{kind}: fans"], Area.ENVIRONMENT: [f"{kind}: fans"]}


def test_a_goal_that_is_met_calls_nobody() -> None:
    assert assign([Observation(ObservationKind.OK, "fans", (Area.GPU,))], analysts()) == {}


class _CountingStore:
    def __init__(self) -> None:
        self.ran: list[set[str]] = []

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        self.ran.append(set(plans))
        return {name: _evidence(f"{name}@{at:%H:%M}", []) for name in plans}


@pytest.fixture
def plans() -> dict[str, Plan]:
    plan = Plan.model_validate({"dataset": "syslog", "window": "1h", "measures": {"n": {"agg": "count"}}})
    return {"often": plan, "seldom": plan}


HOURLY = {"seldom": timedelta(hours=1)}


async def test_a_slow_plan_runs_at_its_cadence_and_its_evidence_stands_between(plans: dict[str, Plan], t0: datetime) -> None:
    store, shelf = _CountingStore(), Shelf()
    got = {}
    for quarter in range(6):
        at = t0 + timedelta(minutes=15 * quarter)
        got = await retrieve(store, plans, HOURLY.get, shelf, at)  # type: ignore[arg-type]
    assert ["seldom" in ran for ran in store.ran] == [True, False, False, False, True, False]
    assert got["seldom"].id == "seldom@04:00"
    assert got["often"].id == "often@04:15"


async def test_a_clock_set_back_runs_the_slow_plan_again(plans: dict[str, Plan], t0: datetime) -> None:
    store, shelf = _CountingStore(), Shelf(eventful=frozenset({"syslog"}))
    for at in (t0, t0 - timedelta(days=1)):
        await retrieve(store, plans, HOURLY.get, shelf, at)  # type: ignore[arg-type]
    assert all(ran == {"often", "seldom"} for ran in store.ran)


async def test_evidence_over_events_stands_until_one_arrives_or_half_an_hour_passed(plans: dict[str, Plan], t0: datetime) -> None:
    store, shelf = _CountingStore(), Shelf(eventful=frozenset({"syslog"}))
    for minute, arrived in ((0, True), (15, False), (25, True), (40, False), (56, False)):
        at = t0 + timedelta(minutes=minute)
        shelf.note(["syslog"] if arrived else [], at)
        await retrieve(store, {"often": plans["often"]}, HOURLY.get, shelf, at)  # type: ignore[arg-type]
    assert len(store.ran) == 3


async def test_metrics_are_always_read_again(plans: dict[str, Plan], t0: datetime) -> None:
    store, shelf = _CountingStore(), Shelf()
    for minute in (0, 15):
        await retrieve(store, {"often": plans["often"]}, HOURLY.get, shelf, t0 + timedelta(minutes=minute))  # type: ignore[arg-type]
    assert len(store.ran) == 2


@pytest.fixture
def catalog() -> Any:
    from pathlib import Path

    from llo11ypop.catalog import load_catalog

    return load_catalog(Path(__file__).parents[3] / "config")
