from collections import Counter
from functools import cache

import numpy as np
import pytest

from llo11ypop.simulator.incidents.rates import DAY_S, Draws, draw_incidents
from llo11ypop.simulator.incidents.schedule import QUIET_HEAD_S, QUIET_TAIL_S, populate
from llo11ypop.simulator.shape import WEAK_BATCH, FleetShape, build_shape
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World
from tests.unit.simulator.incident_worlds import small_world

DAYS = 348.0


@cache
def real_size() -> FleetShape:
    return build_shape(3200, np.random.default_rng(0))


@cache
def drawn(seed: int) -> Draws:
    return draw_incidents(real_size(), DAYS, 1.0, np.random.default_rng(seed))


@cache
def populated(seed: int, **more: bool) -> tuple[World, list[Truth]]:
    spec = SimulationSpec()
    world = small_world(seed=seed, gpus=512, days=21, acceleration=spec.acceleration, events_only=True, **more)
    return world, populate(world)  # without grids: only the times and places of incidents are looked at


def median_over_seeds(figure: "object") -> float:
    return float(np.median([figure(drawn(seed)) for seed in range(5)]))  # type: ignore[operator]


def repeats(draws: Draws) -> float:
    end = draws.start_s + draws.repair_s
    hits = [
        bool(((draws.node == n) & (draws.start_s > e) & (draws.start_s <= e + 7 * DAY_S)).any())
        for n, e in zip(draws.node, end, strict=True)
    ]
    return float(np.mean(hits))


def top_tenth(draws: Draws) -> float:
    counts = np.sort(np.bincount(draws.node, minlength=400))[::-1]
    return float(counts[:40].sum() / counts.sum())


def unevenness(draws: Draws) -> float:
    gaps = np.diff(draws.start_s)
    return float(gaps.std() / gaps.mean())


def available(draws: Draws) -> float:
    away = np.zeros(400)
    for node in range(400):
        last = 0.0
        for i in np.flatnonzero(draws.node == node):
            a, b = max(draws.start_s[i], last), min(draws.start_s[i] + draws.down_s[i], DAYS * DAY_S)
            away[node] += max(0.0, b - a)
            last = max(last, b)
    return float(1 - away.sum() / (400 * DAYS * DAY_S))


@pytest.mark.parametrize(
    ("figure", "low", "high"),
    [(repeats, 0.20, 0.40), (top_tenth, 0.30, 0.50), (unevenness, 1.4, 2.2), (available, 0.965, 0.995), (len, 450, 950)],
)
def test_drawn_faults_are_like_those_of_the_published_trace(figure: object, low: float, high: float) -> None:
    assert low <= median_over_seeds(figure) <= high


def test_about_four_in_ten_nodes_never_fail() -> None:
    assert median_over_seeds(lambda d: np.mean(np.bincount(d.node, minlength=400) == 0)) == pytest.approx(0.42, abs=0.1)


def test_a_weak_batch_fails_far_more_often_in_memory() -> None:
    shape = real_size()
    weak = np.array([n.batch == WEAK_BATCH for n in shape.nodes])
    hit = np.zeros(400)
    for seed in range(5):
        draws = drawn(seed)
        memory = np.array([draws.mode(i) in ("F2", "F3", "F4", "F5", "F6") for i in range(len(draws))])
        hit += np.bincount(draws.node[memory], minlength=400)
    assert hit[weak].mean() > 5 * hit[~weak].mean()


def test_refails_come_after_the_repair_and_mostly_within_a_day() -> None:
    draws = drawn(0)
    again = np.flatnonzero(draws.refail_of >= 0)
    wait = draws.start_s[again] - (draws.start_s + draws.repair_s)[draws.refail_of[again]]
    assert (wait > 0).all()
    assert (wait <= 7 * DAY_S).all()
    assert np.mean(wait < DAY_S) > 0.5
    assert (draws.node[again] == draws.node[draws.refail_of[again]]).all()
    assert (draws.kind[again] == draws.kind[draws.refail_of[again]]).all()


def test_bursts_strike_three_nodes_within_ten_minutes() -> None:
    draws = draw_incidents(real_size(), DAYS, 5.0, np.random.default_rng(1))
    assert draws.burst.max() > 3
    for burst in range(int(draws.burst.max()) + 1):
        mine = draws.burst == burst
        assert mine.sum() >= 3
        assert np.ptp(draws.start_s[mine]) <= 600


def test_drawing_for_a_hundred_thousand_gpus_is_cheap() -> None:
    shape = build_shape(100_000, np.random.default_rng(0))
    draws = draw_incidents(shape, 30.0, 1.0, np.random.default_rng(0))
    assert 800 < len(draws) < 4000


def test_the_default_fleet_has_enough_to_see() -> None:
    _, truths = populated(1)
    tickets = [t for t in truths if t.expected_ticket]
    assert 55 <= len(tickets) <= 95
    assert len({t.cascade for t in truths} - {""}) >= 2
    assert sum(t.is_decoy for t in truths) >= 80
    assert len({t.mode for t in truths if t.is_decoy}) == 18
    assert len({t.incident_id for t in truths}) == len(truths)


def test_a_fault_that_comes_back_elsewhere_is_an_incident_of_its_own() -> None:
    world, truths = populated(33)
    drained = {s.node_id for s in world.node_states if s.reason == "slow GPU, run GEMM test"}
    assert drained <= {n for t in truths if t.mode == "F31" for n in t.entities["node"]}


def test_what_needs_a_ticket_can_be_seen() -> None:
    world = small_world(seed=1, gpus=128, days=7, acceleration=30.0)
    tickets = [t for t in populate(world) if t.expected_ticket]
    assert len(tickets) >= 5
    assert all(t.exported_evidence(world.profile) and t.first_observable for t in tickets)


def test_incidents_keep_clear_of_the_first_day_and_the_last_hours() -> None:
    world, truths = populated(1)
    starts = [(t.start_at - world.start_at).total_seconds() for t in truths if not t.is_decoy]
    assert min(starts) >= QUIET_HEAD_S
    assert max(starts) <= world.duration_s - QUIET_TAIL_S + 3600


def test_one_node_has_one_fault_at_a_time() -> None:
    _, truths = populated(1)
    faults = [
        t
        for t in truths
        if t.expected_ticket and not t.cascade and t.entity_level in ("gpu", "node", "port") and t.mode not in ("F37", "F34")
    ]
    starts = [(t.entities["node"][0], t.start_at) for t in faults]
    close = [
        (a, b) for i, (a, s) in enumerate(starts) for b, r in starts[i + 1 :] if a == b and abs((s - r).total_seconds()) < 7200
    ]
    assert not close


def test_a_quiet_fleet_has_decoys_only() -> None:
    world = small_world(seed=2, gpus=512, days=7, quiet=True, events_only=True)
    truths = populate(world)
    assert truths
    assert {t.expected_ticket for t in truths} == {False}
    assert len(Counter(t.mode for t in truths)) == 18


def test_the_same_seed_gives_the_same_incidents() -> None:
    one, two = (populate(small_world(seed=9, gpus=128, days=7, acceleration=15.0)) for _ in range(2))
    assert one == two


def test_no_acceleration_means_no_incidents_but_decoys() -> None:
    assert not any(t.expected_ticket for t in populate(small_world(seed=9, days=4, acceleration=0.0)))
